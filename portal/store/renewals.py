"""The renewal of a password as its workflow sees it: the link is taken up, used or not, and over."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, bindparam, func, or_, select, update

from portal.rules.accounts import Purpose
from portal.store import Session
from portal.store.accounts import Account
from portal.store.base import table_of
from portal.store.links import Link

_LINK = table_of(Link)
_NOW = func.clock_timestamp()

# The row is held: a link that is used after this is used at a later moment.
_TAKE_UP = update(Link).where(Link.id == bindparam("which")).values(taken_up_at=_NOW).returning(Link)


async def take_up(session: Session, link_id: UUID) -> Link | None:
    """Read a link for its workflow, and remember when."""
    return await session.scalar(_TAKE_UP, {"which": link_id})


async def prove_address(session: Session, link: Link) -> Account | None:
    """Whoever used a link reads the mailbox it went to: that address is proven, if it still is the account's."""
    return await session.scalar(
        update(Account)
        .where(Account.id == link.account_id, Account.email == link.email)
        .values(email_verified_at=func.coalesce(Account.email_verified_at, _NOW))
        .returning(Account)
    )


async def end(session: Session, link: Link) -> None:
    link.ended_at = _NOW
    await session.flush()


@dataclass(frozen=True, slots=True)
class Unheard:
    """A renewal whose workflow has not read what happened to it."""

    link_id: UUID
    used: bool


_UNHEARD = (
    select(_LINK.c.id, _LINK.c.used_at)
    .where(
        _LINK.c.purpose == Purpose.RENEWAL.value,
        _LINK.c.ended_at.is_(None),
        or_(
            and_(_LINK.c.taken_up_at.is_(None), _LINK.c.created_at < _NOW - bindparam("overdue")),
            and_(_LINK.c.taken_up_at < _LINK.c.used_at, _LINK.c.used_at < _NOW - bindparam("overdue")),
            # Its workflow may have been ended by hand.
            and_(_LINK.c.expires_at < _NOW - bindparam("asleep"), _LINK.c.taken_up_at < _NOW - bindparam("asleep")),
        ),
    )
    .order_by(_LINK.c.created_at)
    .limit(100)
)


async def unheard(session: Session, *, overdue: timedelta, asleep: timedelta) -> list[Unheard]:
    rows = await session.execute(_UNHEARD, {"overdue": overdue, "asleep": asleep})
    return [Unheard(r.id, r.used_at is not None) for r in rows]
