"""Who is signed in: one row per cookie, which only holds a random token."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    bindparam,
    cast,
    delete,
    func,
    select,
    true,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.accounts import LIFETIMES, STEP_UP, Role, SessionKind
from portal.store import Session
from portal.store.accounts import Account, StaffRole
from portal.store.base import Base
from portal.store.campaigns import CURRENT, Current
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
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    kind: Mapped[str]
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
    roles: frozenset[Role] = frozenset()


async def begin(
    session: Session, *, token_hash: bytes, account_id: UUID, kind: SessionKind, form_token: str, stepped_up: bool
) -> None:
    now = func.clock_timestamp()
    session.add(
        SignIn(
            token_hash=token_hash,
            account_id=account_id,
            kind=kind.value,
            form_token=form_token,
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
        (SignIn.expires_at > func.clock_timestamp()).label("alive"),
        func.clock_timestamp().label("now"),
        CURRENT.c.id.label("campaign_id"),
        CURRENT.c.code.label("campaign_code"),
    )
    .join(Account, Account.id == SignIn.account_id)
    .outerjoin(Member, Member.id == Account.member_id)
    .outerjoin(CURRENT, true())
    .where(SignIn.token_hash == bindparam("token"))
)


async def visitor(session: Session, token_hash: bytes) -> Visitor | None:
    """The session of this cookie if it is alive by the database clock; its idle time starts again."""
    row = (await session.execute(_VISITOR, {"token": token_hash})).one_or_none()
    if row is None:
        return None
    kind = SessionKind(row.kind)
    if not row.alive or row.seen_at + LIFETIMES[kind].idle <= row.now:
        return None
    if row.seen_at + SEEN_EVERY <= row.now:
        await session.execute(
            update(SignIn).where(SignIn.token_hash == token_hash).values(seen_at=func.clock_timestamp())
        )
    stepped_up = row.stepped_up_at is not None and row.now < row.stepped_up_at + STEP_UP
    return Visitor(
        token_hash, row.account_id, row.member_id, kind, row.form_token, stepped_up,
        campaign=Current(row.campaign_id, row.campaign_code) if row.campaign_id else None,
        name=f"{row.given_name} {row.family_name}" if row.member_id else row.email or "",
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


async def end_all(session: Session, account_id: UUID, *, but: bytes | None = None) -> None:
    """End every session of an account, the current one excepted if given."""
    statement = delete(SignIn).where(SignIn.account_id == account_id)
    if but is not None:
        statement = statement.where(SignIn.token_hash != but)
    await session.execute(statement)


async def drop_expired(session: Session) -> None:
    await session.execute(delete(SignIn).where(SignIn.expires_at < func.clock_timestamp()))
