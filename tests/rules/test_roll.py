"""What a line of the roll means, what is wrong with a file, and where."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rolls.emails import valid_email
from portal.rules.members import Group, Language, Standing
from portal.rules.roll import COLUMNS, MOST_BYTES, MOST_PROBLEMS, Line, Problem, Trouble, many_gone, takes_two
from portal.rules.roll_file import Reading, read
from portal.text import LANGUAGES
from portal.text.roll import problem
from tests.roll_files import GOOD, HEADER, line, written

ENGLISH = "Member number,First name,Last name,E-mail,Address,City,Province,Postal code,Group,Standing,Language"


def understood(content: bytes) -> tuple[Reading, list[Line]]:
    lines: list[Line] = []
    return read(content, valid_email, lines.append), lines


def troubles(content: bytes) -> list[tuple[int, str, str]]:
    return [(p.line, p.trouble.value, p.column) for p in understood(content)[0].problems]


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("header", [HEADER, ENGLISH.replace(",", ";")])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r"])
def test_a_file_of_the_unions_system_is_understood(delimiter: str, header: str, mark: bytes, ending: bytes) -> None:
    content = mark + written([line()], header, delimiter).replace(b"\r\n", ending)

    found, lines = understood(content)

    assert (found.lines, found.problems, found.delimiter) == (1, [], delimiter)
    assert lines == [
        Line(2, "990001", "Marie", "Rollet", "rollet@exemple.test", "4, rue du Fort", "Québec", "QC", "G1R 4S9", "EC",
             "member", "fr")
    ]  # fmt: skip


def test_columns_come_in_any_order_and_others_are_named_and_ignored() -> None:
    columns = [*reversed(GOOD), "poste"]
    header = "Langue;Statut;Groupe;CODE POSTAL;province;Ville;Rue;courriel;Nom;Prénom;N° de membre;Poste occupé"
    cells = ";".join({**line(), "poste": "économiste"}[name] for name in columns)

    found, lines = understood(f"{header}\n{cells}\n".encode())

    assert (found.problems, found.ignored) == ([], ["Poste occupé"])
    assert lines[0].family_name == "Rollet"


@pytest.mark.parametrize(
    ("column", "cell", "meant"),
    [
        ("given_name", "  Anne-Marie\u00a0 ", "Anne-Marie"),
        ("family_name", "Le\u0301vesque", "Lévesque"),
        ("family_name", "L\u200bavoie", "Lavoie"),
        ("street", "12, rue X\nApp. 3", "12, rue X App. 3"),
        ("email", "Marie.Rollet@Exemple.TEST", "marie.rollet@exemple.test"),
        ("email", "", None),
        ("postal_code", "g1r4s9", "G1R 4S9"),
        ("province", "Québec", "QC"),
        ("province", "on", "ON"),
        ("group", "LoP", "BdP"),
        ("group", "bdp", "BdP"),
        ("standing", "Cotisante", "dues-payer"),
        ("standing", "Membre en règle", "member"),
        ("language", "Anglais", "en"),
    ],
)
def test_a_cell_is_taken_as_it_was_meant(column: str, cell: str, meant: str | None) -> None:
    """T113: an address is kept in the one spelling in which addresses compare."""
    content = HEADER + "\n" + ";".join(f'"{value}"' for value in line(**{column: cell}).values())

    _, lines = understood(content.encode())

    assert [getattr(one, column) for one in lines] == [meant]


@pytest.mark.parametrize(
    ("column", "cell", "trouble"),
    [
        ("number", "123456", Trouble.NUMBER_WRONG),
        ("number", "9000012", Trouble.NUMBER_WRONG),
        ("number", "", Trouble.FIELD_EMPTY),
        ("given_name", " ", Trouble.FIELD_EMPTY),
        ("family_name", "A\tB", Trouble.CONTROL_CHARACTER),
        ("family_name", "A\x07B", Trouble.CONTROL_CHARACTER),
        ("family_name", "x" * 101, Trouble.TOO_LONG),
        ("street", "x" * 201, Trouble.TOO_LONG),
        ("email", "rollet@exemple", Trouble.EMAIL_WRONG),
        ("email", "rollet", Trouble.EMAIL_WRONG),
        ("email", "a b@exemple.test", Trouble.EMAIL_WRONG),
        ("email", "a..b@exemple.test", Trouble.EMAIL_WRONG),
        ("postal_code", "90210", Trouble.POSTAL_CODE_WRONG),
        ("province", "XX", Trouble.PROVINCE_UNKNOWN),
        ("group", "AS", Trouble.GROUP_UNKNOWN),
        ("standing", "ami", Trouble.STANDING_UNKNOWN),
        ("language", "es", Trouble.LANGUAGE_UNKNOWN),
    ],
)
def test_a_cell_that_cannot_be_meant_is_named_with_its_line(column: str, cell: str, trouble: Trouble) -> None:
    second = line(number="990002", email="b@exemple.test")
    assert troubles(written([second, line(**{column: cell})])) == [(3, trouble.value, column)]


def test_everything_wrong_with_a_line_is_said_at_once() -> None:
    wrong = line(number="1", email="x", group="AS", language="")
    assert [code for _, code, _ in troubles(written([wrong]))] == [
        "number-wrong", "email-wrong", "group-unknown", "field-empty",
    ]  # fmt: skip


def test_a_number_or_an_address_that_comes_twice_names_both_lines() -> None:
    """T113: whatever their capitals."""
    first, second, third = line(), line(email="b@exemple.test"), line(number="990003", email="ROLLET@exemple.test")

    found, lines = understood(written([first, second, third]))

    assert found.problems == [
        Problem(3, Trouble.NUMBER_TWICE, "number", 2), Problem(4, Trouble.EMAIL_TWICE, "email", 2),
    ]  # fmt: skip
    assert len(lines) == 1
    assert problem(found.problems[0], "fr") == (
        "Numéro de membre\u00a0: c'est le même qu'à la ligne 2\u00a0; chaque personne a le sien."
    )


def test_lines_are_numbered_as_a_spreadsheet_numbers_its_rows() -> None:
    """A break inside quotation marks is in its row; an empty row is a row."""
    rows = [line(number="990010", email="", street='"1, rue A\nApp. 2\nÉtage 3"'), line(number="x", email="")]
    text = HEADER + "\n" + "\n\n".join(";".join(row.values()) for row in rows)

    assert troubles(text.encode()) == [(4, "number-wrong", "number")]


LATIN = (HEADER + "\n").encode() + ";".join(line(city="x").values()).encode() + b"\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", [(1, "empty", "")]),
        (b" \r\n \n", [(1, "empty", "")]),
        (b"x" * (MOST_BYTES + 1), [(1, "too-heavy", "")]),
        (b"PK\x03\x04 a workbook", [(1, "workbook", "")]),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 an old one", [(1, "workbook", "")]),
        (b"\x7fELF" + bytes(500), [(1, "binary", "")]),
        (b"abc\0def" + b"x" * 200, [(1, "binary", "")]),
        (written([line()]).decode().encode("utf-16"), [(1, "utf-16", "")]),
        (written([line()]).decode().encode("utf-16-be"), [(1, "utf-16", "")]),
        (written([line()]).decode().encode("latin-1"), [(1, "not-utf-8", "")]),
        (LATIN + "990002;Andr\u00e9\n".encode("latin-1"), [(3, "not-utf-8", "")]),
        (b"a\tb\tc\n1\t2\t3\n", [(1, "no-header", "")]),
        (written([]), [(1, "no-lines", "")]),
        (written([line()], HEADER.replace("Langue", "Poste")), [(1, "column-missing", "language")]),
        (written([line()], HEADER.replace("Langue", "Numéro")),
         [(1, "column-missing", "language"), (1, "column-twice", "number")]),
        ((HEADER + "\n990001;Marie\n").encode(), [(2, "fields-missing", "")]),
        ((HEADER + "\n" + ";".join(GOOD.values()) + ";x\n").encode(), [(2, "fields-left-over", "")]),
        ((HEADER.replace(";", ",") + "\n" + ",".join(GOOD.values()) + "\n").encode(), [(2, "comma-unquoted", "")]),
        ((HEADER + '\n990001;"Marie;Rollet\n\nx\n').encode(), [(2, "quotes", "")]),
        ((HEADER + '\n990001;"Marie" Rollet;x\n').encode(), [(2, "quotes", "")]),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_the_line_and_what_to_do(
    content: bytes, expected: list[tuple[int, str, str]]
) -> None:
    assert troubles(content) == expected


def test_a_trailing_delimiter_of_a_spreadsheet_does_no_harm() -> None:
    content = (HEADER + ";;\n" + ";".join(GOOD.values()) + ";;;\n;;;;;;;;;;;;\n").encode()

    found, lines = understood(content)

    assert (found.problems, len(lines), found.lines) == ([], 1, 1)


def test_only_the_first_thousand_problems_are_listed_and_all_are_counted() -> None:
    found, _ = understood((HEADER + "\n" + "x\n" * 1500).encode())

    assert (len(found.problems), found.wrong) == (MOST_PROBLEMS, 1500)


def test_every_trouble_has_a_sentence_in_both_languages() -> None:
    for trouble in Trouble:
        said = {problem(Problem(2, trouble, "number", 7), language) for language in LANGUAGES}
        assert len(said) == len(LANGUAGES), trouble
        assert not any("%" in words for words in said), trouble


def test_two_persons_take_more_than_a_tenth_off_the_roll() -> None:
    asked = [(3, 5), (20, 100), (21, 210), (22, 210), (2_500, 25_000), (2_501, 25_000)]
    assert [takes_two(gone, of) for gone, of in asked] == [False, False, False, True, False, True]


def test_many_gone_is_more_than_twenty_or_one_in_fifty() -> None:
    asked = [(20, 25_000), (21, 25_000), (1, 50), (2, 99), (0, 0)]
    assert [many_gone(gone, of) for gone, of in asked] == [False, True, False, True, False]


WORDS = st.text(
    st.characters(categories=("L", "Nd", "P", "Zs", "S"), exclude_characters="\r\n"), min_size=1, max_size=60
).filter(lambda words: any(c.isalnum() for c in words))


@given(
    st.lists(
        st.tuples(
            WORDS, WORDS, WORDS, WORDS, st.sampled_from(list(Group)), st.sampled_from(list(Standing)),
            st.sampled_from(list(Language)),
        ),
        min_size=1, max_size=8,
    ),
    st.sampled_from([",", ";"]),
    st.permutations(COLUMNS),
)  # fmt: skip
def test_what_a_csv_writer_writes_is_read_back(
    people: list[tuple[str, str, str, str, Group, Standing, Language]], delimiter: str, order: list[str]
) -> None:
    """Reading what was understood once more changes nothing."""
    file = StringIO()
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow(order)
    for n, (first, family, street, city, group, standing, language) in enumerate(people):
        cells = {
            "number": f"99{n:04}", "given_name": first, "family_name": family, "email": f"p{n}@exemple.test",
            "street": street, "city": city, "province": "ON", "postal_code": "K1A 0B1", "group": group,
            "standing": standing, "language": language,
        }  # fmt: skip
        writer.writerow([cells[column] for column in order])
    found, lines = understood(file.getvalue().encode())
    assert found.problems == []
    assert [one.number for one in lines] == [f"99{n:04}" for n in range(len(people))]

    again = StringIO()
    writer = csv.writer(again, delimiter=";")
    writer.writerow(COLUMNS)
    writer.writerows([getattr(one, column) or "" for column in COLUMNS] for one in lines)
    assert understood(again.getvalue().encode())[1] == lines
