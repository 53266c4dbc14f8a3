"""The roll as the union's own system writes it: what a line holds, what is wrong with one, what an import changes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from unicodedata import category, combining, normalize

from portal.rules.accounts import canonical_email, looks_like_member_number
from portal.rules.doors import FIELDS as TYPED
from portal.rules.doors import PROVINCES, Door, tidy
from portal.rules.members import Group, Language, Standing

# What is uploaded (brief §2: 25,000 lines are some 4 MB), and how many lines anybody's roll may have.
MOST_BYTES = 20 * 1024 * 1024
MOST_LINES = 100_000
# Enough to see what is wrong with a file; all of them are counted.
MOST_PROBLEMS = 1000
# Names and addresses of a file that nobody confirmed are forgotten after a day.
DRAFT_KEPT = timedelta(days=1)
# So many people gone at once, or this part of the roll, is more often half a file than a hard month.
MANY_GONE, MANY_GONE_OF = 20, 0.02
# No single person takes more than this part off the roll: the database says the same (20261126_roll_import).
MOST_GONE_OF = 0.1
# Two persons change an electorate from this long before voting opens: an import is applied after it is confirmed.
# The database says the same (20261126_roll_import).
TWO_FROM = timedelta(hours=1)
BATCH = 500


class Trouble(StrEnum):
    """What is wrong with a file or a line of it; said with its remedy by portal/text/roll.py."""

    # the file
    EMPTY = "empty"
    TOO_HEAVY = "too-heavy"
    WORKBOOK = "workbook"
    BINARY = "binary"
    UTF_16 = "utf-16"
    NOT_UTF_8 = "not-utf-8"
    NO_HEADER = "no-header"
    COLUMN_MISSING = "column-missing"
    COLUMN_TWICE = "column-twice"
    NO_LINES = "no-lines"
    TOO_MANY_LINES = "too-many-lines"
    # a line
    QUOTES = "quotes"
    FIELDS_MISSING = "fields-missing"
    FIELDS_LEFT_OVER = "fields-left-over"
    COMMA_UNQUOTED = "comma-unquoted"
    # a field
    FIELD_EMPTY = "field-empty"
    CONTROL_CHARACTER = "control-character"
    TOO_LONG = "too-long"
    NUMBER_WRONG = "number-wrong"
    NUMBER_TWICE = "number-twice"
    EMAIL_WRONG = "email-wrong"
    EMAIL_TWICE = "email-twice"
    POSTAL_CODE_WRONG = "postal-code-wrong"
    PROVINCE_UNKNOWN = "province-unknown"
    GROUP_UNKNOWN = "group-unknown"
    STANDING_UNKNOWN = "standing-unknown"
    LANGUAGE_UNKNOWN = "language-unknown"


class Kind(StrEnum):
    """What an import makes of one person; whoever is in the file and differs in nothing is the same."""

    NEW = "new"
    CHANGED = "changed"
    # No longer on the roll, and on it again.
    GONE = "gone"
    BACK = "back"
    SAME = "same"


class Doubt(StrEnum):
    """What somebody should look at twice before it is applied, or what is left alone."""

    MANY_GONE = "many-gone"
    GROUP_MOVED = "group-moved"
    SAME_PERSON = "same-person"
    NAME_AND_ADDRESS = "name-and-address"
    # Not applied: its owner has proven another address, or it is somebody else's.
    EMAIL_KEPT = "email-kept"
    EMAIL_TAKEN = "email-taken"


class Change(StrEnum):
    """What differs between a line and the roll."""

    NAME = "name"
    ADDRESS = "address"
    GROUP = "group"
    STANDING = "standing"
    LANGUAGE = "language"
    EMAIL = "email"


class ImportStatus(StrEnum):
    # Its file cannot be applied: nothing of it is kept but what is wrong with it.
    FAULTY = "faulty"
    DRAFT = "draft"
    # Confirmed by one person where two are needed.
    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    DONE = "done"
    ABANDONED = "abandoned"


# One import at a time is under way.
LIVE = (ImportStatus.DRAFT, ImportStatus.PROPOSED, ImportStatus.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Problem:
    """`line` as a spreadsheet numbers its rows; `other` is the earlier line that this one repeats."""

    line: int
    trouble: Trouble
    column: str = ""
    other: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One person, as understood."""

    line: int
    number: str
    given_name: str
    family_name: str
    email: str | None
    street: str
    city: str
    province: str
    postal_code: str
    group: str
    standing: str
    language: str


COLUMNS = tuple(field.name for field in fields(Line))[1:]

# As the union's system, or whoever exports it, may name them: without accents, capitals, spaces and signs.
NAMED: dict[str, tuple[str, ...]] = {
    "number": ("numero", "numerodemembre", "nodemembre", "ndemembre", "number", "membernumber", "memberno"),
    "given_name": ("prenom", "prenoms", "givenname", "givennames", "firstname"),
    "family_name": ("nom", "nomdefamille", "familyname", "lastname", "surname"),
    "email": ("courriel", "adressecourriel", "adressedecourriel", "email", "emailaddress"),
    "street": ("adresse", "rue", "numeroetrue", "street", "address", "streetaddress", "homeaddress"),
    "city": ("ville", "municipalite", "city", "town"),
    "province": ("province", "provinceouterritoire", "provinceorterritory"),
    "postal_code": ("codepostal", "postalcode", "postcode"),
    "group": ("groupe", "group"),
    "standing": ("statut", "situation", "standing", "status"),
    "language": ("langue", "languedecorrespondance", "language", "preferredlanguage"),
}
_COLUMN_OF = {name: column for column, names in NAMED.items() for name in names}

