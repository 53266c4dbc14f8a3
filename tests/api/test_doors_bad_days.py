"""The doors with Temporal or the worker away: every form is taken, and what was lost is delivered again."""

import time
from datetime import timedelta

from temporalio.client import Client

from portal.rules.accounts import Role
from portal.settings import Settings
from portal.store import Sessions
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import count, known, later, link_in, mails_to, notices, until
from tests.api.test_bad_days_temporal import cut_off, dead_port
from tests.api.test_bad_days_worker import a_worker, lonely, task_queue
from tests.api.test_doors import FRESH, JOIN, REGISTER, an_address, an_application, ask, decide, prove, typed_for
from tests.conftest import Servers

MINUTE = timedelta(minutes=1)

__all__ = ["cut_off", "dead_port", "lonely", "task_queue"]


async def test_a_form_is_taken_while_temporal_is_away_and_its_story_is_told_later(
    cut_off: Visit, client: Client, worker_settings: Settings, task_queue: str, sessions: Sessions, servers: Servers
) -> None:
    """The relay starts the workflow that the page could not, and sends the mail that was written with the form."""
    async with sessions.begin() as session:
        member = await builders.a_member(session, email=None)
    person, email = cut_off(), an_address()
    began = time.monotonic()
    await ask(person, REGISTER, typed_for(member, email))
    assert person.page.h1 == ["Regardez vos courriels"]
    assert time.monotonic() - began < 2, "as quickly as on a good day"
    async with a_worker(client, worker_settings, task_queue, relay=True):
        await prove(person, servers, email)
        # The page could not tell: the relay does, once that is overdue.
        await later(sessions, "door_request", MINUTE, "asked_at", "taken_up_at", "proven_at")
        await mails_to(servers, email, "bien reçu")


async def test_a_decision_is_kept_while_temporal_is_away_and_applied_later(
    cut_off: Visit, client: Client, worker_settings: Settings, task_queue: str, sessions: Sessions, servers: Servers
) -> None:
    async with sessions.begin() as session:
        request = await builders.a_request(session, member=await builders.a_member(session, email=None))
        staff = await builders.a_staff_account(session, Role.OPERATOR, password_hash=PASSWORD_HASH)
    operator = cut_off()
    assert staff.email and request.email
    await operator.sign_in(staff.email, PASSWORD)
    await decide(operator, request.id, "accept")
    assert notices(operator, "decision")
    await later(sessions, "door_request", MINUTE, "decided_at")
    async with a_worker(client, worker_settings, task_queue, relay=True):
        await mails_to(servers, request.email, "est enregistré")


async def test_a_request_that_sleeps_is_woken_once_a_day_and_not_at_every_look(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """Its workflow may have been ended by hand; one that runs reads its row, and is left alone for another day."""
    person, email = visit(), an_address()
    await ask(person, JOIN, an_application(email))
    await mails_to(servers, email, "Confirmez que cette adresse")
    read = "select count(*) from door_request where taken_up_at > clock_timestamp() - interval '1 hour'"

    async def taken_up() -> bool:
        return await count(sessions, read) == 1

    await until(taken_up)
    await later(sessions, "door_request", timedelta(hours=30), "asked_at", "taken_up_at")
    assert not await taken_up()
    await until(taken_up)


async def test_a_new_password_is_told_of_though_nobody_heard_when_it_was_chosen(
    cut_off: Visit, client: Client, worker_settings: Settings, task_queue: str, sessions: Sessions, servers: Servers
) -> None:
    """T18: the mail to the address on file does not depend on a lucky moment."""
    who = await known(sessions)
    person = cut_off()
    await person.get("/fr/mot-de-passe/renouveler")
    await person.submit("mot-de-passe/renouveler", email=who.email)
    async with a_worker(client, worker_settings, task_queue, relay=True):
        await person.get(link_in((await mails_to(servers, who.email, "Renouvelez"))[-1]))
    await person.submit("mot-de-passe/nouveau", password=FRESH, again=FRESH)
    assert person.page.h1 == ["Entrez"]
    await later(sessions, "link", MINUTE, "created_at", "used_at", "taken_up_at")
    async with a_worker(client, worker_settings, task_queue, relay=True):
        await mails_to(servers, who.email, "a été changé")


async def test_without_a_worker_everything_is_taken_and_done_once_one_is_back(
    lonely: Visit, client: Client, worker_settings: Settings, task_queue: str, sessions: Sessions, servers: Servers
) -> None:
    person, email = lonely(), an_address()
    await ask(person, JOIN, an_application(email))
    assert person.page.h1 == ["Regardez vos courriels"]
    assert await count(sessions, "select count(*) from door_request where taken_up_at is null") == 1
    async with a_worker(client, worker_settings, task_queue, relay=True):
        await prove(person, servers, email)
        await mails_to(servers, email, "bien reçu")
