"""The files of a ceremony besides the urn (docs/vote-formats.md): read and checked whole, and written as bytes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from portal.rules import shapes
from portal.rules.canonical import Json, b64, instant, written
from portal.rules.ceremony import Fault, Wrong
from portal.rules.counting import Counted
from portal.rules.running import KEY_KEPT

TRUSTEE = "scrutin/trustee/v1"
ELECTION = "scrutin/election/v1"
SHARES = "scrutin/shares/v1"
URN = "scrutin/urn/v1"
SIGNATURE = "scrutin/signature/v1"
RESULT = "scrutin/result/v1"
PUBLICATION = "scrutin/publication/v1"
DESTRUCTION = "scrutin/destruction/v1"
# What a signature is of, by the format of the file.
SIGNED = dict(zip((URN, RESULT, DESTRUCTION), shapes.SIGNED, strict=True))

OFFICERS = 3
# Of those, who sign an urn before it is opened, and a record of destruction before it is believed.
SIGNERS = 2


@dataclass(frozen=True, slots=True)
class Trustee:
    """One of the officers who together hold the key: where to seal for them, and how to know their signature."""

    code: str
    sealing: bytes
    signing: bytes

    @property
    def both(self) -> bytes:
        """Of which the fingerprint is made that each officer compares with their own."""
        return self.sealing + self.signing

    def json(self) -> Json:
        return {"code": self.code, "sealing": b64(self.sealing), "signing": b64(self.signing)}


@dataclass(frozen=True, slots=True)
class Keys:
    """What votes of a campaign are sealed to, and who holds the other half: all that a signature is checked against."""

    campaign: str
    public_key: bytes
    trustees: tuple[Trustee, ...]

    @property
    def json(self) -> Json:
        """What the portal keeps of them."""
        return {"public_key": b64(self.public_key), "trustees": [one.json() for one in self.trustees]}

    def trustee(self, code: str) -> Trustee | None:
        return next((one for one in self.trustees if one.code == code), None)


@dataclass(frozen=True, slots=True)
class Election(Keys):
    """The same as the ceremony writes them down."""

    made_at: str

    def written(self) -> bytes:
        return written({"format": ELECTION, "campaign": self.campaign, "made_at": self.made_at, **self.json})


@dataclass(frozen=True, slots=True)
class Shares:
    campaign: str
    public_key: bytes
    # By pair, in order: the key sealed for the second, and that for the first.
    wraps: Mapping[tuple[str, str], bytes]

    def written(self) -> bytes:
        return written({
            "format": SHARES, "campaign": self.campaign, "public_key": b64(self.public_key),
            "wraps": [{"pair": list(pair), "wrapped": b64(self.wraps[pair])} for pair in sorted(self.wraps)],
        })  # fmt: skip


def read_trustee(name: str, content: bytes) -> Trustee:
    found = shapes.loaded(name, content, TRUSTEE, shapes.TRUSTEE)
    return Trustee(found["code"], found["sealing"], found["signing"])


def write_trustee(one: Trustee) -> bytes:
    return written({"format": TRUSTEE, **one.json()})


def three(trustees: Sequence[Trustee]) -> tuple[Trustee, ...]:
    """Three officers, in the order of their codes; none may be there twice, under whatever code."""
    if len(trustees) != OFFICERS:
        raise Wrong(Fault.NOT_THREE, count=len(trustees))
    ordered = sorted(trustees, key=lambda one: one.code)
    for one, other in pairwise(ordered):
        if one.code == other.code:
            raise Wrong(Fault.OFFICER_TWICE, code=one.code)
    for keys in ([one.sealing for one in ordered], [one.signing for one in ordered]):
        if len(set(keys)) < OFFICERS:
            raise Wrong(Fault.KEY_TWICE)
    return tuple(ordered)


def read_election(name: str, content: bytes) -> Election:
    found = shapes.loaded(name, content, ELECTION, shapes.ELECTION)
    trustees = tuple(Trustee(**one) for one in found["trustees"])
    if trustees != three(trustees):
        raise shapes.wrong(name, "trustees")
    return Election(found["campaign"], found["public_key"], trustees, instant(found["made_at"]))


def kept_keys(campaign: str, public_key: bytes, trustees: Sequence[Json]) -> Keys:
    """The keys of a campaign as the portal has kept them."""
    return Keys(campaign, public_key, tuple(Trustee(**one) for one in shapes.fit("keys", trustees, [shapes.TRUSTEE])))


def read_shares(name: str, content: bytes) -> Shares:
    found = shapes.loaded(name, content, SHARES, shapes.SHARES)
    pairs = [tuple(one["pair"]) for one in found["wraps"]]
    if len(pairs) != OFFICERS or any(len(pair) != 2 or pair[0] >= pair[1] for pair in pairs):
        raise shapes.wrong(name, "pair")
    if any(one >= other for one, other in pairwise(pairs)):
        raise shapes.wrong(name, "wraps")
    wraps = {pair: one["wrapped"] for pair, one in zip(pairs, found["wraps"], strict=True)}
    return Shares(found["campaign"], found["public_key"], wraps)


@dataclass(frozen=True, slots=True)
class Signature:
    """An officer's word for a file, by its hash."""

    of: str
    campaign: str
    sha256: str
    by: str
    signature: bytes

    @property
    def message(self) -> bytes:
        return f"{SIGNATURE}|{self.of}|{self.campaign}|{self.sha256}".encode()

    def written(self) -> bytes:
        return written({
            "format": SIGNATURE, "of": self.of, "campaign": self.campaign, "sha256": self.sha256, "by": self.by,
            "signature": b64(self.signature),
        })  # fmt: skip


