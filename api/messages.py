"""The message centre: every mail that was sent to a member, and what it said."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from api.guards import Lang, MemberDep
from api.pages import render
from api.portal import portal_of
from api.routes import page
from portal.rules.mail import CARRIES_A_KEY
from portal.store import holdings, mail
from portal.store.mail import Kept
from portal.text import flowing, mail_name, pieces, without_keys

router = APIRouter()

MOST = 200


def _subject(row: Kept, language: str) -> str:
    return row.said_subject or mail_name(row.kind, language)


@page(router, "messages")
async def messages(request: Request, language: Lang, visitor: MemberDep) -> Response:
    async with portal_of(request).autocommit() as session:
        theirs = [asked.id for asked in await holdings.requests(session, visitor.account_id)]
        rows = await mail.sent_to(session, visitor.account_id, MOST, requests=theirs)
    return render(
        request, "messages/all.html", visitor=visitor, mails=[(row, _subject(row, language)) for row in rows]
    )  # fmt: skip


@page(router, "message")
async def message(request: Request, language: Lang, visitor: MemberDep, mail_id: UUID) -> Response:
    """One mail, if it is theirs: somebody else's is as unknown as one that never was."""
    portal = portal_of(request)
    async with portal.autocommit() as session:
        theirs = [asked.id for asked in await holdings.requests(session, visitor.account_id)]
        row = await mail.sent_one(session, visitor.account_id, mail_id, requests=theirs)
    if row is None:
        raise HTTPException(404)
    origin = portal.settings.origin.rstrip("/")
    text = None if row.said_text is None else pieces(flowing(without_keys(row.said_text, row.kind, origin)), origin)
    return render(
        request, "messages/one.html", visitor=visitor, mail=row, subject=_subject(row, language), text=text,
        hidden=text is not None and row.kind in CARRIES_A_KEY,
    )  # fmt: skip
