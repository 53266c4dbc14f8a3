"""`python -m portal roll check FILE`: what an upload would say of a file, without the portal and its records."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.rolls.emails import valid_email
from portal.rules.roll import MOST_BYTES, Line, Problem, Trouble
from portal.rules.roll_file import Reading, read
from portal.text.roll import problem

GOOD, WRONG, MISUSED = 0, 1, 2


def add_to(commands: Any) -> None:
    roll = commands.add_parser("roll", help="files of the union's own system")
    check = roll.add_subparsers(dest="act", required=True).add_parser(
        "check", help="say what is wrong with a CSV file, line by line; writes nothing"
    )
    check.add_argument("file", metavar="FILE")
    check.add_argument("--json", action="store_true", help="the same for a program to read")
    roll.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """By the rules alone: no settings are read, no database is asked."""
    answer = check(asked.file, as_json=asked.json)
    if answer.err:
        print(answer.err, file=sys.stderr)
    if answer.out:
        print(answer.out)
    return answer.status


@dataclass(frozen=True, slots=True)
class Answer:
    """Exit status, and what goes to the two outputs."""

    status: int
    out: str = ""
    err: str = ""


def check(path: str, *, as_json: bool = False) -> Answer:
    """Read a file by the rules; nothing is written anywhere."""
    file = Path(path)
    try:
        if not file.exists():
            return Answer(MISUSED, err=f"{path}: no such file")
        if not file.is_file():
            return Answer(MISUSED, err=f"{path}: not a file")
        heavy = file.stat().st_size > MOST_BYTES
        content = b"" if heavy else file.read_bytes()
    except OSError as error:
        return Answer(MISUSED, err=f"{path}: {error.strerror}")
    good = 0

    def count(line: Line) -> None:
        nonlocal good
        good += 1

    if heavy:
        # Not even opened: whatever it is, it is no roll.
        found = Reading()
        found.add(Problem(1, Trouble.TOO_HEAVY))
    else:
        found = read(content, valid_email, count)
    return Answer(WRONG if found.wrong else GOOD, *(_json(found, good) if as_json else _words(path, found, good)))


def _words(path: str, found: Reading, good: int) -> tuple[str, str]:
    wrong = [f"{path}:{one.line}: {problem(one, 'en')}" for one in found.problems]
    if found.wrong > len(found.problems):
        wrong.append(f"{path}: {found.wrong - len(found.problems):,} more")
    if found.ignored:
        wrong.append(f"{path}: ignored columns: {', '.join(repr(name) for name in found.ignored)}")
    verdict = f"{found.wrong:,} problems; nothing of it would be imported" if found.wrong else "no problem"
    return f"{path}: {found.lines:,} lines, {good:,} good, {verdict}", "\n".join(wrong)


def _json(found: Reading, good: int) -> tuple[str, str]:
    said = {
        "lines": found.lines, "good": good, "wrong": found.wrong, "delimiter": found.delimiter,
        "ignored": found.ignored,
        "problems": [
            {"line": p.line, "code": p.trouble.value, "column": p.column or None, "other_line": p.other,
             "words": problem(p, "en")}
            for p in found.problems
        ],
    }  # fmt: skip
    return json.dumps(said, ensure_ascii=False, indent=1), ""
