"""What operators watch: mails that came back, cases that wait, pictures to erase, doors slowed down, votes on paper."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, or_, select, true

from portal.rules.accounts import NUMBER_FAILURES_AN_HOUR, delay_after
from portal.rules.forecast import Flow
from portal.rules.identity import OVER
from portal.store import Session, decisions
from portal.store.accounts import Account, Attempt
from portal.store.campaigns import REHEARSALS
from portal.store.identity import Claim, Decision, Submission
from portal.store.journal import Entry
from portal.store.mail import Mail
from portal.store.members import Member
from portal.store.operations import WHO, Line, Statement, lines
from portal.store.paper import PaperVoter

_NOW = func.statement_timestamp()
DAY = timedelta(days=1)

# --- the queue of the reviewers ----------------------------------------------------------------------------------

_UNDECIDED = decisions.undecided()


async def flow(session: Session, campaign_id: UUID) -> Flow:
    """What the forecast goes by, in one statement."""
    mine = Submission.campaign_id == campaign_id
    decided = (
        select(
            func.count().filter(Decision.decided_at > _NOW - DAY).label("day"),
            func.count().label("week"),
        )
        .join(Submission, Submission.id == Decision.submission_id)
        .where(mine, Decision.decided_at > _NOW - 7 * DAY, Decision.undone_at.is_(None))
        .subquery("decided")
    )
    arrived = (
        select(
            func.count().filter(Submission.submitted_at > _NOW - DAY).label("day"),
            func.count().label("week"),
        )
        .where(mine, Submission.submitted_at > _NOW - 7 * DAY)
        .subquery("arrived")
    )
    waiting = select(func.count().label("all")).select_from(Submission).where(mine, _UNDECIDED).subquery("waiting")
    found = select(waiting.c.all, decided.c.day, decided.c.week, arrived.c.day, arrived.c.week)
    row = (await session.execute(found.join_from(waiting, decided, true()).join(arrived, true()))).one()
    return Flow(*row)


@dataclass(frozen=True, slots=True)
class Listed:
    """A list in three questions: how many, a page of it, and its rest after a line."""

    statement: Statement
    order: tuple[Any, ...]

    async def count(self, session: Session) -> int:
        return await session.scalar(select(func.count()).select_from(self.statement.subquery())) or 0

    async def page(self, session: Session, *, most: int, skipped: int) -> list[Line]:
        statement = self.statement.order_by(*self.order).limit(most).offset(skipped)
        return lines((await session.execute(statement)).all())


def cases(campaign_id: UUID) -> Listed:
    """Cases under review, the oldest first; with the lease of whoever has one open, and its end."""
    open_claims = select(Claim.submission_id, Claim.id, Claim.expires_at).where(decisions.open_claim()).subquery("held")
    statement = (
        select(*WHO, literal("review"), Submission.submitted_at, open_claims.c.expires_at, open_claims.c.id)
        .join(Member, Member.id == Submission.member_id)
        .outerjoin(open_claims, open_claims.c.submission_id == Submission.id)
        .where(Submission.campaign_id == campaign_id, _UNDECIDED)
    )
    return Listed(statement, (Submission.submitted_at, Submission.id))


async def second_looks(session: Session) -> list[Line]:
    """Cases that have waited for somebody else than who has looked already, the longest wait first."""
    waiting = await decisions.waiting_for_another(session)
    rows = await session.execute(select(*WHO).where(Member.id.in_({one.member_id for one in waiting})))
    who = {line.member_id: line for line in lines(rows.all())}
    return [
        replace(
            who[one.member_id], what="appeal" if one.appeal else "opinion" if one.opinions else "known",
            since=one.since, subject_id=one.submission_id,
        )
        for one in waiting
    ]  # fmt: skip


def undeleted() -> Listed:
    """Pictures that are needed no more and not certified gone, whichever their campaign."""
    statement = (
        select(*WHO, Submission.status, Submission.over_at, literal(None), Submission.id)
        .join(Member, Member.id == Submission.member_id)
        .where(Submission.status.in_([s.value for s in OVER]), Submission.erased_at.is_(None))
    )
    return Listed(statement, (Submission.over_at, Submission.id))


def kept() -> Listed:
    """Pictures that are there at this moment, whatever for, the oldest first: all that the public counter counts."""
    statement = (
        select(*WHO, Submission.status, Submission.staged_at, literal(None), Submission.id)
        .join(Member, Member.id == Submission.member_id)
        .where(Submission.erased_at.is_(None), Submission.campaign_id.not_in(REHEARSALS))
    )
    return Listed(statement, (Submission.staged_at, Submission.id))


@dataclass(frozen=True, slots=True)
class Overdue:
    """The submission that has waited longest for its erasure."""

    id: UUID
    member_id: UUID
    campaign_id: UUID
    over_at: datetime


async def oldest_undeleted(session: Session) -> Overdue | None:
    row = (
        await session.execute(
            select(Submission.id, Submission.member_id, Submission.campaign_id, Submission.over_at)
            .where(Submission.status.in_([s.value for s in OVER]), Submission.erased_at.is_(None))
            .order_by(Submission.over_at, Submission.id)
            .limit(1)
        )
    ).one_or_none()
    return None if row is None or row.over_at is None else Overdue(row.id, row.member_id, row.campaign_id, row.over_at)


def on_paper(campaign_id: UUID) -> Listed:
    statement = (
        select(*WHO, PaperVoter.reason, PaperVoter.at, literal(None), PaperVoter.id)
        .join(Member, Member.id == PaperVoter.member_id)
        .where(PaperVoter.campaign_id == campaign_id, PaperVoter.withdrawn_at.is_(None))
    )
    return Listed(statement, (PaperVoter.at, PaperVoter.id))


# --- mails -------------------------------------------------------------------------------------------------------


_TO_SEND = (Mail.sent_at.is_(None), Mail.cancelled_at.is_(None), Mail.failed_at.is_(None))


def failed(campaign_id: UUID) -> Listed:
    """Mails that could not be delivered, the newest first; of this campaign or of none."""
    who = [func.coalesce(column, "") for column in WHO[1:]]
    statement = (
        select(Member.id, *who, Mail.kind + literal(" ") + func.coalesce(Mail.last_error, ""), Mail.failed_at,
               literal(None), Mail.id)
        .outerjoin(Account, Account.id == Mail.account_id)
        .outerjoin(Member, Member.id == Account.member_id)
        .where(Mail.failed_at.is_not(None), or_(Mail.campaign_id == campaign_id, Mail.campaign_id.is_(None)))
    )  # fmt: skip
    return Listed(statement, (Mail.failed_at.desc(), Mail.id))


def unsent() -> Listed:
    """Mails that are to leave, now or later, the first due first: all that `post` counts."""
    who = [func.coalesce(column, "") for column in WHO[1:]]
    statement = (
        select(Member.id, *who, func.concat_ws(" ", Mail.kind, Mail.last_error), Mail.due_at, literal(None), Mail.id)
        .outerjoin(Account, Account.id == Mail.account_id)
        .outerjoin(Member, Member.id == Account.member_id)
        .where(*_TO_SEND)
    )  # fmt: skip
    return Listed(statement, (Mail.due_at, Mail.id))


@dataclass(frozen=True, slots=True)
class Post:
    """How the mails are doing, from two small indexes."""

    waiting: int
    oldest_due: datetime | None
    failed: int
    failed_last_hour: int


async def post(session: Session) -> Post:
    waiting = (
        select(func.count().label("all"), func.min(Mail.due_at).label("oldest")).where(*_TO_SEND).subquery("waiting")
    )
    lost = (
        select(
            func.count().label("all"),
            func.count().filter(Mail.failed_at > _NOW - timedelta(hours=1)).label("hour"),
        )
        .where(Mail.failed_at.is_not(None), or_(Mail.campaign_id.is_(None), Mail.campaign_id.not_in(REHEARSALS)))
        .subquery("lost")
    )
    found = select(waiting.c.all, waiting.c.oldest, lost.c.all, lost.c.hour).join_from(waiting, lost, true())
    return Post(*(await session.execute(found)).one())


# --- doors slowed down -------------------------------------------------------------------------------------------


async def slowed_down(session: Session, key_of: Callable[[str], str]) -> list[Line]:
    """Accounts whose sign-in waits right now, the one that waits longest first.

    The counters name nobody: a key is computed for each address that was refused in the last day, and looked up.
    """
    tried = (
        select(Entry.subject_id)
        .where(Entry.action == "sign-in-refused", Entry.at > _NOW - DAY, Entry.subject_id.is_not(None))
        .distinct()
    )
    rows = await session.execute(
        select(Account.email, *WHO)
        .outerjoin(Member, Member.id == Account.member_id)
        .where(Account.id.in_(tried), Account.email.is_not(None))
    )
    by_key: dict[str, list[Any]] = {key_of(str(email)): who for email, *who in rows}
    counted = await session.execute(
        select(Attempt.key, Attempt.count, Attempt.last_at, _NOW).where(Attempt.key.in_(list(by_key)))
    )
    found = []
    for key, count, last_at, now in counted:
        until = last_at + delay_after(count)
        if until > now:
            member_id, *said = by_key[key]
            number, given, family, group, language = (word or "" for word in said)
            found.append(Line(member_id, number, given, family, group, language, str(count), last_at, until))
    return sorted(found, key=lambda line: (line.until or line.since, line.number), reverse=True)


async def number_path_closed(session: Session, key: str) -> bool:
    """Whether so many member numbers were guessed in the last hour that this way in is closed (T05)."""
    count = await session.scalar(
        select(Attempt.count).where(Attempt.key == key, Attempt.since + timedelta(hours=1) > _NOW)
    )
    return (count or 0) >= NUMBER_FAILURES_AN_HOUR


async def late_cases(session: Session, campaign_id: UUID, *, after: timedelta) -> int:
    return (
        await session.scalar(
            select(func.count())
            .select_from(Submission)
            .where(Submission.campaign_id == campaign_id, _UNDECIDED, Submission.submitted_at < _NOW - after)
        )
        or 0
    )
