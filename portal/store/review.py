"""The reviewers' queue: one case at a time, under a lease, never one's own, decided once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import and_, exists, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from portal.rules.identity import CLAIM_LEASE, Reason, SubmissionStatus, Verdict
from portal.rules.refusals import Refusal
from portal.store import Session, journal
from portal.store.accounts import Account
from portal.store.identity import Claim, Decision, DecisionNote, Submission, lock
from portal.store.members import Member


@dataclass(frozen=True, slots=True)
class Case:
    """What a reviewer sees of one submission."""

    claim: Claim
    submission: Submission
    member: Member


@dataclass(frozen=True, slots=True)
class Queue:
    waiting: int
    oldest: datetime | None


def _open(reviewer_member: object) -> object:
    now = func.clock_timestamp()
    other = aliased(Claim)
    return and_(
        Submission.status == SubmissionStatus.SUBMITTED.value,
        ~exists().where(Decision.submission_id == Submission.id),
        ~exists().where(other.submission_id == Submission.id, other.expires_at > now),
        # Nobody acts on their own file (brief §3.7).
        Submission.member_id.is_distinct_from(reviewer_member),
    )


async def queue(session: Session) -> Queue:
    row = (
        await session.execute(
            select(func.count(), func.min(Submission.submitted_at)).where(
                Submission.status == SubmissionStatus.SUBMITTED.value,
                ~exists().where(Decision.submission_id == Submission.id),
            )
        )
    ).one()
    return Queue(row[0], row[1])


async def current_claim(session: Session, reviewer_id: UUID) -> Claim | None:
    """The case this reviewer has open."""
    return await session.scalar(
        select(Claim)
        .join(Submission, Submission.id == Claim.submission_id)
        .where(
            Claim.reviewer_id == reviewer_id,
            Claim.expires_at > func.clock_timestamp(),
            Submission.status == SubmissionStatus.SUBMITTED.value,
            ~exists().where(Decision.submission_id == Claim.submission_id),
        )
        .order_by(Claim.claimed_at.desc())
        .limit(1)
    )


async def claim_next(session: Session, reviewer_id: UUID) -> Claim | None:
    """The case already open, else a lease on the oldest that nobody has open; None when none is left."""
    # One reviewer, one case: a second click waits here and finds the first one's.
    await session.execute(select(Account.id).where(Account.id == reviewer_id).with_for_update(key_share=True))
    mine = await current_claim(session, reviewer_id)
    if mine is not None:
        return mine
    own_member = select(Account.member_id).where(Account.id == reviewer_id).scalar_subquery()
    while True:
        submission_id = await session.scalar(
            select(Submission.id)
            .where(_open(own_member))  # type: ignore[arg-type]
            .order_by(Submission.submitted_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if submission_id is None:
            return None
        # Asked again now that it is held: a colleague's claim may have been committed after the look above.
        taken = await session.scalar(
            select(Claim.id).where(Claim.submission_id == submission_id, Claim.expires_at > func.clock_timestamp())
        )
        if taken is None:
            break
    claim = Claim(
        id=uuid4(),
        submission_id=submission_id,
        reviewer_id=reviewer_id,
        expires_at=func.clock_timestamp() + CLAIM_LEASE,
    )
    session.add(claim)
    await session.flush()
    await session.refresh(claim)
    return claim


async def case_of(session: Session, claim_id: UUID, reviewer_id: UUID) -> Case | None:
    """The case of a claim, for the reviewer who holds it and while the lease runs; else None."""
    row = (
        await session.execute(
            select(Claim, Submission, Member)
            .join(Submission, Submission.id == Claim.submission_id)
            .join(Member, Member.id == Submission.member_id)
            .where(
                Claim.id == claim_id,
                Claim.reviewer_id == reviewer_id,
                Claim.expires_at > func.clock_timestamp(),
            )
        )
    ).one_or_none()
    return None if row is None else Case(row[0], row[1], row[2])


async def give_back(session: Session, claim_id: UUID, *, by: UUID | None) -> Claim | Refusal:
    """The case is free again: its reviewer gave it back, an operator took it from them, or (None) its time is over."""
    claim = await session.scalar(
        select(Claim).where(Claim.id == claim_id).with_for_update().execution_options(populate_existing=True)
    )
    if claim is None:
        return Refusal.CLAIM_NEEDED
    decided = await session.scalar(select(Decision.submission_id).where(Decision.claim_id == claim_id))
    now = await session.scalar(select(func.clock_timestamp()))
    assert now is not None, "the database knows the time"
    if decided is not None or claim.returned_at is not None or (by is not None and claim.expires_at <= now):
        return Refusal.CLAIM_EXPIRED
    submission = await session.get(Submission, claim.submission_id)
    assert submission is not None, "a submission is never deleted"
    if by is not None and submission.member_id == await session.scalar(
        select(Account.member_id).where(Account.id == by)
    ):
        return Refusal.OWN_FILE
    claim.returned_at = func.clock_timestamp()
    await session.flush()
    await session.refresh(claim)
    mine = by == claim.reviewer_id
    await journal.write(
        session, "lease-returned", actor=journal.SYSTEM if by is None else "reviewer" if mine else "operator",
        actor_id=by, member_id=submission.member_id, campaign_id=submission.campaign_id, subject_id=submission.id,
        code="expired" if by is None else "given-back" if mine else "taken-back", key=f"lease-returned:{claim_id}",
    )  # fmt: skip
    return claim


async def decide(
    session: Session,
    *,
    claim_id: UUID,
    reviewer_id: UUID,
    verdict: Verdict,
    reason: Reason | None,
    note_fr: str,
    note_en: str,
) -> Submission | Refusal:
    """Write the decision, once, under the claim; the submission it was made on, or why it does not apply."""
    # Whatever the form still holds, an approval has no reason.
    given = reason if verdict is Verdict.REJECT else None
    claim = await session.get(Claim, claim_id)
    if claim is None or claim.reviewer_id != reviewer_id:
        return Refusal.CLAIM_NEEDED
    submission = await lock(session, claim.submission_id)
    if submission is None:
        return Refusal.CLAIM_NEEDED
    earlier = await session.get(Decision, submission.id)
    if earlier is not None:
        same = (earlier.claim_id, earlier.verdict, earlier.reason) == (claim_id, verdict.value, given)
        # The same form sent twice is one decision.
        return submission if same else Refusal.ALREADY_DECIDED
    if submission.status != SubmissionStatus.SUBMITTED.value:
        return Refusal.NEWER_SUBMISSION
    own = await session.scalar(select(Account.member_id).where(Account.id == reviewer_id))
    if own is not None and own == submission.member_id:
        return Refusal.OWN_FILE
    alive = await session.scalar(
        select(Claim.id).where(Claim.id == claim_id, Claim.expires_at > func.clock_timestamp())
    )
    if alive is None:
        return Refusal.CLAIM_EXPIRED
    await session.execute(
        insert(Decision).values(
            submission_id=submission.id,
            claim_id=claim_id,
            reviewer_id=reviewer_id,
            verdict=verdict.value,
            reason=None if given is None else given.value,
        )
    )
    if given is Reason.OTHER:
        session.add(DecisionNote(submission_id=submission.id, fr=note_fr.strip(), en=note_en.strip()))
    await session.flush()
    return submission


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A decision its workflow has not applied yet."""

    campaign_id: UUID
    campaign_code: str
    member_id: UUID
    submission_id: UUID
    claim_id: UUID
    verdict: Verdict


async def undelivered(session: Session, *, older_than_seconds: float, most: int = 100) -> list[Undelivered]:
    """Decisions that a lost or ignored signal has left waiting."""
    from portal.store.campaigns import Campaign

    rows = await session.execute(
        select(
            Submission.campaign_id,
            Campaign.code,
            Submission.member_id,
            Decision.submission_id,
            Decision.claim_id,
            Decision.verdict,
        )
        .join(Submission, Submission.id == Decision.submission_id)
        .join(Campaign, Campaign.id == Submission.campaign_id)
        .where(
            Submission.status == SubmissionStatus.SUBMITTED.value,
            Decision.decided_at
            < func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, literal(older_than_seconds)),
        )
        .order_by(Decision.decided_at)
        .limit(most)
    )
    return [
        Undelivered(r.campaign_id, r.code, r.member_id, r.submission_id, r.claim_id, Verdict(r.verdict)) for r in rows
    ]
