"""The real servers, started once; a database, a bucket and a task queue of its own for every test."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from pydantic import SecretStr
from temporalio.client import Client

from deploy.postgres import QUICK
from deploy.servers import (
    REGION,
    Mailbox,
    ObjectStore,
    Postgres,
    Temporal,
    start_mailbox,
    start_object_store,
    start_postgres,
    start_temporal,
)
from portal.settings import Settings
from portal.store import AsyncEngine, Sessions, open_database, schema, sessions_of
from portal.store.files import MinioFiles
from portal.temporal import connect
from worker.app import build_means, build_worker
from workflows.relay import RelayWorkflow

ORIGIN = "https://portail.exemple.test"


def pytest_configure(config: pytest.Config) -> None:
    """A temporary root of this run's own.

    pytest closes the one it shares between runs to everybody else whenever a run begins, and PostgreSQL, which does
    not run as root, would lose its data folder in the middle of another run.
    """
    if not hasattr(config, "workerinput"):
        root = tempfile.mkdtemp(prefix="scrutin-tests-")
        os.environ["PYTEST_DEBUG_TEMPROOT"] = root
        config.add_cleanup(lambda: shutil.rmtree(root, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The journeys, which take longest, come first: no worker is left with one of them at the end."""
    items.sort(key=lambda item: item.path.parent.name != "journeys")


SECRET = "a secret of the tests, thirty-two characters and more"


@dataclass(frozen=True)
class Servers:
    postgres: Postgres
    temporal: Temporal
    objects: ObjectStore
    mailbox: Mailbox


@contextmanager
def running_servers(folder: Path) -> Iterator[Servers]:
    """PostgreSQL, Temporal, S3 and SMTP: the servers of the demo, on free loopback ports."""
    folder.chmod(0o755)
    started: list[Postgres | Temporal | ObjectStore | Mailbox] = []
    try:
        started.append(postgres := start_postgres(folder / "postgres", settings=QUICK))
        started.append(temporal := start_temporal(folder / "temporal"))
        started.append(objects := start_object_store(folder / "objects"))
        started.append(mailbox := start_mailbox(folder / "mailbox"))
        postgres.create_database("template_scrutin")
        schema.upgrade(postgres.url("postgres", "template_scrutin"))
        superuser = open_sync(postgres)
        superuser("alter role scrutin_api login")
        superuser("alter role scrutin_worker login")
        yield Servers(postgres, temporal, objects, mailbox)
    finally:
        for server in reversed(started):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running_servers(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


def open_sync(postgres: Postgres, database: str = "postgres"):  # type: ignore[no-untyped-def]
    """Run one statement as the superuser."""
    import psycopg

    def run(statement: str) -> None:
        url = postgres.url("postgres", database).replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement)

    return run


@pytest.fixture
def database(servers: Servers) -> Iterator[str]:
    """The name of a fresh database, built once by the real migrations and copied for each test."""
    name = f"t_{uuid4().hex[:12]}"
    servers.postgres.create_database(name, template="template_scrutin")
    yield name
    servers.postgres.drop_database(name)


def settings_for(servers: Servers, database: str, role: str, folder: Path, bucket: str) -> Settings:
    return Settings(
        origin=ORIGIN,
        database_url=SecretStr(servers.postgres.url(role, database)),
        secret=SecretStr(SECRET),
        key_folder=folder / "keys",
        temporal_address=servers.temporal.address,
        temporal_ui="http://127.0.0.1:8233",
        s3_endpoint=servers.objects.address,
        s3_access_key=servers.objects.access_key,
        s3_secret_key=SecretStr(servers.objects.secret_key),
        s3_bucket=bucket,
        s3_region=REGION,
        s3_secure=False,
        smtp_host="127.0.0.1",
        smtp_port=servers.mailbox.smtp_port,
        smtp_starttls=False,
        # Decisions take effect at once, and one opinion is enough for all but a refusal.
        undo_seconds=0,
        second_look_percent=0,
        # Never quiet, never spread: tests run at any hour.
        quiet_from=0,
        quiet_until=0,
        notice_spread_minutes=0,
    )


@pytest.fixture
def bucket() -> str:
    return f"identity-{uuid4().hex[:12]}"


@pytest.fixture
def worker_settings(servers: Servers, database: str, tmp_path: Path, bucket: str) -> Settings:
    return settings_for(servers, database, "scrutin_worker", tmp_path, bucket)


@pytest.fixture
def api_settings(servers: Servers, database: str, tmp_path: Path, bucket: str) -> Settings:
    return settings_for(servers, database, "scrutin_api", tmp_path, bucket)


@pytest_asyncio.fixture
async def engine(servers: Servers, database: str) -> AsyncIterator[AsyncEngine]:
    """The owner's view, for arranging and for looking."""
    engine = open_database(servers.postgres.url("postgres", database), pool_size=2)
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def sessions(engine: AsyncEngine) -> Sessions:
    return sessions_of(engine)


@pytest_asyncio.fixture
async def files(worker_settings: Settings) -> MinioFiles:
    """The object store, with a bucket of this test's own."""
    s = worker_settings
    store = MinioFiles(
        s.s3_endpoint, s.s3_access_key, s.s3_secret_key.get_secret_value(), s.s3_bucket, region=s.s3_region,
        secure=False, create_bucket=True,
    )  # fmt: skip
    await store.check_policy()
    return store


@pytest_asyncio.fixture(scope="session")
async def client(servers: Servers) -> Client:
    return await connect(servers.temporal.address, "default")


@dataclass(frozen=True)
class Running:
    """A worker of this test's own, on its own task queue, with a relay."""

    client: Client
    task_queue: str


@pytest_asyncio.fixture
async def running(client: Client, worker_settings: Settings, files: MinioFiles) -> AsyncIterator[Running]:
    task_queue = f"q-{uuid4().hex[:8]}"
    means = build_means(worker_settings, client, task_queue)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(means.close)
        await stack.enter_async_context(build_worker(client, means.activities, task_queue=task_queue))
        relay = await client.start_workflow(RelayWorkflow.run, id=f"relay-{task_queue}", task_queue=task_queue)
        stack.push_async_callback(relay.terminate)
        yield Running(client, task_queue)
