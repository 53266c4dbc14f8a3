"""The roll: a file of the union's system uploaded, looked at, confirmed, and followed until its report."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from api.ask import tell
from api.downloads import table
from api.forms import RollConfirmFields, RollConfirmForm, SentForm
from api.guards import Lang, OperatorDep, OrganiserDep, OrganiserLeftOpenDep, require_factor, same_form
from api.pages import go, render
from api.portal import Portal, portal_of
from api.routes import ROLL_LIMIT, page
from portal.rolls import NotRead, Read, read_apart
from portal.rules.accounts import Role
from portal.rules.refusals import Refusal, Refused
from portal.rules.roll import COLUMNS, MOST_BYTES, ImportStatus, Kind, Problem
from portal.store import Session, journal, roll, roll_diff, staff
from portal.store.roll import RollImport
from portal.store.roll_diff import Row, Summary
from portal.store.sessions import Visitor
from portal.text import gettext
from portal.text.roll import OVERTAKEN, change_names, column_name, doubt_name, kind_name, problem, status_name
from workflows import calls

router = APIRouter()

# People of each kind that a page lists; the file to download has all of them.
SHOWN = 50
UNDECIDED = (ImportStatus.DRAFT, ImportStatus.PROPOSED)
# Two people who cannot be mistaken for anybody's members.
MODEL = (
    ("900001", "Jean-Baptiste", "Poquelin", "moliere@exemple.test", "12, rue du Théâtre", "Gatineau", "QC", "J8X 1A1",
     "EC", "membre", "fr"),
    ("900002", "Marguerite", "Bourgeoys", "", "4, rue du Fort", "Ottawa", "ON", "K1A 0B1", "TR", "cotisant", "en"),
)  # fmt: skip


@page(router, "roll")
async def roll_page(request: Request, language: Lang, visitor: OrganiserDep) -> Response:
    return await _roll(request, visitor, language, None)


async def _roll(request: Request, visitor: Visitor, language: str, refusal: Refusal | None) -> Response:
    async with portal_of(request).autocommit() as session:
        groups = await roll.on_the_roll(session)
        live = await roll.live(session)
        if live is not None and await _says_nothing(session, live):
            live = None
        latest = await roll.latest(session)
    return render(
        request, "roll/roll.html", visitor=visitor, refusal=refusal, field="file" if refusal else None, groups=groups,
        live=live, latest=[(one, status_name(ImportStatus(one.status), language)) for one in latest],
        columns=[column_name(column, language) for column in COLUMNS],
    )  # fmt: skip


@page(router, "roll-model")
async def model(request: Request, language: Lang, visitor: OrganiserDep) -> Response:
    """« Télécharger un modèle »."""
    return _file("modele.csv" if language == "fr" else "model.csv", language, [_header(language), *MODEL])


def _header(language: str) -> list[str]:
    return [column_name(column, language) for column in COLUMNS]


@page(router, "roll", methods=("POST",), limit=ROLL_LIMIT)
async def upload(request: Request, language: Lang, visitor: OperatorDep) -> Response:
    """Read the file apart, and stage what is in it; of a file with anything wrong only what is wrong is kept."""
    portal = portal_of(request)
    content = await _content(request, visitor)
    async with portal.sessions.begin() as session:
        await _make_room(session, visitor)
    async with portal.autocommit() as session:
        if await roll.live(session) is not None:
            # Before it is read; asked again when it is staged.
            return await _roll(request, visitor, language, Refusal.ROLL_IMPORT_UNDER_WAY)
    if not content or len(content) > MOST_BYTES:
        return await _roll(
            request, visitor, language, Refusal.ROLL_FILE_TOO_HEAVY if content else Refusal.ROLL_FILE_MISSING
        )
    import_id = uuid4()
    try:
        read = await read_apart(content, import_id)
    except NotRead:
        return await _roll(request, visitor, language, Refusal.ROLL_FILE_UNREADABLE)
    if not await _staged(portal, visitor, import_id, read):
        return await _roll(request, visitor, language, Refusal.ROLL_IMPORT_UNDER_WAY)
    return go("roll-import", language, import_id=import_id)


async def _says_nothing(session: Session, entry: RollImport) -> bool:
    """Whether it is a draft that changes nothing: it holds nobody up."""
    return entry.status == ImportStatus.DRAFT and (await roll_diff.summary(session, entry.id)).nothing


async def _make_room(session: Session, visitor: Visitor) -> None:
    """A file that says what the roll says gives way to the next one."""
    live = await roll.live(session)
    entry = None if live is None else await roll.held(session, live.id)
    if entry is not None and await _says_nothing(session, entry):
        await roll.abandon(session, entry)
        await _note(session, visitor, "roll-abandoned", entry.id, f"roll-abandoned:{entry.id}")


async def _content(request: Request, visitor: Visitor) -> bytes:
    """The file of the form; its name is not read."""
    try:
        async with request.form(max_files=1, max_fields=4, max_part_size=1024) as form:
            if set(form) - {"form_token", "key", "file"}:
                raise Refused(Refusal.NOT_ALLOWED)
            token, file = form.get("form_token", ""), form.get("file")
            same_form(visitor, token if isinstance(token, str) else "")
            return await file.read() if isinstance(file, UploadFile) else b""
    except HTTPException as error:
        if error.status_code != 413:
            raise
        raise Refused(Refusal.ROLL_FILE_TOO_HEAVY) from None


async def _staged(portal: Portal, visitor: Visitor, import_id: UUID, read: Read) -> bool:
    found = read.found
    async with portal.sessions.begin() as session:
        begun = await roll.begin(
            session, import_id, visitor.account_id, lines=found.lines, wrong=found.wrong, problems=found.problems,
            ignored=found.ignored,
        )  # fmt: skip
        if not begun:
            return False
        if not found.wrong:
            await roll.stage(session, read.copied)
        await _note(session, visitor, "roll-uploaded", import_id)
    return True


async def _note(session: Session, visitor: Visitor, action: str, import_id: UUID, key: str | None = None) -> None:
    await journal.write(
        session, action, actor="operator", actor_id=visitor.account_id, subject_id=import_id, key=key
    )  # fmt: skip


@page(router, "roll-import")
async def import_page(request: Request, language: Lang, visitor: OrganiserDep, import_id: UUID) -> Response:
    return await _import(request, visitor, language, import_id)


async def _import(
    request: Request, visitor: Visitor, language: str, import_id: UUID, refusal: Refusal | None = None,
    form: RollConfirmFields | None = None,
) -> Response:  # fmt: skip
    """What a file would do, how far an import has come, or what it did: by how it stands."""
    async with portal_of(request).autocommit() as session:
        entry = await _found(session, import_id)
        undecided = entry.status in UNDECIDED
        summary = await roll_diff.summary(session, import_id) if undecided else None
        rows = await roll_diff.listed(session, import_id, SHOWN) if undecided else []
        why = await _why_two(session, visitor, import_id, summary) if summary else None
        context: dict[str, Any] = {
            **await _progress(session, entry, language),
            "why_two": why,
            "signs_from": None if summary is None else await _too_new_until(session, visitor, entry, why),
            "problems_found": [(p.line, problem(p, language)) for p in await roll.problems(session, import_id)],
            "ignored": await roll.ignored(session, import_id),
        }
    return render(
        request, "roll/import.html", visitor=visitor, refusal=refusal,
        field="doubts" if refusal is Refusal.ROLL_DOUBTS_UNSEEN else None, summary=summary,
        lists=_lists(rows, language), doubtful=[_said(r, language) for r in rows if r.doubts],
        doubt_name=lambda doubt: doubt_name(doubt, language), change_name=lambda one: change_names([one], language),
        mine=entry.proposed_by == visitor.account_id, ticked=form is not None and form.doubts == "yes", Kind=Kind,
        **context,
    )  # fmt: skip


async def _found(session: Session, import_id: UUID) -> RollImport:
    entry = await roll.by_id(session, import_id)
    if entry is None:
        raise Refused(Refusal.ROLL_IMPORT_OVER)
    return entry


async def _progress(session: Session, entry: RollImport, language: str) -> dict[str, Any]:
    """What the part of the page shows that keeps itself up to date."""
    over = entry.status == ImportStatus.DONE
    counted = await roll_diff.done(session, entry.id) if over else {}
    left = await roll_diff.left(session, entry.id, SHOWN) if over else []
    return {
        "entry": entry, "state": ImportStatus(entry.status), "counted": {kind: counted.get(kind, 0) for kind in Kind},
        "names": {kind: kind_name(kind, language) for kind in Kind},
        "left": [_said(row, language) for row in left],
        "tag": f'"{entry.status}-{entry.applied}"',
    }  # fmt: skip


def _lists(rows: Iterable[Row], language: str) -> dict[Kind, list[dict[str, object]]]:
    lists: dict[Kind, list[dict[str, object]]] = {kind: [] for kind in Kind if kind is not Kind.SAME}
    for row in rows:
        if row.kind in lists and len(lists[row.kind]) < SHOWN:
            lists[row.kind].append(_said(row, language))
    return lists


def _said(row: Row, language: str) -> dict[str, object]:
    remarks = [doubt_name(doubt, language) for doubt in row.doubts]
    if row.overtaken:
        remarks.append(gettext(language)(OVERTAKEN))
    return {
        "line": row.line, "number": row.number or "",
        "name": f"{row.given_name or ''} {row.family_name or ''}".strip(),
        "kind": kind_name(row.kind, language),
        # Of somebody new everything is.
        "changes": change_names(row.changes, language) if row.kind is not Kind.NEW else "",
        "remarks": remarks, "on_roll": row.on_roll, "in_file": row.in_file,
    }  # fmt: skip


@page(router, "roll-progress")
async def progress(request: Request, language: Lang, visitor: OrganiserLeftOpenDep, import_id: UUID) -> Response:
    """What an open page asks every few seconds; led away, it opens anew and shows the report."""
    async with portal_of(request).autocommit() as session:
        entry = await _found(session, import_id)
        if entry.status != ImportStatus.CONFIRMED:
            return go("roll-import", language, import_id=import_id)
        tag = f'"{entry.status}-{entry.applied}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        context = await _progress(session, entry, language)
    response = render(request, "roll/_progress.html", visitor=visitor, **context)
    response.headers["ETag"] = tag
    return response


@page(router, "roll-confirm", methods=("POST",))
async def confirm(
    request: Request, language: Lang, visitor: OrganiserDep, form: RollConfirmForm, import_id: UUID
) -> Response:
    """Under a factor shown a moment ago: from here on the records change, or a second person is asked."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    require_factor(visitor)
    async with portal.sessions.begin() as session:
        decided = await _decide(session, visitor, import_id, form)
    if isinstance(decided, Refusal):
        return await _import(request, visitor, language, import_id, decided, form)
    if decided is ImportStatus.PROPOSED:
        return go("roll-import", language, notice="liste-proposee", import_id=import_id)
    await tell(calls.open_import(portal.client, portal.background_queue, import_id), until=_deadline(portal))
    return go("roll-import", language, import_id=import_id)


