"""The statement that takes a vote, against a real database and its clock."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, text

from portal.rules.votes import VoteState, digest_of, encode
from portal.store import Session, Sessions, votes
from portal.store.ballots import Ballot, Registration
from portal.store.campaigns import Campaign
from portal.store.members import Member
from portal.store.sealing import seal_vote
from tests import builders, keys_of_votes

HOUR = timedelta(hours=1)


async def a_voter(session: Session, campaign: Campaign, *, code: str = "president") -> tuple[Member, Ballot]:
    """A member whose registration for one ballot is confirmed."""
    member = await builders.a_member(session, verified=True)
    ballot = (await session.scalars(select(Ballot).where(Ballot.campaign_id == campaign.id, Ballot.code == code))).one()
    session.add(Registration(ballot_id=ballot.id, member_id=member.id))
    await session.flush()
    await session.execute(
        text("update registration set confirmed_at = clock_timestamp() where member_id = :m"), {"m": member.id}
    )
    return member, ballot


async def sealed(session: Session, campaign: Campaign, ballot: Ballot, *choices: int) -> bytes:
    definition = await votes.definition_of(session, campaign.code, ballot)
    return seal_vote(keys_of_votes.PUBLIC, encode(choices), definition.info)


async def count(sessions: Sessions, ballot_id: UUID) -> int:
    async with sessions() as session:
        return int(await session.scalar(text("select count(*) from vote where ballot_id = :b"), {"b": ballot_id}) or 0)


async def test_a_registered_member_votes_once_and_the_vote_opens_with_the_key_alone(sessions: Sessions) -> None:
    """T73: the second is not taken, and the first is still there."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session, opens=-HOUR, closes=HOUR, election_key=keys_of_votes.PUBLIC)
        member, ballot = await a_voter(session, campaign)
        definition = await votes.definition_of(session, campaign.code, ballot)
        first = await sealed(session, campaign, ballot, 1)
        wish = {"campaign_id": campaign.id, "ballot_id": ballot.id, "member_id": member.id}
        taken = await votes.cast(session, ciphertext=first, **wish)
        assert taken is not None
        assert await votes.cast(session, ciphertext=await sealed(session, campaign, ballot, 2), **wish) is None
        assert await votes.taken(session, ballot.id, member.id) == taken
        mine = await votes.of_member(session, campaign.id, member.id)
        assert (mine[ballot.id].state, mine[ballot.id].digest) == (VoteState.COUNTS, digest_of(first))
    assert await count(sessions, ballot.id) == 1
    assert keys_of_votes.opened(first, definition.info) == encode([1])
