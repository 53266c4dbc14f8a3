"""« Renouveler mon mot de passe »: a link by mail; looking at it changes nothing, sending the form uses it."""

import asyncio
import re
import unicodedata
from datetime import UTC, datetime
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.accounts import caller
from api.ask import tell
from api.forms import EmailForm, NewPasswordForm
from api.guards import Anyone, Lang
from api.pages import go, link_token, render
from api.portal import Portal, portal_of
from api.routes import page
from portal.rules.accounts import ADDRESS_LIMIT, RENEWAL_VALID, Purpose, canonical_email
from portal.rules.links import hash_of, token_of
from portal.rules.mail import MailKind
from portal.rules.refusals import Refusal
from portal.store import Session, accounts, journal, links, mail, members, sessions
from portal.store.accounts import Account
from workflows import calls

router = APIRouter()

# More than writing a link and its mail takes: the time of an answer must not tell who is on the roll (T02).
ANSWER_AFTER = 0.1


@page(router, "forgotten")
async def forgotten_page(request: Request, visitor: Anyone) -> Response:
    return render(request, "accounts/forgotten.html", visitor=visitor, email="", sent=False)


@page(router, "forgotten", methods=("POST",))
async def forgotten(request: Request, visitor: Anyone, form: EmailForm) -> Response:
    """The same page for every address, after the same time; only its owner sees a difference, in the mailbox."""
    clock = asyncio.get_running_loop().time
    earliest = clock() + ANSWER_AFTER
    portal = portal_of(request)
    allowed, link_id = await _send_link(portal, caller(request), canonical_email(form.email))
    if link_id is not None:
        await tell(calls.open_renewal(portal.client, portal.task_queue, link_id), until=earliest)
    await asyncio.sleep(earliest - clock())
    if not allowed:
        return render(
            request, "accounts/forgotten.html", visitor=visitor, refusal=Refusal.TOO_MANY_TRIES, field="email",
            email=form.email,
            sent=False,
        )  # fmt: skip
    return render(request, "accounts/forgotten.html", visitor=visitor, email="", sent=True)


async def _send_link(portal: Portal, address: str, email: str) -> tuple[bool, UUID | None]:
    """Send a link if this is somebody's address, and which; False if this caller has asked too often."""
    async with portal.sessions.begin() as session:
        if not await accounts.attempt(session, portal.counter("address", address), ADDRESS_LIMIT):
            return False, None
        account = await accounts.by_email(session, email)
        if account is None:
            return True, None
        link_id = uuid4()
        made = await links.make(
            session, link_id=link_id, account=account, purpose=Purpose.RENEWAL,
            token_hash=hash_of(token_of(portal.secret, link_id)), valid=RENEWAL_VALID,
        )  # fmt: skip
        if made:
            await mail.queue(
                session,
                mail.to_queue(
                    key=f"renewal:{link_id}",
                    kind=MailKind.RENEWAL,
                    account_id=account.id,
                    campaign_id=None,
                    due_at=datetime.now(UTC),
                    facts={"link_id": str(link_id)},
                ),
            )
        await journal.write(
            session, "renewal-asked", actor="unknown", member_id=account.member_id,
            code=None if made else Refusal.MAIL_JUST_SENT.value,
        )  # fmt: skip
        return True, link_id if made else None


@page(router, "new-password")
async def new_password_page(request: Request, visitor: Anyone) -> Response:
    """Opened by a person or by a mail scanner, ten times or never: nothing changes."""
    token = link_token(request)
    async with portal_of(request).sessions.begin() as session:
        link = await links.find(session, hash_of(token))
    refusal = _why_not(link)
    return render(
        request, "accounts/new_password.html", visitor=visitor, refusal=refusal, token=token, usable=not refusal
    )


def _why_not(link: links.LinkState | None) -> Refusal | None:
    if link is None or link.purpose is not Purpose.RENEWAL:
        return Refusal.LINK_UNKNOWN
    return link.refusal


@page(router, "new-password", methods=("POST",))
async def new_password(request: Request, language: Lang, visitor: Anyone, form: NewPasswordForm) -> Response:
    """Use the link, once, and end every session there is."""
    portal = portal_of(request)
    async with portal.sessions.begin() as session:
        link = await links.find(session, hash_of(form.token))
        refusal = _why_not(link)
        account = await accounts.by_id(session, link.account_id) if link and not refusal else None
        words = await words_known_of(session, account) if account else []
    if refusal is None:
        refusal = chosen_badly(portal.passwords.weakness(form.password, words), form.password, form.again)
        if refusal is not None:
            return render(
                request, "accounts/new_password.html", visitor=visitor, refusal=refusal, field=field_of(refusal),
                token=form.token, usable=True,
            )  # fmt: skip
    if link is None or account is None or refusal is not None:
        return render(
            request, "accounts/new_password.html", visitor=visitor, refusal=refusal or Refusal.LINK_UNKNOWN,
            token="", usable=False,
        )  # fmt: skip
    with portal.passwords.place() as place:
        new_hash = await place.hash(form.password)
    async with portal.sessions.begin() as session:
        if await links.use(session, link.id, Purpose.RENEWAL, account.id) is None:
            return render(
                request, "accounts/new_password.html", visitor=visitor, refusal=Refusal.LINK_USED, token="",
                usable=False,
            )  # fmt: skip
        await accounts.set_password(session, account.id, new_hash)
        await links.void(session, account.id)
        await sessions.end_all(session, account.id)
        await accounts.forget_tries(session, portal.counter("sign-in", account.email or ""))
        # To the owner, if it was somebody else (security-tests.md T18).
        await mail.queue(
            session,
            mail.to_queue(
                key=f"password-changed:{link.id}",
                kind=MailKind.PASSWORD_CHANGED,
                account_id=account.id,
                campaign_id=None,
                due_at=datetime.now(UTC),
                facts={},
            ),
        )
        await journal.write(
            session, "password-renewed", actor="member", actor_id=account.id, member_id=account.member_id
        )
    heard_by = asyncio.get_running_loop().time() + portal.settings.answer_seconds
    await tell(calls.open_renewal(portal.client, portal.task_queue, link.id, used=True), until=heard_by)
    return go("sign-in", language, notice="mot-de-passe")


def chosen_badly(weakness: Refusal | None, password: str, again: str) -> Refusal | None:
    """Why a new password is not taken: it is weak, or the two spellings differ."""
    if weakness is not None:
        return weakness
    return None if password == again else Refusal.PASSWORDS_DIFFER


def field_of(refusal: Refusal | None) -> str | None:
    """Which of the two spellings to look at."""
    return None if refusal is None else "again" if refusal is Refusal.PASSWORDS_DIFFER else "password"


async def words_known_of(session: Session, account: Account) -> list[str]:
    """What an acquaintance would try first (security-tests.md T12), with and without accents."""
    known = [account.email or ""]
    member = await members.by_id(session, account.member_id) if account.member_id else None
    if member is not None:
        known += [
            member.number, member.group, member.given_name, member.family_name, member.street, member.city,
            member.postal_code, member.postal_code.replace(" ", ""),
        ]  # fmt: skip
    parts = [part for whole in known for part in (whole, *re.split(r"[^\w]+", whole))]
    return [spelt for part in parts for spelt in (part, _without_accents(part))]


def _without_accents(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
