"""The member's home and profile: where am I, whose turn is it, what next, by when."""

import secrets
from datetime import UTC, datetime
from uuid import NAMESPACE_OID, UUID, uuid5

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.activation import first_steps
from api.ask import ask
from api.forms import CodeForm, LinkForm, SentForm
from api.guards import Anyone, Lang, LeftOpenDep, MemberDep, MemberOrActivatingDep, same_form
from api.member_view import seen, view_of
from api.pages import go, link_token, render
from api.portal import Portal, portal_of
from api.routes import page
from portal.rules.accounts import CODE_TRIES, VERIFICATION_VALID, Purpose, SessionKind
from portal.rules.links import code_of, hash_of, token_of
from portal.rules.mail import MailKind
from portal.rules.onboarding import IdentityState, Step
from portal.rules.refusals import Refusal, Refused
from portal.store import Session, accounts, links, mail
from portal.store.accounts import Account
from portal.store.sessions import Visitor
from workflows.messages import ConfirmEmail
from workflows.onboarding import OnboardingWorkflow

router = APIRouter()


@page(router, "home")
async def home(request: Request, language: Lang, visitor: MemberDep) -> Response:
    """The four tasks, each with its state; and one sentence that says what comes next."""
    return await _member_page(request, "onboarding/home.html", visitor, language)


@page(router, "profile")
async def profile(request: Request, language: Lang, visitor: MemberDep) -> Response:
    return await _member_page(request, "onboarding/profile.html", visitor, language)


async def _member_page(
    request: Request,
    template: str,
    visitor: Visitor,
    language: str,
    *,
    refusal: Refusal | None = None,
    field: str | None = None,
    typed: str = "",
) -> Response:
    portal = portal_of(request)
    async with portal.autocommit() as session:
        tag, window = await seen(session, visitor)
        view = await view_of(session, portal, visitor, language)
    return render(
        request,
        template,
        visitor=visitor,
        refusal=refusal,
        field=field,
        typed=typed,
        view=view,
        tag=tag,
        due=window.due,
        IdentityState=IdentityState,
        Step=Step,
    )


@page(router, "status")
async def status(request: Request, language: Lang, visitor: LeftOpenDep) -> Response:
    """What a page left open asks every few seconds. Unchanged costs three indexed reads and no body."""
    portal = portal_of(request)
    async with portal.autocommit() as session:
        tag, window = await seen(session, visitor)
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"ETag": tag})
        view = await view_of(session, portal, visitor, language)
    if visitor.kind is SessionKind.ACTIVATION:
        response = render(
            request, "accounts/_address_state.html", visitor=visitor, verified=view.standing.email_verified
        )
    else:
        response = render(
            request, "onboarding/_status.html", visitor=visitor, view=view, due=window.due,
            IdentityState=IdentityState, Step=Step,
        )  # fmt: skip
    response.headers["ETag"] = tag
    return response


# --- the address -------------------------------------------------------------------------------------------------


def page_of(visitor: Visitor) -> str:
    """Where an address is proven: in the profile, or while activating."""
    return "first-password" if visitor.kind is SessionKind.ACTIVATION else "profile"


async def _again(
    request: Request,
    visitor: Visitor,
    language: str,
    refusal: Refusal,
    *,
    field: str | None = None,
    typed: str = "",
) -> Response:
    """The page that holds the form, with what to look at beside it."""
    if visitor.kind is SessionKind.ACTIVATION:
        return await first_steps(request, visitor, refusal, field=field, typed=typed)
    return await _member_page(
        request, "onboarding/profile.html", visitor, language, refusal=refusal, field=field, typed=typed
    )


