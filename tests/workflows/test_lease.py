"""A lease over time: a durable timer returns the case, once; a signal is believed in nothing."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from temporalio.client import Client

from portal.rules.accounts import Role
from portal.rules.identity import CLAIM_LEASE
from portal.store import review
from tests import builders
from tests.store.cases import a_submission, run
from tests.workflows.journeys import World, until
from tests.workflows.lease_stories import LEASE_STORIES, lease_story
from workflows import calls
from workflows.leases import LeaseWorkflow


@pytest.mark.parametrize("name", LEASE_STORIES)
async def test_a_lease_ends_with_nothing_left(client: Client, name: str) -> None:
    story = lease_story(client)
    async with story.worker():
        await LEASE_STORIES[name](story)
    assert story.lease.until is None


async def test_a_signal_alone_ends_no_lease(client: Client) -> None:
    story = lease_story(client)
    async with story.worker():
        await story.open()
        for times in (1, 2):
            await story.handle.signal(LeaseWorkflow.returned)
            await story.looked(times)
        assert story.lease.until is not None
        await story.pass_time(CLAIM_LEASE + timedelta(seconds=1))
        await story.handle.result()


async def test_records_whose_clock_is_behind_are_asked_once_a_second(client: Client) -> None:
    story = lease_story(client)
    story.lease.until, story.lease.skipped = datetime.now(UTC) + timedelta(seconds=1), timedelta(seconds=-3)
    async with story.worker():
        await story.open()
        await story.handle.result()
    assert 2 <= story.lease.looks <= 5


async def test_records_that_are_away_when_the_timer_rings_are_asked_again(client: Client) -> None:
    story = lease_story(client)
    story.lease.records_away = 2
    async with story.worker():
        await story.open()
        await story.pass_time(CLAIM_LEASE + timedelta(seconds=1))
        await story.handle.result()
    assert story.lease.until is None


async def test_the_timer_writes_down_that_a_case_was_returned(world: World) -> None:
    """On the real records: the case is another reviewer's to take, and its member can read what happened."""
    async with world.sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        await a_submission(session, campaign, await builders.a_member(session))
        first, second = [(await builders.a_staff_account(session, Role.REVIEWER)).id for _ in range(2)]

    async def take(reviewer: UUID) -> UUID | None:
        async with world.sessions.begin() as session:
            claim = await review.claim_next(session, reviewer)
            return None if claim is None else claim.id

    claim_id = await take(first)
    assert claim_id is not None
    assert await take(second) is None
    await run(
        world.sessions,
        "update claim set expires_at = clock_timestamp() + interval '300 ms' where id = :id",
        id=claim_id,
    )
    async with world.sessions.begin() as session:
        ends = await review.runs_until(session, claim_id)
    assert ends is not None
    await calls.open_lease(world.running.client, world.running.task_queue, claim_id=claim_id, until=ends)

    async def returned() -> bool:
        async with world.sessions.begin() as session:
            return bool(await session.scalar(text("select count(*) from journal where action = 'lease-returned'")))

    await until(returned)
    await world.running.client.get_workflow_handle(f"lease-{claim_id}").result()
    assert await take(second) is not None
