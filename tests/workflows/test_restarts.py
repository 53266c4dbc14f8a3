"""Nothing is lost when a history grows too long, when workers change, or when every task is a replay."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client

from deploy.servers import QUICK_KNOBS, Temporal, start_temporal
from portal.rules.campaigns import notices
from portal.rules.identity import Verdict
from portal.rules.onboarding import Step
from portal.settings import Settings
from portal.store import Sessions
from portal.store.files import MinioFiles
from portal.store.identity import Submission
from portal.temporal import connect
from tests.builders import ballots_of
from tests.conftest import Running, Servers
from tests.workflows.fakes import OWN, FakeRecords, a_calendar
from tests.workflows.journeys import Handle, World, until
from tests.workflows.timelines import Timeline, timeline
from worker.app import build_means, build_worker
from workflows.campaigns import CampaignWorkflow
from workflows.onboarding import OnboardingWorkflow

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

# Two steps of a member, and the server suggests a new run.
SHORT = {**QUICK_KNOBS, "limit.historyCount.suggestContinueAsNew": "20"}


@pytest.fixture(scope="module")
def forgetful(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Temporal]:
    """A server that wants every history to be short."""
    folder = tmp_path_factory.mktemp("forgetful")
    server = start_temporal(folder, knobs=SHORT)
    yield server
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest_asyncio.fixture(scope="module")
async def forgetful_client(forgetful: Temporal) -> Client:
    return await connect(forgetful.address, "default")


@pytest_asyncio.fixture
async def forgetful_world(
    forgetful_client: Client,
    servers: Servers,
    sessions: Sessions,
    files: MinioFiles,
    worker_settings: Settings,
) -> AsyncIterator[World]:
    """The real records behind it."""
    task_queue = f"q-{uuid4().hex[:8]}"
    means = build_means(worker_settings, forgetful_client, task_queue)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(means.close)
        await stack.enter_async_context(build_worker(forgetful_client, means.activities, task_queue=task_queue))
        yield World(Running(forgetful_client, task_queue), servers, sessions, files, worker_settings)


async def runs_of(handle: Handle) -> int:
    """How many runs the story has taken, following the chain back from the last."""
    count, run_id = 0, (await handle.describe()).run_id
    while run_id:
        count += 1
        history = await handle_of_run(handle, run_id)
        run_id = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
    return count


async def handle_of_run(handle: Handle, run_id: str):  # type: ignore[no-untyped-def]
    client = handle._client  # the handle of one run of the same workflow
    return await client.get_workflow_handle(handle.id, run_id=run_id).fetch_history()


async def test_a_whole_onboarding_goes_through_many_runs_without_losing_anything(
    forgetful_world: World,
) -> None:
    """T59: seven registrations, a rejection and an approval; each thing once, in the real records."""
    world = forgetful_world
    journey = await world.member(verified=True)
    first = await journey.until_submitted()
    for ballot in ballots_of("EC"):
        assert (await journey.register(ballot)).refusal is None
    reviewer = await world.reviewer()
    claim = await world.claim(reviewer)
    assert isinstance(await world.decide(claim, Verdict.REJECT), Submission)
    await journey.deliver(first, claim.id, Verdict.REJECT)
    await journey.erased(first)
    second = await journey.upload()
    await journey.submit(second)
    claim = await world.claim(reviewer)
    assert isinstance(await world.decide(claim), Submission)
    await journey.deliver(second, claim.id, Verdict.APPROVE)
    await journey.erased(second)

    assert (await journey.sign_in()).step is Step.DONE
    assert await runs_of(journey.handle) >= 3
    assert await journey.actions() == {
        "file-opened": 1, "documents-submitted": 2, "registered": 7, "decided": 2, "identity-rejected": 1,
        "identity-approved": 1, "documents-erased": 2,
    }  # fmt: skip
    assert await journey.outbox() == {"documents-received": 2, "registered": 7, "rejected": 1, "approved": 1}
    assert await world.files.stored() == []
    await journey.handle.terminate()


async def test_reminders_go_on_counting_in_the_next_run(forgetful_client: Client) -> None:
    records = FakeRecords(a_calendar())
    member = timeline(forgetful_client, records)
    async with member.worker():
        await member.open()
        await member.pass_time(3 * DAY)
        # Questions by the page, no step: they only make the history longer.
        while records.opened < 3:
            await member.heard()
        await member.pass_time(30 * DAY)
        assert [w for w in records.told if w.startswith("reminder")] == ["reminder 1", "reminder 2"]
        await member.to_the_end()
    assert records.told[-1] == "end"


async def test_an_undecided_review_keeps_its_deadline_in_the_next_run(forgetful_client: Client) -> None:
    records = FakeRecords(a_calendar(), email_verified=True)
    member = timeline(forgetful_client, records)
    async with member.worker():
        await member.open()
        submission_id = await member.submit()
        await member.register(*OWN)
        await member.pass_time(20 * DAY)
        while records.opened < 3:
            await member.heard()
        await member.pass_time(9 * DAY)
        assert records.erased == []
        await member.pass_time(2 * DAY)

        async def certified() -> bool:
            return records.certified == [submission_id]

        await until(certified)


async def test_an_erasure_under_way_goes_on_in_the_next_run(forgetful_client: Client) -> None:
    records = FakeRecords(a_calendar(), email_verified=True)
    records.store_away = 10_000
    member = timeline(forgetful_client, records)
    async with member.worker():
        await member.open()
        submission_id = await member.submit()
        await member.decided(submission_id, Verdict.APPROVE)
        while records.opened < 3:
            await member.heard()
        records.store_away = 0

        async def certified() -> bool:
            return submission_id in records.certified

        await until(certified)
        progress = await member.handle.query(OnboardingWorkflow.progress)
        assert progress is not None
        assert progress.step is Step.REGISTRATION


async def test_signals_sent_at_the_turn_of_a_run_are_all_applied(forgetful_client: Client) -> None:
    """Forty forged ones in a burst over several runs, and the genuine one among them."""
    records = FakeRecords(a_calendar(), email_verified=True)
    member = timeline(forgetful_client, records)
    async with member.worker():
        await member.open()
        submission_id = await member.submit()
        for _ in range(20):
            await member.decided(uuid4(), Verdict.REJECT)
        records.decisions.clear()
        await member.decided(submission_id, Verdict.APPROVE)
        await member.heard()

        async def certified() -> bool:
            return records.certified == [submission_id]

        await until(certified)
    assert records.told.count("approved") == 1


async def test_a_campaign_goes_through_many_runs_and_says_nothing_twice(forgetful_client: Client) -> None:
    records = FakeRecords(a_calendar(opens=DAY, closes=3 * DAY, ends=4 * DAY))
    # Twelve rounds of telling, each an activity and a timer, make the history long at once.
    records.files_left = [1] * 12 + [0]
    campaign = timeline(forgetful_client, records)

    async def begun() -> bool:
        events = (await campaign.handle.fetch_history()).events
        return any(e.HasField("workflow_task_completed_event_attributes") for e in events)

    async with campaign.worker():
        await campaign.open_campaign()
        await campaign.pass_time(HOUR)
        moved = records.move(closes=records.calendar.closes + HOUR)
        await campaign.handle.signal(CampaignWorkflow.calendar_changed, moved.version)
        # In small steps: skipped days skip the first task of a new run too (the server delays it).
        while await campaign.pass_time(3 * HOUR):
            await until(begun)
    assert await runs_of(campaign.handle) >= 3
    said = [w for w in records.told if not w.startswith("tell")]
    assert said == [notice.mark for notice in notices(records.calendar)]
    assert records.told.count("tell 2") == 2, "once, and one more look; not again in the next run"


@pytest.fixture(params=["every task replays", "a new worker for every step"])
def restless(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_an_onboarding_survives_its_workers(client: Client, restless: str) -> None:
    """Each task replays the whole history: whatever is not deterministic would stop here."""
    records = FakeRecords(a_calendar())
    member = timeline(client, records)

    async def story(step: int) -> None:
        if step == 0:
            await member.open()
            await member.pass_time(3 * DAY)
        elif step == 1:
            await member.confirm_email()
            records.store_away = 1
            await member.decided(await member.submit(), Verdict.REJECT)
            await member.heard()
        elif step == 2:
            await member.register(*OWN[:2]) if records.live else await member.submit()
            await member.register(*OWN)
        elif step == 3:
            assert records.live is not None
            await member.decided(records.live, Verdict.APPROVE)
            await member.heard()
        else:
            await member.to_the_end()

    if restless == "every task replays":
        async with member.worker(max_cached_workflows=0):
            for step in range(5):
                await story(step)
    else:
        for step in range(5):
            async with member.worker(max_cached_workflows=0):
                await story(step)
                # A task handed to a worker that is just leaving costs the ten seconds of its timeout.
                await until(member.idle)

    assert records.opened == 1, "one run, whoever worked on it"
    assert len(records.certified) == 2
    assert records.told[-1] == "end"
    assert [w for w in records.told if w.startswith("reminder")] == ["reminder 1"]


async def test_a_campaign_survives_its_workers(client: Client) -> None:
    records = FakeRecords(a_calendar(opens=10 * DAY, closes=22 * DAY, ends=30 * DAY))
    campaign = timeline(client, records)
    for _ in range(8):
        async with campaign.worker(max_cached_workflows=0):
            if not records.told:
                await campaign.open_campaign()
            await campaign.pass_time(4 * DAY)
    said = [w for w in records.told if not w.startswith("tell")]
    assert len(said) == len(set(said)) == 7


async def test_steps_taken_while_no_worker_runs_are_done_when_one_comes(client: Client) -> None:
    """A decision is accepted with every worker down, and applied by the next."""
    records = FakeRecords(a_calendar(), email_verified=True)
    member: Timeline = timeline(client, records)
    async with member.worker():
        await member.open()
        submission_id = await member.submit()
    await member.decided(submission_id, Verdict.APPROVE)
    async with member.worker():

        async def certified() -> bool:
            return records.certified == [submission_id]

        await until(certified)
