"""Campaigns as staff see them: the list, the page of one with its timeline, and drafts, which one person writes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.campaign_checks import in_the_way
from api.campaign_forms import (
    ZONES,
    CampaignFields,
    CampaignForm,
    Read,
    read_campaign,
    typed_campaign,
)  # fmt: skip
from api.guards import Lang, OrganiserDep, same_form
from api.pages import go, language_of, render
from api.portal import portal_of
from api.routes import page
from api.temporal_links import temporal_link
from portal.rules.accounts import Role
from portal.rules.campaign_changes import out_of_order
from portal.rules.campaigns import Calendar, CampaignStatus, Notice, notices
from portal.rules.refusals import Refusal, Refused
from portal.rules.running import results_owed
from portal.rules.standing import campaign_workflow
from portal.store import Session, campaign_changes, campaign_effects, campaigns, drafts, journal, running, staff
from portal.store.ballots import Ballot, Candidate
from portal.store.campaigns import Campaign
from portal.store.sessions import Visitor
from portal.text import say

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Told:
    """One notice of the timeline, and when it was queued."""

    notice: Notice
    at: datetime | None
    over: bool


@dataclass(frozen=True, slots=True)
class Question:
    ballot: Ballot
    candidates: list[Candidate]
    electors: int
    registered: int


async def campaign_called(session: Session, code: str) -> Campaign:
    campaign = await campaigns.by_code(session, code)
    if campaign is None:
        raise Refused(Refusal.CAMPAIGN_UNKNOWN)
    return campaign


async def asked(session: Session, campaign: Campaign) -> list[Question]:
    """The questions of a campaign, each with how many people it is for and how many have registered."""
    found = await drafts.questions(session, campaign.id)
    electors = await drafts.electors(session, campaign)
    registered = await campaign_effects.registered(session, [ballot.id for ballot, _ in found])
    return [Question(b, stand, electors.get(b.id, 0), registered.get(b.id, 0)) for b, stand in found]


def one_person_writes(campaign: Campaign) -> bool:
    """Whether one person alone may still write: what two officers have opened is changed by two."""
    return campaign.status == CampaignStatus.DRAFT.value


def problems_said(problems: Mapping[str, Refusal], language: str) -> dict[str, Any]:
    """What `render` needs to say every problem at its field."""
    first = next(iter(problems), None)
    if first is None:
        return {}
    also = {name: say(refusal, language) for name, refusal in problems.items() if name != first}
    return {"refusal": problems[first], "field": first, "also": also}


@page(router, "campaigns")
async def all_campaigns(request: Request, visitor: OrganiserDep) -> Response:
    async with portal_of(request).autocommit() as session:
        found = await campaigns.all_of_them(session)
    return render(request, "campaigns/all.html", visitor=visitor, found=found, at=datetime.now(UTC))


@page(router, "campaign")
async def one_campaign(request: Request, visitor: OrganiserDep, code: str) -> Response:
    return await campaign_page(request, visitor, code)


async def campaign_page(
    request: Request, visitor: Visitor, code: str, problems: Mapping[str, Refusal] | None = None
) -> Response:
    portal = portal_of(request)
    at = datetime.now(UTC)
    async with portal.autocommit() as session:
        campaign = await campaign_called(session, code)
        questions = await asked(session, campaign)
        sent = await campaign_effects.sent(session, campaign.id)
        proposals = await campaign_changes.proposals(session, campaign.id)
        opened_on = await campaign_changes.opening_manifest(session, campaign.id)
        mock = await drafts.mock_members(session, campaign.id) if campaign.rehearsal else []
        files = await campaign_effects.open_files(session, campaign.id)
        voted = await running.voters(session, campaign.id)
        officer = Role.OFFICER in visitor.roles
        too_new = officer and await staff.new_in_role(session, visitor.account_id, Role.OFFICER)
        # Until the vote opens, and for as long as nobody can vote in it.
        before = at < campaign.opens or (campaign.election_key is None and at < campaign.closes)
        found = []
        if before and not campaign.cancelled:
            found = await in_the_way(session, campaign, visitor.roles, language_of(request))
    owed = results_owed(closes=campaign.closes, rehearsal=campaign.rehearsal, voted=voted, at=at)
    timeline = [Told(n, sent.get(n.mark), n.until <= at) for n in notices(campaign.calendar)]
    link = None
    if Role.OPERATOR in visitor.roles and campaign.status != CampaignStatus.DRAFT.value:
        link = temporal_link(portal, campaign_workflow(campaign.code))
    return render(
        request, "campaigns/one.html", visitor=visitor, campaign=campaign, questions=questions, timeline=timeline,
        pending=[p for p in proposals if p.pending and not p.lapsed], at=at, opened_on=opened_on, mock=mock,
        answered=[p for p in proposals if not p.pending or p.lapsed], temporal=link, files=files, owed=owed,
        obstacles=found, before=before, too_new=too_new,
        **problems_said(problems or {}, language_of(request)),
    )  # fmt: skip


# --- the draft


@page(router, "campaign-new")
async def new_campaign(request: Request, visitor: OrganiserDep) -> Response:
    form = CampaignFields(
        rehearsal=request.query_params.get("repetition", "")[:8],
        registration_opens_time="08:00", opens_time="00:00", closes_time="16:00", ends_time="16:00",
    )  # fmt: skip
    return _campaign_form(request, visitor, form, None, {})


@page(router, "campaign-new", methods=("POST",))
async def create_campaign(request: Request, language: Lang, visitor: OrganiserDep, form: CampaignForm) -> Response:
    same_form(visitor, form.form_token)
    read = read_campaign(form, new=True)
    return await _save(request, language, visitor, form, read, None)


@page(router, "campaign-draft")
async def draft(request: Request, visitor: OrganiserDep, code: str) -> Response:
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
    if not one_person_writes(campaign):
        raise Refused(Refusal.NO_LONGER_A_DRAFT)
    return _campaign_form(request, visitor, typed_campaign(campaign), campaign, {})


@page(router, "campaign-draft", methods=("POST",))
async def save_draft(
    request: Request, language: Lang, visitor: OrganiserDep, form: CampaignForm, code: str
) -> Response:
    """A draft as a whole; a campaign that was opened keeps its titles (the records say so)."""
    same_form(visitor, form.form_token)
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
    return await _save(request, language, visitor, form, read_campaign(form, new=False), campaign)


async def _save(
    request: Request, language: str, visitor: Visitor, form: CampaignFields, read: Read, campaign: Campaign | None
) -> Response:
    problems = read.problems or _order(read)
    if problems:
        return _campaign_form(request, visitor, form, campaign, problems)
    campaign_id = uuid4() if campaign is None else campaign.id
    rehearsal = form.rehearsal == "yes" if campaign is None else campaign.rehearsal
    async with portal_of(request).sessions.begin() as session:
        refused = await drafts.write_campaign(session, {**read.values, "id": campaign_id, "rehearsal": rehearsal})
        if refused is None:
            await journal.write(
                session, "campaign-drafted", actor="staff", actor_id=visitor.account_id, campaign_id=campaign_id
            )
    if refused is not None:
        field = "code" if refused is Refusal.CAMPAIGN_CODE_TAKEN else ""
        return _campaign_form(request, visitor, form, campaign, {field: refused})
    code = str(read.values["code"]) if campaign is None else campaign.code
    return go("campaign", language, notice="ebauche", code=code)


def _order(read: Read) -> dict[str, Refusal]:
    registration, opens, closes, ends = (
        read.instant(name) for name in ("registration_opens", "opens", "closes", "ends")
    )
    assert registration and opens and closes and ends, "each has been read"
    return out_of_order(Calendar(1, registration, opens, closes, ends))


def _campaign_form(
    request: Request, visitor: Visitor, form: CampaignFields, campaign: Campaign | None, problems: Mapping[str, Refusal]
) -> Response:
    return render(
        request, "campaigns/draft.html", visitor=visitor, form=form, campaign=campaign, zones=ZONES,
        **problems_said(problems, language_of(request)),
    )  # fmt: skip
