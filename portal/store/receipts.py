"""The public list of receipts of a ballot, once its box is sealed: which sealed votes are in the urn.

A receipt is the beginning of the hash of a sealed vote. The list is in the order of the hashes: it tells neither who
voted nor in which order.
"""

from base64 import b32decode
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Subquery, and_, func, select

from portal.rules.campaigns import CampaignStatus
from portal.rules.votes import receipt_of
from portal.store import Session
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.store.running import SealedVote
from portal.store.votes import Vote


class Place(StrEnum):
    """Where a receipt is found."""

    IN_THE_URN = "in-the-urn"
    # In the box, and taken out of it before the urn was sealed: its voter's identity was not confirmed.
    SET_ASIDE = "set-aside"
    NOT_THERE = "not-there"


def _box() -> Subquery:
    """Every vote of every sealed box, and whether it is in the urn, as was written down at the seal."""
    return (
        select(Vote.ballot_id, Vote.digest, SealedVote.digest.is_not(None).label("in_the_urn"))
        .join(Ballot, Ballot.id == Vote.ballot_id)
        .join(Campaign, Campaign.id == Ballot.campaign_id)
        .outerjoin(SealedVote, and_(SealedVote.ballot_id == Vote.ballot_id, SealedVote.digest == Vote.digest))
        .where(Campaign.sealed_at.is_not(None))
        .subquery("box")
    )  # fmt: skip


async def public_campaign(session: Session, code: str) -> Campaign | None:
    """A campaign that members were told of: a draft is nobody's but the staff's."""
    return await session.scalar(
        select(Campaign).where(Campaign.code == code, Campaign.status != CampaignStatus.DRAFT.value)
    )


async def ballots_of(session: Session, campaign_id: UUID) -> list[Ballot]:
    rows = await session.scalars(select(Ballot).where(Ballot.campaign_id == campaign_id).order_by(Ballot.position))
    return list(rows)


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one ballot."""

    in_the_urn: int
    set_aside: int


async def counts(session: Session, ballot_id: UUID) -> Counts:
    box = _box()
    row = (
        await session.execute(
            select(func.count().filter(box.c.in_the_urn), func.count().filter(~box.c.in_the_urn)).where(
                box.c.ballot_id == ballot_id
            )
        )
    ).one()
    return Counts(*row)


async def listed(session: Session, ballot_id: UUID, *, most: int | None, skipped: int = 0) -> list[str]:
    """The receipts that are in the urn, sorted, or a piece of them."""
    box = _box()
    digests = await session.scalars(
        select(box.c.digest)
        .where(box.c.ballot_id == ballot_id, box.c.in_the_urn)
        .order_by(box.c.digest)
        .limit(most)
        .offset(skipped)
    )
    return [receipt_of(digest) for digest in digests]


async def place_of(session: Session, ballot_id: UUID, receipt: str) -> Place:
    """Where a receipt is, in the form of `receipt_of`."""
    box = _box()
    first, last = _range(receipt)
    found = (
        await session.scalars(
            select(box.c.in_the_urn).where(
                and_(box.c.ballot_id == ballot_id, box.c.digest >= first, box.c.digest <= last)
            )
        )
    ).all()
    if not found:
        return Place.NOT_THERE
    return Place.IN_THE_URN if any(found) else Place.SET_ASIDE


def _range(receipt: str) -> tuple[bytes, bytes]:
    """The hashes that begin with the hundred bits of a receipt; 32 characters are twenty bytes."""
    code = receipt.replace("-", "")
    first, last = (b32decode(code + filling * 12) for filling in "A7")
    return first.ljust(32, b"\0"), last.ljust(32, b"\xff")
