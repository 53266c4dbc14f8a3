"""Requests made at the doors beside the entrance: taken, proven, decided, applied, and forgotten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, bindparam, exists, func, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.doors import PROOF_VALID, Door, Reason, Status, Verdict
from portal.rules.refusals import Refusal
from portal.store import Session, accounts, members
from portal.store.accounts import Account
from portal.store.base import Base, NewId, table_of
from portal.store.mail import Mail
from portal.store.members import Member

_LIVE = text("ended_at is null")


class DoorRequest(Base):
    """One form sent at one door. What was typed is here and nowhere else, until it is forgotten."""

    __tablename__ = "door_request"
    __table_args__ = (
        CheckConstraint("kind in ('register-email', 'join')", name="kind"),
        CheckConstraint(
            "status in ('asked', 'proven', 'decided', 'accepted', 'refused', 'lapsed')", name="status"
        ),
        CheckConstraint("language in ('fr', 'en')", name="language"),
        CheckConstraint("verdict in ('accept', 'refuse')", name="verdict"),
        CheckConstraint("email is not null or ended_at is not null", name="email"),
        # The same form sent twice is one request while the first one lives.
        Index(
            "uq_door_request_live", "kind", "email", "number", unique=True, postgresql_where=_LIVE,
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_door_request_waiting", "status", "proven_at", postgresql_where=_LIVE),
    )  # fmt: skip

    id: Mapped[NewId]
    kind: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=Status.ASKED.value)
    # What its mails are written in.
    language: Mapped[str]
    # As `canonical_email` spells it; gone once the request is forgotten, like all that was typed.
    email: Mapped[str | None]
    number: Mapped[str | None]
    said: Mapped[dict[str, str]] = mapped_column(JSONB)
    # Whose it is: known from their own session, or once it was accepted. A number that was typed proves nothing.
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    # Of the token that proves the address; the token is derived from the id.
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    asked_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    # When its workflow last read it: what happened since has not been heard.
    taken_up_at: Mapped[datetime | None]
    proven_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    verdict: Mapped[str | None]
    reason: Mapped[str | None]
    note_fr: Mapped[str | None]
    note_en: Mapped[str | None]
    # The entry of the roll that whoever accepted had seen beside it.
    compared_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))
    # For somebody who is on no roll yet: from the union's own system, typed by whoever accepts.
    roll_number: Mapped[str | None]
    roll_group: Mapped[str | None]
    ended_at: Mapped[datetime | None]

    @property
    def door(self) -> Door:
        return Door(self.kind)

    @property
    def refused_for(self) -> Reason | None:
        return Reason(self.reason) if self.reason is not None else None


_REQUEST = table_of(DoorRequest)
_NOW = func.clock_timestamp()


# --- the form and its proof -----------------------------------------------------------------------------

_TAKE = (
    insert(_REQUEST)
    .values(
        {name: bindparam(name) for name in
         ("id", "kind", "language", "email", "number", "said", "member_id", "token_hash")}
    )
)  # fmt: skip
# Sent again before the address is proven, the newest form is the one that counts: it may correct the first.
_TAKE_NEWEST = _TAKE.on_conflict_do_update(
    index_elements=[_REQUEST.c.kind, _REQUEST.c.email, _REQUEST.c.number],
    index_where=_LIVE,
    set_={name: _TAKE.excluded[name] for name in ("said", "language", "member_id")},
    where=_REQUEST.c.status == Status.ASKED.value,
).returning(_REQUEST.c.id)


async def take(
    session: Session, *, request_id: UUID, door: Door, language: str, email: str, number: str | None,
    said: Mapping[str, str], member_id: UUID | None, token_hash: bytes,
) -> UUID | None:  # fmt: skip
    """Write a form down, or into the one like it whose address is not proven yet; None once that one is proven."""
    values = {
        "id": request_id, "kind": door.value, "language": language, "email": email, "number": number,
        "said": dict(said), "member_id": member_id, "token_hash": token_hash,
    }  # fmt: skip
    taken: UUID | None = await session.scalar(_TAKE_NEWEST, values)
    return taken


async def waits(session: Session, door: Door, email: str, number: str | None) -> DoorRequest | None:
    """The request like this one that a person has yet to decide."""
    return await session.scalar(
        select(DoorRequest).where(
            DoorRequest.kind == door.value,
            DoorRequest.email == email,
            DoorRequest.number.is_not_distinct_from(number),
            DoorRequest.status == Status.PROVEN.value,
        )
    )


async def is_newest_unproven(session: Session, request: DoorRequest) -> bool:
    """Whether this address was typed into no later form that waits for its proof, or waited in vain."""
    later = tuple_(DoorRequest.asked_at, DoorRequest.id) > tuple_(request.asked_at, request.id)
    return not await session.scalar(
        select(exists().where(DoorRequest.email == request.email, DoorRequest.proven_at.is_(None), later))
    )


async def by_id(session: Session, request_id: UUID) -> DoorRequest | None:
    return await session.get(DoorRequest, request_id)


async def by_token(session: Session, token_hash: bytes) -> DoorRequest | None:
    """The request of a proof; looking changes nothing."""
    return await session.scalar(select(DoorRequest).where(DoorRequest.token_hash == token_hash))


async def prove(session: Session, request_id: UUID) -> bool:
    """Its address works, once; False when that is too late or was said before."""
    proven = await session.scalar(
        update(DoorRequest)
        .where(
            DoorRequest.id == request_id,
            DoorRequest.status == Status.ASKED.value,
            DoorRequest.asked_at + PROOF_VALID > _NOW,
        )
        .values(status=Status.PROVEN.value, proven_at=_NOW)
        .returning(DoorRequest.id)
    )
    return proven is not None


# --- the desk -------------------------------------------------------------------------------------------


async def waiting(session: Session, *, most: int | None = 200) -> Sequence[DoorRequest]:
    """What a person has to decide, the longest wait first."""
    rows = await session.scalars(
        select(DoorRequest)
        .where(DoorRequest.status == Status.PROVEN.value)
        .order_by(DoorRequest.proven_at, DoorRequest.id)
        .limit(most)
    )
    return rows.all()


@dataclass(frozen=True, slots=True)
class Desk:
    """How many wait for a person, and since when the oldest does."""

    waiting: int
    oldest: datetime | None


async def desk(session: Session) -> Desk:
    found = select(func.count(), func.min(DoorRequest.proven_at)).where(DoorRequest.status == Status.PROVEN.value)
    row = (await session.execute(found)).one()
    return Desk(row[0], row[1])


async def late(session: Session, *, after: timedelta) -> int:
    """How many wait longer than was promised."""
    found = select(func.count()).where(DoorRequest.status == Status.PROVEN.value, DoorRequest.proven_at < _NOW - after)
    return await session.scalar(found) or 0


@dataclass(frozen=True, slots=True)
class Case:
    """A request beside the entry of the roll it seems to come from."""

    request: DoorRequest
    member: Member | None
    account: Account | None
    # Somebody signs in with the address that was typed.
    address_taken: bool


async def suggestion(session: Session, request: DoorRequest) -> UUID | None:
    """Whose form this may be: by the sign-in address of who joins, else by the number. A person decides."""
    if request.door is Door.JOIN and request.email is not None:
        account = await accounts.by_email(session, request.email)
        if account is not None and account.member_id is not None:
            return account.member_id
    member = await members.by_number(session, request.number) if request.number is not None else None
    return None if member is None else member.id


async def case_of(session: Session, request: DoorRequest, compared: UUID | None = None) -> Case:
    """Beside the entry of whose session it came from, else beside the one to compare with."""
    member_id = request.member_id or compared
    member = await members.by_id(session, member_id) if member_id else None
    account = await accounts.of_member(session, member.id) if member else None
    return Case(request, member, account, await _taken_by_other(session, request, account))


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody at the desk has decided; `compared` is the entry of the roll they saw beside the request."""

    verdict: Verdict
    reason: Reason | None = None
    note_fr: str = ""
    note_en: str = ""
    compared: UUID | None = None
    roll_number: str | None = None
    roll_group: str | None = None


