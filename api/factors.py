"""The second factor of staff: after the password, and again before a dangerous act (T19, T20, T69)."""

import secrets
from datetime import UTC, datetime

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from api.accounts import set_cookie
from api.forms import CodeForm, FactorFields, FactorForm, SentForm
from api.guards import FactorAskedDep, Lang, same_form
from api.pages import go, own_page
from api.passkeys import Party, credential_of
from api.portal import Portal, portal_of
from api.returning import RETURN, asked_for, factor_page, read_kept, resume
from api.routes import page
from portal.rules.accounts import MOST_STAFF_SESSIONS, Purpose, SessionKind
from portal.rules.links import hash_of
from portal.rules.mail import MailKind
from portal.rules.refusals import Refusal
from portal.store import Session, accounts, factors, journal, links, mail, sessions
from portal.store.factors import Held
from portal.store.sessions import Visitor

router = APIRouter()


@page(router, "factor")
async def factor_form(request: Request, language: Lang, visitor: FactorAskedDep) -> Response:
    if visitor.may_enrol:
        return go("keys", language)
    return await factor_page(request, visitor, back_to=asked_for(request.query_params.get(RETURN, "")))


@page(router, "factor-challenge", methods=("POST",))
async def factor_challenge(request: Request, visitor: FactorAskedDep, form: SentForm) -> Response:
    """What the browser gives to the key: kept with the session for five minutes, good for one answer."""
    same_form(visitor, form.form_token)
    portal = portal_of(request)
    async with portal.sessions.begin() as session:
        held = await factors.held(session, visitor.account_id)
        challenge, options = Party(portal.settings.origin).ask(held.passkeys)
        await factors.keep_challenge(session, visitor.token_hash, challenge)
    return JSONResponse(options)


@page(router, "factor", methods=("POST",))
async def factor(request: Request, language: Lang, visitor: FactorAskedDep, form: FactorForm) -> Response:
    same_form(visitor, form.form_token)
    portal = portal_of(request)
    kept, back_to = read_kept(form.kept), asked_for(form.back_to)
    refusal = await _shown(portal, visitor, form)
    how = "passkey" if form.answer else "code"
    if refusal is not None:
        async with portal.sessions.begin() as session:
            await journal.write(
                session, "factor-refused", actor="staff", actor_id=visitor.account_id, code=f"{how}:{refusal.value}"
            )
        return await factor_page(
            request, visitor, refusal=refusal, field="code" if how == "code" else None, kept=kept, back_to=back_to
        )
    token = secrets.token_urlsafe(32)
    async with portal.sessions.begin() as session:
        admitted = await admit(session, visitor, token, how)
    if kept is not None:
        response = resume(request, admitted, kept)
    else:
        response = RedirectResponse(back_to, status_code=303) if back_to else go(own_page(admitted), language)
    set_cookie(response, token)
    return response


async def _shown(portal: Portal, visitor: Visitor, form: FactorFields) -> Refusal | None:
    """Why the key or the code is not taken; None when it is.

    Two transactions: a challenge is spent, and a try counted, whatever comes of it.
    """
    if not form.answer:
        async with portal.sessions.begin() as session:
            return await factors.try_code(session, visitor.account_id, form.code, secret=portal.secret)
    async with portal.sessions.begin() as session:
        challenge = await factors.take_challenge(session, visitor.token_hash)
        passkey = await factors.passkey_of(session, visitor.account_id, credential_of(form.answer))
    if challenge is None or passkey is None:
        return Refusal.PASSKEY_REFUSED
    count = Party(portal.settings.origin).signed(form.answer, challenge, passkey)
    if count is None:
        return Refusal.PASSKEY_REFUSED
    async with portal.sessions.begin() as session:
        ahead = await factors.passkey_used(session, passkey, count)
        if not ahead:
            # It says it was used less often than before: somebody may have a copy of it.
            structlog.get_logger().warning("passkey-goes-back")
    return None if ahead else Refusal.PASSKEY_REFUSED


