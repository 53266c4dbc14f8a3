"""Releases while campaigns run: every patch is in the table, and no migration takes away what the code before needs."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.store import schema
from tests.releases import RELEASES
from tests.workflows.record import release

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "releases.md"
ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (\d+\.\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def patches() -> dict[str, str]:
    """Every patch of the workflows, with the file that asks for it."""
    found = {}
    for path in sorted((ROOT / "workflows").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(func=ast.Attribute(attr="patched" | "deprecate_patch"), args=[argument, *_]):
                    assert isinstance(argument, ast.Constant), f"{path.name}:{node.lineno}: name the patch itself"
                    found[str(argument.value)] = path.name
    return found


def test_every_patch_is_in_the_table_and_every_row_is_a_patch() -> None:
    rows = {name: since for name, since, *_ in ROW.findall(TABLE.read_text())}
    asked = patches()
    missing = {name: where for name, where in asked.items() if name not in rows}
    assert not missing, (
        f"add a row to the patch table of docs/releases.md: {missing}; name, release that brings it, what it changes, "
        "when it may be deprecated and removed"
    )
    left = set(rows) - set(asked)
    assert not left, f"the workflows ask for these no more: take their rows out of docs/releases.md: {left}"
    for name, since in rows.items():
        assert since in {*RELEASES, release()}, f"{name} is of no release"


# --- migrations: expand in one release, contract in a later one

SHRINKING_CALLS = {"drop_column", "drop_table", "rename_table"}
SHRINKING_SQL = re.compile(
    r"\b(drop\s+(table|column|view|function)|rename\s+(column|table)|table\s+\S+\s+rename\s+to|set\s+not\s+null"
    # A function is everybody's until that is revoked, and so are temporary tables, which no release makes.
    r"|revoke\s+(?!temporary\s+on\s+database\b)[\w ,()]+\s+on\s+(?!function\b)"
    r"|alter\s+column\s+\w+\s+(set\s+data\s+)?type)|^\s*truncate\b",
    re.IGNORECASE | re.MULTILINE,
)


def shrinking(source: str) -> Iterator[str]:
    """What in a migration the code of the release before may stumble over."""
    tree = ast.parse(source)
    downgrades = {n for f in tree.body if isinstance(f, ast.FunctionDef) and f.name == "downgrade" for n in ast.walk(f)}
    for node in ast.walk(tree):
        if node in downgrades:
            continue
        match node:
            case ast.Call(func=ast.Attribute(attr=name)) if name in SHRINKING_CALLS:
                yield f"line {node.lineno}: {name}"
            case ast.Call(func=ast.Attribute(attr="alter_column"), keywords=keywords):
                said = {k.arg: k.value for k in keywords}
                if (
                    "new_column_name" in said
                    or "type_" in said
                    or (_is(said.get("nullable"), False) and "server_default" not in said)
                ):
                    yield f"line {node.lineno}: alter_column"
            case ast.Call(func=ast.Attribute(attr="add_column"), args=[*_, ast.Call() as column]):
                said = {k.arg: k.value for k in column.keywords}
                if _is(said.get("nullable"), False) and "server_default" not in said:
                    yield f"line {node.lineno}: a column that must be given, without a default"
            case ast.Constant(value=str(text)) if SHRINKING_SQL.search(text) and not _is_docstring(tree, node):
                yield f"line {node.lineno}: {SHRINKING_SQL.search(text)[0]}"  # type: ignore[index]


def _is(node: ast.expr | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _is_docstring(tree: ast.Module, node: ast.Constant) -> bool:
    first = tree.body[0]
    return isinstance(first, ast.Expr) and first.value is node


def newer_than(revision: str) -> list[Path]:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(schema._config())
    newer = [r.revision for r in script.iterate_revisions("head", revision) if r.revision != revision]
    return [schema.MIGRATIONS / "versions" / f"{name}.py" for name in newer]


NEW = newer_than(list(RELEASES.values())[-1])


@pytest.mark.parametrize("file", NEW, ids=lambda file: file.stem)
def test_a_migration_takes_nothing_away_unless_its_last_reader_has_gone(file: Path) -> None:
    source = file.read_text()
    taken = list(shrinking(source))
    said = re.search(r'^contracts = "(\d+\.\d+)"$', source, re.MULTILINE)
    if said is None:
        assert not taken, (
            f"{file.name}: {taken}. Processes of {list(RELEASES)[-1]} are still running while this is applied: expand "
            'now, and contract in the release after; then the file says contracts = "<release without the last reader>"'
        )
    else:
        assert said[1] in RELEASES, f"{file.name}: its last reader goes in {said[1]}, which is not out yet"


@pytest.mark.parametrize(
    ("line", "shrinks"),
    [
        ('op.drop_column("member", "street")', True),
        ('op.drop_table("claim")', True),
        ('op.rename_table("claim", "lease")', True),
        ('op.execute("alter table claim rename to lease")', True),
        ('op.execute("alter function f(uuid) rename to g")', False),
        ('op.alter_column("member", "street", nullable=False)', True),
        ('op.alter_column("member", "street", new_column_name="road")', True),
        ('op.alter_column("member", "street", type_=sa.Integer())', True),
        ('op.add_column("member", sa.Column("x", sa.Integer(), nullable=False))', True),
        ('op.execute("alter table member drop column street")', True),
        ('op.execute("revoke insert on journal from scrutin_api")', True),
        ('op.add_column("member", sa.Column("x", sa.Integer(), nullable=False, server_default="0"))', False),
        ('op.add_column("member", sa.Column("x", sa.Integer(), nullable=True))', False),
        ('op.execute("truncate claim")', True),
        ('op.alter_column("member", "street", nullable=True)', False),
        ('op.alter_column("member", "street", nullable=False, server_default="")', False),
        ('op.execute("revoke execute on function f(uuid) from public")', False),
        ('op.execute("revoke temporary on database %I from public")', False),
        ('op.execute("revoke connect on database %I from public")', True),
        ('op.execute("create trigger t before truncate on claim for each statement execute function f()")', False),
        ('op.create_table("appeal", sa.Column("id", sa.Uuid(), nullable=False))', False),
        ('op.execute("grant select on appeal to scrutin_api")', False),
    ],
)
def test_what_takes_away_is_known_from_what_adds(line: str, shrinks: bool) -> None:
    source = f'"""Words: drop table, rename to."""\ndef upgrade():\n    {line}\n'
    assert bool(list(shrinking(source))) is shrinks
    assert not list(shrinking(source.replace("upgrade", "downgrade")))
