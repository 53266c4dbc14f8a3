"""What can be wrong with what officers bring to a ceremony: codes, said by portal/text/ceremony.py."""

from enum import StrEnum


class Fault(StrEnum):
    # Files.
    NOT_THERE = "not-there"
    UNREADABLE = "unreadable"
    THERE_ALREADY = "there-already"
    NOT_WRITTEN = "not-written"
    DAMAGED = "damaged"
    ANOTHER_FORMAT = "another-format"
    FIELD_WRONG = "field-wrong"
    # Officers and their keys.
    CODE_WRONG = "code-wrong"
    NOT_KEYS = "not-keys"
    PASSPHRASE_WRONG = "passphrase-wrong"  # noqa: S105 - a code that has the word in its name
    PASSPHRASE_SHORT = "passphrase-short"  # noqa: S105
    PASSPHRASE_LONG = "passphrase-long"  # noqa: S105
    PASSPHRASES_DIFFER = "passphrases-differ"
    PASSPHRASES_MISCOUNTED = "passphrases-miscounted"
    NOT_THREE = "not-three"
    NOT_TWO = "not-two"
    OFFICER_TWICE = "officer-twice"
    KEY_TWICE = "key-twice"
    NOT_A_TRUSTEE = "not-a-trustee"
    # An election and its shares.
    OTHER_ELECTION = "other-election"
    SHARE_DAMAGED = "share-damaged"
    # An urn.
    DEFINITION_CHANGED = "definition-changed"
    DEFINITION_FOREIGN = "definition-foreign"
    BALLOTS_UNSORTED = "ballots-unsorted"
    BALLOT_TWICE = "ballot-twice"
    VOTE_TWICE = "vote-twice"
    VOTES_UNSORTED = "votes-unsorted"
    LIST_CHANGED = "list-changed"
    # Signatures.
    SIGNATURE_WRONG = "signature-wrong"
    SIGNATURE_OF_ANOTHER = "signature-of-another"
    SIGNATURES_MISSING = "signatures-missing"
    # The machine.
    CONNECTED = "connected"
    MACHINE_UNKNOWN = "machine-unknown"
    # The end.
    TOO_EARLY = "too-early"
    PERIOD_SHORT = "period-short"
    HELD = "held"
    COPY_TWICE = "copy-twice"
    NOT_OURS = "not-ours"


# How `python -m portal ceremony` ends, besides 0: what was brought is not right; the command was used wrongly, or a
# file is not there or there already; the machine is connected.
REFUSED, MISUSED, ONLINE = 1, 2, 3

_MISUSED = frozenset(
    {
        Fault.NOT_THERE, Fault.UNREADABLE, Fault.THERE_ALREADY, Fault.NOT_WRITTEN, Fault.CODE_WRONG, Fault.NOT_THREE,
        Fault.NOT_TWO, Fault.PASSPHRASE_SHORT, Fault.PASSPHRASE_LONG, Fault.PASSPHRASES_DIFFER,
        Fault.PASSPHRASES_MISCOUNTED, Fault.COPY_TWICE,
    }
)  # fmt: skip


class Wrong(Exception):
    """One fault, and where: names of files, codes and numbers, never a choice and never a secret."""

    def __init__(self, fault: Fault, **where: str | int) -> None:
        super().__init__(fault.value)
        self.fault = fault
        # Some of it stands in files of others: nothing of theirs moves the cursor of who reads the refusal.
        self.where = {name: _printable(value) if isinstance(value, str) else value for name, value in where.items()}

    @property
    def status(self) -> int:
        if self.fault in (Fault.CONNECTED, Fault.MACHINE_UNKNOWN):
            return ONLINE
        return MISUSED if self.fault in _MISUSED else REFUSED


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text[:200])
