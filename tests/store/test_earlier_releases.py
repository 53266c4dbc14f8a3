"""What the code of an earlier release says to the database is still understood after every migration since.

While a release is rolled out, and after it is rolled back, processes of the release before work on the new schema.
Each file in `statements/<release>/` holds what that release said during one whole story, in order, by the role that
said it; its first line is how many rows there were in the end. The people are made up.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from portal.store.base import Base
from tests.conftest import Servers
from tests.releases import RELEASES

STATEMENTS = Path(__file__).parent / "statements"
FILES = sorted(STATEMENTS.glob("*/*.jsonl"))


def test_every_release_has_left_its_statements() -> None:
    assert {file.parent.name for file in FILES} == set(RELEASES)


def lines_of(file: Path) -> Iterator[tuple[str, str]]:
    for line in file.read_text(encoding="utf-8").splitlines()[1:]:
        role, statement = json.loads(line)
        yield role, statement


def rows_of(connection: psycopg.Connection) -> dict[str, int]:
    """How many rows there are of what stories leave; sessions and counters come and go."""
    found = {}
    for table in sorted(set(Base.metadata.tables) - {"sign_in", "attempt"}):
        row = connection.execute(f'select count(*) from "{table}"').fetchone()
        assert row is not None
        if row[0]:
            found[table] = row[0]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_what_an_earlier_release_says_is_still_understood_and_does_the_same(
    servers: Servers, database: str, file: Path
) -> None:
    wanted = json.loads(file.read_text(encoding="utf-8").partition("\n")[0])["rows"]
    with ExitStack() as stack:
        roles = {
            role: stack.enter_context(
                psycopg.connect(
                    servers.postgres.url(role, database).replace("postgresql+psycopg", "postgresql"), autocommit=True
                )
            )
            for role in ("postgres", "scrutin_api", "scrutin_worker")
        }
        for role, statement in lines_of(file):
            try:
                roles[role].execute(statement)
            except psycopg.Error as error:
                pytest.fail(f"{file.parent.name}, {role}: {type(error).__name__} {error}\n{statement[:400]}")
        found = rows_of(roles["postgres"])
    assert {table: found.get(table) for table in wanted} == wanted
