"""From what the voters of one ballot chose to its result, and how much of a result may be shown.

The same rules are written a second time in deploy/count.mjs, from docs/vote-formats.md: both give the same bytes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from portal.rules.votes import NO, YES, BallotKind, Majority

# Fewer votes than this say too much of each voter: their options are not shown, nor is any group so small.
MIN_GROUP = 10


class Outcome(StrEnum):
    ADOPTED = "adopted"
    NOT_ADOPTED = "not-adopted"
    NO_QUORUM = "no-quorum"
    ELECTED = "elected"


@dataclass(frozen=True, slots=True)
class Asked:
    """Of a ballot's definition, what its count depends on."""

    kind: BallotKind
    choose: int
    majority: Majority
    quorum_percent: int | None
    options: tuple[int, ...]

    @property
    def most(self) -> int:
        return self.choose if self.kind is BallotKind.ELECTION else 1


@dataclass(frozen=True, slots=True)
class Counted:
    """The result of one ballot. `votes` are all that were in the box, invalid and blank ones among them."""

    kind: BallotKind
    electors: int
    votes: int
    invalid: int
    blank: int
    options: Mapping[int, int]
    outcome: Outcome
    elected: tuple[int, ...] = ()
    tied: tuple[int, ...] = ()


def count(asked: Asked, electors: int, choices: Iterable[Sequence[int] | None]) -> Counted:
    """Add up what `votes.decode` made of each vote: None is invalid, an empty choice is blank."""
    chosen = dict.fromkeys(sorted(asked.options), 0)
    votes = invalid = blank = 0
    for choice in choices:
        votes += 1
        if choice is None:
            invalid += 1
        elif not choice:
            blank += 1
        else:
            for option in choice:
                chosen[option] += 1
    outcome, elected, tied = _decided(asked, electors, votes, chosen)
    return Counted(asked.kind, electors, votes, invalid, blank, chosen, outcome, elected, tied)


def _decided(
    asked: Asked, electors: int, votes: int, chosen: Mapping[int, int]
) -> tuple[Outcome, tuple[int, ...], tuple[int, ...]]:
    if asked.quorum_percent is not None and votes * 100 < asked.quorum_percent * electors:
        return Outcome.NO_QUORUM, (), ()
    if asked.kind is BallotKind.ELECTION:
        return Outcome.ELECTED, *seated(chosen, asked.choose)
    adopted = carried(asked.majority, yes=chosen.get(YES, 0), no=chosen.get(NO, 0))
    return Outcome.ADOPTED if adopted else Outcome.NOT_ADOPTED, (), ()


def carried(majority: Majority, *, yes: int, no: int) -> bool:
    """Whether so many of those who said yes or no are enough; in whole numbers, and nothing is adopted by nobody."""
    if majority is Majority.TWO_THIRDS:
        return yes > 0 and 3 * yes >= 2 * (yes + no)
    return 2 * yes > yes + no


def seated(chosen: Mapping[int, int], seats: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Who has a seat, and who is level with others for the last seats: those are drawn by people, not here."""
    if len(chosen) <= seats:
        return tuple(sorted(chosen)), ()
    last = sorted(chosen.values(), reverse=True)[seats - 1]
    above = tuple(sorted(option for option, votes in chosen.items() if votes > last))
    level = tuple(sorted(option for option, votes in chosen.items() if votes == last))
    if len(above) + len(level) <= seats:
        return tuple(sorted((*above, *level))), ()
    return above, level


@dataclass(frozen=True, slots=True)
class Shown:
    """What may be shown of one ballot's result: without `split`, only how many voted and what came of it."""

    votes: int
    electors: int
    outcome: Outcome
    elected: tuple[int, ...]
    tied: tuple[int, ...]
    # Options, blank and invalid votes; None where that would say what single voters chose.
    split: Mapping[int, int] | None
    blank: int | None
    invalid: int | None
    # Everybody chose the same: to publish it is to publish each vote, however many they are.
    unanimous: bool


def published(counted: Counted) -> Shown:
    """T101: nothing is split below ten votes; who publishes a unanimous result is told that it is one."""
    few = counted.votes < MIN_GROUP
    most = max(Counter({**counted.options, -1: counted.blank}).values(), default=0)
    return Shown(
        votes=counted.votes, electors=counted.electors, outcome=counted.outcome, elected=counted.elected,
        tied=counted.tied, split=None if few else counted.options, blank=None if few else counted.blank,
        invalid=None if few else counted.invalid, unanimous=counted.votes > 0 and most == counted.votes,
    )  # fmt: skip