MOST = {"given_name": 100, "family_name": 100, "street": 200, "city": 100, "email": 254}
_LONGEST = 100


def bare(words: str) -> str:
    """Letters and figures only, as headers and codes are compared."""
    return "".join(c for c in normalize("NFKD", words).casefold() if c.isalnum() and not combining(c))


def column_named(header: str) -> str | None:
    """Which of our columns a header names, in either language; None for one that is not ours."""
    return _COLUMN_OF.get(bare(header))


_PROVINCES = {
    **{code.casefold(): code for code in PROVINCES},
    "alberta": "AB", "colombiebritannique": "BC", "britishcolumbia": "BC", "manitoba": "MB", "nouveaubrunswick": "NB",
    "newbrunswick": "NB", "terreneuveetlabrador": "NL", "newfoundlandandlabrador": "NL", "nouvelleecosse": "NS",
    "novascotia": "NS", "territoiresdunordouest": "NT", "northwestterritories": "NT", "nunavut": "NU", "ontario": "ON",
    "ileduprinceedouard": "PE", "princeedwardisland": "PE", "quebec": "QC", "saskatchewan": "SK", "yukon": "YT",
}  # fmt: skip
_GROUPS = {"ec": Group.EC, "tr": Group.TR, "bdp": Group.BDP, "lop": Group.BDP}
_STANDINGS = {
    "member": Standing.MEMBER, "membre": Standing.MEMBER, "membreenregle": Standing.MEMBER,
    "memberingoodstanding": Standing.MEMBER, "duespayer": Standing.DUES_PAYER, "cotisant": Standing.DUES_PAYER,
    "cotisante": Standing.DUES_PAYER, "paiedescotisations": Standing.DUES_PAYER,
}  # fmt: skip
_LANGUAGES = {
    "fr": Language.FR, "francais": Language.FR, "french": Language.FR, "f": Language.FR,
    "en": Language.EN, "anglais": Language.EN, "english": Language.EN, "a": Language.EN, "e": Language.EN,
}  # fmt: skip

_CODES: dict[str, tuple[Mapping[str, str], Trouble]] = {
    "province": (_PROVINCES, Trouble.PROVINCE_UNKNOWN),
    "group": (_GROUPS, Trouble.GROUP_UNKNOWN),
    "standing": (_STANDINGS, Trouble.STANDING_UNKNOWN),
    "language": (_LANGUAGES, Trouble.LANGUAGE_UNKNOWN),
}
# Nothing to compose, to take out or to put together: most cells, hence read at once.
_PLAIN = re.compile(r"(?: *[!-~]+(?: [!-~]+)*)? *")
_postal_code = TYPED[Door.JOIN]["postal_code"]

# Whether an address can be written to, as its owner would spell it; from outside, where the standard is known.
ValidEmail = Callable[[str], str | None]


def understood(column: str, cell: str, valid_email: ValidEmail) -> str | Trouble | None:
    """What a cell means, what is wrong with it, or None for an address that is not known."""
    # A line break inside quotation marks is how a spreadsheet writes two lines of an address.
    said = cell.strip(" ") if _PLAIN.fullmatch(cell) else tidy(cell.replace("\n", " "))
    if not said:
        return None if column == "email" else Trouble.FIELD_EMPTY
    if not said.isprintable() and any(category(character) == "Cc" for character in said):
        return Trouble.CONTROL_CHARACTER
    if len(said) > MOST.get(column, _LONGEST):
        return Trouble.TOO_LONG
    if column in _CODES:
        known, trouble = _CODES[column]
        found = known.get(bare(said))
        return trouble if found is None else str(found)
    if column == "number":
        return said if looks_like_member_number(said) else Trouble.NUMBER_WRONG
    if column == "postal_code":
        return _postal_code(said) or Trouble.POSTAL_CODE_WRONG
    if column == "email":
        address = valid_email(said)
        return Trouble.EMAIL_WRONG if address is None else canonical_email(address)
    return said


def line_of(line: int, cells: Mapping[str, str], valid_email: ValidEmail) -> Line | list[Problem]:
    """One line, or everything that is wrong with it."""
    meant: dict[str, str | None] = {}
    problems: list[Problem] = []
    for column in COLUMNS:
        value = understood(column, cells[column], valid_email)
        if isinstance(value, Trouble):
            problems.append(Problem(line, value, column))
        else:
            meant[column] = value
    return problems or Line(line, **meant)  # type: ignore[arg-type]


def many_gone(gone: int, present: int) -> bool:
    """Whether so many people missing from a file ask for a second look."""
    return gone > MANY_GONE or gone > present * MANY_GONE_OF


def takes_two(gone: int, present: int) -> bool:
    """Whether so many people missing from a file ask for a second person: a part of the roll was sent, not the roll."""
    return gone > MANY_GONE and gone > present * MOST_GONE_OF
