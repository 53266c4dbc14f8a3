"""What a file would change: one comparison of its lines with the roll, counted, listed, or written down as a plan."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from sqlalchemy import text

from portal.rules.roll import Change, Doubt, Kind, many_gone, takes_two
from portal.store import Session

# A name, an address, a group: what a line says and the roll does not. People who left before and are not in the file
# are nobody's business. An address that its owner has proven, or chose a password with, is never replaced
# (security-tests.md T18); nor is one taken that serves somebody else.
_DIFF = """
with times as materialized (
    select exists (
        select from campaign
        where registration_opens <= clock_timestamp() and closes > clock_timestamp() and not rehearsal
    ) as registering
), wanted as materialized (
    select * from roll_line where import_id = cast(:import as uuid)
), real_people as materialized (
    -- Whoever was made for a rehearsal is on no list of the union's.
    select * from member where rehearsal_id is null
), paired as materialized (
    select w.line, coalesce(w.number, m.number) as number, m.id as member_id,
        coalesce(w.given_name, m.given_name) as given_name, coalesce(w.family_name, m.family_name) as family_name,
        case when m.id is null then 'new' when w.line is null then case when m.left_at is null then 'gone' end
             when m.left_at is not null then 'back' else 'changed' end as met,
        both_known and (w.given_name, w.family_name) <> (m.given_name, m.family_name) as name,
        both_known and (w.street, w.city, w.province, w.postal_code)
            <> (m.street, m.city, m.province, m.postal_code) as address,
        both_known and w."group" <> m."group" as "group",
        both_known and w.standing <> m.standing as standing,
        both_known and w.language <> m.language and m.language_chosen_at is null as language,
        w.email is not null and w.email is distinct from a.email as email,
        a.email is not null and (a.email_verified_at is not null or a.password_hash is not null) as email_in_use,
        holder.id is not null as email_taken,
        lower(concat_ws('|', w.given_name, w.family_name, w.street, w.postal_code)) as person,
        concat_ws(', ', m.given_name || ' ' || m.family_name, m.street, m.city, m."group") as on_roll,
        concat_ws(', ', w.given_name || ' ' || w.family_name, w.street, w.city, w."group") as in_file
    from wanted w full join real_people m on m.number = w.number
    left join account a on a.member_id = m.id
    left join account holder on holder.email = w.email and holder.id is distinct from a.id
    cross join lateral (select m.id is not null and w.line is not null as both_known) b
), namesakes as materialized (
    select person from (
        select lower(concat_ws('|', given_name, family_name, street, postal_code)) as person, number from wanted
        union all
        select lower(concat_ws('|', given_name, family_name, street, postal_code)), number from real_people
    ) everybody group by person having count(distinct number) > 1
), judged as materialized (
    select p.*, email and not email_in_use and not email_taken as email_set,
        met = 'new' and n.person is not null as same_person
    from paired p left join namesakes n on n.person = p.person
    where met is not null
), diff as materialized (
    select line, number, member_id, given_name, family_name, on_roll, in_file,
        case when met = 'changed' and not (name or address or "group" or standing or language or email_set)
             then 'same' else met end as kind,
        concat_ws(',', case when name then 'name' end, case when address then 'address' end,
            case when "group" then 'group' end, case when standing then 'standing' end,
            case when language then 'language' end, case when email_set then 'email' end) as changes,
        concat_ws(',', case when "group" and registering then 'group-moved' end,
            case when same_person then 'same-person' end, case when name and address then 'name-and-address' end,
            case when email and email_taken then 'email-taken'
                 when email and email_in_use then 'email-kept' end) as doubts,
        met in ('new', 'gone', 'back') or "group" or standing as electorate
    from judged, times
)
"""
_COUNTED = text(_DIFF + "select kind, changes, doubts, electorate, count(*) from diff group by 1, 2, 3, 4")
_OWN = text(
    _DIFF
    + """
select exists (select from diff where member_id = cast(:member as uuid) and kind <> 'same')
"""
)
_PRESENT = text("select count(*) from member where left_at is null and rehearsal_id is null")
_LISTED = text(
    _DIFF
    + """
select line, number, given_name, family_name, kind, changes, doubts, false,
    case when doubts <> '' then on_roll end, case when doubts <> '' then in_file end
from (
    select diff.*, row_number() over (partition by kind order by line nulls last, number) as nth,
        row_number() over (partition by doubts <> '' order by line nulls last, number) as nth_doubt
    from diff
) ranked
where (kind <> 'same' and nth <= :most) or (doubts <> '' and nth_doubt <= :most)
order by line nulls last, number
"""
)
_PLANNED = text(
    _DIFF
    + """
insert into roll_change (import_id, position, line, member_id, kind, changes, doubts, electorate)
select cast(:import as uuid), row_number() over (order by line nulls last, number), line,
    coalesce(member_id, gen_random_uuid()), kind, changes, doubts, electorate
from diff where kind <> 'same' or doubts <> ''
"""
)
_REPORTED = text(
    """
