"""Workflows whose days pass in milliseconds, over records in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from temporalio.client import Client, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from portal.rules.identity import Verdict
from tests.workflows.fakes import FakeRecords
from worker.app import activities_of, build_worker
from workflows.attributes import at_start
from workflows.campaigns import CampaignToRun, CampaignWorkflow
from workflows.messages import (
    Answer,
    ConfirmEmail,
    DecisionMade,
    MemberToOnboard,
    Register,
    SubmitDocuments,
    WithdrawDocuments,
)  # fmt: skip
from workflows.onboarding import OnboardingWorkflow

Handle = WorkflowHandle[Any, Any]


@dataclass(frozen=True)
class Timeline:
    """One workflow, its own clock, and the records it writes to."""

    skipper: TimeSkipper
    task_queue: str
    records: FakeRecords
    workflow_id: str

    @property
    def handle(self) -> Handle:
        return self.skipper.client.get_workflow_handle(self.workflow_id)

    @asynccontextmanager
    async def worker(self, *, max_cached_workflows: int = 100) -> AsyncIterator[None]:
        """As in production, but for the activities; with none cached every task replays the history."""
        async with build_worker(
            self.skipper.client, activities_of(self.records), task_queue=self.task_queue,
            max_cached_workflows=max_cached_workflows,
        ):  # fmt: skip
            yield

    async def open(self) -> None:
        """As the first sign-in does."""
        await self.skipper.client.start_workflow(
            OnboardingWorkflow.run, MemberToOnboard(uuid4(), uuid4()), id=self.workflow_id,
            task_queue=self.task_queue, id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=at_start(campaign_code="c2017"),
        )  # fmt: skip
        await self.handle.execute_update(OnboardingWorkflow.sign_in, id=str(uuid4()))

    async def open_campaign(self) -> None:
        await self.skipper.client.start_workflow(
            CampaignWorkflow.run,
            CampaignToRun(uuid4(), "c2017"),
            id=self.workflow_id,
            task_queue=self.task_queue,
            search_attributes=at_start(campaign_code="c2017"),
        )

    async def pass_time(self, time: timedelta) -> bool:
        """Let days pass; False when the workflow ended meanwhile."""
        self.records.skipped += time
        try:
            return await self.skipper.fast_forward(self.handle, time)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False

    async def to_the_end(self) -> None:
        await self.skipper.fast_forward(self.handle)
        await self.handle.result()

    async def idle(self) -> bool:
        """Whether nothing is left to do until the next deadline."""
        description = (await self.handle.describe()).raw_description
        return not description.pending_activities and not description.HasField("pending_workflow_task")

    async def now(self) -> datetime:
        return await self.skipper.get_current_time(self.handle)

    # --- what the member does

    async def send_verification(self) -> Answer:
        return await self.handle.execute_update(OnboardingWorkflow.send_verification, id=str(uuid4()))

    async def confirm_email(self) -> Answer:
        return await self.handle.execute_update(
            OnboardingWorkflow.confirm_email, ConfirmEmail(uuid4()), id=str(uuid4())
        )

    async def submit(self) -> UUID:
        submission_id = self.records.stage()
        await self.handle.execute_update(
            OnboardingWorkflow.submit_documents, SubmitDocuments(submission_id), id=str(uuid4())
        )
        return submission_id

    async def withdraw(self, submission_id: UUID) -> Answer:
        return await self.handle.execute_update(
            OnboardingWorkflow.withdraw_documents, WithdrawDocuments(submission_id), id=str(uuid4())
        )

    async def register(self, *ballots: str) -> Answer:
        return await self.handle.execute_update(OnboardingWorkflow.register, Register(list(ballots)), id=str(uuid4()))

    async def decided(self, submission_id: UUID, verdict: Verdict, *, undo_for: timedelta | None = None) -> UUID:
        """Written down and signalled; with a time to undo it, the signal says from when it counts."""
        claim_id = self.records.decide(submission_id, verdict, undo_for=undo_for or timedelta(0))
        signal = OnboardingWorkflow.approve if verdict is Verdict.APPROVE else OnboardingWorkflow.reject
        moment = None if undo_for is None else self.records.effective_at[claim_id]
        await self.handle.signal(signal, DecisionMade(submission_id, claim_id, moment))
        return claim_id

    async def appeal(self, within: timedelta = timedelta(days=7)) -> UUID:
        submission_id = self.records.appeal(within)
        await self.handle.execute_update(
            OnboardingWorkflow.submit_documents, SubmitDocuments(submission_id), id=str(uuid4())
        )
        return submission_id

    async def heard(self) -> None:
        """Until every signal so far has been applied."""
        for _ in range(5):
            try:
                await self.handle.execute_update(OnboardingWorkflow.sign_in, id=str(uuid4()))
            except RPCError as error:
                # A signal came just as the run ended: the server tries the turn again, and so does whoever asked.
                if error.status is not RPCStatusCode.FAILED_PRECONDITION:
                    raise
            else:
                return

    async def timers(self) -> tuple[int, int]:
        """How many timers were started, and how many rang or were called off; never two at a time."""
        started = over = 0
        for event in (await self.handle.fetch_history()).events:
            started += event.HasField("timer_started_event_attributes")
            over += event.HasField("timer_fired_event_attributes")
            over += event.HasField("timer_canceled_event_attributes")
            if event.HasField("workflow_task_scheduled_event_attributes"):
                assert started - over <= 1
        return started, over


def timeline(client: Client, records: FakeRecords) -> Timeline:
    skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
    name = uuid4().hex[:8]
    return Timeline(skipper, f"q-{name}", records, f"onboarding-test-{name}")
