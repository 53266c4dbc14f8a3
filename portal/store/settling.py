"""Provisional votes: whose are still open, until when, and whom their end has not been told to yet.

What becomes of a vote is asked of one place, the view `settled_vote`.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, bindparam, exists, func, literal, select

from portal.rules.campaigns import CampaignStatus
from portal.rules.identity import SubmissionStatus
from portal.rules.mail import MailKind
from portal.rules.votes import VoteState
from portal.store import Session
from portal.store.ballots import Registration
from portal.store.campaigns import Campaign
from portal.store.identity import Submission
from portal.store.mail import Mail
from portal.store.members import Member
from portal.store.operations import WHO
from portal.store.votes import SETTLED
from portal.store.watch import Listed

_THEIRS = and_(SETTLED.c.campaign_id == bindparam("campaign"), SETTLED.c.member_id == bindparam("voter"))
_OPEN = SETTLED.c.state == VoteState.OPEN.value
_OPEN_UNTIL = select(func.max(SETTLED.c.settled_by)).where(_THEIRS, _OPEN)
_STATES = select(SETTLED.c.state).where(_THEIRS).distinct()


async def open_until(session: Session, campaign_id: UUID, member_id: UUID) -> datetime | None:
    """Until when a provisional vote of this member may be helped by other documents; None if none is open."""
    until: datetime | None = await session.scalar(_OPEN_UNTIL, {"campaign": campaign_id, "voter": member_id})
    return until


async def states(session: Session, campaign_id: UUID, member_id: UUID) -> set[VoteState]:
    """What has become of this member's votes."""
    found = await session.scalars(_STATES, {"campaign": campaign_id, "voter": member_id})
    return {VoteState(state) for state in found}


# --- whom to tell ------------------------------------------------------------------------------------------------


def mail_key(campaign_id: UUID, member_id: UUID, state: VoteState) -> str:
    """One mail for each member, campaign and state."""
    return f"{MailKind.VOTE_SETTLED}:{campaign_id}:{member_id}:{state}"


@dataclass(frozen=True, slots=True)
class Untold:
    """A member whose votes were set aside by the passing of time, and who has not been told."""

    campaign_id: UUID
    member_id: UUID


async def untold(session: Session, most: int = 1000) -> list[Untold]:
    """Of votes that count somebody has been told by the decision that made them count."""
    key = func.concat(
        f"{MailKind.VOTE_SETTLED}:", SETTLED.c.campaign_id, ":", SETTLED.c.member_id, f":{VoteState.SET_ASIDE}"
    )
    rows = await session.execute(
        select(SETTLED.c.campaign_id, SETTLED.c.member_id)
        .distinct()
        .join(Campaign, Campaign.id == SETTLED.c.campaign_id)
        # Few are not confirmed: the others need not be looked up in the view's other tables.
        .join(
            Registration,
            and_(
                Registration.ballot_id == SETTLED.c.ballot_id,
                Registration.member_id == SETTLED.c.member_id,
                Registration.confirmed_at.is_(None),
            ),
        )
        .where(
            SETTLED.c.state == VoteState.SET_ASIDE.value,
            Campaign.status == CampaignStatus.OPEN.value,
            ~exists().where(Mail.key == key),
        )
        .limit(most)
    )
    return [Untold(row.campaign_id, row.member_id) for row in rows]


# --- what operators watch ----------------------------------------------------------------------------------------


def provisional(campaign_id: UUID) -> Listed:
    """Members with a vote that is open, the nearest day first: what the vote waits for, since when, until when.

    Not when they voted: that is nobody's to read.
    """
    open_votes = (
        select(
            SETTLED.c.member_id,
            func.min(SETTLED.c.because).label("because"),
            func.min(SETTLED.c.settled_by).label("settled_by"),
        )
        .where(SETTLED.c.campaign_id == campaign_id, _OPEN)
        .group_by(SETTLED.c.member_id)
        .subquery("open_votes")
    )
    last = (
        select(func.max(func.coalesce(Submission.over_at, Submission.submitted_at)))
        .where(Submission.campaign_id == campaign_id, Submission.member_id == open_votes.c.member_id)
        .scalar_subquery()
    )
    because = func.coalesce(open_votes.c.because, literal(SubmissionStatus.SUBMITTED.value))
    statement = select(*WHO, because, last, open_votes.c.settled_by).join(
        open_votes, open_votes.c.member_id == Member.id
    )
    return Listed(statement, (open_votes.c.settled_by, Member.number))


async def first_due(session: Session, campaign_id: UUID) -> datetime | None:
    """When the first of a campaign's provisional votes is settled at the latest."""
    due: datetime | None = await session.scalar(
        select(func.min(SETTLED.c.settled_by)).where(SETTLED.c.campaign_id == campaign_id, _OPEN)
    )
    return due
