"""`python -m portal review`, as a reviewer types it: the same refusals as the pages, and a code of their own."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from portal.rules.accounts import Role
from portal.rules.decisions import Deciding
from portal.rules.identity import Reason, Verdict
from portal.rules.refusals import Refusal
from portal.settings import Settings
from portal.store import Sessions, accounts, decisions, factors, review, staff
from portal.store.members import Member
from portal.store.staff import Act
from tests import builders
from tests.api.looking import count, later
from tests.conftest import ORIGIN, SECRET
from tests.store.cases import a_submission

Typed = Callable[..., tuple[int, str]]
CODE = "select count(*) from journal where action = :action and code = :code"


@dataclass(frozen=True, slots=True)
class Reviewer:
    id: UUID
    email: str
    shared: str

    def code(self, steps: int = 0) -> str:
        return factors.code_at(self.shared, datetime.now(UTC) + timedelta(seconds=30 * steps))


@pytest.fixture
def typed(api_settings: Settings, tmp_path: Path) -> Typed:
    """Type a command and a code, as whoever the pages are served by: how it ended, and what it said."""
    told = {
        "ORIGIN": ORIGIN, "DATABASE_URL": api_settings.database_url.get_secret_value(), "SECRET": SECRET,
        "KEY_FOLDER": str(tmp_path), "S3_ACCESS_KEY": "x", "S3_SECRET_KEY": "x",
    }  # fmt: skip
    env = {**os.environ, **{f"PORTAL_{name}": value for name, value in told.items()}}

    def run(code: str, *words: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "portal", "review", *words], env=env, input=f"{code}\n", capture_output=True,
            text=True,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout.strip()

    return run


async def a_reviewer(sessions: Sessions, *roles: Role, member: Member | None = None) -> Reviewer:
    async with sessions.begin() as session:
        account = None if member is None else await accounts.of_member(session, member.id)
        if account is None:
            account = await builders.a_staff_account(session, *(roles or (Role.REVIEWER,)))
        else:
            await builders.a_role(session, account.id, Role.REVIEWER)
        shared = await builders.an_authenticator(session, account.id, secret=SECRET.encode())
        return Reviewer(account.id, str(account.email), shared)


async def a_case(sessions: Sessions) -> Member:
    async with sessions.begin() as session:
        campaign, member = await builders.a_campaign(session), await builders.a_member(session)
        await a_submission(session, campaign, member)
        return member


def approve(member: Member, who: Reviewer) -> tuple[str, ...]:
    return ("approve", member.number, "--as", who.email, "--seen-in-person")


async def test_an_approval_from_a_shell_is_an_opinion_like_any_other(typed: Typed, sessions: Sessions) -> None:
    """T69: under a code of their own, which serves once; and nothing that is said names anybody."""
    member, who = await a_case(sessions), await a_reviewer(sessions)
    code = who.code()
    status, said = typed(code, *approve(member, who))
    assert status == 0, said
    assert said.startswith("review: approve given; it takes effect at ")
    for words in (member.number, member.family_name, who.email):
        assert words not in said
    opinions = "select count(*) from opinion o join claim c on c.id = o.claim_id where o.verdict = 'approve'"
    assert await count(sessions, opinions + " and o.undo_until > clock_timestamp() + interval '20 s'") == 1
    assert await count(sessions, CODE, action="case-opened", code="shell") == 1
    assert await count(sessions, CODE, action="opinion-from-shell", code="seen-in-person") == 1
    other = await a_case(sessions)
    status, said = typed(code, *approve(other, who))
    assert (status, said.split(":")[1]) == (1, " refused, factor-code-wrong")
    assert await count(sessions, CODE, action="factor-refused", code="shell:factor-code-wrong") == 1
    assert await count(sessions, "select count(*) from attempt") == 1, "it counts, although nothing else was done"
    assert await count(sessions, "select count(*) from claim") == 1


async def test_what_is_asked_for_is_a_better_photo_and_its_reason(typed: Typed, sessions: Sessions) -> None:
    member, who = await a_case(sessions), await a_reviewer(sessions)
    assert typed("", "approve", member.number, "--as", who.email)[0] == 2, "no picture was seen"
    assert typed("", "reject", member.number, "--as", who.email)[0] == 2
    assert typed("", "reject", member.number, "--as", who.email, "--reason", "other")[0] == 2
    assert typed(who.code(), "reject", member.number, "--as", who.email, "--reason", "unreadable")[0] == 0
    assert await count(sessions, "select count(*) from opinion where reason = 'unreadable'") == 1
    assert await count(sessions, CODE, action="opinion-from-shell", code="shell") == 1


async def test_a_shell_opens_no_case_that_the_page_would_not(typed: Typed, sessions: Sessions) -> None:
    """T48, T62: one's own, a colleague's, one looked at before, one decided, or a second one at a time."""

    async def refused(member: Member | str, who: Reviewer) -> str:
        number = member if isinstance(member, str) else member.number
        async with sessions.begin() as session:
            await session.execute(text("update authenticator set last_step = null"))
        status, said = typed(who.code(), "approve", number, "--as", who.email, "--seen-in-person")
        assert status == 1, said
        return said.removeprefix("review: refused, ").partition(":")[0]

    member, who = await a_case(sessions), await a_reviewer(sessions)
    assert await refused("999999", who) == Refusal.MEMBER_UNKNOWN
    assert await refused(member, await a_reviewer(sessions, Role.OPERATOR)) == Refusal.NOT_ALLOWED
    assert await refused(member, await a_reviewer(sessions, member=member)) == Refusal.OWN_FILE
    async with sessions.begin() as session:
        nothing = await builders.a_member(session)
        colleague = await builders.a_staff_account(session, Role.REVIEWER)
        claim = await review.claim_next(session, colleague.id)
        assert claim is not None
    assert await refused(nothing, who) == Refusal.NO_CASE
    assert await refused(member, who) == Refusal.CASE_HELD
    async with sessions.begin() as session:
        given = await decisions.give(
            session, claim_id=claim.id, reviewer_id=colleague.id, verdict=Verdict.REFUSE, reason=Reason.UNREADABLE,
            note_fr="", note_en="", deciding=Deciding(b"key", undo_for=timedelta(minutes=5)),
        )  # fmt: skip
        assert not isinstance(given, Refusal)
    assert await refused(member, who) == Refusal.CASE_HELD, "it may still be taken back"
    other = await a_case(sessions)
    async with sessions.begin() as session:
        assert await review.claim_next(session, who.id) is not None
    await later(sessions, "opinion", timedelta(minutes=6), "undo_until")
    assert await refused(member, who) == Refusal.ONE_CASE_AT_A_TIME
    status, _ = typed(who.code(1), *approve(other, who))
    assert status == 0, "their own open case may be decided here"
    again = await a_reviewer(sessions)
    async with sessions.begin() as session:
        await session.execute(text("update opinion set reviewer_id = :id where verdict = 'refuse'"), {"id": again.id})
    assert await refused(member, again) == Refusal.ANOTHER_REVIEWER_NEEDED
    async with sessions.begin() as session:
        await builders.a_staff_account(session, Role.OFFICER)
        await staff.act(session, Act.SUSPEND, actor_id=None, account_id=who.id)
    assert await refused(member, who) == Refusal.STAFF_SUSPENDED
