"""Who votes on paper: for them the door to voting online is closed in this campaign."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.roles import ExpressionElementRole

from portal.rules.operations import PaperReason
from portal.rules.refusals import Refusal
from portal.store import DBAPIError, Session
from portal.store.base import Base, NewId

_STANDS = text("withdrawn_at is null")


class PaperVoter(Base):
    """Marked by an operator; a database trigger lets it be taken back once, and only before the opening."""

    __tablename__ = "paper_voter"
    __table_args__ = (
        CheckConstraint("reason in ('asked', 'no-email', 'no-device', 'accessibility', 'locked-out')", name="reason"),
        CheckConstraint("(withdrawn_by is null) = (withdrawn_at is null)", name="withdrawn"),
        Index("uq_paper_voter_stands", "campaign_id", "member_id", unique=True, postgresql_where=_STANDS),
        Index(None, "member_id"),
    )

    id: Mapped[NewId]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    reason: Mapped[str]
    by_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    withdrawn_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    withdrawn_at: Mapped[datetime | None]


def on_paper(campaign_id: ExpressionElementRole[UUID], member_id: ExpressionElementRole[UUID]) -> ColumnElement[bool]:
    """Whether this member votes on paper in this campaign: part of the statements that must know."""
    return exists().where(
        PaperVoter.campaign_id == campaign_id, PaperVoter.member_id == member_id, PaperVoter.withdrawn_at.is_(None)
    )


async def standing_of(session: Session, campaign_id: UUID, member_id: UUID) -> PaperVoter | None:
    """The mark that stands, if any."""
    return await session.scalar(
        select(PaperVoter).where(
            PaperVoter.campaign_id == campaign_id,
            PaperVoter.member_id == member_id,
            PaperVoter.withdrawn_at.is_(None),
        )
    )


async def mark(
    session: Session, *, campaign_id: UUID, member_id: UUID, reason: PaperReason, by: UUID
) -> UUID | Refusal | None:
    """Close the online door; None if it was closed before, refused once somebody has voted through it."""
    written = (
        pg_insert(PaperVoter)
        .values(id=uuid4(), campaign_id=campaign_id, member_id=member_id, reason=reason.value, by_id=by)
        .on_conflict_do_nothing()
        .returning(PaperVoter.id)
    )
    try:
        async with session.begin_nested():
            marked: UUID | None = await session.scalar(written)
    except DBAPIError as error:
        if "has voted online" not in str(error.orig):
            raise
        return Refusal.VOTED_ONLINE
    return marked


async def take_back(session: Session, paper_id: UUID, *, by: UUID) -> bool:
    """Open it again; the trigger says no once the vote has opened. False if somebody else did."""
    taken = await session.scalar(
        update(PaperVoter)
        .where(PaperVoter.id == paper_id, PaperVoter.withdrawn_at.is_(None))
        .values(withdrawn_by=by)
        .returning(PaperVoter.id)
    )
    return taken is not None
