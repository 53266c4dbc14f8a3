"""The public count of identity documents: received, deleted, and since when the oldest has been with us."""

from datetime import UTC, datetime
from typing import NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.guards import Anyone
from api.pages import render
from api.portal import Portal, portal_of
from api.routes import page
from portal.store import Session, identity
from portal.store.identity import Counter

router = APIRouter()


class Counted(NamedTuple):
    """The count, and when it was taken."""

    counter: Counter
    at: datetime


async def counted(portal: Portal, session: Session) -> Counted:
    """Of all campaigns, at most a minute old: anybody may ask, and as often as they like."""

    async def made() -> Counted:
        return Counted(await identity.counter(session), datetime.now(UTC))

    return await portal.minute.of("counter", made)


@page(router, "counter")
async def counter(request: Request, visitor: Anyone) -> Response:
    portal = portal_of(request)
    async with portal.autocommit() as session:
        found = await counted(portal, session)
    return render(request, "operations/counter.html", visitor=visitor, counter=found.counter, at=found.at)
