"""The reviewers' page: the next case, its pictures beside the roll, approve or ask for a better photo."""

import asyncio
from uuid import UUID

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response
from temporalio.service import RPCError

from api.forms import DecisionForm, SentForm
from api.guards import Lang, ReviewerDep, same_form
from api.identity import asked_by_our_page, opened
from api.pages import go, render
from api.portal import Portal, portal_of
from api.routes import page
from portal.rules.identity import KINDS, Reason, SubmissionStatus, Verdict, reason_given
from portal.rules.refusals import Refusal, Refused
from portal.store import Session, campaigns, decisions, identity, journal, review
from portal.store.decisions import Given
from portal.store.identity import Document, Submission
from portal.store.sessions import Visitor
from portal.text import reason as said
from workflows import calls

router = APIRouter()


@page(router, "review")
async def queue(request: Request, visitor: ReviewerDep) -> Response:
    async with portal_of(request).autocommit() as session:
        waiting = await review.queue(session)
        claim = await review.current_claim(session, visitor.account_id)
    return render(request, "review/queue.html", visitor=visitor, queue=waiting, claim=claim)


@page(router, "review", methods=("POST",))
async def take_next(request: Request, language: Lang, visitor: ReviewerDep, form: SentForm) -> Response:
    """« Prendre le suivant »: the case already open, else a lease on the oldest."""
    same_form(visitor, form.form_token)
    async with portal_of(request).sessions.begin() as session:
        claim = await review.claim_next(session, visitor.account_id)
        if claim is not None:
            submission = await identity.by_id(session, claim.submission_id)
            assert submission is not None, "a submission is never deleted"
            await journal.write(
                session, "case-opened", actor="reviewer", actor_id=visitor.account_id,
                member_id=submission.member_id, campaign_id=submission.campaign_id,
                subject_id=claim.submission_id, key=f"claim:{claim.id}",
            )  # fmt: skip
    if claim is None:
        return go("review", language, notice="file-vide")
    return go("review-case", language, claim_id=claim.id)


@page(router, "review-case")
async def case(request: Request, language: Lang, visitor: ReviewerDep, claim_id: UUID) -> Response:
    return await _case(request, visitor, language, claim_id, None, "", "", "")


async def _case(
    request: Request, visitor: Visitor, language: str, claim_id: UUID, refusal: Refusal | None, reason: str,
    note_fr: str, note_en: str,
) -> Response:  # fmt: skip
    async with portal_of(request).autocommit() as session:
        found = await review.case_of(session, claim_id, visitor.account_id)
        if found is None:
            raise Refused(Refusal.CLAIM_EXPIRED)
        closed = await _closed(session, found.submission)
        if closed is not None:
            raise Refused(closed)
        documents = await identity.documents_of(session, found.submission.id)
    return render(
        request, "review/case.html", visitor=visitor, refusal=refusal, field="reason", case=found,
        documents=documents, kinds=KINDS,
        reasons=[(code.value, said(code, language)) for code in Reason], reason=reason, note_fr=note_fr,
        note_en=note_en,
    )  # fmt: skip


async def _closed(session: Session, submission: Submission) -> Refusal | None:
    """Why there is nothing left to decide: from then on its pictures are shown to nobody."""
    if await identity.decision_of(session, submission.id) is not None:
        return Refusal.ALREADY_DECIDED
    return None if submission.status == SubmissionStatus.SUBMITTED.value else Refusal.NEWER_SUBMISSION


@page(router, "review-picture")
async def picture(request: Request, visitor: ReviewerDep, claim_id: UUID, document_id: UUID) -> Response:
    """A picture of the case at hand; who saw it is written down before it leaves."""
    portal = portal_of(request)
    if not asked_by_our_page(request):
        return Response(status_code=403)
    async with portal.sessions.begin() as session:
        found = await review.case_of(session, claim_id, visitor.account_id)
        document = await session.get(Document, document_id)
        if found is None or document is None or document.submission_id != found.submission.id:
            return Response(status_code=404)
        if await _closed(session, found.submission) is not None:
            return Response(status_code=404)
        await journal.write(
            session, "picture-seen", actor="reviewer", actor_id=visitor.account_id, member_id=found.member.id,
            campaign_id=found.submission.campaign_id, subject_id=document_id,
        )  # fmt: skip
    return await opened(portal, document)


@page(router, "review-decision", methods=("POST",))
async def decide(
    request: Request, language: Lang, visitor: ReviewerDep, form: DecisionForm, claim_id: UUID
) -> Response:
    """Write the decision down, once, under the claim; then wake the member's workflow by its signal."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    try:
        verdict = Verdict(form.verdict)
        why = Reason(form.reason) if verdict is not Verdict.APPROVE and form.reason else None
    except ValueError:
        raise Refused(Refusal.REASON_NEEDED) from None
    missing = reason_given(verdict, why, form.note_fr, form.note_en)
    if missing is not None:
        return await _case(request, visitor, language, claim_id, missing, form.reason, form.note_fr, form.note_en)
    async with portal.sessions.begin() as session:
        given = await decisions.give(
            session, claim_id=claim_id, reviewer_id=visitor.account_id, verdict=verdict, reason=why,
            note_fr=form.note_fr, note_en=form.note_en, deciding=portal.settings.deciding,
        )  # fmt: skip
        if isinstance(given, Refusal):
            raise Refused(given)
        campaign = await campaigns.by_id(session, given.submission.campaign_id)
        assert campaign is not None, "a campaign is never deleted"
    if given.verdict is not None:
        await _signal(portal, campaign.code, given, claim_id, given.verdict)
    return go("review", language, notice="decision")


async def _signal(portal: Portal, campaign_code: str, given: Given, claim_id: UUID, verdict: Verdict) -> None:
    """The decision stands whether or not this arrives: the relay delivers again what was not taken up."""
    decided = given.submission
    try:
        async with asyncio.timeout(portal.settings.answer_seconds):
            await calls.deliver_decision(
                portal.client, portal.task_queue, campaign_id=decided.campaign_id, campaign_code=campaign_code,
                member_id=decided.member_id, submission_id=decided.id, claim_id=claim_id, verdict=verdict,
                effective_at=given.undo_until,
            )  # fmt: skip
    except (RPCError, TimeoutError, RuntimeError) as error:
        structlog.get_logger().warning("decision-not-delivered-yet", error=type(error).__name__)
