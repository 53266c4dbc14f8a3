"""From what the voters of one ballot chose to its result, and how much of a result may be shown.

The same rules are written a second time in deploy/count.mjs, from docs/vote-formats.md: both give the same bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from portal.rules.votes import MIN_GROUP, NO, YES, BallotKind, Majority


class Outcome(StrEnum):
    ADOPTED = "adopted"
    NOT_ADOPTED = "not-adopted"
    NO_QUORUM = "no-quorum"
    ELECTED = "elected"


class Why(StrEnum):
    """Why a question was not adopted."""

    TIE = "tie"
    TWO_THIRDS = "two-thirds"
    MORE_NO = "more-no"


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

    @property
    def small(self) -> bool:
        """So few that who chose what could be guessed: only the outcome is published (T101)."""
        return self.votes < MIN_GROUP

    @property
    def unanimous(self) -> bool:
        """Everybody chose the same: to publish it is to publish each vote, however many they are (T101)."""
        return self.votes > 0 and self.votes in (self.blank, *self.options.values())

    def why_not(self, majority: Majority) -> Why | None:
        """Why it was not adopted; of a small ballot nothing is said, since a tie would tell the split."""
        if self.outcome is not Outcome.NOT_ADOPTED or self.small:
            return None
        yes, no = self.options.get(YES, 0), self.options.get(NO, 0)
        if yes < no:
            return Why.MORE_NO
        return Why.TWO_THIRDS if majority is Majority.TWO_THIRDS else Why.TIE


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
    outcome, elected, tied = decided(asked, electors, votes, chosen)
    return Counted(asked.kind, electors, votes, invalid, blank, chosen, outcome, elected, tied)


def decided(
    asked: Asked, electors: int, votes: int, chosen: Mapping[int, int]
) -> tuple[Outcome, tuple[int, ...], tuple[int, ...]]:
    """What these numbers mean, who has a seat, and between whom one is drawn."""
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
