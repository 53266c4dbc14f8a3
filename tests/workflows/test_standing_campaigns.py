"""What must always run of campaigns: not drafts, and a change that nobody heard of is told again."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from sqlalchemy import text
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from portal.rules.standing import campaign_workflow
from portal.store import Sessions, campaigns
from tests import builders
from tests.store.cases import run
from tests.workflows.journeys import World, until
from worker import standing

DAY = timedelta(days=1)


@pytest_asyncio.fixture
async def ensured(world: World, client: Client) -> AsyncIterator[World]:
    """Whatever was started for all campaigns is ended afterwards."""
    yield world
    with suppress(RPCError):
        await client.get_workflow_handle("relay").terminate()


async def test_a_draft_has_no_workflow_and_a_lost_signal_is_given_again(
    ensured: World, client: Client, sessions: Sessions
) -> None:
    queue = ensured.running.task_queue
    async with sessions.begin() as session:
        draft, held = await builders.a_campaign(session), await builders.a_campaign(session)
    await run(sessions, "update campaign set status = 'draft' where id = :id", id=draft.id)
    await standing.ensure(client, sessions, queue)

    async def heard() -> int:
        async with sessions.begin() as session:
            return int(await session.scalar(text("select heard_version from campaign where id = :id"), {"id": held.id}))

    async def is_heard(version: int) -> bool:
        return await heard() == version

    await until(lambda: is_heard(1))
    async with sessions.begin() as session:
        # As when Temporal is away in the moment after the commit: nobody signals it.
        await campaigns.move(session, held.id, closes=held.closes + DAY)
    await standing.ensure(client, sessions, queue)
    await until(lambda: is_heard(2))
    try:
        await client.get_workflow_handle(campaign_workflow(draft.code)).describe()
        raise AssertionError("a draft is nobody's campaign")
    except RPCError:
        pass


async def test_results_after_the_end_are_told_by_a_workflow_of_their_own(
    ensured: World, client: Client, sessions: Sessions
) -> None:
    """With the real clock: nothing ran any more, and one mail is queued for whoever has an address."""
    queue = ensured.running.task_queue
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(
            session, registration_opens=-30 * DAY, opens=-20 * DAY, closes=-10 * DAY, ends=-DAY
        )
        await builders.a_member(session)
        await builders.a_member(session, email=None)
    await standing.ensure(client, sessions, queue)
    await run(
        sessions,
        "update campaign set results_at = clock_timestamp(), calendar_version = calendar_version + 1 where id = :id",
        id=campaign.id,
    )
    await standing.ensure(client, sessions, queue)
    handle = client.get_workflow_handle(campaign_workflow(campaign.code))

    async def is_over() -> bool:
        return (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED

    await until(is_over, within=30)
    async with sessions.begin() as session:
        kinds = await session.scalars(text("select kind from outbox where campaign_id = :id"), {"id": campaign.id})
        assert list(kinds) == ["results"]
        assert await campaigns.to_run(session) == []


async def test_a_cancelled_campaign_is_run_until_everybody_is_done_with_it(
    ensured: World, client: Client, sessions: Sessions
) -> None:
    queue = ensured.running.task_queue
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
    await run(
        sessions,
        "update campaign set status = 'cancelled', cancelled_at = :at, calendar_version = 2",
        at=datetime.now(UTC),
    )
    async with sessions.begin() as session:
        assert [c.id for c in await campaigns.to_run(session)] == [campaign.id]
    await standing.ensure(client, sessions, queue)
    handle = client.get_workflow_handle(campaign_workflow(campaign.code))

    async def is_over() -> bool:
        return (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED

    await until(is_over, within=30)
    async with sessions.begin() as session:
        assert await campaigns.to_run(session) == []
