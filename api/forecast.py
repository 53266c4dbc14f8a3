"""Until when documents are surely answered before the closing, as members, reviewers and operators are told."""

from datetime import UTC, datetime

from api.portal import Portal
from portal.rules.forecast import Forecast, Promise, forecast, kept
from portal.store import Session, watch
from portal.store.campaigns import Campaign


async def forecast_of(portal: Portal, session: Session, campaign: Campaign) -> Forecast:
    """From the records at most once a minute; what was promised today is not taken back today."""

    async def made() -> Forecast:
        at = datetime.now(UTC)
        new = forecast(await watch.flow(session, campaign.id), at=at, closes=campaign.closes, zone=campaign.zone)
        said = kept(portal.promises.get(campaign.id), new, at=at, zone=campaign.zone)
        portal.promises[campaign.id] = Promise(said.guaranteed_until, at)
        return said

    return await portal.minute.of(("forecast", campaign.id, campaign.closes), made)
