"""The reviewers' queue and a case: its pictures, the lease, and what of the roll may be seen when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.background import begin
from api.forecast import forecast_of
from api.forms import GiveBackForm, SentForm
from api.guards import Lang, ReviewerDep, same_form
from api.identity import asked_by_our_page, opened
from api.pages import STATUS, go, render
from api.portal import Portal, portal_of
from api.routes import page
from portal.pictures import strip_height
from portal.rules.comparison import Compared, Field
from portal.rules.identity import KINDS, Reason, SubmissionStatus, reviewer_code
from portal.rules.refusals import Refusal
from portal.store import Session, campaigns, decisions, identity, journal, queue, review
from portal.store.identity import Claim, Document, Submission
from portal.store.opinions import Opinion
from portal.store.review import Case
from portal.store.sessions import Visitor
from portal.text import TORONTO
from portal.text import reason as said
from portal.text import review as words
from workflows import calls

router = APIRouter()

DAY = timedelta(days=1)
# How far back two looks at one case are compared.
AGREEMENT_OVER = timedelta(days=30)
# What an identity may be refused for; everything else a better photo can mend.
REFUSABLE = (Reason.NAME_DIFFERS, Reason.ADDRESS_DIFFERS, Reason.SUSPECTED_FRAUD, Reason.OTHER)

# With these the case is no longer before its reviewer: one page says so and leads on.
OVER = frozenset(
    {
        Refusal.CLAIM_NEEDED, Refusal.CLAIM_EXPIRED, Refusal.CLAIM_TAKEN_BACK, Refusal.CLAIM_GIVEN_BACK,
        Refusal.NEWER_SUBMISSION, Refusal.ALREADY_DECIDED, Refusal.OWN_FILE, Refusal.ANOTHER_REVIEWER_NEEDED,
        Refusal.UNDO_TOO_LATE,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filled:
    """What the case's forms held when something was missing; and what was just compared, shown once."""

    refusal: Refusal | None = None
    at: str = "reason"
    reason: str = ""
    note_fr: str = ""
    note_en: str = ""
    # The refusal that is to be confirmed.
    refusing: bool = False
    typed: Mapping[Field, str] | None = None
    compared: Mapping[Field, Compared] | None = None


@page(router, "review")
async def queue_page(request: Request, visitor: ReviewerDep) -> Response:
    return await _queue(request, visitor, None)


async def _queue(request: Request, visitor: Visitor, refusal: Refusal | None) -> Response:
    portal, now = portal_of(request), datetime.now(UTC)
    async with portal.autocommit() as session:
        desk = await queue.desk(session, visitor.account_id)
        figures = await queue.figures(session, visitor.account_id, str(TORONTO))
        agreement = await portal.minute.of("agreement", lambda: decisions.agreement(session, now - AGREEMENT_OVER))
        claim = await review.current_claim(session, visitor.account_id)
        campaign = await campaigns.current(session)
        forecast = None if campaign is None else await forecast_of(portal, session, campaign)
    return render(
        request, "review/queue.html", visitor=visitor, refusal=refusal, desk=desk, figures=figures,
        agreement=agreement, claim=claim, now=now, risk=words.risk, campaign=campaign, forecast=forecast,
    )  # fmt: skip


