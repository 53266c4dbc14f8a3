"""`python -m portal review approve | reject`: the opinion of a reviewer who stands before the person, not the page.

As a reviewer like any other: never on one's own file, one case at a time, under a lease, counted in the day's most,
in effect after half a minute. Who it is, a one-time code says. Nothing is printed that names anybody.
"""

import argparse
import asyncio
import sys
from dataclasses import dataclass
from getpass import getpass
from typing import Any
from uuid import UUID

from portal.rules.accounts import Role, canonical_email
from portal.rules.identity import Reason, Verdict
from portal.rules.refusals import Refusal, Refused
from portal.settings import Settings
from portal.store import (
    DatabaseUnavailable,
    Session,
    Sessions,
    accounts,
    decisions,
    factors,
    journal,
    open_database,
    review,
    sessions_of,
    staff,
)
from portal.store.decisions import Given
from portal.text.refusals import say

GIVEN, REFUSED, MISUSED, AWAY = 0, 1, 2, 3
SHELL = "shell"
SEEN = "seen-in-person"
# « Other » is written in two languages, which is what the page is for.
REASONS = [reason.value for reason in Reason if reason is not Reason.OTHER]


def add_to(commands: Any) -> None:
    parser = commands.add_parser("review", help="give a reviewer's opinion without the page; asks for a one-time code")
    acts = parser.add_subparsers(dest="verdict", required=True)
    approve = acts.add_parser("approve", help="confirm the identity of somebody whose document was seen in person")
    # No picture is shown in a shell: whoever approves has seen something better.
    approve.add_argument(f"--{SEEN}", action="store_true", required=True, help="the document itself was seen")
    reject = acts.add_parser("reject", help="ask for a better photo")
    reject.add_argument("--reason", required=True, choices=REASONS)
    for act in (approve, reject):
        act.add_argument("number", metavar="MEMBER_NUMBER")
        act.add_argument("--as", dest="email", required=True, metavar="EMAIL", help="whose opinion it is: a reviewer's")
    parser.set_defaults(run=run)
    parser.epilog = f"exit {GIVEN}: given; {REFUSED}: refused; {MISUSED}: not understood; {AWAY}: the records are away"


def run(asked: argparse.Namespace) -> int:
    settings = Settings()
    code = _typed()
    try:
        given = asyncio.run(_given(settings, asked, code))
    except Refused as error:
        print(f"review: refused, {error.refusal.value}: {say(error.refusal, 'en')}")
        return REFUSED
    except DatabaseUnavailable as error:
        print(f"review: nothing was done, the records are away: {type(error).__name__}")
        return AWAY
    print(f"review: {asked.verdict} given; it takes effect at {given.undo_until:%H:%M:%S} UTC")
    return GIVEN


def _typed() -> str:
    """The code of the authenticator: at a keyboard it is not shown, from a program it is one line."""
    return getpass("One-time code: ") if sys.stdin.isatty() else sys.stdin.readline()


@dataclass(frozen=True, slots=True)
class _Wanted:
    number: str
    verdict: Verdict
    reason: Reason | None


async def _given(settings: Settings, asked: argparse.Namespace, code: str) -> Given:
    engine = open_database(settings.database_url.get_secret_value(), pool_size=1)
    sessions = sessions_of(engine)
    verdict = Verdict(asked.verdict)
    reason = None if verdict is Verdict.APPROVE else Reason(asked.reason)
    try:
        reviewer_id = await _reviewer(sessions, asked.email, code, settings.secret.get_secret_value().encode())
        async with sessions.begin() as session:
            return await _give(session, settings, reviewer_id, _Wanted(asked.number.strip(), verdict, reason))
    finally:
        await engine.dispose()


async def _reviewer(sessions: Sessions, email: str, code: str, secret: bytes) -> UUID:
    """Whose code this is. A wrong one counts as at the sign-in, hence it is committed before it is refused."""
    async with sessions.begin() as session:
        account = await accounts.by_email(session, canonical_email(email))
        colleague = None if account is None else await staff.colleague(session, account.id)
        if colleague is None:
            raise Refused(Refusal.NOT_ALLOWED)
        refusal = await factors.try_code(session, colleague.id, code, secret=secret)
        if refusal is not None:
            await journal.write(
                session, "factor-refused", actor="staff", actor_id=colleague.id, code=f"{SHELL}:{refusal.value}"
            )
        elif colleague.suspended_at is not None:
            refusal = Refusal.STAFF_SUSPENDED
        elif Role.REVIEWER not in colleague.roles:
            refusal = Refusal.NOT_ALLOWED
    if refusal is not None:
        raise Refused(refusal)
    return colleague.id


async def _give(session: Session, settings: Settings, reviewer_id: UUID, wanted: _Wanted) -> Given:
    """The lease and the opinion under it, in one transaction: refused, neither was there. The relay delivers it."""
    claim = await review.claim_of(session, reviewer_id, wanted.number, most_a_day=settings.review_most_a_day)
    if isinstance(claim, Refusal):
        raise Refused(claim)
    given = await decisions.give(
        session, claim_id=claim.id, reviewer_id=reviewer_id, verdict=wanted.verdict, reason=wanted.reason, note_fr="",
        note_en="", deciding=settings.deciding,
    )  # fmt: skip
    if isinstance(given, Refusal):
        raise Refused(given)
    await review.note_shell(session, claim, given.submission, SEEN if wanted.verdict is Verdict.APPROVE else SHELL)
    await review.watch(session, reviewer_id)
    return given
