"""The outbox: every mail as one row, written with the act that causes it, sent by the relay."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    CTE,
    CheckConstraint,
    ForeignKey,
    Index,
    Text,
    and_,
    bindparam,
    column,
    func,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.elements import ColumnElement

from portal.rules.mail import Lane, MailKind
from portal.rules.mail import lane as lane_of
from portal.store import Session
from portal.store.accounts import Account
from portal.store.base import Base, NewId, row_if, table_of
from portal.store.campaigns import OVER_AT, Campaign
from portal.store.members import Member

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
        Index("ix_outbox_failed", "failed_at", postgresql_where=text("failed_at is not null")),
        Index(None, "account_id"),
        Index(None, "request_id"),
        CheckConstraint("num_nonnulls(account_id, request_id) = 1", name="reader"),
    )

    id: Mapped[NewId]
    # The same logical mail asked for twice is one row.
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    lane: Mapped[str]
    # To an account, or to whoever made a request at one of the doors.
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    request_id: Mapped[UUID | None] = mapped_column(ForeignKey("door_request.id"))
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
    # What was said, for the message centre; one-time links and codes are taken out before it comes here.
    said_subject: Mapped[str | None] = mapped_column(Text)
    said_text: Mapped[str | None] = mapped_column(Text)


_MAIL = table_of(Mail)
# A mail to be queued: see `to_queue`.
Row = Mapping[str, object]
_COLUMNS = ("id", "key", "kind", "lane", "account_id", "request_id", "campaign_id", "facts", "due_at")


def queued_if(condition: ColumnElement[bool]) -> CTE:
    """The part of a statement that queues one mail, given what `to_queue` makes, if the condition holds."""
    return row_if(_MAIL, "mail", _COLUMNS, condition).returning(_MAIL.c.id, _MAIL.c.lane).cte("queued")


def bell_of(queued: CTE) -> ColumnElement[Any]:
    """Tells the relay, when the statement is committed and not before."""
    return func.pg_notify(CHANNEL, queued.c.lane)


def to_queue(
    *,
    key: str,
    kind: MailKind,
    account_id: UUID | None,
    campaign_id: UUID | None,
    due_at: datetime,
    facts: Mapping[str, str],
    request_id: UUID | None = None,
    lane: Lane | None = None,
) -> Row:
    """A mail as its row, in the lane of its kind unless another is given; `facts` are ids, codes and instants."""
    return {
        "mail_id": uuid4(), "mail_key": key, "mail_kind": kind.value, "mail_lane": (lane or lane_of(kind)).value,
        "mail_account_id": account_id, "mail_request_id": request_id, "mail_campaign_id": campaign_id,
        "mail_facts": dict(facts), "mail_due_at": due_at,
    }  # fmt: skip


# What a statement that may queue a mail is given when it queues none.
NO_MAIL: Row = {f"mail_{name}": None for name in _COLUMNS}

_QUEUED = queued_if(true())
_QUEUE = select(_QUEUED.c.id, bell_of(_QUEUED))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row in the hands of the relay."""

    id: UUID
    key: str
    kind: MailKind
    account_id: UUID | None
    campaign_id: UUID | None
    facts: Mapping[str, str]
    attempts: int
    queued_at: datetime
    request_id: UUID | None = None


async def queue(session: Session, row: Row) -> bool:
    """Write a mail down in the transaction of the act that causes it; False if it already was."""
    return (await session.execute(_QUEUE, row)).first() is not None


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
    accounts = [account_id for account_id in new if account_id is not None]
    await session.execute(select(func.pg_notify(CHANNEL, Lane.BULK.value)))
    return accounts


_NOW = func.clock_timestamp()
_WAITS = and_(
    _MAIL.c.lane == bindparam("of_lane"),
    _MAIL.c.sent_at.is_(None),
    _MAIL.c.cancelled_at.is_(None),
    _MAIL.c.failed_at.is_(None),
)
_FREE = (
    select(_MAIL.c.id)
    .where(_WAITS, _MAIL.c.due_at <= _NOW, or_(_MAIL.c.claimed_until.is_(None), _MAIL.c.claimed_until <= _NOW))
    .order_by(_MAIL.c.due_at)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
    # Evaluated once: as a plain subquery it may be run again for every row, and then takes more than `most`.
    .cte("free")
)
_CLAIM = (
    update(_MAIL)
    .where(_MAIL.c.id.in_(select(_FREE.c.id)))
    .values(claimed_until=_NOW + CLAIM, attempts=_MAIL.c.attempts + 1)
    .returning(_MAIL)
)


async def claim(session: Session, lane: Lane, most: int) -> list[Claimed]:
    """Take due rows that no other relay holds, the earliest due first."""
    rows = await session.execute(_CLAIM, {"of_lane": lane.value, "most": most})
    return [
        Claimed(
            r.id, r.key, MailKind(r.kind), r.account_id, r.campaign_id, r.facts, r.attempts, r.queued_at, r.request_id
        )
        for r in rows
    ]


