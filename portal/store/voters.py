"""Who has voted where: what mails say of it, whom a reminder concerns, and whether the box and the journal agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from secrets import SystemRandom
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, and_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.sql.elements import ColumnElement

from portal.rules.votes import VoteState
from portal.store import Session
from portal.store.ballots import ELECTORS, Ballot
from portal.store.campaigns import Campaign
from portal.store.journal import Entry
from portal.store.members import Member
from portal.store.paper import on_paper
from portal.store.votes import SETTLED, Vote


def ballot_left(campaign_id: UUID) -> ColumnElement[bool]:
    """Whether a member has a ballot of this campaign without a vote: part of the statements that choose members.

    Registered for it or not: registration stays open as long as voting.
    """
    # Of columns that may be read: not every one of a vote's is.
    voted = select(Vote.member_id).where(Vote.ballot_id == Ballot.id, Vote.member_id == Member.id)
    left = select(Ballot.id).where(
        Ballot.campaign_id == campaign_id, ELECTORS, ~voted.correlate(Ballot, Member).exists()
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
    .where(Ballot.campaign_id == bindparam("campaign"), or_(ELECTORS, SETTLED.c.state.is_not(None)))
    .order_by(Ballot.position, Ballot.code)
)


async def of_member(session: Session, campaign_id: UUID, member_id: UUID) -> list[Part]:
    """A member's ballots in order, voted in or not."""
    rows: Sequence[Any] = (await session.execute(_OF_MEMBER, {"campaign": campaign_id, "voter": member_id})).all()
    return [Part(ballot, None if state is None else VoteState(state), closed) for ballot, state, closed in rows]


# --- whether the box and the journal agree -----------------------------------------------------------------------


class Gap(StrEnum):
    """What is wrong with a vote or with the entry of one."""

    VOTE_GONE = "vote-gone"
    VOTE_INVENTED = "vote-invented"
    VOTE_REPLACED = "vote-replaced"
    OUT_OF_TIME = "out-of-time"
    ON_PAPER_TOO = "on-paper-too"


@dataclass(frozen=True, slots=True)
class Found:
    """One gap: in which ballot, whose, and the entry of the journal if there is one."""

    gap: Gap
    ballot: str
    member_id: UUID
    entry_id: int | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Votes and entries by ballot, and everything in which they differ."""

    counts: dict[str, tuple[int, int]]
    gaps: list[Found]


# A vote and its entry are written by one statement: moments apart, however busy the server is.
_APART = timedelta(minutes=1)
_ENTRIES = (
    select(Entry.id, Entry.at, Entry.member_id, Entry.subject_id)
    .where(Entry.action == "voted", Entry.campaign_id == bindparam("campaign"))
    .subquery("entries")
)
_VOTES = (
    select(
        Vote.ballot_id, Vote.member_id, Vote.cast_at,
        or_(Vote.cast_at < Campaign.opens, Vote.cast_at >= Campaign.closes).label("out_of_time"),
        on_paper(Campaign.id, Vote.member_id).label("on_paper"),
    )
    .join(Ballot, Ballot.id == Vote.ballot_id)
    .join(Campaign, Campaign.id == Ballot.campaign_id)
    .where(Campaign.id == bindparam("campaign"))
    .subquery("votes")
)  # fmt: skip
_BALLOT_ID = func.coalesce(_VOTES.c.ballot_id, _ENTRIES.c.subject_id)
_SIDE_BY_SIDE = (
    select(
        Ballot.code, func.coalesce(_VOTES.c.member_id, _ENTRIES.c.member_id).label("member_id"),
        _ENTRIES.c.id.label("entry_id"), _ENTRIES.c.at, _VOTES.c.cast_at, _VOTES.c.out_of_time, _VOTES.c.on_paper,
    )
    .select_from(_VOTES)
    .outerjoin(
        _ENTRIES,
        and_(_ENTRIES.c.subject_id == _VOTES.c.ballot_id, _ENTRIES.c.member_id == _VOTES.c.member_id),
        full=True,
    )
    .outerjoin(Ballot, Ballot.id == _BALLOT_ID)
    .order_by(Ballot.position, _ENTRIES.c.id, _VOTES.c.member_id)
)  # fmt: skip
_CODES = select(Ballot.code).where(Ballot.campaign_id == bindparam("campaign")).order_by(Ballot.position, Ballot.code)


async def verify(session: Session, campaign_id: UUID) -> Agreement:
    """Compare every vote with its entry in the journal, which the chain seals, and the other way round."""
    wish = {"campaign": campaign_id}
    votes = dict.fromkeys(await session.scalars(_CODES, wish), 0)
    entries = dict(votes)
    gaps: list[Found] = []
    for row in await session.execute(_SIDE_BY_SIDE, wish):
        code = row.code or "?"
        votes[code] = votes.get(code, 0) + (row.cast_at is not None)
        entries[code] = entries.get(code, 0) + (row.entry_id is not None)
        gaps += [Found(gap, code, row.member_id, row.entry_id) for gap in _gaps(row)]
    return Agreement({code: (votes[code], entries[code]) for code in votes}, gaps)


def _gaps(row: Any) -> list[Gap]:
    if row.cast_at is None:
        return [Gap.VOTE_GONE]
    wrong = {
        Gap.VOTE_INVENTED: row.entry_id is None,
        # Put in later in place of one that was taken out.
        Gap.VOTE_REPLACED: row.entry_id is not None and abs(row.at - row.cast_at) > _APART,
        Gap.OUT_OF_TIME: row.out_of_time,
        Gap.ON_PAPER_TOO: row.on_paper,
    }
    return [gap for gap, holds in wrong.items() if holds]


# --- whom to ask whether they have voted -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sample:
    """Some of those with a recorded vote: id, number, and in which ballots; and of how many they were drawn."""

    people: list[tuple[UUID, str, list[str]]]
    voters: int


async def sample(session: Session, campaign_id: UUID, most: int) -> Sample | None:
    """Draw people at random, so that whoever invented votes cannot know whom nobody asks. None before the close."""
    over = select(Campaign.closes <= func.clock_timestamp()).where(Campaign.id == campaign_id)
    if not await session.scalar(over):
        return None
    rows = await session.execute(
        select(Member.id, Member.number, func.array_agg(aggregate_order_by(Ballot.code, Ballot.position, Ballot.code)))
        .join(Vote, Vote.member_id == Member.id)
        .join(Ballot, Ballot.id == Vote.ballot_id)
        .where(Ballot.campaign_id == campaign_id)
        .group_by(Member.id, Member.number)
    )
    everybody = [(member_id, number, list(codes)) for member_id, number, codes in rows]
    return Sample(SystemRandom().sample(everybody, max(0, min(most, len(everybody)))), len(everybody))
