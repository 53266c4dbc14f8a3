"""What a reviewer typed beside the roll: spelling makes no difference, another door or another person always does."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.rules.comparison import (
    Compared,
    Field,
    Hint,
    Outcome,
    alike,
    compare,
    compare_cities,
    compare_names,
    compare_postal_codes,
    compare_streets,
    differing,
    street_of,
)

S, D, M = Outcome.SAME, Outcome.DIFFERS, Outcome.MISSING

# typed, given names on the roll, family name on the roll
NAMES = [
    ("Jean-Baptiste Poquelin", "Jean-Baptiste", "Poquelin", S),
    ("JEAN BAPTISTE POQUELIN", "Jean-Baptiste", "Poquelin", S),
    ("POQUELIN, Jean-Baptiste", "Jean-Baptiste", "Poquelin", S),
    ("POQUELIN JEAN BAPTISTE", "Jean-Baptiste", "Poquelin", S),
    ("Jean Poquelin", "Jean-Baptiste", "Poquelin", D),
    ("Jean-Baptiste Poquelin", "Jean", "Poquelin", D),
    ("Marie-Ève Côté", "Marie-Eve", "Cote", S),
    ("COTE, MARIE EVE", "Marie-Ève", "Côté", S),
    ("François L'Heureux", "François", "LHeureux", S),
    ("Francois L’HEUREUX", "François", "L'Heureux", S),
    ("Sean O'Brien", "Sean", "O’Brien", S),
    ("OBRIEN SEAN", "Sean", "O'Brien", S),
    ("Luc St-Pierre", "Luc", "Saint-Pierre", S),
    ("Luc St. Pierre", "Luc", "Saint-Pierre", S),
    ("Luc SAINT PIERRE", "Luc", "St-Pierre", S),
    ("Anne Ste-Marie", "Anne", "Sainte-Marie", S),
    ("Anne St-Marie", "Anne", "Sainte-Marie", D),
    ("Zoë Lœuf", "Zoe", "Loeuf", S),
    ("Marguerite Bourgeoys", "Marguerite Marie", "Bourgeoys", S),
    ("Marguerite M. Bourgeoys", "Marguerite Marie", "Bourgeoys", S),
    ("Marguerite Anne Bourgeoys", "Marguerite Marie", "Bourgeoys", D),
    ("M. Bourgeoys", "Marguerite", "Bourgeoys", D),
    ("Mme Marguerite Bourgeoys", "Marguerite", "Bourgeoys", S),
    ("Marguerite Bourgeoys-Roy", "Marguerite", "Bourgeoys", D),
    ("Pieter van der Meer", "Pieter", "Vandermeer", S),
    ("Carlos De La Cruz", "Carlos", "Delacruz", S),
    ("Ann MacDonald", "Ann", "McDonald", D),
    ("Ann Mac Donald", "Ann", "MacDonald", S),
    ("Pierre Tremblay fils", "Pierre", "Tremblay", D),
    ("TREMBLAY PIERRE JR", "Pierre", "Tremblay", D),
    ("Pierre Tremblay Jr.", "Pierre", "Tremblay fils", S),
    ("Pierre Tremblay", "Pierrette", "Tremblay", D),
    ("Tremblay", "Pierre", "Tremblay", D),
    ("  ", "Pierre", "Tremblay", M),
]

# typed, on the roll
STREETS = [
    ("123, rue Principale, app. 4", "123, rue Principale, app. 4", S),
    ("4-123 rue Principale", "123, rue Principale, app. 4", S),
    ("123 rue Principale #4", "123, rue Principale, app. 4", S),
    ("APT 4, 123 RUE PRINCIPALE", "4-123, rue Principale", S),
    ("123 rue Principale unité 4", "4 - 123 rue Principale", S),
    ("123, rue Principale", "123, rue Principale, app. 4", D),
    ("5-123 rue Principale", "123, rue Principale, app. 4", D),
    ("4-124 rue Principale", "123, rue Principale, app. 4", D),
    ("4B-123 rue Principale", "123 rue Principale, app. 4b", S),
    ("124, rue Principale", "123, rue Principale", D),
    ("1234, rue Principale", "123, rue Principale", D),
    ("123A rue Principale", "123, rue Principale", D),
    ("123 A rue Principale", "123A, rue Principale", D),
    ("123 1/2 Main St", "123½ Main Street", S),
    ("123 1/2 Main St", "123 Main Street", D),
    ("45 Main St.", "45 Main Street", S),
    ("45, rue Main", "45 Main Street", S),
    ("45 Main", "45 Main Street", D),
    ("45 Main Ave", "45 Main Street", D),
    ("45 Main St E", "45 Main Street East", S),
    ("45 Main St E", "45 Main Street West", D),
    ("45 Main St", "45 Main Street East", D),
    ("45 E Main St", "45 Main Street East", S),
    ("1200 boul. St-Laurent", "1200, boulevard Saint-Laurent", S),
    ("1200 BLVD SAINT LAURENT", "1200, boul. St-Laurent", S),
    ("1200 St. Laurent Blvd.", "1200, boul. Saint-Laurent", S),
    ("1200 boul. Ste-Anne", "1200, boul. Saint-Anne", D),
    ("300 St. Clair Ave. W., Suite 1200", "1200-300 Saint Clair Avenue West", S),
    ("300 St. Clair Ave. W., Ste 1200", "300 Saint Clair Avenue West, #1200", S),
    ("75, ch. de la Côte-Ste-Catherine", "75 chemin de la Cote Sainte-Catherine", S),
    ("75 ch Côte Sainte Catherine", "75, chemin de la Côte-Sainte-Catherine", S),
    ("12, rue du Théâtre", "12 RUE DU THEATRE", S),
    ("12, rue Théâtre", "12, rue du Théâtre", S),
    ("12, rue des Théâtres", "12, rue du Théâtre", D),
    ("88 av. du Mont-Royal O.", "88, avenue du Mont-Royal Ouest", S),
    ("88 Mount Royal Ave W", "88, avenue du Mont-Royal Ouest", S),
    ("88 av. Mt-Royal E", "88, avenue du Mont-Royal Ouest", D),
    ("410, 5e Avenue", "410 Fifth Ave", S),
    ("410, 5e Avenue", "410, 5th Avenue", S),
    ("410, 5e Avenue", "410, 6e Avenue", D),
    ("410 1re Rue", "410, Première Rue", S),
    ("9 Chapel Rd", "9 Chapel Road", S),
    ("9 chemin Chapel", "9 Chapel Rd.", S),
    ("61 av. du Docteur-Penfield", "61 Dr. Penfield Avenue", S),
    ("17 Elm Dr", "17 Elm Drive", S),
    ("17 Elm Cres.", "17 Elm Crescent", S),
    ("17 Elm Crt", "17 Elm Crescent", D),
    ("C.P. 210", "Case postale 210", S),
    ("PO Box 210", "C.P. 211", D),
    ("RR 2, C.P. 210", "R.R. #2, PO Box 210", S),
    ("RR 3, C.P. 210", "R.R. #2, PO Box 210", D),
    ("7, place d'Armes", "7 Place d’Armes", S),
    ("100, rue Notre Dame Est", "100 rue Notre-Dame E.", S),
    ("2, Avenue Road", "2 Avenue Rd", S),
    ("33, rue du Nord", "33, rue du Nord", S),
    ("33 rue Lasalle", "33 rue La Salle", S),
    ("0123 rue X", "123 rue X", S),
    ("12 3e rue", "123 rue E", D),
    ("", "33 rue La Salle", M),
]

CITIES = [
    ("Gatineau", "GATINEAU", S),
    ("Montréal", "Montreal", S),
    ("St-Jérôme", "Saint-Jérôme", S),
    ("Ste Agathe des Monts", "Sainte-Agathe-des-Monts", S),
    ("St-Agathe-des-Monts", "Sainte-Agathe-des-Monts", D),
    ("Mt-Royal", "Mont-Royal", S),
    ("Mount Royal", "Mont-Royal", S),
    ("Ville de Gatineau", "Gatineau", S),
    ("City of Ottawa", "Ottawa", S),
    ("Ottawa, ON", "Ottawa", S),
    ("Montréal (Québec)", "Montréal", S),
    ("Québec", "Quebec", S),
    ("Québec City", "Québec", S),
    ("Québec QC", "Québec", S),
    ("Hull", "Gatineau", D),
    ("North Bay", "North Bay", S),
    ("", "Ottawa", M),
]

POSTAL_CODES = [
    ("J8X 1A1", "J8X 1A1", Compared(S)),
    ("j8x1a1", "J8X 1A1", Compared(S)),
    ("J8X-1A1", "J8X 1A1", Compared(S)),
    ("K1A OB1", "K1A 0B1", Compared(D, Hint.LETTER_OR_DIGIT)),
    ("KIA 0B1", "K1A 0B1", Compared(D, Hint.LETTER_OR_DIGIT)),
    ("K1A 0B2", "K1A 0B1", Compared(D)),
    (" ", "K1A 0B1", Compared(M)),
]


@pytest.mark.parametrize(("typed", "given_name", "family_name", "outcome"), NAMES)
def test_names(typed: str, given_name: str, family_name: str, outcome: Outcome) -> None:
    assert compare_names(typed, given_name, family_name).outcome is outcome


@pytest.mark.parametrize(("typed", "roll", "outcome"), STREETS)
def test_streets(typed: str, roll: str, outcome: Outcome) -> None:
    assert compare_streets(typed, roll).outcome is outcome, (street_of(typed), street_of(roll))


@pytest.mark.parametrize(("typed", "roll", "outcome"), CITIES)
def test_cities(typed: str, roll: str, outcome: Outcome) -> None:
    assert compare_cities(typed, roll).outcome is outcome


@pytest.mark.parametrize(("typed", "roll", "found"), POSTAL_CODES)
def test_postal_codes(typed: str, roll: str, found: Compared) -> None:
    assert compare_postal_codes(typed, roll) == found


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("121, rue du Théâtre, app. 4", Hint.HOUSE_NUMBER),
        ("12, rue du Théâtre, app. 5", Hint.UNIT),
        ("12, rue du Théâtre", Hint.UNIT),
        ("12, avenue du Théâtre, app. 4", Hint.STREET_KIND),
        ("12, rue du Théâtre Est, app. 4", Hint.DIRECTION),
        ("12, rue du Fort, app. 4", None),
    ],
)
def test_a_difference_says_where_to_look(typed: str, hint: Hint | None) -> None:
    assert compare_streets(typed, "12, rue du Théâtre, app. 4") == Compared(D, hint)


def test_what_was_overlooked_on_purpose_is_said() -> None:
    assert compare_names("Jean B. Poquelin", "Jean", "Poquelin") == Compared(S, Hint.MIDDLE_NAMES)


def test_a_whole_case_names_the_fields_that_differ() -> None:
    roll = {Field.NAME: "", Field.STREET: "12, rue du Théâtre", Field.CITY: "Gatineau", Field.POSTAL_CODE: "J8X 1A1"}
    typed = {**roll, Field.NAME: "Molière Jean", Field.CITY: ""}

    found = compare(typed, roll, given="Jean", family="Poquelin")

    assert differing(found) == [Field.NAME, Field.CITY]
    assert [found[field].outcome for field in differing(found)] == [D, M]


@pytest.mark.parametrize(
    ("field", "one", "other", "same"),
    [
        ("given_name", "Hélène-Marie", "helene marie", True),
        ("family_name", "D’Aïeul", "D'AIEUL", True),
        ("family_name", "Œuvre", "Oeuvre", True),
        ("family_name", "St-Pierre", "Saint-Pierre", True),
        ("family_name", "Poquelin", "Poquelin-Molière", False),
        ("family_name", "", "Poquelin", False),
        ("street", "4-12 rue du Fort", "12, rue du Fort, app. 4", True),
        ("street", "14, rue du Fort", "12, rue du Fort", False),
        ("city", "St-Jérôme", "Saint-Jérôme", True),
        ("postal_code", "j8x1a1", "J8X 1A1", True),
        ("postal_code", "J8X 1A2", "J8X 1A1", False),
    ],
)
def test_a_form_at_the_doors_is_read_by_the_same_rule(field: str, one: str, other: str, same: bool) -> None:
    assert alike(field, one, other) is same


# --- whatever is typed ------------------------------------------------------------------------------------

NUMBERS = st.integers(1, 99_999)
UNITS = st.sampled_from(["", "4", "12", "3B", "A"])
STREET_NAMES = st.sampled_from(
    ["rue Principale", "boul. Saint-Laurent Ouest", "Main Street", "5e Avenue", "ch. de la Côte-des-Neiges",
     "St. Clair Ave E", "rue du 8-Mai", "1re Rue", "Elm Dr", "place d'Armes", "Highway 7", "rang 3 Nord"]
)  # fmt: skip
FORMS = st.sampled_from(
    ["{unit}-{number} {street}", "{number}, {street}, app. {unit}", "{number} {street} #{unit}",
     "apt {unit}, {number} {street}", "{number} {street} unit {unit}"]
)  # fmt: skip
WORDS = st.text(st.characters(codec="utf-8", categories=["L", "Nd", "P", "Zs"]), max_size=40)


def written(form: str, number: int, unit: str, street: str) -> str:
    return form.format(number=number, unit=unit, street=street) if unit else f"{number}, {street}"


@given(NUMBERS, UNITS, STREET_NAMES, FORMS, FORMS)
def test_every_way_to_write_a_door_is_the_same_door(n: int, unit: str, street: str, one: str, other: str) -> None:
    assert compare_streets(written(one, n, unit, street), written(other, n, unit, street)).outcome is S


@settings(max_examples=400)
@given(NUMBERS, NUMBERS, UNITS, UNITS, STREET_NAMES, STREET_NAMES, FORMS, FORMS)
def test_another_house_number_is_never_the_same(
    n: int, m: int, unit: str, other_unit: str, street: str, other_street: str, one: str, other: str
) -> None:
    """Whatever the units, streets and ways of writing are."""
    if n != m:
        assert compare_streets(written(one, n, unit, street), written(other, m, other_unit, other_street)).outcome is D


@given(NUMBERS, st.sampled_from(["4", "12", "3b"]), st.sampled_from(["5", "11", "3c", ""]), STREET_NAMES, FORMS, FORMS)
def test_another_unit_is_never_the_same(n: int, unit: str, other: str, street: str, one: str, two: str) -> None:
    assert compare_streets(written(one, n, unit, street), written(two, n, other, street)).outcome is D


@given(WORDS, WORDS)
def test_two_free_lines_with_other_numbers_in_them_are_never_the_same(one: str, other: str) -> None:
    def numbers(words: str) -> list[str]:
        plain = unicodedata.normalize("NFKD", words)
        return sorted(str(int(found)) for found in re.findall(r"[0-9]+", plain))

    if compare_streets(one, other).outcome is S:
        assert numbers(one) == numbers(other)


@given(WORDS, WORDS)
def test_comparing_goes_both_ways(one: str, other: str) -> None:
    if compare_streets(one, other).outcome is not M and compare_streets(other, one).outcome is not M:
        assert compare_streets(one, other) == compare_streets(other, one)
    if compare_cities(one, other).outcome is S:
        assert compare_cities(other, one).outcome is S


@given(WORDS)
def test_capitals_and_accents_make_no_difference(words: str) -> None:
    plain = "".join(c for c in unicodedata.normalize("NFKD", words) if not unicodedata.combining(c))
    for typed in (words, plain, f"  {words} "):
        assert compare_streets(typed, words).outcome in (S, M)
        assert compare_cities(typed, words).outcome in (S, M)


@given(st.sampled_from(NAMES), st.sampled_from(["{g} {f}", "{f} {g}", "{f}, {g}", "{F} {G}"]))
def test_either_order_of_a_name_is_the_same(row: tuple[str, str, str, Outcome], form: str) -> None:
    _, given_name, family_name, _ = row
    typed = form.format(g=given_name, f=family_name, G=given_name.upper(), F=family_name.upper())
    if "fils" not in family_name:
        assert compare_names(typed, given_name, family_name) == Compared(S)
