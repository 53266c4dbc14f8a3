"""Ways in: accounts, staff roles, and the counters that slow a guesser down."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, case, delete, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.accounts import NUMBER_TRIES, Limit, Role, delay_after
from portal.store import Session
from portal.store.base import Base, NewId


class Account(Base):
    """One way in. `email` is the sign-in name in canonical form; none until the union knows it."""

    __tablename__ = "account"

    id: Mapped[NewId]
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"), unique=True)
    email: Mapped[str | None] = mapped_column(unique=True)
    email_verified_at: Mapped[datetime | None]
    password_hash: Mapped[str | None]
    password_set_at: Mapped[datetime | None]
    # Wrong tries of the member number, over the whole life of the account.
    number_tries: Mapped[int] = mapped_column(server_default="0")
    # Mail to this address came back for good. The database forgets it when the address changes.
    email_bounced_at: Mapped[datetime | None]
    # The member wants no reminders; what is owed to every voter still goes.
    reminders_off_at: Mapped[datetime | None]
    # Their roles count for nothing from here on, until another officer gives them back (portal/store/staff.py).
    staff_suspended_at: Mapped[datetime | None]


class StaffRole(Base):
    __tablename__ = "staff_role"
    __table_args__ = (CheckConstraint("role in ('reviewer', 'operator', 'officer', 'auditor')", name="role"),)

    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)


class Attempt(Base):
    """A counter of attempts. Its key is a keyed hash, so that the table names nobody, known or unknown."""

    __tablename__ = "attempt"

    key: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
    last_at: Mapped[datetime]
    count: Mapped[int]


async def by_id(session: Session, account_id: UUID) -> Account | None:
    return await session.get(Account, account_id)


async def by_email(session: Session, email: str) -> Account | None:
    return await session.scalar(select(Account).where(Account.email == email))


async def holder(session: Session, email: str) -> tuple[UUID | None, UUID | None]:
    """Account and member behind a sign-in name, for what is written down and not shown."""
    row = (await session.execute(select(Account.id, Account.member_id).where(Account.email == email))).one_or_none()
    return (None, None) if row is None else (row.id, row.member_id)


async def of_member(session: Session, member_id: UUID) -> Account | None:
    return await session.scalar(select(Account).where(Account.member_id == member_id))


async def roles(session: Session, account_id: UUID) -> frozenset[Role]:
    """What somebody may do as staff; nothing while suspended."""
    rows = await session.scalars(
        select(StaffRole.role)
        .join(Account, Account.id == StaffRole.account_id)
        .where(StaffRole.account_id == account_id, Account.staff_suspended_at.is_(None))
    )
    return frozenset(Role(row) for row in rows)


async def with_role(session: Session, role: Role) -> Sequence[UUID]:
    """The accounts of everybody who has this role."""
    rows = await session.scalars(
        select(StaffRole.account_id)
        .join(Account, Account.id == StaffRole.account_id)
        .where(StaffRole.role == role.value, Account.staff_suspended_at.is_(None))
        .order_by(StaffRole.account_id)
    )
    return rows.all()


async def open_for(session: Session, member_id: UUID) -> Account:
    """The account of somebody on the roll, without an address if there was none."""
    await session.execute(
        insert(Account).values(id=uuid4(), member_id=member_id).on_conflict_do_nothing(index_elements=["member_id"])
    )
    account = await of_member(session, member_id)
    assert account is not None
    return account


async def set_password(session: Session, account_id: UUID, password_hash: str) -> None:
    """Store a new hash; the member number never opens anything again."""
    await session.execute(
        update(Account)
        .where(Account.id == account_id)
        .values(password_hash=password_hash, password_set_at=func.clock_timestamp())
    )


async def upgrade_hash(session: Session, account_id: UUID, old: str, new: str) -> None:
    """Store the same password under today's parameters, unless it was changed meanwhile."""
    await session.execute(
        update(Account).where(Account.id == account_id, Account.password_hash == old).values(password_hash=new)
    )


async def reminders(session: Session, account_id: UUID, on: bool) -> None:
    """Send this person reminders, or none from now on; said twice, the first moment stands."""
    off_at = None if on else func.coalesce(Account.reminders_off_at, func.clock_timestamp())
    await session.execute(update(Account).where(Account.id == account_id).values(reminders_off_at=off_at))


async def spend_number_try(session: Session, account_id: UUID) -> bool:
    """Use up one of the five tries a member number has in its life; False when none is left.

    Spent before the number is compared, so that parallel guesses cannot share one try.
    """
    spent = await session.scalar(
        update(Account)
        .where(Account.id == account_id, Account.number_tries < NUMBER_TRIES)
        .values(number_tries=Account.number_tries + 1)
        .returning(Account.id)
    )
    return spent is not None


async def give_back_number_try(session: Session, account_id: UUID) -> None:
    """The number was right: it did not count."""
    await session.execute(
        update(Account)
        .where(Account.id == account_id, Account.number_tries > 0)
        .values(number_tries=Account.number_tries - 1)
    )


async def attempt(session: Session, key: str, limit: Limit) -> bool:
    """Count one attempt in a fixed window that begins with the first; False beyond the limit."""
    now = func.clock_timestamp()
    over = Attempt.since + limit.period <= now
    count = await session.scalar(
        insert(Attempt)
        .values(key=key, since=now, last_at=now, count=1)
        .on_conflict_do_update(
            index_elements=[Attempt.key],
            set_={
                "count": case((over, 1), else_=Attempt.count + 1),
                "since": case((over, now), else_=Attempt.since),
                "last_at": now,
            },
        )
        .returning(Attempt.count)
    )
    return count is not None and count <= limit.most


async def count_of(session: Session, key: str, period: timedelta) -> int:
    """How many attempts the running window holds."""
    count = await session.scalar(
        select(Attempt.count).where(Attempt.key == key, Attempt.since + period > func.clock_timestamp())
    )
    return count or 0


# The delays of the rules, said once in SQL: only the database can count and compare in one statement.
_STEPS = (10, 7, 5)


async def try_password(session: Session, key: str) -> bool:
    """Begin one try of a password for this sign-in name; False while its delay runs, which counts nothing.

    Counted before the hash is computed, so that parallel guesses cannot slip through together. A day without a try
    forgets all.
    """
    now = func.clock_timestamp()
    forgotten = Attempt.last_at + timedelta(days=1) <= now
    wait = case(
        *((Attempt.count >= n, literal(delay_after(n))) for n in _STEPS),
        else_=literal(timedelta(0)),
    )
    begun = await session.scalar(
        insert(Attempt)
        .values(key=key, since=now, last_at=now, count=1)
        .on_conflict_do_update(
            index_elements=[Attempt.key],
            set_={"count": case((forgotten, 1), else_=Attempt.count + 1), "last_at": now},
            where=Attempt.last_at + wait <= now,
        )
        .returning(Attempt.count)
    )
    return begun is not None


async def give_back(session: Session, key: str) -> None:
    """One attempt was none: it does not count."""
    await session.execute(update(Attempt).where(Attempt.key == key, Attempt.count > 0).values(count=Attempt.count - 1))


async def forget_tries(session: Session, key: str) -> None:
    """The password was right: the count begins anew."""
    await session.execute(delete(Attempt).where(Attempt.key == key))


async def drop_old_attempts(session: Session, before: datetime) -> None:
    await session.execute(delete(Attempt).where(Attempt.last_at < before))