async def decide(session: Session, request_id: UUID, by: UUID, made: Decision) -> DoorRequest | Refusal:
    """Write a decision down, once; or why it does not apply."""
    # Read anew once it is held: a colleague's decision may have been committed since the page looked.
    request = await session.get(DoorRequest, request_id, with_for_update=True, populate_existing=True)
    if request is None:
        return Refusal.REQUEST_OVER
    if request.verdict is not None:
        same = (request.decided_by, request.verdict, request.refused_for) == (by, made.verdict.value, made.reason)
        # The same form sent twice is one decision.
        return request if same else Refusal.ALREADY_DECIDED
    if request.status != Status.PROVEN.value:
        return Refusal.REQUEST_OVER
    if await is_own(session, request, by, made.compared):
        return Refusal.OWN_FILE
    if made.verdict is Verdict.ACCEPT:
        conflict = await _why_not_accepted(session, request, made)
        if conflict is not None:
            return conflict
        request.compared_id = request.member_id or made.compared
        if request.compared_id is None:
            request.roll_number, request.roll_group = made.roll_number, made.roll_group
    elif made.reason is Reason.OTHER:
        request.note_fr, request.note_en = made.note_fr.strip(), made.note_en.strip()
    request.status, request.decided_by = Status.DECIDED.value, by
    request.verdict = made.verdict.value
    request.reason = made.reason.value if made.reason else None
    request.decided_at = _NOW
    await session.flush()
    await session.refresh(request)
    return request


async def is_own(session: Session, request: DoorRequest, by: UUID, compared: UUID | None = None) -> bool:
    """Nobody decides on their own request (brief §3.7)."""
    me = await accounts.by_id(session, by)
    if me is None:
        return False
    member = await members.by_id(session, me.member_id) if me.member_id else None
    if member is not None and (member.id in (request.member_id, compared) or member.number == request.number):
        return True
    return me.email is not None and me.email == request.email


