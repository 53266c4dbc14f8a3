"""Which decision a member may contest, and until when."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from portal.rules.decisions import appeal_until
from portal.rules.identity import SubmissionStatus
from portal.rules.refusals import Refusal
from portal.store import Session, settling
from portal.store.campaigns import Campaign
from portal.store.identity import Submission

ANSWERS = (SubmissionStatus.REJECTED.value, SubmissionStatus.REFUSED.value)
# What became of an appeal that was made: taken back or replaced by another picture, it can be made again.
MADE = (
    SubmissionStatus.SUBMITTED.value, SubmissionStatus.APPROVED.value, SubmissionStatus.REJECTED.value,
    SubmissionStatus.REFUSED.value, SubmissionStatus.EXPIRED.value,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Contestable:
    """A decision that its member may still contest."""

    submission: Submission
    until: datetime


async def answered(session: Session, campaign_id: UUID, member_id: UUID) -> Submission | None:
    """The last submission that a decision, or the lack of one, sent back to its member."""
    return await session.scalar(
        select(Submission)
        .where(
            Submission.campaign_id == campaign_id,
            Submission.member_id == member_id,
            Submission.status.in_((*ANSWERS, SubmissionStatus.EXPIRED.value)),
        )
        .order_by(Submission.over_at.desc())
        .limit(1)
    )


async def contestable(session: Session, campaign: Campaign, member_id: UUID, at: datetime) -> Contestable | Refusal:
    """The last decision on the member's documents, if it may be contested at this moment; else why not."""
    whose = (Submission.campaign_id == campaign.id, Submission.member_id == member_id)
    decided = await session.scalar(
        select(Submission)
        .where(*whose, Submission.status.in_(ANSWERS))
        .order_by(Submission.over_at.desc())
        .limit(1)
    )  # fmt: skip
    if decided is None or decided.over_at is None:
        return Refusal.NOTHING_TO_APPEAL
    if decided.appeal_of is not None:
        # Two looks by different people: the answer to an appeal is the last.
        return Refusal.APPEAL_ALREADY_MADE
    appealed, moved_on = (
        await session.execute(
            select(
                func.count().filter(Submission.appeal_of == decided.id, Submission.status.in_(MADE)),
                func.count().filter(
                    Submission.submitted_at > decided.over_at,
                    Submission.id != decided.id,
                    Submission.appeal_of.is_distinct_from(decided.id),
                ),
            ).where(*whose)
        )
    ).one()
    if appealed:
        return Refusal.APPEAL_ALREADY_MADE
    if moved_on:
        # Another picture was sent since: there is nothing left to contest.
        return Refusal.NOTHING_TO_APPEAL
    settled_by = await settling.open_until(session, campaign.id, member_id)
    until = appeal_until(decided.over_at, campaign.closes, settled_by=settled_by)
    return Contestable(decided, until) if at < until else Refusal.APPEAL_TOO_LATE
