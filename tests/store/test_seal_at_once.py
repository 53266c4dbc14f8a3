"""A seal that waits, and what happens to the voters meanwhile: box, public list and electors say the same."""

import asyncio

from sqlalchemy import text

from portal.rules.campaign_changes import ChangeKind
from portal.rules.members import Standing
from portal.store import Sessions, receipts, running
from portal.store.campaigns import Campaign
from tests import builders
from tests.store.cases import run
from tests.store.running import DAY, a_vote, close, officer, open_for_votes, signed


async def until_it_waits(sessions: Sessions) -> None:
    """Somebody waits for the table of the votes."""
    for _ in range(200):
        async with sessions.begin() as session:
            if await session.scalar(
                text("select count(*) from pg_locks where relation = 'vote'::regclass and not granted")
            ):
                return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody waits")


async def test_an_identity_confirmed_while_the_seal_waits_is_in_the_urn_and_on_the_public_list(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T85, T97: a vote that is counted and whose receipt is on no list would look like one that was added."""
    one, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        await a_vote(session, campaign)
        late = await a_vote(session, campaign, confirmed=False)
    await close(sessions, campaign, 8 * DAY)
    async with sessions.begin() as session:
        # Whatever holds the table for a moment: its vacuum, for one.
        await session.execute(text("lock table vote in share update exclusive mode"))
        sealing = asyncio.create_task(signed(as_api, campaign.id, ChangeKind.SEAL, one, other))
        await until_it_waits(sessions)
        await run(sessions, "update registration set confirmed_at = clock_timestamp() where member_id = :m", m=late.id)
    assert await sealing is None
    async with as_api.begin() as session:
        ballot = next(b for b in await receipts.ballots_of(session, campaign.id) if b.code == "president")
        in_the_urn = [receipt for code, receipt in await running.receipts(session, campaign.id) if code == "president"]
        assert len(in_the_urn) == 2
        assert await receipts.listed(session, ballot.id, most=None) == in_the_urn


async def test_who_voted_and_changed_group_or_standing_afterwards_is_an_elector(
    sessions: Sessions, as_api: Sessions
) -> None:
    """Else more have voted than may, and a quorum is asked of too few."""
    one, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        moved, lapsed, left = [await a_vote(session, campaign) for _ in range(3)]
        moved.group, lapsed.standing = "TR", Standing.DUES_PAYER.value
    await run(sessions, "update member set left_at = clock_timestamp() where id = :m", m=left.id)
    await close(sessions, campaign)
    async with as_api.begin() as session:
        (turnout,) = [one for one in await running.turnout(session, campaign) if one.ballot == "president"]
    assert (turnout.electors, turnout.voted) == (3, 3)
    assert await signed(as_api, campaign.id, ChangeKind.SEAL, one, other) is None
    async with as_api.begin() as session:
        numbers = {ballot.code: n for ballot, n in await running.sealed_numbers(session, campaign.id)}
    assert (numbers["president"].electors, numbers["president"].counted) == (3, 3)


async def test_who_is_taken_off_the_roll_after_the_close_makes_no_quorum_smaller(
    sessions: Sessions, as_api: Sessions
) -> None:
    """One person alone may import a roll once voting is over."""
    one, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        await a_vote(session, campaign)
        before, after = [await builders.a_member(session) for _ in range(2)]
    await run(sessions, "update member set left_at = clock_timestamp() - interval '1 day' where id = :m", m=before.id)
    await close(sessions, campaign)
    await run(sessions, "update member set left_at = clock_timestamp() where id = :m", m=after.id)
    async with as_api.begin() as session:
        found = await session.get_one(Campaign, campaign.id)
        (turnout,) = [one for one in await running.turnout(session, found) if one.ballot == "president"]
    assert (turnout.electors, turnout.voted) == (2, 1)
    assert await signed(as_api, campaign.id, ChangeKind.SEAL, one, other) is None
    async with as_api.begin() as session:
        numbers = {ballot.code: n for ballot, n in await running.sealed_numbers(session, campaign.id)}
    assert (numbers["president"].electors, numbers["president"].counted) == (2, 1)
