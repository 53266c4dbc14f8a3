"""The step-by-step guide: its dates, its pictures, and words that cannot say otherwise than the pages."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest

from api.assets import FOLDER
from portal.rules.identity import ACCEPTED
from portal.store import Sessions
from portal.text import LANGUAGES, gettext, window
from portal.text.addresses import path
from tests import builders
from tests.api.conftest import Visit
from tests.api.looking import change
from tests.guide import words
from tests.guide.camera import PICTURES, SHAPES

DOORS = ("forgotten", "register-email", "join")
PICTURE = re.compile(r"/static/[0-9a-f]+/(guide/\w\w/([a-z-]+)-(desk|phone)\.webp)")


@dataclass
class Section:
    labels: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)


class Guide(HTMLParser):
    """Each section with the words it quotes and the pictures it shows, and all images."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sections: list[Section] = []
        self.images: list[dict[str, str | None]] = []
        self.shown: list[str] = []
        self._quoting = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "section":
            self.sections.append(Section())
        elif tag == "b" and given.get("class") == "app-label":
            self._quoting = True
            self.sections[-1].labels.append("")
        elif tag in ("img", "source"):
            found = PICTURE.fullmatch(given.get("src") or given.get("srcset") or "")
            assert found, given
            self.shown.append(found[1])
            if tag == "img":
                self.images.append(given)
                self.sections[-1].pictures.append(found[2])

    def handle_endtag(self, tag: str) -> None:
        if tag == "b":
            self._quoting = False

    def handle_data(self, data: str) -> None:
        if self._quoting:
            self.sections[-1].labels[-1] += data


def plain(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("language", LANGUAGES)
async def test_words_that_are_quoted_stand_on_the_page_that_the_step_shows(
    language: str, visit_alone: Visit, sessions: Sessions
) -> None:
    """A button that is renamed is renamed in the guide, and its pictured page has it."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person = visit_alone(language)
    await person.get(path("guide", language))
    known = words.stored()
    guide = Guide(person.page.html)
    assert sum(len(section.labels) for section in guide.sections) > 25
    for section in guide.sections:
        pages = {plain(line) for name in section.pictures for line in known[f"{language}/{name}"]}
        missing = {label for label in section.labels if words.masked(plain(label)) not in pages}
        assert not missing, (missing, section.pictures)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_picture_is_there_and_every_one_is_used(language: str, visit_alone: Visit) -> None:
    """Both shapes, in the language of the page, with words for whoever does not see them."""
    person = visit_alone(language)
    await person.get(path("guide", language))
    guide = Guide(person.page.html)
    taken = {file.relative_to(FOLDER).as_posix() for file in (PICTURES / language).iterdir()}
    assert set(guide.shown) == taken
    assert len(taken) == len(SHAPES) * len(guide.images)
    assert {name for name in words.stored() if name.startswith(language)} == {
        f"{language}/{name}" for section in guide.sections for name in section.pictures
    }
    alternatives = [image["alt"] or "" for image in guide.images]
    assert len(set(alternatives)) == len(alternatives)
    assert all(len(alternative) > 30 for alternative in alternatives)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_first_view_is_light(language: str, visit_alone: Visit) -> None:
    """Pictures come when they are scrolled to, into the room that is kept for them."""
    person = visit_alone(language)
    await person.get(path("guide", language))
    assert len(person.response.content) < 40_000
    for image in Guide(person.page.html).images:
        assert image["loading"] == "lazy"
        assert int(image["width"] or 0) == SHAPES["desk"]["width"]
        assert 100 < int(image["height"] or 0) < 1500
        answer = await person.client.get(image["src"] or "")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/webp"
        assert "immutable" in answer.headers["cache-control"]
    for file in (PICTURES / language).iterdir():
        assert file.stat().st_size < 64_000, file


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_guide_knows_the_current_campaign(language: str, visit_alone: Visit, sessions: Sessions) -> None:
    """Brief §2: EC 7, TR 6, BdP 5, counted from its ballots; its dates, and its cut-off of passwords."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
    await change(sessions, "update campaign set password_cutoff = '2016-11-11 05:00+00'")
    person = visit_alone(language)
    await person.get(path("guide", language))
    text = plain(person.page.text)
    assert plain(window(campaign.opens, campaign.closes, campaign.zone, language=language)) in text
    for group, count in (("EC", 7), ("TR", 6), ("BdP)", 5)):
        assert re.search(rf"{re.escape(group)} ?: {count} votes", text), group
    assert {"fr": "M'inscrire à tous mes votes (7)", "en": "Register for all my votes (7)"}[language] in text
    assert {"fr": "vendredi 11 novembre 2016", "en": "Friday, November 11, 2016"}[language] in text
    await change(sessions, "delete from ballot where code = 'ec-directors'")
    await person.get(path("guide", language))
    assert re.search(r"EC ?: 6 votes", plain(person.page.text))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_without_a_campaign_the_guide_gives_no_numbers_and_no_dates(language: str, visit_alone: Visit) -> None:
    person = visit_alone(language)
    await person.get(path("guide", language))
    text = plain(person.page.text)
    assert plain(gettext(language)("Aucun vote n'est prévu pour le moment.")) in text
    assert not re.search(r"\b(EC|TR|BdP)\b", text)
    assert not re.search(r"\b20\d\d\b", text)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_guide_leads_to_every_step_every_document_and_the_three_doors(
    language: str, visit_alone: Visit
) -> None:
    person = visit_alone(language)
    await person.get(path("guide", language))
    inside = [link.removeprefix("#") for link in person.page.links if link.startswith("#")]
    assert set(inside) <= set(person.page.ids)
    assert {f"etape-{number}" for number in range(1, 8)} | {"dates", "photo", "ca-ne-marche-pas"} <= set(inside)
    assert all(kind.name(language) in person.page.text for kind in ACCEPTED)
    for door in DOORS:
        assert path(door, language) in person.page.links


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_guide_is_one_click_away_from_everywhere(language: str, visit_alone: Visit) -> None:
    """From the foot of every page, an error's as well; twice where one may be stuck."""
    person = visit_alone(language)
    guide = path("guide", language)
    for name, times in (("entrance", 2), ("sign-in", 2), ("forgotten", 1), ("join", 1)):
        await person.get(path(name, language))
        assert person.page.links.count(guide) == times, name
    await person.get(f"/{language}/nowhere")
    assert person.response.status_code == 404
    assert guide in person.page.links


def test_every_picture_is_of_a_size_that_the_page_can_tell() -> None:
    """Lossless: what the page reads the size from (RFC 9649)."""
    for file in PICTURES.rglob("*.webp"):
        assert file.read_bytes()[12:16] == b"VP8L", file
