"""How far the members of a campaign have come, and who is stuck: counted and listed by the same conditions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DateTime,
    Interval,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from portal.rules.accounts import Purpose
from portal.rules.identity import SubmissionStatus
from portal.rules.members import Group, Language, Standing
from portal.rules.onboarding import Step
from portal.rules.operations import (
    PARTLY_AFTER,
    REJECTED_AFTER,
    REVIEW_LATE_AFTER,
    UNCONFIRMED_AFTER,
    Stage,
    Stuck,
)  # fmt: skip
from portal.store import Session
from portal.store.accounts import Account
from portal.store.ballots import Ballot, Registration
from portal.store.campaigns import Campaign
from portal.store.decisions import undecided
from portal.store.identity import Submission
from portal.store.links import Link
from portal.store.members import Member
from portal.store.onboarding import File
from portal.store.paper import on_paper
from portal.store.votes import Vote

# One moment for a whole statement, so that it is not asked for every row.
_NOW = func.statement_timestamp()
_CAMPAIGN = bindparam("campaign", type_=File.campaign_id.type)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list: whose it is, what about it, since when. Ids, codes and instants besides the name."""

    member_id: UUID | None
    number: str
    given_name: str
    family_name: str
    group: str
    language: str
    # A code of the list's own, said in words by portal/text/operations.py.
    what: str = ""
    since: datetime | None = None
    until: datetime | None = None
    subject_id: UUID | None = None

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}".strip()


# What a list reads.
Statement = Select[*tuple[Any, ...]]
# What every list selects of a member, in the order of Line.
WHO: tuple[Any, ...] = (Member.id, Member.number, Member.given_name, Member.family_name, Member.group, Member.language)


def lines(rows: Sequence[Any]) -> list[Line]:
    return [Line(*row) for row in rows]


# --- the funnel --------------------------------------------------------------------------------------------------


