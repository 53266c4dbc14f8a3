"""Nobody learns from an answer who has an account, and a guess costs the same whoever it is about."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest_asyncio

from api.portal import Portal
from api.renewal import ANSWER_AFTER
from portal.rules.accounts import Role
from portal.store import Sessions
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import change, count, known, mails_to
from tests.conftest import Servers

WRONG = "ce n'est pas le bon mot de passe"
WRONG_NUMBER = "987654"


@dataclass(frozen=True)
class States:
    """The addresses of six people the portal must not tell apart, all of one length."""

    unknown: str
    unverified: str
    active: str
    without_password: str
    staff: str
    used_up: str

    def all(self) -> dict[str, str]:
        return dict(vars(self))


@pytest_asyncio.fixture
async def states(sessions: Sessions) -> States:
    async with sessions.begin() as session:
        await builders.a_campaign(session)
        staff = await builders.a_staff_account(session, Role.REVIEWER, password_hash=PASSWORD_HASH)
    assert staff.email is not None
    used_up = await known(sessions, password=False)
    await change(sessions, "update account set number_tries = 5 where id = :id", id=used_up.account.id)
    return States(
        unknown=f"x{uuid4().hex[:10]}@exemple.test",
        unverified=(await known(sessions)).email,
        active=(await known(sessions, verified=True)).email,
        without_password=(await known(sessions, password=False)).email,
        staff=staff.email,
        used_up=used_up.email,
    )


Answer = tuple[int, list[tuple[str, str]], str]


async def answers(states: States, ask: Callable[[str], Awaitable[Answer]]) -> dict[str, Answer]:
    return {state: await ask(email) for state, email in states.all().items()}


def assert_all_the_same(found: dict[str, Answer]) -> None:
    for state, answer in found.items():
        assert answer == found["unknown"], f"{state} differs from unknown"


async def test_six_kinds_of_people_get_the_same_bytes_for_a_wrong_pair(
    visit_alone: Visit, states: States, sessions: Sessions
) -> None:
    """T01: status, headers and body, in both languages, for whatever was typed."""
    for language, password in [
        ("fr", WRONG),
        ("en", WRONG),
        ("fr", WRONG_NUMBER),
        ("fr", ""),
        ("en", "x" * 200),
    ]:
        await change(sessions, "delete from attempt")

        async def ask(email: str, language: str = language, password: str = password) -> Answer:
            response = await visit_alone(language).sign_in(email, password)
            return (
                response.status_code,
                sorted(response.headers.items()),
                response.text.replace(email, "(typed)"),
            )

        found = await answers(states, ask)
        assert_all_the_same(found)
        assert found["unknown"][0] == 401


async def test_six_kinds_of_people_are_slowed_down_with_the_same_bytes(visit_alone: Visit, states: States) -> None:
    """T01: the sixth try in a row is refused alike, known or not."""

    async def ask(email: str) -> Answer:
        person = visit_alone()
        for _ in range(6):
            response = await person.sign_in(email, WRONG)
        return response.status_code, sorted(response.headers.items()), response.text.replace(email, "(typed)")

    found = await answers(states, ask)
    assert_all_the_same(found)
    assert found["unknown"][0] == 429


async def test_six_kinds_of_people_get_the_same_bytes_for_a_new_password_and_only_owners_get_a_mail(
    visit: Visit, states: States, sessions: Sessions, servers: Servers
) -> None:
    """T01, T02, T114: the fourth time within the hour too, when no more mail leaves."""

    async def ask(email: str) -> Answer:
        person = visit()
        for _ in range(4):
            await person.get("/fr/mot-de-passe/renouveler")
            response = await person.submit("mot-de-passe/renouveler", email=email)
        return response.status_code, sorted(response.headers.items()), response.text

    clock = asyncio.get_running_loop().time
    began = clock()
    found = await answers(states, ask)
    assert clock() - began >= 6 * 4 * ANSWER_AFTER, "the same time for all, longer than the work takes"
    assert_all_the_same(found)
    assert found["unknown"][0] == 200
    assert "Si cette adresse" in found["unknown"][2]
    await mails_to(servers, states.active, "Renouvelez", at_least=3)
    assert await count(sessions, "select count(*) from link") == 5 * 3
    assert await count(sessions, "select count(*) from outbox") == 5 * 3
    assert servers.mailbox.messages(to=states.unknown) == []


async def test_a_guess_costs_exactly_one_hash_whoever_it_is_about(visit: Visit, states: States, portal: Portal) -> None:
    """T02: counted, not timed; a password and a member number alike."""
    for password in (WRONG, WRONG_NUMBER):
        for state, email in states.all().items():
            before = portal.passwords.calls
            await visit().sign_in(email, password)
            assert portal.passwords.calls == before + 1, state
    before = portal.passwords.calls
    person = visit()
    await person.sign_in(states.active, PASSWORD)
    assert person.page.h1 == ["Portail des membres – page d'accueil"]
    assert portal.passwords.calls == before + 1, "the right password costs the same"


async def test_an_address_that_is_two_addresses_is_nobodys_and_no_mail_leaves(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T112: `known@…, evil@…` is not the known one."""
    who = await known(sessions)
    for typed in (
        f"{who.email}, evil@exemple.test",
        f"{who.email},evil@exemple.test",
        f"{who.email};evil@exemple.test",
        f"{who.email}\r\nBcc: evil@exemple.test",
        f"<{who.email}>",
        f"{who.email} ",
    ):
        person = visit()
        await person.post("/fr/mot-de-passe/renouveler", {"email": typed})
        assert person.response.status_code == 200
    # The last one is only a space too many.
    assert await count(sessions, "select count(*) from outbox") == 1
    await mails_to(servers, who.email, "Renouvelez")
    assert servers.mailbox.messages(to="evil@exemple.test") == []


async def test_an_unreadable_address_is_a_wrong_pair_and_nothing_breaks(visit_alone: Visit) -> None:
    """T01, T113: what the records cannot hold is simply unknown."""
    person = visit_alone()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for typed in ("%ED%A0%80%40exemple.test", "%E2%80%AEmoc%40exemple.test", "%FF%FE", "%C3%A9" * 300):
        await person.post("/fr/connexion", content=f"email={typed}&password=quelque+chose", headers=form)
        assert person.response.status_code == 401, typed
        await person.post("/fr/mot-de-passe/renouveler", content=f"email={typed}", headers=form)
        assert person.response.status_code == 200, typed
    for page in ("/fr/connexion", "/fr/mot-de-passe/renouveler"):
        await person.post(page, content="email=a%00b%40exemple.test", headers=form)
        assert person.response.status_code == 422


async def test_an_address_of_the_roll_that_is_two_addresses_gets_no_mail_and_stops_nobody_elses(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T112: a slip in the roll reaches neither address, and the mails behind it still leave."""
    slip = await known(sessions, email="a@exemple.test, evil@exemple.test")
    who = await known(sessions)
    for email in (slip.email, who.email):
        await visit().post("/fr/mot-de-passe/renouveler", {"email": email})
    await mails_to(servers, who.email, "Renouvelez")
    for address in ("a@exemple.test", "evil@exemple.test"):
        assert servers.mailbox.messages(to=address) == []