@page(router, "send-verification", methods=("POST",))
async def send_verification(
    request: Request, language: Lang, visitor: MemberOrActivatingDep, form: SentForm
) -> Response:
    """« Envoyer courriel de vérification »."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    try:
        if await _prove_again(portal, visitor, form.key):
            return go(page_of(visitor), language, notice="courriel-envoye")
        await ask(
            portal, visitor, OnboardingWorkflow.send_verification,
            key=f"verification-{visitor.member_id}-{form.key}", page="send-verification", fields={"key": form.key},
        )  # fmt: skip
    except Refused as refused:
        if refused.refusal is Refusal.EMAIL_ALREADY_VERIFIED:
            return go(page_of(visitor), language, notice="courriel-verifie")
        return await _again(request, visitor, language, refused.refusal)
    return go(page_of(visitor), language, notice="courriel-envoye")


async def _prove_again(portal: Portal, visitor: Visitor, key: str) -> bool:
    """A new link to an address that is verified and from which mail came back; False if it is not such an address.

    The file stays where it is and no step is asked for: the member has done this one.
    """
    account = await _came_back(portal, visitor)
    if account is None:
        return False
    async with portal.sessions.begin() as session:
        await another_link(session, portal, account, key)
    return True


async def another_link(session: Session, portal: Portal, account: Account, key: str) -> None:
    """A fresh verification link to the address on file; the same key is the same mail. No step is asked for."""
    link_id = uuid5(NAMESPACE_OID, f"verification:{account.id}:{key}")
    made = await links.make(
        session, link_id=link_id, account=account, purpose=Purpose.VERIFICATION,
        token_hash=hash_of(token_of(portal.secret, link_id)), valid=VERIFICATION_VALID,
    )  # fmt: skip
    # The same form again has been answered by the first.
    if not made and await links.by_id(session, link_id) is None:
        raise Refused(Refusal.MAIL_JUST_SENT)
    await mail.queue(
        session,
        mail.to_queue(
            key=f"verification:{link_id}", kind=MailKind.VERIFICATION,
            account_id=account.id, campaign_id=None, due_at=datetime.now(UTC), facts={"link_id": str(link_id)},
        ),
    )  # fmt: skip


async def _came_back(portal: Portal, visitor: Visitor) -> Account | None:
    """The account of whoever has a verified address from which mail came back."""
    async with portal.autocommit() as session:
        account = await accounts.by_id(session, visitor.account_id)
    if account is None or account.email_verified_at is None or account.email_bounced_at is None:
        return None
    return account


@page(router, "confirm-email")
async def confirm_email_page(request: Request, language: Lang, visitor: Anyone) -> Response:
    """The page of the link. It only looks: scanners open links too, and some of them run scripts."""
    token = link_token(request)
    async with portal_of(request).autocommit() as session:
        link = await links.find(session, hash_of(token))
    return _confirmation(request, visitor, link, token)


def _confirmation(request: Request, visitor: Visitor | None, link: links.LinkState | None, token: str) -> Response:
    refusal = link.refusal if link is not None and link.purpose is Purpose.VERIFICATION else Refusal.LINK_UNKNOWN
    done = refusal is Refusal.LINK_USED
    theirs = visitor is not None and link is not None and visitor.account_id == link.account_id
    return render(
        request, "onboarding/confirm_email.html", visitor=visitor, token=token, theirs=theirs, done=done,
        refusal=None if done else refusal,
    )  # fmt: skip


@page(router, "confirm-email", methods=("POST",))
async def confirm_email(request: Request, language: Lang, visitor: MemberOrActivatingDep, form: LinkForm) -> Response:
    """The owner of the address, signed in, presses the button."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    async with portal.autocommit() as session:
        link = await links.find(session, hash_of(form.token))
    if link is None or link.account_id != visitor.account_id or link.purpose is not Purpose.VERIFICATION:
        raise Refused(Refusal.LINK_UNKNOWN)
    if link.refusal not in (None, Refusal.LINK_USED):
        return _confirmation(request, visitor, link, form.token)
    await _confirm(portal, visitor, link.id, {"token": form.token})
    return go(page_of(visitor), language, notice="courriel-verifie")


@page(router, "type-code", methods=("POST",))
async def type_code(request: Request, language: Lang, visitor: MemberOrActivatingDep, form: CodeForm) -> Response:
    """The six digits of the mail, typed on the page left open: five tries for each mail."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    typed = "".join(character for character in form.code if character.isdigit())
    async with portal.sessions.begin() as session:
        link = await links.newest(session, visitor.account_id, Purpose.VERIFICATION)
        refusal = _of_code(portal, link, typed)
        if link is not None and refusal is Refusal.CODE_WRONG:
            await links.count_wrong_code(session, link.id)
    if refusal is Refusal.LINK_USED:
        return go(page_of(visitor), language, notice="courriel-verifie")
    if refusal is not None:
        return await _again(request, visitor, language, refusal, field="code", typed=form.code)
    assert link is not None, "without a link there is a refusal"
    await _confirm(portal, visitor, link.id, {"code": form.code})
    return go(page_of(visitor), language, notice="courriel-verifie")


def _of_code(portal: Portal, link: links.LinkState | None, typed: str) -> Refusal | None:
    """Why these digits do not prove the address, None if they do."""
    if link is None or link.refusal is not None:
        return Refusal.LINK_USED if link is not None and link.refusal is Refusal.LINK_USED else Refusal.LINK_EXPIRED
    if link.code_tries >= CODE_TRIES:
        return Refusal.TOO_MANY_TRIES
    right = secrets.compare_digest(typed.encode(), code_of(portal.secret, link.id).encode())
    return None if right else Refusal.CODE_WRONG


async def _confirm(portal: Portal, visitor: Visitor, link_id: UUID, fields: dict[str, str]) -> None:
    if await _came_back(portal, visitor) is not None:
        # Verified long ago, and proven once more: the link says that mail arrives again.
        async with portal.sessions.begin() as session:
            if await links.use(session, link_id, Purpose.VERIFICATION, visitor.account_id) is None:
                raise Refused(Refusal.LINK_SUPERSEDED)
        return
    # One link, one step: its id is the key, however often the button is pressed.
    await ask(
        portal, visitor, OnboardingWorkflow.confirm_email, ConfirmEmail(link_id),
        key=f"confirm-{link_id}", page="type-code" if "code" in fields else "confirm-email", fields=fields,
    )  # fmt: skip
