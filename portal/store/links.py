"""One-time links: made for an address, used once, worth nothing once a newer one exists."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.accounts import CODE_TRIES, LINKS_A_DAY, LINKS_AN_HOUR, Purpose
from portal.rules.refusals import Refusal
from portal.store import Session
from portal.store.accounts import Account
from portal.store.base import Base


class Link(Base):
    """A one-time link. Its token is never stored: it is derived from the id when the mail is written."""

    __tablename__ = "link"
    __table_args__ = (
        CheckConstraint("purpose in ('verification', 'renewal')", name="purpose"),
        Index(None, "account_id", "purpose"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    purpose: Mapped[str]
    # The address it went to: a link does not prove an address that has changed since.
    email: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    code_tries: Mapped[int] = mapped_column(default=0, server_default="0")


@dataclass(frozen=True, slots=True)
class LinkState:
    """A link as the database clock sees it; `refusal` is None while it may be used."""

    id: UUID
    account_id: UUID
    member_id: UUID | None
    purpose: Purpose
    expires_at: datetime
    refusal: Refusal | None


async def make(
    session: Session,
    *,
    link_id: UUID,
    account: Account,
    purpose: Purpose,
    token_hash: bytes,
    valid: timedelta,
) -> bool:
    """A new link to the account's address; every older one of the same purpose is void.

    False, and nothing changed, once the address has had its share of the hour or of the day.
    """
    if account.email is None:
        return False
    # Two requests at the same moment come one after the other: one link lives, and the share is counted once.
    await session.execute(select(Account.id).where(Account.id == account.id).with_for_update(key_share=True))
    now = func.clock_timestamp()
    # Each purpose has its share: whoever asks for renewals in somebody's name must not silence their verification.
    mine = (Link.email == account.email, Link.account_id == account.id, Link.purpose == purpose.value)
    recent = (
        await session.execute(
            select(
                func.count().filter(Link.created_at > now - timedelta(hours=1)).label("hour"),
                func.count().label("day"),
            ).where(*mine, Link.created_at > now - timedelta(days=1))
        )
    ).one()
    if recent.hour >= LINKS_AN_HOUR or recent.day >= LINKS_A_DAY:
        return False
    await void(session, account.id, purpose)
    await session.execute(
        insert(Link).values(
            id=link_id,
            account_id=account.id,
            purpose=purpose.value,
            email=account.email,
            token_hash=token_hash,
            expires_at=now + valid,
        )
    )
    return True


async def void(session: Session, account_id: UUID, purpose: Purpose | None = None) -> None:
    """Void every unused link of an account."""
    statement = update(Link).where(Link.account_id == account_id, Link.used_at.is_(None), Link.voided_at.is_(None))
    if purpose is not None:
        statement = statement.where(Link.purpose == purpose.value)
    await session.execute(statement.values(voided_at=func.clock_timestamp()))


async def find(session: Session, token_hash: bytes) -> LinkState | None:
    """The link of a token; looking changes nothing."""
    return await _state(session, Link.token_hash == token_hash)


async def by_id(session: Session, link_id: UUID) -> LinkState | None:
    return await _state(session, Link.id == link_id)


async def newest(session: Session, account_id: UUID, purpose: Purpose) -> LinkState | None:
    """The link whose code may be typed on the page left open."""
    newest_id = (
        select(Link.id)
        .where(Link.account_id == account_id, Link.purpose == purpose.value, Link.voided_at.is_(None))
        .order_by(Link.created_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    return await _state(session, Link.id == newest_id)


async def _state(session: Session, condition: object) -> LinkState | None:
    row = (
        await session.execute(
            select(
                Link.id,
                Link.account_id,
                Link.purpose,
                Link.used_at,
                Link.voided_at,
                Link.expires_at,
                (Link.expires_at <= func.clock_timestamp()).label("expired"),
                (Link.email == Account.email).label("same_address"),
                Account.member_id,
            )
            .join(Account, Account.id == Link.account_id)
            .where(condition)  # type: ignore[arg-type]
        )
    ).one_or_none()
    if row is None:
        return None
    refusal: Refusal | None = None
    if row.used_at is not None:
        refusal = Refusal.LINK_USED
    elif row.voided_at is not None or not row.same_address:
        refusal = Refusal.LINK_SUPERSEDED
    elif row.expired:
        refusal = Refusal.LINK_EXPIRED
    return LinkState(row.id, row.account_id, row.member_id, Purpose(row.purpose), row.expires_at, refusal)


async def use(session: Session, link_id: UUID, purpose: Purpose, account_id: UUID) -> str | None:
    """Use a link, in one statement, hence once; the address it proves, or None if it is spent, void or expired.

    Void is also a link whose address is no longer the account's.
    """
    address = select(Account.email).where(Account.id == account_id).scalar_subquery()
    return await session.scalar(
        update(Link)
        .where(
            Link.id == link_id,
            Link.account_id == account_id,
            Link.purpose == purpose.value,
            Link.used_at.is_(None),
            Link.voided_at.is_(None),
            Link.email == address,
            Link.expires_at > func.clock_timestamp(),
        )
        .values(used_at=func.clock_timestamp())
        .returning(Link.email)
    )


async def spend_code_try(session: Session, link_id: UUID) -> bool:
    """Use up one of the few tries of a typed code, before it is compared."""
    spent = await session.scalar(
        update(Link)
        .where(Link.id == link_id, Link.code_tries < CODE_TRIES)
        .values(code_tries=Link.code_tries + 1)
        .returning(Link.id)
    )
    return spent is not None


async def give_back_code_try(session: Session, link_id: UUID) -> None:
    """The code was right: asking again for an answer that did not come uses up nothing."""
    await session.execute(
        update(Link).where(Link.id == link_id, Link.code_tries > 0).values(code_tries=Link.code_tries - 1)
    )
