"""The journal as a chain: each entry is sealed by a hash that holds the one before (security-tests.md T58, T71, T108).

Whoever alters, removes or slips in an entry must rewrite every link after it; and the head, which the log of the
worker repeats every hour, is then another. Links are made beside the journal, a moment later: no step waits for one.
"""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, and_, bindparam, func, insert, select, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.store import Session, Sessions
from portal.store.base import Base, table_of
from portal.store.campaigns import REHEARSALS
from portal.store.identity import Erasure
from portal.store.journal import Entry


class JournalLink(Base):
    __tablename__ = "journal_link"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    # Unique: the chain cannot fork, whoever writes at the same moment.
    prev: Mapped[bytes] = mapped_column(unique=True)
    hash: Mapped[bytes]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


# What the first link holds instead of one before.
GENESIS = bytes(32)
# Links of one step, and how far behind the newest one an entry that was committed late is looked for at every step.
STEP = 1000
BEHIND = 2_000
# Rows of a page while verifying.
PAGE = 2000
# An entry older than this has its link, unless nobody makes links.
LINKED_WITHIN = timedelta(minutes=10)
ERASED = "documents-erased"

_ENTRY, _ERASURE, _LINK = table_of(Entry), table_of(Erasure), table_of(JournalLink)
_FACTS = (
    _ENTRY.c.id, _ENTRY.c.at, _ENTRY.c.actor, _ENTRY.c.actor_id, _ENTRY.c.action, _ENTRY.c.code, _ENTRY.c.member_id,
    _ENTRY.c.campaign_id, _ENTRY.c.subject_id, _ENTRY.c.key,
)  # fmt: skip
_CERTIFICATE = (
    _ERASURE.c.certificate, _ERASURE.c.outcome, _ERASURE.c.documents, _ERASURE.c.versions_removed,
    _ERASURE.c.versions_left, _ERASURE.c.received_at, _ERASURE.c.over_at, _ERASURE.c.erased_at,
)  # fmt: skip
# Not of a rehearsal: its certificates go with it, and its entries must be read alike before and after.
_CERTIFIED = and_(
    _ENTRY.c.action == ERASED, _ERASURE.c.submission_id == _ENTRY.c.subject_id, _ENTRY.c.campaign_id.not_in(REHEARSALS)
)


def canonical(row: Any) -> bytes:
    """An entry as bytes, the same wherever it is read; of an erasure with everything its certificate says."""
    facts = [_said(getattr(row, column.name)) for column in _FACTS]
    if row.action == ERASED and row.certificate is not None:
        facts += [_said(getattr(row, column.name)) for column in _CERTIFICATE]
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()


