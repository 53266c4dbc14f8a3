"""« Personnel »: officers keep the accounts of the staff. An act needs a fresh key; PostgreSQL has the last word."""

import secrets
from base64 import b32encode
from datetime import UTC, datetime
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.doors import readable_address
from api.factors import plain
from api.forms import InviteForm, StaffActForm
from api.guards import Lang, OfficerDep, require_factor, same_form
from api.pages import go, render
from api.portal import portal_of
from api.routes import page
from portal.rules.accounts import INVITATION_VALID, RECOVERY_VALID, Purpose, Role
from portal.rules.links import hash_of, token_of
from portal.rules.mail import MailKind
from portal.rules.refusals import Refusal, Refused
from portal.store import Session, accounts, links, mail, staff
from portal.store.accounts import Account
from portal.store.sessions import Visitor
from portal.store.staff import Act, Colleague
from portal.text.staff import action_name, actor_name, role_name

router = APIRouter()

# What a form of a colleague's page may ask; sending an invitation again is no act of its own.
RESEND = "resend"
SIMPLE = frozenset({Act.SUSPEND, Act.REINSTATE, Act.END_SESSIONS, Act.ASK_RESET, Act.ASK_OFFICER})


@page(router, "staff")
async def staff_page(request: Request, language: Lang, visitor: OfficerDep) -> Response:
    return await _everybody(request, language, visitor)


async def _everybody(
    request: Request,
    language: str,
    visitor: Visitor,
    refusal: Refusal | None = None,
    field: str | None = None,
    email: str = "",
    ticked: frozenset[Role] = frozenset(),
) -> Response:
    async with portal_of(request).autocommit() as session:
        colleagues = await staff.everybody(session)
    return render(
        request, "staff/all.html", visitor=visitor, refusal=refusal, field=field, colleagues=colleagues, email=email,
        ticked=ticked, all_roles=list(Role), role_name=lambda role: role_name(role, language),
    )  # fmt: skip


@page(router, "staff", methods=("POST",))
async def invite(request: Request, language: Lang, visitor: OfficerDep, form: InviteForm) -> Response:
    """An address and roles, nothing else: no name is stored. The link goes to the address, and nowhere else."""
    same_form(visitor, form.form_token)
    require_factor(visitor)
    roles = frozenset(role for role in Role if getattr(form, role.value))
    email = readable_address(form.email)
    if email is None:
        return await _everybody(request, language, visitor, Refusal.EMAIL_UNREADABLE, "email", form.email, roles)
    if not roles:
        return await _everybody(request, language, visitor, Refusal.ROLE_NEEDED, "roles", form.email, roles)
    portal = portal_of(request)
    try:
        async with portal.sessions.begin() as session:
            account_id = await staff.act(session, Act.INVITE, actor_id=visitor.account_id, email=email)
            two = Role.OFFICER in roles and await _proposed(session, visitor, account_id)
            for role in sorted(roles - {Role.OFFICER} if two else roles):
                await staff.act(session, Act.GRANT, actor_id=visitor.account_id, account_id=account_id, role=role)
            sent = await _send_invitation(session, portal.secret, account_id)
    except Refused as error:
        return await _everybody(request, language, visitor, error.refusal, "email", form.email, roles)
    return go("staff", language, notice="role-propose" if two else "invite" if sent else "roles-donnes")


async def _proposed(session: Session, visitor: Visitor, account_id: UUID) -> bool:
    """Where two make an officer this one proposes it; who has no role yet is invited when it is confirmed."""
    whom = await staff.colleague(session, account_id)
    if (whom is not None and Role.OFFICER in whom.roles) or not await staff.officer_takes_two(session):
        return False
    await staff.act(session, Act.ASK_OFFICER, actor_id=visitor.account_id, account_id=account_id)
    return True


async def _send_invitation(session: Session, secret: bytes, account_id: UUID) -> bool:
    """A link to choose the first key. Never to somebody who had keys: a mail alone must not give them back."""
    account = await accounts.by_id(session, account_id)
    whom = await staff.colleague(session, account_id)
    if account is None or whom is None or not await may_be_invited(session, whom):
        return False
    link_id = uuid4()
    made = await links.make(
        session, link_id=link_id, account=account, purpose=Purpose.INVITATION,
        token_hash=hash_of(token_of(secret, link_id)), valid=INVITATION_VALID,
    )  # fmt: skip
    if not made:
        raise Refused(Refusal.MAIL_JUST_SENT)
    await mail.queue(
        session,
        mail.to_queue(
            key=f"staff-invitation:{link_id}", kind=MailKind.STAFF_INVITATION,
            account_id=account_id, campaign_id=None, due_at=datetime.now(UTC), facts={"link_id": str(link_id)},
        ),
    )  # fmt: skip
    return True


async def may_be_invited(session: Session, whom: Colleague) -> bool:
    if whom.enrolled or whom.suspended_at is not None or not whom.roles:
        return False
    return not await staff.was_reset(session, whom.id)


