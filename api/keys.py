"""« Mes clés »: the factors of whoever is signed in as staff, the first one included, and where else they are in."""

import secrets
from collections.abc import Awaitable, Callable
from uuid import UUID

import segno
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from api.accounts import set_cookie
from api.factors import admit
from api.forms import CodeForm, KeyForm, NewKeyForm, SentForm
from api.guards import KeepsKeysDep, Lang, same_form
from api.pages import go, render
from api.passkeys import NAME, Party
from api.portal import portal_of
from api.returning import to_factor
from api.routes import page
from portal.rules.accounts import MOST_PASSKEYS, SessionKind
from portal.rules.browsers import names
from portal.rules.refusals import Refusal, Refused
from portal.store import Session, accounts, factors, journal, sessions
from portal.store.sessions import Visitor

router = APIRouter()

NAME_LENGTH = 60


@page(router, "keys")
async def keys_page(request: Request, visitor: KeepsKeysDep) -> Response:
    return await _keys(request, visitor)


async def _keys(
    request: Request, visitor: Visitor, refusal: Refusal | None = None, field: str | None = None, name: str = ""
) -> Response:
    async with portal_of(request).autocommit() as session:
        held = await factors.held(session, visitor.account_id)
        signed_in = await sessions.of_account(session, visitor.account_id, visitor.token_hash)
    if visitor.kind is SessionKind.STAFF_PENDING and held.count:
        # An invitation serves whoever has no key yet: this one shows theirs.
        return to_factor(request)
    return render(
        request, "staff/keys.html", visitor=visitor, refusal=refusal, field=field, held=held, name=name,
        first=visitor.kind is SessionKind.STAFF_PENDING, most=MOST_PASSKEYS, browser=names,
        sessions=[one for one in signed_in if one.kind is SessionKind.STAFF],
    )  # fmt: skip


@page(router, "key-challenge", methods=("POST",))
async def key_challenge(request: Request, visitor: KeepsKeysDep, form: SentForm) -> Response:
    """What the browser is told to make a key."""
    same_form(visitor, form.form_token)
    portal = portal_of(request)
    async with portal.sessions.begin() as session:
        held = await factors.held(session, visitor.account_id)
        account = await accounts.by_id(session, visitor.account_id)
        assert account is not None, "a session has an account"
        party = Party(portal.settings.origin)
        challenge, options = party.ask_new(account.id, account.email or "", held.passkeys)
        await factors.keep_challenge(session, visitor.token_hash, challenge)
    return JSONResponse(options)


@page(router, "keys", methods=("POST",))
async def add_key(request: Request, language: Lang, visitor: KeepsKeysDep, form: NewKeyForm) -> Response:
    same_form(visitor, form.form_token)
    portal = portal_of(request)
    name = " ".join(form.name.split())[:NAME_LENGTH]
    if not name:
        return await _keys(request, visitor, Refusal.FACTOR_NAME_NEEDED, "name")
    async with portal.sessions.begin() as session:
        challenge = await factors.take_challenge(session, visitor.token_hash)
    made = None if challenge is None else Party(portal.settings.origin).made(form.answer, challenge)
    if made is None:
        return await _keys(request, visitor, Refusal.PASSKEY_REFUSED, None, name)

    async def add(session: Session) -> Refusal | None:
        return await factors.add_passkey(
            session, visitor.account_id, credential_id=made.credential_id, public_key=made.public_key,
            sign_count=made.sign_count, name=name,
        )  # fmt: skip

    refusal, response = await _registered(request, language, visitor, "passkey", add, "cle-ajoutee")
    return response if refusal is None else await _keys(request, visitor, refusal, None, name)


async def _registered(
    request: Request,
    language: str,
    visitor: Visitor,
    how: str,
    add: Callable[[Session], Awaitable[Refusal | None]],
    notice: str,
) -> tuple[Refusal | None, Response]:
    """Add a factor; with the first one a pending session is in."""
    portal = portal_of(request)
    token = secrets.token_urlsafe(32)
    response = go("keys", language, notice=notice)
    async with portal.sessions.begin() as session:
        if visitor.kind is SessionKind.STAFF_PENDING and (await factors.held(session, visitor.account_id)).count:
            raise Refused(Refusal.SIGN_IN_NEEDED)
        refusal = await add(session)
        await journal.write(
            session, "factor-refused" if refusal else "factor-added", actor="staff", actor_id=visitor.account_id,
            code=f"{how}:{refusal.value}" if refusal else how,
        )  # fmt: skip
        if refusal is None and visitor.kind is SessionKind.STAFF_PENDING:
            await admit(session, visitor, token, how)
            set_cookie(response, token)
    return refusal, response


