"""A portal on servers of one test's own, in one folder, which the test may stop, copy and search byte by byte."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from deploy.postgres import QUICK, _binaries
from deploy.servers import start_mailbox, start_object_store, start_postgres, start_temporal
from portal.store import schema
from tests.conftest import Servers, open_sync
from tests.journeys.stack import Stack

# Nothing of the write-ahead log is written over while it may be searched.
KEPT = {"wal_keep_size": "2GB"}


def a_folder(below: Path) -> Path:
    """One that the user of PostgreSQL can reach."""
    below.chmod(0o755)
    folder = below / "everything"
    folder.mkdir(mode=0o755)
    return folder


@asynccontextmanager
async def everything_below(path: Path) -> AsyncIterator[Stack]:
    folder = a_folder(path)
    with ExitStack() as started:
        started.callback(shutil.rmtree, folder)
        started.callback((postgres := start_postgres(folder / "postgres", settings=QUICK | KEPT)).stop)
        started.callback((temporal := start_temporal(folder / "temporal")).stop)
        started.callback((objects := start_object_store(folder / "objects")).stop)
        started.callback((mailbox := start_mailbox(folder / "mailbox")).stop)
        postgres.create_database("scrutin")
        schema.upgrade(postgres.url("postgres", "scrutin"))
        for role in ("scrutin_api", "scrutin_worker"):
            open_sync(postgres)(f"alter role {role} login")
        servers = Servers(postgres, temporal, objects, mailbox)
        stack = Stack(servers, temporal, folder / "portal", "scrutin")
        try:
            yield stack
        finally:
            # With its Temporal, which a test may have started again.
            await stack.close()


def dump(stack: Stack, file: Path, *but: str) -> None:
    """What a backup would hold, except the rows of these tables."""
    url = stack.servers.postgres.url("postgres", stack.database).replace("+psycopg", "")
    left_out = [f"--exclude-table-data={table}" for table in but]
    subprocess.run(
        [_binaries() / "pg_dump", "--inserts", *left_out, "--file", file, url], check=True, capture_output=True
    )