def _any(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is such a row. Asked of the few members it matters for, by an index: as `exists` the planner would
    read the whole of a long table beforehand."""
    return func.coalesce(select(true()).where(*conditions).limit(1).scalar_subquery(), false())


_SENT = _any(
    Submission.campaign_id == _CAMPAIGN, Submission.member_id == Member.id, Submission.submitted_at.is_not(None)
)
_PLACED = _any(
    Registration.member_id == Member.id,
    Registration.ballot_id == Ballot.id,
    Ballot.campaign_id == _CAMPAIGN,
)
# Everybody's at once: looked up for each member it takes four times as long.
_VOTED = (
    select(Registration.member_id)
    .join(Ballot, and_(Ballot.id == Registration.ballot_id, Ballot.campaign_id == _CAMPAIGN))
    .outerjoin(Vote, and_(Vote.ballot_id == Registration.ballot_id, Vote.member_id == Registration.member_id))
    .group_by(Registration.member_id)
    .having(func.count(Vote.member_id) == func.count())
)
_CONFIRMED = Member.identity_verified_at + bindparam("valid", type_=Interval()) > _NOW
# By the file's step where it says enough, so that few members are looked up in the long tables.
_PAST_DOCUMENTS = File.step.in_([Step.REGISTRATION.value, Step.REVIEW.value, Step.DONE.value, Step.REFUSED.value])
_PAST_REGISTRATION = File.step.in_([Step.REVIEW.value, Step.DONE.value])
REACHED: dict[Stage, ColumnElement[bool]] = {
    Stage.ROLL: true(),
    Stage.SIGNED_IN: File.member_id.is_not(None),
    Stage.EMAIL: and_(File.member_id.is_not(None), Account.email_verified_at.is_not(None)),
    Stage.DOCUMENTS: and_(File.member_id.is_not(None), or_(_PAST_DOCUMENTS, _CONFIRMED.is_(True), _SENT)),
    Stage.IDENTITY: and_(File.member_id.is_not(None), _CONFIRMED.is_(True)),
    Stage.SOME: or_(_PAST_REGISTRATION, and_(File.step == Step.REGISTRATION.value, _PLACED)),
    Stage.ALL: _PAST_REGISTRATION,
    Stage.VOTED: and_(File.member_id.is_not(None), Member.id.in_(_VOTED)),
}


def _of_campaign(statement: Statement) -> Statement:
    """Everybody on the roll, with account and file of this campaign if there are any: neither who has left it, nor the
    mock members of a rehearsal."""
    return (
        statement.select_from(Member)
        .outerjoin(Account, Account.member_id == Member.id)
        .outerjoin(File, and_(File.member_id == Member.id, File.campaign_id == _CAMPAIGN))
        .where(Member.left_at.is_(None), Member.rehearsal_id.is_(None))
    )


@dataclass(frozen=True, slots=True)
class Funnel:
    """Counts by stage, group and language."""

    counts: dict[tuple[Stage, Group, Language], int]

    def count(self, stage: Stage, group: Group | None = None, language: Language | None = None) -> int:
        return sum(
            n
            for (s, g, spoken), n in self.counts.items()
            if s is stage and group in (None, g) and language in (None, spoken)
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which members a list is about; None leaves a question open."""

    stage: Stage | None = None
    step: Step | None = None
    group: Group | None = None
    language: Language | None = None
    reason: Stuck | None = None


def _narrowed(statement: Statement, wanted: Wanted) -> Statement:
    if wanted.group is not None:
        statement = statement.where(Member.group == wanted.group.value)
    if wanted.language is not None:
        statement = statement.where(Member.language == wanted.language.value)
    return statement


def _members(wanted: Wanted, *columns: Any) -> Statement:
    statement = _narrowed(_of_campaign(select(*columns)), wanted)
    if wanted.stage is not None:
        statement = statement.where(REACHED[wanted.stage])
    if wanted.step is not None:
        statement = statement.where(File.step == wanted.step.value)
    return statement


@dataclass(frozen=True, slots=True)
class Where:
    """Which campaign, and what the conditions need besides."""

    campaign_id: UUID
    valid_for: timedelta

    @property
    def values(self) -> dict[str, object]:
        return {"campaign": self.campaign_id, "valid": self.valid_for}


async def count_members(session: Session, where: Where, wanted: Wanted) -> int:
    return await session.scalar(_members(wanted, func.count()), where.values) or 0


async def members(
    session: Session, where: Where, wanted: Wanted, *, most: int, skipped: int = 0, after: str = ""
) -> list[Line]:
    """Members by their numbers, which never change: a page is the same however often it is asked for."""
    statement = _members(wanted, *WHO, func.coalesce(File.step, literal("")), File.waiting_since)
    statement = statement.where(Member.number > after).order_by(Member.number).limit(most).offset(skipped)
    return lines((await session.execute(statement, where.values)).all())


# --- who is stuck ------------------------------------------------------------------------------------------------

_LIVE = (
    select(Submission.member_id, Submission.submitted_at)
    .where(Submission.campaign_id == _CAMPAIGN, undecided())
    .subquery("live")
)
# The end of a member's last submission, of those whose turn it is to send another.
_TURN = aliased(File)
_LAST = (
    select(Submission.member_id, Submission.status, Submission.over_at)
    .ext(distinct_on(Submission.member_id))
    .join(
        _TURN,
        and_(
            _TURN.member_id == Submission.member_id,
            _TURN.campaign_id == _CAMPAIGN,
            _TURN.step == Step.IDENTITY.value,
        ),
    )
    .where(Submission.campaign_id == _CAMPAIGN, Submission.submitted_at.is_not(None))
    .order_by(Submission.member_id, Submission.submitted_at.desc())
    .subquery("last")
)
_OF_GROUP = select(func.unnest(Ballot.groups)).where(Ballot.campaign_id == _CAMPAIGN)
_HAS_BALLOT = or_(
    and_(Member.standing == Standing.MEMBER.value, Member.group.in_(_OF_GROUP)),
    Member.group.in_(_OF_GROUP.where(Ballot.members_only.is_(False))),
)
# One that somebody at the desk has sent is waited for like the member's own.
_JUST_SENT = _any(
    Link.account_id == Account.id,
    Link.purpose == Purpose.VERIFICATION.value,
    Link.created_at > _NOW - UNCONFIRMED_AFTER,
)
_ASKED_AGAIN = _LAST.c.status.in_([SubmissionStatus.REJECTED.value, SubmissionStatus.EXPIRED.value])
# In the order of the rule (portal/rules/operations.py): the first that holds is the reason. Each with its «since when».
_REASONS: tuple[tuple[Stuck, ColumnElement[bool], Any], ...] = (
    (
        Stuck.NO_ADDRESS,
        Account.email.is_(None),
        select(Campaign.registration_opens).where(Campaign.id == _CAMPAIGN).scalar_subquery(),
    ),
    (Stuck.BOUNCED, Account.email_bounced_at.is_not(None), Account.email_bounced_at),
    (
        Stuck.UNCONFIRMED,
        and_(File.step == Step.EMAIL.value, File.last_step_at < _NOW - UNCONFIRMED_AFTER, ~_JUST_SENT),
        File.last_step_at,
    ),
    (Stuck.REJECTED, and_(_ASKED_AGAIN, _LAST.c.over_at < _NOW - REJECTED_AFTER), _LAST.c.over_at),
    (Stuck.REVIEW_LATE, _LIVE.c.submitted_at < _NOW - REVIEW_LATE_AFTER, _LIVE.c.submitted_at),
    (
        Stuck.PARTLY,
        and_(File.step == Step.REGISTRATION.value, File.last_step_at < _NOW - PARTLY_AFTER, _PLACED),
        File.last_step_at,
    ),
)
_REASON = case(*((holds, literal(code.value)) for code, holds, _ in _REASONS), else_=cast(null(), Text))
_SINCE = case(
    *((holds, cast(since, DateTime(timezone=True))) for _, holds, since in _REASONS),
    else_=cast(null(), DateTime(timezone=True)),
)
# Nobody waits for whoever is done, has no ballot here, or votes on paper.
_WAITED_FOR = and_(File.ended_at.is_(None), _HAS_BALLOT, ~on_paper(_CAMPAIGN, Member.id))


def _with_ends(statement: Statement) -> Statement:
    """With what the reasons ask of submissions."""
    return statement.outerjoin(_LIVE, _LIVE.c.member_id == Member.id).outerjoin(_LAST, _LAST.c.member_id == Member.id)


_STUCK = _with_ends(_of_campaign(select(*WHO, _REASON.label("reason"), _SINCE.label("since")))).where(
    _REASON.is_not(None), _WAITED_FOR
)
_STUCK_FOR = case((_WAITED_FOR, _REASON), else_=cast(null(), Text))


def _stuck(wanted: Wanted) -> Statement:
    statement = _narrowed(_STUCK, wanted)
    return statement if wanted.reason is None else statement.where(_REASON.in_([wanted.reason.value]))


# Everybody is looked at once for both counts: who shares stages, group, language and reason is one row.
_STAGES = [reached.label(stage.name.lower()) for stage, reached in REACHED.items()]
_EVERYBODY = _with_ends(_of_campaign(select(Member.group, Member.language, *_STAGES, _STUCK_FOR.label("reason"))))
_SEEN = _EVERYBODY.subquery("everybody")
_COUNTS = select(_SEEN, func.count()).group_by(*_SEEN.c)


async def counts(session: Session, where: Where) -> tuple[Funnel, dict[Stuck, int]]:
    """How far everybody has come and who is stuck, in one statement."""
    reached: dict[tuple[Stage, Group, Language], int] = dict.fromkeys(product(Stage, Group, Language), 0)
    stuck: dict[Stuck, int] = {}
    for group, language, *stages, reason, count in await session.execute(_COUNTS, where.values):
        for stage, there in zip(REACHED, stages, strict=True):
            reached[stage, Group(group), Language(language)] += count if there else 0
        if reason is not None:
            stuck[Stuck(reason)] = stuck.get(Stuck(reason), 0) + count
    return Funnel(reached), stuck


async def count_stuck_as(session: Session, where: Where, wanted: Wanted) -> int:
    found = _stuck(wanted).subquery()
    return await session.scalar(select(func.count()).select_from(found), where.values) or 0


async def stuck(
    session: Session, where: Where, wanted: Wanted, *, most: int, skipped: int = 0, after: str | None = None
) -> list[Line]:
    """Who is stuck, the longest first; from `after` on, by number, for whoever reads all of it in pieces."""
    statement = _stuck(wanted)
    if after is None:
        statement = statement.order_by(_SINCE, Member.number)
    else:
        statement = statement.where(Member.number > after).order_by(Member.number)
    return lines((await session.execute(statement.limit(most).offset(skipped), where.values)).all())


async def stuck_one(session: Session, where: Where, member_id: UUID) -> Line | None:
    """Why this member is stuck, if they are."""
    row = (await session.execute(_STUCK.where(Member.id == member_id), where.values)).one_or_none()
    return None if row is None else Line(*row)


async def open_files(session: Session, campaign_id: UUID) -> Sequence[UUID]:
    """Members whose file is open: each has a workflow that runs."""
    rows = await session.scalars(select(File.member_id).where(File.campaign_id == campaign_id, File.ended_at.is_(None)))
    return rows.all()


async def without_workflow(session: Session, campaign_id: UUID, ids: Sequence[UUID]) -> list[Line]:
    """These members, by number."""
    statement = (
        select(*WHO, literal(Stuck.NO_WORKFLOW.value), File.waiting_since)
        .join(File, and_(File.member_id == Member.id, File.campaign_id == campaign_id))
        .where(Member.id.in_(ids))
        .order_by(Member.number)
    )
    return lines((await session.execute(statement)).all())