def read_signature(name: str, content: bytes) -> Signature:
    found = shapes.loaded(name, content, SIGNATURE, shapes.SIGNATURE)
    return Signature(found["of"], found["campaign"], found["sha256"], found["by"], found["signature"])


# Whether a signature over these bytes is one of this public key: the ceremony and the portal each bring their own.
Verify = Callable[[bytes, bytes, bytes], bool]


def check_signature(name: str, signature: Signature, keys: Keys, verify: Verify) -> None:
    """Raises unless a trustee of this election made it."""
    trustee = keys.trustee(signature.by)
    if trustee is None or signature.campaign != keys.campaign:
        raise Wrong(Fault.OTHER_ELECTION, file=name, campaign=signature.campaign)
    if not verify(trustee.signing, signature.signature, signature.message):
        raise Wrong(Fault.SIGNATURE_WRONG, file=name, code=signature.by)


def check_signatures(
    signatures: Sequence[tuple[str, Signature]], keys: Keys, verify: Verify, *, of: str, sha256: str
) -> list[str]:
    """Who signed; raises unless each signature is right and two different trustees made them."""
    by = set()
    for name, signature in signatures:
        check_signature(name, signature, keys, verify)
        if (signature.of, signature.sha256) != (of, sha256):
            raise Wrong(Fault.SIGNATURE_OF_ANOTHER, file=name, code=signature.by)
        by.add(signature.by)
    if len(by) < SIGNERS:
        raise Wrong(Fault.SIGNATURES_MISSING, count=len(by))
    return sorted(by)


@dataclass(frozen=True, slots=True)
class Result:
    """What was counted, ballot by ballot, with the code and id of each: totals, and nothing of any one vote."""

    campaign: str
    manifest_sha256: str
    # Id and code of each ballot with its result, in the order of the urn.
    ballots: tuple[tuple[str, str, Counted], ...]

    def written(self) -> bytes:
        return written({
            "format": RESULT, "campaign": self.campaign, "manifest_sha256": self.manifest_sha256,
            "ballots": [_counted(*one) for one in self.ballots],
        })  # fmt: skip


def _counted(ballot: str, code: str, one: Counted) -> Json:
    return {
        "ballot": ballot, "code": code, "kind": one.kind.value, "electors": one.electors, "votes": one.votes,
        "invalid": one.invalid, "blank": one.blank,
        "options": [{"id": option, "votes": one.options[option]} for option in sorted(one.options)],
        "outcome": one.outcome.value, "elected": list(one.elected), "tied": list(one.tied),
    }  # fmt: skip


def read_result(name: str, content: bytes) -> Result:
    found = shapes.loaded(name, content, RESULT, shapes.RESULT)
    ballots = tuple(_read_counted(name, one) for one in found["ballots"])
    return Result(found["campaign"], found["manifest_sha256"], ballots)


def _read_counted(name: str, found: Json) -> tuple[str, str, Counted]:
    options = {one["id"]: one["votes"] for one in found["options"]}
    if list(options) != sorted(one["id"] for one in found["options"]):
        raise shapes.wrong(name, "options")
    for field in ("elected", "tied"):
        if any(option not in options for option in found[field]):
            raise shapes.wrong(name, field)
    counted = Counted(
        found["kind"], found["electors"], found["votes"], found["invalid"], found["blank"], options,
        found["outcome"], tuple(found["elected"]), tuple(found["tied"]),
    )  # fmt: skip
    valid = counted.votes - counted.invalid - counted.blank
    if valid < 0 or any(votes > valid for votes in options.values()):
        raise shapes.wrong(name, "votes")
    return found["ballot"], found["code"], counted


@dataclass(frozen=True, slots=True)
class Publication:
    """What the portal says once results are published: from when the key may be destroyed, and whether it is held."""

    campaign: str
    public_key: bytes
    result_sha256: str
    results_at: datetime
    destroy_after: datetime
    held: bool

    def written(self) -> bytes:
        return written({
            "format": PUBLICATION, "campaign": self.campaign, "public_key": b64(self.public_key),
            "result_sha256": self.result_sha256, "results_at": instant(self.results_at),
            "destroy_after": instant(self.destroy_after), "held": self.held,
        })  # fmt: skip


def read_publication(name: str, content: bytes) -> Publication:
    found = shapes.loaded(name, content, PUBLICATION, shapes.PUBLICATION)
    one = Publication(
        found["campaign"], found["public_key"], found["result_sha256"], found["results_at"], found["destroy_after"],
        found["held"],
    )  # fmt: skip
    if one.destroy_after < one.results_at + KEY_KEPT:
        raise Wrong(Fault.PERIOD_SHORT, file=name)
    return one


def may_destroy(one: Publication, now: datetime) -> None:
    """Raises while the evidence has to stay: as long as the vote can be contested, and as long as it is."""
    if one.held:
        raise Wrong(Fault.HELD)
    if now < one.destroy_after:
        raise Wrong(Fault.TOO_EARLY, until=instant(one.destroy_after), now=instant(now))


@dataclass(frozen=True, slots=True)
class Destruction:
    """The record that two officers sign: which files, by their hashes, are no more."""

    campaign: str
    public_key: bytes
    shares: tuple[str, ...]
    destroyed_at: datetime

    def written(self) -> bytes:
        return written({
            "format": DESTRUCTION, "campaign": self.campaign, "public_key": b64(self.public_key),
            "shares": list(self.shares), "destroyed_at": instant(self.destroyed_at),
        })  # fmt: skip


def read_destruction(name: str, content: bytes) -> Destruction:
    found = shapes.loaded(name, content, DESTRUCTION, shapes.DESTRUCTION)
    if not found["shares"]:
        raise shapes.wrong(name, "shares")
    return Destruction(found["campaign"], found["public_key"], tuple(found["shares"]), found["destroyed_at"])
