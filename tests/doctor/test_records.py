"""What the doctor says of the database: good, and after somebody has changed one thing by hand."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from portal.doctor.findings import State
from portal.doctor.records import Records
from portal.rules.identity import SubmissionStatus
from portal.settings import Settings
from portal.store import Sessions, chain, open_database, sessions_of
from tests import builders
from tests.conftest import Servers, open_sync
from tests.doctor.conftest import said
from tests.store.cases import a_submission, run


@pytest.fixture
def records(worker_settings: Settings, as_worker: Sessions) -> Records:
    return Records(worker_settings.database_url.get_secret_value(), as_worker)


async def test_a_database_as_we_make_it_is_well_and_either_role_can_say_so(
    records: Records, api_settings: Settings, as_worker: Sessions
) -> None:
    for role in (records, Records(api_settings.database_url.get_secret_value(), as_worker)):
        for name, check in role.checks().items():
            found = await said(check)
            assert (found.state, found.remedy) == (State.OK, ""), (name, found)


@contextmanager
def changed(servers: Servers, database: str, change: str, back: str) -> Iterator[None]:
    superuser = open_sync(servers.postgres, database)
    superuser(change)
    try:
        yield
    finally:
        superuser(back)


TEMPORARY = "do $$ begin execute format('{} temporary on database %I {} scrutin_worker', current_database()); end $$"


@pytest.mark.parametrize(
    ("check", "change", "back", "words"),
    [
        (
            "database: revision", "update alembic_version set version_num = '20261123_first_schema'",
            "select 1", "at 20261123_first_schema, and the code wants",
        ),
        ("database: tables", "alter table claim add column whim int", "select 1", "1 differences"),
        ("database: roles", "alter role scrutin_api createrole", "alter role scrutin_api nocreaterole", "scrutin_api"),
        ("database: roles", TEMPORARY.format("grant", "to"), TEMPORARY.format("revoke", "from"), "scrutin_worker"),
        (
            "database: append only", "grant update (code) on journal to scrutin_api", "select 1",
            "journal (scrutin_api)",
        ),
        (
            "database: append only", "grant delete on decision to scrutin_worker", "select 1",
            "decision (scrutin_worker)",
        ),
        (
            "database: append only", "grant update (verdict) on opinion to scrutin_api", "select 1",
            "opinion (scrutin_api)",
        ),
        (
            "database: append only", "drop trigger undone_in_time on decision", "select 1", "decision (scrutin_api)",
        ),
        (
            "database: append only", "alter table opinion disable trigger undone_in_time", "select 1",
            "opinion (scrutin_api)",
        ),
    ],
)  # fmt: skip
async def test_what_was_changed_by_hand_is_told_with_its_remedy(
    servers: Servers, database: str, records: Records, check: str, change: str, back: str, words: str
) -> None:
    with changed(servers, database, change, back):
        found = await said(records.checks()[check])
    assert found.state is State.FAILED
    assert words in found.said
    assert found.remedy


async def test_a_server_that_logs_what_people_typed_is_told(
    servers: Servers, database: str, worker_settings: Settings
) -> None:
    """Settings of one database count like those of the server."""
    change = f'alter database "{database}" set log_error_verbosity = verbose'
    duration = f'alter database "{database}" set log_parameter_max_length = -1'
    with (
        changed(servers, database, change, "select 1"),
        changed(servers, database, duration, "select 1"),
    ):
        url = worker_settings.database_url.get_secret_value()
        engine = open_database(url, pool_size=1)
        found = await said(Records(url, sessions_of(engine)).logs)
        await engine.dispose()
    assert found.state is State.FAILED
    assert "log_error_verbosity = verbose (wanted: terse)" in found.said
    assert "log_parameter_max_length = -1 (wanted: 0)" in found.said


async def test_pictures_that_should_be_gone_and_mails_that_should_have_left_are_told_by_age(
    records: Records, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session)
        await a_submission(session, campaign, member, status=SubmissionStatus.REJECTED, since=timedelta(minutes=20))
    found = await said(records.deletion)
    assert (found.state, found.said) == (State.WARNING, "1 deletion, the oldest for 20 min")
    async with sessions.begin() as session:
        await a_submission(session, campaign, member, status=SubmissionStatus.EXPIRED, since=timedelta(hours=5))
    found = await said(records.deletion)
    assert (found.state, found.said) == (State.FAILED, "2 deletions, the oldest for 5 h")

    due = (
        "insert into outbox (id, key, kind, lane, account_id, facts, due_at) select gen_random_uuid(), '{0}',"
        " 'renewal', 'urgent', id, '{{}}', clock_timestamp() - interval '{0} minutes' from account limit 1"
    )
    await run(sessions, due.format(20))
    assert (await said(records.queue)).state is State.WARNING
    await run(sessions, due.format(90))
    found = await said(records.queue)
    assert (found.state, found.said) == (State.FAILED, "2 mails, the oldest for 90 min")


async def test_a_journal_that_was_changed_by_hand_or_is_no_longer_linked_is_told(
    records: Records, sessions: Sessions
) -> None:
    """T71: links that do not recompute, and entries that nobody links."""
    entry = "insert into journal (at, actor, action) values (clock_timestamp() - interval '{0} minutes', 'system', 'x')"
    await run(sessions, entry.format(0))
    assert (await said(records.chain)).state is State.OK
    async with sessions.begin() as session:
        assert await chain.extend(session) == 1
    found = await said(records.chain)
    assert (found.state, found.said) == (State.OK, "1 newest links recomputed")
    await run(sessions, entry.format(6))
    found = await said(records.chain)
    assert found.state is State.WARNING
    assert "waited 6 min" in found.said
    await run(sessions, entry.format(11))
    assert (await said(records.chain)).state is State.FAILED
    await run(sessions, "alter table journal disable trigger user")
    await run(sessions, "update journal set code = 'y' where id = (select min(id) from journal)")
    found = await said(records.chain)
    assert found.state is State.FAILED
    assert "altered" in found.said
    assert "link 1" in found.said


async def test_a_database_that_is_away_is_said_without_its_address(worker_settings: Settings) -> None:
    url = "postgresql+psycopg://scrutin_worker:a-secret-password@127.0.0.1:1/nowhere"
    engine = open_database(url, pool_size=1)
    for name, check in Records(url, sessions_of(engine)).checks().items():
        found = await said(check)
        assert found.state is State.FAILED, name
        assert "a-secret-password" not in f"{found.said} {found.remedy}"
        assert "OperationalError" in found.said
    await engine.dispose()
