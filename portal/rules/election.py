"""The files of an election that come into the portal and leave it (docs/vote-formats.md)."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from portal.rules import vote_files
from portal.rules.ceremony import Wrong
from portal.rules.refusals import Refusal
from portal.rules.running import COMPLAINTS, MIN_GROUP
from portal.rules.votes import BallotKind

# No file of an election is larger; a result of 50 ballots is some 20 KB.
MOST_BYTES = 256 * 1024
TRUSTEES = 3

# P-256: y² = x³ - 3x + b over the integers modulo this prime.
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
OUTCOMES = ("adopted", "not-adopted", "no-quorum", "elected")


def canonical(value: object) -> str:
    """JSON, the same bytes whoever writes it."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def b64url(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _bytes(text: object, size: int) -> bytes | None:
    """What b64url without padding says; None unless it is so long, and written in the one way."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        return None
    try:
        content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return content if len(content) == size and b64url(content) == text else None


def on_curve(point: bytes) -> bool:
    """Whether these 65 bytes are a point of P-256: to another no vote can be sealed."""
    x, y = int.from_bytes(point[1:33]), int.from_bytes(point[33:])
    return len(point) == 65 and point[0] == 4 and x < _P and y < _P and (y * y - (x**3 - 3 * x + _B)) % _P == 0


def fingerprint(key: bytes) -> str:
    """A key as 16 groups of four: two people read them to each other."""
    digest = sha256(key).hexdigest()
    return " ".join(digest[at : at + 4] for at in range(0, 64, 4))


# --- election.json


@dataclass(frozen=True, slots=True)
class Election:
    """What the ceremony made: the public key, and the public keys of those who hold the other half together."""

    key: bytes
    trustees: Sequence[Mapping[str, str]]

    @property
    def wanted(self) -> dict[str, object]:
        return {"public_key": b64url(self.key), "trustees": [dict(trustee) for trustee in self.trustees]}


def read_election(text: str, campaign: str) -> Election | Refusal:
    read = _object(text)
    if read is None or read.get("format") != "scrutin/election/v1":
        # A file of the ceremony that must never leave its holder is told apart: it has to be replaced.
        return Refusal.PRIVATE_FILE if "PRIVATE KEY" in text else Refusal.ELECTION_UNREADABLE
    if read.get("campaign") != campaign:
        return Refusal.FILE_OF_ANOTHER
    key, given = _bytes(read.get("public_key"), 65), read.get("trustees")
    if key is None or not on_curve(key) or not isinstance(given, list) or len(given) != TRUSTEES:
        return Refusal.ELECTION_UNREADABLE
    trustees: list[dict[str, str]] = []
    for one in given:
        if not isinstance(one, dict) or not isinstance(one.get("code"), str) or not _CODE.match(one["code"]):
            return Refusal.ELECTION_UNREADABLE
        sealing, signing = _bytes(one.get("sealing"), 65), _bytes(one.get("signing"), 32)
        if sealing is None or not on_curve(sealing) or signing is None:
            return Refusal.ELECTION_UNREADABLE
        trustees.append({name: one[name] for name in ("code", "sealing", "signing")})
    for name in ("code", "sealing", "signing"):
        if len({trustee[name] for trustee in trustees}) != TRUSTEES:
            return Refusal.ELECTION_UNREADABLE
    return Election(key, trustees)


def read_election_again(wanted: Mapping[str, Any]) -> Election:
    """What was read once and is kept with a proposal."""
    key = _bytes(wanted["public_key"], 65)
    assert key is not None, "it was read before it was kept"
    return Election(key, wanted["trustees"])


def holder_fingerprint(trustee: Mapping[str, str]) -> str:
    """Of both public keys of somebody who holds a part: the one who holds it compares it with their own."""
    both = (_bytes(trustee.get("sealing"), 65) or b"") + (_bytes(trustee.get("signing"), 32) or b"")
    return fingerprint(both)


def _object(text: str) -> dict[str, Any] | None:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


# --- urn-<campaign>.json


@dataclass(frozen=True, slots=True)
class SealedBallot:
    """One ballot of a sealed box."""

    id: str
    code: str
    kind: BallotKind
    definition: str
    electors: int
    on_paper: int
    set_aside: int
    # In ascending order of their hashes.
    digests: Sequence[bytes]

    def described(self) -> dict[str, object]:
        return {
            "ballot": self.id, "code": self.code, "definition": self.definition,
            "definition_sha256": sha256(self.definition.encode()).hexdigest(), "electors": self.electors,
            "on_paper": self.on_paper, "set_aside": self.set_aside,
            "list_sha256": sha256(b"".join(self.digests)).hexdigest(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Box:
    """A sealed box without what is in it."""

    campaign: str
    key: bytes
    sealed_at: datetime
    roll_at_opening: str | None
    roll_at_seal: str
    # In the order of their codes.
    ballots: Sequence[SealedBallot]

    def _whole(self, ballots: list[dict[str, object]]) -> dict[str, object]:
        return {
            "format": "scrutin/urn/v1", "campaign": self.campaign, "public_key": b64url(self.key),
            "sealed_at": self.sealed_at.astimezone(UTC).isoformat(), "roll_at_opening": self.roll_at_opening,
            "roll_at_seal": self.roll_at_seal, "ballots": ballots,
        }  # fmt: skip

    @property
    def manifest_sha256(self) -> str:
        """What the holders of the key sign: everything but the sealed votes, of which the hash over their hashes."""
        described = [{**ballot.described(), "count": len(ballot.digests)} for ballot in self.ballots]
        return sha256(canonical(self._whole(described)).encode()).hexdigest()

    def urn(self, ciphertexts: Mapping[str, Sequence[bytes]]) -> str:
        """The file, with the sealed votes of each ballot by its id."""
        whole = [
            {**ballot.described(), "ciphertexts": [b64url(one) for one in ciphertexts[ballot.id]]}
            for ballot in self.ballots
        ]
        return canonical(self._whole(whole)) + "\n"


# --- result-<campaign>.json


@dataclass(frozen=True, slots=True)
class Counted:
    """The result of one ballot."""

    code: str
    electors: int
    votes: int
    invalid: int
    blank: int
    options: Sequence[tuple[int, int]]
    outcome: str
    elected: Sequence[int]
    tied: Sequence[int]

    @property
    def small(self) -> bool:
        """So few that who chose what could be guessed: only the outcome is published (security.md T101)."""
        return self.votes - self.invalid < MIN_GROUP

    @property
    def unanimous(self) -> bool:
        """Everybody chose the same: whoever voted, their vote is known."""
        return self.votes > 0 and any(votes == self.votes for _, votes in self.options)


def read_result(text: str, box: Box) -> list[Counted] | Refusal:
    """A result of this box, in the order of its ballots; what is no result of it, or does not add up, is refused."""
    read = _object(text)
    if read is None or read.get("format") != "scrutin/result/v1" or text != canonical(read) + "\n":
        return Refusal.RESULT_UNREADABLE
    if read.get("campaign") != box.campaign or read.get("manifest_sha256") != box.manifest_sha256:
        return Refusal.FILE_OF_ANOTHER
    try:
        # Every field there and of its type, and no other: it is shown to everybody as it is.
        vote_files.read_result("", text.encode())
    except Wrong:
        return Refusal.RESULT_UNREADABLE
    given = read.get("ballots")
    if not isinstance(given, list) or len(given) != len(box.ballots):
        return Refusal.RESULT_UNREADABLE
    found: list[Counted] = []
    for one, ballot in zip(given, box.ballots, strict=True):
        counted = _counted(one, ballot)
        if counted is None:
            return Refusal.RESULT_UNREADABLE
        found.append(counted)
    return found


def _counted(given: object, ballot: SealedBallot) -> Counted | None:
    if not isinstance(given, dict):
        return None
    if [given.get(name) for name in ("ballot", "code", "kind")] != [ballot.id, ballot.code, ballot.kind.value]:
        return None
    numbers = [_number(given.get(name)) for name in ("electors", "votes", "invalid", "blank")]
    options = given.get("options")
    if None in numbers or not isinstance(options, list) or given.get("outcome") not in OUTCOMES:
        return None
    electors, votes, invalid, blank = (n or 0 for n in numbers)
    pairs = [(_number(o.get("id")), _number(o.get("votes"))) for o in options if isinstance(o, dict)]
    chosen = [(i, n) for i, n in pairs if i is not None and n is not None]
    ids = sorted(option["id"] for option in json.loads(ballot.definition)["options"])
    if [i for i, _ in chosen] != ids or len(chosen) != len(options):
        return None
    said = votes - invalid - blank
    total = sum(n for _, n in chosen)
    adds_up = total >= said >= 0 if ballot.kind is BallotKind.ELECTION else total == said
    if electors != ballot.electors or votes != len(ballot.digests) or not adds_up:
        return None
    elected, tied = given.get("elected"), given.get("tied")
    if not isinstance(elected, list) or not isinstance(tied, list):
        return None
    # Nobody has a seat twice, nor one that is still to be drawn.
    if not set(elected + tied) <= set(ids) or len(set(elected + tied)) < len(elected + tied):
        return None
    return Counted(ballot.code, electors, votes, invalid, blank, chosen, str(given["outcome"]), elected, tied)


def _number(given: object) -> int | None:
    return given if type(given) is int and given >= 0 else None


# --- what the portal says afterwards


def publication(campaign: str, key: bytes, *, result_sha256: str, results_at: datetime, held: bool) -> str:
    """publication-<campaign>.json: the ceremony destroys no key without it, nor before the time it names."""
    return canonical(
        {
            "format": "scrutin/publication/v1", "campaign": campaign, "public_key": b64url(key),
            "result_sha256": result_sha256, "results_at": results_at.astimezone(UTC).isoformat(),
            "destroy_after": (results_at + COMPLAINTS).astimezone(UTC).isoformat(), "held": held,
        }
    ) + "\n"  # fmt: skip


def read_destruction(text: str, campaign: str, key: bytes) -> str | Refusal:
    """The record that the ceremony wrote when the shares of the key were destroyed; its hash is kept."""
    read = _object(text)
    if read is None or read.get("format") != "scrutin/destruction/v1":
        return Refusal.DESTRUCTION_UNREADABLE
    if read.get("campaign") != campaign or read.get("public_key") != b64url(key):
        return Refusal.FILE_OF_ANOTHER
    shares = read.get("shares")
    if not isinstance(shares, list) or not shares or not all(isinstance(s, str) and _SHA256.match(s) for s in shares):
        return Refusal.DESTRUCTION_UNREADABLE
    return sha256(text.encode()).hexdigest()
