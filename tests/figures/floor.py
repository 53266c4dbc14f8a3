"""The floor: the least that a durable step can be, on the same servers as the portal."""

import asyncio
import sys
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    import psycopg

QUEUE = "floor"
# The one workflow whose steps are timed.
WORKFLOW_ID = "floor"


@dataclass(frozen=True)
class Step:
    key: str


class FloorActivities:
    """One row, one commit: nothing is read, nothing is decided."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self.connection = connection

    @activity.defn(name="floor_step")
    async def step(self, step: Step) -> None:
        await self.connection.execute("insert into floor (key) values (%s) on conflict do nothing", (step.key,))
        await self.connection.commit()


@workflow.defn
class FloorWorkflow:
    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update
    async def step(self, step: Step) -> None:
        await workflow.execute_local_activity("floor_step", step, start_to_close_timeout=timedelta(seconds=5))


async def work(address: str, database: str) -> None:
    """A worker of its own process, like the portal's."""
    client = await Client.connect(address)
    connection = await psycopg.AsyncConnection.connect(database)
    await connection.execute("create table if not exists floor (key text primary key)")
    await connection.commit()
    async with Worker(
        client, task_queue=QUEUE, workflows=[FloorWorkflow], activities=[FloorActivities(connection).step]
    ):
        await asyncio.Event().wait()


async def one_step(client: Client, workflow_id: str) -> None:
    handle = client.get_workflow_handle(workflow_id)
    key = str(uuid4())
    await handle.execute_update(FloorWorkflow.step, Step(key), id=key)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2]))
