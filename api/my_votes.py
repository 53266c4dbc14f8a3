"""« Mon vote a-t-il été compté ? »: for each ballot what the portal knows, and what the voter can check."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.guards import MemberDep
from api.pages import render
from api.portal import portal_of
from api.routes import page
from portal.rules.refusals import Refusal
from portal.rules.votes import VoteState
from portal.store import health, holdings
from portal.store import my_votes as records
from portal.store.sessions import Visitor

router = APIRouter()


@page(router, "my-votes")
async def my_votes(request: Request, visitor: MemberDep) -> Response:
    """Of this campaign, and of those before it."""
    portal = portal_of(request)
    async with portal.autocommit() as session:
        member, _ = await holdings.person(session, visitor.account_id)
        parts = await records.of_member(session, member)
        at = await health.now(session)
    return render(
        request, "votes/mine.html", visitor=visitor, parts=parts, at=at, VoteState=VoteState,
        mailbox=portal.settings.mail_reply_to,
    )  # fmt: skip


async def between_votes(request: Request, refusal: Refusal) -> Response:
    """Any page of a campaign, for a member, while there is none: the last one is over, and what came of it is here."""
    visitor: Visitor = request.state.visitor
    async with portal_of(request).autocommit() as session:
        member, _ = await holdings.person(session, visitor.account_id)
        parts = await records.of_member(session, member)
    return render(
        request, "votes/between.html", visitor=visitor, why=refusal, last=parts[0].campaign if parts else None
    )
