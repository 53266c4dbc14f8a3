"""What two officers do together: open, move, cancel, mend words; each proposal is looked at with its effect."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.ask import tell
from api.campaign_forms import (
    ChangeFields,
    ChangeForm,
)  # fmt: skip
from api.campaigns import (
    asked,
    campaign_called,
    problems_said,
)  # fmt: skip
from api.guards import Lang, OfficerDep, OrganiserDep, require_factor, same_form
from api.pages import go, language_of, render
from api.portal import portal_of
from api.routes import page
from portal.rules.accounts import Role
from portal.rules.campaign_changes import INSTANTS, ChangeKind
from portal.rules.campaigns import Calendar, CampaignStatus
from portal.rules.election import fingerprints
from portal.rules.refusals import Refusal, Refused
from portal.rules.running import results_owed
from portal.rules.votes import MANDATED, MIN_GROUP
from portal.store import Session, campaign_changes, campaign_effects, campaigns, journal, running, staff
from portal.store.campaign_changes import Proposal
from portal.store.campaign_effects import Effects
from portal.store.campaigns import Campaign
from portal.store.sessions import Visitor
from workflows import calls

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Check:
    """One line of what a campaign needs before it opens."""

    code: str
    ok: bool


# --- what a change would do


def calendar_after(campaign: Campaign, kind: ChangeKind, wanted: Mapping[str, object], at: datetime) -> Calendar:
    """The calendar that the campaign would have."""
    now = campaign.calendar
    if kind is ChangeKind.CANCEL:
        return replace(now, version=now.version + 1, ends=min(now.ends, at), cancelled_at=at)
    instants = {
        name: datetime.fromisoformat(value) if isinstance(value, str) else value
        for name, value in wanted.items()
        if name in INSTANTS
    }
    # Everybody is told of a closing that was announced and moves.
    told = at if "closes" in instants and campaign.registration_opens <= at else now.closing_moved_at
    return replace(now, version=now.version + 1, closing_moved_at=told, **instants)  # type: ignore[arg-type]


async def effects_of(
    session: Session, campaign: Campaign, kind: ChangeKind, wanted: Mapping[str, object]
) -> Effects | None:
    if kind not in (ChangeKind.MOVE, ChangeKind.CANCEL):
        return None
    at = datetime.now(UTC)
    new = calendar_after(campaign, kind, wanted, at)
    return await campaign_effects.of_change(session, campaign.id, campaign.calendar, new, at=at)


async def checklist(session: Session, campaign: Campaign) -> list[Check]:
    """What is asked of the records before a campaign may be opened."""
    questions = await asked(session, campaign)
    at = datetime.now(UTC)
    elections = [q for q in questions if q.ballot.kind == "election"]
    return [
        Check("draft", campaign.status == CampaignStatus.DRAFT.value),
        Check("questions", bool(questions)),
        Check("electors", bool(questions) and all(q.electors for q in questions)),
        Check("candidates", all(len(q.candidates) >= q.ballot.choose for q in elections)),
        # What the law gives to everybody in the unit, held for members only, would be void (security.md T84).
        Check("mandated", not any(q.ballot.kind in MANDATED and q.ballot.members_only for q in questions)),
        Check("dates", at < campaign.opens < campaign.closes <= campaign.ends),
        # Members see the first of two only, and could not vote in the other.
        Check("alone", not await campaigns.hides_another(session, campaign.id, campaign.calendar)),
    ]


# --- two officers


async def signed(
    visitor: Visitor, again: Callable[[Refusal], Awaitable[Response]], act: Callable[[], Awaitable[Response | Refusal]]
) -> Response:
    """An act under a factor shown a moment ago; the form again if it is refused."""
    require_factor(visitor)
    try:
        done = await act()
    except Refused as refused:
        return await again(refused.refusal)
    return await again(done) if isinstance(done, Refusal) else done


async def propose(
    request: Request, language: str, visitor: Visitor, campaign: Campaign, kind: ChangeKind,
    wanted: Mapping[str, object], reason: str,
) -> Response | Refusal:  # fmt: skip
    async with portal_of(request).sessions.begin() as session:
        no = await campaign_changes.may_sign(session, visitor.account_id, campaign.id)
        if no is not None:
            return no
        change_id = await campaign_changes.propose(
            session, campaign.id, kind, by=visitor.account_id, wanted=wanted, reason=reason.strip() or None
        )
        await journal.write(
            session, "change-proposed", actor="officer", actor_id=visitor.account_id, campaign_id=campaign.id,
            subject_id=change_id, code=kind.value,
        )  # fmt: skip
    return go("campaign-change", language, notice="proposition", code=campaign.code, change_id=change_id)


_FIELDS = {
    Refusal.CHANGE_REASON_NEEDED: "reason", Refusal.CLOSING_REASON_NEEDED: "reason_fr", Refusal.FILE_MISSING: "file",
    Refusal.FILE_TOO_LARGE: "file", Refusal.FILE_OF_ANOTHER: "file", Refusal.PRIVATE_FILE: "file",
    Refusal.ELECTION_UNREADABLE: "file", Refusal.RESULT_UNREADABLE: "file", Refusal.COUNTS_DIFFER: "file",
    Refusal.UNANIMITY_UNREAD: "read", Refusal.DESTRUCTION_UNREADABLE: "file", Refusal.DESTRUCTION_UNSIGNED: "file",
    Refusal.DESTROYED_TOO_EARLY: "file",
}  # fmt: skip


async def called(request: Request, code: str) -> Campaign:
    async with portal_of(request).autocommit() as session:
        return await campaign_called(session, code)


async def shown(
    request: Request, template: str, visitor: Visitor, campaign: Campaign,
    refused: Refusal | Mapping[str, Refusal] | None = None, **context: Any,
) -> Response:  # fmt: skip
    """A page where officers propose: who cannot be one of two reads why or from when on they may, and finds no form."""
    signs_from, stands = None, False
    if Role.OFFICER in visitor.roles:
        async with portal_of(request).autocommit() as session:
            signs_from = await staff.too_new_until(session, visitor.account_id, Role.OFFICER)
            stands = await campaign_changes.stands_in(session, visitor.account_id, campaign.id)
    problems = {_FIELDS.get(refused, ""): refused} if isinstance(refused, Refusal) else refused or {}
    return render(
        request, template, visitor=visitor, campaign=campaign, signs_from=signs_from, stands=stands,
        officer=Role.OFFICER in visitor.roles, **context, **problems_said(problems, language_of(request)),
    )  # fmt: skip


# --- opening


async def _opening(request: Request, visitor: Visitor, code: str, refusal: Refusal | None = None) -> Response:
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        checks = await checklist(session, campaign)
        manifest = await campaign_changes.manifest(session, campaign.id)
    return await shown(
        request, "campaigns/opening.html", visitor, campaign, refusal, checks=checks, manifest=manifest,
        ready=all(check.ok for check in checks),
    )  # fmt: skip


@page(router, "campaign-open")
async def opening(request: Request, visitor: OfficerDep, code: str) -> Response:
    return await _opening(request, visitor, code)


@page(router, "campaign-open", methods=("POST",))
async def propose_opening(
    request: Request, language: Lang, visitor: OfficerDep, form: ChangeForm, code: str
) -> Response:
    same_form(visitor, form.form_token)
    campaign = await called(request, code)

    async def act() -> Response | Refusal:
        async with portal_of(request).autocommit() as session:
            if not all(check.ok for check in await checklist(session, campaign)):
                return Refusal.NOT_READY_TO_OPEN
        return await propose(request, language, visitor, campaign, ChangeKind.OPEN, {}, form.reason)

    return await signed(visitor, lambda no: _opening(request, visitor, code, no), act)


# --- cancelling


def _owed(campaign: Campaign, voted: int) -> bool:
    return results_owed(closes=campaign.closes, rehearsal=campaign.rehearsal, voted=voted, at=datetime.now(UTC))


async def _cancelling(
    request: Request, visitor: Visitor, code: str, form: ChangeFields, refusal: Refusal | None = None
) -> Response:
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        effects = await effects_of(session, campaign, ChangeKind.CANCEL, {})
        voted = await running.voters(session, campaign.id)
    return await shown(
        request, "campaigns/cancelling.html", visitor, campaign, refusal, effects=effects, form=form,
        owed=_owed(campaign, voted), voted=voted, few=MIN_GROUP,
    )  # fmt: skip


@page(router, "campaign-cancel")
async def cancelling(request: Request, visitor: OfficerDep, code: str) -> Response:
    return await _cancelling(request, visitor, code, ChangeFields())


@page(router, "campaign-cancel", methods=("POST",))
async def propose_cancelling(
    request: Request, language: Lang, visitor: OfficerDep, form: ChangeForm, code: str
) -> Response:
    same_form(visitor, form.form_token)
    campaign = await called(request, code)

    async def again(no: Refusal) -> Response:
        return await _cancelling(request, visitor, code, form, no)

    if not form.reason.strip():
        return await again(Refusal.CHANGE_REASON_NEEDED)
    if campaign.status != CampaignStatus.OPEN.value:
        return await again(Refusal.PROPOSAL_STALE)

    async def act() -> Response | Refusal:
        async with portal_of(request).autocommit() as session:
            if _owed(campaign, await running.voters(session, campaign.id)):
                return Refusal.RESULTS_OWED
        return await propose(request, language, visitor, campaign, ChangeKind.CANCEL, {}, form.reason)

    return await signed(visitor, again, act)


# --- the second signature


async def _proposal(session: Session, campaign: Campaign, change_id: UUID) -> Proposal:
    found = await campaign_changes.one(session, campaign.id, change_id)
    if found is None:
        raise Refused(Refusal.CAMPAIGN_UNKNOWN)
    return found


async def _change_page(
    request: Request, visitor: Visitor, code: str, change_id: UUID, refusal: Refusal | None = None
) -> Response:
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        proposal = await _proposal(session, campaign, change_id)
        change = proposal.change
        live = proposal.refusal is None
        effects = await effects_of(session, campaign, proposal.kind, change.wanted) if live else None
        questions = await asked(session, campaign) if proposal.kind is ChangeKind.WORDS else []
        voted = await running.voters(session, campaign.id) if live and proposal.kind is ChangeKind.CANCEL else 0
    instants = [
        (name, getattr(campaign, name) if live else None, datetime.fromisoformat(change.wanted[name]))
        for name in INSTANTS
        if name in change.wanted
    ]
    question = next((q for q in questions if str(q.ballot.id) == change.wanted.get("ballot")), None)
    return await shown(
        request, "campaigns/change.html", visitor, campaign, refusal, proposal=proposal, effects=effects,
        moved=instants, question=question, mark=_key_of(proposal), voted=voted, few=MIN_GROUP,
        mine=change.proposed_by == visitor.account_id, destroyed_at=_destroyed_at(proposal),
    )  # fmt: skip


def _key_of(proposal: Proposal) -> tuple[str, list[tuple[str, str]]] | None:
    """The fingerprint of a proposed key, and those of whoever holds its other half."""
    return fingerprints(proposal.change.wanted) if proposal.kind is ChangeKind.KEY else None


def _destroyed_at(proposal: Proposal) -> datetime | None:
    """When a key was destroyed, as the record says that is to be entered."""
    wanted = proposal.change.wanted
    return datetime.fromisoformat(wanted["destroyed_at"]) if proposal.kind is ChangeKind.DESTROYED else None


@page(router, "campaign-change")
async def change(request: Request, visitor: OrganiserDep, code: str, change_id: UUID) -> Response:
    return await _change_page(request, visitor, code, change_id)


@page(router, "campaign-change", methods=("POST",))
async def answer_change(
    request: Request, language: Lang, visitor: OfficerDep, form: ChangeForm, code: str, change_id: UUID
) -> Response:
    """Confirm, which applies it, or withdraw."""
    same_form(visitor, form.form_token)
    confirms = form.verdict == "confirm"

    async def act() -> Response | Refusal:
        portal = portal_of(request)
        async with portal.sessions.begin() as session:
            campaign = await campaign_called(session, code)
            proposal = await _proposal(session, campaign, change_id)
            if confirms:
                if proposal.kind is ChangeKind.RESULTS:
                    # Nobody confirms what somebody else has counted: they bring their own.
                    return go("campaign-result", language, code=code)
                roll_too = proposal.kind in (ChangeKind.OPEN, ChangeKind.SEAL)
                manifest = await campaign_changes.manifest(session, campaign.id) if roll_too else None
                no = await campaign_changes.confirm(session, proposal, by=visitor.account_id, manifest=manifest)
            else:
                no = await campaign_changes.withdraw(session, proposal, by=visitor.account_id)
            if no is not None:
                return no
            await journal.write(
                session, "change-confirmed" if confirms else "change-withdrawn", actor="officer",
                actor_id=visitor.account_id, campaign_id=campaign.id, subject_id=change_id, code=proposal.kind.value,
            )  # fmt: skip
        if confirms:
            # At once if it hears; the worker tells again whatever was lost.
            await tell_workflow(request, campaign)
        return go("campaign", language, notice="confirmee" if confirms else "retiree", code=code)

    return await signed(visitor, lambda no: _change_page(request, visitor, code, change_id, no), act)


async def tell_workflow(request: Request, campaign: Campaign) -> None:
    portal = portal_of(request)
    until = asyncio.get_running_loop().time() + portal.settings.answer_seconds
    # It asks the records, whatever it is told.
    await tell(calls.tell_campaign(portal.client, campaign.code, campaign.calendar_version + 1), until=until)