@dataclass(frozen=True, slots=True)
class Said:
    """A mail that has left, as the message centre shows it."""

    id: UUID
    subject: str
    text: str


_SAID = (
    func.unnest(
        bindparam("ids", type_=ARRAY(_MAIL.c.id.type)),
        bindparam("subjects", type_=ARRAY(Text)),
        bindparam("texts", type_=ARRAY(Text)),
    )
    .table_valued(column("id", _MAIL.c.id.type), column("subject", Text), column("said", Text), name="said")
    .render_derived()
)
_SENT = (
    update(_MAIL)
    .where(_MAIL.c.id == _SAID.c.id)
    .values(
        sent_at=_NOW, claimed_until=None, last_error=None, said_subject=_SAID.c.subject, said_text=_SAID.c.said
    )
)  # fmt: skip


async def mark_sent(session: Session, said: Collection[Said]) -> None:
    """They have left; what they said is kept by the same statement, for one and for a hundred."""
    await session.execute(
        _SENT,
        {"ids": [s.id for s in said], "subjects": [s.subject for s in said], "texts": [s.text for s in said]},
    )


async def mark_cancelled(session: Session, ids: Collection[UUID]) -> None:
    """Its cause has vanished: a reminder of what is done is never sent."""
    await session.execute(
        update(Mail).where(Mail.id.in_(ids)).values(cancelled_at=func.clock_timestamp(), claimed_until=None)
    )


async def mark_failed(session: Session, mail_id: UUID, error: str) -> None:
    """A day of trying is over."""
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


_NEXT_DUE = select(
    func.min(func.greatest(_MAIL.c.due_at, func.coalesce(_MAIL.c.claimed_until, _MAIL.c.due_at))) - _NOW
).where(_WAITS)


async def next_due(session: Session, lane: Lane) -> timedelta | None:
    """How long until something is due in this lane; None when nothing waits."""
    wait: timedelta | None = await session.scalar(_NEXT_DUE, {"of_lane": lane.value})
    return wait


_READER = (
    select(Account, Member, Campaign)
    .select_from(Account)
    .outerjoin(Member, Member.id == Account.member_id)
    .outerjoin(Campaign, Campaign.id == bindparam("campaign"))
    .where(Account.id == bindparam("account"))
)


async def reader(session: Session, mail: Claimed) -> tuple[Account, Member | None, Campaign | None] | None:
    """Who a mail is for, as the records stand now, and the campaign it speaks of."""
    row = (await session.execute(_READER, {"account": mail.account_id, "campaign": mail.campaign_id})).one_or_none()
    return None if row is None else (row.Account, row.Member, row.Campaign)


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


@dataclass(frozen=True, slots=True)
class Kept:
    """A mail of somebody's past. One that came back after it had left has both moments."""

    id: UUID
    kind: MailKind
    sent_at: datetime | None
    failed_at: datetime | None
    said_subject: str | None
    said_text: str | None


_KEPT = (
    select(_MAIL.c.id, _MAIL.c.kind, _MAIL.c.sent_at, _MAIL.c.failed_at, _MAIL.c.said_subject, _MAIL.c.said_text)
    .where(
        or_(
            _MAIL.c.account_id == bindparam("account"),
            _MAIL.c.request_id == func.any(bindparam("requests", type_=ARRAY(_MAIL.c.id.type))),
        ),
        func.coalesce(_MAIL.c.sent_at, _MAIL.c.failed_at).is_not(None),
    )
    .order_by(func.coalesce(_MAIL.c.sent_at, _MAIL.c.failed_at).desc(), _MAIL.c.id)
    .limit(bindparam("most"))
)
_KEPT_ONE = _KEPT.where(_MAIL.c.id == bindparam("mail"))


def _kept(row: Any) -> Kept:
    return Kept(row.id, MailKind(row.kind), row.sent_at, row.failed_at, row.said_subject, row.said_text)


async def sent_to(session: Session, account_id: UUID, most: int, *, requests: Collection[UUID] = ()) -> list[Kept]:
    """What was sent to this account and in answer to these requests, or could not be delivered; the newest first."""
    rows = await session.execute(_KEPT, {"account": account_id, "requests": list(requests), "most": most})
    return [_kept(row) for row in rows]


async def sent_one(
    session: Session, account_id: UUID, mail_id: UUID, *, requests: Collection[UUID] = ()
) -> Kept | None:
    """One of them; None for a mail that is somebody else's."""
    which = {"account": account_id, "requests": list(requests), "mail": mail_id, "most": 1}
    row = (await session.execute(_KEPT_ONE, which)).one_or_none()
    return None if row is None else _kept(row)


async def forget_notes(session: Session) -> None:
    """Once a campaign has ended, what a reviewer wrote is forgotten in the mails that quoted it too."""
    over = select(Campaign.id).where(OVER_AT <= _NOW)
    await session.execute(
        update(Mail)
        .where(
            Mail.kind.in_([MailKind.REJECTED.value, MailKind.IDENTITY_REFUSED.value]),
            Mail.campaign_id.in_(over),
            Mail.said_text.is_not(None),
        )
        .values(said_text=None)
    )
