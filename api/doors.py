"""The entrance, and the doors beside it for people who cannot sign in yet: a form, a proof, then a person answers."""

import asyncio
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid4

from email_validator import EmailNotValidError, validate_email
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.accounts import caller
from api.ask import tell
from api.forms import JoinFields, JoinForm, ProofForm, RegisterEmailFields, RegisterEmailForm
from api.guards import Anyone, Lang
from api.pages import go, language_of, link_token, render
from api.portal import Portal, portal_of
from api.renewal import ANSWER_AFTER
from api.routes import page
from portal.rules.accounts import ADDRESS_LIMIT, SessionKind, canonical_email
from portal.rules.doors import (
    ANSWER_WITHIN,
    DAILY,
    HOURLY,
    OPTIONAL,
    OVER,
    Door,
    Status,
    is_late,
    read,
    tidy,
)  # fmt: skip
from portal.rules.links import hash_of, token_of
from portal.rules.mail import MailKind
from portal.rules.refusals import Refusal
from portal.store import Session, accounts, campaigns, doors, identity, journal, mail, members
from portal.store.sessions import Visitor
from portal.text import needed
from portal.text.addresses import with_token
from workflows import calls

router = APIRouter()

TEMPLATES = {Door.REGISTER_EMAIL: "doors/register_email.html", Door.JOIN: "doors/join.html"}


@page(router, "entrance")
async def entrance(request: Request, visitor: Anyone) -> Response:
    """What one will need, the dates, the public count of documents, and « Entrez »."""
    async with portal_of(request).autocommit() as session:
        campaign = await campaigns.current(session)
        counter = await identity.counter(session)
    return render(request, "accounts/entrance.html", visitor=visitor, campaign=campaign, counter=counter)


# --- the forms ------------------------------------------------------------------------------------------


@page(router, "register-email")
async def register_email_page(request: Request, visitor: Anyone) -> Response:
    return _form(request, visitor, Door.REGISTER_EMAIL, RegisterEmailFields().model_dump())


@page(router, "register-email", methods=("POST",))
async def register_email(request: Request, language: Lang, visitor: Anyone, form: RegisterEmailForm) -> Response:
    return await _sent(request, language, visitor, Door.REGISTER_EMAIL, form.model_dump(), form.key)


@page(router, "join")
async def join_page(request: Request, language: Lang, visitor: Anyone) -> Response:
    """Whoever is signed in finds there what the roll holds already."""
    typed = JoinFields(language=language).model_dump()
    if _signed_in(visitor) and visitor is not None and visitor.member_id is not None:
        async with portal_of(request).autocommit() as session:
            member = await members.by_id(session, visitor.member_id)
            account = await accounts.by_id(session, visitor.account_id)
        if member is not None and account is not None:
            typed |= {
                "given_name": member.given_name, "family_name": member.family_name, "street": member.street,
                "city": member.city, "province": member.province, "postal_code": member.postal_code,
                "group": member.group, "language": member.language, "number": member.number,
                "email": account.email or "",
            }  # fmt: skip
    return _form(request, visitor, Door.JOIN, typed)


@page(router, "join", methods=("POST",))
async def join(request: Request, language: Lang, visitor: Anyone, form: JoinForm) -> Response:
    own = visitor is not None and secrets.compare_digest(visitor.form_token.encode(), form.form_token.encode())
    return await _sent(
        request, language, visitor, Door.JOIN, form.model_dump(), form.key,
        member_id=visitor.member_id if own and visitor is not None and _signed_in(visitor) else None,
    )  # fmt: skip


def _signed_in(visitor: Visitor | None) -> bool:
    """By a password: an activation proves nothing but that a number is known."""
    return visitor is not None and visitor.kind is not SessionKind.ACTIVATION


def _form(
    request: Request, visitor: Visitor | None, door: Door, typed: Mapping[str, str], unclear: tuple[str, ...] = (),
    refusal: Refusal | None = None,
) -> Response:  # fmt: skip
    """What was typed stays, and each field that needs another look says what will work."""
    language = language_of(request)
    return render(
        request, TEMPLATES[door], visitor=visitor, refusal=refusal, typed=typed,
        also={field: needed(field, language, optional=field in OPTIONAL[door]) for field in unclear},
    )  # fmt: skip


async def _sent(
    request: Request, language: str, visitor: Visitor | None, door: Door, typed: dict[str, str], key: str, *,
    member_id: UUID | None = None,
) -> Response:  # fmt: skip
    """The same page for everybody, after the same time: who is on the roll is told to nobody (T01)."""
    clock = asyncio.get_running_loop().time
    earliest = clock() + ANSWER_AFTER
    said, wrong = read(door, typed)
    email = readable_address(typed["email"])
    unclear = tuple(f for f in typed if f in wrong or (f == "email" and email is None))
    if email is None or unclear:
        return _form(request, visitor, door, typed, unclear)
    portal = portal_of(request)
    allowed, request_id = await _take(portal, caller(request), door, language, email, said, key, member_id)
    if request_id is not None:
        opened = calls.open_request(portal.client, portal.task_queue, door=door, request_id=request_id)
        await tell(opened, until=earliest)
    await asyncio.sleep(earliest - clock())
    if not allowed:
        return _form(request, visitor, door, typed, refusal=Refusal.TOO_MANY_TRIES)
    return go("request-sent", language)


