"""The macros say what their authors publish, and the files beside a page carry nothing that is not ours to use."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from jinja2 import Environment

from api.assets import FOLDER, Assets
from api.components import USED, macros

FIXTURES = json.loads((Path(__file__).parents[1] / "vendor" / "govuk-fixtures.json").read_text())

# Where the Python macros differ from upstream, and no page uses it.
KNOWN = {("button", "start link with html")}


class Parsed(HTMLParser):
    """What a browser would make of it: tags, attributes in any order, words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.parts: list[object] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.parts.append((tag, sorted((name, " ".join((value or "").split())) for name, value in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.parts.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.parts += data.split()


@pytest.mark.parametrize("component", USED)
def test_a_macro_renders_what_its_authors_publish(component: str) -> None:
    env = Environment(autoescape=True)
    env.globals.update(macros())
    name = "govuk" + "".join(part.title() for part in component.split("-"))
    template = env.from_string(f"{{{{ {name}(options) }}}}")
    assert len(FIXTURES[component]) > 3
    for fixture in FIXTURES[component]:
        same = Parsed(template.render(options=fixture["options"])).parts == Parsed(fixture["html"]).parts
        assert same or (component, fixture["name"]) in KNOWN, fixture["name"]


def test_words_given_to_a_macro_are_escaped() -> None:
    """T30."""
    env = Environment(autoescape=True)
    env.globals.update(macros())
    html = env.from_string('{{ govukButton({"text": words}) }}').render(words="<b>&</b>")
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in html


def test_nothing_of_the_british_government_and_nothing_from_elsewhere_is_in_the_files() -> None:
    css, js = (FOLDER / "govuk.css").read_text(), (FOLDER / "govuk.js").read_text()
    for text in (css, js, (FOLDER / "brand.css").read_text(), (FOLDER / "portal.js").read_text()):
        assert not re.search(r"GDS Transport|crest|url\(|sourceMappingURL", text)
        # As the beginning of an address only, in a rule about links on paper.
        assert not re.search(r"https?://\w", text)
    notice = (FOLDER / "NOTICE.txt").read_text()
    assert "MIT" in notice
    assert "Crown Copyright" in notice


def test_a_file_is_named_by_its_content_and_served_compressed(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("p { color: red }" * 50)
    first = Assets(tmp_path)
    (tmp_path / "a.css").write_text("p { color: green }" * 50)
    second = Assets(tmp_path)
    assert first.address("a.css") != second.address("a.css")
    with pytest.raises(KeyError):
        second.address("b.css")
    file = second.files["a.css"]
    assert file.compressed is not None
    assert len(file.compressed) < len(file.content)


def test_our_own_module_stays_small() -> None:
    file = Assets().files["portal.js"]
    assert file.compressed is not None
    assert len(file.compressed) < 3100
