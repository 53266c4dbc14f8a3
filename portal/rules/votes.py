"""What a vote is before it is sealed, and what its voter keeps of it afterwards.

A choice leaves this module as 64 bytes that are the same length whatever was chosen. Two programs read them at the
count, this one and deploy/count.mjs: the format is written down in docs/vote-formats.md.
"""

import json
from base64 import b32encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import pairwise
from uuid import UUID

from portal.rules.identity import SubmissionStatus
from portal.rules.refusals import Refusal


class BallotKind(StrEnum):
    RESOLUTION = "resolution"
    RATIFICATION = "ratification"
    ELECTION = "election"
    # Held for every employee of the unit, member of the union or not (FPSLRA, s. 184 and s. 183).
    STRIKE = "strike"
    LAST_OFFER = "last-offer"


# Held by law for everybody in the unit: never for members only.
MANDATED = frozenset({BallotKind.STRIKE, BallotKind.LAST_OFFER})


class Majority(StrEnum):
    """Of those who said yes or no."""

    HALF = "half"
    TWO_THIRDS = "two-thirds"


class VoteState(StrEnum):
    """What becomes of a vote. One is `open` while its voter's identity is neither confirmed nor finally refused."""

    COUNTS = "counts"
    OPEN = "open"
    SET_ASIDE = "set-aside"


# Of a group or ballot with fewer people nothing is counted that one of them could be read from.
MIN_GROUP = 10


VERSION = 1
# Of a choice before it is sealed, whatever was chosen.
PLAINTEXT_SIZE = 64
# Encapsulated key (P-256, uncompressed), the choice, tag of AES-256-GCM.
CIPHERTEXT_SIZE = 65 + PLAINTEXT_SIZE + 16
# Two bytes each after two of head.
MOST_CHOICES = (PLAINTEXT_SIZE - 2) // 2

