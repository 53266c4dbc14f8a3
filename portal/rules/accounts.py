"""Who may sign in, how often one may try, and what a good password is."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from unicodedata import category, normalize

from portal.rules.refusals import Refusal

# Before any hash is computed: argon2 costs the same for a megabyte as for a word, reading it does not.
PASSWORD_MAX_LENGTH = 128

# A member number opens an activation only, and five wrong tries end it for good (brief §3.2).
NUMBER_TRIES = 5
# Above this many wrong numbers in an hour, over all accounts, the number path is closed to everybody.
NUMBER_FAILURES_AN_HOUR = 50

# A re-entered password serves for ten minutes: several ballots, one re-entry.
STEP_UP = timedelta(minutes=10)
STEP_UP_TRIES = 5

# The second factor of staff (security-tests.md T19, T69): as long a fresh one serves for dangerous acts.
FACTOR_FRESH = timedelta(minutes=10)
CHALLENGE_VALID = timedelta(minutes=5)
MOST_PASSKEYS = 4
# One code of an authenticator lives so long; the one before and the one after are taken, for clocks that differ.
CODE_STEP = 30
CODE_WINDOW = 1
INVITATION_VALID = timedelta(hours=24)
RECOVERY_VALID = timedelta(hours=24)
# More browsers than one person works in at a time.
MOST_STAFF_SESSIONS = 2

VERIFICATION_VALID = timedelta(hours=24)
RENEWAL_VALID = timedelta(minutes=60)
CODE_TRIES = 5
# One address receives at most so many links, whoever asks (security-tests.md T114).
LINKS_AN_HOUR = 3
LINKS_A_DAY = 10

_NUMBER = re.compile(r"9[0-9]{5}\Z")
_REPEATED = re.compile(r"^(.+?)\1+$", re.DOTALL)


class Role(StrEnum):
    REVIEWER = "reviewer"
    OPERATOR = "operator"
    OFFICER = "officer"
    AUDITOR = "auditor"


class SessionKind(StrEnum):
    """What a session may do: an activation only proves the address and chooses a password.

    Of staff the password opens a pending session, which reaches the pages of the second factor and nothing else.
    """

    ACTIVATION = "activation"
    MEMBER = "member"
    STAFF_PENDING = "staff-pending"
    STAFF = "staff"


class Purpose(StrEnum):
    """What a one-time link is for."""

    VERIFICATION = "verification"
    RENEWAL = "renewal"
    # The two ways to a first factor: the mail of an invitation, and what an officer hands over after a reset.
    INVITATION = "invitation"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Lifetime:
    idle: timedelta
    absolute: timedelta


LIFETIMES = {
    SessionKind.ACTIVATION: Lifetime(idle=timedelta(minutes=20), absolute=timedelta(hours=2)),
    SessionKind.MEMBER: Lifetime(idle=timedelta(minutes=20), absolute=timedelta(hours=12)),
    SessionKind.STAFF_PENDING: Lifetime(idle=timedelta(minutes=15), absolute=timedelta(minutes=30)),
    SessionKind.STAFF: Lifetime(idle=timedelta(minutes=15), absolute=timedelta(hours=8)),
}


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` attempts in `period`."""

    most: int
    period: timedelta


# Federal employees share a few addresses on the internet: strict per account, generous per address.
ADDRESS_LIMIT = Limit(60, timedelta(minutes=10))
UPLOAD_LIMIT = Limit(10, timedelta(days=1))
# Receipts that one address looks up: more than anybody types, and no way to try them all.
RECEIPT_LIMIT = Limit(30, timedelta(minutes=1))


def looks_like_member_number(typed: str) -> bool:
    return _NUMBER.match(typed) is not None


def canonical_email(typed: str) -> str:
    """How two spellings of one address compare; the sign-in name is stored this way.

    A domain is written as mail servers write it, so that «É», its two other spellings in Unicode and its punycode are
    one. What stands before the @ is the receiver's own business: no dot and no «+» is taken out (T113).
    """
    address = normalize("NFC", typed.strip().casefold())
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        # No domain that could be reached: it stays what was typed, and is simply unknown.
        return address


def delay_after(failures: int) -> timedelta:
    """How long an account waits after so many wrong pairs in a row; never blocks a mail link."""
    if failures >= 10:
        return timedelta(minutes=15)
    if failures >= 7:
        return timedelta(minutes=2)
    if failures >= 5:
        return timedelta(seconds=30)
    return timedelta(0)


def must_renew_password(set_at: datetime, cutoff: datetime | None) -> bool:
    """A password from before the campaign's cut-off date opens nothing but its renewal."""
    return cutoff is not None and set_at < cutoff


def password_weakness(password: str, *, min_length: int, score: int, known_words: Collection[str]) -> Refusal | None:
    """Why a new password is refused, or None.

    `score` is zxcvbn's, 0 to 4; `known_words` are what an acquaintance would try: names, number, e-mail, union.
    Source of the length and of "no composition rules": NIST SP 800-63B-4 §3.1.1.2.
    """
    if len(password) > PASSWORD_MAX_LENGTH:
        return Refusal.PASSWORD_TOO_LONG
    # A no-break space is typed by accident and counts as one; what nobody can see or type does not.
    if any(not character.isprintable() and category(character) != "Zs" for character in password):
        return Refusal.PASSWORD_CONTROL_CHARACTER
    if len(password) < min_length:
        return Refusal.PASSWORD_TOO_SHORT
    rest = password.casefold()
    for word in sorted({w.casefold() for w in known_words if len(w) >= 3}, key=len, reverse=True):
        rest = rest.replace(word, "")
    # What is left once everything guessable is taken out must still carry the weight.
    if score < 3 or len(set(rest)) < 5 or len(rest) < min_length // 2:
        return Refusal.PASSWORD_TOO_EASY
    # Saying it again adds nothing: a guesser tries that as well. A phrase may still say «my» twice.
    if len(_said_once(password)) < min_length * 4 // 5:
        return Refusal.PASSWORD_TOO_EASY
    return None


def _said_once(password: str) -> str:
    """The words in their order, each once; of one word that repeats itself, its shortest part."""
    words = dict.fromkeys(password.casefold().split())
    return " ".join(_REPEATED.sub(r"\1", word) for word in words)


# What anybody at this union would think of first (security-tests.md T12).
UNION_WORDS = frozenset(
    {
        "acep", "cape", "syndicat", "union", "portail", "portal", "scrutin", "membre", "member", "vote",
        "bdp", "motdepasse", "password", "bonjour", "ottawa", "gatineau", "2016", "2017", "2026",
        # The rows of a French keyboard, which zxcvbn does not know.
        "azertyuiop", "qsdfghjklm", "wxcvbn",
    }
)  # fmt: skip
