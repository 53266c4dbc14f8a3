"""The files of a ceremony besides the urn (docs/vote-formats.md): read and checked whole, and written as bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from portal.rules.canonical import CAMPAIGN, CODE, Fields, Json, b64, instant, load, written
from portal.rules.ceremony import Fault, Wrong
from portal.rules.counting import Counted, Outcome
from portal.rules.running import COMPLAINTS
from portal.rules.votes import BallotKind

TRUSTEE = "scrutin/trustee/v1"
ELECTION = "scrutin/election/v1"
SHARES = "scrutin/shares/v1"
URN = "scrutin/urn/v1"
SIGNATURE = "scrutin/signature/v1"
RESULT = "scrutin/result/v1"
PUBLICATION = "scrutin/publication/v1"
DESTRUCTION = "scrutin/destruction/v1"
# What a signature can be of, by the format of the file.
SIGNED = {URN: "urn", RESULT: "result", DESTRUCTION: "destruction"}

POINT, SIGNING, SIGNATURE_SIZE = 65, 32, 64
OFFICERS = 3


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
class Election:
    campaign: str
    public_key: bytes
    trustees: tuple[Trustee, ...]
    made_at: str

    @property
    def keys(self) -> Json:
        """What the portal keeps of it."""
        return {"public_key": b64(self.public_key), "trustees": [one.json() for one in self.trustees]}

    def written(self) -> bytes:
        return written({"format": ELECTION, "campaign": self.campaign, "made_at": self.made_at, **self.keys})

    def trustee(self, code: str) -> Trustee | None:
        return next((one for one in self.trustees if one.code == code), None)


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


def _trustee(name: str, content: object, *also: str) -> Trustee:
    fields = Fields(name, content, {"code", "sealing", "signing", *also})
    return Trustee(fields.text("code", CODE), fields.data("sealing", POINT), fields.data("signing", SIGNING))


def read_trustee(name: str, content: bytes) -> Trustee:
    return _trustee(name, load(name, content, TRUSTEE), "format")


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
    fields = Fields(
        name, load(name, content, ELECTION), {"format", "campaign", "public_key", "trustees", "made_at"}
    )  # fmt: skip
    trustees = three([_trustee(name, one) for one in fields.list("trustees")])
    fields.moment("made_at")
    return Election(
        fields.text("campaign", CAMPAIGN), fields.data("public_key", POINT), trustees, fields.text("made_at")
    )


def read_shares(name: str, content: bytes) -> Shares:
    fields = Fields(name, load(name, content, SHARES), {"format", "campaign", "public_key", "wraps"})
    wraps: dict[tuple[str, str], bytes] = {}
    for content_of in fields.list("wraps"):
        wrap = Fields(name, content_of, {"pair", "wrapped"})
        pair = wrap.list("pair")
        if len(pair) != 2 or not all(isinstance(c, str) and CODE.fullmatch(c) for c in pair) or pair[0] >= pair[1]:
            raise wrap.wrong("pair")
        wraps[pair[0], pair[1]] = wrap.data("wrapped")
    if len(wraps) != OFFICERS or len(fields.list("wraps")) != OFFICERS:
        raise fields.wrong("wraps")
    return Shares(fields.text("campaign", CAMPAIGN), fields.data("public_key", POINT), wraps)


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
    fields = Fields(name, load(name, content, SIGNATURE), {"format", "of", "campaign", "sha256", "by", "signature"})
    of = fields.text("of")
    if of not in SIGNED.values():
        raise fields.wrong("of")
    return Signature(
        of, fields.text("campaign", CAMPAIGN), fields.hash("sha256"), fields.text("by", CODE),
        fields.data("signature", SIGNATURE_SIZE),
    )  # fmt: skip


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


_OF_A_RESULT = {
    "ballot", "code", "kind", "electors", "votes", "invalid", "blank", "options", "outcome", "elected", "tied",
}  # fmt: skip


def read_result(name: str, content: bytes) -> Result:
    fields = Fields(name, load(name, content, RESULT), {"format", "campaign", "manifest_sha256", "ballots"})
    return Result(
        fields.text("campaign", CAMPAIGN), fields.hash("manifest_sha256"),
        tuple(_read_counted(Fields(name, one, _OF_A_RESULT)) for one in fields.list("ballots")),
    )  # fmt: skip


def _read_counted(fields: Fields) -> tuple[str, str, Counted]:
    options: dict[int, int] = {}
    for content in fields.list("options"):
        one = Fields(fields.name, content, {"id", "votes"})
        options[one.number("id", most=0xFFFF)] = one.number("votes")
    for field in ("elected", "tied"):
        if any(type(option) is not int or option not in options for option in fields.list(field)):
            raise fields.wrong(field)
    try:
        kind, outcome = BallotKind(fields.text("kind")), Outcome(fields.text("outcome"))
    except ValueError:
        raise fields.wrong("kind, outcome") from None
    counted = Counted(
        kind, fields.number("electors"), fields.number("votes"), fields.number("invalid"), fields.number("blank"),
        options, outcome, tuple(fields.list("elected")), tuple(fields.list("tied")),
    )  # fmt: skip
    valid = counted.votes - counted.invalid - counted.blank
    if valid < 0 or any(votes > valid for votes in options.values()):
        raise fields.wrong("votes")
    return fields.text("ballot"), fields.text("code", CODE), counted


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
            "result_sha256": self.result_sha256, "results_at": self.results_at.astimezone(UTC).isoformat(),
            "destroy_after": self.destroy_after.astimezone(UTC).isoformat(), "held": self.held,
        })  # fmt: skip


def read_publication(name: str, content: bytes) -> Publication:
    found = load(name, content, PUBLICATION)
    fields = Fields(
        name, found, {"format", "campaign", "public_key", "result_sha256", "results_at", "destroy_after", "held"}
    )
    if type(found["held"]) is not bool:
        raise fields.wrong("held")
    one = Publication(
        fields.text("campaign", CAMPAIGN), fields.data("public_key", POINT), fields.hash("result_sha256"),
        fields.moment("results_at"), fields.moment("destroy_after"), found["held"],
    )  # fmt: skip
    if one.destroy_after < one.results_at + COMPLAINTS:
        raise Wrong(Fault.PERIOD_SHORT, file=name)
    return one


def may_destroy(one: Publication, now: datetime) -> None:
    """Raises while the evidence has to stay: as long as the vote can be contested, and as long as it is."""
    if one.held:
        raise Wrong(Fault.HELD)
    if now < one.destroy_after:
        raise Wrong(Fault.TOO_EARLY, until=instant(one.destroy_after), now=instant(now))


def write_destruction(campaign: str, public_key: bytes, shares: Sequence[str], destroyed_at: datetime) -> bytes:
    """The record that two officers sign: which files, by their hashes, are no more."""
    return written({
        "format": DESTRUCTION, "campaign": campaign, "public_key": b64(public_key), "shares": list(shares),
        "destroyed_at": instant(destroyed_at),
    })  # fmt: skip


def read_destruction(name: str, content: bytes) -> tuple[str, bytes]:
    """Campaign and key of a record of destruction, checked whole."""
    fields = Fields(
        name, load(name, content, DESTRUCTION), {"format", "campaign", "public_key", "shares", "destroyed_at"}
    )
    fields.moment("destroyed_at")
    if not fields.list("shares") or not all(isinstance(one, str) and len(one) == 64 for one in fields.list("shares")):
        raise fields.wrong("shares")
    return fields.text("campaign", CAMPAIGN), fields.data("public_key", POINT)
