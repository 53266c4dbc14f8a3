"""The records as each process sees them."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
import pytest_asyncio

from portal.settings import Settings
from portal.store import Sessions, open_database, sessions_of
from portal.store.base import Base
from tests.conftest import Servers, open_sync


@pytest.fixture(scope="session")
def kept_database(servers: Servers) -> Iterator[str]:
    """One database for all these tests: emptying it takes a tenth of the time that making a new one takes."""
    name = f"k_{uuid4().hex[:12]}"
    servers.postgres.create_database(name, template="template_scrutin")
    yield name
    servers.postgres.drop_database(name)


@pytest.fixture
def database(servers: Servers, kept_database: str) -> Iterator[str]:
    """Its name, and nothing left in it afterwards."""
    yield kept_database
    empty = open_sync(servers.postgres, kept_database)
    empty(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    # The journal is only added to, even by its owner: a superuser goes around the triggers.
    tables = ", ".join(f"public.{table}" for table in Base.metadata.tables)
    empty(f"set session_replication_role = replica; truncate {tables} restart identity")


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
