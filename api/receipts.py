"""The public list of receipts of one ballot, and the search for one's own."""

from math import ceil

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.accounts import caller
from api.downloads import attached
from api.forms import ReceiptForm
from api.guards import Anyone
from api.pages import render
from api.portal import portal_of
from api.routes import page
from portal.rules.accounts import RECEIPT_LIMIT
from portal.rules.refusals import Refusal, Refused
from portal.rules.votes import typed_receipt
from portal.store import Session, accounts, health, receipts
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.store.receipts import Place
from portal.store.sessions import Visitor

router = APIRouter()

# As many as fit a page that a telephone opens at once.
A_PAGE = 500


async def _ballot(session: Session, campaign_code: str, code: str) -> tuple[Campaign, Ballot]:
    campaign = await receipts.public_campaign(session, campaign_code)
    if campaign is None:
        raise Refused(Refusal.BALLOT_UNKNOWN)
    found = [b for b in await receipts.ballots_of(session, campaign.id) if b.code == code]
    if not found:
        raise Refused(Refusal.BALLOT_UNKNOWN)
    return campaign, found[0]


@page(router, "receipts")
async def receipts_page(request: Request, visitor: Anyone, campaign: str, code: str) -> Response:
    return await _page(request, visitor, campaign, code)


@page(router, "receipts", methods=("POST",))
async def find_mine(request: Request, visitor: Anyone, form: ReceiptForm, campaign: str, code: str) -> Response:
    """« Trouver le mien ». The code is sent, not asked for by an address: those are kept in logs."""
    portal = portal_of(request)
    async with portal.sessions.begin() as session:
        allowed = await accounts.attempt(session, portal.counter("receipt", caller(request)), RECEIPT_LIMIT)
    if not allowed:
        return await _page(request, visitor, campaign, code, refusal=Refusal.TOO_MANY_TRIES, typed=form.receipt)
    receipt = typed_receipt(form.receipt)
    if receipt is None:
        return await _page(request, visitor, campaign, code, refusal=Refusal.RECEIPT_UNREADABLE, typed=form.receipt)
    return await _page(request, visitor, campaign, code, typed=receipt, receipt=receipt)


async def _page(
    request: Request,
    visitor: Visitor | None,
    campaign_code: str,
    code: str,
    *,
    refusal: Refusal | None = None,
    typed: str = "",
    receipt: str | None = None,
) -> Response:
    async with portal_of(request).autocommit() as session:
        campaign, ballot = await _ballot(session, campaign_code, code)
        sealed = campaign.sealed_at is not None
        counts = await receipts.counts(session, ballot.id) if sealed else None
        pages = max(1, ceil(counts.in_the_urn / A_PAGE)) if counts else 1
        number = min(_page_number(request), pages)
        lines = await receipts.listed(session, ballot.id, most=A_PAGE, skipped=(number - 1) * A_PAGE) if sealed else []
        place = await receipts.place_of(session, ballot.id, receipt) if sealed and receipt else None
        at = await health.now(session)
    return render(
        request, "votes/receipts.html", visitor=visitor, refusal=refusal, field="receipt" if refusal else None,
        campaign=campaign, at=at, ballot=ballot, counts=counts, lines=lines, number=number, pages=pages, typed=typed,
        receipt=receipt, place=place, Place=Place, mailbox=portal_of(request).settings.mail_reply_to,
    )  # fmt: skip


def _page_number(request: Request) -> int:
    asked = request.query_params.get("page", "")
    return max(1, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1


@page(router, "receipts-file")
async def receipts_file(request: Request, visitor: Anyone, campaign: str, code: str) -> Response:
    """The whole list, one receipt a line: what anybody may keep, count and compare."""
    async with portal_of(request).autocommit() as session:
        held, ballot = await _ballot(session, campaign, code)
        if held.sealed_at is None:
            raise Refused(Refusal.RECEIPTS_NOT_YET)
        lines = await receipts.listed(session, ballot.id, most=None)
    text = "".join(f"{receipt}\n" for receipt in lines)
    return attached(text, f"scrutin-{held.code}-{ballot.code}.txt", "text/plain; charset=utf-8")
