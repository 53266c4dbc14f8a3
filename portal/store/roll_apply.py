"""What a confirmed import does to the records: a batch of people at a time, each column as it was planned."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from portal.rules.roll import BATCH
from portal.store import Session

_OF_BATCH = """
from roll_change c join roll_line l on l.import_id = c.import_id and l.line = c.line
where c.import_id = cast(:import as uuid) and c.position > :after and c.position <= :upto and c.applied_at is null
"""
_ROWS_OF_BATCH = """
c.import_id = cast(:import as uuid) and c.position > :after and c.position <= :upto
"""


def _if_planned(change: str, column: str) -> str:
    return (
        f"\"{column}\" = case when '{change}' = any(string_to_array(c.changes, ','))"
        f' then l."{column}" else m."{column}" end'
    )


_PLANNED_COLUMNS = ", ".join(
    _if_planned(change, column)
    for change, columns in {
        "name": ("given_name", "family_name"),
        "address": ("street", "city", "province", "postal_code"),
        "group": ("group",),
        "standing": ("standing",),
        "language": ("language",),
    }.items()
    for column in columns
)

# Somebody at the desk of the doors may have enrolled the same number meanwhile: theirs stays.
_NEW = f"""
insert into member (id, number, given_name, family_name, street, city, province, postal_code, "group", standing,
    language)
select c.member_id, l.number, l.given_name, l.family_name, l.street, l.city, l.province, l.postal_code, l."group",
    l.standing, l.language
{_OF_BATCH} and c.kind = 'new'
on conflict do nothing
"""
_ACCOUNTS = f"""
insert into account (id, member_id)
select gen_random_uuid(), m.id
from roll_change c join member m on m.id = c.member_id
where {_ROWS_OF_BATCH} and c.applied_at is null and c.kind in ('new', 'changed', 'back')
on conflict do nothing
"""
_CHANGED = f"""
update member m set {_PLANNED_COLUMNS}, left_at = null
{_OF_BATCH} and c.kind in ('changed', 'back') and m.id = c.member_id
"""
_GONE = f"""
update member m set left_at = clock_timestamp()
from roll_change c
where {_ROWS_OF_BATCH} and c.applied_at is null and c.kind = 'gone' and m.id = c.member_id and m.left_at is null
"""
# Asked again here: its owner may have proven another since, or somebody else may have taken it.
_EMAILS = f"""
update account a set email = l.email
{_OF_BATCH} and a.member_id = c.member_id and 'email' = any(string_to_array(c.changes, ','))
and (a.email is null or (a.email_verified_at is null and a.password_hash is null))
and not exists (select from account o where o.email = l.email)
"""
_OLD_LINKS = f"""
update link k set voided_at = clock_timestamp()
from roll_change c join account a on a.member_id = c.member_id
where {_ROWS_OF_BATCH} and c.applied_at is null and 'email' = any(string_to_array(c.changes, ','))
and k.account_id = a.id and k.email <> a.email and k.used_at is null and k.voided_at is null
"""
# What is written into a member's trail, by what the import does to the entry.
ACTIONS = {"new": "roll-added", "gone": "roll-left", "back": "roll-returned", "changed": "roll-changed"}
_ACTION = "case c.kind " + " ".join(f"when '{kind}' then '{action}'" for kind, action in ACTIONS.items()) + " end"
_JOURNAL = f"""
insert into journal (actor, actor_id, action, code, member_id, subject_id, key)
select 'operator', i.confirmed_by,
    {_ACTION},
    nullif(case when c.kind in ('changed', 'back') then c.changes end, ''), c.member_id, c.import_id,
    'roll:' || c.import_id || ':' || c.position
