"""The link that an officer has sent to somebody of the staff: a password if there is none, then the first key."""

import secrets
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.accounts import set_cookie
from api.forms import InvitationForm
from api.guards import COOKIE, Anyone, Lang
from api.pages import go, link_token, render
from api.portal import Portal, portal_of
from api.renewal import chosen_badly, field_of, words_known_of
from api.routes import page
from portal.rules.accounts import PASSWORD_MAX_LENGTH, Purpose, SessionKind
from portal.rules.browsers import family
from portal.rules.links import hash_of
from portal.rules.refusals import Refusal
from portal.store import accounts, journal, links, sessions
from portal.store.accounts import Account

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Invited:
    """Whose invitation it is, or why it opens nothing."""

    refusal: Refusal | None
    link: links.LinkState | None = None
    account: Account | None = None
    words: tuple[str, ...] = ()

    @property
    def has_password(self) -> bool:
        return self.account is not None and self.account.password_hash is not None


async def _invited(portal: Portal, token: str) -> Invited:
    async with portal.autocommit() as session:
        link = await links.find(session, hash_of(token))
        if link is None or link.purpose is not Purpose.INVITATION:
            return Invited(Refusal.LINK_UNKNOWN)
        if link.refusal is not None:
            return Invited(link.refusal)
        account = await accounts.by_id(session, link.account_id)
        if account is None or not await accounts.roles(session, account.id):
            # Suspended since, or of no use any more.
            return Invited(Refusal.LINK_UNKNOWN)
        return Invited(None, link, account, tuple(await words_known_of(session, account)))


@page(router, "staff-invitation")
async def invitation_page(request: Request, visitor: Anyone) -> Response:
    """Opened by a person or by a mail scanner: nothing changes."""
    token = link_token(request)
    return _page(request, await _invited(portal_of(request), token), token)


def _page(
    request: Request, invited: Invited, token: str, refusal: Refusal | None = None, field: str | None = None
) -> Response:
    return render(
        request, "staff/invitation.html", refusal=invited.refusal or refusal, field=field, token=token,
        usable=invited.refusal is None, has_password=invited.has_password,
    )  # fmt: skip


@page(router, "staff-invitation", methods=("POST",))
async def accept_invitation(request: Request, language: Lang, visitor: Anyone, form: InvitationForm) -> Response:
    """Use the link, once: a pending session in which the first key may be chosen."""
    portal = portal_of(request)
    invited = await _invited(portal, form.token)
    if invited.link is None or invited.account is None:
        return _page(request, invited, "")
    account, new_hash = invited.account, None
    if invited.has_password:
        refusal = await _wrong_password(portal, account, form.password)
        if refusal is not None:
            return _page(request, invited, form.token, refusal, "password")
    else:
        refusal = chosen_badly(portal.passwords.weakness(form.password, invited.words), form.password, form.again)
        if refusal is not None:
            return _page(request, invited, form.token, refusal, field_of(refusal))
        with portal.passwords.place() as place:
            new_hash = await place.hash(form.password)
    token = secrets.token_urlsafe(32)
    async with portal.sessions.begin() as session:
        if await links.use(session, invited.link.id, Purpose.INVITATION, account.id) is None:
            return _page(request, Invited(Refusal.LINK_USED), "")
        if new_hash is not None:
            await accounts.set_password(session, account.id, new_hash)
        old = request.cookies.get(COOKIE)
        if old:
            await sessions.end(session, hash_of(old))
        await sessions.begin(
            session, token_hash=hash_of(token), account_id=account.id, kind=SessionKind.STAFF_PENDING,
            form_token=secrets.token_urlsafe(24), stepped_up=False, may_enrol=True,
            browser=family(request.headers.get("user-agent", "")),
        )  # fmt: skip
        await journal.write(session, "invitation-used", actor="staff", actor_id=account.id)
    response = go("keys", language)
    set_cookie(response, token)
    return response


async def _wrong_password(portal: Portal, account: Account, typed: str) -> Refusal | None:
    tries = portal.counter("sign-in", account.email or "")
    with portal.passwords.place() as place:
        async with portal.sessions.begin() as session:
            if not await accounts.try_password(session, tries):
                return Refusal.TOO_MANY_TRIES
        if len(typed) > PASSWORD_MAX_LENGTH or not await place.matches(typed, account.password_hash):
            return Refusal.WRONG_PASSWORD
    async with portal.sessions.begin() as session:
        await accounts.forget_tries(session, tries)
    return None
