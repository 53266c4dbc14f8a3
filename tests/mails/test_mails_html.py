"""The HTML part of every mail: readable in light and dark, by ear, on a narrow telephone, without network."""

import re
from html.parser import HTMLParser
from itertools import pairwise

from activities.rendering import MAILS
from portal.rules.mail import MailKind
from tests.mails.test_mails import Facts, _common, _render, each_mail

VOID = frozenset({"meta", "br", "img", "hr", "input", "link"})


class Outline(HTMLParser):
    """What a mail is made of: its tags with their attributes, and whether they are closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.open and data.strip():
            self.texts.setdefault(self.open[-1], []).append(data.strip())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@each_mail
def test_its_outline_is_one_a_screen_reader_can_follow(kind: MailKind, language: str, case: str, facts: Facts) -> None:
    letter = _render(kind, language, facts)
    outline = Outline(letter.html)
    assert outline.open == [], "a tag is left open"
    assert letter.html.lower().startswith("<!doctype html>")
    assert [html["lang"] for html in outline.all("html")] == [f"{language}-CA"]
    assert outline.texts["title"] == outline.texts["h1"] == [letter.subject.replace("\n", " ")]
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    tables = outline.all("table")
    assert len(tables) == 2
    # A table that only lays out is not announced as one.
    assert all(table["role"] == "presentation" for table in tables)
    assert not outline.all("th")
    assert all(link["href"].startswith("https://") for link in outline.all("a"))
    # Every link says where it leads, and none «here».
    assert all(len(text) > 3 for text in outline.texts["a"])
    assert not outline.all("img")


@each_mail
def test_it_says_that_it_has_two_colour_schemes_and_loads_nothing(
    kind: MailKind, language: str, case: str, facts: Facts
) -> None:
    html = _render(kind, language, facts).html
    outline = Outline(html)
    named = {meta.get("name"): meta.get("content") for meta in outline.all("meta") if "name" in meta}
    assert named["color-scheme"] == named["supported-color-schemes"] == "light dark"
    assert named["viewport"] == "width=device-width, initial-scale=1"
    # The inliner keeps what cannot be inlined.
    assert "@media (prefers-color-scheme: dark)" in html
    assert not {tag for tag, _ in outline.tags} & {"img", "link", "script", "iframe", "object", "video", "form", "svg"}
    assert not re.search(r"url\(|@import|src=|background=|@font-face", html, re.IGNORECASE)
    assert not any(name.startswith("on") for _, attributes in outline.tags for name in attributes)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def colours(css: str, selector: str) -> dict[str, str]:
    """What is declared of a selector, here or in a list of selectors."""
    found: dict[str, str] = {}
    for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css):
        if selector in [s.strip() for s in selectors.split(",")]:
            found.update(re.findall(r"(background-color|(?<!-)color):\s*(#[0-9a-f]{6})", body))
    return found


def test_text_stands_out_from_its_ground_in_light_and_in_dark() -> None:
    """WCAG 1.4.3, with room to spare: 4.5 is the least."""
    css = (MAILS / "_base.html").read_text().partition("<style>")[2].partition("</style>")[0]
    light, _, dark = css.partition("@media (prefers-color-scheme: dark) {")
    for scheme in (light, dark):
        sheet = colours(scheme, ".sheet")["background-color"]
        fact = colours(scheme, ".fact")["background-color"]
        text, foot, link = (colours(scheme, s)["color"] for s in (".text", ".foot", "a"))
        for ground in (sheet, fact):
            assert contrast(text, ground) >= 7
        assert contrast(foot, sheet) >= 4.5
        assert contrast(link, sheet) >= 4.5
    for selector in (".band", ".button"):
        pair = colours(light, selector)
        assert contrast(pair["color"], pair["background-color"]) >= 4.5
    button = colours(dark, "a.button")
    assert contrast(button["color"], button["background-color"]) >= 4.5
    # The band keeps its colours: nothing in the dark scheme takes one of the two away.
    assert not colours(dark, ".band")


@each_mail
def test_nothing_is_wider_than_a_narrow_telephone(kind: MailKind, language: str, case: str, facts: Facts) -> None:
    html = _render(kind, language, facts).html
    outline = Outline(html)
    for _, attributes in outline.tags:
        style = attributes.get("style", "")
        assert not re.search(r"(?<!max-)width:\s*\d+px", style), style
        if attributes.get("class") in ("text", "foot"):
            assert "overflow-wrap: anywhere" in style
        if attributes.get("class") == "address":
            assert "word-break: break-all" in style


def test_a_long_word_of_a_title_breaks() -> None:
    common = _common("fr")
    campaign = common["campaign"]
    assert isinstance(campaign, dict)
    common["campaign"] = {**campaign, "title": "anticonstitutionnellement" * 4}
    letter = _render(MailKind.VOTING_OPEN, "fr", {**common, "ballots_count": 1, "missing": None})
    (cell,) = re.findall(r'<td class="text"[^>]*>', letter.html)
    assert "overflow-wrap: anywhere" in cell
