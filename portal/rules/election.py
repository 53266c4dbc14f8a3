"""Files of an election that officers send: read as the ceremony reads them, refused in the portal's own words."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from portal.rules import vote_files
from portal.rules.canonical import fingerprint, hash_of, instant, load, unb64
from portal.rules.ceremony import Wrong
from portal.rules.counting import Asked, Counted, decided
from portal.rules.refusals import Refusal
from portal.rules.urns import Box, SealedBallot
from portal.rules.vote_files import DESTRUCTION, SIGNATURE, SIGNED, Election, Keys, Result, Verify
from portal.rules.votes import BallotKind

# No file of an election is larger; a result of 50 ballots is some 20 KB.
MOST_BYTES = 256 * 1024


def read_election(text: str, campaign: str) -> Election | Refusal:
    """What the ceremony made: the public key, and the public keys of those who hold the other half together."""
    try:
        read = vote_files.read_election("election", text.encode())
    except Wrong:
        # A file of the ceremony that must never leave its holder is told apart: it has to be replaced.
        return Refusal.PRIVATE_FILE if "PRIVATE KEY" in text else Refusal.ELECTION_UNREADABLE
    return read if read.campaign == campaign else Refusal.FILE_OF_ANOTHER


def fingerprints(keys: Mapping[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """Of the key of an election, as the portal keeps it, and of both keys of each who holds a part of its other half:
    people read them to each other, and compare them with their own."""
    return fingerprint(unb64(keys["public_key"]) or b""), holders(keys["trustees"])


def holders(trustees: Sequence[Mapping[str, str]]) -> list[tuple[str, str]]:
    return [(t["code"], fingerprint((unb64(t["sealing"]) or b"") + (unb64(t["signing"]) or b""))) for t in trustees]


def read_result(text: str, box: Box) -> Result | Refusal:
    """A result of this box; what is no result of it, does not add up, or is written otherwise, is refused."""
    try:
        read = vote_files.read_result("result", text.encode())
    except Wrong:
        return Refusal.RESULT_UNREADABLE
    if read.written() != text.encode():
        return Refusal.RESULT_UNREADABLE
    if (read.campaign, read.manifest_sha256) != (box.campaign, box.manifest_sha256):
        return Refusal.FILE_OF_ANOTHER
    if [(ballot, code) for ballot, code, _ in read.ballots] != [(one.id, one.code) for one in box.ballots]:
        return Refusal.RESULT_UNREADABLE
    try:
        fits = all(
            _fits(counted, ballot, ballot.asked(box.campaign))
            for (_, _, counted), ballot in zip(read.ballots, box.ballots, strict=True)
        )
    except Wrong:
        # A question without an answer: nobody can have counted it, and no vote is opened with one.
        return Refusal.RESULT_UNREADABLE
    return read if fits else Refusal.RESULT_UNREADABLE


def _fits(counted: Counted, ballot: SealedBallot, asked: Asked) -> bool:
    """Its numbers are those of the box, add up, and mean what it says they mean."""
    said = counted.votes - counted.invalid - counted.blank
    total = sum(counted.options.values())
    return (
        (counted.kind, counted.electors, counted.votes) == (asked.kind, ballot.electors, ballot.votes)
        and tuple(counted.options) == asked.options
        # In an election one vote chooses several.
        and (total >= said if asked.kind is BallotKind.ELECTION else total == said)
        and (counted.outcome, counted.elected, counted.tied)
        == decided(asked, counted.electors, counted.votes, counted.options)
    )


def read_destruction(texts: Sequence[str], keys: Keys, after: datetime, verify: Verify) -> dict[str, Any] | Refusal:
    """The record that the ceremony wrote when the shares of the key were destroyed, and the signatures of two of those
    who held them, sent in whatever order; what is kept of it."""
    records, signatures = [], []
    try:
        for content in (text.encode() for text in texts):
            if load("file", content, DESTRUCTION, SIGNATURE)["format"] == SIGNATURE:
                signatures.append(("signature", vote_files.read_signature("signature", content)))
            else:
                records.append((hash_of(content), vote_files.read_destruction("destruction", content)))
    except Wrong:
        return Refusal.DESTRUCTION_UNREADABLE
    if len(records) != 1:
        return Refusal.DESTRUCTION_UNREADABLE
    ((sha256, record),) = records
    if (record.campaign, record.public_key) != (keys.campaign, keys.public_key):
        return Refusal.FILE_OF_ANOTHER
    if record.destroyed_at < after:
        return Refusal.DESTROYED_TOO_EARLY
    try:
        by = vote_files.check_signatures(signatures, keys, verify, of=SIGNED[DESTRUCTION], sha256=sha256)
    except Wrong:
        return Refusal.DESTRUCTION_UNSIGNED
    return {"sha256": sha256, "destroyed_at": instant(record.destroyed_at), "signed_by": by}
