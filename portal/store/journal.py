"""Who did what when; append only, and the memory that makes every step safe to repeat."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, bindparam, exists, func, select, text, true
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.sql.elements import ColumnElement

from portal.store import Session
from portal.store.base import Base, row_if, table_of

SYSTEM = "system"


class Entry(Base):
    """One act. Codes and ids only: what a person typed is never here."""

    __tablename__ = "journal"
    __table_args__ = (
        Index(None, "member_id", "at"),
        # Tries that were refused: what the operations desk asks for, among everything else.
        Index(
            "ix_journal_doors", "action", "at",
            postgresql_where=text("action in ('sign-in-refused', 'number-path-closed')"),
        ),
        # What operators are alarmed by.
        Index("ix_journal_many_cases", "at", postgresql_where=text("action = 'many-cases-opened'")),
    )  # fmt: skip

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


_ENTRY = table_of(Entry)
_COLUMNS = ("actor", "actor_id", "action", "code", "member_id", "campaign_id", "subject_id", "key")


def entry_if(condition: ColumnElement[bool]) -> ReturningInsert[int]:
    """The statement that adds one entry, given what `to_write` makes, if the condition holds and its key is new."""
    return row_if(_ENTRY, "entry", _COLUMNS, condition).returning(_ENTRY.c.id)


def to_write(action: str, *, actor: str, **columns: object) -> dict[str, object]:
    entry = {"action": action, "actor": actor, **columns}
    return {f"entry_{name}": entry.get(name) for name in _COLUMNS}


_WRITE = entry_if(true())

# Whether the act of the parameter `key` was done before.
DONE = exists().where(_ENTRY.c.key == bindparam("key"))
_DONE = select(DONE)


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
    entry = to_write(
        action, actor=actor, actor_id=actor_id, member_id=member_id, campaign_id=campaign_id, subject_id=subject_id,
        code=code, key=key,
    )  # fmt: skip
    return await session.scalar(_WRITE, entry) is not None


async def holds(session: Session, key: str) -> bool:
    """Whether the act of this key was done before."""
    return bool(await session.scalar(_DONE, {"key": key}))


_OF_MEMBER = (
    select(Entry)
    .where(Entry.member_id == bindparam("member"))
    # The order of the index, hence of nothing but the rows that are read.
    .order_by(Entry.at.desc(), Entry.id.desc())
    .limit(bindparam("most"))
    .offset(bindparam("skipped"))
)


async def of_member(session: Session, member_id: UUID, *, most: int | None = 200, skipped: int = 0) -> Sequence[Entry]:
    """A member's own trail, newest first; all of it if `most` is None."""
    rows = await session.scalars(_OF_MEMBER, {"member": member_id, "most": most, "skipped": skipped})
    return rows.all()
