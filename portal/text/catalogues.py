"""The two catalogues: French is what the code says, English is its translation."""

import re
from collections.abc import Callable
from functools import cache, lru_cache, partial
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from markupsafe import Markup

LANGUAGES = ("fr", "en")
LOCALES = {"fr": "fr_CA", "en": "en_CA"}
HTML_LANGUAGES = {"fr": "fr-CA", "en": "en-CA"}
FOLDER = Path(__file__).parent.parent / "locales"
DOMAIN = "portal"

NBSP = "\N{NO-BREAK SPACE}"
# A tag is left alone, attributes and all.
_TAG = re.compile(r"(<[a-zA-Z/!][^>]*>)")
# Only a space that the writer put is replaced: «https://», «16:30» and «&amp;» have none, and in Canada
# «!» and «?» may stand without one. A placeholder, %(name)s, is no percent sign.
_BEFORE_SIGN = re.compile(r"[ \u00a0]+(?=[:;!?]|%(?!\())")
_OPENING = re.compile(r"«\s*")
_CLOSING = re.compile(r"\s*»")


def N_(french: str) -> str:
    """Marks a sentence for the catalogues, to be translated later."""
    return french


@lru_cache(maxsize=4096)
def _spaced(french: str) -> str:
    pieces = _TAG.split(french)
    for index in range(0, len(pieces), 2):
        text = _BEFORE_SIGN.sub(NBSP, pieces[index])
        text = _OPENING.sub(f"«{NBSP}", text)
        pieces[index] = _CLOSING.sub(f"{NBSP}»", text)
    return "".join(pieces)


def nbsp(text: str, language: str = "fr") -> str:
    """French typography: spaces that may not break before : ; ! ? % and inside « »; English stays as is."""
    if language != "fr":
        return text
    spaced = _spaced(str(text))
    return Markup(spaced) if isinstance(text, Markup) else spaced  # noqa: S704 - was markup before


def catalogue(language: str) -> Path:
    return FOLDER / LOCALES[language] / "LC_MESSAGES" / f"{DOMAIN}.po"


@cache
def translations(language: str) -> Translations:
    """Compiled in memory: no binary file to forget, none to keep in step."""
    with catalogue(language).open("rb") as file:
        messages = read_po(file, locale=LOCALES[language], domain=DOMAIN)
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled, domain=DOMAIN)


def _gettext(language: str, french: str) -> str:
    return nbsp(translations(language).gettext(french), language)


def _ngettext(language: str, singular: str, plural: str, n: int) -> str:
    return nbsp(translations(language).ngettext(singular, plural, n), language)


@cache
def gettext(language: str) -> Callable[[str], str]:
    """`gettext("en")("Entrez")` says "Sign in"."""
    if language not in LANGUAGES:
        raise ValueError(f"not one of our languages: {language!r}")
    return partial(_gettext, language)


@cache
def ngettext(language: str) -> Callable[[str, str, int], str]:
    """Zero is singular in French and plural in English: always ask, never add an «s»."""
    if language not in LANGUAGES:
        raise ValueError(f"not one of our languages: {language!r}")
    return partial(_ngettext, language)
