"""A table as a file that a spreadsheet opens: in the reader's manner, and with nothing in it that would be run."""

import csv
import io
from collections.abc import Iterable, Sequence

# So that a spreadsheet reads the accents.
BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
# What the spreadsheets of each language expect between two cells.
SEPARATORS = {"fr": ";", "en": ","}
# What a spreadsheet takes for the beginning of a formula, full-width signs included (T116); and what it
# skips before it looks.
_RUN = frozenset("=+-@\t\r\n\0＝＋－＠")
_SKIPPED = " \u00a0\u3000\ufeff"


def harmless(cell: str) -> str:
    """The cell as text, whatever it holds: a quote before what would be run."""
    first = cell.lstrip(_SKIPPED)[:1]
    return f"'{cell}" if first in _RUN and first else cell


def written(rows: Iterable[Sequence[str]], language: str) -> bytes:
    """These rows as lines of the file (RFC 4180). Every cell is quoted, hence a number of a member stays text."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=SEPARATORS[language], quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()
