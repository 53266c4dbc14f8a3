"""The first sign-in, with the member number: prove the address, then choose a password; nothing else."""

import secrets

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.accounts import set_cookie
from api.forms import FirstPasswordForm
from api.guards import ActivatingDep, Lang, same_form
from api.member_view import seen
from api.pages import go, render
from api.portal import portal_of
from api.renewal import chosen_badly, field_of, words_known_of
from api.routes import page
from portal.rules.accounts import SessionKind
from portal.rules.links import hash_of
from portal.rules.refusals import Refusal, Refused
from portal.store import accounts, journal, links, sessions
from portal.store.sessions import Visitor

router = APIRouter()


@page(router, "first-password")
async def first_password_page(request: Request, visitor: ActivatingDep) -> Response:
    return await first_steps(request, visitor, None)


async def first_steps(
    request: Request, visitor: Visitor, refusal: Refusal | None, *, field: str | None = None, typed: str = ""
) -> Response:
    """Prove the address, then choose a password; with what is to be looked at again."""
    async with portal_of(request).sessions.begin() as session:
        tag = "" if visitor.campaign is None else (await seen(session, visitor))[0]
        account = await accounts.by_id(session, visitor.account_id)
    assert account is not None, "a session has an account"
    return render(
        request, "accounts/first_password.html", visitor=visitor, refusal=refusal, field=field, typed=typed,
        email=account.email, verified=account.email_verified_at is not None, tag=tag,
    )  # fmt: skip


@page(router, "first-password", methods=("POST",))
async def first_password(request: Request, language: Lang, visitor: ActivatingDep, form: FirstPasswordForm) -> Response:
    """Once the address is proven: the password is set, the number is dead, and the session becomes a member's."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    async with portal.sessions.begin() as session:
        account = await accounts.by_id(session, visitor.account_id)
        assert account is not None, "a session has an account"
        words = await words_known_of(session, account)
    if account.email_verified_at is None:
        raise Refused(Refusal.EMAIL_NOT_VERIFIED)
    refusal = chosen_badly(portal.passwords.weakness(form.password, words), form.password, form.again)
    if refusal is not None:
        return await first_steps(request, visitor, refusal, field=field_of(refusal))
    with portal.passwords.place(inside=True) as place:
        new_hash = await place.hash(form.password)
    token = secrets.token_urlsafe(32)
    async with portal.sessions.begin() as session:
        await accounts.set_password(session, account.id, new_hash)
        staff = bool(await accounts.roles(session, account.id))
        await links.void(session, account.id)
        await sessions.end_all(session, account.id, but=visitor.token_hash)
        await sessions.replace(
            session, visitor.token_hash, hash_of(token), form_token=secrets.token_urlsafe(24), stepped_up=False,
            # Whoever is of the staff as well needs more than a mailbox and a number.
            kind=SessionKind.STAFF_PENDING if staff else SessionKind.MEMBER,
        )  # fmt: skip
        await journal.write(session, "activated", actor="member", actor_id=account.id, member_id=account.member_id)
    response = go("factor" if staff else "home", language)
    set_cookie(response, token)
    return response
