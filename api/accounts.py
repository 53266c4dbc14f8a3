"""Signing in and out."""

import secrets
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from uuid import UUID

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.ask import NotYet, ask
from api.forms import SentForm, SignInFields, SignInForm
from api.guards import COOKIE, Anyone, Lang, same_form
from api.pages import go, link_token, own_page, render
from api.portal import Portal, portal_of
from api.returning import RETURN, asked_for, factor_page, read_kept, resume, sign_in_page
from api.routes import page
from portal.rules.accounts import (
    ADDRESS_LIMIT,
    NUMBER_FAILURES_AN_HOUR,
    PASSWORD_MAX_LENGTH,
    Limit,
    SessionKind,
    canonical_email,
    looks_like_member_number,
    must_renew_password,
)  # fmt: skip
from portal.rules.browsers import family
from portal.rules.links import hash_of
from portal.rules.refusals import Refusal, Refused
from portal.store import Session, accounts, campaigns, journal, members, onboarding, sessions
from portal.store.campaigns import Campaign
from portal.store.sessions import Visitor
from portal.text.addresses import with_token
from workflows.onboarding import OnboardingWorkflow

router = APIRouter()

HOUR = Limit(NUMBER_FAILURES_AN_HOUR, ADDRESS_LIMIT.period * 6)


@dataclass(frozen=True)
class Known:
    """What the records hold of the sign-in name that was typed."""

    account_id: UUID
    member_id: UUID | None
    password_hash: str | None
    number: str | None
    must_renew: bool
    staff: bool
    # Of the staff, and of nothing else: without their roles they have no page.
    shut_out: bool = False


@page(router, "sign-in")
async def sign_in_form(request: Request, visitor: Anyone) -> Response:
    back_to = asked_for(request.query_params.get(RETURN, ""))
    refusal = await _why_signed_out(request) if visitor is None else None
    return sign_in_page(
        request, visitor=visitor, token=link_token(request), back_to=back_to, refusal=refusal, status=200
    )


