"""One-time links: made for an address, used once, worth nothing once a newer one exists."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Interval,
    Select,
    and_,
    bindparam,
    func,
    select,
    text,
    update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.accounts import LINKS_A_DAY, LINKS_AN_HOUR, Purpose
from portal.rules.refusals import Refusal
from portal.store import Session
from portal.store.accounts import Account
from portal.store.base import Base, table_of


class Link(Base):
    """A one-time link. Its token is never stored: it is derived from the id when the mail is written."""

    __tablename__ = "link"
    __table_args__ = (
        CheckConstraint("purpose in ('verification', 'renewal', 'invitation', 'recovery')", name="purpose"),
        Index(None, "account_id", "purpose"),
        # One link lives for each purpose, whatever is asked for at the same moment.
        Index(
            "uq_link_live",
            "account_id",
            "purpose",
            unique=True,
            postgresql_where=text("used_at is null and voided_at is null"),
        ),
        Index(
            "ix_link_renewal_open",
            "created_at",
            postgresql_where=text("purpose = 'renewal' and ended_at is null"),
        ),
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
    # Of a renewal: when its workflow last read it, and when it was over for that.
    taken_up_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


_LINK = table_of(Link)
_ACCOUNT = table_of(Account)
_NOW = func.clock_timestamp()

# Each purpose has its share: whoever asks for renewals in somebody's name must not silence their verification.
_RECENT = (
    select(
        func.count().filter(_LINK.c.created_at > _NOW - timedelta(hours=1)).label("hour"),
        func.count().label("day"),
    )
    .where(
        _LINK.c.account_id == bindparam("account"),
        _LINK.c.purpose == bindparam("for_purpose"),
        _LINK.c.email == bindparam("to_email"),
        _LINK.c.created_at > _NOW - timedelta(days=1),
    )
    .cte("recent")
)
_SHARE_LEFT = and_(_RECENT.c.hour < LINKS_AN_HOUR, _RECENT.c.day < LINKS_A_DAY)
_VOIDED = (
    update(_LINK)
    .where(
        _LINK.c.account_id == bindparam("account"),
        _LINK.c.purpose == bindparam("for_purpose"),
        _LINK.c.used_at.is_(None),
        _LINK.c.voided_at.is_(None),
        # Made a moment ago, by a try that could not report it.
        _LINK.c.id != bindparam("link"),
        select(_SHARE_LEFT).scalar_subquery(),
    )
    .values(voided_at=_NOW)
    .returning(_LINK.c.id)
    .cte("voided")
)
MADE = (
    insert(_LINK)
    .from_select(
        ["id", "account_id", "purpose", "email", "token_hash", "expires_at"],
        select(
            bindparam("link", type_=_LINK.c.id.type),
            bindparam("account", type_=_LINK.c.account_id.type),
            bindparam("for_purpose", type_=_LINK.c.purpose.type),
            bindparam("to_email", type_=_LINK.c.email.type),
            bindparam("hash", type_=_LINK.c.token_hash.type),
            _NOW + bindparam("valid", type_=Interval()),
            # Counting them has them voided first: the index allows one that lives.
        ).where(_SHARE_LEFT, select(func.count()).select_from(_VOIDED).scalar_subquery() >= 0),
        include_defaults=False,
    )
    # Asked for twice at the same moment, one is made.
    .on_conflict_do_nothing()
    .returning(_LINK.c.id)
    .cte("made")
)
_MAKE = select(MADE.c.id)

# Void is also a link whose address is no longer the account's.
_USE = (
    update(_LINK)
    .where(
        _LINK.c.id == bindparam("link"),
        _LINK.c.account_id == bindparam("account"),
        _LINK.c.purpose == bindparam("for_purpose"),
        _LINK.c.used_at.is_(None),
        _LINK.c.voided_at.is_(None),
        _LINK.c.email == select(Account.email).where(Account.id == bindparam("account")).scalar_subquery(),
        _LINK.c.expires_at > _NOW,
    )
    .values(used_at=_NOW)
    .returning(_LINK.c.account_id, _LINK.c.email)
)
_USED = _USE.cte("used")
# The address it went to is proven, if it still is the account's.
PROVEN = (
    update(_ACCOUNT)
    .where(_ACCOUNT.c.id == _USED.c.account_id, _ACCOUNT.c.email == _USED.c.email)
    .values(email_verified_at=func.coalesce(_ACCOUNT.c.email_verified_at, _NOW), email_bounced_at=None)
    .returning(_ACCOUNT.c.id)
    .cte("proven")
)
# A link of any purpose that is used has arrived: mail to this address does not come back any more.
_ARRIVED = (
    update(_ACCOUNT)
    .where(
        _ACCOUNT.c.id == _USED.c.account_id,
        _ACCOUNT.c.email == _USED.c.email,
        _ACCOUNT.c.email_bounced_at.is_not(None),
    )
    .values(email_bounced_at=None)
    .returning(_ACCOUNT.c.id)
    .cte("arrived")
)
_USE_IT = select(_USED.c.email).add_cte(_ARRIVED)


@dataclass(frozen=True, slots=True)
class LinkState:
    """A link as the database clock sees it; `refusal` is None while it may be used."""

    id: UUID
    account_id: UUID
    member_id: UUID | None
    purpose: Purpose
    expires_at: datetime
    code_tries: int
    refusal: Refusal | None
    used_at: datetime | None = None


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

    False, and nothing changed, once the address has had its share of the hour or of the day, or when another is made at
    this very moment.
    """
    if account.email is None:
        return False
    order = to_make(link_id=link_id, account=account, purpose=purpose, token_hash=token_hash, valid=valid)
    return await session.scalar(_MAKE, order) is not None


