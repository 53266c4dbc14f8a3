"""What the documents lead to exists: files, headings, commands."""

import argparse
import io
import re
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from portal.__main__ import main

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "deploy" / "README.md"])
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMAND = re.compile(r"python -m portal((?: [a-z]+(?![a-z/:=-]))+)")
OURS = re.compile(r"python -m ((?:portal|worker|api|deploy|tests)(?:\.\w+)*)")


def named(document: Path) -> str:
    return str(document.relative_to(ROOT))


def anchors(document: Path) -> set[str]:
    """As forges make them of headings."""
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        for heading in HEADING.findall(document.read_text())
    }


def broken(document: Path) -> Iterator[str]:
    for target in LINK.findall(document.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        file = (document.parent / place).resolve() if place else document
        if not file.exists():
            yield f"{target}: no such file"
        elif anchor and anchor not in anchors(file):
            yield f"{target}: no such heading"


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_leads_somewhere(document: Path) -> None:
    assert list(broken(document)) == []


def understood(words: list[str]) -> bool:
    """Whether these are commands of ours: `--help` ends the reading before anything is done."""
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        try:
            main([*words, "--help"])
        except SystemExit as end:
            return end.code == 0
        except argparse.ArgumentError:
            return False
    return False


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_that_is_named_is_one(document: Path) -> None:
    text = document.read_text()
    unknown = {words for words in COMMAND.findall(text) if not understood(words.split())}
    assert not unknown, "no such command of python -m portal"
    for module in set(OURS.findall(text)):
        place = ROOT / module.replace(".", "/")
        assert place.is_dir() or place.with_suffix(".py").exists(), f"no module {module}"


def test_a_command_that_is_none_is_noticed() -> None:
    assert understood(["staff", "reset"])
    assert not understood(["staff", "forget"])
    assert not understood(["physician"])
