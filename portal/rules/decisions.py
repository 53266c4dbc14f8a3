"""What it takes to decide on an identity: one opinion, two that agree, or the majority of three; and on appeals."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from portal.rules.identity import Verdict

# How long a reviewer may take an opinion back, and hence how long nothing happens.
UNDO_FOR = timedelta(seconds=30)
# The share of cases that a second reviewer looks at blind.
SECOND_LOOKS = 0.05
# A decision may be contested for so long, and a contested one is answered within so long.
APPEAL_WITHIN = timedelta(days=7)
APPEAL_ANSWERED_WITHIN = timedelta(days=7)
# A case that needs another reviewer this long after the last opinion is told to the staff.
ANOTHER_LOOK_WITHIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Deciding:
    """The settings that opinions are weighed by."""

    # Which cases are looked at twice must not be known beforehand.
    key: bytes
    second_looks: float = SECOND_LOOKS
    undo_for: timedelta = UNDO_FOR

    def looked_at_twice(self, submission_id: UUID) -> bool:
        """Drawn by a keyed hash: the same at every look, and nobody without the key can tell."""
        drawn = hmac.digest(self.key, b"second look:" + submission_id.bytes, "sha256")
        return int.from_bytes(drawn[:8]) < self.second_looks * 2**64


def settled(verdicts: Sequence[Verdict], *, looked_at_twice: bool, contests_refusal: bool = False) -> Verdict | None:
    """What these opinions of different reviewers, in their order, decide; None while another one is needed.

    A refusal needs two that agree, whatever the sample says. Three that all differ ask for a better photo: the
    member loses nothing by it. Where a refusal is contested two have looked already, and a third person settles it.
    """
    if contests_refusal:
        return verdicts[0]
    if len(verdicts) == 1 and not looked_at_twice and verdicts[0] is not Verdict.REFUSE:
        return verdicts[0]
    for verdict in verdicts:
        if verdicts.count(verdict) > 1:
            return verdict
    return Verdict.REJECT if len(verdicts) > 2 else None


def appeal_until(decided: datetime, closes: datetime, *, settled_by: datetime | None = None) -> datetime:
    """Until when a decision may be contested; an answer after the close would serve no vote but a provisional one.

    `settled_by` is when the provisional vote of who contests is settled, if there is one.
    """
    until = min(decided + APPEAL_WITHIN, closes)
    return until if settled_by is None else max(until, settled_by)


def appeal_answered_by(appealed: datetime, closes: datetime, ends: datetime) -> datetime:
    """When the answer to an appeal is promised: before the close, while there is still a vote to save."""
    return min(appealed + APPEAL_ANSWERED_WITHIN, closes if appealed < closes else ends)
