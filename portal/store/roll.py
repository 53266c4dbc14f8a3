"""An import of the roll: what was uploaded, who confirmed it, what it plans and how far it has come."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.roll import COLUMNS, LIVE, TWO_FROM, ImportStatus, Problem, Trouble
from portal.store import Session
from portal.store.base import Base, NewId
from portal.store.campaigns import Campaign
from portal.store.members import Member


class RollImport(Base):
    """One file of the union's system. The database lets one at a time be `live`, and each be decided once."""

    __tablename__ = "roll_import"
    __table_args__ = (
        CheckConstraint(
            "status in ('faulty', 'draft', 'proposed', 'confirmed', 'done', 'abandoned')", name="status"
        ),
        CheckConstraint(
            "(live is true) = (status in ('draft', 'proposed', 'confirmed')) and live is not false", name="live"
        ),
        CheckConstraint("(stopped_at is null) = (stopped_by is null)", name="stopped"),
    )  # fmt: skip

    id: Mapped[NewId]
    status: Mapped[str]
    live: Mapped[bool | None] = mapped_column(unique=True)
    # Lines of people in the file, and problems found.
    lines: Mapped[int]
    wrong: Mapped[int]
    uploaded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    uploaded_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    proposed_at: Mapped[datetime | None]
    proposed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    # Rows of its plan, and how many of them are done.
    planned: Mapped[int] = mapped_column(server_default="0")
    applied: Mapped[int] = mapped_column(server_default="0")
    finished_at: Mapped[datetime | None]
    # By a person, before all of it was done.
    stopped_at: Mapped[datetime | None]
    stopped_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))