def _said(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value if value is None or isinstance(value, int) else str(value)


def link_of(prev: bytes, row: Any) -> bytes:
    return hashlib.sha256(prev + canonical(row)).digest()


# --- making links ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link: to know it is to know the whole journal before it."""

    seq: int
    hash: bytes
    entry_id: int
    at: datetime

    def __str__(self) -> str:
        return f"{self.seq} {self.hash.hex()}"


async def head(session: Session) -> Head | None:
    row = (await session.execute(select(_LINK).order_by(_LINK.c.seq.desc()).limit(1))).one_or_none()
    return None if row is None else Head(row.seq, bytes(row.hash), row.entry_id, row.at)


async def waiting(session: Session, newest: Head | None) -> int:
    """How many entries still wait for their link, near the end of the journal."""
    after = max(0, newest.entry_id - BEHIND) if newest else 0
    count = await session.scalar(
        select(func.count()).where(
            _ENTRY.c.id > after, ~select(_LINK.c.seq).where(_LINK.c.entry_id == _ENTRY.c.id).exists()
        )
    )
    return count or 0


_UNLINKED = (
    select(*_FACTS, *_CERTIFICATE)
    .outerjoin_from(_ENTRY, _ERASURE, _CERTIFIED)
    .where(
        _ENTRY.c.id > bindparam("after", type_=BigInteger()),
        ~select(_LINK.c.seq).where(_LINK.c.entry_id == _ENTRY.c.id).exists(),
    )
    .order_by(_ENTRY.c.id)
    .limit(bindparam("most"))
)
_NEWEST = select(func.coalesce(func.max(_LINK.c.entry_id), 0))
_LOCK = text("select pg_try_advisory_xact_lock(7204993)")


async def extend(session: Session, *, everything: bool = False, most: int = STEP) -> int:
    """Link what is committed and has no link yet; how many.

    An entry may be committed after others that began later: each step looks a little behind the newest link, and
    `everything` looks at the whole journal. One process at a time; no entry is locked.
    """
    if not await session.scalar(_LOCK):
        return 0
    newest = int(await session.scalar(_NEWEST) or 0)
    after = 0 if everything else max(0, newest - BEHIND)
    rows = (await session.execute(_UNLINKED, {"after": after, "most": most})).all()
    if not rows:
        return 0
    last = await head(session)
    seq, prev = (last.seq, last.hash) if last else (0, GENESIS)
    links = []
    for row in rows:
        seq += 1
        link = link_of(prev, row)
        links.append({"seq": seq, "entry_id": row.id, "prev": prev, "hash": link})
        prev = link
    await session.execute(insert(_LINK), links)
    return len(links)


# --- verifying ---------------------------------------------------------------------------------------------------


class Fault(StrEnum):
    """What is wrong with the first entry that is not as it was."""

    ALTERED = "altered"
    DELETED = "deleted"
    INSERTED_LATE = "inserted-late"
    UNLINKED = "unlinked"
    # The links themselves: one is missing, or does not hold the one before.
    BROKEN = "broken"
    # Every link fits, and yet it is not the journal whose head was written down.
    ANOTHER_HEAD = "another-head"


@dataclass(frozen=True, slots=True)
class Verified:
    """What was recomputed, and the first fault if there is one."""

    links: int
    head: str | None
    fault: Fault | None = None
    entry_id: int | None = None
    seq: int | None = None


_CHAINED = (
    select(_LINK.c.seq, _LINK.c.entry_id, _LINK.c.prev, _LINK.c.hash, *_FACTS, *_CERTIFICATE)
    .select_from(_LINK.outerjoin(_ENTRY, _ENTRY.c.id == _LINK.c.entry_id).outerjoin(_ERASURE, _CERTIFIED))
    .where(_LINK.c.seq > bindparam("after", type_=BigInteger()))
    .order_by(_LINK.c.seq)
    .limit(PAGE)
)
_FORGOTTEN = (
    select(_ENTRY.c.id)
    .where(
        ~select(_LINK.c.seq).where(_LINK.c.entry_id == _ENTRY.c.id).exists(),
        _ENTRY.c.at < func.clock_timestamp() - bindparam("within"),
    )
    .order_by(_ENTRY.c.id)
    .limit(1)
)


async def verify(
    sessions: Sessions, *, first: int = 1, expect: str | None = None, within: timedelta = LINKED_WITHIN
) -> Verified:
    """Recompute the chain from link `first` on; page by page, whatever its length.

    `expect` is a head that was written down earlier: one of the links must be it.
    """
    seq, prev, latest, count = first - 1, GENESIS, None, 0
    async with sessions() as session:
        if first > 1:
            before = await session.scalar(select(_LINK.c.hash).where(_LINK.c.seq == first - 1))
            if before is None:
                return Verified(0, None, Fault.BROKEN, seq=first - 1)
            prev = bytes(before)
    met = expect is None
    async for row in _pages(sessions, seq):
        seq, count = seq + 1, count + 1
        link = bytes(row.hash)
        if row.seq != seq or bytes(row.prev) != prev:
            return Verified(count, None, Fault.BROKEN, row.entry_id, seq)
        if row.id is None:
            return Verified(count, None, Fault.DELETED, row.entry_id, seq)
        if link_of(prev, row) != link:
            return Verified(count, None, Fault.ALTERED, row.entry_id, seq)
        # Entries are written in the order of their ids, within the time a transaction may last.
        if latest is not None and row.at < latest - within:
            return Verified(count, None, Fault.INSERTED_LATE, row.entry_id, seq)
        latest = row.at if latest is None else max(latest, row.at)
        prev = link
        met = met or prev.hex() == expect
    async with sessions() as session:
        forgotten = await session.scalar(_FORGOTTEN, {"within": within})
    head = prev.hex() if seq else None
    if forgotten is not None:
        return Verified(count, head, Fault.UNLINKED, forgotten)
    if not met:
        return Verified(count, head, Fault.ANOTHER_HEAD)
    return Verified(count, head)


async def _pages(sessions: Sessions, after: int) -> AsyncIterator[Any]:
    while True:
        # A transaction for each page: none is held open for as long as a million rows take.
        async with sessions() as session:
            rows = (await session.execute(_CHAINED, {"after": after})).all()
        for row in rows:
            yield row
        if len(rows) < PAGE:
            return
        after = rows[-1].seq
