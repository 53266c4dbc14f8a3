"""The portal as it runs in production: `python -m api` and `python -m worker`, each a process of its own."""

import http.client
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx

from deploy import processes
from deploy.processes import LOOPBACK, Process
from deploy.servers import REGION, Temporal
from portal.store import AsyncEngine, Sessions, open_database, sessions_of
from portal.store.files import MinioFiles
from tests.api.person import Person
from tests.conftest import SECRET, Servers

PROJECT = Path(__file__).resolve().parents[2]
NAMESPACE = "default"


@dataclass
class Stack:
    """One portal with a database, a bucket and a Temporal server of its own: standing ids are fixed."""

    servers: Servers
    temporal: Temporal
    folder: Path
    database: str
    bucket: str = field(default_factory=lambda: f"identity-{uuid4().hex[:12]}")
    port: int = field(default_factory=processes.free_port)
    api: Process | None = None
    worker: Process | None = None
    # Settings of this portal that are not those of every other.
    settings: dict[str, str] = field(default_factory=dict)
    engine: AsyncEngine = field(init=False)
    sessions: Sessions = field(init=False)
    files: MinioFiles = field(init=False)
    _clients: list[httpx.AsyncClient] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The owner's view, for arranging and for looking.
        self.engine = open_database(self.servers.postgres.url("postgres", self.database), pool_size=4)
        self.sessions = sessions_of(self.engine)
        objects = self.servers.objects
        self.files = MinioFiles(
            objects.address, objects.access_key, objects.secret_key, self.bucket, region=REGION, secure=False,
            create_bucket=True,
        )  # fmt: skip
        self.temporary.mkdir(parents=True)

    @property
    def origin(self) -> str:
        # Browsers take Secure cookies over plain HTTP from this name.
        return f"http://localhost:{self.port}"

    @property
    def keys(self) -> Path:
        return self.folder / "keys"

    @property
    def temporary(self) -> Path:
        """Where the processes would put temporary files, if they made any."""
        return self.folder / "tmp"

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def environment(self, role: str) -> dict[str, str]:
        """What a process of the portal is told, and nothing of the portal of the person at the keyboard."""
        objects = self.servers.objects
        theirs = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("PORTAL_", "TEMPORAL_", "SCRUTIN_"))
        }  # fmt: skip
        return theirs | {
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(self.temporary),
            "PORTAL_ORIGIN": self.origin,
            "PORTAL_SECRET": SECRET,
            "PORTAL_DATABASE_URL": self.servers.postgres.url(role, self.database),
            "PORTAL_KEY_FOLDER": str(self.keys),
            "PORTAL_API_HOST": LOOPBACK,
            "PORTAL_API_PORT": str(self.port),
            "TEMPORAL_ADDRESS": self.temporal.address,
            "TEMPORAL_NAMESPACE": NAMESPACE,
            "PORTAL_S3_ENDPOINT": objects.address,
            "PORTAL_S3_ACCESS_KEY": objects.access_key,
            "PORTAL_S3_SECRET_KEY": objects.secret_key,
            "PORTAL_S3_BUCKET": self.bucket,
            "PORTAL_S3_REGION": REGION,
            "PORTAL_S3_SECURE": "false",
            "PORTAL_SMTP_HOST": LOOPBACK,
            "PORTAL_SMTP_PORT": str(self.servers.mailbox.smtp_port),
            "PORTAL_SMTP_STARTTLS": "false",
            # Decisions take effect at once, and one opinion is enough for all but a refusal.
            "PORTAL_UNDO_SECONDS": "0",
            "PORTAL_SECOND_LOOK_PERCENT": "0",
            # Never quiet, never spread: tests run at any hour.
            "PORTAL_QUIET_FROM": "0",
            "PORTAL_QUIET_UNTIL": "0",
            "PORTAL_NOTICE_SPREAD_MINUTES": "0",
            **self.settings,
        }

    async def start(self) -> None:
        await self.files.check_policy()
        self.start_worker()
        self.start_api()

    def start_api(self) -> None:
        self.api = self._start("api", "scrutin_api", self._answers)

    def start_worker(self, ready: Callable[[], bool] | None = None) -> None:
        log = self.log("worker")
        before = log.stat().st_size if log.exists() else 0
        self.worker = self._start(
            "worker", "scrutin_worker", ready or (lambda: b"worker-ready" in log.read_bytes()[before:])
        )

    def _start(self, module: str, role: str, ready: Callable[[], bool]) -> Process:
        return processes.start(
            module,
            [sys.executable, "-m", module],
            log=self.log(module),
            ready=ready,
            within=60,
            env=self.environment(role),
            cwd=PROJECT,
        )

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def visit(self, language: str = "fr") -> Person:
        """Somebody with a browser of their own, over real HTTP."""

        async def as_browsers_do(_: httpx.Response) -> None:
            # A Secure cookie of localhost travels over plain HTTP.
            for cookie in client.cookies.jar:
                cookie.secure = False

        client = httpx.AsyncClient(
            base_url=self.origin, timeout=30, trust_env=False, event_hooks={"response": [as_browsers_do]}
        )
        self._clients.append(client)
        return Person(client, language)

    def stop_portal(self) -> None:
        """The two processes of ours; the servers stay."""
        for process in (self.api, self.worker):
            if process is not None:
                process.stop(patience=15)

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        for process in (self.api, self.worker):
            # Made to be killed at any moment.
            if process is not None:
                process.kill()
        self.temporal.stop()
        await self.engine.dispose()