async def admit(session: Session, visitor: Visitor, token: str, how: str) -> Visitor:
    """The same person under a new token, with a factor shown a moment ago; in from here on if they were waiting."""
    waiting = visitor.kind is SessionKind.STAFF_PENDING
    await sessions.replace(
        session, visitor.token_hash, hash_of(token), stepped_up=False, factor=True,
        # Forms of other tabs stay good when it is the same session.
        form_token=secrets.token_urlsafe(24) if waiting else visitor.form_token,
        kind=SessionKind.STAFF if waiting else None,
    )  # fmt: skip
    admitted = await sessions.visitor(session, hash_of(token))
    assert admitted is not None, "it was made a moment ago"
    if not waiting:
        await journal.write(session, "factor-shown", actor="staff", actor_id=visitor.account_id, code=how)
        return admitted
    ended = await sessions.end_oldest(session, visitor.account_id, SessionKind.STAFF, MOST_STAFF_SESSIONS)
    await journal.write(
        session, "signed-in", actor="member" if admitted.member_id else "staff", actor_id=visitor.account_id,
        member_id=admitted.member_id, code=SessionKind.STAFF.value,
    )  # fmt: skip
    if ended:
        await journal.write(session, "session-superseded", actor=journal.SYSTEM, actor_id=visitor.account_id)
    browser = await sessions.browser_of(session, hash_of(token))
    if await factors.new_browser(session, visitor.account_id, browser):
        await _tell_owner(session, admitted, browser or "")
    return admitted


async def _tell_owner(session: Session, visitor: Visitor, browser: str) -> None:
    """From somewhere they never signed in from: they hear of it, in case it was not them."""
    now = datetime.now(UTC)
    await mail.queue(
        session,
        mail.to_queue(
            key=f"staff-signed-in:{visitor.account_id}:{browser}:{now:%Y%m%dT%H%M%S}",
            kind=MailKind.STAFF_SIGNED_IN,
            account_id=visitor.account_id,
            campaign_id=None,
            due_at=now,
            facts={"browser": browser},
        ),
    )


@page(router, "recover", methods=("POST",))
async def recover(request: Request, language: Lang, visitor: FactorAskedDep, form: CodeForm) -> Response:
    """What another officer handed over in person, once: it lets whoever knows the password register a new key."""
    same_form(visitor, form.form_token)
    portal = portal_of(request)
    tries = portal.counter("recovery", str(visitor.account_id))
    refusal: Refusal | None = Refusal.RECOVERY_CODE_WRONG
    async with portal.sessions.begin() as session:
        if not await accounts.try_password(session, tries):
            refusal = Refusal.TOO_MANY_TRIES
        elif not await _has_factor(session, visitor):
            link = await links.find(session, hash_of(plain(form.code)))
            if link is not None and link.purpose is Purpose.RECOVERY and link.account_id == visitor.account_id:
                used = await links.use(session, link.id, Purpose.RECOVERY, visitor.account_id)
                refusal = None if used is not None else Refusal.RECOVERY_CODE_WRONG
        if refusal is None:
            await accounts.forget_tries(session, tries)
            await sessions.let_enrol(session, visitor.token_hash)
        await journal.write(
            session, "factor-refused" if refusal else "recovery-used", actor="staff", actor_id=visitor.account_id,
            code=refusal.value if refusal else None,
        )  # fmt: skip
    if refusal is not None:
        return await factor_page(request, visitor, refusal=refusal, field="code")
    return go("keys", language)


async def _has_factor(session: Session, visitor: Visitor) -> bool:
    held: Held = await factors.held(session, visitor.account_id)
    return held.count > 0


def plain(code: str) -> str:
    """A recovery code as it is compared: typed with or without its dashes, in whatever letters."""
    return "".join(code.upper().replace("-", "").split())
