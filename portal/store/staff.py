"""Staff accounts: officers keep them by acts, each of which PostgreSQL checks and carries out, or refuses.

Pages cannot write a role: they add an act, with its author, and a trigger that owns the tables does what it says.
Nobody acts on their own account, the last officer stays, and factors are reset by two (security-tests.md T62).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, String, Text, cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.accounts import Role, SessionKind
from portal.rules.refusals import Refusal, Refused
from portal.store import DBAPIError, Session, journal
from portal.store.accounts import Account, StaffRole
from portal.store.base import Base
from portal.store.factors import Authenticator, Passkey
from portal.store.sessions import SignIn


class Act(StrEnum):
    """What an officer may do to somebody of the staff."""

    INVITE = "invite"
    GRANT = "grant"
    REVOKE = "revoke"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    END_SESSIONS = "end-sessions"
    # Recovery: one officer asks, another confirms, and hands over what lets the person register a new key.
    ASK_RESET = "ask-reset"
    RESET = "reset"
    # Another officer: one proposes, another gives the role.
    ASK_OFFICER = "ask-officer"


# How each is written down in the journal.
ACTIONS = {
    Act.INVITE: "staff-invited",
    Act.GRANT: "staff-role-given",
    Act.REVOKE: "staff-role-taken",
    Act.SUSPEND: "staff-suspended",
    Act.REINSTATE: "staff-reinstated",
    Act.END_SESSIONS: "staff-sessions-ended",
    Act.ASK_RESET: "staff-reset-asked",
    Act.RESET: "staff-factors-reset",
    Act.ASK_OFFICER: "staff-officer-proposed",
}

# The words of our own triggers, and what each means.
_REFUSALS = {
    "nobody acts on their own account": Refusal.OWN_ACCOUNT,
    "the last officer stays": Refusal.LAST_OFFICER,
    "another officer asks first": Refusal.RESET_NEEDS_ANOTHER,
    "two officers make an officer": Refusal.OFFICER_NEEDS_ANOTHER,
    "only an officer acts on staff": Refusal.NOT_ALLOWED,
    "nobody of a rehearsal is staff": Refusal.NOT_ALLOWED,
    "in this role for less than a day": Refusal.ROLE_TOO_NEW,
    # One question is answered once.
    "uq_staff_act_confirms": Refusal.RESET_NEEDS_ANOTHER,
}
ASKED_FOR = timedelta(hours=24)
# Whom an officer gave a role so long ago or less is nobody's second person (`new_in_role`).
NEW_FOR = timedelta(hours=24)


class StaffAct(Base):
    """One act, never changed. An address is only passed through: the trigger takes it out before the row is kept."""

    __tablename__ = "staff_act"
    __table_args__ = (
        CheckConstraint(
            "kind in ('invite', 'grant', 'revoke', 'suspend', 'reinstate', 'end-sessions', 'ask-reset', 'reset',"
            " 'ask-officer')",
            name="kind",
        ),
        CheckConstraint("(kind in ('grant', 'revoke')) = (role is not null)", name="role"),
        CheckConstraint("email is null", name="email"),
        Index(None, "account_id", "at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    kind: Mapped[str]
    # None: from a shell, by whoever holds the database.
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    role: Mapped[str | None]
    email: Mapped[str | None]
    confirms: Mapped[UUID | None] = mapped_column(ForeignKey("staff_act.id"), unique=True)


SHELL = "shell"


async def act(
    session: Session,
    kind: Act,
    *,
    actor_id: UUID | None,
    account_id: UUID | None = None,
    role: Role | None = None,
    email: str | None = None,
    confirms: UUID | None = None,
) -> UUID:
    """Do it and write it down; whose account it was. Refused by the records if it may not be."""
    values: dict[str, object] = {"id": uuid4(), "kind": kind.value, "actor_id": actor_id, "account_id": account_id}
    values |= {"role": role.value if role else None, "email": email, "confirms": confirms}
    try:
        whose: UUID | None = await session.scalar(insert(StaffAct).values(**values).returning(StaffAct.account_id))
    except DBAPIError as error:
        refusal = next((r for words, r in _REFUSALS.items() if words in str(error)), None)
        if refusal is None:
            raise
        raise Refused(refusal) from None
    assert whose is not None, "the trigger knows whose account it is"
    await journal.write(
        session, ACTIONS[kind], actor="officer" if actor_id else SHELL, actor_id=actor_id, subject_id=whose,
        code=role.value if role else None,
    )  # fmt: skip
    return whose


async def new_in_role(session: Session, account_id: UUID, *roles: Role) -> bool:
    """Whether an officer has given them all they hold of these within a day: then they are nobody's second person."""
    codes = cast([role.value for role in roles], ARRAY(Text))
    return bool(await session.scalar(select(func.new_in_role(account_id, codes))))