YES, NO, ABSTAIN = 1, 2, 3
_ANSWERS = {YES: ("Oui", "Yes"), NO: ("Non", "No"), ABSTAIN: ("Abstention", "Abstain")}


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that may be chosen: one number, two labels."""

    id: int
    fr: str
    en: str

    def label(self, language: str) -> str:
        return self.fr if language == "fr" else self.en


def options_of(kind: BallotKind, candidates: Sequence[tuple[int, str]] = ()) -> list[Option]:
    """What may be chosen in a ballot; of an election the candidates, by their position and name.

    A blank vote is no option: it chooses nothing.
    """
    if kind is BallotKind.ELECTION:
        return [Option(position, name, name) for position, name in sorted(candidates)]
    answers = (YES, NO, ABSTAIN) if kind is BallotKind.RESOLUTION else (YES, NO)
    return [Option(number, *_ANSWERS[number]) for number in answers]


@dataclass(frozen=True, slots=True)
class Definition:
    """Everything that a vote is an answer to. Its hash is sealed in with the vote (security-tests.md T68)."""

    ballot_id: UUID
    campaign: str
    code: str
    kind: BallotKind
    choose: int
    majority: Majority
    quorum_percent: int | None
    groups: Sequence[str]
    members_only: bool
    title: tuple[str, str]
    question: tuple[str, str]
    options: Sequence[Option]

    def canonical(self) -> bytes:
        """As JSON, the same bytes whoever writes it: sorted names, no spaces, UTF-8."""
        return json.dumps(
            {
                "ballot": str(self.ballot_id), "campaign": self.campaign, "code": self.code, "kind": self.kind.value,
                "choose": self.choose, "majority": self.majority.value, "quorum_percent": self.quorum_percent,
                "groups": sorted(self.groups), "members_only": self.members_only,
                "title": {"fr": self.title[0], "en": self.title[1]},
                "question": {"fr": self.question[0], "en": self.question[1]},
                "options": [{"id": o.id, "fr": o.fr, "en": o.en} for o in self.options],
            },
            ensure_ascii=False, sort_keys=True, separators=(",", ":"),
        ).encode()  # fmt: skip

    @property
    def sha256(self) -> str:
        return sha256(self.canonical()).hexdigest()

    @property
    def info(self) -> bytes:
        """What a vote is sealed to besides the key: no other ballot, and no other wording, opens it."""
        return info_of(str(self.ballot_id), self.sha256)

    @property
    def most(self) -> int:
        return self.choose if self.kind is BallotKind.ELECTION else 1


def info_of(ballot: str, definition_sha256: str) -> bytes:
    """What a vote is sealed to besides the key (docs/vote-formats.md)."""
    return f"scrutin/vote/v1|{ballot}|{definition_sha256}".encode()


def encode(choices: Collection[int]) -> bytes:
    """A choice as 64 bytes: version, how many, two bytes for each in ascending order, zeros. None chosen is blank."""
    chosen = sorted(set(choices))
    if len(chosen) > MOST_CHOICES:
        raise ValueError("more choices than a vote can hold")
    head = bytes([VERSION, len(chosen)])
    return (head + b"".join(number.to_bytes(2) for number in chosen)).ljust(PLAINTEXT_SIZE, b"\0")


def decode(plaintext: bytes, *, options: Collection[int], most: int) -> tuple[int, ...] | None:
    """What was chosen, in ascending order; None for what is no vote in this ballot. Never raises (T79)."""
    if len(plaintext) != PLAINTEXT_SIZE or plaintext[0] != VERSION or plaintext[1] > min(most, MOST_CHOICES):
        return None
    end = 2 + 2 * plaintext[1]
    chosen = tuple(int.from_bytes(plaintext[at : at + 2]) for at in range(2, end, 2))
    ascending = all(a < b for a, b in pairwise(chosen))
    if not ascending or any(plaintext[end:]) or any(number not in options for number in chosen):
        return None
    return chosen


def digest_of(ciphertext: bytes) -> bytes:
    return sha256(ciphertext).digest()


def receipt_of(digest: bytes) -> str:
    """The code that its voter keeps: 100 bits of the hash of the sealed vote, in groups of four.

    It shows that the sealed vote is in the box, and to nobody what it says.
    """
    code = b32encode(digest).decode()[:20]
    return "-".join(code[at : at + 4] for at in range(0, 20, 4))


def typed_receipt(text: str) -> str | None:
    """A receipt as somebody typed it, in the form of `receipt_of`; None if it cannot be one."""
    code = "".join(c for c in text.upper() if c.isalnum())
    if len(code) != 20 or any(c not in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" for c in code):
        return None
    return "-".join(code[at : at + 4] for at in range(0, 20, 4))


def refusal_of(
    *, cancelled: bool, left: bool, of_group: bool, of_standing: bool, on_paper: bool, early: bool, late: bool,
    has_key: bool, registered: bool, identified: bool, last: SubmissionStatus | None, copied: bool,
) -> Refusal:  # fmt: skip
    """Why a vote that is not in the box is not taken: first what nobody can change, last what its voter can."""
    for refused, refusal in (
        (cancelled, Refusal.CAMPAIGN_CANCELLED),
        (left, Refusal.LEFT_THE_ROLL),
        (not of_group, Refusal.BALLOT_NOT_YOURS),
        (not of_standing, Refusal.MEMBERS_ONLY),
        (on_paper, Refusal.VOTES_ON_PAPER),
        (late, Refusal.VOTE_CLOSED),
        (early, Refusal.VOTE_NOT_OPEN),
        (not has_key, Refusal.VOTE_NOT_READY),
        (not registered, Refusal.NOT_REGISTERED),
        (not identified and last is SubmissionStatus.REFUSED, Refusal.IDENTITY_REFUSED),
        (not identified and last is SubmissionStatus.REJECTED, Refusal.BETTER_PHOTO_NEEDED),
        (not identified, Refusal.DOCUMENTS_NEEDED),
        (copied, Refusal.VOTE_COPIED),
    ):
        if refused:
            return refusal
    # Nothing is in the way any more: what was, has gone meanwhile.
    return Refusal.VOTE_NOT_TAKEN
