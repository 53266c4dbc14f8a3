"""The seal of the box after the close, by two; and what leaves the portal for the count."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.campaign_changes import called, propose, shown, signed
from api.campaign_files import waiting
from api.campaigns import campaign_called
from api.downloads import attached, table
from api.forms import SentForm
from api.guards import Lang, OfficerDep, OrganiserDep, same_form
from api.portal import portal_of
from api.routes import page
from portal.rules.accounts import Role
from portal.rules.campaign_changes import ChangeKind
from portal.rules.campaigns import CampaignStatus
from portal.rules.refusals import Refusal, Refused
from portal.store import Session, campaign_changes, journal, running
from portal.store.campaigns import Campaign
from portal.store.sessions import Visitor
from portal.text import gettext
from portal.text.catalogues import N_

router = APIRouter()

_BALLOT, _RECEIPT = N_("Vote"), N_("Reçu")


async def why_not_yet(session: Session, campaign: Campaign) -> Refusal | None:
    """What comes before the seal; the records ask again."""
    if campaign.sealed_at is not None:
        return Refusal.ALREADY_SEALED
    over = campaign.closes <= datetime.now(UTC)
    if campaign.status != CampaignStatus.OPEN.value or campaign.election_key is None or not over:
        return Refusal.VOTING_NOT_OVER
    if await running.still_open(session, campaign.id):
        return Refusal.VOTES_STILL_OPEN
    return Refusal.PROPOSED_ALREADY if await waiting(session, campaign, ChangeKind.SEAL) else None


async def _page(request: Request, visitor: Visitor, code: str, refusal: Refusal | None = None) -> Response:
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        why = await why_not_yet(session, campaign)
        pending = await waiting(session, campaign, ChangeKind.SEAL)
        # Once sealed, everything stands in a few rows that were written down then.
        sealed = campaign.sealed_at is not None
        open_votes = [] if sealed else await running.still_open(session, campaign.id)
        roll = None if sealed else await campaign_changes.manifest(session, campaign.id)
        opened_on = await campaign_changes.opening_manifest(session, campaign.id)
        seal = await running.seal_of(session, campaign.id)
        numbers = await running.sealed_numbers(session, campaign.id)
        box = await running.box(session, campaign)
    at = datetime.now(UTC)
    return await shown(
        request, "campaigns/seal.html", visitor, campaign, refusal, why=why, pending=pending, at=at,
        over=campaign.closes <= at, open_votes=open_votes, roll=roll, opened_on=opened_on, seal=seal,
        numbers=numbers, manifest=None if box is None else box.manifest_sha256, reviewer=Role.REVIEWER in visitor.roles,
    )  # fmt: skip


@page(router, "campaign-seal")
async def seal(request: Request, visitor: OrganiserDep, code: str) -> Response:
    return await _page(request, visitor, code)


@page(router, "campaign-seal", methods=("POST",))
async def propose_seal(request: Request, language: Lang, visitor: OfficerDep, form: SentForm, code: str) -> Response:
    same_form(visitor, form.form_token)
    campaign = await called(request, code)

    async def act() -> Response | Refusal:
        async with portal_of(request).autocommit() as session:
            no = await why_not_yet(session, campaign)
        return no or await propose(request, language, visitor, campaign, ChangeKind.SEAL, {}, "")

    return await signed(visitor, lambda no: _page(request, visitor, code, no), act)


@page(router, "campaign-urn")
async def urn(request: Request, visitor: OfficerDep, code: str) -> Response:
    """urn-<campaign>.json, for the holders of the key: who fetched it is written down."""
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        content = await running.urn(session, campaign)
        if content is None:
            raise Refused(Refusal.NOT_SEALED)
        if request.method == "GET":
            await journal.write(
                session, "urn-downloaded", actor="officer", actor_id=visitor.account_id, campaign_id=campaign.id
            )
    return attached(content, f"urn-{campaign.code}.json")


@page(router, "campaign-receipts")
async def receipts(request: Request, language: Lang, visitor: OfficerDep, code: str) -> Response:
    """What the public list of receipts shows, as a file."""
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        found = await running.receipts(session, campaign.id)
    if campaign.sealed_at is None:
        raise Refused(Refusal.NOT_SEALED)
    translate = gettext(language)
    rows = [(translate(_BALLOT), translate(_RECEIPT)), *found]
    return table(rows, f"receipts-{campaign.code}.csv", language)
