"""« Journal »: what was done, for auditors, newest first, in words; and the chain that seals it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from api.guards import AuditorDep, Lang
from api.pages import render
from api.portal import Portal, portal_of
from api.routes import page
from portal.store import audit, chain, journal
from portal.store.audit import Wanted
from portal.store.journal import Entry
from portal.store.staff import staff_code
from portal.text import TORONTO, gettext
from portal.text.catalogues import N_
from portal.text.staff import STAFF_ACTORS, action_choices, action_name, actor_name, code_words
from portal.text.tables import BOM, written
from portal.text.trail import ACTIONS

router = APIRouter()

LINES = 100
# Rows read at once for the file.
CHUNK = 2000
# A spreadsheet takes a cell that begins so for a formula.
COLUMNS = (
    N_("Entrée"), N_("Instant (UTC)"), N_("Qui"), N_("Code du personnel"), N_("Geste"), N_("Geste (code)"),
    N_("Détail"), N_("Détail (code)"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    id: int
    at: datetime
    who: str
    staff: str
    what: str
    more: str


def _line(entry: Entry, language: str) -> Line:
    """Of members nobody is told from another; staff by their code."""
    named = entry.actor_id if entry.actor in STAFF_ACTORS else None
    about = entry.subject_id if entry.action.startswith("staff-") else None
    more = code_words(entry.action, entry.code, language)
    return Line(
        entry.id,
        entry.at,
        actor_name(entry.actor, language),
        staff_code(named) if named else "",
        action_name(entry.action, language),
        " → ".join(part for part in (more, staff_code(about) if about else "") if part),
    )


def _wanted(request: Request) -> tuple[Wanted, str, str]:
    """What the filter asks for, and its fields as they are shown again; what cannot be read is not asked."""
    asked = request.query_params
    action = asked.get("geste", "") if asked.get("geste", "") in ACTIONS else ""
    try:
        day = date.fromisoformat(asked.get("jour", "")[:10])
        since = datetime.combine(day, time(), TORONTO)
        until = datetime.combine(day + timedelta(days=1), time(), TORONTO)
    except (ValueError, OverflowError):
        day, since, until = None, None, None
    before = asked.get("avant", "")
    number = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    return Wanted(action or None, since, until, number), action, day.isoformat() if day else ""


@page(router, "journal")
async def journal_page(request: Request, language: Lang, visitor: AuditorDep) -> Response:
    wanted, action, day = _wanted(request)
    async with portal_of(request).autocommit() as session:
        found = await audit.entries(session, wanted, LINES + 1)
        head = await chain.head(session)
        unlinked = await chain.waiting(session, head)
    asked = {name: value for name, value in (("geste", action), ("jour", day)) if value}
    older = urlencode({**asked, "avant": found[LINES - 1].id}) if len(found) > LINES else ""
    return render(
        request, "staff/journal.html", visitor=visitor, lines=[_line(entry, language) for entry in found[:LINES]],
        head=head, unlinked=unlinked, older=older, filters=urlencode(asked), action=action, day=day,
        actions=action_choices(language),
    )  # fmt: skip


@page(router, "journal-data")
async def journal_data(request: Request, language: Lang, visitor: AuditorDep) -> Response:
    """The same lines as a file, all of them, read and sent piece by piece."""
    portal = portal_of(request)
    wanted, _, _ = _wanted(request)
    if request.method == "GET":
        async with portal.autocommit() as session:
            await journal.write(session, "journal-downloaded", actor="auditor", actor_id=visitor.account_id)
    return StreamingResponse(
        _rows(portal, wanted, language), media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="scrutin-journal.csv"'},
    )  # fmt: skip


async def _rows(portal: Portal, wanted: Wanted, language: str) -> AsyncIterator[bytes]:
    translate = gettext(language)
    # Spreadsheets take a file for UTF-8 by this mark.
    yield BOM.encode() + written([[translate(name) for name in COLUMNS]], language)
    while True:
        async with portal.autocommit() as session:
            found = await audit.entries(session, wanted, CHUNK)
        lines = [(_line(entry, language), entry) for entry in found]
        yield written(
            [
                [
                    str(line.id), line.at.isoformat(timespec="milliseconds"), line.who, line.staff, line.what,
                    entry.action, line.more, entry.code or "",
                ]
                for line, entry in lines
            ],
            language,
        )  # fmt: skip
        if len(found) < CHUNK:
            return
        wanted = replace(wanted, before=found[-1].id)
