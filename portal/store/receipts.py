"""The public list of receipts of a ballot, once its box is sealed: which sealed votes are in the urn.

A receipt is the beginning of the hash of a sealed vote. The list is in the order of the hashes: it tells neither who
voted nor in which order.
"""

from base64 import b32decode
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select

from portal.rules.campaigns import CampaignStatus
from portal.rules.votes import receipt_of
from portal.store import Session
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.store.running import IN_THE_URN, BallotSeal, SealedVote


class Place(StrEnum):
    """Where a receipt is found."""

    IN_THE_URN = "in-the-urn"
    # In the box, and taken out of it before the urn was sealed: its voter's identity was not confirmed.
    SET_ASIDE = "set-aside"
    NOT_THERE = "not-there"


async def public_campaign(session: Session, code: str) -> Campaign | None:
    """A campaign that members were told of: a draft is nobody's but the staff's."""
    return await session.scalar(
        select(Campaign).where(Campaign.code == code, Campaign.status != CampaignStatus.DRAFT.value)
    )


async def ballots_of(session: Session, campaign_id: UUID) -> list[Ballot]:
    rows = await session.scalars(
        select(Ballot).where(Ballot.campaign_id == campaign_id).order_by(Ballot.position, Ballot.code)
    )
    return list(rows)


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one ballot."""

    in_the_urn: int
    set_aside: int


async def counts(session: Session, ballot_id: UUID) -> Counts:
    """Of a sealed box, as they were written down at its seal."""
    at_the_seal = await session.get_one(BallotSeal, ballot_id)
    return Counts(at_the_seal.counted, at_the_seal.set_aside)


async def on_paper(session: Session, ballot_id: UUID) -> int:
    """How many electors of a sealed box vote on paper: their ballots are in no count of the portal."""
    at_the_seal = await session.get(BallotSeal, ballot_id)
    return at_the_seal.on_paper if at_the_seal else 0


async def listed(session: Session, ballot_id: UUID, *, most: int | None, skipped: int = 0) -> list[str]:
    """The receipts that are in the urn, sorted, or a piece of them: of the very rows that the urn is written from."""
    digests = await session.scalars(
        select(SealedVote.digest)
        .where(SealedVote.ballot_id == ballot_id, IN_THE_URN)
        .order_by(SealedVote.digest)
        .limit(most)
        .offset(skipped)
    )
    return [receipt_of(digest) for digest in digests]


async def place_of(session: Session, ballot_id: UUID, receipt: str) -> Place:
    """Where a receipt of a sealed box is, in the form of `receipt_of`."""
    first, last = _range(receipt)
    counts = await session.scalar(
        select(IN_THE_URN).where(SealedVote.ballot_id == ballot_id, SealedVote.digest.between(first, last)).limit(1)
    )
    if counts is None:
        return Place.NOT_THERE
    return Place.IN_THE_URN if counts else Place.SET_ASIDE


def _range(receipt: str) -> tuple[bytes, bytes]:
    """The hashes that begin with the hundred bits of a receipt; 32 characters are twenty bytes."""
    code = receipt.replace("-", "")
    first, last = (b32decode(code + filling * 12) for filling in "A7")
    return first.ljust(32, b"\0"), last.ljust(32, b"\xff")
