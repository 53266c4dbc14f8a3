"""The whole journal, newest first, for auditors: codes and instants, whoever they are about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from portal.store import Session
from portal.store.journal import Entry


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: of one action, between two moments, older than the last that was seen."""

    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


async def entries(session: Session, wanted: Wanted, most: int) -> Sequence[Entry]:
    statement = select(Entry).order_by(Entry.id.desc()).limit(most)
    if wanted.action is not None:
        statement = statement.where(Entry.action == wanted.action)
    if wanted.since is not None:
        statement = statement.where(Entry.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(Entry.at < wanted.until)
    if wanted.before is not None:
        statement = statement.where(Entry.id < wanted.before)
    return (await session.scalars(statement)).all()
