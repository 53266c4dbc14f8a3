"""The desk of the doors: requests whose address is proven, the longest wait first, each beside the roll."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.ask import tell
from api.downloads import table
from api.forms import RequestDecisionFields, RequestDecisionForm, RollLookUpForm
from api.guards import Lang, OperatorDep, same_form
from api.pages import go, render
from api.portal import portal_of
from api.routes import page
from portal.rules.accounts import looks_like_member_number
from portal.rules.comparison import alike
from portal.rules.doors import (
    ANSWER_WITHIN,
    FIELDS,
    REASONS,
    Door,
    Reason,
    Status,
    Verdict,
    reason_given,
    tidy,
)  # fmt: skip
from portal.rules.members import Group
from portal.rules.refusals import Refusal, Refused
from portal.store import doors, journal, members
from portal.store.doors import Case, Decision
from portal.store.sessions import Visitor
from portal.text import TORONTO, gettext, why_not
from portal.text.addresses import path
from portal.text.catalogues import N_
from workflows import calls

router = APIRouter()

# No second look at the form helps: the request has moved on, or is one's own.
CLOSED = frozenset({Refusal.ALREADY_DECIDED, Refusal.REQUEST_OVER, Refusal.OWN_FILE})

# The field that a refusal is about.
FIELD_OF = {
    Refusal.REQUEST_REASON_NEEDED: "reason",
    Refusal.ROLL_NUMBER_NEEDED: "number",
    Refusal.ROLL_NUMBER_TAKEN: "number",
    Refusal.ROLL_ENTRY_NEEDED: "numero",
    Refusal.ROLL_NUMBER_UNKNOWN: "numero",
}

_NAMES = {Door.REGISTER_EMAIL: N_("Enregistrer mon courriel"), Door.JOIN: N_("Je veux devenir membre")}
_HEADS = (N_("Demande"), N_("De"), N_("Adresse confirmée le"), N_("Réponse promise pour le"))

# What stands beside a request whose suggested entry is somebody else's.
NOBODY = "aucune"


@dataclass(frozen=True, slots=True)
class Line:
    """One answer of the form, beside what the roll says of it."""

    field: str
    said: str
    on_roll: str | None
    differs: bool


@page(router, "requests")
async def requests(request: Request, language: Lang, visitor: OperatorDep) -> Response:
    async with portal_of(request).autocommit() as session:
        waiting = await doors.waiting(session)
        found = await doors.desk(session)
    rows = [(one, one.proven_at + ANSWER_WITHIN) for one in waiting if one.proven_at is not None]
    return render(
        request, "doors/desk.html", visitor=visitor, rows=rows, found=found, at=datetime.now(UTC),
        heads=[gettext(language)(head) for head in _HEADS],
    )  # fmt: skip


@page(router, "requests-file")
async def requests_file(request: Request, language: Lang, visitor: OperatorDep) -> Response:
    """The same list, whole. Who took it, and how many lines, is written down before it leaves."""
    async with portal_of(request).autocommit() as session:
        waiting = await doors.waiting(session, most=None)
        if request.method == "GET":
            await journal.write(
                session, "list-exported", actor="operator", actor_id=visitor.account_id, code=f"requests:{len(waiting)}"
            )
    translate = gettext(language)
    rows = [tuple(translate(head) for head in _HEADS)] + [
        (
            translate(_NAMES[one.door]), f"{one.said['given_name']} {one.said['family_name']}",
            one.proven_at.astimezone(TORONTO).isoformat(sep=" ", timespec="minutes"),
            f"{(one.proven_at + ANSWER_WITHIN).astimezone(TORONTO):%Y-%m-%d}",
        )
        for one in waiting
        if one.proven_at is not None
    ]  # fmt: skip
    return table(rows, f"scrutin-requests-{datetime.now(TORONTO):%Y-%m-%d}.csv", language)


@page(router, "request-case")
async def request_case(request: Request, language: Lang, visitor: OperatorDep, request_id: UUID) -> Response:
    return await _case(request, visitor, request_id, request.query_params.get("fiche", ""), RequestDecisionFields())


@page(router, "request-case", methods=("POST",))
async def look_up(
    request: Request, language: Lang, visitor: OperatorDep, form: RollLookUpForm, request_id: UUID
) -> Response:
    """Another entry beside the request. The number is sent: whatever stands in an address is kept in logs."""
    same_form(visitor, form.form_token)
    number = tidy(form.numero)
    async with portal_of(request).autocommit() as session:
        member = await members.by_number(session, number) if looks_like_member_number(number) else None
    if member is None:
        refusal = Refusal.ROLL_NUMBER_UNKNOWN
        return await _case(request, visitor, request_id, form.compared, RequestDecisionFields(), refusal, number[:32])
    address = path("request-case", language, request_id=request_id)
    return RedirectResponse(f"{address}?fiche={member.id}", status_code=303)


async def _case(
    request: Request, visitor: Visitor, request_id: UUID, beside: str, form: RequestDecisionFields,
    refusal: Refusal | None = None, looked_for: str = "",
) -> Response:  # fmt: skip
    """A request beside an entry of the roll; whose entry was opened is written down before it leaves."""
    async with portal_of(request).sessions.begin() as session:
        found = await doors.by_id(session, request_id)
        if found is None:
            raise Refused(Refusal.REQUEST_OVER)
        if found.status != Status.PROVEN.value:
            raise Refused(Refusal.ALREADY_DECIDED if found.verdict else Refusal.REQUEST_OVER)
        suggested = await doors.suggestion(session, found)
        compared = _entry(beside, suggested)
        if await doors.is_own(session, found, visitor.account_id, compared):
            raise Refused(Refusal.OWN_FILE)
        case = await doors.case_of(session, found, compared)
        if case.member is not None:
            await journal.write(
                session, "roll-consulted", actor="operator", actor_id=visitor.account_id, member_id=case.member.id,
                subject_id=found.id,
            )  # fmt: skip
    assert found.proven_at is not None, "a proven request says when"
    return render(
        request, "doors/case.html", visitor=visitor, refusal=refusal, field=FIELD_OF.get(refusal) if refusal else None,
        case=case, lines=lines_of(case), compared=case.member.id if case.member else NOBODY, nobody=NOBODY,
        set_aside=case.member is None and suggested is not None, looked_for=looked_for,
        answer_by=found.proven_at + ANSWER_WITHIN, form=form, groups=list(Group),
        reasons=[(code.value, why_not(code, found.language)) for code in REASONS[found.door]],
    )  # fmt: skip


def _entry(beside: str, suggested: UUID | None) -> UUID | None:
    """The entry that somebody at the desk has chosen; until then the one that the request points at."""
    if beside == NOBODY:
        return None
    try:
        return UUID(beside)
    except ValueError:
        return suggested


def lines_of(case: Case) -> list[Line]:
    """What was typed, in the order of the form; spelling alone makes no difference."""
    lines = []
    for field in FIELDS[case.request.door]:
        said = case.request.said.get(field)
        if said is not None and field not in ("declaration", "language"):
            on_roll = getattr(case.member, field, None)
            lines.append(Line(field, said, on_roll, on_roll is not None and not alike(field, said, on_roll)))
    return lines


@page(router, "request-decision", methods=("POST",))
async def decide_request(
    request: Request, language: Lang, visitor: OperatorDep, form: RequestDecisionForm, request_id: UUID
) -> Response:
    """Write the decision down, once; then wake the workflow, which applies it and answers."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    async with portal.sessions.begin() as session:
        found = await doors.by_id(session, request_id)
        if found is None:
            raise Refused(Refusal.REQUEST_OVER)
        made = _decision(form, found.door)
        if not isinstance(made, Refusal):
            decided = await doors.decide(session, request_id, visitor.account_id, made)
            if not isinstance(decided, Refusal):
                await journal.write(
                    session, "request-decided", actor="operator", actor_id=visitor.account_id,
                    member_id=decided.member_id or decided.compared_id, subject_id=decided.id, code=made.verdict.value,
                    # The same form sent twice is one decision; one that came back to the desk is decided anew.
                    key=f"request-decided:{decided.id}:{decided.decided_at}",
                )  # fmt: skip
    refusal = made if isinstance(made, Refusal) else decided if isinstance(decided, Refusal) else None
    if refusal in CLOSED:
        raise Refused(refusal)
    if refusal is not None:
        return await _case(request, visitor, request_id, form.compared, form, refusal)
    heard_by = asyncio.get_running_loop().time() + portal.settings.answer_seconds
    told = calls.open_request(portal.client, portal.task_queue, door=found.door, request_id=request_id, told="decided")
    await tell(told, until=heard_by)
    return go("requests", language, notice="decision")


def _decision(form: RequestDecisionFields, door: Door) -> Decision | Refusal:
    try:
        verdict = Verdict(form.verdict)
        reason = Reason(form.reason) if verdict is Verdict.REFUSE and form.reason else None
        shown = UUID(form.compared) if form.compared not in ("", NOBODY) else None
        group = Group(form.group).value if form.group else None
    except ValueError:
        return Refusal.REQUEST_REASON_NEEDED
    if not reason_given(door, verdict, reason, form.note_fr, form.note_en):
        return Refusal.REQUEST_REASON_NEEDED
    number = tidy(form.number)
    return Decision(
        verdict, reason, form.note_fr, form.note_en, compared=shown,
        roll_number=number if looks_like_member_number(number) else None, roll_group=group,
    )  # fmt: skip