async def too_new_until(session: Session, account_id: UUID, *roles: Role) -> datetime | None:
    """Until when they are nobody's second person; None if they may be one."""
    if not await new_in_role(session, account_id, *roles):
        return None
    given = (
        select(func.max(StaffAct.at).label("at"))
        .join(StaffRole, (StaffRole.account_id == StaffAct.account_id) & (StaffRole.role == StaffAct.role))
        .where(StaffAct.account_id == account_id, StaffAct.kind == Act.GRANT.value, StaffAct.actor_id.is_not(None))
        .where(StaffAct.role.in_([role.value for role in roles]))
        .group_by(StaffAct.role)
        .subquery()
    )
    first = await session.scalar(select(func.min(given.c.at)))
    return None if first is None else first + NEW_FOR


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody of the staff, as officers see them."""

    id: UUID
    email: str
    roles: frozenset[Role]
    suspended_at: datetime | None
    has_password: bool
    passkeys: int
    codes: bool
    sessions: int
    last_seen: datetime | None

    @property
    def enrolled(self) -> bool:
        return self.passkeys > 0 or self.codes

    @property
    def code(self) -> str:
        return staff_code(self.id)


def staff_code(account_id: UUID) -> str:
    """How the journal's readers tell one person of the staff from another: no name, no address."""
    return account_id.hex[:6].upper()


_COLLEAGUES = (
    select(
        Account.id,
        Account.email,
        Account.staff_suspended_at,
        Account.password_hash.is_not(None).label("has_password"),
        select(func.coalesce(func.array_agg(StaffRole.role), cast([], ARRAY(String))))
        .where(StaffRole.account_id == Account.id)
        .scalar_subquery()
        .label("roles"),
        select(func.count()).where(Passkey.account_id == Account.id).scalar_subquery().label("passkeys"),
        exists().where(Authenticator.account_id == Account.id, Authenticator.secret.is_not(None)).label("codes"),
        select(func.count())
        .where(
            SignIn.account_id == Account.id, SignIn.kind == SessionKind.STAFF.value,
            SignIn.expires_at > func.clock_timestamp(),
        )
        .scalar_subquery()
        .label("sessions"),
        select(func.max(SignIn.seen_at)).where(SignIn.account_id == Account.id).scalar_subquery().label("last_seen"),
    )
    # Whoever has a role, or had one: an account without any is still somebody's.
    .where(
        or_(
            exists().where(StaffRole.account_id == Account.id),
            exists().where(StaffAct.account_id == Account.id),
        )
    )
    .order_by(Account.staff_suspended_at.is_not(None), Account.email)
)  # fmt: skip


async def everybody(session: Session) -> list[Colleague]:
    return [_colleague(row) for row in await session.execute(_COLLEAGUES)]


async def colleague(session: Session, account_id: UUID) -> Colleague | None:
    row = (await session.execute(_COLLEAGUES.where(Account.id == account_id))).one_or_none()
    return None if row is None else _colleague(row)


def _colleague(row: Any) -> Colleague:
    return Colleague(
        row.id, row.email or "", frozenset(Role(role) for role in row.roles), row.staff_suspended_at,
        row.has_password, row.passkeys, row.codes, row.sessions, row.last_seen,
    )  # fmt: skip


async def acts_on(session: Session, account_id: UUID, most: int = 50) -> Sequence[StaffAct]:
    """What was done to an account, newest first."""
    rows = await session.scalars(
        select(StaffAct).where(StaffAct.account_id == account_id).order_by(StaffAct.at.desc()).limit(most)
    )
    return rows.all()


async def was_reset(session: Session, account_id: UUID) -> bool:
    """Whether their keys were ever erased."""
    erased = exists().where(StaffAct.account_id == account_id, StaffAct.kind == Act.RESET.value)
    return bool(await session.scalar(select(erased)))


async def officer_takes_two(session: Session) -> bool:
    """Whether one officer alone may not make another: there are two who can."""
    return bool(await session.scalar(select(func.officer_takes_two())))


async def asked(session: Session, account_id: UUID, question: Act) -> StaffAct | None:
    """The question that another officer may still answer."""
    answered = select(StaffAct.confirms).where(StaffAct.confirms.is_not(None))
    return await session.scalar(
        select(StaffAct)
        .where(
            StaffAct.account_id == account_id, StaffAct.kind == question.value,
            StaffAct.at > func.clock_timestamp() - ASKED_FOR, StaffAct.id.not_in(answered),
        )
        .order_by(StaffAct.at.desc())
        .limit(1)
    )  # fmt: skip
