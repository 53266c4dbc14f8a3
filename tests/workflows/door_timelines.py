"""The workflows of the doors, whose days pass in milliseconds, over records in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from activities.doors import RequestOf
from activities.renewals import RenewalOf
from portal.rules.doors import Door, Status
from tests.workflows.door_fakes import FakeDoors
from tests.workflows.journeys import until
from worker.app import activities_of, build_worker
from workflows.attributes import at_start
from workflows.calls import DOORS
from workflows.doors import RenewalWorkflow

Handle = WorkflowHandle[Any, Any]


@dataclass(frozen=True)
class DoorTimeline:
    """One request or one renewal, its own clock, and the records it reads."""

    skipper: TimeSkipper
    task_queue: str
    records: FakeDoors
    workflow_id: str

    @property
    def handle(self) -> Handle:
        return self.skipper.client.get_workflow_handle(self.workflow_id)

    @asynccontextmanager
    async def worker(self, *, max_cached_workflows: int = 100) -> AsyncIterator[None]:
        async with build_worker(
            self.skipper.client, activities_of(self.records), task_queue=self.task_queue,
            max_cached_workflows=max_cached_workflows,
        ):  # fmt: skip
            yield

    async def open(self, door: Door | None = None) -> None:
        """The form was taken, or the link made."""
        story: Any = RenewalWorkflow.run if door is None else DOORS[door][0].run
        order = RenewalOf(uuid4()) if door is None else RequestOf(uuid4())
        attributes = None if door is None else at_start(step=Status.ASKED, since=datetime.now(UTC))
        await self.skipper.client.start_workflow(
            story, order, id=self.workflow_id, task_queue=self.task_queue, search_attributes=attributes
        )

    async def proven(self) -> None:
        self.records.prove()
        await self.handle.signal("proven")

    async def decided(self, *, accept: bool) -> None:
        self.records.decide(accept=accept)
        await self.handle.signal("decided")

    async def until_told(self, last: str) -> None:
        """Until this is the last that the records were told."""

        async def heard() -> bool:
            return self.records.told[-1:] == [last]

        await until(heard)

    async def until_looked(self, times: int) -> None:
        """Until the records were read so often."""

        async def read() -> bool:
            return self.records.looks >= times

        await until(read)

    async def pass_time(self, time: timedelta) -> bool:
        """Let days pass; False when the workflow ended meanwhile."""
        self.records.skipped += time
        try:
            return await self.skipper.fast_forward(self.handle, time)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False


def door_timeline(client: Client) -> DoorTimeline:
    name = uuid4().hex[:8]
    skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
    return DoorTimeline(skipper, f"q-{name}", FakeDoors(), f"door-test-{name}")
