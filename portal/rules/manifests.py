"""The roll of a campaign as one number: whoever computes it again knows whether the roll has changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from portal.rules.ballots import Electorate, may_register
from portal.rules.members import Group, Standing


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of the roll, as far as a vote is concerned."""

    number: str
    group: str
    standing: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """SHA-256 over the sorted lines, and how many there are."""

    sha256: str
    lines: int


def manifest_of(roll: Iterable[Line], electorates: Sequence[tuple[str, Electorate]]) -> Manifest:
    """Each line is number, group, standing and the codes of the ballots that are this person's.

    Whatever order the roll is read in: the lines are sorted by their bytes.
    """
    lines = sorted(_canonical(line, electorates) for line in roll)
    digest = sha256()
    for line in lines:
        digest.update(line)
    return Manifest(digest.hexdigest(), len(lines))


def _canonical(line: Line, electorates: Sequence[tuple[str, Electorate]]) -> bytes:
    group, standing = Group(line.group), Standing(line.standing)
    own = sorted(
        code for code, electorate in electorates if may_register(electorate, group=group, standing=standing) is None
    )
    return f"{line.number}\t{line.group}\t{line.standing}\t{','.join(own)}\n".encode()
