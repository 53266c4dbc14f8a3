"""The outbox: every mail as one row, written with the act that causes it, sent by the relay."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, and_, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.mail import Lane, MailKind
from portal.store import AsyncEngine, Session
from portal.store.base import Base, NewId

CHANNEL = "outbox"
# A claimed row whose relay died is free again after this long.
CLAIM = timedelta(seconds=60)
# How long a mail is tried before it is given up and shown to the operators.
TRIED_FOR = timedelta(hours=24)

_WAITING = text("sent_at is null and cancelled_at is null and failed_at is null")


class Mail(Base):
    """One logical mail. `facts` holds ids, codes and instants; name, address and words are read when it is sent."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("lane in ('urgent', 'bulk')", name="lane"),
        Index("ix_outbox_waiting", "lane", "due_at", postgresql_where=_WAITING),
        Index(None, "account_id"),
    )

    id: Mapped[NewId]
    # The same logical mail asked for twice is one row.
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    lane: Mapped[str]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    campaign_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaign.id"))
    facts: Mapped[dict[str, str]] = mapped_column(JSONB)
    queued_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    due_at: Mapped[datetime]
    # Set while a relay has it, and left behind by one that died: then the outcome is unknown.
    claimed_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    sent_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    # The SMTP answer or the class of the failure: never its text.
    last_error: Mapped[str | None]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row in the hands of the relay."""

    id: UUID
    key: str
    kind: MailKind
    account_id: UUID
    campaign_id: UUID | None
    facts: Mapping[str, str]
    attempts: int
    queued_at: datetime


async def queue(
    session: Session,
    *,
    key: str,
    kind: MailKind,
    lane: Lane,
    account_id: UUID,
    campaign_id: UUID | None,
    due_at: datetime,
    facts: Mapping[str, str],
) -> bool:
    """Write a mail down in the transaction of the act that causes it; False if it already was."""
    written = (
        insert(Mail)
        .values(
            id=uuid4(),
            key=key,
            kind=kind.value,
            lane=lane.value,
            account_id=account_id,
            campaign_id=campaign_id,
            facts=dict(facts),
            due_at=due_at,
        )
        .on_conflict_do_nothing(index_elements=[Mail.key])
        .returning(Mail.id)
        .cte("written")
    )
    # Delivered to the relay when the transaction commits, not before.
    rung = await session.execute(select(written.c.id, func.pg_notify(CHANNEL, lane.value)))
    return rung.first() is not None


async def queue_many(session: Session, rows: Sequence[Mapping[str, object]]) -> list[UUID]:
    """One page of a notice in one statement; the accounts that had not got it yet."""
    if not rows:
        return []
    new = await session.scalars(
        insert(Mail)
        .values([{"id": uuid4(), **row} for row in rows])
        .on_conflict_do_nothing(index_elements=[Mail.key])
        .returning(Mail.account_id)
    )
    accounts = list(new)
    await session.execute(select(func.pg_notify(CHANNEL, Lane.BULK.value)))
    return accounts


async def claim(session: Session, lane: Lane, most: int) -> list[Claimed]:
    """Take due rows that no other relay holds, the earliest due first."""
    now = func.clock_timestamp()
    free = (
        select(Mail.id)
        .where(
            Mail.lane == lane.value,
            Mail.due_at <= now,
            Mail.sent_at.is_(None),
            Mail.cancelled_at.is_(None),
            Mail.failed_at.is_(None),
            or_(Mail.claimed_until.is_(None), Mail.claimed_until <= now),
        )
        .order_by(Mail.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
        # Evaluated once: as a plain subquery it may be run again for every row, and then takes more than `most`.
        .cte("free")
    )
    rows = await session.execute(
        update(Mail)
        .where(Mail.id.in_(select(free.c.id)))
        .values(claimed_until=now + CLAIM, attempts=Mail.attempts + 1)
        .returning(
            Mail.id, Mail.key, Mail.kind, Mail.account_id, Mail.campaign_id, Mail.facts, Mail.attempts, Mail.queued_at
        )
    )
    return [
        Claimed(r.id, r.key, MailKind(r.kind), r.account_id, r.campaign_id, r.facts, r.attempts, r.queued_at)
        for r in rows
    ]


async def mark_sent(session: Session, ids: Collection[UUID]) -> None:
    await session.execute(
        update(Mail).where(Mail.id.in_(ids)).values(sent_at=func.clock_timestamp(), claimed_until=None, last_error=None)
    )


async def mark_cancelled(session: Session, ids: Collection[UUID]) -> None:
    """Its cause has vanished: a reminder of what is done is never sent."""
    await session.execute(
        update(Mail).where(Mail.id.in_(ids)).values(cancelled_at=func.clock_timestamp(), claimed_until=None)
    )


async def mark_failed(session: Session, mail_id: UUID, error: str) -> None:
    """The address refuses for good, or a day of trying is over."""
    await session.execute(
        update(Mail)
        .where(Mail.id == mail_id)
        .values(failed_at=func.clock_timestamp(), claimed_until=None, last_error=error)
    )


async def postpone(session: Session, mail_id: UUID, wait: timedelta, error: str) -> None:
    """Try again later; the row's own delay, so that one bad address holds up nobody."""
    await session.execute(
        update(Mail)
        .where(Mail.id == mail_id)
        .values(due_at=func.clock_timestamp() + wait, claimed_until=None, last_error=error)
    )


