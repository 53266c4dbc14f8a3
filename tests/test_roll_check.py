"""`python -m portal roll check FILE`, as an operator types it: no settings, no database, nothing written."""

import json
import subprocess
import sys
from pathlib import Path

from portal.rules.roll import MOST_BYTES
from tests.roll_files import line, written

ROOT = Path(__file__).parents[1]


def check(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "portal", "roll", *arguments], cwd=ROOT, env={}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_a_good_file_is_said_to_be_good(tmp_path: Path) -> None:
    file = tmp_path / "liste.csv"
    file.write_bytes(written([line()]))

    said = check("check", str(file))

    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == f"{file}: 1 lines, 1 good, no problem\n"


def test_problems_are_named_by_line_on_stderr_or_all_in_json(tmp_path: Path) -> None:
    file = tmp_path / "liste.csv"
    file.write_bytes(written([line(), line()], "Poste;" + "Numéro"))
    assert "is missing" in check("check", str(file)).stderr
    file.write_bytes(written([line(), line(group="AS", number="990002", email="")]))

    words, told = check("check", str(file)), check("check", "--json", str(file))

    assert words.returncode == told.returncode == 1
    assert words.stderr == f"{file}:3: Group: write EC, TR or BdP.\n"
    assert "1 problems; nothing of it would be imported" in words.stdout
    assert json.loads(told.stdout) == {
        "lines": 2, "good": 1, "wrong": 1, "delimiter": ";", "ignored": [],
        "problems": [
            {"line": 3, "code": "group-unknown", "column": "group", "other_line": None,
             "words": "Group: write EC, TR or BdP."}
        ],
    }  # fmt: skip


def test_what_is_no_roll_is_answered_in_one_line(tmp_path: Path) -> None:
    heavy, empty, binary = tmp_path / "heavy.csv", tmp_path / "empty.csv", tmp_path / "binary.csv"
    with heavy.open("wb") as file:
        file.truncate(10 * MOST_BYTES)
    empty.touch()
    binary.write_bytes(bytes(range(256)) * 40)
    for path, status, words in (
        (tmp_path, 2, "not a file"),
        (tmp_path / "nowhere.csv", 2, "no such file"),
        (heavy, 1, "over 20 MB"),
        (empty, 1, "This file is empty"),
        (binary, 1, "not text"),
    ):
        said = check("check", str(path))
        assert said.returncode == status, path
        assert words in said.stderr, said.stderr
        assert len(said.stderr.splitlines()) == 1
    assert check("check").returncode == check("nonsense").returncode == 2
