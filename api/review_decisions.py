"""What a reviewer makes of a case: the comparison, the decision, and half a minute to take it back."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.background import begin
from api.forms import ComparisonForm, DecisionForm, ReviewDecisionFields, SentForm
from api.guards import Lang, ReviewerDep, same_form
from api.pages import go, render
from api.portal import Portal, portal_of
from api.review import OVER, Filled, at_hand, over, show_case, time_lease
from api.routes import page
from portal.rules.comparison import Field, compare, differing
from portal.rules.identity import Reason, Verdict, reason_given
from portal.rules.refusals import Refusal, Refused
from portal.store import Session, campaigns, decisions, review
from portal.store.decisions import Given
from portal.store.opinions import Opinion
from portal.store.review import Case
from workflows import calls

router = APIRouter()


@page(router, "review-comparison", methods=("POST",))
async def comparison(
    request: Request, visitor: ReviewerDep, form: ComparisonForm, claim_id: UUID
) -> Response:  # fmt: skip
    """What was read on the pictures, beside the roll: shown in this answer, and kept nowhere.

    Of the first comparison under a claim the codes of the fields that differ stay; a second one is no longer blind.
    """
    same_form(visitor, form.form_token)
    typed = {
        Field.NAME: form.name, Field.STREET: form.street, Field.CITY: form.city, Field.POSTAL_CODE: form.postal_code,
    }  # fmt: skip
    async with portal_of(request).sessions.begin() as session:
        found = await at_hand(session, claim_id, visitor)
        if isinstance(found, Refusal):
            return over(request, visitor, found)
        refusal = None
        if found.claim.roll_shown_at is not None:
            refusal = Refusal.ROLL_SEEN_FIRST
        elif not any(words.strip() for words in typed.values()):
            refusal = Refusal.COMPARISON_NEEDED
        else:
            compared = compare(
                typed, on_roll(found), given=found.member.given_name, family=found.member.family_name
            )  # fmt: skip
            if not found.compared:
                await review.note_comparison(session, found.claim, [code.value for code in differing(compared)])
    if refusal is not None:
        return await show_case(request, visitor, claim_id, Filled(refusal, "name"))
    return await show_case(request, visitor, claim_id, Filled(typed=typed, compared=compared))


def on_roll(case: Case) -> dict[Field, str]:
    member = case.member
    return {
        Field.NAME: member.name, Field.STREET: member.street, Field.CITY: member.city,
        Field.POSTAL_CODE: member.postal_code,
    }  # fmt: skip


@page(router, "review-decision", methods=("POST",))
async def decide(
    request: Request, language: Lang, visitor: ReviewerDep, form: DecisionForm, claim_id: UUID
) -> Response:
    """Write the opinion down, once, under the claim; then tell the member's workflow, without waiting for it."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    try:
        verdict = Verdict(form.verdict)
        why = Reason(form.reason) if verdict is not Verdict.APPROVE and form.reason else None
    except ValueError:
        raise Refused(Refusal.REASON_NEEDED) from None
    async with portal.sessions.begin() as session:
        found = await at_hand(session, claim_id, visitor)
        missing = None if isinstance(found, Refusal) else _missing(found, verdict, why, form)
        if missing is None:
            given = await decisions.give(
                session, claim_id=claim_id, reviewer_id=visitor.account_id, verdict=verdict, reason=why,
                note_fr=form.note_fr, note_en=form.note_en, deciding=portal.settings.deciding,
            )  # fmt: skip
            if isinstance(given, Given):
                code = await _campaign_code(session, given)
    if missing is not None:
        return await show_case(request, visitor, claim_id, missing)
    if isinstance(given, Refusal):
        if given is Refusal.COMPARISON_NEEDED:
            return await show_case(request, visitor, claim_id, Filled(given, "name"))
        if given in OVER:
            return over(request, visitor, given)
        raise Refused(given)
    if given.verdict is not None:
        _signal(portal, code, given, claim_id, given.verdict)
    # Without a notice, which would take the focus from « Prendre le suivant »; nor a word of what others think, while
    # one's own opinion may still be taken back and given otherwise.
    return go("review-decided", language, claim_id=claim_id)


async def _campaign_code(session: Session, given: Given) -> str:
    campaign = await campaigns.by_id(session, given.submission.campaign_id)
    assert campaign is not None, "a campaign is never deleted"
    return campaign.code


def _missing(case: Case, verdict: Verdict, why: Reason | None, form: ReviewDecisionFields) -> Filled | None:
    """The case's page again, when something is to be added first."""
    if verdict is Verdict.APPROVE:
        claim = case.claim
        if not case.compared:
            seen = claim.roll_shown_at is not None
            return Filled(Refusal.ROLL_SEEN_FIRST if seen else Refusal.COMPARISON_NEEDED, "" if seen else "name")
        if claim.differs and not form.confirmed:
            return Filled(Refusal.DIFFERENCES_TO_CONFIRM, "confirmed")
        return None
    refusing = verdict is Verdict.REFUSE
    missing = reason_given(verdict, why, form.note_fr, form.note_en)
    if missing is None and (form.confirmed or not refusing):
        return None
    return Filled(
        missing, "refuse" if refusing else "reason", form.reason, form.note_fr, form.note_en, refusing=missing is None
    )


def _signal(portal: Portal, campaign_code: str, given: Given, claim_id: UUID, verdict: Verdict) -> None:
    """The decision stands whether or not this arrives: the relay delivers again what was not taken up."""
    decided = given.submission
    told = calls.deliver_decision(
        portal.client, portal.task_queue, campaign_id=decided.campaign_id, campaign_code=campaign_code,
        member_id=decided.member_id, submission_id=decided.id, claim_id=claim_id, verdict=verdict,
        effective_at=given.undo_until,
    )  # fmt: skip
    begin(told, within=portal.settings.answer_seconds, otherwise="decision-not-delivered-yet")


@page(router, "review-decided")
async def decided(request: Request, language: Lang, visitor: ReviewerDep, claim_id: UUID) -> Response:
    """Noted; for half a minute it may be taken back; and the next one."""
    async with portal_of(request).autocommit() as session:
        opinion = await session.get(Opinion, claim_id)
    if opinion is None or opinion.reviewer_id != visitor.account_id or opinion.undone_at is not None:
        return go("review", language)
    left = (opinion.undo_until - datetime.now(UTC)).total_seconds()
    return render(
        request, "review/decided.html", visitor=visitor, claim_id=claim_id, verdict=Verdict(opinion.verdict),
        Verdict=Verdict, undo_until=opinion.undo_until if left > 0 else None, left=max(int(left), 0),
    )  # fmt: skip


@page(router, "review-undo", methods=("POST",))
async def undo(request: Request, language: Lang, visitor: ReviewerDep, form: SentForm, claim_id: UUID) -> Response:
    """The opinion counts no more; its case is before the same reviewer again."""
    portal = portal_of(request)
    same_form(visitor, form.form_token)
    async with portal.sessions.begin() as session:
        refusal = await decisions.undo(session, claim_id=claim_id, reviewer_id=visitor.account_id)
        anew = None if refusal is not None else await review.carry_over(session, claim_id, visitor.account_id)
    if refusal is not None:
        return over(request, visitor, refusal)
    if anew is None:
        return go("review", language)
    time_lease(portal, anew)
    return go("review-case", language, notice="decision-annulee", claim_id=anew.id)
