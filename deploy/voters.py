"""Lets the members of the demo whom nobody plays vote: `python -m deploy.voters`, while the vote is open.

A result is split by option only from ten votes on: whoever rehearses a whole vote alone would see none.
"""

import asyncio
import random
import sys

from deploy.announcement import PRINTED_BELOW
from deploy.cast import State, cast
from portal.rules.votes import encode
from portal.settings import Settings
from portal.store import Session, ballots, campaigns, members, open_database, sessions_of, votes
from portal.store.campaigns import Campaign
from portal.store.sealing import seal_vote

# So many of those whose documents are under review: their votes are provisional, and somebody has to decide.
PROVISIONAL = 2


def voters() -> list[str]:
    """By number: whoever is registered for all their votes and whose account is not printed."""
    nobodys = [person for person in cast() if person.number >= PRINTED_BELOW]
    confirmed, provisional = (
        [person.number for person in nobodys if person.state is state] for state in (State.DONE, State.REVIEW)
    )
    return confirmed + provisional[:PROVISIONAL]


async def vote_for(session: Session, campaign: Campaign, number: str, chance: random.Random) -> int:
    """One member's votes in all their ballots, sealed as the portal seals for whoever has no scripts."""
    member = await members.by_number(session, number)
    taken = 0
    if member is None or campaign.election_key is None:
        return taken
    for card in await ballots.cards(session, campaign.id, member):
        if card.registered_at is None:
            continue
        asked = await votes.definition_of(session, campaign.code, card.ballot)
        # One in ten votes blank.
        most = chance.randint(1, asked.most) if chance.random() > 0.1 else 0
        chosen = chance.sample([option.id for option in asked.options], most)
        sealed = seal_vote(campaign.election_key, encode(chosen), asked.info)
        written = await votes.cast(
            session, campaign_id=campaign.id, ballot_id=card.ballot.id, member_id=member.id, ciphertext=sealed
        )
        taken += written is not None
    return taken


async def everybody_votes(settings: Settings) -> int:
    """How many votes were taken. Each member is a transaction, as at the portal."""
    engine = open_database(settings.database_url.get_secret_value(), pool_size=1)
    chance = random.Random()
    taken = 0
    try:
        async with sessions_of(engine).begin() as session:
            campaign = await campaigns.current(session)
        if campaign is None:
            return taken
        for number in voters():
            async with sessions_of(engine).begin() as session:
                taken += await vote_for(session, campaign, number, chance)
    finally:
        await engine.dispose()
    return taken


def main() -> int:
    taken = asyncio.run(everybody_votes(Settings()))
    print(f"{taken} votes were taken")
    return 0 if taken else 1


if __name__ == "__main__":
    sys.exit(main())
