"""Refusals of the demo: the documents that two reviewers refused, and what contests them."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from portal.rules.identity import CLAIM_LEASE, Reason, SubmissionStatus, Verdict, certificate_number
from portal.store.base import Base
from portal.store.campaigns import Campaign
from portal.store.identity import Claim, Decision, Document, Erasure, Submission
from portal.store.journal import SYSTEM, Entry
from portal.store.opinions import Opinion

REASON = Reason.NAME_DIFFERS


def a_refusal(
    campaign: Campaign, member_id: UUID, submission_id: UUID, *, sent_at: datetime, reviewers: tuple[UUID, UUID]
) -> list[list[Base]]:
    """Documents sent then, refused by both a day later and erased; one list after another."""
    refused_at = sent_at + timedelta(days=1)
    erased_at = refused_at + timedelta(seconds=40)
    claims = [
        Claim(
            id=uuid4(), submission_id=submission_id, reviewer_id=reviewer, claimed_at=refused_at - before,
            expires_at=refused_at - before + CLAIM_LEASE,
        )
        for reviewer, before in zip(reviewers, (timedelta(hours=5), timedelta(minutes=2)), strict=True)
    ]  # fmt: skip
    opinions = [
        Opinion(
            claim_id=claim.id, submission_id=submission_id, reviewer_id=claim.reviewer_id,
            verdict=Verdict.REFUSE.value, reason=REASON.value, given_at=claim.claimed_at + timedelta(minutes=1),
            undo_until=claim.claimed_at + timedelta(seconds=90),
        )
        for claim in claims
    ]  # fmt: skip
    settled = claims[-1]
    return [
        [
            Submission(
                id=submission_id, campaign_id=campaign.id, member_id=member_id, status=SubmissionStatus.REFUSED.value,
                staged_at=sent_at - timedelta(seconds=40), submitted_at=sent_at, over_at=refused_at,
                erased_at=erased_at,
            )
        ],
        [
            Document(
                id=uuid4(), submission_id=submission_id, position=0, kind="driving-licence", width=1600, height=1000,
                epoch=sent_at.date(), wrapped_key=None,
            )
        ],
        [*claims],
        [*opinions],
        [
            Decision(
                submission_id=submission_id, claim_id=settled.id, reviewer_id=settled.reviewer_id,
                verdict=Verdict.REFUSE.value, reason=REASON.value, decided_at=refused_at, effective_at=refused_at,
            )
        ],
        [
            Erasure(
                certificate=certificate_number(submission_id), submission_id=submission_id,
                outcome=SubmissionStatus.REFUSED.value, documents=1, versions_removed=1, versions_left=0,
                received_at=sent_at, over_at=refused_at, erased_at=erased_at,
            )
        ],
        _journal(campaign, member_id, submission_id, claims, refused_at, erased_at),
    ]  # fmt: skip


def _journal(
    campaign: Campaign, member_id: UUID, submission_id: UUID, claims: list[Claim], refused_at: datetime,
    erased_at: datetime,
) -> list[Base]:  # fmt: skip
    def entry(at: datetime, actor: str, actor_id: UUID | None, action: str, code: str | None = None) -> Entry:
        return Entry(
            at=at, actor=actor, actor_id=actor_id, action=action, code=code, member_id=member_id,
            campaign_id=campaign.id, subject_id=submission_id,
        )  # fmt: skip

    first, second = claims
    return [
        entry(first.claimed_at, "reviewer", first.reviewer_id, "case-opened"),
        entry(first.claimed_at + timedelta(minutes=1), "reviewer", first.reviewer_id, "opinion-given"),
        entry(second.claimed_at, "reviewer", second.reviewer_id, "case-opened"),
        entry(refused_at, "reviewer", second.reviewer_id, "decided", Verdict.REFUSE.value),
        entry(refused_at, "reviewer", second.reviewer_id, "identity-refused", REASON.value),
        entry(erased_at, SYSTEM, None, "documents-erased", certificate_number(submission_id)),
    ]
