"""The step-by-step guide, whose pictures are taken from these very pages (`make guide`)."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from struct import unpack_from

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.assets import FOLDER
from api.guards import Anyone, Lang
from api.pages import render
from api.portal import portal_of
from api.routes import page
from portal.rules.identity import ACCEPTED, ERASURE_TARGET, UNDECIDED_FOR
from portal.rules.members import Group
from portal.store import ballots, campaigns

router = APIRouter()

# Pixels of a picture for one of the page, so that its letters are sharp on a telephone.
SCALE = 1.5
# How many votes the member in the pictures has, where no campaign says how many the reader has.
PICTURED = 7


@dataclass(frozen=True)
class Picture:
    """A picture as its tag names it, with the room it takes on the page."""

    name: str
    width: int
    height: int


@cache
def _picture(language: str, name: str, shape: str) -> Picture:
    file = f"guide/{language}/{name}-{shape}.webp"
    # A lossless WebP: two numbers of fourteen bits, one less than width and height, behind its headers (RFC 9649).
    (bits,) = unpack_from("<I", (FOLDER / file).read_bytes(), 21)
    width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return Picture(file, round(width / SCALE), round(height / SCALE))


@page(router, "guide")
async def guide(request: Request, language: Lang, visitor: Anyone) -> Response:
    """From the entrance to the last registration; with the current campaign's dates and numbers, if there is one."""
    portal = portal_of(request)
    async with portal.autocommit() as session:
        campaign = await campaigns.current(session)
        votes = await ballots.per_group(session, campaign.id) if campaign else {}
    return render(
        request,
        "guide/guide.html",
        visitor=visitor,
        campaign=campaign,
        votes=votes,
        most=max(votes.values(), default=PICTURED),
        Group=Group,
        origin=portal.settings.origin,
        mailbox=portal.settings.mail_reply_to,
        accepted=ACCEPTED,
        minutes=ERASURE_TARGET // timedelta(minutes=1),
        undecided=UNDECIDED_FOR.days,
        picture=partial(_picture, language),
    )