def _deadline(portal: Portal) -> float:
    return asyncio.get_running_loop().time() + portal.settings.answer_seconds


async def _why_two(session: Session, visitor: Visitor, import_id: UUID, summary: Summary) -> str | None:
    """Why this person alone may not confirm it; None if they may."""
    if await roll_diff.changes_entry_of(session, import_id, visitor.member_id):
        return "own"
    if summary.electorate and await roll.voting_near(session):
        return "open"
    return "many" if summary.takes_two else None


async def _too_new_until(session: Session, visitor: Visitor, entry: RollImport, why: str | None) -> datetime | None:
    """If this takes two: until when they are nobody's second person."""
    if why is None and entry.status != ImportStatus.PROPOSED:
        return None
    return await staff.too_new_until(session, visitor.account_id, Role.OPERATOR, Role.OFFICER)


async def _decide(
    session: Session, visitor: Visitor, import_id: UUID, form: RollConfirmFields
) -> Refusal | ImportStatus:
    """Confirmed, or proposed to a second person; or why not."""
    entry = await roll.held(session, import_id)
    if entry is None or entry.status not in UNDECIDED:
        return Refusal.ROLL_IMPORT_OVER
    summary: Summary = await roll_diff.summary(session, import_id)
    if form.seen != summary.seen:
        return Refusal.ROLL_CHANGED_MEANWHILE
    if summary.nothing:
        return Refusal.ROLL_IMPORT_OVER
    if summary.doubts and form.doubts != "yes":
        return Refusal.ROLL_DOUBTS_UNSEEN
    why = await _why_two(session, visitor, import_id, summary)
    if await _too_new_until(session, visitor, entry, why):
        return Refusal.ROLE_TOO_NEW
    if why is not None:
        if entry.status == ImportStatus.DRAFT:
            await roll.propose(session, entry, visitor.account_id)
            await _note(session, visitor, "roll-proposed", import_id, f"roll-proposed:{import_id}")
            return ImportStatus.PROPOSED
        if entry.proposed_by == visitor.account_id:
            return Refusal.ROLL_SECOND_PERSON
        if why == "own":
            return Refusal.ROLL_OWN_ENTRY
    planned = await roll_diff.plan(session, import_id)
    await roll.confirm(session, entry, visitor.account_id, planned)
    await _note(session, visitor, "roll-confirmed", import_id, f"roll-confirmed:{import_id}")
    return ImportStatus.CONFIRMED


