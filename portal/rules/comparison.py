"""What a reviewer read on a picture, beside the roll: the same to a careful reader, or what differs.

Spelling makes no difference; what tells two people or two doors apart always does. When in doubt it differs: a person
has the last word, and is asked to look again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from portal.rules.spelling import (
    ARTICLES,
    DIRECTIONS,
    NEVER_FIRST,
    STREET_TYPES,
    bare,
    city_words,
    holy,
    squeezed,
    street_word,
    tokens,
    units,
)  # fmt: skip


class Field(StrEnum):
    """What is typed again from a picture; in the order of the page."""

    NAME = "name"
    STREET = "street"
    CITY = "city"
    POSTAL_CODE = "postal-code"


class Outcome(StrEnum):
    SAME = "same"
    DIFFERS = "differs"
    # Nothing was typed: the picture does not show it.
    MISSING = "missing"


class Hint(StrEnum):
    """Where to look again; with «same», what was overlooked on purpose."""

    MIDDLE_NAMES = "middle-names"
    HOUSE_NUMBER = "house-number"
    UNIT = "unit"
    STREET_KIND = "street-kind"
    DIRECTION = "direction"
    # O for 0, I for 1.
    LETTER_OR_DIGIT = "letter-or-digit"


@dataclass(frozen=True, slots=True)
class Compared:
    outcome: Outcome
    hint: Hint | None = None


SAME, DIFFERS, MISSING = (Compared(outcome) for outcome in Outcome)


def compare(typed: Mapping[Field, str], roll: Mapping[Field, str], *, given: str, family: str) -> dict[Field, Compared]:
    """Field by field; the roll keeps the two parts of a name apart."""
    return {
        Field.NAME: compare_names(typed[Field.NAME], given, family),
        Field.STREET: compare_streets(typed[Field.STREET], roll[Field.STREET]),
        Field.CITY: compare_cities(typed[Field.CITY], roll[Field.CITY]),
        Field.POSTAL_CODE: compare_postal_codes(typed[Field.POSTAL_CODE], roll[Field.POSTAL_CODE]),
    }


def differing(compared: Mapping[Field, Compared]) -> list[Field]:
    return [field for field, said in compared.items() if said.outcome is not Outcome.SAME]


# --- names ------------------------------------------------------------------------------------------------

_TITLES = frozenset({"m", "mr", "mrs", "ms", "mme", "mlle", "dr", "dre"})
# Father and son at one address.
_GENERATIONS = {
    "jr": "jr",
    "junior": "jr",
    "fils": "jr",
    "sr": "sr",
    "senior": "sr",
    "pere": "sr",
    "ii": "2",
    "iii": "3",
}


def compare_names(typed: str, given: str, family: str) -> Compared:
    """Either order, with or without what stands between the first given name and the family name."""
    said = units(typed)
    if not said:
        return MISSING
    said, generation = _without_generation(said)
    first, of_given = _without_generation(units(given))
    last, of_family = _without_generation(units(family))
    if not first or not last or generation != (of_given or of_family):
        return DIFFERS
    found = _names(_words(said), _words(first), _words(last))
    if found is DIFFERS and len(said) > 2 and said[0] in ([title] for title in _TITLES):
        found = _names(_words(said[1:]), _words(first), _words(last))
    return found


def _without_generation(said: list[list[str]]) -> tuple[list[list[str]], str]:
    if len(said) > 1 and len(said[-1]) == 1 and said[-1][0] in _GENERATIONS:
        return said[:-1], _GENERATIONS[said[-1][0]]
    return said, ""


def _words(said: list[list[str]]) -> list[str]:
    return ["".join(holy(token) for token in unit) for unit in said]


def _names(said: list[str], first: list[str], last: list[str]) -> Compared:
    """The family name at either end, and what is left against the given names."""
    family = "".join(last)
    best = DIFFERS
    for cut in range(1, len(said)):
        for there, rest in ((said[-cut:], said[:-cut]), (said[:cut], said[cut:])):
            if "".join(there) == family:
                found = _given_names(rest, first)
                best = found if best is DIFFERS or found is SAME else best
    return best


def _given_names(said: list[str], first: list[str]) -> Compared:
    if "".join(said) == "".join(first):
        return SAME
    for i, j in product(range(1, len(said) + 1), range(1, len(first) + 1)):
        if "".join(said[:i]) == "".join(first[:j]) and _within(said[i:], first[j:]):
            return Compared(Outcome.SAME, Hint.MIDDLE_NAMES)
    return DIFFERS


def _within(one: list[str], other: list[str]) -> bool:
    """Whether the further names of one are among those of the other, in order; an initial stands for its name."""
    short, long = sorted((one, other), key=len)
    rest = iter(long)
    return all(any(_initial(name, candidate) for candidate in rest) for name in short)


def _initial(one: str, other: str) -> bool:
    return one == other or (1 in (len(one), len(other)) and one[0] == other[0])


# --- streets ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Street:
    """An address of one line, taken apart. What is not there is empty."""

    number: str = ""
    unit: str = ""
    kind: str = ""
    name: tuple[str, ...] = ()
    direction: str = ""
    box: str = ""


_BOX = re.compile(r"\b(?:c\.?\s?p\.?|case postale|casier postal|p\.?\s?o\.?\s?box|po box|box)\s*#?\s*(\d+)\b")
_RURAL = re.compile(r"\b(?:r\.?\s?r\.?|route rurale|rural route)\s*#?\s*(\d+)\b")
_UNIT = re.compile(
    r"(?:\b(?:app?t?|appartement|apartment|unite?|suite|ste(?=\.?\s*\d)|bureau|bur|porte|local)\b\.?\s*(?:no?\.?\s*)?#?|#)"
    r"\s*([a-z]?-?\d+[a-z]?|[a-z])\b"
)
# 4-123, A-123, 4B - 123: the unit comes first.
_UNIT_FIRST = re.compile(r"\s*(\d+[a-z]?|[a-z]\d*)\s*[-–]\s*(?=\d)")
_NUMBER = re.compile(r"\s*(\d+)(?:\s*([a-z])(?![a-z'’]))?(?:\s*\b(\d/\d)\b)?")
_NUMBER_LABEL = re.compile(r"\b(?:no|numero|number|civic)\b\.?\s*(?=\d)|[nN]°\s*(?=\d)")


def street_of(words: str) -> Street:
    said = bare(words.replace("½", " 1/2").replace("⁄", "/"))
    found = _BOX.search(said)
    box = found[1] if found else ""
    said = _BOX.sub(" ", said) if found else said
    rural = _RURAL.search(said)
    if rural:
        said, box = _RURAL.sub(" ", said), f"rr{rural[1]}/{box}"
    said, unit = _unit(_NUMBER_LABEL.sub("", said))
    number, said = _house_number(said)
    kind, name, direction = _kind(tokens(said))
    return Street(number, unit, kind, name, direction, box)


def _unit(said: str) -> tuple[str, str]:
    found = _UNIT.search(said)
    if found is not None:
        return f"{said[: found.start()]}, {said[found.end() :]}".strip(", "), squeezed(found[1])
    found = _UNIT_FIRST.match(said)
    return (said, "") if found is None else (said[found.end() :], squeezed(found[1]))


def _house_number(said: str) -> tuple[str, str]:
    found = _NUMBER.match(said)
    if found is None or re.match(r"(?:st|nd|rd|th|e|er|re|ere|eme|ieme)\b", said[found.end(1) :]):
        return "", said
    letter, half = found[2] or "", found[3] or ""
    end = found.end()
    apart = letter and found.start(2) > found.end(1)
    if apart and not half:
        # «123 E Main», «123 A Street»: a letter on its own belongs to the street.
        letter, end = "", found.end(1)
    # Leading zeros are a printer's.
    return f"{found[1].lstrip('0') or '0'}{letter}{half}", said[end:]


def _kind(said: list[str]) -> tuple[str, tuple[str, ...], str]:
    """The kind of street, first in French and last in English; the direction, behind both or before the name."""
    direction = kind = ""
    if len(said) > 1 and said[-1] in DIRECTIONS and not (len(said) == 2 and said[0] in STREET_TYPES):
        direction = DIRECTIONS[said.pop()]
    elif len(said) > 2 and said[0] in DIRECTIONS and said[0] not in ("no", "so"):
        direction = DIRECTIONS[said.pop(0)]
    if len(said) > 1:
        if said[0] in STREET_TYPES and said[0] not in NEVER_FIRST:
            kind = STREET_TYPES[said.pop(0)]
        elif said[-1] in STREET_TYPES:
            kind = STREET_TYPES[said.pop()]
    # «St E» after the name, and «boul. Est X» never: one direction is enough.
    if not direction and len(said) > 1 and said[-1] in DIRECTIONS:
        direction = DIRECTIONS[said.pop()]
    if len(said) == 1:
        # Avenue Road, rue du Parc.
        return kind, (STREET_TYPES.get(said[0]) or street_word(said[0]),), direction
    return kind, tuple(street_word(token) for token in said), direction


def compare_streets(typed: str, roll: str) -> Compared:
    """Whether two lines lead to the same door."""
    if not squeezed(typed):
        return MISSING
    one, other = street_of(typed), street_of(roll)
    if one.number != other.number or one.box != other.box:
        return Compared(Outcome.DIFFERS, Hint.HOUSE_NUMBER)
    if not _same_name(one.name, other.name) or _numbers(one.name) != _numbers(other.name):
        return DIFFERS
    for hint, left, right in (
        (Hint.UNIT, one.unit, other.unit),
        (Hint.STREET_KIND, one.kind, other.kind),
        (Hint.DIRECTION, one.direction, other.direction),
    ):
        if left != right:
            return Compared(Outcome.DIFFERS, hint)
    return SAME


def _same_name(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if "".join(one) == "".join(other):
        return True
    left, right = (tuple(word for word in name if word not in ARTICLES) for name in (one, other))
    return bool(left) and "".join(left) == "".join(right)


def _numbers(name: tuple[str, ...]) -> list[str]:
    """The numbers in a name, kept apart: «1 23» is not «12 3»."""
    return [word for word in name if any(c.isdigit() for c in word)]


# --- cities and postal codes --------------------------------------------------------------------------------


def compare_cities(typed: str, roll: str) -> Compared:
    if not squeezed(typed):
        return MISSING
    return SAME if city_words(typed) == city_words(roll) else DIFFERS


_LOOKS_LIKE = str.maketrans({"o": "0", "i": "1", "l": "1", "s": "5", "b": "8", "z": "2", "g": "6"})


def compare_postal_codes(typed: str, roll: str) -> Compared:
    one, other = squeezed(typed), squeezed(roll)
    if not one:
        return MISSING
    if one == other:
        return SAME
    mistaken = one.translate(_LOOKS_LIKE) == other.translate(_LOOKS_LIKE)
    return Compared(Outcome.DIFFERS, Hint.LETTER_OR_DIGIT) if mistaken else DIFFERS


def alike(field: str, one: str, other: str) -> bool:
    """Whether what somebody wrote in a field of a form is what the roll says there."""
    if field == "street":
        return compare_streets(one, other) is SAME
    if field == "city":
        return compare_cities(one, other) is SAME
    if field == "postal_code":
        return compare_postal_codes(one, other) is SAME
    return "".join(_words(units(one))) == "".join(_words(units(other)))
