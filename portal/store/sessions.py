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
    true,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.accounts import LIFETIMES, STEP_UP, Role, SessionKind
from portal.store import Session
from portal.store.accounts import Account, StaffRole
from portal.store.base import Base
from portal.store.campaigns import CURRENT, REHEARSED, Current
from portal.store.members import Member

# A page view writes the row at most once a minute.
SEEN_EVERY = timedelta(seconds=60)


class SignIn(Base):
    """A session on the server; the cookie's token is known here by its hash only."""

    __tablename__ = "sign_in"
    __table_args__ = (
        CheckConstraint("kind in ('activation', 'member', 'staff')", name="kind"),
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


async def begin(
    session: Session,
    *,
    token_hash: bytes,
    account_id: UUID,
    kind: SessionKind,
    form_token: str,
    stepped_up: bool,
    browser: str | None = None,
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
        )
    )
    await session.flush()


_ROLES = (
    select(func.coalesce(func.array_agg(StaffRole.role), cast([], ARRAY(String))))
    .where(StaffRole.account_id == Account.id)
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
    if acts and seen_at + SEEN_EVERY <= row.now:
        seen_at = row.now
        await session.execute(
            update(SignIn).where(SignIn.token_hash == token_hash).values(seen_at=func.clock_timestamp())
        )
    stepped_up = row.stepped_up_at is not None and row.now < row.stepped_up_at + STEP_UP
    return Visitor(
        token_hash, row.account_id, row.member_id, kind, row.form_token, stepped_up,
        campaign=Current(row.campaign_id, row.campaign_code) if row.campaign_id else None,
        name=f"{row.given_name} {row.family_name}" if row.member_id else row.email or "",
        left=min(row.expires_at, seen_at + idle) - row.now,
        # A role counts in a staff session only: it is shorter, and begun as one.
        roles=frozenset(Role(r) for r in row.roles) if kind is SessionKind.STAFF else frozenset(),
    )  # fmt: skip


async def replace(
    session: Session, old: bytes, new: bytes, *, form_token: str, stepped_up: bool, kind: SessionKind | None = None
) -> None:
    """Give the session a new token: a cookie planted or copied before is dead from here on."""
    now = func.clock_timestamp()
    values: dict[str, object] = {"token_hash": new, "form_token": form_token, "step_up_failures": 0}
    if stepped_up:
        values["stepped_up_at"] = now
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


async def drop_expired(session: Session) -> None:
    await session.execute(delete(SignIn).where(SignIn.expires_at < func.clock_timestamp()))
