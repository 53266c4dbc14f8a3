"""The page that switches reminders off and on again: its token comes by mail, and no signing in is needed."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.forms import RemindersForm
from api.guards import Anyone, Lang
from api.pages import link_token, render
from api.portal import portal_of
from api.routes import page
from portal.rules.links import account_of_reminders
from portal.rules.refusals import Refusal, Refused
from portal.store import accounts, journal
from portal.text.addresses import with_token

router = APIRouter()


def _whose(request: Request, token: str) -> UUID:
    account_id = account_of_reminders(portal_of(request).secret, token)
    if account_id is None:
        raise Refused(Refusal.LINK_UNKNOWN)
    return account_id


@page(router, "reminders")
async def reminders_page(request: Request, visitor: Anyone) -> Response:
    """It only looks: scanners open this link like any other."""
    token = link_token(request)
    account_id = _whose(request, token)
    async with portal_of(request).autocommit() as session:
        account = await accounts.by_id(session, account_id)
    if account is None:
        raise Refused(Refusal.LINK_UNKNOWN)
    return render(
        request, "accounts/reminders.html", visitor=visitor, token=token, off=account.reminders_off_at is not None
    )


@page(router, "reminders", methods=("POST",))
async def reminders(request: Request, language: Lang, visitor: Anyone, form: RemindersForm) -> Response:
    """The button of the page, or a mail provider's one click, which always means off."""
    token = form.token or link_token(request)
    account_id = _whose(request, token)
    on = form.wanted == "oui" and not form.one_click
    async with portal_of(request).sessions.begin() as session:
        account = await accounts.by_id(session, account_id)
        if account is None:
            raise Refused(Refusal.LINK_UNKNOWN)
        await accounts.reminders(session, account_id, on)
        await journal.write(
            session, "reminders-on" if on else "reminders-off", actor="unknown", member_id=account.member_id,
            subject_id=account_id, code="one-click" if form.one_click else None,
        )  # fmt: skip
    if form.one_click:
        # A provider follows no redirect.
        return render(request, "accounts/reminders.html", visitor=visitor, token=token, off=True)
    return RedirectResponse(with_token("reminders", language, token), status_code=303)
