"""Who is signed in: one row per cookie, which only holds a random token."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.accounts import FACTOR_FRESH, LIFETIMES, STEP_UP, Role, SessionKind
from portal.store import Session
from portal.store.accounts import Account, StaffRole
from portal.store.base import Base
from portal.store.campaigns import CURRENT, REHEARSED, Current
from portal.store.members import Member

# A page view writes the row at most once a minute.
SEEN_EVERY = timedelta(seconds=60)

# Ended because the same person signed in once more often than staff may.
SUPERSEDED = "superseded"


class SignIn(Base):
    """A session on the server; the cookie's token is known here by its hash only."""

    __tablename__ = "sign_in"
    __table_args__ = (
        CheckConstraint("kind in ('activation', 'member', 'staff-pending', 'staff')", name="kind"),
        Index(None, "account_id"),
    )

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    # How the person's own pages name it; a new token changes nothing of that.
    id: Mapped[UUID] = mapped_column(unique=True, default=uuid4, server_default=func.gen_random_uuid())
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    kind: Mapped[str]
    # A family of browser as a short code (portal/rules/browsers.py), never what the browser said.
    browser: Mapped[str | None]
    # Sent back by every form of this session.
    form_token: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    expires_at: Mapped[datetime]
    stepped_up_at: Mapped[datetime | None]
    step_up_failures: Mapped[int] = mapped_column(default=0, server_default="0")
    # Of staff: when a key or a code was last shown, the challenge that waits for an answer, and whether a first
    # factor may be chosen here.
    factor_at: Mapped[datetime | None]
    challenge: Mapped[bytes | None]
    challenge_at: Mapped[datetime | None]
    may_enrol: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    # Why it was ended before its time, for whoever comes back to it; until the sweep.
    ended: Mapped[str | None]


@dataclass(frozen=True, slots=True)
class Visitor:
    """The person behind a cookie."""

    token_hash: bytes
    account_id: UUID
    member_id: UUID | None
    kind: SessionKind
    form_token: str
    stepped_up: bool
    # What stands at the top right: the name on the roll, else the address signed in with.
    name: str
    # What members' pages are about; None between two campaigns.
    campaign: Current | None
    # How much of the session is left if nothing is asked from now on.
    left: timedelta
    roles: frozenset[Role] = frozenset()
    # Of staff: a key or a code was shown a few minutes ago; and a first factor may be chosen.
    factor_fresh: bool = False
    may_enrol: bool = False


async def begin(
    session: Session,
    *,
    token_hash: bytes,
    account_id: UUID,
    kind: SessionKind,
    form_token: str,
    stepped_up: bool,
    browser: str | None = None,
    may_enrol: bool = False,
    factor: bool = False,
) -> None:
    now = func.clock_timestamp()
    session.add(
        SignIn(
            token_hash=token_hash,
            account_id=account_id,
            kind=kind.value,
            form_token=form_token,
            browser=browser,
            expires_at=now + LIFETIMES[kind].absolute,
            stepped_up_at=now if stepped_up else None,
            may_enrol=may_enrol,
            factor_at=now if factor else None,
        )
    )
    await session.flush()


_ROLES = (
    select(func.coalesce(func.array_agg(StaffRole.role), cast([], ARRAY(String))))
    .where(StaffRole.account_id == Account.id, Account.staff_suspended_at.is_(None))
    .scalar_subquery()
)
# Put together once: every request begins with it.
_VISITOR = (
    select(
        SignIn.account_id,
        SignIn.kind,
        SignIn.form_token,
        SignIn.seen_at,
        SignIn.stepped_up_at,
        SignIn.factor_at,
        SignIn.may_enrol,
        Account.member_id,
        Account.email,
        Member.given_name,
        Member.family_name,
        _ROLES.label("roles"),
        SignIn.expires_at,
        func.clock_timestamp().label("now"),
        # Who rehearses is in a world of their own.
        case((Member.rehearsal_id.is_not(None), REHEARSED.c.id), else_=CURRENT.c.id).label("campaign_id"),
        case((Member.rehearsal_id.is_not(None), REHEARSED.c.code), else_=CURRENT.c.code).label("campaign_code"),
    )
    .join(Account, Account.id == SignIn.account_id)
    .outerjoin(Member, Member.id == Account.member_id)
    .outerjoin(CURRENT, true())
    .outerjoin(REHEARSED, REHEARSED.c.id == Member.rehearsal_id)
    .where(SignIn.token_hash == bindparam("token"))
)


async def visitor(session: Session, token_hash: bytes, *, acts: bool = True) -> Visitor | None:
    """The session of this cookie if it is alive by the database clock; its idle time starts again if somebody acts.

    A page left open asks every few seconds how things stand: that is nobody's act, and keeps no session alive.
    """
    row = (await session.execute(_VISITOR, {"token": token_hash})).one_or_none()
    if row is None:
        return None
    kind = SessionKind(row.kind)
    seen_at, idle = row.seen_at, LIFETIMES[kind].idle
    if min(row.expires_at, seen_at + idle) <= row.now:
        return None
    if kind is SessionKind.STAFF and row.factor_at is None:
        # Begun by a release that knew no second factor: they sign in again.
        return None
    if acts and seen_at + SEEN_EVERY <= row.now:
        seen_at = row.now
        await session.execute(
            update(SignIn).where(SignIn.token_hash == token_hash).values(seen_at=func.clock_timestamp())
        )
    stepped_up = row.stepped_up_at is not None and row.now < row.stepped_up_at + STEP_UP
    return Visitor(
        token_hash, row.account_id,
        # A password alone opens nothing of theirs, not even their pages as a member.
        None if kind is SessionKind.STAFF_PENDING else row.member_id,
        kind, row.form_token, stepped_up,
        campaign=Current(row.campaign_id, row.campaign_code) if row.campaign_id else None,
        name=f"{row.given_name} {row.family_name}" if row.member_id else row.email or "",
        left=min(row.expires_at, seen_at + idle) - row.now,
        # A role counts in a staff session only: it is shorter, and begun as one.
        roles=frozenset(Role(r) for r in row.roles) if kind is SessionKind.STAFF else frozenset(),
        factor_fresh=row.factor_at is not None and row.now < row.factor_at + FACTOR_FRESH,
        may_enrol=row.may_enrol,
    )  # fmt: skip


