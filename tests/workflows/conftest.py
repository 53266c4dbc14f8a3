"""Members on the real servers, and workflows whose days pass in milliseconds."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client

from portal.settings import Settings
from portal.store import Sessions
from portal.store.files import MinioFiles
from tests.conftest import Running, Servers
from tests.workflows.journeys import World
from worker.app import build_means, build_worker


@pytest.fixture
def posting_world(
    running: Running, servers: Servers, sessions: Sessions, files: MinioFiles, worker_settings: Settings
) -> World:
    """With a relay: mails arrive in the mailbox."""
    return World(running, servers, sessions, files, worker_settings)


@pytest_asyncio.fixture
async def world(
    client: Client, servers: Servers, sessions: Sessions, files: MinioFiles, worker_settings: Settings
) -> AsyncIterator[World]:
    """Without a relay: mails stay in the outbox, and the worker is gone the moment it is told."""
    task_queue = f"q-{uuid4().hex[:8]}"
    means = build_means(worker_settings, client, task_queue)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(means.close)
        await stack.enter_async_context(build_worker(client, means.activities, task_queue=task_queue))
        yield World(Running(client, task_queue), servers, sessions, files, worker_settings)
