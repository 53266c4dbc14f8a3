"""From the bytes of a CSV file to lines of the roll: UTF-8, comma or semicolon, headers in either language."""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from portal.rules.roll import (
    COLUMNS,
    MOST_BYTES,
    MOST_LINES,
    MOST_PROBLEMS,
    Line,
    Problem,
    Trouble,
    ValidEmail,
    column_named,
    line_of,
)  # fmt: skip

DELIMITERS = (",", ";")
_UTF_8_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# The workbook of today, and that of before 2007.
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


@dataclass
class Reading:
    """What was found in a file besides its lines."""

    lines: int = 0
    delimiter: str = ","
    # Headers of columns that are not ours.
    ignored: list[str] = field(default_factory=list)
    # The first of them; `wrong` counts all.
    problems: list[Problem] = field(default_factory=list)
    wrong: int = 0

    def add(self, *problems: Problem) -> None:
        self.wrong += len(problems)
        self.problems += problems[: MOST_PROBLEMS - len(self.problems)]


def read(content: bytes, valid_email: ValidEmail, take: Callable[[Line], None]) -> Reading:
    """Read a whole file, hand over each line that is good, and say what is wrong with the others.

    Lines are numbered as a spreadsheet numbers its rows: one with a break inside quotation marks is one row.
    """
    reading = Reading()
    trouble = _unreadable(content)
    if trouble is not None:
        reading.add(trouble)
        return reading
    rows = _rows(content.removeprefix(_UTF_8_MARK).decode(), reading)
    columns = _header(rows, reading)
    if columns is None:
        return reading
    numbers: dict[str, int] = {}
    emails: dict[str, int] = {}
    for number, row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if reading.lines == MOST_LINES:
            reading.add(Problem(number, Trouble.TOO_MANY_LINES))
            break
        reading.lines += 1
        line = _line(number, row, columns, reading.delimiter, valid_email)
        if not isinstance(line, Line):
            reading.add(*line)
            continue
        twice = [
            *_twice(number, Trouble.NUMBER_TWICE, "number", line.number, numbers),
            *_twice(number, Trouble.EMAIL_TWICE, "email", line.email, emails),
        ]
        if twice:
            reading.add(*twice)
        else:
            take(line)
    if not reading.lines and not reading.wrong:
        reading.add(Problem(1, Trouble.NO_LINES))
    return reading


def _unreadable(content: bytes) -> Problem | None:
    """Why this is not text that we can read."""
    if not content.strip():
        return Problem(1, Trouble.EMPTY)
    if len(content) > MOST_BYTES:
        return Problem(1, Trouble.TOO_HEAVY)
    if content.startswith(_WORKBOOKS):
        return Problem(1, Trouble.WORKBOOK)
    start = content[:4096]
    # Without its mark, UTF-16 shows as letters with a zero beside each.
    if start.startswith(_UTF_16_MARKS) or start.count(0) > len(start) // 4:
        return Problem(1, Trouble.UTF_16 if start.count(0) < len(start) * 2 // 3 else Trouble.BINARY)
    if 0 in start:
        return Problem(1, Trouble.BINARY)
    try:
        content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].removeprefix(_UTF_8_MARK).decode()
        rows = max((number for number, _ in _rows(before + "?", Reading())), default=1)
        return Problem(rows, Trouble.NOT_UTF_8)
    return None


def _rows(text: str, reading: Reading) -> Iterator[tuple[int, list[str]]]:
    """Rows with their numbers. Quotation marks that do not fit end the reading: nobody knows where the next row is."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    reading.delimiter = _delimiter(text)
    number = 0
    try:
        for number, row in enumerate(csv.reader(_pieces(text), delimiter=reading.delimiter, strict=True), 1):
            yield number, row
    except csv.Error:
        reading.add(Problem(number + 1, Trouble.QUOTES))


def _pieces(text: str) -> Iterator[str]:
    """Line by line, breaks included, without a second copy of the whole."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _delimiter(text: str) -> str:
    """The one with which more of the first row are columns of ours."""
    first = text[:10_000].split("\n", 1)[0]

    def known(delimiter: str) -> int:
        return sum(column_named(header) is not None for header in next(csv.reader([first], delimiter=delimiter), []))

    return max(DELIMITERS, key=known)


def _header(rows: Iterator[tuple[int, list[str]]], reading: Reading) -> list[str | None] | None:
    """Which column is which; None when one of ours is not there or there twice."""
    headers = next(rows, (1, list[str]()))[1]
    if reading.wrong:
        return None
    columns = [column_named(header) for header in headers]
    if not any(columns):
        reading.add(Problem(1, Trouble.NO_HEADER))
        return None
    reading.ignored = [
        header.strip()[:60]
        for header, column in zip(headers, columns, strict=True)
        if column is None and header.strip()
    ]
    reading.add(*(Problem(1, Trouble.COLUMN_MISSING, column) for column in COLUMNS if column not in columns))
    reading.add(*(Problem(1, Trouble.COLUMN_TWICE, column) for column in COLUMNS if columns.count(column) > 1))
    return None if reading.wrong else columns


def _line(
    number: int, row: list[str], columns: list[str | None], delimiter: str, valid_email: ValidEmail
) -> Line | list[Problem]:
    if len(row) < len(columns):
        return [Problem(number, Trouble.FIELDS_MISSING)]
    if any(cell.strip() for cell in row[len(columns) :]):
        return [Problem(number, Trouble.COMMA_UNQUOTED if delimiter == "," else Trouble.FIELDS_LEFT_OVER)]
    cells: Mapping[str, str] = {column: cell for column, cell in zip(columns, row, strict=False) if column is not None}
    return line_of(number, cells, valid_email)


def _twice(number: int, trouble: Trouble, column: str, value: str | None, seen: dict[str, int]) -> list[Problem]:
    if value is None:
        return []
    first = seen.setdefault(value, number)
    return [] if first == number else [Problem(number, trouble, column, first)]
