"""The Jinja environments, one per language, that pages and mails are written in."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from portal.text import moments
from portal.text.catalogues import HTML_LANGUAGES, LANGUAGES, gettext, nbsp, ngettext
from portal.text.refusals import say


def _speaks(language: str, function: Callable[..., str]) -> Callable[..., str]:
    return partial(function, language=language)


def _one(language: str, folders: tuple[Path, ...]) -> Environment:
    env = Environment(
        loader=FileSystemLoader(folders),
        # Everything is escaped but the text part of a mail.
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    env.policies["ext.i18n.trimmed"] = True
    # The extension adds this method at run time, out of sight of mypy.
    env.install_gettext_callables(  # type: ignore[attr-defined]
        gettext(language), ngettext(language), newstyle=True
    )
    env.globals.update(language=language, html_lang=HTML_LANGUAGES[language], say=_speaks(language, say))
    env.filters.update(
        moment=_speaks(language, moments.moment),
        day=_speaks(language, moments.day),
        hour=_speaks(language, moments.hour),
        window=_speaks(language, moments.window),
        instant=_speaks(language, moments.instant),
        lasting=_speaks(language, moments.lasting),
        number=_speaks(language, moments.number),
        per_cent=_speaks(language, moments.per_cent),
        nbsp=_speaks(language, nbsp),
    )
    return env


def environment(*template_folders: Path) -> dict[str, Environment]:
    """One environment per language; a template found in several folders comes from the first."""
    return {language: _one(language, template_folders) for language in LANGUAGES}
