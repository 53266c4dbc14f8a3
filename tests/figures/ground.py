"""The servers, the worker and the pages as real processes, for measuring."""

import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import httpx
import psycopg
from temporalio.client import Client

from deploy.processes import LOOPBACK, TUNED_MALLOC, Process, answers, free_port, start
from deploy.servers import REGION, start_mailbox, start_object_store, start_postgres, start_temporal
from portal.store import Sessions, open_database, schema, sessions_of
from portal.temporal import connect
from tests.figures.floor import WORKFLOW_ID

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ground:
    client: Client
    sessions: Sessions
    origin: str
    http: httpx.AsyncClient
    # For what is timed: to the portal, and to the barest page.
    wire: HTTPConnection
    barest: HTTPConnection
    # The worker's two halves, and how to start one again that was killed.
    workers: dict[str, Process]
    restart: Callable[[str], None]

    @property
    def host(self) -> str:
        return self.origin.removeprefix("http://")

    def get(self, path: str, headers: dict[str, str]) -> tuple[float, int]:
        """How long a page took, in ms, and its status."""
        began = time.perf_counter()
        self.wire.request("GET", path, headers=headers)
        answer = self.wire.getresponse()
        answer.read()
        return (time.perf_counter() - began) * 1000, answer.status


def _is_ready(log: Path) -> bool:
    return "worker-ready" in log.read_text()


@asynccontextmanager
async def ground(folder: Path) -> AsyncIterator[Ground]:
    """Everything the demo has, with the demo's own settings, and the floor's worker beside it."""
    async with AsyncExitStack() as stack:
        postgres = start_postgres(folder / "postgres")
        stack.callback(postgres.stop)
        temporal = start_temporal(folder / "temporal")
        stack.callback(temporal.stop)
        objects = start_object_store(folder / "objects", buckets=["identity"])
        stack.callback(objects.stop)
        mailbox = start_mailbox(folder / "mailbox")
        stack.callback(mailbox.stop)
        for name in ("scrutin", "floor"):
            postgres.create_database(name)
        schema.upgrade(postgres.url("postgres", "scrutin"))
        plain = postgres.url("postgres", "scrutin").replace("+psycopg", "")
        with psycopg.connect(plain, autocommit=True) as connection:
            for role in ("scrutin_api", "scrutin_worker"):
                connection.execute(f"alter role {role} login")
        port = free_port()
        origin = f"http://localhost:{port}"
        env = {
            "PORTAL_ORIGIN": origin, "PORTAL_SECRET": "figures" * 6, "PORTAL_KEY_FOLDER": str(folder / "keys"),
            "TEMPORAL_ADDRESS": temporal.address, "PORTAL_S3_ENDPOINT": objects.address,
            "PORTAL_S3_ACCESS_KEY": objects.access_key, "PORTAL_S3_SECRET_KEY": objects.secret_key,
            "PORTAL_S3_REGION": REGION, "PORTAL_S3_SECURE": "false", "PORTAL_SMTP_PORT": str(mailbox.smtp_port),
            "PORTAL_SMTP_STARTTLS": "false", "PORTAL_API_PORT": str(port), "PORTAL_QUIET_FROM": "0",
            "PORTAL_QUIET_UNTIL": "0", "PORTAL_NOTICE_SPREAD_MINUTES": "0", "PORTAL_LOG_LEVEL": "WARNING",
            # What is measured is the portal, not the half minute a reviewer has to think again.
            "PORTAL_UNDO_SECONDS": "0", "PORTAL_SECOND_LOOK_PERCENT": "0",
        }  # fmt: skip
        python = sys.executable

        def environment_of(name: str) -> dict[str, str]:
            return {**env, **TUNED_MALLOC, "PORTAL_DATABASE_URL": postgres.url(name, "scrutin")}

        workers: dict[str, Process] = {}

        def run_worker(part: str) -> None:
            log = folder / f"{part}.log"
            log.unlink(missing_ok=True)
            workers[part] = start(
                part, [python, "-m", "worker", part], log=log, cwd=ROOT,
                # It says that it is ready on this level.
                env={**environment_of("scrutin_worker"), "PORTAL_LOG_LEVEL": "INFO"}, ready=partial(_is_ready, log),
            )  # fmt: skip

        def stop_worker(part: str) -> None:
            workers[part].stop()

        for part in ("members", "background"):
            run_worker(part)
            stack.callback(partial(stop_worker, part))
        pages = start(
            "api", [python, "-m", "api"], log=folder / "api.log", cwd=ROOT, env=environment_of("scrutin_api"),
            ready=lambda: answers(port),
        )  # fmt: skip
        stack.callback(pages.stop)
        floor_url = postgres.url("postgres", "floor").replace("+psycopg", "")
        floor = start(
            "floor", [python, "-m", "tests.figures.floor", temporal.address, floor_url], log=folder / "floor.log",
            cwd=ROOT, ready=lambda: True,
        )  # fmt: skip
        stack.callback(floor.stop)
        engine = open_database(postgres.url("postgres", "scrutin"), pool_size=2)
        stack.push_async_callback(engine.dispose)
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=origin.replace("localhost", LOOPBACK), headers={"Host": f"localhost:{port}"}, timeout=30
            )
        )
        bare_port = free_port()
        given = [temporal.address, postgres.url("scrutin_api", "scrutin"), WORKFLOW_ID, str(bare_port)]
        bare = start(
            "barest", [python, "-m", "tests.figures.barest", *given], log=folder / "barest.log", cwd=ROOT,
            ready=lambda: answers(bare_port),
        )  # fmt: skip
        stack.callback(bare.stop)
        wire, barest = (HTTPConnection(LOOPBACK, to, timeout=30) for to in (port, bare_port))
        stack.callback(wire.close)
        stack.callback(barest.close)
        client = await connect(temporal.address, "default")
        yield Ground(client, sessions_of(engine), origin, http, wire, barest, workers, run_worker)
