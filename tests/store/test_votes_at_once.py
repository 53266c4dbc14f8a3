"""What is done at one moment by several: one vote, and never a vote online beside one on paper."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal.rules.operations import PaperReason
from portal.rules.refusals import Refusal
from portal.settings import Settings
from portal.store import Session, Sessions, open_database, paper, sessions_of, votes
from portal.store.campaigns import Campaign
from tests import builders
from tests.store.test_votes_window import waiting
from tests.voting import a_voter, an_open_vote, ballot_of, count, registered, sealed, vote

AT_ONCE = 40


async def test_forty_votes_of_one_member_at_one_moment_are_one(sessions: Sessions, api_settings: Settings) -> None:
    """T73: forty connections, forty different sealed votes: one is taken, the others learn which."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        member, ballot = await a_voter(session, campaign)
        prepared = [await sealed(session, campaign, ballot, 1 + n % 3) for n in range(AT_ONCE)]
    engine = open_database(api_settings.database_url.get_secret_value(), pool_size=AT_ONCE)
    wish: Any = {"campaign_id": campaign.id, "ballot_id": ballot.id, "member_id": member.id}
    gate = asyncio.Barrier(AT_ONCE)

    async def one(ciphertext: bytes) -> tuple[bool, bytes]:
        async with sessions_of(engine)() as session:
            await session.execute(text("select 1"))
            await gate.wait()
            taken = await votes.cast(session, ciphertext=ciphertext, **wish)
            await session.commit()
            if taken is not None:
                return True, taken.digest
            why = await votes.why_not(session, ciphertext=ciphertext, **wish)
            assert why.refusal is Refusal.ALREADY_VOTED
            assert why.taken is not None
            return False, why.taken.digest

    try:
        answers = await asyncio.gather(*(one(ciphertext) for ciphertext in prepared))
    finally:
        await engine.dispose()
    assert sum(taken for taken, _ in answers) == 1
    assert len({digest for _, digest in answers}) == 1
    assert await count(sessions, ballot.id) == 1
    async with sessions.begin() as session:
        assert await session.scalar(text("select count(*) from journal where action = 'voted'")) == 1
        assert await session.scalar(text("select count(*) from outbox where kind = 'participation'")) == 1


async def test_one_sealed_vote_of_many_members_at_one_moment_is_taken_once(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T80: copied in the same instant."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        people = [await a_voter(session, campaign) for _ in range(8)]
        ballot = people[0][1]
        stolen = await sealed(session, campaign, ballot, 1)

    async def one(member_id: UUID) -> bool:
        async with as_api.begin() as session:
            return (
                await votes.cast(
                    session, campaign_id=campaign.id, ballot_id=ballot.id, member_id=member_id, ciphertext=stolen
                )
                is not None
            )

    assert sum(await asyncio.gather(*(one(member.id) for member, _ in people))) == 1
    assert await count(sessions, ballot.id) == 1


async def mark(session: Session, campaign: Campaign, member_id: UUID, by: UUID) -> UUID | Refusal | None:
    return await paper.mark(session, campaign_id=campaign.id, member_id=member_id, reason=PaperReason.ASKED, by=by)


async def test_a_vote_that_waits_for_a_mark_on_paper_is_not_taken(sessions: Sessions, as_api: Sessions) -> None:
    """T73: the mark is made first and committed last."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        member, ballot = await a_voter(session, campaign)
        operator = await builders.a_staff_account(session)

    async def votes_online() -> bool:
        async with as_api.begin() as session:
            return await vote(session, campaign, member, ballot) is not None

    async with as_api() as marking, marking.begin():
        await mark(marking, campaign, member.id, operator.id)
        online = asyncio.create_task(votes_online())
        await waiting(sessions, "advisory")
    assert await online is False
    assert await count(sessions, ballot.id) == 0
    async with as_api.begin() as session:
        wish: Any = {"campaign_id": campaign.id, "ballot_id": ballot.id, "member_id": member.id}
        assert (await votes.why_not(session, **wish)).refusal is Refusal.VOTES_ON_PAPER


async def test_a_mark_on_paper_that_waits_for_a_vote_is_refused(sessions: Sessions, as_api: Sessions) -> None:
    """T73: the vote is cast first and committed last."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        member, ballot = await a_voter(session, campaign)
        operator = await builders.a_staff_account(session)

    async def marks() -> UUID | Refusal | None:
        async with as_api.begin() as session:
            return await mark(session, campaign, member.id, operator.id)

    async with as_api() as voting, voting.begin():
        assert await vote(voting, campaign, member, ballot) is not None
        marking = asyncio.create_task(marks())
        await waiting(sessions, "advisory")
    assert await marking is Refusal.VOTED_ONLINE
    assert await count(sessions, ballot.id) == 1
    async with sessions.begin() as session:
        assert await session.scalar(text("select count(*) from paper_voter")) == 0


async def test_a_vote_of_another_campaign_keeps_nobody_from_paper_in_this_one(
    sessions: Sessions, as_api: Sessions
) -> None:
    async with sessions.begin() as session:
        one, other = await an_open_vote(session), await an_open_vote(session)
        member, ballot = await a_voter(session, one)
        operator = await builders.a_staff_account(session)
    async with as_api.begin() as session:
        assert await vote(session, one, member, ballot) is not None
    async with as_api.begin() as session:
        await mark(session, other, member.id, operator.id)
        assert (await paper.standing_of(session, other.id, member.id)) is not None


async def test_two_members_wait_for_each_other_in_no_ballot(sessions: Sessions, as_api: Sessions) -> None:
    """A vote that is not committed holds up its own voter only: no lock is shared by a ballot's voters."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        (slow, ballot), (quick, _) = await a_voter(session, campaign), await a_voter(session, campaign)
        await registered(session, campaign, quick, "pension")
        pension = await ballot_of(session, campaign, "pension")
    async with as_api() as held, held.begin():
        assert await vote(held, campaign, slow, ballot) is not None
        async with asyncio.timeout(5), as_api() as session:
            for other in (ballot, pension):
                async with session.begin():
                    assert await vote(session, campaign, quick, other) is not None
        # Nor do the officers wait who move the closing.
        async with asyncio.timeout(5), sessions.begin() as session:
            await session.execute(text("update campaign set closes = closes + interval '1 hour'"))
    assert await count(sessions, ballot.id) == 2


async def test_a_connection_that_dies_before_its_commit_leaves_nothing_of_a_vote(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T110: neither the vote, nor the journal's entry, nor the mail; and the same vote is taken when it comes again."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        member, ballot = await a_voter(session, campaign)
        prepared = await sealed(session, campaign, ballot, 1)
    wish: Any = {"campaign_id": campaign.id, "ballot_id": ballot.id, "member_id": member.id, "ciphertext": prepared}
    dying = as_api()
    try:
        assert await votes.cast(dying, **wish) is not None
        backend = await dying.scalar(text("select pg_backend_pid()"))
        async with sessions.begin() as session:
            await session.execute(text("select pg_terminate_backend(:pid)"), {"pid": backend})
        with pytest.raises(DBAPIError):
            await dying.commit()
    finally:
        await dying.invalidate()
    async with sessions.begin() as session:
        for table in ("vote", "journal", "outbox"):
            assert await session.scalar(text(f"select count(*) from {table}")) == 0
    async with as_api.begin() as session:
        assert await votes.cast(session, **wish) is not None
    assert await count(sessions, ballot.id) == 1
