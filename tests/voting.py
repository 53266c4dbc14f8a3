"""Voters, sealed votes and what became of them, for tests."""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, text

from portal.rules.votes import encode, receipt_of
from portal.store import Session, Sessions, votes
from portal.store.ballots import Ballot, Registration
from portal.store.campaigns import Campaign
from portal.store.members import Member
from portal.store.sealing import seal_vote
from portal.store.votes import Taken
from tests import builders, keys_of_votes

HOUR = timedelta(hours=1)


async def an_open_vote(
    session: Session, *, opens: timedelta = -HOUR, closes: timedelta = HOUR, ends: timedelta = timedelta(days=15)
) -> Campaign:
    return await builders.a_campaign(session, opens=opens, closes=closes, ends=ends, election_key=keys_of_votes.PUBLIC)


async def ballot_of(session: Session, campaign: Campaign, code: str = "president") -> Ballot:
    return (await session.scalars(select(Ballot).where(Ballot.campaign_id == campaign.id, Ballot.code == code))).one()


async def registered(session: Session, campaign: Campaign, member: Member, *codes: str, confirmed: bool = True) -> None:
    """Whatever the window and the electorate say."""
    for code in codes:
        ballot = await ballot_of(session, campaign, code)
        session.add(Registration(ballot_id=ballot.id, member_id=member.id))
    await session.flush()
    if confirmed:
        await session.execute(
            text("update registration set confirmed_at = clock_timestamp() where member_id = :m"), {"m": member.id}
        )


async def a_voter(
    session: Session, campaign: Campaign, *, code: str = "president", confirmed: bool = True, group: str = "EC"
) -> tuple[Member, Ballot]:
    """A member who is registered for one ballot."""
    member = await builders.a_member(session, verified=True, group=group)
    await registered(session, campaign, member, code, confirmed=confirmed)
    return member, await ballot_of(session, campaign, code)


async def sealed(session: Session, campaign: Campaign, ballot: Ballot, *choices: int) -> bytes:
    definition = await votes.definition_of(session, campaign.code, ballot)
    return seal_vote(keys_of_votes.PUBLIC, encode(choices), definition.info)


async def vote(
    session: Session, campaign: Campaign, member: Member, ballot: Ballot, choices: Sequence[int] = (1,)
) -> Taken | None:
    """Seal a choice and put it into the box, if it may be."""
    return await votes.cast(
        session, campaign_id=campaign.id, ballot_id=ballot.id, member_id=member.id,
        ciphertext=await sealed(session, campaign, ballot, *choices),
    )  # fmt: skip


async def count(sessions: Sessions, ballot_id: UUID) -> int:
    async with sessions() as session:
        return int(await session.scalar(text("select count(*) from vote where ballot_id = :b"), {"b": ballot_id}) or 0)


def forms_of(digest: bytes) -> list[str]:
    """Every way in which a receipt, or the hash it is made of, could be written down."""
    receipt = receipt_of(digest)
    plain = receipt.replace("-", "")
    return [
        receipt, plain, receipt.lower(), plain.lower(), digest.hex(), digest.hex()[:16],
        b64encode(digest).decode()[:20], urlsafe_b64encode(digest).decode()[:20], repr(digest)[2:20],
    ]  # fmt: skip