@page(router, "roll-abandon", methods=("POST",))
async def abandon(request: Request, language: Lang, visitor: OrganiserDep, form: SentForm, import_id: UUID) -> Response:
    """Throw a file away that was not confirmed, or stop its import; asked twice, it is gone all the same."""
    same_form(visitor, form.form_token)
    async with portal_of(request).autocommit() as session:
        under_way = (await _found(session, import_id)).status == ImportStatus.CONFIRMED
    if under_way:
        require_factor(visitor)
    async with portal_of(request).sessions.begin() as session:
        entry = await roll.held(session, import_id)
        if entry is not None and under_way and entry.status == ImportStatus.CONFIRMED:
            stopped = await roll.stop(session, entry, visitor.account_id)
            await _note(session, visitor, "roll-stopped", import_id, f"roll-stopped:{import_id}")
            if stopped is ImportStatus.DONE:
                return go("roll-import", language, import_id=import_id)
        elif entry is None or entry.status not in (*UNDECIDED, ImportStatus.ABANDONED):
            raise Refused(Refusal.ROLL_IMPORT_OVER)
        elif entry.status in UNDECIDED:
            await roll.abandon(session, entry)
            await _note(session, visitor, "roll-abandoned", import_id, f"roll-abandoned:{import_id}")
    return go("roll", language, notice="liste-abandonnee")


