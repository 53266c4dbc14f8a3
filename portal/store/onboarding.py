"""The file of a member in a campaign: where it stands, for pages and operators to read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    String,
    and_,
    cast,
    exists,
    func,
    or_,
    select,
    update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.identity import SubmissionStatus
from portal.rules.members import Standing as GoodStanding
from portal.rules.onboarding import IdentityState, Step, step_of
from portal.store import Session
from portal.store import identity as papers
from portal.store.accounts import Account
from portal.store.ballots import Ballot, Registration
from portal.store.base import Base
from portal.store.campaigns import Campaign
from portal.store.members import Member


class File(Base):
    """One member in one campaign. `version` grows with every change: the pages' ETag."""

    __tablename__ = "onboarding"
    __table_args__ = (
        CheckConstraint("step in ('email', 'identity', 'registration', 'review', 'done', 'ended')", name="step"),
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


async def open_file(session: Session, campaign: Campaign, member_id: UUID) -> File:
    """The member's file, made if absent, taken up again if it had been ended by mistake."""
    await session.execute(
        insert(File)
        .values(campaign_id=campaign.id, member_id=member_id, calendar_version=campaign.calendar_version)
        .on_conflict_do_update(
            index_elements=[File.campaign_id, File.member_id],
            set_={"ended_at": None, "calendar_version": campaign.calendar_version},
        )
    )
    file = await session.get(File, (campaign.id, member_id), populate_existing=True)
    assert file is not None, "it was written a moment ago"
    return file


def identity_state(
    member: Member, live: papers.Submission | None, *, valid_for: timedelta, at: datetime
) -> IdentityState:
    """A confirmed identity serves later campaigns for a time, if name and address are the same (brief §1)."""
    if member.identity_verified_at is not None and at < member.identity_verified_at + valid_for:
        return IdentityState.APPROVED
    if live is not None:
        return IdentityState.SUBMITTED
    return IdentityState.NONE


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything a step of a member decides by, read in one statement at one moment."""

    campaign: Campaign
    member: Member
    account: Account | None
    file: File | None
    standing: Standing


async def read(session: Session, campaign_id: UUID, member_id: UUID, *, valid_for: timedelta) -> Whole | None:
    """The member in the campaign as the records stand now; None if there is no such member or campaign.

    One statement, because every step begins with it.
    """
    mine = and_(
        Ballot.campaign_id == campaign_id,
        Member.group == func.any(Ballot.groups),
        or_(Ballot.members_only.is_(False), Member.standing == GoodStanding.MEMBER.value),
    )
    # A member who changes groups keeps old registrations; they stand for none of the new ballots.
    held = (
        exists()
        .where(Registration.ballot_id == Ballot.id, Registration.member_id == Member.id)
        .correlate(Ballot, Member)
    )
    row = (
        await session.execute(
            select(
                Campaign,
                Member,
                Account,
                File,
                papers.Submission,
                _codes().where(mine).scalar_subquery().label("own"),
                _codes().where(mine, held).scalar_subquery().label("registered"),
                func.clock_timestamp().label("at"),
            )
            .select_from(Campaign)
            .join(Member, Member.id == member_id)
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
            .where(Campaign.id == campaign_id)
            .execution_options(populate_existing=True)
        )
    ).one_or_none()
    if row is None:
        return None
    campaign, member, account, file, live, own, registered, at = row
    verified = account is not None and account.email_verified_at is not None
    state = identity_state(member, live, valid_for=valid_for, at=at)
    return Whole(campaign, member, account, file, Standing.of(verified, state, live, list(own), list(registered)))


def _codes() -> Select[Any]:
    codes = func.array_agg(aggregate_order_by(Ballot.code, Ballot.position))
    return select(func.coalesce(codes, cast([], ARRAY(String)))).correlate(Member)


async def standing(session: Session, campaign: Campaign, member: Member, *, valid_for: timedelta) -> Standing:
    whole = await read(session, campaign.id, member.id, valid_for=valid_for)
    assert whole is not None, "both were read a moment ago"
    return whole.standing


async def note_step(session: Session, file: File, step: Step, *, by_member: bool) -> None:
    """Write down where the file stands; a member's own act starts the reminders anew.

    A file that has ended stays so, whatever is still cleared up in it, until it is opened again.
    """
    now = func.clock_timestamp()
    if file.ended_at is not None:
        step = Step.ENDED
    values: dict[str, object] = {"version": File.version + 1, "step": step.value}
    if file.step != step.value:
        values["waiting_since"] = now
    if by_member:
        values["last_step_at"] = now
        values["reminded"] = 0
    await session.execute(
        update(File)
        .where(File.campaign_id == file.campaign_id, File.member_id == file.member_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


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


async def by_step(session: Session, campaign_id: UUID) -> dict[Step, int]:
    rows = await session.execute(
        select(File.step, func.count()).where(File.campaign_id == campaign_id).group_by(File.step)
    )
    return {Step(step): count for step, count in rows}


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
