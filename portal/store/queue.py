"""The order of the reviewers' queue, and what its page tells: figures and waiting cases, nobody's name.

A rehearsal takes nobody's place: its cases come after all others, and no figure counts them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Float,
    Interval,
    Select,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    true,
)

from portal.rules.decisions import APPEAL_ANSWERED_WITHIN
from portal.rules.forecast import DAY, WEEK
from portal.rules.identity import UNDECIDED_FOR, SubmissionStatus
from portal.rules.queue import FURTHEST, MANY_IN_AN_HOUR, SOON, Risk
from portal.store import Session, decisions
from portal.store.accounts import Account
from portal.store.campaigns import REHEARSALS, Campaign
from portal.store.identity import Claim, Decision, Recusal, Submission
from portal.store.journal import Entry
from portal.store.members import Member
from portal.store.opinions import Opinion
from portal.store.votes import SETTLED

# The instant of the statement, for what is counted and sorted: an index can be asked for it. Whether a lease runs is
# asked of the running clock (`decisions.open_claim`).
NOW = func.now()
HOUR = timedelta(hours=1)
# What the page lists.
MOST_LISTED = 50
_REVIEWER = bindparam("reviewer", type_=Claim.reviewer_id.type)


def _interval(period: timedelta) -> ColumnElement[timedelta]:
    return literal(period, Interval())


def due() -> ColumnElement[datetime]:
    """When a submission, joined with its campaign, must be decided; `portal/rules/queue.py` says why."""
    settled_by = (
        select(func.min(SETTLED.c.settled_by))
        .where(SETTLED.c.member_id == Submission.member_id, SETTLED.c.campaign_id == Submission.campaign_id)
        .correlate(Submission)
        .scalar_subquery()
    )
    return func.least(
        func.coalesce(settled_by, case((Campaign.closes > NOW, Campaign.closes))),
        case((Submission.appeal_of.is_not(None), Submission.submitted_at + _interval(APPEAL_ANSWERED_WITHIN))),
        Submission.submitted_at + _interval(UNDECIDED_FOR),
    )


def needed(waiting: ColumnElement[int]) -> ColumnElement[timedelta]:
    """How long so many cases take at the pace of the last days (`time_needed` of the rules)."""
    # Those of a rehearsal are work as well, and to look up which they are would cost a fifth of the whole page.
    decided = (
        select(func.count().filter(Decision.decided_at > NOW - _interval(DAY)).label("day"), func.count().label("week"))
        .where(Decision.decided_at > NOW - _interval(WEEK * DAY), Decision.undone_at.is_(None))
        .subquery()
    )
    day, week = cast(decided.c.day, Float), cast(decided.c.week, Float) / WEEK
    pace = func.greatest(1.0, func.least(week, func.greatest(day, week / 2)))
    # Nothing is known of a week without decisions.
    seconds = cast(waiting, Float) * DAY.total_seconds() / pace
    known = select(case((week > 0, func.least(seconds, FURTHEST.total_seconds())), else_=0.0)).scalar_subquery()
    return func.make_interval(0, 0, 0, 0, 0, 0, known, type_=Interval())


def _done(within: timedelta) -> ColumnElement[int]:
    return _opinions(Opinion.given_at > NOW - _interval(within))


def _opinions(*conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return (
        select(func.count())
        .select_from(Opinion)
        .join(Submission, Submission.id == Opinion.submission_id)
        .where(*conditions, Opinion.undone_at.is_(None), real())
        .correlate(None)
        .scalar_subquery()
    )


def real() -> ColumnElement[bool]:
    """Of a submission: it is of no rehearsal."""
    return Submission.campaign_id.not_in(REHEARSALS)


def _waiting() -> ColumnElement[int]:
    return select(func.count()).select_from(Submission).where(decisions.undecided(), real()).scalar_subquery()


def risk(due_at: ColumnElement[datetime], takes: ColumnElement[timedelta]) -> ColumnElement[int]:
    return case(
        (due_at <= NOW + _interval(SOON), Risk.SOON.value),
        (due_at <= NOW + takes, Risk.PACE.value),
        else_=Risk.NONE.value,
    )


def order(reviewer_id: UUID) -> tuple[ColumnElement[object], ...]:
    """First comes what would miss its day, the nearest day first; then second attempts; then age."""
    takes = select(needed(_waiting())).scalar_subquery()
    return _order(
        Campaign.rehearsal, given_back(reviewer_id), risk(due(), takes), due(), Submission.attempt,
        Submission.submitted_at,
    )  # fmt: skip


def _order(
    rehearsal: Any, given_back: Any, how: Any, due_at: Any, attempt: Any, submitted_at: Any
) -> tuple[ColumnElement[object], ...]:
    at_risk = case((how > Risk.NONE.value, due_at), else_=null())
    return rehearsal.asc(), given_back.asc(), how.desc(), at_risk, (attempt == 1).asc(), submitted_at


def given_back(reviewer_id: UUID | ColumnElement[UUID]) -> ColumnElement[bool]:
    """Of a submission: this reviewer gave it back before the time was over, and is handed all others first."""
    early = Claim.returned_at <= Claim.expires_at
    return Submission.id.in_(select(Claim.submission_id).where(Claim.reviewer_id == reviewer_id, early))


def may_take(reviewer_id: UUID | ColumnElement[UUID]) -> ColumnElement[bool]:
    """Of a submission: this reviewer may be handed it; the condition of `decisions.may_take`, put as few small sets.

    Asked of 5,000 cases row by row it would take four times as long. At the instant of the statement: whoever is
    handed a case asks again, of that one and by the running clock.
    """
    own_member = select(Account.member_id).where(Account.id == reviewer_id).scalar_subquery()
    standing = Opinion.undone_at.is_(None)
    theirs = select(Opinion.submission_id).where(Opinion.reviewer_id == reviewer_id, standing)
    fresh = select(Opinion.submission_id).where(Opinion.undo_until > NOW, standing)
    return and_(
        decisions.undecided(),
        Submission.member_id.is_distinct_from(own_member),
        Submission.member_id.not_in(select(Recusal.member_id).where(Recusal.reviewer_id == reviewer_id)),
        Submission.id.not_in(theirs),
        or_(Submission.appeal_of.is_(None), Submission.appeal_of.not_in(theirs)),
        Submission.id.not_in(fresh),
    )


def free() -> ColumnElement[bool]:
    """Of a submission: nobody has it open."""
    return Submission.id.not_in(select(Claim.submission_id).where(Claim.expires_at > NOW, decisions.open_claim()))


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of the queue: what it takes to judge how urgent it is."""

    submitted_at: datetime
    attempt: int
    language: str
    due: datetime
    risk: Risk
    appeal: bool
    rehearsal: bool
    # Who has it open: nobody, the reader or a colleague.
    mine: bool
    held: bool


