"""Who has voted where: what mails say of it, whom a reminder concerns, and whether the box and the journal agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, func, or_, select
from sqlalchemy.sql.elements import ColumnElement

from portal.rules.members import Standing
from portal.rules.votes import VoteState
from portal.store import Session
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.store.members import Member
from portal.store.votes import SETTLED, Vote

# Whose ballot it is, whether registered for it or not: registration stays open as long as voting.
_THEIRS = and_(
    Member.left_at.is_(None),
    Member.group == func.any(Ballot.groups),
    or_(Ballot.members_only.is_(False), Member.standing == Standing.MEMBER.value),
)


def ballot_left(campaign_id: UUID) -> ColumnElement[bool]:
    """Whether a member has a ballot of this campaign without a vote: part of the statements that choose members."""
    # Of columns that may be read: not every one of a vote's is.
    voted = select(Vote.member_id).where(Vote.ballot_id == Ballot.id, Vote.member_id == Member.id)
    left = select(Ballot.id).where(
        Ballot.campaign_id == campaign_id, _THEIRS, ~voted.correlate(Ballot, Member).exists()
    )
    return left.correlate(Member).exists()


@dataclass(frozen=True, slots=True)
class Part:
    """One ballot that is a member's own, or in which they have voted."""

    ballot: Ballot
    # Of their vote, if there is one.
    state: VoteState | None
    # Whether the vote is over, by the database clock.
    closed: bool

    @property
    def left(self) -> bool:
        return self.state is None and not self.closed


_VOTER = bindparam("voter", type_=Uuid())
_OF_MEMBER = (
    select(Ballot, SETTLED.c.state, Campaign.closes <= func.clock_timestamp())
    .join(Campaign, Campaign.id == Ballot.campaign_id)
    .join(Member, Member.id == _VOTER)
    .outerjoin(SETTLED, and_(SETTLED.c.ballot_id == Ballot.id, SETTLED.c.member_id == _VOTER))
    .where(Ballot.campaign_id == bindparam("campaign"), or_(_THEIRS, SETTLED.c.state.is_not(None)))
    .order_by(Ballot.position, Ballot.code)
)


async def of_member(session: Session, campaign_id: UUID, member_id: UUID) -> list[Part]:
    """A member's ballots in order, voted in or not."""
    rows: Sequence[Any] = (await session.execute(_OF_MEMBER, {"campaign": campaign_id, "voter": member_id})).all()
    return [Part(ballot, None if state is None else VoteState(state), closed) for ballot, state, closed in rows]
