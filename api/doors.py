"""The entrance, and the doors beside it for people who cannot sign in yet."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.guards import Anyone
from api.pages import render
from api.portal import portal_of
from api.routes import page
from portal.store import campaigns, identity

router = APIRouter()


@page(router, "entrance")
async def entrance(request: Request, visitor: Anyone) -> Response:
    """What one will need, the dates, the public count of documents, and « Entrez »."""
    async with portal_of(request).autocommit() as session:
        campaign = await campaigns.current(session)
        counter = await identity.counter(session)
    return render(request, "accounts/entrance.html", visitor=visitor, campaign=campaign, counter=counter)


@page(router, "register-email")
async def register_email(request: Request, visitor: Anyone) -> Response:
    return render(
        request, "accounts/register_email.html", visitor=visitor, mailbox=portal_of(request).settings.mail_reply_to
    )


@page(router, "join")
async def join(request: Request, visitor: Anyone) -> Response:
    return render(request, "accounts/join.html", visitor=visitor, mailbox=portal_of(request).settings.mail_reply_to)