async def _why_signed_out(request: Request) -> Refusal | None:
    """A session that was ended by another of the same person's says so where it leads to."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    async with portal_of(request).autocommit() as session:
        ended = await sessions.why_ended(session, hash_of(token))
    return Refusal.SESSION_SUPERSEDED if ended == sessions.SUPERSEDED else None


@page(router, "sign-in", methods=("POST",))
async def sign_in(request: Request, language: Lang, visitor: Anyone, form: SignInForm) -> Response:
    """One answer for every wrong pair, known address or not, and one hash whatever happens."""
    portal = portal_of(request)
    email = canonical_email(form.email)
    kept = read_kept(form.kept)

    def refuse(refusal: Refusal, campaign: Campaign | None = None) -> Response:
        return sign_in_page(
            request, visitor=visitor, refusal=refusal, field="email", email=form.email, token=form.token, kept=kept,
            back_to=asked_for(form.back_to), campaign=campaign,
        )  # fmt: skip

    tries, address = portal.counter("sign-in", email), portal.counter("address", caller(request))
    try:
        with portal.passwords.place() as place:
            async with portal.sessions.begin() as session:
                here = await accounts.attempt(session, address, ADDRESS_LIMIT)
                allowed = here and await accounts.try_password(session, tries)
                if not allowed:
                    # Looked up for everybody who is refused, known or not: the work is the same, and so is the answer.
                    account_id, member_id = await accounts.holder(session, email)
                    await journal.write(
                        session, "sign-in-refused", actor="unknown", code=Refusal.TOO_MANY_TRIES.value,
                        member_id=member_id, subject_id=account_id,
                    )  # fmt: skip
                known = await _known(session, email) if allowed else None
                numbered = allowed and await _spend_number(session, portal, known, form.password)
            if not allowed:
                return refuse(Refusal.TOO_MANY_TRIES)
            if len(form.password) > PASSWORD_MAX_LENGTH:
                return refuse(Refusal.WRONG_PAIR)
            stored = known.password_hash if known else None
            matches = await place.matches(form.password, stored)
            old = matches and stored is not None and portal.passwords.outdated(stored)
            renewed = await place.hash(form.password) if old else None
    except Refused as full:
        # Whoever is to come back wants to know until when they may.
        async with portal.autocommit() as session:
            return refuse(full.refusal, await campaigns.current(session))
    by_number = numbered and known is not None and _same(form.password, known.number)
    if known is None or not (matches or by_number):
        async with portal.sessions.begin() as session:
            await journal.write(
                session, "sign-in-refused", actor="unknown", code=Refusal.WRONG_PAIR.value,
                member_id=known.member_id if known else None, subject_id=known.account_id if known else None,
            )  # fmt: skip
        return refuse(Refusal.WRONG_PAIR)
    if matches and known.must_renew:
        return render(
            request, "accounts/forgotten.html", visitor=visitor, refusal=Refusal.PASSWORD_MUST_BE_RENEWED,
            field="email", email=form.email, sent=False,
        )  # fmt: skip
    if known.shut_out:
        async with portal.sessions.begin() as session:
            await journal.write(
                session, "sign-in-refused", actor="staff", actor_id=known.account_id, code=Refusal.STAFF_SUSPENDED.value
            )
        return refuse(Refusal.STAFF_SUSPENDED)
    return await _welcome(
        request, language, portal, known, form, (tries, address), activation=not matches, renewed=renewed
    )


async def _known(session: Session, email: str) -> Known | None:
    account = await accounts.by_email(session, email)
    if account is None:
        return None
    member = await members.by_id(session, account.member_id) if account.member_id else None
    campaign = await campaigns.current(session, member.rehearsal_id if member else None)
    cutoff = campaign.password_cutoff if campaign else None
    return Known(
        account.id,
        account.member_id,
        account.password_hash,
        # Once there is a password the number opens nothing; nor once the address is proven: from then on whoever
        # has only the number is not the one who has the mailbox. A mail to it renews the password they never chose.
        member.number if member and account.password_hash is None and account.email_verified_at is None else None,
        account.password_set_at is not None and must_renew_password(account.password_set_at, cutoff),
        bool(await accounts.roles(session, account.id)),
        account.staff_suspended_at is not None and account.member_id is None,
    )


async def _spend_number(session: Session, portal: Portal, known: Known | None, typed: str) -> bool:
    """Whether the number may be tried: five times in its life, and while the whole union is not being guessed at."""
    if not looks_like_member_number(typed) or known is None or known.number is None:
        return False
    if await accounts.count_of(session, portal.counter("numbers", "all"), HOUR.period) >= HOUR.most:
        await journal.write(session, "number-path-closed", actor=journal.SYSTEM)
        return False
    if not await accounts.spend_number_try(session, known.account_id):
        return False
    if not _same(typed, known.number):
        await accounts.attempt(session, portal.counter("numbers", "all"), HOUR)
    return True


def _same(typed: str, number: str | None) -> bool:
    return number is not None and secrets.compare_digest(typed.encode(), number.encode())


async def _welcome(
    request: Request,
    language: str,
    portal: Portal,
    known: Known,
    form: SignInForm,
    counters: tuple[str, str],
    *,
    activation: bool,
    renewed: str | None,
) -> Response:
    """A new session with a new token: one planted before signing in is worth nothing."""
    kind = SessionKind.ACTIVATION if activation else SessionKind.STAFF_PENDING if known.staff else SessionKind.MEMBER
    tries, address = counters
    token = secrets.token_urlsafe(32)
    async with portal.sessions.begin() as session:
        await accounts.forget_tries(session, tries)
        # Hundreds share an address on the last day: whoever is who they say takes nothing away from the others.
        await accounts.give_back(session, address)
        if activation:
            await accounts.give_back_number_try(session, known.account_id)
            # One activation at a time, so that the one that proves the address is the one that chooses the password.
            await sessions.end_all(session, known.account_id)
        if renewed is not None and known.password_hash is not None:
            await accounts.upgrade_hash(session, known.account_id, known.password_hash, renewed)
        old = request.cookies.get(COOKIE)
        if old:
            await sessions.end(session, hash_of(old))
        await sessions.begin(
            session, token_hash=hash_of(token), account_id=known.account_id, kind=kind,
            form_token=secrets.token_urlsafe(24), stepped_up=False,
            browser=family(request.headers.get("user-agent", "")),
        )  # fmt: skip
        # Of staff the password is the first half: «signed-in» is written once the second is shown (api/factors.py).
        await journal.write(
            session, "factor-asked" if kind is SessionKind.STAFF_PENDING else "signed-in",
            actor="member" if known.member_id else "staff", actor_id=known.account_id, member_id=known.member_id,
            code=None if kind is SessionKind.STAFF_PENDING else kind.value,
        )  # fmt: skip
        visitor = await sessions.visitor(session, hash_of(token))
        opened = (
            visitor is None
            or visitor.campaign is None
            or visitor.member_id is None
            or await onboarding.of_member(session, visitor.campaign.id, visitor.member_id) is not None
        )
    if visitor is not None and not opened:
        # The first sign-in opens the file. Should nobody answer now, the member's next step opens it.
        try:
            await ask(portal, visitor, OnboardingWorkflow.sign_in, key=f"sign-in-{known.member_id}", page="home")
        except (NotYet, Refused) as error:
            structlog.get_logger().warning("file-not-opened-yet", reason=type(error).__name__)
    response = await _after_sign_in(request, language, visitor, form)
    set_cookie(response, token)
    return response


async def _after_sign_in(request: Request, language: str, visitor: Visitor | None, form: SignInFields) -> Response:
    """To the link of a mail, to the form that was sent too late, to the page that was asked for, or home."""
    if form.token and visitor is not None and visitor.member_id is not None:
        return RedirectResponse(with_token("confirm-email", language, form.token), status_code=303)
    kept = read_kept(form.kept)
    if visitor is not None and visitor.kind is SessionKind.STAFF_PENDING and (kept or asked_for(form.back_to)):
        # The form travels on, in the page that asks for the second factor.
        return await factor_page(request, visitor, kept=kept, back_to=asked_for(form.back_to))
    if kept is not None:
        return resume(request, visitor, kept)
    if back_to := asked_for(form.back_to):
        return RedirectResponse(back_to, status_code=303)
    return go(own_page(visitor), language)


def set_cookie(response: Response, token: str) -> None:
    response.set_cookie(COOKIE, token, secure=True, httponly=True, samesite="lax", path="/")


async def renewed_session(session: Session, response_token: str, visitor: Visitor) -> None:
    """The same person under a new token, after typing the password again."""
    # Forms of other tabs stay good: their token is bound to the session, not to its cookie.
    await sessions.replace(
        session, visitor.token_hash, hash_of(response_token), form_token=visitor.form_token, stepped_up=True
    )


def caller(request: Request) -> str:
    """The caller's network: a whole IPv6 site counts as one. A header the caller can set is never read here."""
    host = request.client.host if request.client else "unknown"
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv4Address):
        return host
    return str(address.ipv4_mapped or ip_network((int(address), 64), strict=False))


@page(router, "sign-out", methods=("POST",))
async def sign_out(request: Request, language: Lang, visitor: Anyone, form: SentForm) -> Response:
    """The row is gone: the old cookie opens nothing. Signing out twice is signing out."""
    if visitor is not None:
        same_form(visitor, form.form_token)
        async with portal_of(request).sessions.begin() as session:
            await sessions.end(session, visitor.token_hash)
            await journal.write(
                session, "signed-out", actor="member", actor_id=visitor.account_id, member_id=visitor.member_id
            )
    response = go("signed-out", language)
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    response.headers["Clear-Site-Data"] = '"cache", "cookies", "storage"'
    return response


@page(router, "stay", methods=("POST",))
async def stay(request: Request, visitor: Anyone, form: SentForm) -> Response:
    """« Rester » in the page that warns: the guard has just begun the idle time anew. Says how long that is."""
    if visitor is None:
        raise Refused(Refusal.SIGN_IN_NEEDED)
    same_form(visitor, form.form_token)
    return Response(status_code=204, headers={"Session-Seconds": str(int(visitor.left.total_seconds()))})


@page(router, "signed-out")
async def signed_out(request: Request, visitor: Anyone) -> Response:
    return render(request, "accounts/signed_out.html", visitor=visitor)
