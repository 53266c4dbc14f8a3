"""The file of a member in a campaign: where it stands, for pages and operators to read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    String,
    Update,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    select,
    true,
    update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.orm import Mapped, aliased, mapped_column
from sqlalchemy.sql.elements import ColumnElement

from portal.rules.identity import SubmissionStatus
from portal.rules.onboarding import IdentityState, Step, step_of
from portal.store import Session, journal
from portal.store import identity as papers
from portal.store.accounts import Account
from portal.store.ballots import ELECTORS, Ballot, Registration
from portal.store.base import Base, table_of
from portal.store.campaigns import Campaign
from portal.store.members import Member
from portal.store.paper import PaperVoter


class File(Base):
    """One member in one campaign. `version` grows with every change: the pages' ETag."""

    __tablename__ = "onboarding"
    __table_args__ = (
        CheckConstraint(
            "step in ('email', 'identity', 'registration', 'review', 'refused', 'done', 'ended')", name="step"
        ),
        Index(None, "campaign_id", "step", "waiting_since"),
        Index(None, "member_id"),
    )

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    step: Mapped[str] = mapped_column(default=Step.EMAIL.value)
    waiting_since: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    # The member's own last step, from which the reminders count.
    last_step_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    reminded: Mapped[int] = mapped_column(default=0, server_default="0")
    reminders_in_all: Mapped[int] = mapped_column(default=0, server_default="0")
    # The calendar its workflow last heard of.
    calendar_version: Mapped[int]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    ended_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a member stands, read afresh from the records."""

    email_verified: bool
    identity: IdentityState
    submission: papers.Submission | None
    # Codes of ballots.
    own: list[str]
    registered: list[str]
    step: Step

    @classmethod
    def of(
        cls,
        email_verified: bool,
        identity: IdentityState,
        submission: papers.Submission | None,
        own: list[str],
        registered: list[str],
    ) -> "Standing":
        step = step_of(
            email_verified=email_verified,
            identity=identity,
            registered=len(registered),
            own_ballots=len(own),
        )
        return cls(email_verified, identity, submission, own, registered, step)


async def of_member(session: Session, campaign_id: UUID, member_id: UUID) -> File | None:
    return await session.get(File, (campaign_id, member_id))


FILE = table_of(File)
_INSERT = insert(FILE).values(
    campaign_id=bindparam("campaign"),
    member_id=bindparam("member"),
    step=Step.EMAIL.value,
    calendar_version=bindparam("calendar"),
)
_OPEN = _INSERT.on_conflict_do_update(
    index_elements=[FILE.c.campaign_id, FILE.c.member_id],
    set_={"ended_at": None, "calendar_version": _INSERT.excluded.calendar_version},
)


async def open_file(session: Session, campaign: Campaign, member_id: UUID) -> File:
    """The member's file, made if absent, taken up again if it had been ended by mistake."""
    await session.execute(_OPEN, {"campaign": campaign.id, "member": member_id, "calendar": campaign.calendar_version})
    file = await session.get(File, (campaign.id, member_id), populate_existing=True)
    assert file is not None, "it was written a moment ago"
    return file


