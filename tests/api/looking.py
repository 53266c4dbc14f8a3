"""What tests of the pages look at: every row, every route, the mail that came; and time, moved on."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi.routing import APIRoute
from sqlalchemy import text

from api.app import PAGES
from api.pages import NOTICES
from deploy import next_campaign
from deploy.specimens import specimen_card
from portal.rules.accounts import Role
from portal.rules.campaign_changes import ChangeKind
from portal.rules.refusals import Refusal
from portal.store import Session, Sessions, accounts, campaign_changes
from portal.store.accounts import Account
from portal.store.base import Base
from portal.store.members import Member
from portal.text import gettext, say
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.person import Person
from tests.conftest import ORIGIN, Servers
from tests.roll_files import a_roll_draft, line, written

# What looking around may change: who was seen when, and the trail of pictures looked at.
LOOKED = {"sign_in": "seen_at"}


async def everything(sessions: Sessions, *, but: tuple[str, ...] = ("journal",)) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table."""
    found: dict[str, list[dict[str, Any]]] = {}
    async with sessions.begin() as session:
        for table in Base.metadata.sorted_tables:
            # The chain is made beside the pages, whenever it suits the worker.
            if table.name not in (*but, "journal_link"):
                rows = await session.scalars(text(f'select to_jsonb(t) from "{table.name}" t order by t::text'))
                found[table.name] = [{k: v for k, v in row.items() if k != LOOKED.get(table.name)} for row in rows]
    return found


async def count(sessions: Sessions, statement: str, **values: object) -> int:
    async with sessions.begin() as session:
        return int(await session.scalar(text(statement), values))


async def change(sessions: Sessions, statement: str, **values: object) -> None:
    async with sessions.begin() as session:
        await session.execute(text(statement), values)


async def later(sessions: Sessions, table: str, period: timedelta, *columns: str) -> None:
    """As if so much time had passed since every row of a table was written."""
    moved = ", ".join(f"{column} = {column} - cast(:period as interval)" for column in columns)
    await change(sessions, f"update {table} set {moved}", period=period)


async def tries_forgotten_by(sessions: Sessions, period: timedelta) -> None:
    await later(sessions, "attempt", period, "since", "last_at")


def routes() -> Iterator[APIRoute]:
    """Every page of the portal, in both languages."""
    found = [route for router in PAGES for route in router.routes if isinstance(route, APIRoute)]
    assert len(found) > 50, "the pages were not found"
    yield from found


async def until(look: Callable[[], Awaitable[bool]], within: float = 15.0) -> None:
    """Wait for something that happens by itself."""
    end = asyncio.get_running_loop().time() + within
    while not await look():
        assert asyncio.get_running_loop().time() < end, "it never happened"
        await asyncio.sleep(0.05)


async def mails_to(servers: Servers, email: str, subject: str, at_least: int = 1) -> list[str]:
    """The texts of so many mails, oldest first."""
    found: list[str] = []

    async def arrived() -> bool:
        # The mailbox is asked over HTTP, which waits: not in the way of the worker that is to send.
        messages = await asyncio.to_thread(servers.mailbox.messages, to=email)
        found[:] = [str(m["text"]) for m in messages if subject in str(m["subject"])]
        return len(found) >= at_least

    await until(arrived)
    return found


def link_in(mail: str) -> str:
    """The address of the mail's link, below our origin."""
    found = re.search(re.escape(ORIGIN) + r"(/\S+\?\S+)", mail)
    assert found is not None, mail
    return found.group(1)


def code_in(mail: str) -> str:
    found = re.search(r"\b\d{3}\s\d{3}\b", mail)
    assert found is not None, mail
    return found.group(0)


@dataclass(frozen=True)
class Known:
    """Somebody on the roll, with the address they sign in with."""

    member: Member
    account: Account

    @property
    def email(self) -> str:
        assert self.account.email is not None
        return self.account.email


async def known(
    sessions: Sessions, *, password: bool = True, password_set_at: datetime | None = None, **more: Any
) -> Known:
    """A person on the roll, with the password of the tests or with the member number only."""
    async with sessions.begin() as session:
        member = await builders.a_member(
            session,
            password_hash=PASSWORD_HASH if password else None,
            password_set_at=password_set_at,
            **more,
        )
        account = await accounts.of_member(session, member.id)
    assert account is not None
    return Known(member, account)


async def signed_in(sessions: Sessions, visit: Visit, language: str = "fr", **more: Any) -> tuple[Person, Known]:
    """A member at the portal's home."""
    who = await known(sessions, **more)
    person = visit(language)
    await person.sign_in(who.email, PASSWORD)
    assert person.response.status_code == 200, person.page.text
    return person, who