@page(router, "roll-report")
async def report(request: Request, language: Lang, visitor: OrganiserDep, import_id: UUID) -> Response:
    """Everybody whom an import touches, or everything wrong with a file, to take away; who took it is written down."""
    translate = gettext(language)
    async with portal_of(request).sessions.begin() as session:
        entry = await _found(session, import_id)
        found: list[Problem] = await roll.problems(session, import_id)
        undecided = entry.status in UNDECIDED
        rows = await (roll_diff.listed if undecided else roll_diff.reported)(session, import_id)
        await _note(session, visitor, "roll-downloaded", import_id)
    name = f"{'liste' if language == 'fr' else 'roll'}-{entry.uploaded_at:%Y-%m-%d}.csv"
    line, remark = translate("Ligne"), translate("Remarque")
    if entry.status == ImportStatus.FAULTY:
        return _file(name, language, [(line, remark), *((one.line, problem(one, language)) for one in found)])
    said = [_said(row, language) for row in rows]
    header = (line, translate("Numéro"), translate("Nom"), translate("Effet"), translate("Ce qui change"), remark)
    rows_said = [(s["line"], s["number"], s["name"], s["kind"], s["changes"], " ".join(s["remarks"])) for s in said]  # type: ignore[arg-type]
    return _file(name, language, [header, *rows_said])


def _file(name: str, language: str, rows: Iterable[Iterable[object]]) -> Response:
    lines = [["" if cell is None else str(cell) for cell in row] for row in rows]
    return table(lines, name, language)
