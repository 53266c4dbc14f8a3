"""Tables to take away, as CSV that a spreadsheet opens as text: no cell of ours is ever a formula."""

import csv
from collections.abc import Iterable
from io import StringIO

# What a spreadsheet takes for the beginning of a formula (security.md T116).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# So that a spreadsheet knows the encoding.
_MARK = "\ufeff"


def safe(cell: object) -> str:
    """The cell as text; what would be computed gets an apostrophe, which spreadsheets do not show."""
    said = "" if cell is None else str(cell)
    return f"'{said}" if said.lstrip(" ").startswith(_FORMULA) else said


def csv_file(header: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """A whole file, its mark first, every cell quoted."""
    written = StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    for row in (header, *rows):
        writer.writerow([safe(cell) for cell in row])
    return _MARK + written.getvalue()