@page(router, "colleague")
async def colleague_page(request: Request, language: Lang, visitor: OfficerDep, account_id: str) -> Response:
    return await _colleague(request, language, visitor, account_id)


async def _colleague(
    request: Request, language: str, visitor: Visitor, account_id: str, refusal: Refusal | None = None
) -> Response:
    async with portal_of(request).autocommit() as session:
        whom = await _whom(session, account_id)
        acts = await staff.acts_on(session, whom.id)
        asked = await staff.asked(session, whom.id, Act.ASK_RESET)
        proposed = await staff.asked(session, whom.id, Act.ASK_OFFICER)
        two = await staff.officer_takes_two(session)
        signs_from = await staff.too_new_until(session, visitor.account_id, Role.OFFICER)
        invitable = await may_be_invited(session, whom)
    done = [
        (
            act.at,
            action_name(staff.ACTIONS[Act(act.kind)], language),
            role_name(Role(act.role), language) if act.role else "",
            staff.staff_code(act.actor_id) if act.actor_id else actor_name(staff.SHELL, language),
        )
        for act in acts
    ]  # fmt: skip
    return render(
        request, "staff/one.html", visitor=visitor, refusal=refusal, whom=whom, done=done, invitable=invitable,
        asked=asked, asked_by_me=asked is not None and asked.actor_id == visitor.account_id,
        two=two, signs_from=signs_from, proposed=proposed,
        proposed_by_me=proposed is not None and proposed.actor_id == visitor.account_id,
        own=whom.id == visitor.account_id, all_roles=list(Role), role_name=lambda role: role_name(role, language),
    )  # fmt: skip


async def _whom(session: Session, account_id: str) -> Colleague:
    try:
        found = await staff.colleague(session, UUID(account_id))
    except ValueError:
        found = None
    if found is None:
        raise Refused(Refusal.NOT_ALLOWED)
    return found


@page(router, "staff-act", methods=("POST",))
async def staff_act(
    request: Request, language: Lang, visitor: OfficerDep, account_id: str, form: StaffActForm
) -> Response:
    same_form(visitor, form.form_token)
    require_factor(visitor)
    portal = portal_of(request)
    code = ""
    try:
        async with portal.sessions.begin() as session:
            whom = await _whom(session, account_id)
            if form.act == RESEND:
                if whom.id == visitor.account_id or not await _send_invitation(session, portal.secret, whom.id):
                    raise Refused(Refusal.NOT_ALLOWED)
            elif form.act == Act.RESET.value:
                code = await _reset(session, visitor, whom)
            else:
                await _do(session, portal.secret, visitor, whom, form.act, form.role)
    except Refused as error:
        if error.refusal is Refusal.NOT_ALLOWED:
            raise
        return await _colleague(request, language, visitor, account_id, error.refusal)
    if code:
        return render(request, "staff/recovery.html", visitor=visitor, whom=whom, code=code)
    return go("colleague", language, notice="geste", account_id=whom.id)


async def _do(session: Session, secret: bytes, visitor: Visitor, whom: Colleague, kind: str, role: str) -> None:
    try:
        act, which = Act(kind), Role(role) if role else None
    except ValueError:
        raise Refused(Refusal.NOT_ALLOWED) from None
    if act not in SIMPLE and not (act in (Act.GRANT, Act.REVOKE) and which is not None):
        raise Refused(Refusal.NOT_ALLOWED)
    officer = act is Act.GRANT and which is Role.OFFICER
    proposed = await staff.asked(session, whom.id, Act.ASK_OFFICER) if officer else None
    await staff.act(
        session, act, actor_id=visitor.account_id, account_id=whom.id, role=None if act in SIMPLE else which,
        confirms=None if proposed is None else proposed.id,
    )  # fmt: skip
    if proposed is not None and not whom.roles:
        await _send_invitation(session, secret, whom.id)


async def _reset(session: Session, visitor: Visitor, whom: Colleague) -> str:
    """The second of two: every key is gone, and a code is handed over, in person, to choose a new one.

    The code alone opens nothing: it is asked for after the password. It is shown once, and kept as its hash.
    """
    asked = await staff.asked(session, whom.id, Act.ASK_RESET)
    if asked is None:
        raise Refused(Refusal.RESET_NEEDS_ANOTHER)
    await staff.act(session, Act.RESET, actor_id=visitor.account_id, account_id=whom.id, confirms=asked.id)
    account: Account | None = await accounts.by_id(session, whom.id)
    assert account is not None, "a colleague has an account"
    # 120 bits: enough to be kept as a plain hash.
    letters = b32encode(secrets.token_bytes(15)).decode()
    code = "-".join(letters[i : i + 4] for i in range(0, len(letters), 4))
    made = await links.make(
        session, link_id=uuid4(), account=account, purpose=Purpose.RECOVERY, token_hash=hash_of(plain(code)),
        valid=RECOVERY_VALID,
    )  # fmt: skip
    if not made:
        raise Refused(Refusal.MAIL_JUST_SENT)
    return code
