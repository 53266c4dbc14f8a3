"""The application with its own database, bucket and worker, and people to visit it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.types import ASGIApp, Message
from temporalio.client import Client

from api.app import create_app
from api.gate import Gate
from api.portal import Portal
from portal.settings import Settings
from portal.store.files import MinioFiles
from tests.api.person import Person
from tests.conftest import ORIGIN, Running

# Cheap parameters would be rehashed at sign-in: these are the portal's own.
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
PASSWORD = "le bourgeois gentilhomme de Gatineau"
PASSWORD_HASH = HASHER.hash(PASSWORD)


@asynccontextmanager
async def lived(app: ASGIApp) -> AsyncIterator[None]:
    """Run an application's start and end, as a server would."""
    inbox: asyncio.Queue[Message] = asyncio.Queue()
    outbox: asyncio.Queue[Message] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
    task: asyncio.Task[None] = asyncio.create_task(app(scope, inbox.get, outbox.put))  # type: ignore[arg-type]
    await inbox.put({"type": "lifespan.startup"})
    started = await outbox.get()
    assert started["type"] == "lifespan.startup.complete", started
    try:
        yield
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        await outbox.get()
        await task


Visit = Callable[..., Person]


@asynccontextmanager
async def visits(app: ASGIApp) -> AsyncIterator[Visit]:
    """A function that makes people; each has cookies of their own."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(lived(app))
        clients: list[httpx.AsyncClient] = []

        def visit(language: str = "fr", address: str = "127.0.0.1", **more: Any) -> Person:
            transport = httpx.ASGITransport(app=app, client=(address, 1234), raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url=ORIGIN, timeout=30, **more)
            clients.append(client)
            return Person(client, language)

        yield visit
        for client in clients:
            await client.aclose()


@pytest.fixture
def app(running: Running, api_settings: Settings) -> Gate:
    """The portal with everything alive behind it."""
    return create_app(api_settings, client=running.client, task_queue=running.task_queue)


@pytest_asyncio.fixture
async def visit(app: Gate) -> AsyncIterator[Visit]:
    async with visits(app) as visit:
        yield visit


@pytest.fixture
def app_alone(client: Client, files: MinioFiles, api_settings: Settings) -> Gate:
    """The portal without a worker, for what no workflow and no mail takes part in."""
    return create_app(api_settings, client=client, task_queue="nobody")


@pytest_asyncio.fixture
async def visit_alone(app_alone: Gate) -> AsyncIterator[Visit]:
    async with visits(app_alone) as visit:
        yield visit


def _behind(app: Gate, name: str = "portal") -> Portal:
    made = getattr(cast(FastAPI, app.app).state, name)
    assert isinstance(made, Portal)
    return made


@pytest.fixture
def portal(app: Gate, visit: Visit) -> Portal:
    """What the pages work with, once they are open to visitors."""
    return _behind(app)


@pytest.fixture
def portal_alone(app_alone: Gate, visit_alone: Visit) -> Portal:
    return _behind(app_alone)


@pytest.fixture
def booth_alone(app_alone: Gate, visit_alone: Visit) -> Portal:
    """The same for the pages of the booth."""
    return _behind(app_alone, "booth")
