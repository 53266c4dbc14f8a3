"""What an operator does for one member: resend, take up again, vote on paper; each written down before it is done."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.ask import ask_for, tell
from api.forms import ActForm, PaperForm, PaperOfForm, SentForm
from api.guards import Lang, OperatorDep, require_factor, same_form
from api.onboarding import another_link
from api.pages import go, render
from api.portal import Portal, portal_of
from api.routes import page
from api.temporal_links import temporal_link
from portal.rules.mail import MailKind
from portal.rules.members import Group
from portal.rules.onboarding import Step
from portal.rules.operations import Act, PaperReason, Stuck
from portal.rules.refusals import Refusal, Refused
from portal.store import Session, campaigns, journal, mail, onboarding, operations, paper, review
from portal.store.campaigns import Current
from portal.store.onboarding import Whole
from portal.store.operations import Where
from portal.store.paper import PaperVoter
from portal.store.sessions import Visitor
from portal.text import operations as words
from portal.text.addresses import path
from workflows import calls
from workflows.messages import workflow_id
from workflows.onboarding import OnboardingWorkflow

router = APIRouter()


async def _whole(session: Session, portal: Portal, member_id: UUID) -> Whole:
    """The member in the campaign that is on."""
    campaign = await campaigns.current(session)
    if campaign is None:
        raise Refused(Refusal.NO_CAMPAIGN)
    whole = await onboarding.read(session, campaign.id, member_id, valid_for=portal.identity_valid_for)
    if whole is None:
        raise Refused(Refusal.MEMBER_UNKNOWN)
    return whole


def _for_another(visitor: Visitor, member_id: UUID) -> None:
    """Nobody acts on their own file (brief §3.7); a trigger says so again."""
    if visitor.member_id == member_id:
        raise Refused(Refusal.OWN_FILE)


@page(router, "member-desk")
async def member_desk(request: Request, language: Lang, visitor: OperatorDep, member_id: UUID) -> Response:
    """Where one member stands, why they are stuck, and what may be done for them."""
    return await _desk(request, language, visitor, member_id)


async def _desk(
    request: Request, language: str, visitor: Visitor, member_id: UUID, refusal: Refusal | None = None
) -> Response:
    portal = portal_of(request)
    async with portal.autocommit() as session:
        whole = await _whole(session, portal, member_id)
        mark = await paper.standing_of(session, whole.campaign.id, member_id)
        stuck = await operations.stuck_one(session, Where(whole.campaign.id, portal.identity_valid_for), member_id)
    return render(
        request, "operations/member.html", visitor=visitor, refusal=refusal, whole=whole, member=whole.member,
        paper=mark, own=visitor.member_id == member_id, acts=acts_for(whole, mark), words=words, stuck=stuck,
        reason=words.word(words.REASONS, Stuck(stuck.what), language) if stuck else None, Step=Step, Group=Group,
        why=words.word(words.PAPER, PaperReason(mark.reason), language) if mark else None,
        temporal=temporal_link(portal, workflow_id(whole.campaign.code, member_id)) if whole.file else None,
    )  # fmt: skip


def acts_for(whole: Whole, mark: PaperVoter | None) -> list[Act]:
    """What makes sense for this member now."""
    account, file = whole.account, whole.file
    acts = []
    unproven = account is not None and (account.email_verified_at is None or account.email_bounced_at is not None)
    if account is not None and account.email is not None and unproven and mark is None:
        acts.append(Act.RESEND)
    if file is not None and file.ended_at is None:
        acts.append(Act.REOPEN)
    if mark is None and whole.at < whole.campaign.closes:
        acts.append(Act.PAPER)
    return acts


@page(router, "member-act", methods=("POST",))
async def act(request: Request, language: Lang, visitor: OperatorDep, form: ActForm, member_id: UUID) -> Response:
    """« Renvoyer » and « Relancer »: safe to repeat, and the same form is one act."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    _for_another(visitor, member_id)
    if form.act == Act.RESEND:
        return await _resend(request, language, visitor, member_id, form.key)
    if form.act == Act.REOPEN:
        return await _reopen(portal, language, visitor, member_id, form.key)
    raise Refused(Refusal.NOT_ALLOWED)


async def _resend(request: Request, language: str, visitor: Visitor, member_id: UUID, key: str) -> Response:
    """A fresh link to the address on file. The member has done nothing, so no step of theirs is touched."""
    portal = portal_of(request)
    try:
        async with portal.sessions.begin() as session:
            whole = await _whole(session, portal, member_id)
            if whole.account is None or whole.account.email is None:
                raise Refused(Refusal.NO_EMAIL_ON_FILE)
            if Act.RESEND not in acts_for(whole, await paper.standing_of(session, whole.campaign.id, member_id)):
                raise Refused(Refusal.VOTES_ON_PAPER if whole.paper_at else Refusal.EMAIL_ALREADY_VERIFIED)
            await _note(session, visitor, "mail-resent", whole, key=f"resend:{member_id}:{key}")
            await another_link(session, portal, whole.account, f"desk-{key}")
    except Refused as refused:
        if refused.refusal in (Refusal.NO_CAMPAIGN, Refusal.MEMBER_UNKNOWN):
            raise
        return await _desk(request, language, visitor, member_id, refused.refusal)
    return go("member-desk", language, notice="courriel-renvoye", member_id=member_id)


