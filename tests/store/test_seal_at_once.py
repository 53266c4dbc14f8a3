"""A seal that waits, and what happens to the voters meanwhile: box, public list and electors say the same."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.rules.campaign_changes import ChangeKind
from portal.rules.operations import PaperReason
from portal.store import Session, Sessions, campaign_changes, paper, receipts, running
from portal.store.campaigns import Campaign
from tests import builders
from tests.store.cases import run
from tests.store.running import DAY, HOUR, a_vote, close, officer, open_for_votes, signed
from tests.store.test_votes_window import waiting
from tests.voting import a_voter, count, vote


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
        # As one who votes, and has not committed yet.
        await session.execute(text("select hold_voter(:c, :m)"), {"c": campaign.id, "m": uuid4()})
        sealing = asyncio.create_task(signed(as_api, campaign.id, ChangeKind.SEAL, one, other))
        await waiting(sessions, "advisory")
        await run(sessions, "update registration set confirmed_at = clock_timestamp() where member_id = :m", m=late.id)
    assert await sealing is None
    async with as_api.begin() as session:
        ballot = next(b for b in await receipts.ballots_of(session, campaign.id) if b.code == "president")
        in_the_urn = [receipt for code, receipt in await running.receipts(session, campaign.id) if code == "president"]
        assert len(in_the_urn) == 2
        assert await receipts.listed(session, ballot.id, most=None) == in_the_urn


async def confirmed(session: Session, sessions: Sessions, campaign: Campaign) -> None:
    """Signed by the second officer, in a transaction that goes on."""
    one, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as proposing:
        change_id = await campaign_changes.propose(
            proposing, campaign.id, ChangeKind.SEAL, by=one, wanted={}, reason="parce que"
        )
    proposal = await campaign_changes.one(session, campaign.id, change_id)
    assert proposal is not None
    manifest = await campaign_changes.manifest(session, campaign.id)
    assert await campaign_changes.confirm(session, proposal, by=other, manifest=manifest) is None


async def test_a_seal_under_way_holds_up_nobody_who_votes_in_another_campaign(
    sessions: Sessions, as_api: Sessions
) -> None:
    """Two boxes have nothing to do with each other, and members of both vote in the one that is open."""
    async with sessions.begin() as session:
        over, still_open = await open_for_votes(session), await open_for_votes(session)
        await a_vote(session, over)
        member, ballot = await a_voter(session, still_open)
    await close(sessions, over)
    async with as_api() as sealing, sealing.begin():
        await confirmed(sealing, sessions, over)
        async with asyncio.timeout(4), as_api.begin() as session:
            assert await vote(session, still_open, member, ballot) is not None
        # In the one that is being sealed they would wait (as in test_votes_window.py, where the vote is refused then).
        behind = asyncio.create_task(run(as_api, "select hold_voter(:c, :m)", c=over.id, m=member.id))
        await waiting(sessions, "advisory")
    await behind
    assert await count(sessions, ballot.id) == 1


async def test_a_mark_for_paper_under_way_at_the_seal_is_waited_for_and_in_its_numbers(
    sessions: Sessions, as_api: Sessions
) -> None:
    one, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        await a_vote(session, campaign)
        by_post = await builders.a_member(session)
        operator = await builders.a_staff_account(session)
    async with as_api() as marking, marking.begin():
        await paper.mark(
            marking, campaign_id=campaign.id, member_id=by_post.id, reason=PaperReason.ASKED, by=operator.id
        )
        await close(sessions, campaign)
        sealing = asyncio.create_task(signed(as_api, campaign.id, ChangeKind.SEAL, one, other))
        await waiting(sessions, "advisory")
    # Committed after the close, and made before it.
    assert await sealing is None
    async with as_api.begin() as session:
        numbers = {ballot.code: n for ballot, n in await running.sealed_numbers(session, campaign.id)}
    assert (numbers["president"].electors, numbers["president"].on_paper) == (2, 1)


async def test_officers_and_voters_under_way_do_not_wait_for_each_other(sessions: Sessions, as_api: Sessions) -> None:
    """What a voter's mail refers to is the campaign's own row: a seal that held it whole would wait for its voters, and
    they for it."""
    one, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        member, ballot = await a_voter(session, campaign)
    later = {"closes": (campaign.closes + HOUR).isoformat(), "reason_fr": "Panne", "reason_en": "Outage"}
    async with as_api() as voting, voting.begin():
        assert await vote(voting, campaign, member, ballot) is not None
        async with asyncio.timeout(4):
            assert await signed(as_api, campaign.id, ChangeKind.MOVE, one, other, wanted=later) is None
    assert await count(sessions, ballot.id) == 1


async def test_no_box_is_sealed_as_it_was_before_its_last_votes(sessions: Sessions, as_api: Sessions) -> None:
    """T76: whoever reads as of the beginning does not see what was waited for."""
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        await a_vote(session, campaign)
    await close(sessions, campaign)
    async with as_api() as session, session.begin():
        await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        with pytest.raises(DBAPIError, match="read committed"):
            await confirmed(session, sessions, campaign)
