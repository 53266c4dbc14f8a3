"""Turns what happened into a letter: a subject, a text and a page, in the reader's language."""

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import css_inline
from jinja2 import Environment

from portal.rules.mail import MOST_REMINDERS, MailKind
from portal.store.mail import Said
from portal.text import TORONTO, environment, gettext
from portal.text.addresses import path
from portal.text.catalogues import N_

MAILS = Path(__file__).parent / "mails"


class Twice(NamedTuple):
    """The page that the link of such a mail opens, and what its text says, as a template of its own."""

    page: str
    template: str


LINE = 76
RULE = "=" * 40
# Nobody knows yet which language these readers choose: both are in one mail. Each with the page that its link opens.
BOTH = {MailKind.STAFF_INVITATION: Twice("staff-invitation", "_invited.html")}
OTHER = {"fr": "en", "en": "fr"}
_LIST_ITEM = re.compile(r"(- |\d\. )")


@dataclass(frozen=True, slots=True)
class Letter:
    """What the mail activity puts in an envelope; `subject` is always one line."""

    subject: str
    text: str
    html: str


def marked(letter: Letter, said: Said, language: str) -> tuple[Letter, Said]:
    """A mail of a rehearsal, which says so before anything else."""
    word = gettext(language)(N_("[Répétition]"))
    return (
        replace(letter, subject=f"{word} {letter.subject}", text=f"{word}\n\n{letter.text}"),
        replace(said, subject=f"{word} {said.subject}"),
    )


def _facts_in(other: str, language: str, kind: MailKind, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The same link, to the page in the other language."""
    page = BOTH[kind].page
    return {**facts, "second": True, "link": facts["link"].replace(path(page, language), path(page, other), 1)}


def _one_line(subject: str) -> str:
    """A name or a title with a line break in it must not start a new header."""
    return re.sub(r" {2,}", " ", " ".join(subject.splitlines())).strip(" ")


def _wrapped(line: str) -> str:
    item = _LIST_ITEM.match(line)
    indent = " " * item.end() if item else ""
    # An address that is cut is an address that does not open.
    return textwrap.fill(line, LINE, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _set_in_paragraphs(text: str) -> str:
    lines = [_wrapped(line) if len(line) > LINE else line.rstrip() for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n") + "\n"


class Letters:
    """Every letter the union writes, from the templates in `activities/mails`."""

    def __init__(self, origin: str, reply_to: str, folder: Path = MAILS) -> None:
        self._always: dict[str, object] = {
            "origin": origin.rstrip("/"),
            "reply_to": reply_to,
            "most_reminders": MOST_REMINDERS,
        }
        self._pages = environment(folder)
        # In the text part a line break after a tag is a line break of the letter.
        self._texts: dict[str, Environment] = {
            language: env.overlay(trim_blocks=False) for language, env in self._pages.items()
        }
        self._inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)

    def render(self, kind: MailKind, language: str, facts: Mapping[str, Any]) -> Letter:
        subject, text = self.words(kind, language, facts)
        page = self._pages[language].get_template(f"{kind}/body.html")
        given = {**self._given(facts), "subject": subject}
        if kind in BOTH:
            other = OTHER[language]
            again = self._pages[other].get_template(BOTH[kind].template)
            given["again"] = again.make_module(self._given(_facts_in(other, language, kind, facts)))
        html = page.render(given)
        return Letter(subject=subject, text=text, html=self._inliner.inline(html))

    def words(self, kind: MailKind, language: str, facts: Mapping[str, Any]) -> tuple[str, str]:
        """Subject and text alone: what is kept of a mail."""
        subject, text = self._in(language, kind, facts)
        if kind in BOTH:
            other = OTHER[language]
            their_subject, their_text = self._in(other, kind, _facts_in(other, language, kind, facts))
            return f"{subject} / {their_subject}", f"{text}\n{RULE}\n\n{their_text}"
        return subject, text

    def _in(self, language: str, kind: MailKind, facts: Mapping[str, Any]) -> tuple[str, str]:
        given, texts = self._given(facts), self._texts[language]
        subject = _one_line(texts.get_template(f"{kind}/subject.txt").render(given))
        return subject, _set_in_paragraphs(texts.get_template(f"{kind}/body.txt").render(given))

    def _given(self, facts: Mapping[str, Any]) -> dict[str, object]:
        campaign = facts.get("campaign")
        zone = TORONTO if campaign is None else self._zone(campaign)
        return {**self._always, "zone": zone, **facts}

    @staticmethod
    def _zone(campaign: Any) -> object:
        return campaign["zone"] if isinstance(campaign, Mapping) else campaign.zone
