"""Who did what when; append only, and the memory that makes every step safe to repeat."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.store import Session
from portal.store.base import Base

SYSTEM = "system"


class Entry(Base):
    """One act. Codes and ids only: what a person typed is never here."""

    __tablename__ = "journal"
    __table_args__ = (Index(None, "member_id", "at"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    actor: Mapped[str]
    actor_id: Mapped[UUID | None]
    action: Mapped[str]
    code: Mapped[str | None]
    member_id: Mapped[UUID | None]
    campaign_id: Mapped[UUID | None]
    subject_id: Mapped[UUID | None]
    # The id of the update, decision or notice that caused it: a repeat finds it here and does nothing.
    key: Mapped[str | None] = mapped_column(unique=True)


async def write(
    session: Session,
    action: str,
    *,
    actor: str,
    actor_id: UUID | None = None,
    member_id: UUID | None = None,
    campaign_id: UUID | None = None,
    subject_id: UUID | None = None,
    code: str | None = None,
    key: str | None = None,
) -> bool:
    """Add one entry. False: an entry with this key exists, so the act was done before and must not be done again."""
    statement = (
        insert(Entry)
        .values(
            actor=actor, actor_id=actor_id, action=action, code=code, member_id=member_id,
            campaign_id=campaign_id, subject_id=subject_id, key=key,
        )
        .on_conflict_do_nothing(index_elements=[Entry.key])
        .returning(Entry.id)
    )  # fmt: skip
    return await session.scalar(statement) is not None


async def holds(session: Session, key: str) -> bool:
    """Whether the act of this key was done before."""
    return await session.scalar(select(Entry.id).where(Entry.key == key)) is not None


async def of_member(session: Session, member_id: UUID, *, most: int = 200) -> Sequence[Entry]:
    """A member's own trail, newest first."""
    rows = await session.scalars(
        select(Entry).where(Entry.member_id == member_id).order_by(Entry.id.desc()).limit(most)
    )
    return rows.all()