async def _reopen(portal: Portal, language: str, visitor: Visitor, member_id: UUID, key: str) -> Response:
    """The member's workflow reads the records again; started anew if it was gone."""
    async with portal.sessions.begin() as session:
        whole = await _whole(session, portal, member_id)
        if Act.REOPEN not in acts_for(whole, None):
            raise Refused(Refusal.NOT_ALLOWED)
        await _note(session, visitor, "file-reopened", whole, key=f"reopen:{member_id}:{key}")
    await ask_for(
        portal, Current(whole.campaign.id, whole.campaign.code), member_id, OnboardingWorkflow.look_again,
        key=f"look-{member_id}-{key}", page="member-act", where={"member_id": str(member_id)},
        fields={"act": Act.REOPEN.value, "key": key},
    )  # fmt: skip
    portal.minute.forget()
    return go("member-desk", language, notice="dossier-relance", member_id=member_id)


async def _note(
    session: Session, visitor: Visitor, action: str, whole: Whole, *, key: str, code: str | None = None,
    subject_id: UUID | None = None,
) -> None:  # fmt: skip
    await journal.write(
        session, action, actor="operator", actor_id=visitor.account_id, member_id=whole.member.id,
        campaign_id=whole.campaign.id, code=code, subject_id=subject_id, key=key,
    )  # fmt: skip


@page(router, "return-case", methods=("POST",))
async def return_case(
    request: Request, language: Lang, visitor: OperatorDep, form: SentForm, claim_id: UUID
) -> Response:
    """A case that somebody has open and has left: the next reviewer may take it. Journalled where it is done."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    async with portal.sessions.begin() as session:
        returned = await review.give_back(session, claim_id, by=visitor.account_id)
    # The same form again, or a lease that has ended meanwhile: the case is in the queue, as was wished.
    if isinstance(returned, Refusal) and returned is not Refusal.CLAIM_EXPIRED:
        raise Refused(returned)
    told = calls.wake_lease(portal.client, claim_id)
    await tell(told, until=asyncio.get_running_loop().time() + portal.settings.answer_seconds)
    address = path("list", language, listed=words.List.CASES.value)
    return RedirectResponse(f"{address}?fait=rendu", status_code=303)


# --- the vote on paper -------------------------------------------------------------------------------------------


@page(router, "paper")
async def paper_page(request: Request, language: Lang, visitor: OperatorDep, member_id: UUID) -> Response:
    """What it means, before it is done."""
    return await _paper_page(request, language, visitor, member_id, "")


async def _paper_page(
    request: Request, language: str, visitor: Visitor, member_id: UUID, reason: str, refusal: Refusal | None = None,
    field: str | None = None,
) -> Response:  # fmt: skip
    portal = portal_of(request)
    _for_another(visitor, member_id)
    async with portal.autocommit() as session:
        whole = await _whole(session, portal, member_id)
    if whole.paper_at is not None:
        return go("member-desk", language, member_id=member_id)
    return render(
        request, "operations/paper.html", visitor=visitor, refusal=refusal, field=field, whole=whole,
        member=whole.member, reason=reason,
        reasons=[(code.value, words.word(words.PAPER, code, language)) for code in PaperReason],
    )  # fmt: skip


@page(router, "paper", methods=("POST",))
async def mark_paper(
    request: Request, language: Lang, visitor: OperatorDep, form: PaperForm, member_id: UUID
) -> Response:
    """Close the online door for this person in this campaign."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    require_factor(visitor)
    _for_another(visitor, member_id)
    if form.reason not in set(PaperReason):
        return await _paper_page(
            request, language, visitor, member_id, "", Refusal.PAPER_REASON_NEEDED, "reason"
        )  # fmt: skip
    if form.confirmed != "yes":
        return await _paper_page(
            request, language, visitor, member_id, form.reason, Refusal.PAPER_NOT_CONFIRMED, "confirmed"
        )
    async with portal.sessions.begin() as session:
        whole = await _whole(session, portal, member_id)
        if whole.at >= whole.campaign.closes:
            raise Refused(Refusal.REGISTRATION_CLOSED)
        marked = await paper.mark(
            session, campaign_id=whole.campaign.id, member_id=member_id, reason=PaperReason(form.reason),
            by=visitor.account_id,
        )  # fmt: skip
        if isinstance(marked, UUID):
            await _note(
                session, visitor, "paper-marked", whole, key=f"paper:{marked}", code=form.reason, subject_id=marked
            )
            await _tell_on_paper(session, whole, marked)
    if isinstance(marked, Refusal):
        return await _paper_page(request, language, visitor, member_id, form.reason, marked)
    return go("member-desk", language, notice="papier", member_id=member_id)


async def _tell_on_paper(session: Session, whole: Whole, marked: UUID) -> None:
    """Nobody's vote is closed behind their back, least of all one that they mean to cast online."""
    account = whole.account
    if account is not None and account.email is not None:
        await mail.queue(
            session,
            mail.to_queue(
                key=f"{MailKind.ON_PAPER}:{marked}", kind=MailKind.ON_PAPER, account_id=account.id,
                campaign_id=whole.campaign.id, due_at=datetime.now(UTC), facts={},
            ),
        )  # fmt: skip


@page(router, "paper-back", methods=("POST",))
async def take_back_paper(
    request: Request, language: Lang, visitor: OperatorDep, form: PaperOfForm, member_id: UUID
) -> Response:
    """Before the opening, a mark made by mistake is taken back; afterwards a ballot may be in the post."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    require_factor(visitor)
    _for_another(visitor, member_id)
    async with portal.sessions.begin() as session:
        whole = await _whole(session, portal, member_id)
        mark = await paper.standing_of(session, whole.campaign.id, member_id)
        if mark is not None and str(mark.id) == form.paper_id:
            if whole.at >= whole.campaign.opens:
                raise Refused(Refusal.PAPER_STANDS)
            if await paper.take_back(session, mark.id, by=visitor.account_id):
                await _note(
                    session, visitor, "paper-taken-back", whole, key=f"paper-back:{mark.id}", subject_id=mark.id
                )
    return go("member-desk", language, notice="papier-repris", member_id=member_id)