def identity_state(
    member: Member, live: papers.Submission | None, answered: str | None, *, valid_for: timedelta, at: datetime
) -> IdentityState:
    """A confirmed identity serves later campaigns for a time, if name and address are the same (brief §1).

    `answered` is what became of the last submission that was not taken back: a refusal stands until an appeal.
    """
    if member.identity_verified_at is not None and at < member.identity_verified_at + valid_for:
        return IdentityState.APPROVED
    if live is not None:
        return IdentityState.SUBMITTED
    if answered == SubmissionStatus.REFUSED.value:
        return IdentityState.REFUSED
    return IdentityState.NONE


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything a step of a member decides by, read in one statement at one moment."""

    campaign: Campaign
    member: Member
    account: Account | None
    file: File | None
    standing: Standing
    # The act of the key asked for was done before.
    done: bool
    # The time by the database.
    at: datetime
    # Since when this member votes on paper in this campaign.
    paper_at: datetime | None = None


def _codes() -> Select[Any]:
    codes = func.array_agg(aggregate_order_by(Ballot.code, Ballot.position))
    return select(func.coalesce(codes, cast([], ARRAY(String)))).correlate(Member)


_MINE = and_(Ballot.campaign_id == bindparam("campaign"), ELECTORS)
# A member who changes groups keeps old registrations; they stand for none of the new ballots.
_HELD = (
    exists().where(Registration.ballot_id == Ballot.id, Registration.member_id == Member.id).correlate(Ballot, Member)
)
_Answered = aliased(papers.Submission)
_ANSWERED = (
    select(_Answered.status)
    .where(
        _Answered.campaign_id == Campaign.id,
        _Answered.member_id == Member.id,
        _Answered.status.in_(
            [s.value for s in (
                SubmissionStatus.APPROVED, SubmissionStatus.REJECTED, SubmissionStatus.REFUSED,
                SubmissionStatus.EXPIRED,
            )]
        ),
    )
    .order_by(_Answered.over_at.desc())
    .limit(1)
    .correlate(Campaign, Member)
    .scalar_subquery()
)  # fmt: skip
_WHOLE = (
    select(
        Campaign,
        Member,
        Account,
        File,
        papers.Submission,
        _codes().where(_MINE).scalar_subquery().label("own"),
        _codes().where(_MINE, _HELD).scalar_subquery().label("registered"),
        _ANSWERED.label("answered"),
        journal.DONE.label("done"),
        func.clock_timestamp().label("at"),
        PaperVoter.at.label("paper_at"),
    )
    .select_from(Campaign)
    .join(Member, Member.id == bindparam("member"))
    .outerjoin(Account, Account.member_id == Member.id)
    .outerjoin(File, and_(File.campaign_id == Campaign.id, File.member_id == Member.id))
    .outerjoin(
        papers.Submission,
        and_(
            papers.Submission.campaign_id == Campaign.id,
            papers.Submission.member_id == Member.id,
            papers.Submission.status == SubmissionStatus.SUBMITTED.value,
        ),
    )
    .outerjoin(
        PaperVoter,
        and_(
            PaperVoter.campaign_id == Campaign.id, PaperVoter.member_id == Member.id, PaperVoter.withdrawn_at.is_(None)
        ),
    )
    .where(Campaign.id == bindparam("campaign"))
    .execution_options(populate_existing=True)
)


async def read(
    session: Session, campaign_id: UUID, member_id: UUID, *, valid_for: timedelta, key: str | None = None
) -> Whole | None:
    """The member in the campaign as the records stand now; None if there is no such member or campaign.

    One statement, because every step begins with it. `key` names an act that may have been done before.
    """
    row = (await session.execute(_WHOLE, {"campaign": campaign_id, "member": member_id, "key": key})).one_or_none()
    if row is None:
        return None
    campaign, member, account, file, live, own, registered, answered, done, at, paper_at = row
    verified = account is not None and account.email_verified_at is not None
    state = identity_state(member, live, answered, valid_for=valid_for, at=at)
    standing = Standing.of(verified, state, live, list(own), list(registered))
    return Whole(campaign, member, account, file, standing, done, at, paper_at)


def reached_if(condition: ColumnElement[bool], *, by_member: ColumnElement[bool]) -> Update:
    """The statement that moves a file to the step `reached` if the condition holds.

    A file that has ended stays so until it is opened again. A member's own act starts the reminders anew.
    """
    now = func.clock_timestamp()
    reached = case((FILE.c.ended_at.is_not(None), Step.ENDED.value), else_=bindparam("reached", type_=FILE.c.step.type))
    return (
        update(FILE)
        .where(FILE.c.campaign_id == bindparam("campaign"), FILE.c.member_id == bindparam("member"), condition)
        .values(
            version=FILE.c.version + 1,
            step=reached,
            waiting_since=case((FILE.c.step != reached, now), else_=FILE.c.waiting_since),
            last_step_at=case((by_member, now), else_=FILE.c.last_step_at),
            reminded=case((by_member, 0), else_=FILE.c.reminded),
        )
    )


_NOTE_STEP = reached_if(true(), by_member=bindparam("by_member", type_=Boolean()))


async def note_step(session: Session, file: File, step: Step, *, by_member: bool) -> None:
    """Write down where the file stands; a member's own act starts the reminders anew.

    A file that has ended stays so, whatever is still cleared up in it, until it is opened again.
    """
    reached = {
        "campaign": file.campaign_id, "member": file.member_id, "reached": step.value, "by_member": by_member,
    }  # fmt: skip
    await session.execute(_NOTE_STEP, reached)


async def touch(session: Session, campaign_id: UUID, member_id: UUID) -> None:
    """Something a page shows has changed."""
    await session.execute(
        update(File)
        .where(File.campaign_id == campaign_id, File.member_id == member_id)
        .values(version=File.version + 1)
    )


async def note_reminder(session: Session, campaign_id: UUID, member_id: UUID) -> None:
    await session.execute(
        update(File)
        .where(File.campaign_id == campaign_id, File.member_id == member_id)
        .values(reminded=File.reminded + 1, reminders_in_all=File.reminders_in_all + 1)
    )


async def note_calendar(session: Session, campaign_id: UUID, member_id: UUID, version: int) -> None:
    """Its workflow goes by this calendar; one that it has heard of already changes nothing."""
    await session.execute(
        update(File)
        .where(File.campaign_id == campaign_id, File.member_id == member_id, File.calendar_version < version)
        .values(calendar_version=version, version=File.version + 1)
    )


async def note_calendars(session: Session, campaign_id: UUID, member_ids: Sequence[UUID], version: int) -> None:
    """Files whose workflow is gone: it reads the calendar when it is started again."""
    await session.execute(
        update(File)
        .where(File.campaign_id == campaign_id, File.member_id.in_(member_ids), File.calendar_version < version)
        .values(calendar_version=version, version=File.version + 1)
    )


async def end_file(session: Session, campaign_id: UUID, member_id: UUID) -> None:
    await session.execute(
        update(File)
        .where(File.campaign_id == campaign_id, File.member_id == member_id, File.ended_at.is_(None))
        .values(
            ended_at=func.clock_timestamp(), step=Step.ENDED.value, version=File.version + 1,
            waiting_since=func.clock_timestamp(),
        )
    )  # fmt: skip


async def with_old_calendar(
    session: Session, campaign_id: UUID, version: int, *, after: UUID | None, most: int
) -> list[UUID]:
    """A page of members whose workflow has not heard of this calendar yet, in the order of their ids."""
    statement = select(File.member_id).where(
        File.campaign_id == campaign_id, File.ended_at.is_(None), File.calendar_version < version
    )
    if after is not None:
        statement = statement.where(File.member_id > after)
    return list(await session.scalars(statement.order_by(File.member_id).limit(most)))


async def at_step(
    session: Session, campaign_id: UUID, step: Step, *, most: int = 100, after: datetime | None = None
) -> Sequence[tuple[File, Member]]:
    """Members at a step, the longest wait first."""
    statement = (
        select(File, Member)
        .join(Member, Member.id == File.member_id)
        .where(File.campaign_id == campaign_id, File.step == step.value)
    )
    if after is not None:
        statement = statement.where(File.waiting_since > after)
    rows = await session.execute(statement.order_by(File.waiting_since).limit(most))
    return [(file, member) for file, member in rows]