@dataclass(frozen=True, slots=True)
class Figures:
    """What the queue's page tells before its table."""

    # Opinions of the last hour, by everybody; and one's own of today.
    last_hour: int
    own_today: int
    # Cases that colleagues have open.
    held: int
    # From sending to the decision, of what was decided today.
    median_wait: timedelta | None


@dataclass(frozen=True, slots=True)
class Desk:
    """The cases that one reviewer might be handed: a second look must look like any other."""

    waiting: int
    endangered: int
    oldest: datetime | None
    # In the order in which they are handed out.
    first: list[Waiting]


def _desk() -> Select[Any]:
    """The cases are gathered once and judged once; then they are counted, and the first of them picked without
    sorting the rest."""
    cases = (
        select(
            Submission.id, Submission.submitted_at, Submission.attempt, Submission.member_id,
            Submission.appeal_of, Campaign.rehearsal, due().label("due"), given_back(_REVIEWER).label("given_back"),
        )
        .join(Campaign, Campaign.id == Submission.campaign_id)
        .where(may_take(_REVIEWER))
        .cte("cases")
        .prefix_with("materialized", dialect="postgresql")
    )  # fmt: skip
    waiting = select(func.count()).select_from(cases).where(cases.c.rehearsal.is_(False)).scalar_subquery()
    takes = select(needed(waiting)).scalar_subquery()
    judged = (
        select(cases, risk(cases.c.due, takes).label("risk"))
        .cte("judged")
        .prefix_with("materialized", dialect="postgresql")
    )
    real = judged.c.rehearsal.is_(False)
    whole = select(
        func.count().filter(real).label("waiting"), func.min(judged.c.submitted_at).filter(real).label("oldest"),
        func.count().filter(real, judged.c.risk > Risk.NONE.value).label("endangered"),
    ).subquery("whole")  # fmt: skip

    def place(c: Any) -> tuple[ColumnElement[object], ...]:
        return _order(c.rehearsal, c.given_back, c.risk, c.due, c.attempt, c.submitted_at)

    first = select(judged).order_by(*place(judged.c)).limit(MOST_LISTED).subquery("first")
    holder = (
        select(Claim.reviewer_id)
        .where(Claim.submission_id == first.c.id, decisions.open_claim())
        .order_by(Claim.claimed_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(first, whole, Member.language, holder.label("holder"))
        .join_from(first, whole, true())
        .join(Member, Member.id == first.c.member_id)
        .order_by(*place(first.c))
    )


# Built once: putting it together takes longer than reading a short queue.
_DESK = _desk()


async def desk(session: Session, reviewer_id: UUID) -> Desk:
    rows = (await session.execute(_DESK, {"reviewer": reviewer_id})).all()
    lines = [
        Waiting(
            r.submitted_at, r.attempt, r.language, r.due, Risk(r.risk), r.appeal_of is not None, r.rehearsal,
            mine=r.holder == reviewer_id, held=r.holder is not None,
        )
        for r in rows
    ]  # fmt: skip
    return Desk(rows[0].waiting, rows[0].endangered, rows[0].oldest, lines) if rows else Desk(0, 0, None, [])


async def figures(session: Session, reviewer_id: UUID, zone: str) -> Figures:
    midnight = func.timezone(zone, func.date_trunc("day", func.timezone(zone, NOW)))
    own = _opinions(Opinion.reviewer_id == reviewer_id, Opinion.given_at >= midnight)
    held = (
        select(func.count(func.distinct(Claim.submission_id)))
        .join(Submission, Submission.id == Claim.submission_id)
        .where(
            Claim.expires_at > NOW, decisions.open_claim(), Claim.reviewer_id != reviewer_id,
            Submission.status == SubmissionStatus.SUBMITTED.value, real(),
        )
        .scalar_subquery()
    )  # fmt: skip
    wait = (
        select(func.percentile_cont(0.5).within_group(Decision.decided_at - Submission.submitted_at))
        .select_from(Decision)
        .join(Submission, Submission.id == Decision.submission_id)
        .where(Decision.decided_at >= midnight, Decision.undone_at.is_(None), real())
        .scalar_subquery()
    )
    return Figures(*(await session.execute(select(_done(HOUR), own, held, wait))).one())


# --- who opens a great many (security-tests.md T49) -------------------------------------------------------------------


MANY_CASES = "many-cases-opened"


@dataclass(frozen=True, slots=True)
class Alert:
    """A reviewer who opened more cases in an hour than work explains: somebody should ask."""

    reviewer_id: UUID | None
    email: str | None
    at: datetime


async def opened(session: Session, reviewer_id: UUID, within: timedelta) -> int:
    """How many cases a reviewer has taken of late."""
    count = await session.scalar(
        select(func.count())
        .select_from(Claim)
        .where(Claim.reviewer_id == reviewer_id, Claim.claimed_at > NOW - _interval(within))
    )
    return count or 0


def is_many(count: int) -> bool:
    return count > MANY_IN_AN_HOUR


async def alerts(session: Session, within: timedelta = timedelta(days=1)) -> list[Alert]:
    """For operators, the newest first."""
    rows = await session.execute(
        select(Entry.actor_id, Account.email, Entry.at)
        .join(Account, Account.id == Entry.actor_id)
        .where(Entry.action == literal(MANY_CASES, literal_execute=True), Entry.at > NOW - _interval(within))
        .order_by(Entry.at.desc())
        .limit(MOST_LISTED)
    )
    return [Alert(*row) for row in rows]