async def activating(sessions: Sessions, visit: Visit, **more: Any) -> tuple[Person, Known]:
    """A member who came in with the member number."""
    who = await known(sessions, password=False, **more)
    person = visit()
    await person.sign_in(who.email, who.member.number)
    assert person.page.h1 == ["Première entrée"], person.page.text
    return person, who


def says(person: Person, refusal: Refusal) -> bool:
    """Whether the page at hand says this refusal, in its language."""
    return _plain(say(refusal, person.page.lang[:2])) in _plain(person.page.text)


def notices(person: Person, code: str) -> bool:
    """Whether the page at hand says what was just done."""
    return _plain(gettext(person.page.lang[:2])(NOTICES[code])) in _plain(person.page.text)


def _plain(words: str) -> str:
    return " ".join(words.split())


def token_of(person: Person) -> str:
    """The value of the session's cookie."""
    value = person.client.cookies.get("__Host-session")
    assert value
    return value


@dataclass(frozen=True)
class World:
    """Somebody of every kind, signed in, and the addresses of what they have before them."""

    people: dict[str, Person]
    where: dict[str, str]
    member: Known

    def address(self, route: APIRoute) -> str:
        return route.path.format(**self.where)


async def a_draft(session: Session, officer_id: UUID) -> tuple[UUID, UUID, UUID]:
    """A campaign being prepared, one of its questions, and a proposal; under the code that a vote has as well."""
    draft, ballots, candidates = next_campaign.a_draft(datetime.now(UTC), ZoneInfo("America/Toronto"))
    draft.code = "financial-statements"
    for rows in ([draft], ballots, candidates):
        session.add_all(rows)
        await session.flush()
    change_id = await campaign_changes.propose(
        session, draft.id, ChangeKind.OPEN, by=officer_id, wanted={}, reason=None
    )
    return draft.id, ballots[0].id, change_id


async def a_world(sessions: Sessions, visit: Visit, **more: Any) -> World:
    """A member whose document is under review, its reviewer, an operator, a newcomer and a stranger."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        staff = [
            await builders.a_staff_account(session, role, password_hash=PASSWORD_HASH)
            for role in (Role.REVIEWER, Role.OPERATOR, Role.OFFICER)
        ]
        _, ballot_id, change_id = await a_draft(session, staff[2].id)
    member, who = await signed_in(sessions, visit, verified=True, **more)
    newcomer, _ = await activating(sessions, visit, **more)
    people = {"stranger": visit(), "newcomer": newcomer, "member": member}
    await member.get("/fr/profil/identite")
    picture = ("permis.jpg", specimen_card(), "image/jpeg")
    await member.send_documents({"file1": picture}, kind1="driving-licence")
    assert await count(sessions, "select count(*) from submission where status = 'submitted'") == 1, member.page.text
    # Another picture, looked at and not sent yet.
    await member.get("/fr/profil/identite")
    await member.submit("/profil/identite", kind1="driving-licence", files={"file1": picture})
    draft = str(member.response.url).rpartition("/")[2]
    for name, account in zip(("reviewer", "operator", "officer"), staff, strict=True):
        assert account.email
        people[name] = visit()
        await people[name].sign_in(account.email, PASSWORD)
    await people["reviewer"].submit("/examen")
    claim = str(people["reviewer"].response.url).rpartition("/")[2]
    async with sessions.begin() as session:
        document = await session.scalar(
            text("select d.id from document d join submission s on s.id = submission_id where status = 'submitted'")
        )
        mail = await session.scalar(text("select id from outbox where kind = 'documents-received'"))
        asked = await builders.a_request(session)
        # Its workflow has heard of it: the relay has nothing to do.
        await session.execute(text("update door_request set taken_up_at = clock_timestamp()"))
    draft_of_roll = await a_roll_draft(sessions, written([line()]))
    # What the relay does by itself must not look like somebody's doing.
    await until(lambda: _all_sent(sessions))
    assert campaign.code
    where = {
        "code": "financial-statements", "document_id": str(document), "claim_id": claim, "submission_id": draft,
        "mail_id": str(mail), "request_id": str(asked.id), "ballot_id": str(ballot_id), "change_id": str(change_id),
        "import_id": str(draft_of_roll), "account_id": str(staff[0].id),
        "listed": "members", "member_id": str(who.member.id), "campaign": campaign.code,
    }  # fmt: skip
    return World(people, where, who)


async def _all_sent(sessions: Sessions) -> bool:
    return not await count(sessions, "select count(*) from outbox where sent_at is null")


def takes(route: APIRoute, method: str) -> bool:
    return method in (route.methods or ())


def name_of(route: APIRoute) -> str:
    """The name of a page without its language."""
    return route.name.rpartition(".")[0] or route.name
