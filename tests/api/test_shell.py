"""`python -m portal staff` and `journal`, as whoever holds the database types them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from portal.rules.accounts import Role
from portal.store import Sessions, chain, journal
from tests import builders
from tests.api.conftest import Visit
from tests.api.looking import count
from tests.api.test_staff import PHRASE, make_key
from tests.conftest import ORIGIN, SECRET, Servers, open_sync
from tests.keys import credential_of

Shell = Callable[..., tuple[int, str]]


@pytest.fixture
def shell(servers: Servers, database: str, tmp_path: Path) -> Shell:
    """Type a command as the owner of the database: how it ended, and what it said."""
    told = {
        "ORIGIN": ORIGIN, "DATABASE_URL": servers.postgres.url("postgres", database), "SECRET": SECRET,
        "KEY_FOLDER": str(tmp_path), "S3_ACCESS_KEY": "x", "S3_SECRET_KEY": "x",
    }  # fmt: skip
    env = {**os.environ, **{f"PORTAL_{name}": value for name, value in told.items()}}

    def typed(*words: str) -> tuple[int, str]:
        done = subprocess.run([sys.executable, "-m", "portal", *words], env=env, capture_output=True, text=True)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout.strip()

    return typed


async def test_the_first_officer_comes_from_a_shell_by_a_link_that_serves_once(
    shell: Shell, visit_alone: Visit, sessions: Sessions
) -> None:
    assert shell("staff", "list") == (0, "nobody yet: python -m portal staff add EMAIL --role officer")
    code, link = shell("staff", "add", "Premiere@Exemple.test", "--role", "officer", "--role", "auditor")
    assert code == 0
    assert link.startswith(f"{ORIGIN}/fr/personnel/invitation?jeton=")
    person = visit_alone()
    await person.get(link.removeprefix(ORIGIN))
    await person.submit("/personnel/invitation", password=PHRASE, again=PHRASE)
    await make_key(person, "clé", credential_of(uuid4()))
    await person.get("/fr/personnel")
    assert person.page.h1 == ["Personnel"]
    assert "premiere@exemple.test  auditor,officer  with key" in shell("staff", "list")[1]
    written = "select count(*) from journal where actor = 'shell' and actor_id is null and subject_id is not null"
    assert await count(sessions, written) == 3
    assert shell("staff", "add", "premiere@exemple.test", "--role", "operator")[1].endswith("has a key already")


async def test_a_shell_suspends_resets_and_says_no(shell: Shell, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        boss = await builders.a_staff_account(session, Role.OFFICER)
        other = await builders.a_staff_account(session, Role.REVIEWER)
    assert shell("staff", "suspend", str(boss.email)) == (1, "staff: refused, last-officer")
    assert shell("staff", "suspend", "personne@exemple.test")[0] == 1
    assert shell("staff", "suspend", str(other.email)) == (0, "staff: suspend done")
    assert shell("staff", "reinstate", str(other.email))[0] == 0
    code, link = shell("staff", "reset", str(other.email))
    assert (code, "jeton=" in link) == (0, True)
    assert await count(sessions, "select count(*) from passkey") == 1


async def test_a_shell_verifies_the_journal_and_names_what_is_wrong(
    shell: Shell, sessions: Sessions, servers: Servers, database: str
) -> None:
    """T71: exit 0 when it is whole, 1 with the first entry that is not."""
    assert shell("journal", "head") == (0, "no link yet")
    async with sessions.begin() as session:
        for _ in range(3):
            await journal.write(session, "signed-out", actor="member")
        await chain.extend(session)
    code, head = shell("journal", "head")
    number, digest = head.split()
    assert (code, number, len(digest)) == (0, "3", 64)
    assert shell("journal", "verify", "--expect", digest) == (
        0, f"journal whole: 3 links recomputed, head {digest}",
    )  # fmt: skip
    assert shell("journal", "verify", "--from", "2")[0] == 0
    assert shell("journal", "verify", "--expect", "0" * 64)[0] == 1
    open_sync(servers.postgres, database)(
        "set session_replication_role = replica; update journal set code = 'x' where id = 2"
    )
    code, said = shell("journal", "verify")
    assert code == 1
    assert "entry 2" in said
