"""Leases over time, whose minutes pass in milliseconds, over records in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from activities.leases import LeaseOf, LeaseState
from portal.rules.identity import CLAIM_LEASE
from tests.workflows.journeys import until
from worker.app import activities_of, build_worker
from workflows.leases import LeaseWorkflow


class FakeLease:
    """One lease, as the records know it."""

    def __init__(self) -> None:
        self.until: datetime | None = datetime.now(UTC) + CLAIM_LEASE
        self.skipped = timedelta(0)
        self.looks = 0
        self.records_away = 0

    @activity.defn(name="return_lease")
    async def return_lease(self, order: LeaseOf) -> LeaseState:
        if self.records_away:
            self.records_away -= 1
            raise ConnectionError("records away")
        self.looks += 1
        if self.until is not None and self.until <= datetime.now(UTC) + self.skipped:
            self.until = None
        return LeaseState(self.until)


@dataclass(frozen=True)
class LeaseStory:
    skipper: TimeSkipper
    task_queue: str
    lease: FakeLease
    claim_id: UUID

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        return self.skipper.client.get_workflow_handle(f"lease-test-{self.claim_id}")

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        async with build_worker(self.skipper.client, activities_of(self.lease), task_queue=self.task_queue):
            yield

    async def open(self) -> None:
        assert self.lease.until is not None
        await self.skipper.client.start_workflow(
            LeaseWorkflow.run, LeaseOf(self.claim_id, self.lease.until), id=self.handle.id, task_queue=self.task_queue
        )

    async def pass_time(self, time: timedelta) -> None:
        self.lease.skipped += time
        await self.skipper.fast_forward(self.handle, time)

    async def looked(self, times: int) -> None:
        async def so() -> bool:
            return self.lease.looks >= times

        await until(so)


def lease_story(client: Client) -> LeaseStory:
    skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
    return LeaseStory(skipper, f"q-{uuid4().hex[:8]}", FakeLease(), uuid4())


async def lease_ends(story: LeaseStory) -> None:
    await story.open()
    await story.pass_time(CLAIM_LEASE + timedelta(seconds=1))
    await story.handle.result()


async def lease_given_back(story: LeaseStory) -> None:
    await story.open()
    story.lease.until = None
    await story.handle.signal(LeaseWorkflow.returned)
    await story.handle.result()


async def lease_prolonged(story: LeaseStory) -> None:
    """And a forged signal on the way."""
    await story.open()
    await story.handle.signal(LeaseWorkflow.returned)
    await story.looked(1)
    await story.pass_time(CLAIM_LEASE / 2)
    assert story.lease.until is not None
    story.lease.until += CLAIM_LEASE / 2
    await story.handle.signal(LeaseWorkflow.returned)
    await story.looked(2)
    await story.pass_time(CLAIM_LEASE)
    await story.handle.result()


LEASE_STORIES: dict[str, Callable[[LeaseStory], Awaitable[None]]] = {
    "lease-ends": lease_ends,
    "lease-given-back": lease_given_back,
    "lease-prolonged": lease_prolonged,
}
