"""The schema as a whole: every table in one place, brought up to date by `python -m portal migrate`."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

from portal.store import (  # noqa: F401  (a table exists once its module is imported)
    accounts,
    ballots,
    campaign_changes,
    campaigns,
    chain,
    doors,
    factors,
    identity,
    journal,
    links,
    mail,
    members,
    onboarding,
    opinions,
    paper,
    results,
    roll,
    sessions,
    staff,
    votes,
)
from portal.store.base import Base

MIGRATIONS = Path(__file__).parent / "migrations"

# The two roles of the running processes. They own nothing.
API_ROLE = "scrutin_api"
WORKER_ROLE = "scrutin_worker"

# Two processes that start at once must not migrate at once.
_LOCK = 7_204_991
# Whoever asks how things stand is told within seconds, if only that the server is away.
_SOON = {"connect_timeout": 3}


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database up to date, as its owner."""
    engine = create_engine(url)
    with engine.connect() as connection:
        connection.execute(text(f"select pg_advisory_lock({_LOCK})"))
        connection.commit()
        try:
            command.upgrade(_config(connection), revision)
        finally:
            connection.execute(text(f"select pg_advisory_unlock({_LOCK})"))
            connection.commit()
    engine.dispose()


def drift(url: str) -> list[object]:
    """What the tables in code and those in a database do not agree on; empty when all is well."""
    engine = create_engine(url, connect_args=_SOON)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    return list(differences)


async def revisions(url: str) -> tuple[str | None, list[str]]:
    """Where a database is and where the code wants it, for whoever must not stand still meanwhile."""
    return await asyncio.to_thread(current, url), heads()


async def drift_of(url: str) -> int:
    """How many differences there are."""
    return len(await asyncio.to_thread(drift, url))


def heads() -> list[str]:
    return list(ScriptDirectory.from_config(_config()).get_heads())


def current(url: str) -> str | None:
    engine = create_engine(url, connect_args=_SOON)
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    return revision