select c.line, m.number, m.given_name, m.family_name, c.kind, c.changes, c.doubts, c.overtaken
from roll_change c left join member m on m.id = c.member_id
where c.import_id = cast(:import as uuid) and c.applied_at is not null order by c.position limit :most
"""
)
_LEFT = text(
    """
select c.line, m.number, m.given_name, m.family_name, c.kind, c.changes, c.doubts, c.overtaken
from roll_change c left join member m on m.id = c.member_id
where c.import_id = cast(:import as uuid) and c.applied_at is not null and (c.doubts <> '' or c.overtaken)
order by c.position limit :most
"""
)
_DONE = text(
    "select kind, count(*) from roll_change where import_id = cast(:import as uuid) and applied_at is not null"
    " and not overtaken group by kind"
)
EVERYBODY = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One person of a preview or a report."""

    line: int | None
    # None for somebody who was not added after all: another was quicker.
    number: str | None
    given_name: str | None
    family_name: str | None
    kind: Kind
    changes: list[Change]
    doubts: list[Doubt]
    overtaken: bool = False
    # Of somebody with doubts: who they are on the roll, and who in the file.
    on_roll: str = ""
    in_file: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """How many of each, by the records at this moment."""

    kinds: Counter[Kind]
    changes: Counter[Change]
    doubts: Counter[Doubt]
    # People with whom the electorate of some ballot changes.
    electorate: int
    # On the roll before it.
    present: int
    # Of all counts: somebody who confirms has seen these.
    seen: str = field(compare=False)

    @property
    def takes_two(self) -> bool:
        """Whether so many go that no single person takes them off the roll."""
        return takes_two(self.kinds[Kind.GONE], self.present)

    @property
    def nothing(self) -> bool:
        return not any(self.kinds[kind] for kind in Kind if kind is not Kind.SAME)


def _codes(words: str) -> list[str]:
    return words.split(",") if words else []


async def summary(session: Session, import_id: UUID) -> Summary:
    rows = sorted(tuple(row) for row in await session.execute(_COUNTED, {"import": import_id}))
    present = await session.scalar(_PRESENT) or 0
    kinds: Counter[Kind] = Counter()
    changes: Counter[Change] = Counter()
    doubts: Counter[Doubt] = Counter()
    electorate = 0
    for kind, changed, doubted, votes, count in rows:
        kinds[Kind(kind)] += count
        electorate += count if votes else 0
        for code in _codes(doubted):
            doubts[Doubt(code)] += count
        if kind in (Kind.CHANGED, Kind.BACK):
            for code in _codes(changed):
                changes[Change(code)] += count
    if many_gone(kinds[Kind.GONE], present):
        doubts[Doubt.MANY_GONE] = kinds[Kind.GONE]
    seen = sha256(repr(rows).encode()).hexdigest()[:32]
    return Summary(kinds, changes, doubts, electorate, present, seen)


async def changes_entry_of(session: Session, import_id: UUID, member_id: UUID | None) -> bool:
    """Whether it changes this person's entry, in whatever it is: then somebody else confirms it (T62).

    What an import does is written into the journal in the name of whoever confirmed it, which takes nobody's own act.
    """
    if member_id is None:
        return False
    return bool(await session.scalar(_OWN, {"import": import_id, "member": member_id}))


async def listed(session: Session, import_id: UUID, most: int = EVERYBODY) -> list[Row]:
    """So many people of each kind, and so many with doubts."""
    rows = await session.execute(_LISTED, {"import": import_id, "most": most})
    return list(_rows(rows))


async def plan(session: Session, import_id: UUID) -> int:
    """Write down what will be done to whom; how many rows that is."""
    written = await session.execute(_PLANNED, {"import": import_id})
    return int(written.rowcount)  # type: ignore[attr-defined]


async def reported(session: Session, import_id: UUID, most: int = EVERYBODY) -> list[Row]:
    """What was done, in the order of the file."""
    rows = await session.execute(_REPORTED, {"import": import_id, "most": most})
    return list(_rows(rows))


async def done(session: Session, import_id: UUID) -> Counter[Kind]:
    """How many of each kind it came to; whoever was overtaken is none."""
    rows = await session.execute(_DONE, {"import": import_id})
    return Counter({Kind(kind): count for kind, count in rows})


async def left(session: Session, import_id: UUID, most: int) -> list[Row]:
    """So many whom somebody should look at: doubtful, or not done as planned."""
    rows = await session.execute(_LEFT, {"import": import_id, "most": most})
    return list(_rows(rows))


def _rows(rows: Iterable[tuple[object, ...]]) -> Iterable[Row]:
    for line, number, given_name, family_name, kind, changes, doubts, *more in rows:
        yield Row(
            line, number, given_name, family_name, Kind(kind), [Change(c) for c in _codes(changes)],  # type: ignore[arg-type]
            [Doubt(d) for d in _codes(doubts)], bool(more[0]), *(str(said or "") for said in more[1:]),  # type: ignore[arg-type]
        )  # fmt: skip
