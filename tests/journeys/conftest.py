"""A portal of real processes, and a browser to visit it with."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from deploy.servers import start_temporal
from tests import builders
from tests.conftest import Servers
from tests.journeys.after import after_the_vote
from tests.journeys.alone import everything_below
from tests.journeys.browser import launch
from tests.journeys.people import Somebody, Town, everybody
from tests.journeys.stack import Stack


@pytest_asyncio.fixture
async def stack(servers: Servers, database: str, tmp_path: Path) -> AsyncIterator[Stack]:
    """Not started yet: a campaign that is there before the worker starts is taken up at once."""
    stack = Stack(servers, start_temporal(tmp_path / "temporal"), tmp_path / "portal", database)
    yield stack
    await stack.close()


@pytest_asyncio.fixture
async def alone(tmp_path: Path) -> AsyncIterator[Stack]:
    """Servers of this test's own, in one folder, which it may stop and search."""
    async with everything_below(tmp_path) as stack:
        yield stack


@pytest_asyncio.fixture(scope="session")
async def town(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """One portal for all tests that only need people of their own."""
    name, folder = f"t_{uuid4().hex[:12]}", tmp_path_factory.mktemp("town")
    servers.postgres.create_database(name, template="template_scrutin")
    stack = Stack(servers, start_temporal(folder / "temporal"), folder / "portal", name)
    async with stack.sessions.begin() as session:
        await builders.a_campaign(session)
    await stack.start()
    yield Town(stack)
    await stack.close()
    servers.postgres.drop_database(name)


@pytest_asyncio.fixture(scope="session")
async def people(town: Town) -> dict[str, Somebody]:
    """Made once, looked at by many: no test changes them."""
    return await everybody(town) | await after_the_vote(town)


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        yield browser
        await browser.close()