async def replace(
    session: Session,
    old: bytes,
    new: bytes,
    *,
    form_token: str,
    stepped_up: bool,
    kind: SessionKind | None = None,
    factor: bool = False,
) -> None:
    """Give the session a new token: a cookie planted or copied before is dead from here on.

    `factor`: a key or a code was shown.
    """
    now = func.clock_timestamp()
    values: dict[str, object] = {"token_hash": new, "form_token": form_token, "step_up_failures": 0}
    if stepped_up:
        values["stepped_up_at"] = now
    if factor:
        values |= {"factor_at": now, "may_enrol": False, "challenge": None}
    if kind is not None:
        values["kind"] = kind.value
        values["expires_at"] = now + LIFETIMES[kind].absolute
    await session.execute(update(SignIn).where(SignIn.token_hash == old).values(**values))


async def count_step_up_failure(session: Session, token_hash: bytes) -> int:
    """A wrong password in a signed-in page; how many this session has had."""
    failures = await session.scalar(
        update(SignIn)
        .where(SignIn.token_hash == token_hash)
        .values(step_up_failures=SignIn.step_up_failures + 1)
        .returning(SignIn.step_up_failures)
    )
    return failures or 0


async def end(session: Session, token_hash: bytes) -> None:
    await session.execute(delete(SignIn).where(SignIn.token_hash == token_hash))


@dataclass(frozen=True, slots=True)
class Open:
    """A session that is alive, as its owner sees it."""

    id: UUID
    kind: SessionKind
    browser: str | None
    created_at: datetime
    seen_at: datetime
    # When it ends whatever happens.
    expires_at: datetime
    current: bool


_ALIVE = or_(
    *(
        and_(SignIn.kind == kind.value, SignIn.seen_at + life.idle > func.clock_timestamp())
        for kind, life in LIFETIMES.items()
    )
)
_OPEN = (
    select(
        SignIn.id,
        SignIn.kind,
        SignIn.browser,
        SignIn.created_at,
        SignIn.seen_at,
        SignIn.expires_at,
        (SignIn.token_hash == bindparam("token")).label("current"),
    )
    .where(SignIn.account_id == bindparam("account"), SignIn.expires_at > func.clock_timestamp(), _ALIVE)
    .order_by(SignIn.seen_at.desc())
)


async def of_account(session: Session, account_id: UUID, current: bytes) -> list[Open]:
    """Every session of an account that still opens something, the last seen first."""
    rows = await session.execute(_OPEN, {"account": account_id, "token": current})
    return [Open(r.id, SessionKind(r.kind), r.browser, r.created_at, r.seen_at, r.expires_at, r.current) for r in rows]


async def end_other(session: Session, account_id: UUID, sign_in_id: UUID, *, but: bytes) -> bool:
    """End one session of this account, never the current one; False if there is no such session."""
    ended = await session.scalar(
        delete(SignIn)
        .where(SignIn.id == sign_in_id, SignIn.account_id == account_id, SignIn.token_hash != but)
        .returning(SignIn.id)
    )
    return ended is not None


async def end_all(session: Session, account_id: UUID, *, but: bytes | None = None) -> int:
    """End every session of an account, the current one excepted if given; how many."""
    statement = delete(SignIn).where(SignIn.account_id == account_id)
    if but is not None:
        statement = statement.where(SignIn.token_hash != but)
    return len(list(await session.scalars(statement.returning(SignIn.id))))


async def end_oldest(session: Session, account_id: UUID, kind: SessionKind, most: int) -> int:
    """Leave the newest `most` sessions of a kind; the others open nothing any more, and say why until the sweep."""
    rank = func.row_number().over(order_by=SignIn.created_at.desc())
    ranked = (
        select(SignIn.token_hash, rank.label("rank"))
        .where(
            SignIn.account_id == account_id, SignIn.kind == kind.value, SignIn.expires_at > func.clock_timestamp(),
            _ALIVE,
        )
        .subquery()
    )  # fmt: skip
    over = select(ranked.c.token_hash).where(ranked.c.rank > most)
    ended = await session.scalars(
        update(SignIn)
        .where(SignIn.token_hash.in_(over))
        .values(expires_at=func.clock_timestamp(), ended=SUPERSEDED)
        .returning(SignIn.id)
    )
    return len(list(ended))


async def let_enrol(session: Session, token_hash: bytes) -> None:
    """In this session a first factor may be chosen."""
    await session.execute(update(SignIn).where(SignIn.token_hash == token_hash).values(may_enrol=True))


async def browser_of(session: Session, token_hash: bytes) -> str | None:
    return await session.scalar(select(SignIn.browser).where(SignIn.token_hash == token_hash))


async def why_ended(session: Session, token_hash: bytes) -> str | None:
    """Why a session ended before its time."""
    return await session.scalar(select(SignIn.ended).where(SignIn.token_hash == token_hash))


async def drop_expired(session: Session) -> None:
    await session.execute(delete(SignIn).where(SignIn.expires_at < func.clock_timestamp()))