async def _why_not_accepted(session: Session, request: DoorRequest, made: Decision) -> Refusal | None:
    """What stands in the way in the records as they are now; asked again when the decision is applied."""
    member_id = request.member_id or made.compared
    member = await members.by_id(session, member_id) if member_id else None
    if member is None and member_id is not None:
        return Refusal.ROLL_ENTRY_NEEDED
    account = await accounts.of_member(session, member.id) if member else None
    taken = await _taken_by_other(session, request, account)
    if request.door is Door.REGISTER_EMAIL:
        if member is None:
            return Refusal.ROLL_ENTRY_NEEDED
        if account is not None and account.email is not None:
            return Refusal.ADDRESS_ON_FILE
        return Refusal.ADDRESS_TAKEN if taken else None
    if member is not None:
        if member.standing == "member":
            return Refusal.ALREADY_MEMBER
        # Whoever has an address keeps it.
        return Refusal.ADDRESS_TAKEN if taken and (account is None or account.email is None) else None
    if made.roll_number is None or made.roll_group is None:
        return Refusal.ROLL_NUMBER_NEEDED
    if await members.by_number(session, made.roll_number) is not None:
        return Refusal.ROLL_NUMBER_TAKEN
    return Refusal.ADDRESS_TAKEN if taken else None


async def _taken_by_other(session: Session, request: DoorRequest, account: Account | None) -> bool:
    holder = await accounts.by_email(session, request.email) if request.email else None
    return holder is not None and (account is None or holder.id != account.id)


# --- its workflow ---------------------------------------------------------------------------------------

# The row is held: whatever is written to it after this carries a later moment.
_TAKE_UP = (
    update(DoorRequest).where(DoorRequest.id == bindparam("which")).values(taken_up_at=_NOW).returning(DoorRequest)
)


async def take_up(session: Session, request_id: UUID) -> DoorRequest | None:
    """Read a request for its workflow, and remember when."""
    return await session.scalar(_TAKE_UP, {"which": request_id})


async def stands(session: Session, request: DoorRequest) -> bool:
    """Whether an acceptance still fits the records: somebody may have registered the address meanwhile."""
    made = Decision(
        Verdict.ACCEPT, compared=request.compared_id, roll_number=request.roll_number, roll_group=request.roll_group
    )
    return await _why_not_accepted(session, request, made) is None


def back_to_the_desk(request: DoorRequest) -> None:
    """Undecided again."""
    request.status = Status.PROVEN.value
    request.verdict = request.decided_by = request.decided_at = None
    request.compared_id = request.roll_number = request.roll_group = None


async def end(session: Session, request: DoorRequest, status: Status) -> None:
    request.status, request.ended_at = status.value, _NOW
    await session.flush()


@dataclass(frozen=True, slots=True)
class Unheard:
    """A request whose workflow has not read what happened to it; `told` is the signal that wakes it up."""

    request_id: UUID
    door: Door
    told: str


_HAPPENED = func.greatest(_REQUEST.c.asked_at, _REQUEST.c.proven_at, _REQUEST.c.decided_at)
_UNHEARD = (
    select(_REQUEST.c.id, _REQUEST.c.kind, _REQUEST.c.decided_at)
    .where(
        _REQUEST.c.ended_at.is_(None),
        _NOW - bindparam("overdue") > _HAPPENED,
        or_(
            _REQUEST.c.taken_up_at.is_(None),
            _REQUEST.c.taken_up_at < _HAPPENED,
            # Its workflow may have been ended by hand.
            _REQUEST.c.taken_up_at < _NOW - bindparam("asleep"),
        ),
    )
    .order_by(_HAPPENED)
    .limit(100)
)


async def unheard(session: Session, *, overdue: timedelta, asleep: timedelta) -> list[Unheard]:
    """A signal comes with each, proven or not: a workflow that sleeps reads its row only when it is woken."""
    rows = await session.execute(_UNHEARD, {"overdue": overdue, "asleep": asleep})
    return [Unheard(row.id, Door(row.kind), "decided" if row.decided_at else "proven") for row in rows]


async def forget(session: Session, before: datetime) -> int:
    """Drop what was typed in requests that ended before, and what was said to whoever typed it.

    That they were made, and how they ended, stays.
    """
    forgotten = await session.scalars(
        update(DoorRequest)
        .where(DoorRequest.ended_at < before, or_(DoorRequest.email.is_not(None), DoorRequest.number.is_not(None)))
        .values(email=None, number=None, said={}, note_fr=None, note_en=None, roll_number=None, roll_group=None)
        .returning(DoorRequest.id)
    )
    ids = forgotten.all()
    await session.execute(update(Mail).where(Mail.request_id.in_(ids)).values(said_subject=None, said_text=None))
    return len(ids)
