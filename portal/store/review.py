"""The reviewers' queue: one case at a time, under a lease, never one's own, decided once."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import func, select

from portal.rules.identity import CLAIM_LEASE
from portal.store import Session, decisions
from portal.store.accounts import Account
from portal.store.identity import Claim, Submission
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


async def queue(session: Session) -> Queue:
    row = (
        await session.execute(select(func.count(), func.min(Submission.submitted_at)).where(decisions.undecided()))
    ).one()
    return Queue(row[0], row[1])


async def current_claim(session: Session, reviewer_id: UUID) -> Claim | None:
    """The case this reviewer has open."""
    return await session.scalar(
        select(Claim)
        .join(Submission, Submission.id == Claim.submission_id)
        .where(
            Claim.reviewer_id == reviewer_id,
            decisions.open_claim(),
            decisions.undecided(),
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
    mine_to_take = (decisions.may_take(reviewer_id, own_member), ~decisions.leased())
    while True:
        submission_id = await session.scalar(
            select(Submission.id)
            .where(*mine_to_take)
            .order_by(Submission.submitted_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if submission_id is None:
            return None
        # Asked again now that it is held: a colleague's claim or opinion may have been committed after the look above.
        free = await session.scalar(select(Submission.id).where(Submission.id == submission_id, *mine_to_take))
        if free is not None:
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
                decisions.open_claim(),
            )
        )
    ).one_or_none()
    return None if row is None else Case(row[0], row[1], row[2])
