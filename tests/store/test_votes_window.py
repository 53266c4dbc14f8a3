"""The window is data, compared with the database clock when the vote is written: nothing else closes a vote.

T81: no worker, no Temporal and no page runs in any of these tests, and the vote closes on time all the same.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from portal.rules.campaign_changes import instant
from portal.rules.campaigns import NoticeKind, notices
from portal.rules.refusals import Refusal
from portal.store import Session, Sessions, votes
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.store.members import Member
from tests import builders, keys_of_votes
from tests.store.cases import run
from tests.voting import HOUR, a_voter, an_open_vote, ballot_of, count, vote

SECOND = timedelta(seconds=1)
TORONTO = ZoneInfo("America/Toronto")


async def clock(session: Session) -> datetime:
    at: datetime = await session.scalar(text("select clock_timestamp()"))
    return at


async def until(sessions: Sessions, instant: datetime) -> None:
    """Sleep until the database says that it is past this instant."""
    async with sessions() as session:
        while (now := await clock(session)) <= instant:  # noqa: ASYNC110
            await asyncio.sleep((instant - now).total_seconds() + 0.002)


@asynccontextmanager
async def closing_soon(sessions: Sessions, *, voters: int = 1) -> AsyncIterator[tuple[Campaign, list[Member], Ballot]]:
    """A vote that closes in a second."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session, opens=-2 * HOUR, closes=-HOUR)
        ballot = await ballot_of(session, campaign)
        members = [(await a_voter(session, campaign))[0] for _ in range(voters)]
    await run(sessions, "update campaign set closes = clock_timestamp() + interval '1 second'")
    async with sessions.begin() as session:
        campaign = await session.get_one(Campaign, campaign.id)
    yield campaign, members, ballot


