"""The records as each process sees them."""

from collections.abc import AsyncIterator

import pytest_asyncio

from portal.settings import Settings
from portal.store import Sessions, open_database, sessions_of


@pytest_asyncio.fixture
async def as_api(api_settings: Settings) -> AsyncIterator[Sessions]:
    """What the pages may do."""
    engine = open_database(api_settings.database_url.get_secret_value(), pool_size=10)
    yield sessions_of(engine)
    await engine.dispose()


@pytest_asyncio.fixture
async def as_worker(worker_settings: Settings) -> AsyncIterator[Sessions]:
    """What the activities may do."""
    engine = open_database(worker_settings.database_url.get_secret_value(), pool_size=10)
    yield sessions_of(engine)
    await engine.dispose()