async def release(session: Session, ids: Collection[UUID]) -> None:
    """Give rows back untried: the server is away, and that is no fault of theirs."""
    await session.execute(update(Mail).where(Mail.id.in_(ids)).values(claimed_until=None, attempts=Mail.attempts - 1))


async def next_due(session: Session, lane: Lane) -> timedelta | None:
    """How long until something is due in this lane; None when nothing waits."""
    now = func.clock_timestamp()
    at = func.min(func.greatest(Mail.due_at, func.coalesce(Mail.claimed_until, Mail.due_at)))
    wait = await session.scalar(
        select(at - now).where(
            and_(
                Mail.lane == lane.value,
                Mail.sent_at.is_(None),
                Mail.cancelled_at.is_(None),
                Mail.failed_at.is_(None),
            )
        )
    )
    return wait


class Bell:
    """Wakes the relay the moment a mail is committed (PostgreSQL LISTEN)."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._rung = {lane: asyncio.Event() for lane in Lane}
        self._for_good = False

    async def listen(self) -> None:
        """Ring for every commit until cancelled or until the connection breaks, which raises."""
        async with self._engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            assert driver is not None, "a connection that is open has its driver's"
            await driver.set_autocommit(True)
            try:
                await driver.execute(f"listen {CHANNEL}")
                # Whatever was committed before LISTEN took hold is looked for once.
                self.ring()
                async for notify in driver.notifies():
                    self._rung[Lane(notify.payload)].set()
            finally:
                # It still listens: never back into the pool.
                await connection.invalidate()

    def ring(self, *, for_good: bool = False) -> None:
        """Wake everybody; for good, so that who comes to wait later does not."""
        self._for_good = for_good
        for event in self._rung.values():
            event.set()

    async def wait(self, lane: Lane, timeout: float) -> None:
        """Until something was committed for this lane, or the time is over."""
        try:
            async with asyncio.timeout(timeout):
                await self._rung[lane].wait()
        except TimeoutError:
            pass
        if not self._for_good:
            self._rung[lane].clear()


@dataclass(frozen=True, slots=True)
class Counts:
    waiting: int
    sent: int
    failed: int


async def counts(session: Session) -> Counts:
    """What operators see of the outbox."""
    over = or_(Mail.sent_at.is_not(None), Mail.cancelled_at.is_not(None), Mail.failed_at.is_not(None))
    row = (
        await session.execute(
            select(
                func.count().filter(~over).label("waiting"),
                func.count(Mail.sent_at).label("sent"),
                func.count(Mail.failed_at).label("failed"),
            )
        )
    ).one()
    return Counts(row.waiting, row.sent, row.failed)
