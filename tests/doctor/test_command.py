"""`python -m portal doctor` as an operator runs it: one screen, an exit code, nothing secret."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from deploy.servers import start_temporal
from tests import builders
from tests.conftest import SECRET, Servers
from tests.doctor.conftest import name_server
from tests.journeys.stack import PROJECT, Stack


@pytest_asyncio.fixture
async def stack(servers: Servers, database: str, tmp_path: Path) -> AsyncIterator[Stack]:
    stack = Stack(servers, start_temporal(tmp_path / "temporal"), tmp_path / "portal", database)
    yield stack
    await stack.close()


async def ask(stack: Stack, *more: str, role: str = "scrutin_worker", **settings: str) -> tuple[int, str]:
    env = stack.environment(role) | settings

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "portal", "doctor", *more], env=env, cwd=PROJECT, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    done = await asyncio.to_thread(run)
    assert done.stderr == ""
    return done.returncode, done.stdout


async def test_a_portal_at_work_is_well_and_one_whose_worker_has_gone_is_not(stack: Stack) -> None:
    async with stack.sessions.begin() as session:
        await builders.a_campaign(session)
    await stack.start()
    async with name_server(**{"un.ca": ["v=spf1 mx -all"], "_dmarc.un.ca": ["v=DMARC1; p=reject"]}) as names:
        where = f"{names.address[0]}:{names.address[1]}"
        for role in ("scrutin_worker", "scrutin_api"):
            code, said = await ask(stack, "--dns", where, role=role, PORTAL_MAIL_FROM="portail@un.ca")
            assert code == 0, said
            assert "0 failed" in said
        lines = said.splitlines()
        assert len(lines) <= 45
        assert max(len(line) for line in lines) < 200
        assert "ok      names: SPF" in said
        # The demo's and the tests' ways: no TLS, closed workflows kept for a day, no DKIM selector told.
        warned = {line.split(":")[0].split()[1] for line in lines if line.startswith("warning")}
        assert warned <= {"settings", "temporal", "names"}

        stack.stop_portal()
        code, said = await ask(stack, "--json", "--dns", where, PORTAL_MAIL_FROM="portail@un.ca")
    assert code == 0, "who has polled within the last minute and a half may be alive"
    found = {line["name"]: line for line in json.loads(said)}
    assert found["database: revision"]["state"] == "ok"
    assert len(found) > 25


async def test_servers_that_are_away_are_failures_each_with_a_remedy_and_no_secret(stack: Stack) -> None:
    """T109: neither a password nor an address of a database is in any word."""
    away = "127.0.0.1:1"
    code, said = await ask(
        stack, "--json", PORTAL_DATABASE_URL=f"postgresql+psycopg://scrutin_worker:un-mot-secret@{away}/nulle-part",
        TEMPORAL_ADDRESS=away, PORTAL_S3_ENDPOINT=away, PORTAL_SMTP_PORT="1", PORTAL_S3_SECRET_KEY="une-cle-secrete",
    )  # fmt: skip
    assert code == 1
    found = json.loads(said)
    assert all(line["remedy"] for line in found if line["state"] != "ok")
    assert sum(line["state"] == "failed" for line in found) > 15
    for secret in ("un-mot-secret", "une-cle-secrete", "nulle-part", SECRET):
        assert secret not in said


async def test_settings_that_are_missing_are_named_and_never_repeated(stack: Stack) -> None:
    code, said = await ask(stack, PORTAL_SECRET="trop-court", PORTAL_SMTP_PORT="vingt-cinq")
    assert code == 1
    assert said.startswith("failed  settings: ")
    assert "secret, smtp_port" in said
    assert "trop-court" not in said
    assert "vingt-cinq" not in said
