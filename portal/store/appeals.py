"""Which decision a member may contest, and until when."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from portal.rules.decisions import appeal_until
from portal.rules.identity import SubmissionStatus
from portal.rules.refusals import Refusal
from portal.store import Session
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
                    Submission.submitted_at > decided.over_at, Submission.appeal_of.is_distinct_from(decided.id)
                ),
            ).where(*whose)
        )
    ).one()
    if appealed:
        return Refusal.APPEAL_ALREADY_MADE
    if moved_on:
        # Another picture was sent since: there is nothing left to contest.
        return Refusal.NOTHING_TO_APPEAL
    until = appeal_until(decided.over_at, campaign.closes)
    return Contestable(decided, until) if at < until else Refusal.APPEAL_TOO_LATE
