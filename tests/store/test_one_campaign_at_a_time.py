"""Members see one campaign at a time: none is opened or moved so that a vote would be open and nobody could see it."""

import asyncio
from datetime import UTC, datetime

import pytest

from portal.rules.campaign_changes import ChangeKind
from portal.rules.refusals import Refusal
from portal.store import Sessions, campaign_changes
from portal.store.campaigns import Campaign
from tests import builders
from tests.store.cases import run
from tests.store.running import DAY, HOUR
from tests.store.test_campaign_changes import (
    WHY,
    a_ballot,
    a_draft,
    an_officer,
    as_it_is,
    confirmed,
    proposed,
)


@pytest.fixture
async def first(sessions: Sessions) -> Campaign:
    async with sessions.begin() as session:
        return await builders.a_campaign(session)


async def test_a_campaign_is_not_opened_where_it_would_hide_another_or_be_hidden(
    sessions: Sessions, as_api: Sessions, first: Campaign
) -> None:
    """Members see the first until its end: the second would be open and nobody could vote in it."""
    one, other = await an_officer(sessions), await an_officer(sessions)
    overlapping = {
        "before its end": {"opens": first.ends - DAY, "closes": first.ends, "ends": first.ends},
        "whole, before the first one's vote": {
            "opens": first.opens - 4 * HOUR, "closes": first.opens - 2 * HOUR, "ends": first.opens - HOUR,
        },
    }  # fmt: skip
    for why, dates in overlapping.items():
        draft = await a_draft(as_api, registration_opens=datetime.now(UTC) + HOUR, **dates)
        await a_ballot(as_api, draft)
        change = await proposed(as_api, draft, ChangeKind.OPEN, one)
        assert await confirmed(as_api, draft, change, other) is Refusal.OTHER_CAMPAIGN_HIDDEN, why
        assert (await as_it_is(sessions, draft)).status == "draft"
    after = await a_draft(as_api, opens=first.ends, closes=first.ends + DAY, ends=first.ends + DAY)
    await a_ballot(as_api, after)
    change = await proposed(as_api, after, ChangeKind.OPEN, one)
    assert await confirmed(as_api, after, change, other) is None


async def test_a_move_hides_no_campaign_and_a_close_that_moves_alone_is_not_held_up(
    sessions: Sessions, as_api: Sessions, first: Campaign
) -> None:
    one, other = await an_officer(sessions), await an_officer(sessions)
    async with sessions.begin() as session:
        second = await builders.a_campaign(
            session, registration_opens=2 * DAY, opens=26 * DAY, closes=30 * DAY, ends=40 * DAY
        )

    async def moved(of: Campaign, **wanted: str) -> Refusal | None:
        change = await proposed(as_api, of.id, ChangeKind.MOVE, one, **wanted)
        return await confirmed(as_api, of.id, change, other)

    opens = (await as_it_is(sessions, second.id)).opens
    assert await moved(first, ends=(opens + DAY).isoformat()) is Refusal.OTHER_CAMPAIGN_HIDDEN
    assert await moved(second, opens=(first.ends - DAY).isoformat()) is Refusal.OTHER_CAMPAIGN_HIDDEN
    # Earlier in line: now the second would be the one that everybody sees.
    first_in_line = (datetime.now(UTC) + HOUR).isoformat()
    await run(
        sessions, "update campaign set registration_opens = now() + interval '2 hours' where id = :id", id=first.id
    )
    assert await moved(second, registration_opens=first_in_line) is Refusal.OTHER_CAMPAIGN_HIDDEN
    assert await moved(second, opens=(opens + DAY).isoformat()) is None
    await run(sessions, "update campaign set ends = ends + interval '9 days' where id = :id", id=first.id)
    assert await moved(first, closes=(first.closes + DAY).isoformat(), **WHY) is None


async def test_of_two_that_are_opened_at_one_moment_the_second_waits_and_finds_the_first(
    sessions: Sessions, as_api: Sessions
) -> None:
    one, other = await an_officer(sessions), await an_officer(sessions)
    both = [await a_draft(as_api) for _ in range(2)]
    for draft in both:
        await a_ballot(as_api, draft)
    changes = [await proposed(as_api, draft, ChangeKind.OPEN, one) for draft in both]
    async with as_api.begin() as session:
        proposal = await campaign_changes.one(session, both[0], changes[0])
        assert proposal is not None
        roll = await campaign_changes.manifest(session, both[0])
        assert await campaign_changes.confirm(session, proposal, by=other, manifest=roll) is None
        # Not committed yet.
        second = asyncio.create_task(confirmed(as_api, both[1], changes[1], other))
        await asyncio.sleep(0.3)
        assert not second.done()
    assert await second is Refusal.OTHER_CAMPAIGN_HIDDEN


async def test_a_rehearsal_hides_nothing(sessions: Sessions, as_api: Sessions, first: Campaign) -> None:
    await run(sessions, "update campaign set rehearsal = true where id = :id", id=first.id)
    draft = await a_draft(as_api)
    await a_ballot(as_api, draft)
    change = await proposed(as_api, draft, ChangeKind.OPEN, await an_officer(sessions))
    assert await confirmed(as_api, draft, change, await an_officer(sessions)) is None
