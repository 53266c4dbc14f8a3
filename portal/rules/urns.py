"""The urn: the votes of a campaign as they leave the portal, and read whole and checked to the last byte."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from portal.rules import shapes
from portal.rules.canonical import Json, b64, canonical, hash_of, instant, load, parsed, written
from portal.rules.ceremony import Fault, Wrong
from portal.rules.counting import Asked
from portal.rules.vote_files import URN
from portal.rules.votes import BallotKind, digest_of, info_of


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
    urn = load(name, content, URN)
    found = shapes.fit(name, urn, {"format": shapes.anything, **shapes.URN})
    ballots = tuple(_urn_ballot(name, one, found["campaign"]) for one in found["ballots"])
    for one, other in pairwise(ballots):
        if one.code >= other.code:
            raise Wrong(Fault.BALLOTS_UNSORTED, file=name, ballot=other.code)
    if len({one.ballot for one in ballots}) < len(ballots):
        raise Wrong(Fault.BALLOT_TWICE, file=name)
    return Urn(
        found["campaign"], found["public_key"], instant(found["sealed_at"]), ballots,
        hash_of(canonical(manifest_of(urn))),
    )  # fmt: skip


def _urn_ballot(name: str, found: Json, campaign: str) -> UrnBallot:
    ballot, code, definition = found["ballot"], found["code"], found["definition"]
    if hash_of(definition.encode()) != found["definition_sha256"]:
        raise Wrong(Fault.DEFINITION_CHANGED, file=name, ballot=code)
    digests = [digest_of(one) for one in found["ciphertexts"]]
    if len(set(digests)) < len(digests):
        raise Wrong(Fault.VOTE_TWICE, file=name, ballot=code)
    if any(one > other for one, other in pairwise(digests)):
        raise Wrong(Fault.VOTES_UNSORTED, file=name, ballot=code)
    if list_hash(digests) != found["list_sha256"]:
        raise Wrong(Fault.LIST_CHANGED, file=name, ballot=code)
    return UrnBallot(
        ballot, code, _asked(name, definition, {"ballot": ballot, "campaign": campaign, "code": code}),
        found["definition_sha256"], found["electors"], found["on_paper"], found["set_aside"],
        tuple(found["ciphertexts"]),
    )  # fmt: skip


def _asked(name: str, definition: str, place: Mapping[str, str]) -> Asked:
    """What a definition asks; Wrong if it is the one of another ballot or campaign."""
    content = parsed(definition.encode())
    if content is None:
        raise Wrong(Fault.DEFINITION_CHANGED, file=name, ballot=place["code"])
    found = shapes.fit(name, content, shapes.DEFINITION)
    if any(found[field] != value for field, value in place.items()):
        raise Wrong(Fault.DEFINITION_FOREIGN, file=name, ballot=place["code"])
    options = tuple(one["id"] for one in found["options"])
    if not options or any(a >= b for a, b in pairwise(options)):
        raise shapes.wrong(name, "options")
    return Asked(found["kind"], found["choose"], found["majority"], found["quorum_percent"], options)


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
            "sealed_at": instant(self.sealed_at), "roll_at_opening": self.roll_at_opening,
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