@page(router, "remove-key", methods=("POST",))
async def remove_key(request: Request, language: Lang, visitor: KeepsKeysDep, form: KeyForm) -> Response:
    same_form(visitor, form.form_token)
    try:
        passkey_id = UUID(form.passkey_id)
    except ValueError:
        return go("keys", language)
    return await _removed(
        request, language, visitor, "passkey",
        lambda session: factors.remove_passkey(session, visitor.account_id, passkey_id),
    )  # fmt: skip


@page(router, "remove-authenticator", methods=("POST",))
async def remove_authenticator(request: Request, language: Lang, visitor: KeepsKeysDep, form: SentForm) -> Response:
    same_form(visitor, form.form_token)
    return await _removed(
        request, language, visitor, "code", lambda session: factors.remove_authenticator(session, visitor.account_id)
    )


async def _removed(
    request: Request, language: str, visitor: Visitor, how: str, remove: Callable[[Session], Awaitable[bool]]
) -> Response:
    """Take a factor away, never the last: that is for two other people (security-tests.md T62)."""
    async with portal_of(request).sessions.begin() as session:
        held = await factors.held(session, visitor.account_id)
        if held.count > 1 and await remove(session):
            await journal.write(session, "factor-removed", actor="staff", actor_id=visitor.account_id, code=how)
            return go("keys", language, notice="cle-retiree")
    return await _keys(request, visitor, Refusal.LAST_FACTOR) if held.count == 1 else go("keys", language)


# --- codes of an authenticator -----------------------------------------------------------------------------------


@page(router, "offer-authenticator", methods=("POST",))
async def offer_authenticator(request: Request, language: Lang, visitor: KeepsKeysDep, form: SentForm) -> Response:
    same_form(visitor, form.form_token)
    portal = portal_of(request)
    async with portal.sessions.begin() as session:
        await factors.offer_authenticator(session, visitor.account_id, secret=portal.secret)
    return go("authenticator", language)


@page(router, "authenticator")
async def authenticator_page(request: Request, language: Lang, visitor: KeepsKeysDep) -> Response:
    return await _authenticator(request, language, visitor, None)


async def _authenticator(request: Request, language: str, visitor: Visitor, refusal: Refusal | None) -> Response:
    """The picture that the app reads, and the same in letters for whoever cannot take a picture of a screen."""
    portal = portal_of(request)
    async with portal.autocommit() as session:
        shared = await factors.offered(session, visitor.account_id, secret=portal.secret)
        account = await accounts.by_id(session, visitor.account_id)
    if shared is None:
        return go("keys", language)
    address = factors.address_of(shared, email=(account and account.email) or "", issuer=NAME)
    return render(
        request, "staff/authenticator.html", visitor=visitor, refusal=refusal, field="code" if refusal else None,
        picture=_picture(address), letters=" ".join(shared[i : i + 4] for i in range(0, len(shared), 4)),
    )  # fmt: skip


def _picture(address: str) -> tuple[int, str]:
    """The squares of a QR code: how many in a row, its margin included, and the path that draws the dark ones."""
    rows = list(segno.make(address, error="m", micro=False).matrix_iter(border=4))
    return len(rows), "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)


@page(router, "authenticator", methods=("POST",))
async def confirm_authenticator(request: Request, language: Lang, visitor: KeepsKeysDep, form: CodeForm) -> Response:
    same_form(visitor, form.form_token)
    secret = portal_of(request).secret

    async def confirm(session: Session) -> Refusal | None:
        return await factors.confirm_authenticator(session, visitor.account_id, form.code, secret=secret)

    refusal, response = await _registered(request, language, visitor, "code", confirm, "codes-ajoutes")
    return response if refusal is None else await _authenticator(request, language, visitor, refusal)


# --- elsewhere ---------------------------------------------------------------------------------------------------


@page(router, "leave-elsewhere", methods=("POST",))
async def leave_elsewhere(request: Request, language: Lang, visitor: KeepsKeysDep, form: SentForm) -> Response:
    """« Me déconnecter partout ailleurs »."""
    same_form(visitor, form.form_token)
    async with portal_of(request).sessions.begin() as session:
        if await sessions.end_all(session, visitor.account_id, but=visitor.token_hash):
            await journal.write(session, "sessions-closed", actor="staff", actor_id=visitor.account_id)
    return go("keys", language, notice="sessions-fermees")