async def test_a_vote_counts_until_the_last_moment_before_the_close_and_not_from_it_on(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T75, T81: asked without a pause around the closing, by the clock of the database and by no other."""
    refused: list[datetime] = []
    taken: list[tuple[datetime, datetime]] = []
    async with closing_soon(sessions, voters=300) as (campaign, members, ballot):
        left = iter(members)

        async def keep_voting() -> None:
            async with as_api() as session:
                for member in left:
                    async with session.begin():
                        before = await clock(session)
                    async with session.begin():
                        done = await vote(session, campaign, member, ballot)
                    if done is None:
                        refused.append(before)
                    else:
                        taken.append((before, done.cast_at))
                    if before > campaign.closes + SECOND / 10:
                        return

        await until(sessions, campaign.closes - SECOND / 4)
        await asyncio.gather(*(keep_voting() for _ in range(4)))
    assert taken and refused, "the closing lies between them"
    assert all(at < campaign.closes for _, at in taken)
    assert all(before < campaign.closes for before, _ in taken)
    # Whoever asked after the close was refused, and nobody was refused who asked well before it.
    assert max(before for before, _ in taken) <= max(refused)
    assert all(before > campaign.closes - SECOND / 10 for before in refused)
    assert await count(sessions, ballot.id) == len(taken)
    async with as_api.begin() as session:
        wish: Any = {"campaign_id": campaign.id, "ballot_id": ballot.id, "member_id": members[-1].id}
        assert (await votes.why_not(session, **wish)).refusal is Refusal.VOTE_CLOSED


async def test_the_closing_instant_itself_is_too_late_and_the_opening_instant_is_not(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T75: opens <= now < closes."""
    async with sessions.begin() as session:
        closing, opening = await an_open_vote(session, opens=-2 * HOUR, closes=-HOUR), await an_open_vote(session)
        (late, first), (early, second) = [await a_voter(session, campaign) for campaign in (closing, opening)]
        # A moment of the database clock that has just passed is the nearest that can be written down.
        at = await clock(session)
        await session.execute(text("update campaign set closes = :at where id = :c"), {"at": at, "c": closing.id})
        await session.execute(text("update campaign set opens = :at where id = :c"), {"at": at, "c": opening.id})
    async with as_api.begin() as session:
        assert await vote(session, closing, late, first) is None
        assert await vote(session, opening, early, second) is not None


async def test_a_transaction_that_began_before_the_close_is_too_late_after_it(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T76: `now()` would say that voting is still open."""
    async with closing_soon(sessions) as (campaign, [member], ballot), as_api.begin() as session:
        began = await session.scalar(text("select now()"))
        await until(sessions, campaign.closes)
        assert await session.scalar(text("select now()")) == began < campaign.closes
        assert await vote(session, campaign, member, ballot) is None
    assert await count(sessions, ballot.id) == 0


async def waiting(sessions: Sessions, kind: str) -> None:
    """Until somebody waits for a lock of this kind."""
    async with asyncio.timeout(10), sessions() as session:
        asked = text("select count(*) from pg_locks where not granted and locktype = :kind")
        while not await session.scalar(asked, {"kind": kind}):  # noqa: ASYNC110  (another connection does)
            await asyncio.sleep(0.005)


async def lock_voter(session: Session, member_id: UUID) -> None:
    """As another vote of this member, or a mark for paper, that is not committed yet."""
    await session.execute(text("select pg_advisory_xact_lock(hashtextextended('vote:' || :m, 0))"), {"m": member_id})


@pytest.mark.parametrize("extended", [False, True], ids=["the close stays", "the close is moved meanwhile"])
async def test_a_vote_that_waited_past_the_close_goes_by_the_close_that_holds_then(
    sessions: Sessions, as_api: Sessions, extended: bool
) -> None:
    """T76: the clock is read after the lock; and so is the closing, if it was moved while the vote waited."""
    async with closing_soon(sessions) as (campaign, [member], ballot):

        async def late() -> bool:
            async with as_api.begin() as session:
                return await vote(session, campaign, member, ballot) is not None

        async with sessions() as holder, holder.begin():
            await lock_voter(holder, member.id)
            waits = asyncio.create_task(late())
            await waiting(sessions, "advisory")
            if extended:
                await run(sessions, "update campaign set closes = closes + interval '1 hour', calendar_version = 2")
            await until(sessions, campaign.closes)
        assert await waits is extended
    assert await count(sessions, ballot.id) == extended


async def test_the_seal_waits_for_votes_under_way_and_those_behind_it_are_refused(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T76: one in flight at the seal is counted, one that waits behind the seal is not taken."""
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        (first, ballot), (second, _) = await a_voter(session, campaign), await a_voter(session, campaign)
    sealed, behind = asyncio.Event(), asyncio.Event()

    async def seal() -> int:
        async with sessions.begin() as session:
            await session.execute(text("select hold_box(:c)"), {"c": campaign.id})
            sealed.set()
            await asyncio.wait_for(behind.wait(), 10)
            await session.execute(text("update campaign set sealed_at = clock_timestamp()"))
            return int(await session.scalar(text("select count(*) from vote")) or 0)

    async def too_late() -> bool:
        async with as_api.begin() as session:
            return await vote(session, campaign, second, ballot) is not None

    async with as_api() as flying, flying.begin():
        assert await vote(flying, campaign, first, ballot) is not None
        sealing = asyncio.create_task(seal())
        await waiting(sessions, "advisory")
        assert not sealed.is_set()
    await asyncio.wait_for(sealed.wait(), 10)
    late = asyncio.create_task(too_late())
    await waiting(sessions, "advisory")
    behind.set()
    assert await sealing == 1
    assert await late is False
    assert await count(sessions, ballot.id) == 1


async def test_a_vote_in_flight_at_the_close_is_taken_if_it_was_written_before(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T76: accepted means inserted before the closing; when it is committed does not matter."""
    async with closing_soon(sessions) as (campaign, [member], ballot):
        async with as_api.begin() as session:
            assert await vote(session, campaign, member, ballot) is not None
            await until(sessions, campaign.closes)
        assert await count(sessions, ballot.id) == 1


@pytest.mark.parametrize("zone", ["UTC", "America/Vancouver", "America/St_Johns", "Pacific/Kiritimati"])
async def test_neither_the_zone_nor_the_clock_of_the_application_decides(
    sessions: Sessions, as_api: Sessions, zone: str
) -> None:
    """T82: the statement is given no moment at all, and the zone of the connection changes no answer."""
    async with sessions.begin() as session:
        over, held = await an_open_vote(session, opens=-2 * HOUR, closes=-SECOND), await an_open_vote(session)
        cases = [(campaign, *await a_voter(session, campaign)) for campaign in (over, held)]
    async with as_api.begin() as session:
        await session.execute(text(f"set local time zone '{zone}'"))
        said = [await vote(session, campaign, member, ballot) is not None for campaign, member, ballot in cases]
    assert said == [False, True]
    given = set(votes._CAST_AND_SAID.compile().params)
    entry = {name for name in given if name.startswith("entry_")}
    constants = {name for name in given - entry if name.rpartition("_")[2].isdigit()}
    assert given - entry - constants == {"ballot", "campaign", "voter", "sealed"}


def four_in_the_afternoon(day: tuple[int, int, int]) -> datetime:
    """As an officer types it."""
    at = instant(str(day[0]), str(day[1]), str(day[2]), "16:00", TORONTO)
    assert isinstance(at, datetime)
    return at


async def held(sessions: Sessions, opens: datetime, closes: datetime) -> Campaign:
    """A vote of any year: no trigger asks why."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session, election_key=keys_of_votes.PUBLIC)
        await session.execute(text("set local session_replication_role = replica"))
        await session.execute(
            text(
                "update campaign set registration_opens = cast(:opens as timestamptz) - interval '20 days',"
                " opens = :opens, closes = :closes, ends = cast(:closes as timestamptz) + interval '14 days'"
            ),
            {"opens": opens, "closes": closes},
        )
        await session.refresh(campaign)
        return campaign


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ((3, 3, 2017), datetime(2017, 3, 3, 21, tzinfo=UTC)),
        ((3, 3, 2026), datetime(2026, 3, 3, 21, tzinfo=UTC)),
        ((9, 3, 2026), datetime(2026, 3, 9, 20, tzinfo=UTC)),
        ((31, 10, 2026), datetime(2026, 10, 31, 20, tzinfo=UTC)),
        ((2, 11, 2026), datetime(2026, 11, 2, 21, tzinfo=UTC)),
    ],
)
async def test_four_in_the_afternoon_is_one_instant_and_members_read_it_in_the_zone_of_the_vote(
    sessions: Sessions, day: tuple[int, int, int], expected: datetime
) -> None:
    """T82: as an officer types it, as it is stored, and as it is compared."""
    closes = four_in_the_afternoon(day)
    assert closes == expected
    campaign = await held(sessions, expected - timedelta(days=12), expected)
    async with sessions.begin() as session:
        await session.execute(text("set local time zone 'America/St_Johns'"))
        campaign = await session.get_one(Campaign, campaign.id)
        assert (campaign.closes, campaign.zone) == (expected, TORONTO)
        assert campaign.closes.astimezone(campaign.zone).hour == 16
        before = text("select closes > cast(:at as timestamptz) from campaign")
        for moment, open_then in ((expected - timedelta(microseconds=1), True), (expected, False)):
            assert await session.scalar(before, {"at": moment}) is open_then


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [((1, 3, 2026), (12, 3, 2026), 11 * 24 - 1), ((25, 10, 2026), (5, 11, 2026), 11 * 24 + 1)],
    ids=["8 March 2026", "1 November 2026"],
)
async def test_a_vote_over_a_change_of_clocks_lasts_an_hour_less_or_more_and_its_notices_keep_their_distance(
    sessions: Sessions, first: tuple[int, int, int], last: tuple[int, int, int], hours: int
) -> None:
    """T82: nothing is added up in local time."""
    opens, closes = (four_in_the_afternoon(day) for day in (first, last))
    assert closes - opens == hours * HOUR
    campaign = await held(sessions, opens, closes)
    due = {notice.kind: notice.due for notice in notices(campaign.calendar)}
    assert closes - due[NoticeKind.FOUR_HOURS] == 4 * HOUR
    assert closes - due[NoticeKind.TWO_DAYS] == 48 * HOUR
    assert due[NoticeKind.HALF_WAY] - opens == closes - due[NoticeKind.HALF_WAY]
    async with sessions() as session:
        assert await session.scalar(text("select closes - opens from campaign")) == hours * HOUR
