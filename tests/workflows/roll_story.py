"""An import of the roll told as a workflow, over a plan in memory: each activity under the name of the real one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHandle

from activities.roll import BatchApplied, BatchOf, ImportOf, Planned
from worker.app import activities_of, build_worker
from workflows import calls

Handle = WorkflowHandle[Any, Any]


class FakeRoll:
    """Remembers which batches it was asked for, in order; the files of the second batch never answer."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.done: list[str] = []
        # So many first attempts at a batch die.
        self.dying = 1

    @activity.defn(name="read_roll_plan")
    async def read_roll_plan(self, order: ImportOf) -> Planned:
        return Planned(self.rows)

    @activity.defn(name="apply_roll_batch")
    async def apply_roll_batch(self, order: BatchOf) -> BatchApplied:
        if order.batch == 1 and self.dying:
            self.dying -= 1
            raise ConnectionError("records away")
        self.done.append(f"apply-{order.batch}")
        return BatchApplied(to_tell=order.batch)

    @activity.defn(name="tell_roll_batch")
    async def tell_roll_batch(self, order: BatchOf) -> None:
        self.done.append(f"tell-{order.batch}")
        if order.batch == 1:
            raise ConnectionError("nobody answers")

    @activity.defn(name="finish_roll_import")
    async def finish_roll_import(self, order: ImportOf) -> None:
        self.done.append("finish")


@dataclass(frozen=True)
class RollStory:
    client: Client
    records: FakeRoll = field(default_factory=lambda: FakeRoll(1007))
    import_id: UUID = field(default_factory=uuid4)
    task_queue: str = field(default_factory=lambda: f"q-{uuid4().hex[:8]}")

    @property
    def handle(self) -> Handle:
        return self.client.get_workflow_handle(f"roll-import-{self.import_id}")

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        async with build_worker(self.client, activities_of(self.records), task_queue=self.task_queue):
            yield

    async def confirm(self) -> None:
        await calls.open_import(self.client, self.task_queue, self.import_id)


async def imported(story: RollStory) -> None:
    await story.confirm()
    # Confirmed twice, it runs once.
    await story.confirm()
    await story.handle.result()


ROLL_STORIES = {"roll-import": imported}
