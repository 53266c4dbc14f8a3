"""French spaces do not break, and nothing that a machine reads is touched."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from portal.text import day, environment, hour, instant, moment, nbsp, ngettext, number, window
from portal.text.moments import per_cent

OPENS = datetime(2017, 2, 20, 5, tzinfo=UTC)
CLOSES = datetime(2017, 3, 3, 21, tzinfo=UTC)
_ = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Clôture : demain", f"Clôture{_}: demain"),
        ("Perdu ? Non ; voilà !", f"Perdu{_}? Non{_}; voilà{_}!"),
        ("« Votez »", f"«{_}Votez{_}»"),
        ("«Votez»", f"«{_}Votez{_}»"),
        ("87 % des votes", f"87{_}% des votes"),
        ("87 %% des votes", f"87{_}%% des votes"),
        ("Bonjour %(name)s", "Bonjour %(name)s"),
        ("Allons-y!", "Allons-y!"),
        ("https://portail.example/fr?a=1;b=2", "https://portail.example/fr?a=1;b=2"),
        ("&eacute;t&eacute; &amp; hiver", "&eacute;t&eacute; &amp; hiver"),
        ('<a title="a : b" href="/x ?y">ici : là</a>', f'<a title="a : b" href="/x ?y">ici{_}: là</a>'),
    ],
)
def test_french_spaces_do_not_break(written: str, said: str) -> None:
    assert nbsp(written) == said
    assert nbsp(said) == said


def test_english_is_left_as_it_is() -> None:
    assert nbsp("Who : me ?", "en") == "Who : me ?"


def test_markup_stays_markup_and_text_stays_text() -> None:
    assert isinstance(nbsp(Markup("<b>Votez !</b>")), Markup)
    assert not isinstance(nbsp("<b>Votez !</b>"), Markup)


def test_deadlines_have_their_weekday_hour_and_zone() -> None:
    assert moment(CLOSES, language="fr") == f"vendredi 3 mars 2017 à 16{_}h{_}00 HNE"
    assert moment(CLOSES, language="en") == f"Friday, March 3, 2017 at 4:00{_}p.m. EST"
    assert instant(CLOSES, language="fr") == f"ven.{_}3{_}mars{_}2017, 16{_}h{_}00{_}HNE"
    assert instant(CLOSES, language="en") == f"Fri,{_}Mar{_}3,{_}2017, 4:00{_}p.m.{_}EST"
    assert hour(CLOSES, language="fr") == f"16{_}h{_}00"
    assert hour(CLOSES, language="en") == f"4:00{_}p.m."
    assert day(date(2017, 7, 1), language="fr") == "samedi 1er juillet 2017"
    assert day(CLOSES, language="en") == "Friday, March 3, 2017"


def test_summer_and_winter_have_their_own_zone_names() -> None:
    assert moment(datetime(2027, 3, 14, 6, 59, tzinfo=UTC), language="fr").endswith("HNE")
    assert moment(datetime(2027, 3, 14, 7, 0, tzinfo=UTC), language="fr").endswith("HAE")
    assert moment(datetime(2027, 3, 14, 7, 0, tzinfo=UTC), language="en").endswith("EDT")


def test_a_window_names_its_zone_once_unless_the_clocks_change() -> None:
    expected = f"du lundi 20 février 2017 à 0{_}h{_}00 au vendredi 3 mars 2017 à 16{_}h{_}00 HNE"
    assert window(OPENS, CLOSES, language="fr") == expected
    across = window(OPENS, datetime(2017, 3, 20, 20, tzinfo=UTC), language="en")
    assert across == (
        f"from Monday, February 20, 2017 at 12:00{_}a.m. EST to Monday, March 20, 2017 at 4:00{_}p.m. EDT"
    )
    same_day = window(datetime(2017, 3, 3, 14, tzinfo=UTC), CLOSES, language="fr")
    assert same_day == f"le vendredi 3 mars 2017, de 9{_}h{_}00 à 16{_}h{_}00 HNE"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        moment(datetime(2017, 3, 3), language="fr")  # noqa: DTZ001 - that is the point


def test_numbers() -> None:
    assert number(13000, language="fr") == f"13{_}000"
    assert number(13000, language="en") == "13,000"


@pytest.mark.parametrize(("n", "french", "english"), [(0, "ce", "these"), (1, "ce", "this"), (2, "ces", "these")])
def test_zero_is_singular_in_french_and_plural_in_english(n: int, french: str, english: str) -> None:
    one = "Votre inscription est confirmée pour ce vote :"
    many = "Votre inscription est confirmée pour ces %(count)s votes :"
    assert f" {french} " in ngettext("fr")(one, many, n)
    assert f" {english} " in ngettext("en")(one, many, n)


def _page(folder: Path, source: str, language: str = "fr", **facts: object) -> str:
    (folder / "page.html").write_text(source, encoding="utf-8")
    return environment(folder)[language].get_template("page.html").render(facts)


def test_a_page_escapes_speaks_and_spaces(tmp_path: Path) -> None:
    source = "{% trans name=name %}Bonjour {{ name }} : « Votez » !{% endtrans %} {{ closes|moment }}"
    page = _page(tmp_path, source, name="<script>", closes=CLOSES)
    assert page == f"Bonjour &lt;script&gt;{_}: «{_}Votez{_}»{_}! vendredi 3 mars 2017 à 16{_}h{_}00 HNE"


def test_a_page_speaks_english_too(tmp_path: Path) -> None:
    source = '<html lang="{{ html_lang }}">{{ _("Votez") }} {{ closes|hour(zone) }} {{ 13000|number }}'
    page = _page(tmp_path, source, "en", closes=CLOSES, zone=ZoneInfo("America/Vancouver"))
    assert page == f'<html lang="en-CA">Vote 1:00{_}p.m. 13,000'


def test_a_forgotten_fact_is_an_error_and_not_a_hole(tmp_path: Path) -> None:
    with pytest.raises(UndefinedError):
        _page(tmp_path, "{{ nobody }}")


def test_a_share_has_one_decimal_everywhere() -> None:
    assert [per_cent(n, language="fr") for n in (256, 1000, 0)] == ["25,6\u00a0%", "100,0\u00a0%", "0,0\u00a0%"]
    assert per_cent(256, language="en") == "25.6%"
