"""Elections, trustees and urns as files, for tests and for the demo.

`make_election(folder)` writes what three officers have after their ceremony; `seal(…)` seals a vote as the portal
does; `an_urn(…)` is what leaves the portal; `signed(…)` what two officers make of it. All of them use the product's
own functions, save the urn, which is put together here from docs/vote-formats.md.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from portal.ceremony import files, keys
from portal.rules.canonical import b64, canonical, hash_of
from portal.rules.urns import list_hash, read_urn
from portal.rules.vote_files import Election, Shares, write_trustee
from portal.rules.votes import BallotKind, Definition, Majority, digest_of, encode, options_of
from portal.store.sealing import seal_vote

PASSPHRASE = "cinq mots tirés au sort"
CAMPAIGN = "essai-2027"
NOW = datetime(2027, 3, 3, 21, 5, tzinfo=UTC)
CODES = ("officer-1", "officer-2", "officer-3")
_NAMES = UUID("2b8d5a9e-6f0c-4c0e-9d0b-0d8f6a1c7e55")


@dataclass(frozen=True)
class Made:
    """A folder in which `election.json`, `shares.json` and the keys of three officers are, and what they say."""

    folder: Path
    election: Election
    shares: Shares

    def key(self, number: int) -> Path:
        return self.folder / f"{CODES[number - 1]}.key.pem"

    def public(self, number: int) -> Path:
        return self.folder / f"{CODES[number - 1]}.pub.json"

    def officer(self, number: int) -> keys.Officer:
        return keys.open_officer(
            CODES[number - 1], self.key(number).read_bytes(), PASSPHRASE.encode(), self.election
        )  # fmt: skip

    @property
    def passphrase_file(self) -> Path:
        return self.folder / "phrase.txt"


def make_election(folder: Path, *, campaign: str = CAMPAIGN) -> Made:
    """Three officers and a key for any two of them; every passphrase is PASSPHRASE, also in `phrase.txt`."""
    folder.mkdir(parents=True, exist_ok=True)
    trustees = []
    for code in CODES:
        pem, trustee = keys.make_officer(code, PASSPHRASE.encode())
        files.write(folder / f"{code}.key.pem", pem)
        files.write(folder / f"{code}.pub.json", write_trustee(trustee))
        trustees.append(trustee)
    election, shares = keys.make_election(campaign, trustees, NOW)
    files.write(folder / "election.json", election.written())
    files.write(folder / "shares.json", shares.written())
    made = Made(folder, election, shares)
    files.write(made.passphrase_file, PASSPHRASE.encode() + b"\n")
    return made


def a_definition(
    code: str,
    kind: BallotKind = BallotKind.RESOLUTION,
    *,
    campaign: str = CAMPAIGN,
    choose: int = 1,
    candidates: int = 0,
    majority: Majority = Majority.HALF,
    quorum_percent: int | None = None,
) -> Definition:
    """A ballot's definition; its id follows from campaign and code."""
    return Definition(
        ballot_id=uuid5(_NAMES, f"{campaign}/{code}"), campaign=campaign, code=code, kind=kind, choose=choose,
        majority=majority, quorum_percent=quorum_percent, groups=["EC", "TR"], members_only=False,
        title=("Élection « du bureau »", "Election of the board"), question=("Êtes-vous d'accord ?", "Do you agree?"),
        options=options_of(kind, [(n, f"Candidate № {n} – Éloïse") for n in range(1, candidates + 1)]),
    )  # fmt: skip


def seal(public_key: bytes, definition: Definition, choices: Collection[int]) -> bytes:
    """A vote as it lies in the box; no choice is a blank vote."""
    return seal_raw(public_key, definition, encode(choices))


def seal_raw(public_key: bytes, definition: Definition, plaintext: bytes) -> bytes:
    """Whatever a hacked browser may have sealed: 64 bytes."""
    return seal_vote(public_key, plaintext, definition.info)


@dataclass(frozen=True)
class Filled:
    """One ballot of an urn: what was asked, of how many, and what they sealed."""

    definition: Definition
    ciphertexts: Sequence[bytes]
    electors: int
    on_paper: int = 0
    set_aside: int = 0


def an_urn(election: Election, ballots: Iterable[Filled]) -> bytes:
    """The file that leaves the portal once the box is sealed."""
    return canonical(urn_json(election, ballots)) + b"\n"


def urn_json(election: Election, ballots: Iterable[Filled]) -> dict[str, Any]:
    """The same before it is written, for tests that spoil it."""
    return {
        "format": "scrutin/urn/v1", "campaign": election.campaign, "public_key": b64(election.public_key),
        "sealed_at": "2027-03-03T21:10:00Z", "roll_at_opening": None, "roll_at_seal": hash_of(b"roll"),
        "ballots": [_ballot(one) for one in sorted(ballots, key=lambda one: one.definition.code)],
    }  # fmt: skip


def _ballot(one: Filled) -> dict[str, Any]:
    ordered = sorted(one.ciphertexts, key=lambda ciphertext: sha256(ciphertext).digest())
    return {
        "ballot": str(one.definition.ballot_id), "code": one.definition.code,
        "definition": one.definition.canonical().decode(), "definition_sha256": one.definition.sha256,
        "electors": one.electors, "on_paper": one.on_paper, "set_aside": one.set_aside,
        "ciphertexts": [b64(ciphertext) for ciphertext in ordered],
        "list_sha256": list_hash([digest_of(one) for one in ordered]),
    }  # fmt: skip


def signed(made: Made, urn: Path, *numbers: int) -> list[Path]:
    """The signatures of these officers beside the urn."""
    manifest = read_urn(urn.name, urn.read_bytes()).manifest_sha256
    paths = []
    for number in numbers:
        signature = keys.sign(
            made.officer(number), of="urn", campaign=made.election.campaign, sha256=manifest
        )  # fmt: skip
        paths.append(urn.with_name(f"{urn.stem}.sig-{CODES[number - 1]}.json"))
        paths[-1].write_bytes(signature.written())
    return paths
