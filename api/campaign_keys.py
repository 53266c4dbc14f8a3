"""The key of a vote: what the ceremony made is sent by one officer, read aloud, and confirmed by another."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.campaign_changes import propose, shown
from api.campaign_files import FILE_LIMIT, file_sent, waiting
from api.campaigns import campaign_called
from api.guards import Lang, OfficerDep, OrganiserDep
from api.portal import portal_of
from api.routes import page
from portal.rules.accounts import Role
from portal.rules.campaign_changes import ChangeKind
from portal.rules.campaigns import CampaignStatus
from portal.rules.canonical import fingerprint
from portal.rules.election import holders, read_election
from portal.rules.refusals import Refusal
from portal.store import sealing
from portal.store.campaigns import Campaign
from portal.store.sessions import Visitor

router = APIRouter()


def may_still_change(campaign: Campaign, at: datetime) -> bool:
    """Before the vote opens; and until it closes where there is none, since nobody has voted without one."""
    if campaign.status != CampaignStatus.OPEN.value:
        return False
    return at < campaign.opens or (campaign.election_key is None and at < campaign.closes)


async def _page(request: Request, visitor: Visitor, code: str, refusal: Refusal | None = None) -> Response:
    async with portal_of(request).autocommit() as session:
        campaign = await campaign_called(session, code)
        pending = await waiting(session, campaign, ChangeKind.KEY)
    return await shown(
        request, "campaigns/key.html", visitor, campaign, refusal, pending=pending,
        holders=holders(campaign.trustees or ()),
        mark=None if campaign.election_key is None else fingerprint(campaign.election_key),
        open=Role.OFFICER in visitor.roles and may_still_change(campaign, datetime.now(UTC)),
    )  # fmt: skip


@page(router, "campaign-key")
async def key(request: Request, visitor: OrganiserDep, code: str) -> Response:
    return await _page(request, visitor, code)


@page(router, "campaign-key", methods=("POST",), limit=FILE_LIMIT)
async def propose_key(request: Request, language: Lang, visitor: OfficerDep, code: str) -> Response:
    async def act(campaign: Campaign, texts: list[str], _: bool) -> Response | Refusal:
        election = read_election(texts[0], campaign.code)
        if isinstance(election, Refusal):
            return election
        if not all(map(sealing.is_point, (election.public_key, *(one.sealing for one in election.trustees)))):
            return Refusal.ELECTION_UNREADABLE
        if not may_still_change(campaign, datetime.now(UTC)):
            return Refusal.KEY_TOO_LATE
        return await propose(request, language, visitor, campaign, ChangeKind.KEY, election.json, "")

    return await file_sent(request, visitor, code, _page, act)
