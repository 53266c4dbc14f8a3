"""« Enregistrer mon courriel » and « Je veux devenir membre »: what is asked, how long each wait lasts, why not."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from unicodedata import category, normalize

from portal.rules.accounts import Limit, looks_like_member_number
from portal.rules.members import Group, Language

# From the form to the proof that its address works.
PROOF_VALID = timedelta(days=7)
PROOF_REMINDED = timedelta(days=2)
# From the proof to the answer of a person (brief §3.6).
STAFF_REMINDED = timedelta(days=2)
ANSWER_WITHIN = timedelta(days=5)
# From the end of a request until what was typed is forgotten.
FORGOTTEN_AFTER = timedelta(days=30)
# The mail that brings somebody to a new password; a decision may come on a Friday evening.
FIRST_LINK_VALID = timedelta(hours=72)
# How many mails one address is sent because somebody typed it (security-tests.md T114).
HOURLY = Limit(3, timedelta(hours=1))
DAILY = Limit(10, timedelta(days=1))


class Door(StrEnum):
    """The two doors that a person decides; the third, a new password, needs nobody."""

    REGISTER_EMAIL = "register-email"
    JOIN = "join"


class Status(StrEnum):
    ASKED = "asked"
    # The address works: somebody decides.
    PROVEN = "proven"
    # Decided, not applied yet.
    DECIDED = "decided"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    # Nobody opened the link in time.
    LAPSED = "lapsed"


OVER = frozenset({Status.ACCEPTED, Status.REFUSED, Status.LAPSED})


class Verdict(StrEnum):
    ACCEPT = "accept"
    REFUSE = "refuse"


class Reason(StrEnum):
    """Why a request is not accepted; said with its remedy by portal/text/doors.py."""

    NUMBER_UNKNOWN = "number-unknown"
    NAME_DIFFERS = "name-differs"
    ADDRESS_DIFFERS = "address-differs"
    ADDRESS_ON_FILE = "address-on-file"
    ADDRESS_TAKEN = "address-taken"
    NOT_IN_UNIT = "not-in-unit"
    ALREADY_MEMBER = "already-member"
    INCOMPLETE = "incomplete"
    OTHER = "other"


REASONS: dict[Door, tuple[Reason, ...]] = {
    Door.REGISTER_EMAIL: (
        Reason.NUMBER_UNKNOWN, Reason.NAME_DIFFERS, Reason.ADDRESS_DIFFERS, Reason.ADDRESS_ON_FILE,
        Reason.ADDRESS_TAKEN, Reason.OTHER,
    ),
    Door.JOIN: (Reason.NOT_IN_UNIT, Reason.ALREADY_MEMBER, Reason.INCOMPLETE, Reason.ADDRESS_TAKEN, Reason.OTHER),
}  # fmt: skip


class Moment(StrEnum):
    """What time alone brings about."""

    PROOF_REMINDER = "proof-reminder"
    LAPSE = "lapse"
    RECEIVED = "received"
    STAFF_REMINDER = "staff-reminder"
    LATE = "late"
    STILL_WAITING = "still-waiting"


@dataclass(frozen=True)
class Due:
    moment: Moment
    at: datetime
    # Which one of those that come back.
    turn: int = 0


def next_due(status: Status, asked_at: datetime, proven_at: datetime | None, met: Collection[Moment]) -> Due | None:
    """The next moment of a request that comes once and has not been met."""
    dues: list[Due] = []
    if status is Status.ASKED:
        dues = [Due(Moment.PROOF_REMINDER, asked_at + PROOF_REMINDED), Due(Moment.LAPSE, asked_at + PROOF_VALID)]
    elif status is Status.PROVEN and proven_at is not None:
        dues = [
            Due(Moment.RECEIVED, proven_at),
            Due(Moment.STAFF_REMINDER, proven_at + STAFF_REMINDED),
            Due(Moment.LATE, proven_at + ANSWER_WITHIN),
        ]
    return next((due for due in dues if due.moment not in met), None)


def next_reminder(proven_at: datetime, now: datetime, met: int) -> Due:
    """Once the answer is late, staff hear of it every two days; `met` is the last turn that they heard of.

    After a silence only the latest turn is due, however many were missed.
    """
    late_at = proven_at + ANSWER_WITHIN
    latest = max((now - late_at) // STAFF_REMINDED, 0)
    turn = latest if latest > met else max(latest, met) + 1
    return Due(Moment.STILL_WAITING, late_at + turn * STAFF_REMINDED, turn)


def is_late(proven_at: datetime | None, now: datetime) -> bool:
    """Whether the day that was promised is over: a date in the past is promised to nobody."""
    return proven_at is not None and proven_at + ANSWER_WITHIN < now


def reason_given(door: Door, verdict: Verdict, reason: Reason | None, note_fr: str, note_en: str) -> bool:
    """Whether a refusal says why, in the words of its door; «other» says it in both languages."""
    if verdict is Verdict.ACCEPT:
        return True
    if reason not in REASONS[door]:
        return False
    return reason is not Reason.OTHER or bool(note_fr.strip() and note_en.strip())


# --- what is typed --------------------------------------------------------------------------------------

PROVINCES = ("AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT")
UNKNOWN_GROUP = "unknown"
GROUPS = (*Group, UNKNOWN_GROUP)
DECLARED = "yes"

_POSTAL_CODE = re.compile(r"([ABCEGHJ-NPRSTVXY][0-9][ABCEGHJ-NPRSTV-Z])[ -]?([0-9][ABCEGHJ-NPRSTV-Z][0-9])\Z")
_PHONE = re.compile(r"\+?[0-9 ().-]{10,24}(?:(?:x|poste|ext\.?) ?[0-9]{1,6})?\Z")
_NAME_SIGNS = frozenset(" -'’.,")


def tidy(typed: str) -> str:
    """As a person meant it: composed, without what nobody can see or type, without spaces at the ends."""
    seen = "".join(c for c in normalize("NFC", typed) if category(c) != "Cf")
    return re.sub(r"[ \u00a0\u202f]+", " ", seen).strip()


def _name(said: str) -> str | None:
    """Letters of any script: a name is what it is, and a person compares it with the roll."""
    letters = all(category(c)[0] in "LM" or c in _NAME_SIGNS for c in said)
    return said if letters and len(said) <= 100 and any(category(c)[0] == "L" for c in said) else None


def _line(said: str) -> str | None:
    """One printable line that says something."""
    return said if said.isprintable() and len(said) <= 200 and any(c.isalnum() for c in said) else None


def _number(said: str) -> str | None:
    digits = re.sub(r"[ -]", "", said)
    return digits if looks_like_member_number(digits) else None


def _postal_code(said: str) -> str | None:
    found = _POSTAL_CODE.match(said.upper())
    return f"{found[1]} {found[2]}" if found else None


def _phone(said: str) -> str | None:
    return said if _PHONE.match(said.casefold()) and sum(c.isdigit() for c in said) <= 21 else None


def _one_of(*choices: str) -> Callable[[str], str | None]:
    return lambda said: said if said in choices else None


_ADDRESS_AT_HOME = {"street": _line, "city": _line, "province": _one_of(*PROVINCES), "postal_code": _postal_code}
# In the order of the page; the address of the mailbox is looked at by whoever knows the standard.
FIELDS: dict[Door, dict[str, Callable[[str], str | None]]] = {
    Door.REGISTER_EMAIL: {
        "number": _number, "given_name": _name, "family_name": _name, "postal_code": _postal_code,
    },
    Door.JOIN: {
        "given_name": _name, "family_name": _name, **_ADDRESS_AT_HOME, "phone": _phone, "employer": _line,
        "group": _one_of(*GROUPS), "language": _one_of(*Language), "number": _number,
        "declaration": _one_of(DECLARED),
    },
}  # fmt: skip
OPTIONAL: dict[Door, frozenset[str]] = {
    Door.REGISTER_EMAIL: frozenset(),
    Door.JOIN: frozenset({"phone", "number"}),
}


def read(door: Door, typed: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What was meant, field by field, and the fields that need another look; an optional one may stay empty."""
    said: dict[str, str] = {}
    unclear: list[str] = []
    for field, understand in FIELDS[door].items():
        meant = tidy(typed[field])
        if not meant and field in OPTIONAL[door]:
            continue
        understood = understand(meant)
        if understood is None:
            unclear.append(field)
        else:
            said[field] = understood
    return said, unclear