class RollLine(Base):
    """One person of a file, kept until the import is applied or thrown away, a day at most."""

    __tablename__ = "roll_line"
    __table_args__ = (UniqueConstraint("import_id", "number"),)

    import_id: Mapped[UUID] = mapped_column(ForeignKey("roll_import.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[str]
    given_name: Mapped[str]
    family_name: Mapped[str]
    email: Mapped[str | None]
    street: Mapped[str]
    city: Mapped[str]
    province: Mapped[str]
    postal_code: Mapped[str]
    group: Mapped[str]
    standing: Mapped[str]
    language: Mapped[str]


class RollProblem(Base):
    """What is wrong with a file, by line; codes only, but for the header of a column that is not ours."""

    __tablename__ = "roll_problem"

    import_id: Mapped[UUID] = mapped_column(ForeignKey("roll_import.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[int]
    trouble: Mapped[str]
    column: Mapped[str]
    other: Mapped[int | None]


class RollChange(Base):
    """What a confirmed import does to one person, and when it was done; codes only, kept as its report."""

    __tablename__ = "roll_change"
    __table_args__ = (
        CheckConstraint("kind in ('new', 'changed', 'gone', 'back', 'same')", name="kind"),
        Index(None, "member_id"),
    )

    import_id: Mapped[UUID] = mapped_column(ForeignKey("roll_import.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    line: Mapped[int | None]
    # Of somebody new as well: the id they will have.
    member_id: Mapped[UUID]
    kind: Mapped[str]
    # Codes, separated by commas.
    changes: Mapped[str]
    doubts: Mapped[str]
    # Who may vote on what changes with it.
    electorate: Mapped[bool]
    applied_at: Mapped[datetime | None]
    # The member's open file has looked again.
    told_at: Mapped[datetime | None]
    # Somebody else was quicker: the number or the address is taken, or the owner has proven the address since.
    overtaken: Mapped[bool] = mapped_column(server_default="false")


# A header that is not ours, said in the preview of a file that is good.
IGNORED = "column-ignored"


async def by_id(session: Session, import_id: UUID) -> RollImport | None:
    return await session.get(RollImport, import_id)


async def held(session: Session, import_id: UUID) -> RollImport | None:
    """For whoever decides on it: nobody else does until this is over."""
    return await session.get(RollImport, import_id, with_for_update=True, populate_existing=True)


async def live(session: Session) -> RollImport | None:
    """The one that is under way."""
    return await session.scalar(select(RollImport).where(RollImport.live.is_(True)))


async def latest(session: Session, most: int = 10) -> Sequence[RollImport]:
    rows = await session.scalars(select(RollImport).order_by(RollImport.uploaded_at.desc()).limit(most))
    return rows.all()


async def begin(
    session: Session, import_id: UUID, by: UUID, *, lines: int, wrong: int, problems: Iterable[Problem],
    ignored: Iterable[str],
) -> bool:  # fmt: skip
    """Write down that a file was uploaded; False while another one is under way."""
    status = ImportStatus.FAULTY if wrong else ImportStatus.DRAFT
    written = await session.scalar(
        insert(RollImport)
        .values(
            id=import_id, status=status.value, live=None if wrong else True, uploaded_by=by, lines=lines, wrong=wrong,
        )
        .on_conflict_do_nothing(index_elements=["live"])
        .returning(RollImport.id)
    )  # fmt: skip
    if written is None:
        return False
    said = [(p.line, p.trouble.value, p.column, p.other) for p in problems] + [(1, IGNORED, n, None) for n in ignored]
    if said:
        await session.execute(
            insert(RollProblem),
            [
                {"import_id": import_id, "position": n, "line": line, "trouble": trouble, "column": column,
                 "other": other}
                for n, (line, trouble, column, other) in enumerate(said)
            ],
        )  # fmt: skip
    return True


async def stage(session: Session, copied: bytes) -> None:
    """The lines, in the format of COPY, whose first column is the import."""
    raw = await (await session.connection()).get_raw_connection()
    names = ", ".join(f'"{name}"' for name in ("import_id", "line", *COLUMNS))
    driver = raw.driver_connection
    assert driver is not None, "a session has a connection"
    async with driver.cursor() as cursor, cursor.copy(f"copy roll_line ({names}) from stdin") as copy:
        for start in range(0, len(copied), 256 * 1024):
            await copy.write(copied[start : start + 256 * 1024])


async def problems(session: Session, import_id: UUID) -> list[Problem]:
    rows = await session.scalars(
        select(RollProblem)
        .where(RollProblem.import_id == import_id, RollProblem.trouble != IGNORED)
        .order_by(RollProblem.position)
    )
    return [Problem(row.line, Trouble(row.trouble), row.column, row.other) for row in rows]


async def ignored(session: Session, import_id: UUID) -> list[str]:
    rows = await session.scalars(
        select(RollProblem.column)
        .where(RollProblem.import_id == import_id, RollProblem.trouble == IGNORED)
        .order_by(RollProblem.position)
    )
    return list(rows)


async def voting_near(session: Session) -> bool:
    """Whether people vote, or soon will: then who may vote is changed by two."""
    now = func.clock_timestamp()
    return bool(
        await session.scalar(
            select(
                exists().where(Campaign.opens <= now + TWO_FROM, Campaign.closes > now, Campaign.rehearsal.is_(False))
            )
        )
    )


async def propose(session: Session, entry: RollImport, by: UUID) -> None:
    await _move(session, entry, ImportStatus.PROPOSED, proposed_by=by, proposed_at=func.clock_timestamp())


async def confirm(session: Session, entry: RollImport, by: UUID, planned: int) -> None:
    await _move(
        session, entry, ImportStatus.CONFIRMED, confirmed_by=by, confirmed_at=func.clock_timestamp(), planned=planned
    )


async def abandon(session: Session, entry: RollImport) -> None:
    """Thrown away, with every name and address of it."""
    await _move(session, entry, ImportStatus.ABANDONED)
    await forget_lines(session, entry.id)


async def stop(session: Session, entry: RollImport, by: UUID) -> ImportStatus:
    """End one that was confirmed: a batch is one transaction, which holds the entry, so none is half done."""
    applied = await session.scalar(
        select(exists().where(RollChange.import_id == entry.id, RollChange.applied_at.is_not(None)))
    )
    status = ImportStatus.DONE if applied else ImportStatus.ABANDONED
    now = func.clock_timestamp()
    await _move(session, entry, status, stopped_by=by, stopped_at=now, finished_at=now)
    await forget_lines(session, entry.id)
    return status


async def _move(session: Session, entry: RollImport, status: ImportStatus, **values: object) -> None:
    await session.execute(
        update(RollImport)
        .where(RollImport.id == entry.id)
        .values(status=status.value, live=True if status in LIVE else None, **values)
    )


async def finish(session: Session, import_id: UUID) -> bool:
    """All of it is done; False if that was written down before."""
    done = await session.scalar(
        update(RollImport)
        .where(RollImport.id == import_id, RollImport.status == ImportStatus.CONFIRMED.value)
        .values(status=ImportStatus.DONE.value, live=None, finished_at=func.clock_timestamp())
        .returning(RollImport.id)
    )
    await forget_lines(session, import_id)
    return done is not None


async def forget_lines(session: Session, import_id: UUID) -> None:
    await session.execute(delete(RollLine).where(RollLine.import_id == import_id))


async def lapsed(session: Session, before: datetime) -> Sequence[RollImport]:
    """Drafts and proposals that nobody came back to."""
    rows = await session.scalars(
        select(RollImport)
        .where(
            RollImport.status.in_([ImportStatus.DRAFT.value, ImportStatus.PROPOSED.value]),
            RollImport.uploaded_at < before,
        )
        .with_for_update()
    )
    return rows.all()


async def forget_problems(session: Session, before: datetime) -> None:
    old = select(RollImport.id).where(RollImport.uploaded_at < before)
    await session.execute(delete(RollProblem).where(RollProblem.import_id.in_(old)))


async def confirmed(session: Session) -> Sequence[UUID]:
    """Imports that must be running."""
    rows = await session.scalars(select(RollImport.id).where(RollImport.status == ImportStatus.CONFIRMED.value))
    return rows.all()


async def on_the_roll(session: Session) -> dict[str, int]:
    """How many people of each group are on the roll today."""
    rows = await session.execute(
        select(Member.group, func.count())
        .where(Member.left_at.is_(None), Member.rehearsal_id.is_(None))
        .group_by(Member.group)
    )
    return {row[0]: row[1] for row in rows}
