"""Identity documents are erased on every path, however long the object store is away and whoever cancels."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import CancelledError

from portal.rules.identity import SubmissionStatus, Verdict
from portal.rules.onboarding import Step
from tests.workflows.fakes import OWN, FakeRecords, a_calendar
from tests.workflows.journeys import until
from tests.workflows.timelines import Timeline, timeline
from workflows.messages import MemberToOnboard
from workflows.onboarding import OnboardingWorkflow

DAY = timedelta(days=1)


async def cancelled(member: Timeline) -> None:
    await member.handle.cancel()
    with pytest.raises(WorkflowFailureError) as failure:
        await member.handle.result()
    assert isinstance(failure.value.cause, CancelledError)


async def erasing(member: Timeline) -> None:
    async def tried() -> bool:
        pending = (await member.handle.describe()).raw_description.pending_activities
        return any(p.activity_type.name == "erase_documents" and p.attempt > 2 for p in pending)

    await until(tried)


async def test_an_object_store_that_fails_twenty_times_still_ends_in_a_certificate(client: Client) -> None:
    records = FakeRecords(a_calendar(), email_verified=True)
    records.store_away = 20
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        submission_id = await member.submit()
        await member.decided(submission_id, Verdict.APPROVE)
        # Nothing else waits for it: the member registers meanwhile.
        assert (await member.register(*OWN)).step is Step.DONE

        async def certified() -> bool:
            return records.certified == [submission_id]

        await until(certified)
        assert records.store_away == 0
        await member.heard()
        progress = await member.handle.query(OnboardingWorkflow.progress)
        assert progress is not None
        assert progress.erasing == 0
        # Twenty failures are attempts of one activity, not events.
        events = (await member.handle.fetch_history()).events
        assert sum(e.HasField("activity_task_scheduled_event_attributes") for e in events) == 1


@pytest.mark.parametrize(
    ("way", "ending"),
    [
        ("replaced", SubmissionStatus.REPLACED),
        ("withdrawn", SubmissionStatus.WITHDRAWN),
        ("approved", SubmissionStatus.APPROVED),
        ("rejected", SubmissionStatus.REJECTED),
        ("cancelled", SubmissionStatus.ABANDONED),
    ],
)
async def test_whatever_ends_a_submission_erases_it(client: Client, way: str, ending: SubmissionStatus) -> None:
    """Expiry and the end of the campaign: test_deadlines.py."""
    records = FakeRecords(a_calendar(), email_verified=True)
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        submission_id = await member.submit()
        ways: dict[str, Callable[[], Awaitable[object]]] = {
            "replaced": member.submit,
            "withdrawn": lambda: member.withdraw(submission_id),
            "approved": lambda: member.decided(submission_id, Verdict.APPROVE),
            "rejected": lambda: member.decided(submission_id, Verdict.REJECT),
            "cancelled": lambda: cancelled(member),
        }
        await ways[way]()

        async def certified() -> bool:
            return records.certified == [submission_id]

        await until(certified)
    assert records.submissions[submission_id] is ending
    assert records.erased == [submission_id]


async def test_cancelled_before_any_documents_the_file_is_closed(client: Client) -> None:
    records = FakeRecords(a_calendar())
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.confirm_email()
        await cancelled(member)
    assert records.told == ["address", "end"]


async def test_cancelled_during_a_review_the_documents_are_erased_first(client: Client) -> None:
    records = FakeRecords(a_calendar(), email_verified=True)
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.submit()
        await cancelled(member)
    assert records.told == ["documents", "abandoned", "erase", "certificate", "end"]


async def test_cancelled_during_an_erasure_it_is_finished_first(client: Client) -> None:
    records = FakeRecords(a_calendar(), email_verified=True)
    records.store_away = 30
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        submission_id = await member.submit()
        await member.decided(submission_id, Verdict.APPROVE)
        await erasing(member)
        await cancelled(member)
    assert records.told == ["documents", "approved", "erase", "certificate", "end"]


async def test_cancelled_twice_an_erasure_is_finished_all_the_same(client: Client) -> None:
    records = FakeRecords(a_calendar(), email_verified=True)
    records.store_away = 60
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.submit()
        await member.handle.cancel()
        await erasing(member)
        await cancelled(member)
    assert records.told == ["documents", "abandoned", "erase", "certificate", "end"]


async def test_cancelled_at_the_end_of_the_campaign_while_the_store_is_away_nothing_stays(
    client: Client,
) -> None:
    records = FakeRecords(a_calendar(opens=DAY, closes=2 * DAY, ends=3 * DAY), email_verified=True)
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.submit()
        records.store_away = 100
        skipping = asyncio.create_task(member.pass_time(4 * DAY))
        await erasing(member)
        await member.handle.cancel()
        await member.handle.result()
        await skipping
    assert records.told[-4:] == ["abandoned", "erase", "certificate", "end"]
    assert (await member.handle.describe()).status is WorkflowExecutionStatus.COMPLETED


async def test_cancelled_before_the_records_could_be_read_nothing_stays(client: Client) -> None:
    """A run that takes a file up while the records are away: what an earlier run had received is erased."""
    records = FakeRecords(a_calendar(), email_verified=True)
    submission_id = records.stage()
    records.submissions[submission_id] = SubmissionStatus.SUBMITTED
    records.submitted_at[submission_id] = records.now()
    records.records_away = 5
    member = timeline(client, records)
    async with member.worker():
        await client.start_workflow(
            OnboardingWorkflow.run, MemberToOnboard(uuid4(), uuid4()), id=member.workflow_id,
            task_queue=member.task_queue, id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )  # fmt: skip

        async def tried() -> bool:
            return records.records_away < 4

        await until(tried)
        await cancelled(member)
    assert records.told == ["abandoned", "erase", "certificate", "end"]
