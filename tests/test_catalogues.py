"""The catalogues are fresh, complete and clean; `make messages` refreshes them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

ROOT = Path(__file__).parent.parent
LOCALES = ROOT / "portal" / "locales"
SOURCES = ("portal/text", "api", "activities")
PLACEHOLDER = re.compile(r"%\(\w+\)s")
# A colon or a percent sign always has its space in French; the spaces of ! ? ; are the writer's choice.
MISSING_SPACE = re.compile(r"[^\s:]:(?=\s|$)|[0-9]%(?![(0-9])")


def _catalogue(locale: str) -> Catalog:
    with (LOCALES / locale / "LC_MESSAGES" / "portal.po").open("rb") as file:
        return read_po(file, locale=locale, domain="portal")


def _messages(locale: str) -> list[Message]:
    return [message for message in _catalogue(locale) if message.id]


def _ids(message: Message) -> tuple[str, ...]:
    return tuple(message.id) if isinstance(message.id, tuple | list) else (message.id,)


def _strings(message: Message) -> tuple[str, ...]:
    return tuple(message.string) if isinstance(message.string, tuple | list) else (message.string or "",)


def test_the_template_holds_what_the_code_says(tmp_path: Path) -> None:
    fresh = tmp_path / "portal.pot"
    command = [
        sys.executable,
        "-m",
        "babel.messages.frontend",
        "-q",
        "extract",
        "-F",
        "portal/locales/babel.cfg",
    ]
    command += ["--no-location", "--sort-output", "--no-wrap", "--omit-header", "-o", str(fresh), *SOURCES]
    subprocess.run(command, cwd=ROOT, check=True)
    assert fresh.read_text() == (LOCALES / "portal.pot").read_text(), "run `make messages`"


@pytest.mark.parametrize("locale", ["fr_CA", "en_CA"])
def test_each_catalogue_follows_the_template(locale: str) -> None:
    catalogue = _catalogue(locale)
    with (LOCALES / "portal.pot").open("rb") as file:
        template = {_ids(message) for message in read_po(file) if message.id}
    assert {_ids(message) for message in catalogue if message.id} == template, "run `make messages`"
    assert not catalogue.obsolete
    assert not [message.id for message in catalogue if message.id and message.fuzzy]


def test_nothing_is_left_in_french_for_an_english_reader() -> None:
    missing = [m.id for m in _messages("en_CA") if not all(_strings(m))]
    assert not missing, f"translate in portal/locales/en_CA: {missing}"


def test_french_is_what_the_code_says() -> None:
    """A msgstr in the French catalogue would say something else than what everybody reads in the template."""
    assert not [m.id for m in _messages("fr_CA") if any(_strings(m))]


def test_a_translation_has_the_placeholders_of_its_sentence() -> None:
    for message in _messages("en_CA"):
        known = {name for text in _ids(message) for name in PLACEHOLDER.findall(text)}
        for text in _strings(message):
            assert set(PLACEHOLDER.findall(text)) <= known, message.id
        assert {name for text in _strings(message) for name in PLACEHOLDER.findall(text)} == known, message.id


def test_french_sentences_have_their_spaces() -> None:
    sentences = [text for message in _messages("fr_CA") for text in _ids(message)]
    assert not [text for text in sentences if MISSING_SPACE.search(text)]
    assert not [text for text in sentences if "“" in text or "”" in text]
    assert not [m.id for m in _messages("en_CA") for text in _strings(m) if "«" in text]
