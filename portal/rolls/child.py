"""The process that reads one roll file from its standard input: `python -m portal.rolls.child IMPORT`."""

import json
import resource
import sys

from portal.rolls.emails import valid_email
from portal.rules.roll import COLUMNS, Line
from portal.rules.roll_file import read

MOST_MEMORY = 1024 * 1024 * 1024
MOST_SECONDS = 60


def copied(import_id: str, line: Line) -> str:
    """One row in the format of COPY; no field holds a tab or a line break."""
    values = (getattr(line, column) for column in COLUMNS)
    cells = ("\\N" if value is None else value.replace("\\", "\\\\") for value in values)
    return "\t".join((import_id, str(line.line), *cells)) + "\n"


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import_id = sys.argv[1]
    rows = bytearray()
    found = read(
        sys.stdin.buffer.read(), valid_email, lambda line: rows.extend(copied(import_id, line).encode())
    )  # fmt: skip
    head = {
        "lines": found.lines, "wrong": found.wrong, "delimiter": found.delimiter, "ignored": found.ignored,
        "problems": [[p.line, p.trouble.value, p.column, p.other] for p in found.problems],
    }  # fmt: skip
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n")
    if not found.wrong:
        sys.stdout.buffer.write(rows)


if __name__ == "__main__":
    main()