from roll_change c join roll_import i on i.id = c.import_id join member m on m.id = c.member_id
where {_ROWS_OF_BATCH} and c.applied_at is null and c.kind <> 'same'
order by c.position
on conflict (key) do nothing
"""
_FILES = f"""
update onboarding f set version = f.version + 1
from roll_change c
where {_ROWS_OF_BATCH} and c.applied_at is null and c.kind <> 'same' and f.member_id = c.member_id
and f.ended_at is null
"""
_MARKED = f"""
update roll_change c set applied_at = clock_timestamp(),
    overtaken = (c.kind = 'new' and not exists (select from member m where m.id = c.member_id))
        or ('email' = any(string_to_array(c.changes, ',')) and not exists (
            select from account a join roll_line l on l.email = a.email
            where a.member_id = c.member_id and l.import_id = c.import_id and l.line = c.line))
where {_ROWS_OF_BATCH} and c.applied_at is null
"""
_STEPS = tuple(
    text(step) for step in (_NEW, _ACCOUNTS, _CHANGED, _GONE, _EMAILS, _OLD_LINKS, _JOURNAL, _FILES, _MARKED)
)
_UNDER_WAY = text("select status = 'confirmed' from roll_import where id = cast(:import as uuid) for no key update")
_LOCKED = text(f"select c.position from roll_change c where {_ROWS_OF_BATCH} and c.applied_at is null for update")
_PROGRESS = text(
    """
update roll_import set applied = (
    select count(*) from roll_change where import_id = cast(:import as uuid) and applied_at is not null
) where id = cast(:import as uuid) and status = 'confirmed'
"""
)
_TO_TELL = f"""
from roll_change c join onboarding f on f.member_id = c.member_id join campaign p on p.id = f.campaign_id
where {_ROWS_OF_BATCH} and c.applied_at is not null and c.told_at is null and c.kind <> 'same'
and (c.electorate or string_to_array(c.changes, ',') && array['name', 'address', 'email'])
and f.ended_at is null and p.ends > clock_timestamp()
"""
_FILES_TO_TELL = text(f"select c.position, p.code, c.member_id {_TO_TELL} order by c.position")
_HOW_MANY_TO_TELL = text(f"select count(*) {_TO_TELL}")
_TOLD = text(
    "update roll_change set told_at = clock_timestamp() where import_id = cast(:import as uuid)"
    " and position = any(:positions)"
)
_FIGURES = text(
    "select planned, confirmed_at from roll_import where id = cast(:import as uuid) and confirmed_at is not null"
)


@dataclass(frozen=True, slots=True)
class ToTell:
    """An open file that stands differently now."""

    position: int
    campaign_code: str
    member_id: UUID


def _bounds(import_id: UUID, batch: int) -> dict[str, object]:
    return {"import": import_id, "after": batch * BATCH, "upto": (batch + 1) * BATCH}


async def planned(session: Session, import_id: UUID) -> tuple[int, datetime] | None:
    """How many rows a confirmed import has, and since when it is; None for any other."""
    row = (await session.execute(_FIGURES, {"import": import_id})).one_or_none()
    return None if row is None else (row.planned, row.confirmed_at)


async def apply(session: Session, import_id: UUID, batch: int) -> int:
    """One batch of the plan, all of it or nothing; done before, it changes nothing. How many files must hear of it."""
    bounds = _bounds(import_id, batch)
    # Stopped by a person, nothing more of it is done; whoever stops it waits here for the batch under way.
    under_way = await session.scalar(_UNDER_WAY, {"import": import_id})
    if under_way and (await session.execute(_LOCKED, bounds)).first() is not None:
        for step in _STEPS:
            await session.execute(step, bounds)
        await session.execute(_PROGRESS, {"import": import_id})
    return int(await session.scalar(_HOW_MANY_TO_TELL, bounds) or 0)


async def to_tell(session: Session, import_id: UUID, batch: int) -> list[ToTell]:
    rows = await session.execute(_FILES_TO_TELL, _bounds(import_id, batch))
    return [ToTell(row.position, row.code, row.member_id) for row in rows]


async def told(session: Session, import_id: UUID, positions: list[int]) -> None:
    await session.execute(_TOLD, {"import": import_id, "positions": positions})
