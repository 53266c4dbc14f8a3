"""A portal of real processes, and a browser to visit it with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from deploy.servers import start_temporal
from tests.conftest import Servers
from tests.journeys.browser import launch
from tests.journeys.stack import Stack


@pytest_asyncio.fixture
async def stack(servers: Servers, database: str, tmp_path: Path) -> AsyncIterator[Stack]:
    """Not started yet: a campaign that is there before the worker starts is taken up at once."""
    stack = Stack(servers, start_temporal(tmp_path / "temporal"), tmp_path / "portal", database)
    yield stack
    await stack.close()


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        yield browser
        await browser.close()
