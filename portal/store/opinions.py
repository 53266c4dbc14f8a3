"""What each reviewer thinks of a submission: rows that decisions are made of."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.store.base import Base


class Opinion(Base):
    """What one reviewer thinks of one submission; taken back in time it stands no more, and is never rewritten."""

    __tablename__ = "opinion"
    __table_args__ = (
        CheckConstraint("verdict in ('approve', 'reject', 'refuse')", name="verdict"),
        CheckConstraint("(verdict <> 'approve') = (reason is not null)", name="reason"),
        Index(
            "uq_opinion_standing",
            "submission_id",
            "reviewer_id",
            unique=True,
            postgresql_where=text("undone_at is null"),
        ),
        # What the queue leaves out: what its reader has looked at, and what may still be undone.
        Index("ix_opinion_reviewer", "reviewer_id", "submission_id", postgresql_where=text("undone_at is null")),
        Index("ix_opinion_undo", "undo_until", postgresql_where=text("undone_at is null")),
        Index("ix_opinion_second_look", "given_at", postgresql_where=text("second_look and undone_at is null")),
    )

    claim_id: Mapped[UUID] = mapped_column(ForeignKey("claim.id"), primary_key=True)
    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submission.id"))
    reviewer_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    verdict: Mapped[str]
    reason: Mapped[str | None]
    # Its submission is one of the sample that two look at.
    second_look: Mapped[bool] = mapped_column(server_default=text("false"))
    given_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)
    undo_until: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class OpinionNote(Base):
    """What its reviewer wrote for «other», in both languages; purged with the campaign."""

    __tablename__ = "opinion_note"

    claim_id: Mapped[UUID] = mapped_column(ForeignKey("opinion.claim_id"), primary_key=True)
    fr: Mapped[str]
    en: Mapped[str]
