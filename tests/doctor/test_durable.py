"""What the doctor says of Temporal, with and without somebody at work."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
import pytest_asyncio
from temporalio.client import Client

from deploy.servers import Temporal, start_temporal
from portal.doctor.durable import Durable
from portal.doctor.findings import State
from portal.rules.standing import RELAY, SWEEP, campaign_workflow
from portal.settings import Settings
from portal.store import Sessions
from portal.store.files import MinioFiles
from portal.temporal import BACKGROUND_QUEUE, TASK_QUEUE, connect
from tests import builders
from tests.doctor.conftest import said
from tests.workflows.journeys import until
from worker.app import BACKGROUND, MEMBERS, build_means, build_worker
from worker.standing import ensure

ONE_SECOND = timedelta(seconds=1)


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Temporal]:
    """What must always run has fixed ids: a server of this test's own."""
    server = start_temporal(tmp_path_factory.mktemp("alone"))
    yield server
    server.stop()


@pytest_asyncio.fixture
async def asked(alone: Temporal, as_worker: Sessions) -> Durable:
    return Durable(await connect(alone.address, "default"), as_worker)


@pytest_asyncio.fixture
async def at_work(
    asked: Durable, worker_settings: Settings, files: MinioFiles, sessions: Sessions
) -> AsyncIterator[str]:
    """Both workers, and what must always run; the code of the campaign."""
    async with sessions.begin() as session:
        code = (await builders.a_campaign(session)).code
    means = build_means(worker_settings, asked.client)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(means.close)
        for queue, activities, workflows in (
            (TASK_QUEUE, means.members, MEMBERS),
            (BACKGROUND_QUEUE, means.background, BACKGROUND),
        ):
            await stack.enter_async_context(
                build_worker(asked.client, activities, task_queue=queue, workflows=workflows)
            )
        await ensure(asked.client, sessions)
        yield code


async def test_with_everybody_at_work_all_is_well(asked: Durable, at_work: str) -> None:
    for name, check in asked.checks().items():

        async def well() -> bool:
            return (await said(check)).state is State.OK  # noqa: B023 - awaited before the next

        if name == "temporal: namespace":
            # The demo's server forgets closed workflows after a day.
            found = await said(check)
            assert found.state is State.WARNING
            assert "keeps closed workflows for 1 days" in found.said
        else:
            await until(well)


async def test_what_has_ended_is_told_one_by_one(asked: Durable, at_work: str) -> None:
    """T64: somebody has ended, by hand, what must always run."""
    checks = asked.checks()
    for name, workflow_id in (("temporal: relay", RELAY), ("temporal: calendars", campaign_workflow(at_work))):
        await asked.client.get_workflow_handle(workflow_id).terminate("by hand")
        found = await said(checks[name])
        assert found.state is State.FAILED
        assert "python -m worker" in found.remedy
    schedule = asked.client.get_schedule_handle(SWEEP)
    await schedule.pause(note="by hand")
    assert "paused" in (await said(checks["temporal: sweep"])).said
    await schedule.delete()
    assert "no hourly sweep" in (await said(checks["temporal: sweep"])).said


async def test_without_a_worker_each_queue_is_told(asked: Durable) -> None:
    for name in ("temporal: members' worker", "temporal: background worker"):
        found = await said(asked.checks()[name])
        assert found.state is State.FAILED
        assert "nobody takes workflows or activities" in found.said
    assert (await said(asked.relay)).state is State.FAILED
    assert (await said(asked.sweep)).state is State.FAILED


async def test_what_has_failed_for_good_is_told_with_the_list(asked: Durable) -> None:
    """T65: a failed case is shown to staff."""
    handle = await asked.client.start_workflow("JoinWorkflow", id="poison", task_queue="nobody", run_timeout=ONE_SECOND)
    assert (await said(asked.trouble)).state is State.OK

    async def told() -> bool:
        return (await said(asked.trouble)).state is State.WARNING

    await until(told)
    found = await said(asked.trouble)
    assert "1 workflows have failed" in found.said
    assert "/en/operations/temporal#failed" in found.remedy
    assert handle.id == "poison"


async def test_a_namespace_that_is_not_prepared_and_one_that_is_not_there(
    tmp_path_factory: pytest.TempPathFactory, as_worker: Sessions
) -> None:
    server = start_temporal(tmp_path_factory.mktemp("bare"), search_attributes={})
    try:
        asked = Durable(await connect(server.address, "default"), as_worker)
        found = await said(asked.attributes)
        assert found.state is State.FAILED
        assert "PortalStep" in found.said
        assert "python -m portal temporal register" in found.remedy
        elsewhere = Durable(await connect(server.address, "nowhere", lazy=True), as_worker)
        assert (await said(elsewhere.namespace)).said == "there is no namespace nowhere"
    finally:
        server.stop()
    away = Durable(await Client.connect("127.0.0.1:1", lazy=True), as_worker)
    for name, check in away.checks().items():
        found = await said(check)
        # Without a campaign there is no calendar to ask about.
        assert found.state is (State.OK if name == "temporal: calendars" else State.FAILED), name
