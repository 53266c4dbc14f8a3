"""The schema: built by its migrations alone, in one line, and the same as the tables in code."""

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import ARRAY, Date, DateTime, text
from sqlalchemy.dialects.postgresql import JSONB

from portal.store import Sessions, schema
from portal.store.base import Base
from tests.conftest import Servers

DATED = re.compile(r"20[0-9]{2}(0[1-9]|1[0-2])([0-2][0-9]|3[01])_[a-z0-9_]+\.py")
FILES = sorted(p for p in (schema.MIGRATIONS / "versions").glob("*.py") if p.name != "__init__.py")


@pytest.fixture
def empty(servers: Servers) -> Iterator[str]:
    """The address of a database with nothing in it."""
    name = f"e_{uuid4().hex[:12]}"
    servers.postgres.create_database(name)
    yield servers.postgres.url("postgres", name)
    servers.postgres.drop_database(name)


def test_migrations_build_everything_from_an_empty_database_twice_without_harm(empty: str) -> None:
    assert schema.current(empty) is None

    schema.upgrade(empty)
    first = schema.current(empty)
    schema.upgrade(empty)

    assert [first] == schema.heads()
    assert schema.current(empty) == first
    assert schema.drift(empty) == []


def test_the_processes_make_no_temporary_tables_which_would_come_first_in_a_search_path(
    empty: str, servers: Servers
) -> None:
    from sqlalchemy import create_engine

    engine = create_engine(empty)
    name = empty.rpartition("/")[2]
    with engine.begin() as connection:
        connection.execute(text(f'grant temporary on database "{name}" to public'))
    schema.upgrade(empty)
    with engine.begin() as connection:
        for role in ("scrutin_api", "scrutin_worker"):
            asked = text("select has_database_privilege(:role, current_database(), 'TEMPORARY')")
            assert connection.scalar(asked, {"role": role}) is False
    engine.dispose()


def test_drift_is_noticed_when_there_is_some(empty: str, servers: Servers) -> None:
    from tests.conftest import open_sync

    schema.upgrade(empty)
    open_sync(servers.postgres, empty.rpartition("/")[2].partition("?")[0])("alter table claim drop column claimed_at")

    assert len(schema.drift(empty)) == 1


def test_there_is_exactly_one_newest_migration() -> None:
    assert len(schema.heads()) == 1


@pytest.mark.parametrize("name", [file.name for file in FILES])
def test_migrations_are_dated(name: str) -> None:
    assert DATED.fullmatch(name), name


def test_the_order_of_dates_is_the_order_of_migrations() -> None:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(schema._config())
    in_order = [revision.revision for revision in script.walk_revisions()][::-1]

    assert [name[:8] for name in in_order] == sorted(name[:8] for name in in_order)
    assert set(in_order) == {file.stem for file in FILES}


def test_every_moment_in_code_has_a_time_zone() -> None:
    moments = [
        (str(c), c.type.timezone)
        for table in Base.metadata.tables.values()
        for c in table.columns
        if isinstance(c.type, DateTime)
    ]

    assert len(moments) > 30
    assert [name for name, zoned in moments if not zoned] == []


def test_nothing_is_stored_in_a_form_that_could_hold_a_picture_or_a_sentence_unnoticed() -> None:
    """T56: bytes are hashes, wrapped and public keys, and challenges; lists and free facts are few and named."""
    odd = {
        f"{table.name}.{c.name}": type(c.type).__name__
        for table in Base.metadata.tables.values()
        for c in table.columns
        if isinstance(c.type, ARRAY | JSONB | Date) or "Binary" in type(c.type).__name__
    }

    assert odd == {
        "authenticator.offered": "LargeBinary",
        "authenticator.secret": "LargeBinary",
        "ballot.groups": "ARRAY",
        "claim.differs": "ARRAY",
        "campaign.election_key": "LargeBinary",
        "campaign.trustees": "JSONB",
        "campaign_change.wanted": "JSONB",
        "document.epoch": "Date",
        "document.wrapped_key": "LargeBinary",
        "door_request.said": "JSONB",
        "door_request.token_hash": "LargeBinary",
        "journal_link.hash": "LargeBinary",
        "journal_link.prev": "LargeBinary",
        "link.token_hash": "LargeBinary",
        "outbox.facts": "JSONB",
        "passkey.credential_id": "LargeBinary",
        "passkey.public_key": "LargeBinary",
        # How many were set aside, by reasons that are codes; and what every receipt is made of.
        "sealed_ballot.reasons": "JSONB",
        "sealed_vote.digest": "LargeBinary",
        "sign_in.challenge": "LargeBinary",
        "sign_in.token_hash": "LargeBinary",
        # Sealed: what it says is known to nobody here.
        "vote.ciphertext": "LargeBinary",
        "vote.digest": "LargeBinary",
    }


async def test_every_moment_in_the_database_has_a_time_zone(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        without = await session.scalars(
            text(
                "select table_name || '.' || column_name from information_schema.columns"
                " where table_schema = 'public'"
                " and data_type in ('timestamp without time zone', 'time without time zone')"
            )
        )
        assert list(without) == []


async def test_every_process_speaks_utc(sessions: Sessions, as_api: Sessions, as_worker: Sessions) -> None:
    for role in (sessions, as_api, as_worker):
        async with role.begin() as session:
            assert await session.scalar(text("show timezone")) == "UTC"
            now = await session.scalar(text("select clock_timestamp()"))
            assert now is not None
            assert now.utcoffset().total_seconds() == 0


async def test_no_statement_waits_for_ever(as_api: Sessions, as_worker: Sessions) -> None:
    for role in (as_api, as_worker):
        async with role.begin() as session:
            assert await session.scalar(text("show statement_timeout")) == "30s"
            assert await session.scalar(text("show lock_timeout")) == "5s"