def readable_address(typed: str) -> str | None:
    """One address that mail can be sent to, as it is compared; its domain may be in any script."""
    try:
        # «.test» reaches nobody: the demo lives there.
        found = validate_email(tidy(typed), check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        return None
    return canonical_email(found.normalized) if "." in found.ascii_domain else None


async def _take(
    portal: Portal, address: str, door: Door, language: str, email: str, said: dict[str, str], key: str,
    member_id: UUID | None,
) -> tuple[bool, UUID | None]:  # fmt: skip
    """Write the form and its mail down, and which it is; False if this caller has sent too many."""
    number = said.get("number")
    async with portal.sessions.begin() as session:
        if not await accounts.attempt(session, portal.counter("address", address), ADDRESS_LIMIT):
            return False, None
        # Whoever types somebody's address again and again fills no mailbox; nobody is told (security-tests.md T114).
        hourly = await accounts.attempt(session, portal.counter("door-hour", email), HOURLY)
        daily = await accounts.attempt(session, portal.counter("door-day", email), DAILY)
        if not (hourly and daily):
            return True, None
        request_id = uuid4()
        taken = await doors.take(
            session, request_id=request_id, door=door, language=said.get("language", language), email=email,
            number=number, said=said, member_id=member_id, token_hash=hash_of(token_of(portal.secret, request_id)),
        )  # fmt: skip
        if taken == request_id:
            await journal.write(
                session, "request-taken", actor="unknown", member_id=member_id, subject_id=request_id, code=door.value
            )
        if taken is not None:
            # Asked for again, the mail of the first goes once more: it may have been lost.
            await _mail(session, MailKind.DOOR_PROOF, taken, key or str(request_id))
        elif (waiting := await doors.waits(session, door, email, number)) is not None:
            # The page promises a mail: this one says where the request stands.
            late = is_late(waiting.proven_at, datetime.now(UTC))
            kind = MailKind.DOOR_LATE if late else MailKind.DOOR_RECEIVED
            await _mail(session, kind, waiting.id, key or str(request_id))
        return True, request_id if taken == request_id else None


async def _mail(session: Session, kind: MailKind, request_id: UUID, occasion: str) -> None:
    """To the address that was typed; the same form sent twice is one mail."""
    await mail.queue(
        session,
        mail.to_queue(
            key=f"{kind}:{request_id}:{occasion}", kind=kind, account_id=None, request_id=request_id,
            campaign_id=None, due_at=datetime.now(UTC), facts={"request_id": str(request_id)},
        ),
    )  # fmt: skip


@page(router, "request-sent")
async def request_sent(request: Request, visitor: Anyone) -> Response:
    return render(request, "doors/sent.html", visitor=visitor)


# --- the proof ------------------------------------------------------------------------------------------


@page(router, "prove-request")
async def prove_request_page(request: Request, visitor: Anyone) -> Response:
    """Looking changes nothing; afterwards the same address says where the request stands."""
    token = link_token(request)
    async with portal_of(request).autocommit() as session:
        found = await doors.by_token(session, hash_of(token))
    if found is None:
        return _proof(request, visitor, token, None, Refusal.LINK_UNKNOWN)
    lapsed = found.status == Status.LAPSED.value
    return _proof(request, visitor, token, found, Refusal.REQUEST_LAPSED if lapsed else None)


@page(router, "prove-request", methods=("POST",))
async def prove_request(request: Request, language: Lang, visitor: Anyone, form: ProofForm) -> Response:
    portal = portal_of(request)
    async with portal.sessions.begin() as session:
        found = await doors.by_token(session, hash_of(form.token))
        proven = found is not None and await doors.prove(session, found.id)
        if found is not None and proven:
            await journal.write(
                session, "request-proven", actor="unknown", member_id=None, subject_id=found.id, code=found.kind,
                key=f"request-proven:{found.id}",
            )  # fmt: skip
        elif found is not None:
            # It may have been proven in this very moment, from another window.
            await session.refresh(found)
    if found is None:
        return _proof(request, visitor, form.token, None, Refusal.LINK_UNKNOWN)
    if proven:
        heard_by = asyncio.get_running_loop().time() + portal.settings.answer_seconds
        told = calls.open_request(portal.client, portal.task_queue, door=found.door, request_id=found.id, told="proven")
        await tell(told, until=heard_by)
    elif found.status in (Status.ASKED.value, Status.LAPSED.value):
        return _proof(request, visitor, form.token, found, Refusal.REQUEST_LAPSED)
    return RedirectResponse(with_token("prove-request", language, form.token), status_code=303)


def _proof(
    request: Request, visitor: Visitor | None, token: str, found: doors.DoorRequest | None, refusal: Refusal | None
) -> Response:
    status = Status(found.status) if found is not None else None
    return render(
        request, "doors/prove.html", visitor=visitor, refusal=refusal, token=token, found=found,
        to_prove=refusal is None and status is Status.ASKED, answered=status in OVER,
        late=found is not None and is_late(found.proven_at, datetime.now(UTC)),
        answer_by=found.proven_at + ANSWER_WITHIN if found is not None and found.proven_at else None,
    )  # fmt: skip
