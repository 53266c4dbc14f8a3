"""The campaign's opening and closing, for the member's own agenda."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.downloads import attached
from api.guards import Lang, MemberDep, campaign_of
from api.portal import portal_of
from api.routes import page
from portal.store import campaigns
from portal.text import calendar_file
from portal.text.addresses import path

router = APIRouter()


@page(router, "calendar")
async def calendar(request: Request, language: Lang, visitor: MemberDep) -> Response:
    portal = portal_of(request)
    async with portal.autocommit() as session:
        campaign = await campaigns.by_id(session, campaign_of(visitor).id)
    assert campaign is not None, "a campaign is never deleted"
    content = calendar_file(
        code=campaign.code, title=campaign.title(language), version=campaign.calendar_version, opens=campaign.opens,
        closes=campaign.closes, at=datetime.now(UTC), language=language,
        url=portal.settings.origin.rstrip("/") + path("votes", language),
    )  # fmt: skip
    name = "calendrier.ics" if language == "fr" else "calendar.ics"
    return attached(content, name, "text/calendar")