@page(router, "review", methods=("POST",))
async def take_next(request: Request, language: Lang, visitor: ReviewerDep, form: SentForm) -> Response:
    """« Prendre le suivant »: the case already open, else a lease on the most urgent."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    async with portal.sessions.begin() as session:
        claim = await review.current_claim(session, visitor.account_id)
        if claim is None:
            if await review.opened(session, visitor.account_id, DAY) >= portal.settings.review_most_a_day:
                return await _queue(request, visitor, Refusal.TOO_MANY_CASES)
            claim = await review.claim_next(session, visitor.account_id)
        if claim is not None:
            submission = await identity.by_id(session, claim.submission_id)
            assert submission is not None, "a submission is never deleted"
            await journal.write(
                session, "case-opened", actor="reviewer", actor_id=visitor.account_id,
                member_id=submission.member_id, campaign_id=submission.campaign_id,
                subject_id=claim.submission_id, key=f"claim:{claim.id}",
            )  # fmt: skip
            await review.watch(session, visitor.account_id)
    if claim is None:
        return go("review", language, notice="file-vide")
    time_lease(portal, claim)
    return go("review-case", language, claim_id=claim.id)


def time_lease(portal: Portal, claim: Claim) -> None:
    """Let a durable timer return the case. The page does not wait for it: the records know when the lease ends."""
    begin(
        calls.open_lease(portal.client, portal.task_queue, claim_id=claim.id, until=claim.expires_at),
        within=portal.settings.answer_seconds, otherwise="lease-not-timed",
    )  # fmt: skip


@page(router, "review-case")
async def case(request: Request, visitor: ReviewerDep, claim_id: UUID) -> Response:
    return await show_case(request, visitor, claim_id, Filled())


async def show_case(request: Request, visitor: Visitor, claim_id: UUID, filled: Filled) -> Response:
    """The case as it stands; what was typed from its pictures is in no other answer than the one to the comparison."""
    async with portal_of(request).autocommit() as session:
        found = await at_hand(session, claim_id, visitor)
        if isinstance(found, Refusal):
            return over(request, visitor, found)
        documents = await identity.documents_of(session, found.submission.id)
    theirs = found.member.language
    return render(
        request, "review/case.html", visitor=visitor, refusal=filled.refusal, field=filled.at, filled=filled,
        case=found, documents=documents, kinds=KINDS, strip=strip_height, Field=Field,
        left=max(int((found.claim.expires_at - datetime.now(UTC)).total_seconds()), 0),
        # In the words that its member will read, in their language.
        reasons=[(code.value, said(code, theirs)) for code in Reason],
        refusable=[(code.value, said(code, theirs)) for code in REFUSABLE],
        field_name=words.field, outcome=words.outcome, hint=words.hint,
    )  # fmt: skip


async def at_hand(session: Session, claim_id: UUID, visitor: Visitor) -> Case | Refusal:
    """The case of a claim that this reviewer holds, or why it is not before them."""
    found = await review.case_of(session, claim_id, visitor.account_id)
    if found is None:
        claim = await session.get(Claim, claim_id)
        if claim is None or claim.reviewer_id != visitor.account_id:
            return Refusal.CLAIM_EXPIRED
        submission = await identity.by_id(session, claim.submission_id)
        assert submission is not None, "a submission is never deleted"
        if await session.get(Opinion, claim_id) is not None:
            return Refusal.ALREADY_DECIDED
        return await _closed(session, submission) or await identity.lease_over(session, claim_id)
    return await _closed(session, found.submission) or found


async def _closed(session: Session, submission: Submission) -> Refusal | None:
    """Why there is nothing left to decide: from then on its pictures are shown to nobody."""
    if await identity.decision_of(session, submission.id) is not None:
        return Refusal.ALREADY_DECIDED
    return None if submission.status == SubmissionStatus.SUBMITTED.value else Refusal.NEWER_SUBMISSION


def over(request: Request, visitor: Visitor, refusal: Refusal) -> Response:
    """The case is not before this reviewer any more: why, and the next one."""
    return render(request, "review/over.html", visitor=visitor, why=refusal, status=STATUS.get(refusal, 409))


@page(router, "review-picture")
async def picture(request: Request, visitor: ReviewerDep, claim_id: UUID, document_id: UUID) -> Response:
    """A picture of the case at hand; who saw it is written down before it leaves, and drawn into it."""
    portal = portal_of(request)
    if not asked_by_our_page(request):
        return Response(status_code=403)
    async with portal.sessions.begin() as session:
        found = await at_hand(session, claim_id, visitor)
        document = await session.get(Document, document_id)
        if isinstance(found, Refusal) or document is None or document.submission_id != found.submission.id:
            return Response(status_code=404)
        await journal.write(
            session, "picture-seen", actor="reviewer", actor_id=visitor.account_id, member_id=found.member.id,
            campaign_id=found.submission.campaign_id, subject_id=document_id,
        )  # fmt: skip
    seen_at = datetime.now(TORONTO)
    return await opened(portal, document, mark=f"{reviewer_code(visitor.account_id)} {seen_at:%Y-%m-%d %H:%M}")


@page(router, "review-document")
async def document_page(request: Request, visitor: ReviewerDep, claim_id: UUID, document_id: UUID) -> Response:
    """One picture in its full size, for whoever has no script to enlarge it."""
    async with portal_of(request).autocommit() as session:
        found = await at_hand(session, claim_id, visitor)
        if isinstance(found, Refusal):
            return over(request, visitor, found)
        document = await session.get(Document, document_id)
        if document is None or document.submission_id != found.submission.id:
            return over(request, visitor, Refusal.CLAIM_NEEDED)
    return render(
        request, "review/document.html", visitor=visitor, case=found, document=document, kinds=KINDS, strip=strip_height
    )


@page(router, "review-roll", methods=("POST",))
async def show_roll(
    request: Request, language: Lang, visitor: ReviewerDep, form: SentForm, claim_id: UUID
) -> Response:  # fmt: skip
    """« Voir la fiche sans comparer »: for pictures that nobody can read; nothing is approved afterwards."""
    same_form(visitor, form.form_token)
    async with portal_of(request).sessions.begin() as session:
        found = await at_hand(session, claim_id, visitor)
        if isinstance(found, Refusal):
            return over(request, visitor, found)
        if not found.compared:
            await review.show_roll(session, found.claim)
    return go("review-case", language, claim_id=claim_id)


@page(router, "review-prolong", methods=("POST",))
async def prolong(request: Request, language: Lang, visitor: ReviewerDep, form: SentForm, claim_id: UUID) -> Response:
    """« Garder ce dossier »: once, while it is open."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    async with portal.sessions.begin() as session:
        found = await at_hand(session, claim_id, visitor)
        if isinstance(found, Refusal):
            return over(request, visitor, found)
        kept = await review.prolong(session, claim_id, visitor.account_id)
    if isinstance(kept, Refusal):
        return await show_case(request, visitor, claim_id, Filled(refusal=Refusal.PROLONGED_ALREADY, at=""))
    _wake(portal, claim_id)
    return go("review-case", language, notice="dossier-garde", claim_id=claim_id)


@page(router, "review-return", methods=("POST",))
async def give_back(
    request: Request, language: Lang, visitor: ReviewerDep, form: GiveBackForm, claim_id: UUID
) -> Response:
    """« Rendre ce dossier »: somebody else may take it at once; and only somebody else, if they know the person."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    async with portal.sessions.begin() as session:
        found = await at_hand(session, claim_id, visitor)
        returned = (
            found
            if isinstance(found, Refusal)
            else await review.give_back(session, claim_id, by=visitor.account_id, knows=form.knows == "yes")
        )
    if isinstance(returned, Refusal):
        return over(request, visitor, returned)
    _wake(portal, claim_id)
    return go("review", language, notice="recuse" if form.knows == "yes" else "dossier-rendu")


def _wake(portal: Portal, claim_id: UUID) -> None:
    begin(
        calls.wake_lease(portal.client, claim_id), within=portal.settings.answer_seconds, otherwise="lease-not-woken"
    )  # fmt: skip
