"""Submissions, links and moments for tests about the records."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import text

from portal.rules.accounts import VERIFICATION_VALID, Purpose
from portal.rules.identity import OVER, SubmissionStatus
from portal.rules.links import hash_of, token_of
from portal.store import Session, Sessions, links
from portal.store.accounts import Account
from portal.store.campaigns import Campaign
from portal.store.identity import Document, Submission
from portal.store.members import Member

SECRET = b"a secret of the tests, thirty-two bytes at least"


def ago(**period: float) -> datetime:
    return datetime.now(UTC) - timedelta(**period)


async def a_submission(
    session: Session,
    campaign: Campaign,
    member: Member,
    *,
    status: SubmissionStatus = SubmissionStatus.SUBMITTED,
    since: timedelta = timedelta(0),
    documents: int = 1,
    wrapped_key: bytes | None = b"wrapped",
    epoch: date | None = None,
    appeal_of: UUID | None = None,
) -> Submission:
    """Documents that reached this status so long ago."""
    at = datetime.now(UTC) - since
    submission = Submission(
        id=uuid4(),
        campaign_id=campaign.id,
        member_id=member.id,
        status=status.value,
        appeal_of=appeal_of,
        staged_at=at,
        submitted_at=None if status is SubmissionStatus.STAGED else at,
        over_at=at if status in OVER else None,
    )
    session.add(submission)
    await session.flush()
    session.add_all(
        Document(
            id=uuid4(),
            submission_id=submission.id,
            position=position,
            kind="driving-licence",
            width=800,
            height=600,
            epoch=epoch or at.date(),
            wrapped_key=wrapped_key,
        )
        for position in range(documents)
    )
    await session.flush()
    return submission


async def a_link(
    session: Session,
    account: Account,
    *,
    purpose: Purpose = Purpose.VERIFICATION,
    valid: timedelta = VERIFICATION_VALID,
) -> UUID | None:
    """The id of a link just made, or None if the address has had its share."""
    link_id = uuid4()
    made = await links.make(
        session,
        link_id=link_id,
        account=account,
        purpose=purpose,
        token_hash=hash_of(token_of(SECRET, link_id)),
        valid=valid,
    )
    return link_id if made else None


async def run(sessions: Sessions, statement: str, **values: object) -> None:
    """One statement, in a transaction of its own."""
    async with sessions.begin() as session:
        await session.execute(text(statement), values)


async def earlier(sessions: Sessions, table: str, period: timedelta, *columns: str) -> None:
    """As if this much time had passed since every row of a table was written."""
    moved = ", ".join(f"{column} = {column} - cast(:period as interval)" for column in columns)
    await run(sessions, f"update {table} set {moved}", period=period)
