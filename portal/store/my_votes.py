"""In which campaigns a member has a part, and what became of each of their votes."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, exists, func, or_, select

from portal.rules.campaigns import CampaignStatus
from portal.store import Session, ballots, votes
from portal.store.ballots import Ballot, Card, Registration
from portal.store.campaigns import Campaign
from portal.store.members import Member
from portal.store.paper import on_paper
from portal.store.votes import Cast, Vote


@dataclass(frozen=True, slots=True)
class Part:
    """One campaign that has been opened: the member's own ballots, and the votes that are there."""

    campaign: Campaign
    cards: Sequence[Card]
    votes: dict[UUID, Cast]
    on_paper: bool


_MINE = exists().where(
    Ballot.campaign_id == Campaign.id,
    Registration.ballot_id == Ballot.id,
    Registration.member_id == bindparam("member"),
)
# A vote that was cancelled is still said to whoever had voted in it.
_VOTED = (
    select(Vote.ballot_id)
    .join(Ballot, Ballot.id == Vote.ballot_id)
    .where(Ballot.campaign_id == Campaign.id, Vote.member_id == bindparam("member"))
    .correlate(Campaign)
    .exists()
)
_OPENED = (
    select(Campaign, on_paper(Campaign.id, bindparam("member", type_=Registration.member_id.type)))
    .where(
        or_(
            Campaign.status == CampaignStatus.OPEN.value,
            (Campaign.status == CampaignStatus.CANCELLED.value) & _VOTED,
        ),
        Campaign.opens <= func.clock_timestamp(),
        # Of a rehearsal only its own mock members are registered.
        or_(_MINE, (Campaign.ends > func.clock_timestamp()) & Campaign.rehearsal.is_(False)),
    )
    .order_by(Campaign.opens.desc())
)


async def of_member(session: Session, member: Member) -> list[Part]:
    """The newest first."""
    parts = []
    for campaign, paper in (await session.execute(_OPENED, {"member": member.id})).all():
        mine = await votes.of_member(session, campaign.id, member.id)
        cards = [
            card
            for card in await ballots.cards(session, campaign.id, member)
            if card.refusal is None or card.registered_at is not None or card.ballot.id in mine
        ]
        parts.append(Part(campaign, cards, mine, bool(paper)))
    return parts


async def receipt(session: Session, member: Member, code: str) -> tuple[Campaign, Ballot, Cast] | None:
    """The newest vote of the member in a ballot of this code, whether or not its campaign is still on."""
    for part in await of_member(session, member):
        for card in part.cards:
            if card.ballot.code == code and card.ballot.id in part.votes:
                return part.campaign, card.ballot, part.votes[card.ballot.id]
    return None
