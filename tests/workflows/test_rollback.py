"""A worker that goes back to the release before, and what is seen of it: files stand still, none is lost."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker

from portal.rules.queries import Ready, ready_queries
from tests.workflows.fakes import OWN, FakeRecords, a_calendar
from tests.workflows.journeys import Handle, until
from tests.workflows.timelines import Timeline, timeline
from worker.app import activities_of
from workflows.messages import MemberToOnboard
from workflows.onboarding import OnboardingWorkflow

BLOCKED = {asked.code: asked.query for asked in ready_queries(None, datetime.now(UTC))}[Ready.BLOCKED]


@workflow.defn(name="OnboardingWorkflow", sandboxed=False)
class OlderWorkflow(OnboardingWorkflow):
    """As the release before search attributes was: it takes up the same file with a command less."""

    @workflow.init
    def __init__(self, order: MemberToOnboard) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: MemberToOnboard) -> None:
        await super().run(order)

    def _tell(self) -> None:
        """It knew of no search attribute."""


def older_worker(member: Timeline) -> Worker:
    workflows: Sequence[type[Any]] = [OlderWorkflow]
    return Worker(
        member.skipper.client, task_queue=member.task_queue, workflows=workflows,
        activities=activities_of(member.records), max_cached_workflows=0, max_concurrent_workflow_task_polls=1,
    )  # fmt: skip


async def listed(client: Client, handle: Handle) -> bool:
    query = f'{BLOCKED} AND WorkflowId = "{handle.id}"'
    return (await client.count_workflows(query)).count == 1


async def test_a_file_stands_still_under_an_older_worker_and_goes_on_under_a_newer_one(client: Client) -> None:
    member = timeline(client, FakeRecords(a_calendar(), email_verified=True))
    async with member.worker():
        await member.open()
        await member.submit()
    async with older_worker(member):
        await member.handle.signal(OnboardingWorkflow.calendar_changed, 0)
        # Nothing fails, nothing is written: it is tried again, and listed.
        await until(lambda: listed(client, member.handle), within=40)
        assert member.records.registered == []
    async with member.worker(max_cached_workflows=0):
        # By itself, at its next try: nobody clicks anything.
        await until(lambda: not_listed(client, member.handle), within=60)
        assert (await member.register(*OWN)).refusal is None
        await member.to_the_end()
    assert member.records.registered == OWN


async def not_listed(client: Client, handle: Handle) -> bool:
    return not await listed(client, handle)
