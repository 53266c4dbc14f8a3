"""A file for a spreadsheet: read as text, in the manner of each language, with nothing in it that runs."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.text.tables import harmless, written


@pytest.mark.parametrize(
    "cell",
    [
        '=HYPERLINK("http://x")', "@SUM(A1)", "+1", "-1", "\t=1", "\r=1", "\n=1", "\0=1", "＝1", "＋1", "－1", "＠x",
        "  =1", "\u00a0=1", "\u3000=1", "\ufeff=1",
    ],
)  # fmt: skip
def test_what_would_be_run_gets_a_quote_before_it(cell: str) -> None:
    """T116"""
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell", ["", "Poquelin", "900001", "O’Connal", "l'Étoile", "a=b", "Jean-Baptiste", " Ana", "'"]
)
def test_what_would_not_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell


@pytest.mark.parametrize(("language", "separator"), [("fr", ";"), ("en", ",")])
@given(rows=st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=4), max_size=5))
def test_every_cell_comes_back_as_it_was_but_for_the_quote(
    language: str, separator: str, rows: list[list[str]]
) -> None:
    said = written(rows, language).decode()
    read = list(csv.reader(io.StringIO(said, newline=""), delimiter=separator))
    assert read == [[harmless(cell) for cell in row] for row in rows]
    assert not said or said.endswith('"\r\n')
