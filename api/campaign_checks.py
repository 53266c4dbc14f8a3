"""What stands in the way of a vote: a list with what to do and where, on the campaign's page and on its own."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.guards import Lang, OrganiserDep
from api.pages import render
from api.portal import portal_of
from api.routes import page
from portal.rules.accounts import Role
from portal.rules.refusals import Refusal, Refused
from portal.rules.running import Found, Obstacle, obstacles
from portal.store import Session, campaigns, drafts, running
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.text.addresses import path
from portal.text.running import said

router = APIRouter()


@dataclass(frozen=True, slots=True)
class InTheWay:
    """One obstacle as it is shown."""

    what: str
    todo: str
    link: str
    address: str
    blocking: bool


async def in_the_way(session: Session, campaign: Campaign, roles: frozenset[Role], language: str) -> list[InTheWay]:
    """Every obstacle of a campaign, the gravest first."""
    found = obstacles(await running.preparation(session, campaign))
    ballots = {ballot.code: ballot for ballot, _ in await drafts.questions(session, campaign.id)}
    return [_shown(one, campaign, ballots, roles, language) for one in found]


def _shown(
    one: Found, campaign: Campaign, ballots: Mapping[str, Ballot], roles: frozenset[Role], language: str
) -> InTheWay:
    ballot = ballots.get(one.ballot or "")
    what, todo, link = said(one.obstacle, ballot.title(language) if ballot else "", language)
    return InTheWay(what, todo, link, _where(one.obstacle, campaign, ballot, roles, language), one.blocking)


def _where(obstacle: Obstacle, campaign: Campaign, ballot: Ballot | None, roles: frozenset[Role], language: str) -> str:
    """Where it is mended by whoever looks; nowhere if that is not theirs to do."""
    if ballot is not None:
        return path("ballot-edit", language, code=campaign.code, ballot_id=ballot.id)
    if obstacle is Obstacle.NO_BALLOT:
        return path("ballot-new", language, code=campaign.code)
    if obstacle is Obstacle.NO_KEY:
        return path("campaign-key", language, code=campaign.code)
    if obstacle in (Obstacle.END, Obstacle.OTHER_CAMPAIGN):
        return path("campaign-draft" if campaign.status == "draft" else "campaign-move", language, code=campaign.code)
    if obstacle is Obstacle.ROLL_IMPORT:
        return path("roll", language)
    if obstacle is Obstacle.MAIL:
        return path("operations", language) if Role.OPERATOR in roles else ""
    return path("staff", language) if Role.OFFICER in roles else ""


@page(router, "campaign-checks")
async def checks(request: Request, language: Lang, visitor: OrganiserDep, code: str) -> Response:
    async with portal_of(request).autocommit() as session:
        campaign = await campaigns.by_code(session, code)
        if campaign is None:
            raise Refused(Refusal.CAMPAIGN_UNKNOWN)
        found = await in_the_way(session, campaign, visitor.roles, language)
    return render(request, "campaigns/checks.html", visitor=visitor, campaign=campaign, obstacles=found)
