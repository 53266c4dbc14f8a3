"""What the database says of itself: settings, rights, clock, and what has been left lying."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select, text

from portal.rules.identity import OVER
from portal.store import Session
from portal.store.chain import JournalLink
from portal.store.identity import Submission
from portal.store.journal import Entry
from portal.store.mail import Mail
from portal.store.schema import API_ROLE, WORKER_ROLE

# No program rewrites what was done, thought, decided or erased.
APPEND_ONLY = ("journal", "journal_link", "opinion", "decision", "erasure")
# But for these columns, each as long as its trigger stands, which lets it be written once and in time.
GUARDED = {("opinion", "undone_at"): "undone_in_time", ("decision", "undone_at"): "undone_in_time"}


async def now(session: Session) -> datetime:
    at: datetime | None = await session.scalar(select(func.clock_timestamp()))
    assert at is not None
    return at


async def settings(session: Session, names: tuple[str, ...]) -> dict[str, str | None]:
    """The server's settings; None for one that it does not know."""
    return {name: await session.scalar(text("select current_setting(:name, true)"), {"name": name}) for name in names}


async def logical_slots(session: Session) -> int:
    """Replication slots that give away every row as it is written."""
    found = await session.scalar(text("select count(*) from pg_replication_slots where slot_type = 'logical'"))
    return found or 0


async def powerful_roles(session: Session) -> list[str]:
    """Which of the two processes' roles may do more than a process needs, or is missing."""
    rows = await session.execute(
        text(
            "select rolname, rolsuper or rolcreatedb or rolcreaterole or rolbypassrls or rolreplication"
            " or exists (select from pg_class where relowner = r.oid)"
            " or has_database_privilege(r.oid, current_database(), 'TEMPORARY') as powerful"
            " from pg_roles r where rolname in (:api, :worker)"
        ),
        {"api": API_ROLE, "worker": WORKER_ROLE},
    )
    found = {row.rolname: row.powerful for row in rows}
    return [role for role in (API_ROLE, WORKER_ROLE) if found.get(role, True)]


async def rewritable(session: Session) -> list[str]:
    """Tables of the append-only kind that a process could rewrite all the same, each with its role."""
    return [
        f"{table} ({role})"
        for table in APPEND_ONLY
        for role in (API_ROLE, WORKER_ROLE)
        if await session.scalar(_REWRITES, {"role": role, "table": table, **_guards(table)})
    ]


_REWRITES = text(
    """
select has_table_privilege(:role, :table, 'DELETE, TRUNCATE') or exists (
    select from pg_attribute a
    where a.attrelid = cast(:table as regclass) and a.attnum > 0 and not a.attisdropped
    and has_column_privilege(:role, a.attrelid, a.attnum, 'UPDATE')
    and not exists (
        select from unnest(cast(:columns as text[]), cast(:triggers as text[])) g (name, trigger)
        join pg_trigger t on t.tgname = g.trigger and t.tgrelid = a.attrelid and t.tgenabled in ('O', 'A')
        where g.name = a.attname
    )
)
"""
)


def _guards(table: str) -> dict[str, list[str]]:
    found = {column: trigger for (guarded, column), trigger in GUARDED.items() if guarded == table}
    return {"columns": list(found), "triggers": list(found.values())}


async def oldest_unlinked(session: Session) -> timedelta | None:
    """How long the oldest entry of the journal has waited for its link in the chain."""
    age: timedelta | None = await session.scalar(
        select(func.clock_timestamp() - func.min(Entry.at)).where(~exists().where(JournalLink.entry_id == Entry.id))
    )
    return age


@dataclass(frozen=True, slots=True)
class Lying:
    """How many have been left, and how long the oldest."""

    count: int
    age: timedelta | None


async def not_erased(session: Session) -> Lying:
    """Submissions that are over and whose pictures are not proven gone."""
    row = (
        await session.execute(
            select(func.count(), func.clock_timestamp() - func.min(Submission.over_at)).where(
                Submission.status.in_([status.value for status in OVER]), Submission.erased_at.is_(None)
            )
        )
    ).one()
    return Lying(row[0], row[1])


async def mails_due(session: Session) -> Lying:
    """Mails that should have left."""
    row = (
        await session.execute(
            select(func.count(), func.clock_timestamp() - func.min(Mail.due_at)).where(
                Mail.sent_at.is_(None), Mail.cancelled_at.is_(None), Mail.failed_at.is_(None),
                Mail.due_at <= func.clock_timestamp(),
            )
        )
    ).one()  # fmt: skip
    return Lying(row[0], row[1])


async def said_lately(session: Session, most: int) -> list[str]:
    """The texts of the last mails sent, for whoever looks at their links."""
    rows = await session.scalars(
        select(Mail.said_text).where(Mail.said_text.is_not(None)).order_by(Mail.sent_at.desc()).limit(most)
    )
    return [said for said in rows if said]
