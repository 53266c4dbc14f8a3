"""The urn: the votes of a campaign as they leave the portal, and read whole and checked to the last byte."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from portal.rules.canonical import CAMPAIGN, CODE, Fields, Json, b64, canonical, hash_of, load, unb64, written
from portal.rules.ceremony import Fault, Wrong
from portal.rules.counting import Asked
from portal.rules.vote_files import POINT, URN
from portal.rules.votes import CIPHERTEXT_SIZE, MOST_CHOICES, BallotKind, Majority, digest_of, info_of

_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class UrnBallot:
    """One ballot of an urn: everything that its count needs, and no voter."""

    ballot: str
    code: str
    asked: Asked
    definition_sha256: str
    electors: int
    on_paper: int
    set_aside: int
    ciphertexts: tuple[bytes, ...]

    @property
    def info(self) -> bytes:
        return info_of(self.ballot, self.definition_sha256)


@dataclass(frozen=True, slots=True)
class Urn:
    campaign: str
    public_key: bytes
    sealed_at: str
    ballots: tuple[UrnBallot, ...]
    manifest_sha256: str


_OF_A_BALLOT = {
    "ballot", "code", "definition", "definition_sha256", "electors", "on_paper", "set_aside", "ciphertexts",
    "list_sha256",
}  # fmt: skip
_OF_AN_URN = {"format", "campaign", "public_key", "sealed_at", "roll_at_opening", "roll_at_seal", "ballots"}


def manifest_of(urn: Json) -> Json:
    """What is signed of an urn: all of it but the votes, of which it has the number and the hash of the list."""
    ballots = []
    for ballot in urn["ballots"]:
        kept = {field: value for field, value in ballot.items() if field != "ciphertexts"}
        ballots.append({**kept, "count": len(ballot["ciphertexts"])})
    return {**urn, "ballots": ballots}


def list_hash(digests: Sequence[bytes]) -> str:
    """Of a list of sealed votes, by their hashes in order."""
    return hash_of(b"".join(digests))


def read_urn(name: str, content: bytes) -> Urn:
    """An urn in which every hash is right, every vote stands once, and everything is in order."""
    found = load(name, content, URN)
    fields = Fields(name, found, _OF_AN_URN)
    fields.moment("sealed_at")
    fields.hash("roll_at_seal")
    if found["roll_at_opening"] is not None:
        fields.hash("roll_at_opening")
    campaign = fields.text("campaign", CAMPAIGN)
    ballots = tuple(_urn_ballot(name, one, campaign) for one in fields.list("ballots"))
    for one, other in pairwise(ballots):
        if one.code >= other.code:
            raise Wrong(Fault.BALLOTS_UNSORTED, file=name, ballot=other.code)
    if len({one.ballot for one in ballots}) < len(ballots):
        raise Wrong(Fault.BALLOT_TWICE, file=name)
    return Urn(
        campaign, fields.data("public_key", POINT), fields.text("sealed_at"), ballots,
        hash_of(canonical(manifest_of(found))),
    )  # fmt: skip


def _urn_ballot(name: str, content: object, campaign: str) -> UrnBallot:
    fields = Fields(name, content, _OF_A_BALLOT)
    code, ballot = fields.text("code", CODE), fields.text("ballot", _UUID)
    definition, definition_sha256 = fields.text("definition"), fields.hash("definition_sha256")
    if hash_of(definition.encode()) != definition_sha256:
        raise Wrong(Fault.DEFINITION_CHANGED, file=name, ballot=code)
    ciphertexts = [_ciphertext(name, code, text) for text in fields.list("ciphertexts")]
    digests = [digest_of(one) for one in ciphertexts]
    if len(set(digests)) < len(digests):
        raise Wrong(Fault.VOTE_TWICE, file=name, ballot=code)
    if any(one > other for one, other in pairwise(digests)):
        raise Wrong(Fault.VOTES_UNSORTED, file=name, ballot=code)
    if list_hash(digests) != fields.hash("list_sha256"):
        raise Wrong(Fault.LIST_CHANGED, file=name, ballot=code)
    return UrnBallot(
        ballot, code, _asked(name, definition, {"ballot": ballot, "campaign": campaign, "code": code}),
        definition_sha256, fields.number("electors"), fields.number("on_paper"), fields.number("set_aside"),
        tuple(ciphertexts),
    )  # fmt: skip


def _ciphertext(name: str, code: str, text: object) -> bytes:
    content = unb64(text) if isinstance(text, str) and text.isascii() else None
    if content is None or len(content) != CIPHERTEXT_SIZE:
        raise Wrong(Fault.VOTE_LENGTH, file=name, ballot=code)
    return content


def _asked(name: str, definition: str, place: Mapping[str, str]) -> Asked:
    """What a definition asks; Wrong if it is the one of another ballot or campaign."""
    try:
        found = json.loads(definition)
        whole = isinstance(found, dict) and canonical(found).decode() == definition
    except (ValueError, RecursionError):
        whole = False
    if not whole:
        raise Wrong(Fault.DEFINITION_CHANGED, file=name, ballot=place["code"])
    fields = Fields(
        name, found, {*place, "kind", "choose", "majority", "quorum_percent", "options"}, more=True
    )  # fmt: skip
    if any(found[field] != value for field, value in place.items()):
        raise Wrong(Fault.DEFINITION_FOREIGN, file=name, ballot=place["code"])
    options = [
        Fields(name, one, {"id", "fr", "en"}).number("id", most=0xFFFF) for one in fields.list("options")
    ]  # fmt: skip
    quorum = None if found["quorum_percent"] is None else fields.number("quorum_percent", least=1, most=100)
    if not options or any(a >= b for a, b in pairwise(options)):
        raise fields.wrong("options")
    try:
        kind, majority = BallotKind(fields.text("kind")), Majority(fields.text("majority"))
    except ValueError:
        raise fields.wrong("kind, majority") from None
    return Asked(kind, fields.number("choose", least=1, most=MOST_CHOICES), majority, quorum, tuple(options))


@dataclass(frozen=True, slots=True)
class SealedBallot:
    """One ballot of a sealed box, before its votes leave."""

    id: str
    code: str
    kind: BallotKind
    definition: str
    electors: int
    on_paper: int
    set_aside: int
    # How many count, and the hash of their list (`list_hash`), as the seal wrote them down.
    votes: int
    list_sha256: str

    def asked(self, campaign: str) -> Asked:
        return _asked("urn", self.definition, {"ballot": self.id, "campaign": campaign, "code": self.code})

    def described(self) -> Json:
        return {
            "ballot": self.id, "code": self.code, "definition": self.definition,
            "definition_sha256": hash_of(self.definition.encode()), "electors": self.electors,
            "on_paper": self.on_paper, "set_aside": self.set_aside, "list_sha256": self.list_sha256,
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

    def _whole(self, ballots: list[Json]) -> Json:
        return {
            "format": URN, "campaign": self.campaign, "public_key": b64(self.key),
            "sealed_at": self.sealed_at.astimezone(UTC).isoformat(), "roll_at_opening": self.roll_at_opening,
            "roll_at_seal": self.roll_at_seal, "ballots": ballots,
        }  # fmt: skip

    @property
    def manifest_sha256(self) -> str:
        """What the holders of the key sign: everything but the sealed votes, of which the hash over their hashes."""
        described = [{**ballot.described(), "count": ballot.votes} for ballot in self.ballots]
        return hash_of(canonical(self._whole(described)))

    def urn(self, ciphertexts: Mapping[str, Sequence[bytes]]) -> bytes:
        """The file, with the sealed votes of each ballot by its id."""
        return written(
            self._whole(
                [
                    {**ballot.described(), "ciphertexts": [b64(one) for one in ciphertexts[ballot.id]]}
                    for ballot in self.ballots
                ]
            )
        )
