"""What every page works with, made once per process."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from fastapi import Request
from jinja2 import Environment
from temporalio.client import Client

from api.assets import Assets
from api.components import macros
from api.minute import Minute
from api.passwords import Passwords
from portal.rules.forecast import Promise
from portal.rules.links import keyed
from portal.settings import Settings
from portal.store import AsyncEngine, Sessions, autocommit_of, sessions_of
from portal.store.files import Files
from portal.store.sealing import EpochKeys
from portal.temporal import BACKGROUND_QUEUE, TASK_QUEUE
from portal.text import environment

TEMPLATES = Path(__file__).parent / "templates"

# Pages that reach the records over connections of their own, and wait behind no other page for one (T86).
BOOTH = frozenset({"vote", "vote-review", "vote-cast", "vote-done"})


@dataclass
class Portal:
    settings: Settings
    engine: AsyncEngine
    # Transactions; and single statements, for pages that only look.
    sessions: Sessions
    autocommit: Sessions
    files: Files
    keys: EpochKeys
    client: Client
    passwords: Passwords
    templates: dict[str, Environment]
    task_queue: str = TASK_QUEUE
    minute: Minute = field(default_factory=Minute)
    # What was last promised to the members of each campaign.
    promises: dict[UUID, Promise] = field(default_factory=dict)

    def beside(self, engine: AsyncEngine) -> "Portal":
        """The same, over other connections to the records."""
        return replace(self, engine=engine, sessions=sessions_of(engine), autocommit=autocommit_of(engine))

    @property
    def background_queue(self) -> str:
        """Of what nobody waits for; one worker of a test's own does everything."""
        return BACKGROUND_QUEUE if self.task_queue == TASK_QUEUE else self.task_queue

    @property
    def secret(self) -> bytes:
        return self.settings.secret.get_secret_value().encode()

    @property
    def identity_valid_for(self) -> timedelta:
        return timedelta(days=self.settings.identity_valid_days)

    def counter(self, purpose: str, value: str) -> str:
        """The key of a throttle, which names nobody."""
        return keyed(self.secret, purpose, value)


def templates(assets: Assets) -> dict[str, Environment]:
    """One environment per language; pages build with the macros of the design system and know where its files are."""
    made = environment(TEMPLATES)
    for env in made.values():
        env.globals.update(macros(), asset=assets.address, integrity=assets.integrity, fingerprint=assets.fingerprint)
    return made


def portal_of(request: Request) -> Portal:
    name: str = getattr(request.scope.get("route"), "name", "")
    state = request.app.state
    portal = state.booth if name.rpartition(".")[0] in BOOTH else state.portal
    assert isinstance(portal, Portal), "the application is started before it answers"
    return portal
