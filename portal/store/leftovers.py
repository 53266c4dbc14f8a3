"""What the sweep looks for, without any workflow: submissions nobody ended, pictures and keys nobody needs."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import and_, delete, func, select

from portal.rules.identity import OVER, SubmissionStatus
from portal.store import Session
from portal.store.campaigns import OVER_AT, Campaign
from portal.store.identity import DecisionNote, Document, Submission, object_key
from portal.store.opinions import Opinion, OpinionNote


async def live_object_keys(session: Session) -> set[str]:
    """The names of every object that has a reason to exist."""
    rows = await session.scalars(
        select(Document.id)
        .join(Submission, Submission.id == Document.submission_id)
        .where(Submission.erased_at.is_(None))
    )
    return {object_key(document_id) for document_id in rows}


async def overdue(
    session: Session, *, staged_for: timedelta, undecided_for: timedelta
) -> list[tuple[UUID, SubmissionStatus, SubmissionStatus]]:
    """Submissions nobody ended in time, each with its status and the ending it gets.

    Cases never decided have expired; uploads never sent, and whatever is left of a campaign that has ended, are
    abandoned: nobody is asked for another picture then.
    """
    now = func.clock_timestamp()
    rows = await session.execute(
        select(Submission.id, Submission.status, (now >= OVER_AT).label("ended"))
        .join(Campaign, Campaign.id == Submission.campaign_id)
        .where(
            and_(Submission.status == "staged", Submission.staged_at + staged_for <= now)
            | and_(Submission.status == "submitted", Submission.submitted_at + undecided_for <= now)
            | and_(Submission.status.in_(["staged", "submitted"]), now >= OVER_AT)
        )
    )
    return [
        (
            row.id,
            SubmissionStatus(row.status),
            SubmissionStatus.ABANDONED if row.status == "staged" or row.ended else SubmissionStatus.EXPIRED,
        )
        for row in rows
    ]


async def not_erased(session: Session, *, over_for: timedelta) -> list[UUID]:
    """Submissions over for longer than this whose pictures are not certified gone."""
    rows = await session.scalars(
        select(Submission.id).where(
            Submission.status.in_([s.value for s in OVER]),
            Submission.erased_at.is_(None),
            Submission.over_at + over_for <= func.clock_timestamp(),
        )
    )
    return list(rows)


async def epochs_in_use(session: Session) -> set[date]:
    """The days whose keys still open something."""
    rows = await session.scalars(select(Document.epoch).where(Document.wrapped_key.is_not(None)).distinct())
    return set(rows)


async def purge_notes(session: Session) -> None:
    """Forget what reviewers wrote once the campaign has ended."""
    over = (
        select(Submission.id)
        .join(Campaign, Campaign.id == Submission.campaign_id)
        .where(func.clock_timestamp() >= OVER_AT)
    )
    await session.execute(delete(DecisionNote).where(DecisionNote.submission_id.in_(over)))
    said = select(Opinion.claim_id).where(Opinion.submission_id.in_(over))
    await session.execute(delete(OpinionNote).where(OpinionNote.claim_id.in_(said)))