def to_make(
    *, link_id: UUID, account: Account, purpose: Purpose, token_hash: bytes, valid: timedelta
) -> dict[str, object]:
    """What MADE is told."""
    return {
        "link": link_id, "account": account.id, "for_purpose": purpose.value, "to_email": account.email,
        "hash": token_hash, "valid": valid,
    }  # fmt: skip


async def void(session: Session, account_id: UUID) -> None:
    """Void every unused link of an account."""
    await session.execute(
        update(Link)
        .where(Link.account_id == account_id, Link.used_at.is_(None), Link.voided_at.is_(None))
        .values(voided_at=_NOW)
    )


_LOOK = select(
    Link.id,
    Link.account_id,
    Link.purpose,
    Link.used_at,
    Link.voided_at,
    Link.expires_at,
    Link.code_tries,
    (Link.expires_at <= _NOW).label("expired"),
    (Link.email == Account.email).label("same_address"),
    Account.member_id,
).join(Account, Account.id == Link.account_id)
_FIND = _LOOK.where(Link.token_hash == bindparam("hash"))
_BY_ID = _LOOK.where(Link.id == bindparam("link"))
_NEWEST = _LOOK.where(
    Link.id
    == select(Link.id)
    .where(Link.account_id == bindparam("account"), Link.purpose == bindparam("for_purpose"), Link.voided_at.is_(None))
    .order_by(Link.created_at.desc())
    .limit(1)
    .scalar_subquery()
).with_for_update(of=Link)


async def find(session: Session, token_hash: bytes) -> LinkState | None:
    """The link of a token; looking changes nothing."""
    return await _state(session, _FIND, {"hash": token_hash})


async def by_id(session: Session, link_id: UUID) -> LinkState | None:
    return await _state(session, _BY_ID, {"link": link_id})


async def newest(session: Session, account_id: UUID, purpose: Purpose) -> LinkState | None:
    """The link whose code may be typed on the page left open.

    It is held until the transaction ends: parallel guesses at its code come one after the other.
    """
    return await _state(session, _NEWEST, {"account": account_id, "for_purpose": purpose.value})


async def _state(
    session: Session, statement: Select[*tuple[Any, ...]], which: Mapping[str, object]
) -> LinkState | None:
    row = (await session.execute(statement, which)).one_or_none()
    if row is None:
        return None
    refusal: Refusal | None = None
    if row.used_at is not None:
        refusal = Refusal.LINK_USED
    elif row.voided_at is not None or not row.same_address:
        refusal = Refusal.LINK_SUPERSEDED
    elif row.expired:
        refusal = Refusal.LINK_EXPIRED
    return LinkState(
        row.id, row.account_id, row.member_id, Purpose(row.purpose), row.expires_at, row.code_tries, refusal,
        row.used_at,
    )  # fmt: skip


async def use(session: Session, link_id: UUID, purpose: Purpose, account_id: UUID) -> str | None:
    """Use a link, in one statement, hence once; the address it proves, or None if it is spent, void or expired.

    Void is also a link whose address is no longer the account's.
    """
    used = (await session.execute(_USE_IT, to_use(link_id, purpose, account_id))).one_or_none()
    return None if used is None else used.email


def to_use(link_id: UUID, purpose: Purpose, account_id: UUID) -> dict[str, object]:
    """What PROVEN is told."""
    return {"link": link_id, "account": account_id, "for_purpose": purpose.value}


async def count_wrong_code(session: Session, link_id: UUID) -> None:
    """One of the few tries of a link that is held. A right code uses up nothing: it may be sent again."""
    await session.execute(update(Link).where(Link.id == link_id).values(code_tries=Link.code_tries + 1))
