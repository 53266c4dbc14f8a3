"""What a published result says of each ballot, and what of it may be shown.

The file is made and checked outside the portal (docs/vote-formats.md); here it is only read.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from portal.rules.votes import NO, YES, BallotKind, Majority

# Of fewer votes than this the split would tell how single people voted (security.md T101).
MIN_GROUP = 10


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
class Counted:
    """One ballot of the result."""

    ballot_id: UUID
    kind: BallotKind
    electors: int
    votes: int
    invalid: int
    blank: int
    # Votes by option, in the order of their numbers.
    options: Mapping[int, int]
    outcome: Outcome
    elected: Sequence[int]
    tied: Sequence[int]

    @property
    def small(self) -> bool:
        return self.votes < MIN_GROUP

    def why_not(self, majority: Majority) -> Why | None:
        """Why it was not adopted; of a small ballot nothing is said, since a tie would tell the split."""
        if self.outcome is not Outcome.NOT_ADOPTED or self.small:
            return None
        yes, no = self.options.get(YES, 0), self.options.get(NO, 0)
        if yes == no:
            return Why.TIE
        return Why.TWO_THIRDS if majority is Majority.TWO_THIRDS and yes > no else Why.MORE_NO


def read(result: str) -> list[Counted]:
    """The ballots of a result file, in its order."""
    return [_one(ballot) for ballot in json.loads(result)["ballots"]]


def _one(ballot: Mapping[str, Any]) -> Counted:
    return Counted(
        ballot_id=UUID(ballot["ballot"]), kind=BallotKind(ballot["kind"]), electors=ballot["electors"],
        votes=ballot["votes"], invalid=ballot["invalid"], blank=ballot["blank"],
        options={option["id"]: option["votes"] for option in ballot["options"]},
        outcome=Outcome(ballot["outcome"]), elected=ballot["elected"], tied=ballot["tied"],
    )  # fmt: skip


def may_leave(ballots: Sequence[Counted]) -> bool:
    """Whether the file itself may be downloaded: it says nothing that the page must not say."""
    return all(not ballot.small or not ballot.options for ballot in ballots)
