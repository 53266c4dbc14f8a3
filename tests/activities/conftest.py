"""The activities as a worker makes them, run without any Temporal server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio
from temporalio.testing import ActivityEnvironment

from activities.campaigns import CampaignActivities
from activities.facts import Facts
from activities.identity import IdentityActivities
from activities.mail import SmtpServer
from activities.onboarding import Policy
from activities.relay import Lost, RelayActivities
from activities.rendering import Letters
from activities.sweep import SweepActivities
from deploy.servers import Mailbox
from portal.rules.mail import Courtesy
from portal.settings import Settings
from portal.store import AsyncEngine, Sessions, open_database, sessions_of
from portal.store.files import Files
from portal.store.sealing import EpochKeys
from tests.conftest import ORIGIN, SECRET, Servers
from tests.store.conftest import as_api, database, kept_database

__all__ = ["as_api", "database", "kept_database"]

POLICY = Policy(timedelta(days=3 * 365), Courtesy(0, 0, timedelta(0)))


@pytest_asyncio.fixture
async def worker_engine(worker_settings: Settings) -> AsyncIterator[AsyncEngine]:
    engine = open_database(worker_settings.database_url.get_secret_value(), pool_size=20)
    yield engine
    await engine.dispose()


@pytest.fixture
def as_worker(worker_engine: AsyncEngine) -> Sessions:
    """The records with the worker's rights."""
    return sessions_of(worker_engine)


@pytest.fixture
def mailbox(servers: Servers) -> Mailbox:
    """An empty mailbox that has good days."""
    servers.mailbox.behave()
    servers.mailbox.empty()
    return servers.mailbox


def smtp_of(mailbox: Mailbox) -> SmtpServer:
    return SmtpServer(
        "127.0.0.1", mailbox.smtp_port, "", "", False, "Portail des membres <portail@exemple.test>",
        "aide@exemple.test", timeout=5.0,
    )  # fmt: skip


@pytest.fixture
def facts() -> Facts:
    return Facts(ORIGIN, SECRET.encode(), POLICY.identity_valid_for)


@pytest.fixture
def letters() -> Letters:
    return Letters(ORIGIN, "aide@exemple.test")


Relaying = Callable[..., "Shift"]


class Shift:
    """A relay at work, until it is stopped or killed."""

    def __init__(self, relay: RelayActivities) -> None:
        self.relay = relay
        self.env = ActivityEnvironment()
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Shift":
        self.task = asyncio.create_task(self.env.run(self.relay.relay))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def kill(self) -> None:
        """As a worker that is told to stop at once."""
        assert self.task is not None
        if not self.task.done():
            self.env.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def end(self) -> None:
        """As a worker that is told to stop, and given the time."""
        assert self.task is not None
        self.env.worker_shutdown()
        await self.task


@pytest.fixture
def relaying(as_worker: Sessions, worker_engine: AsyncEngine, facts: Facts, letters: Letters) -> Relaying:
    """Begin a shift of a relay that sends to this mailbox."""

    async def nobody(lost: Lost) -> None:
        raise AssertionError("no decision is lost here")

    def begin(
        mailbox: Mailbox | SimpleNamespace,
        *,
        shift: timedelta = timedelta(minutes=5),
        deliver: Callable[[Lost], Coroutine[object, object, None]] = nobody,
    ) -> Shift:
        server = smtp_of(mailbox)  # type: ignore[arg-type]
        return Shift(RelayActivities(as_worker, worker_engine, facts, letters, server, deliver, shift))

    return begin


@pytest.fixture
def keys(tmp_path: Path) -> EpochKeys:
    return EpochKeys(tmp_path / "keys")


@pytest.fixture
def identity_activities(as_worker: Sessions, files: Files) -> IdentityActivities:
    return IdentityActivities(as_worker, files, POLICY)


@pytest.fixture
def sweeping(
    as_worker: Sessions, files: Files, keys: EpochKeys, identity_activities: IdentityActivities
) -> SweepActivities:
    return SweepActivities(as_worker, files, keys, identity_activities)


@pytest.fixture
def campaigning(as_worker: Sessions) -> CampaignActivities:
    async def tell(code: str, member_id: object, calendar: object) -> bool:
        return False

    return CampaignActivities(as_worker, POLICY.courtesy, tell)
