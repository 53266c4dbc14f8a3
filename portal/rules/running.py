"""What stands in the way of a vote, how many have voted, and how long its evidence is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portal.rules.votes import MANDATED, MIN_GROUP, MOST_CHOICES, BallotKind

# After the results somebody may complain for so long (FPSLRA, s. 184(2)): to the end of the tenth day where the vote is
# held, or of the next day on which the Board is open.
COMPLAINT_DAYS = 10
# The key of the vote is kept longer than any such day lasts: four closed days, as at Easter, begin on the tenth.
KEY_KEPT = timedelta(days=15)
# What is under review at the close is answered by then, or contested by then if the answer is no.
SETTLED_WITHIN = timedelta(days=7)
# A vote that opens so soon and has no key is an alarm.
KEY_ALARM = timedelta(days=3)
# Of a reason in a mail to everybody.
MOST_REASON = 200


# --- before the opening of the vote


class Obstacle(StrEnum):
    """What keeps a vote from being held as it should, the gravest first."""

    NO_BALLOT = "no-ballot"
    MANDATED = "mandated"
    NO_ELECTOR = "no-elector"
    NO_CANDIDATES = "no-candidates"
    TOO_MANY_CHOICES = "too-many-choices"
    TEXTS = "texts"
    NO_KEY = "no-key"
    OTHER_CAMPAIGN = "other-campaign"
    SECOND_OFFICER = "second-officer"
    CONFLICT = "conflict"
    END = "end"
    ROLL_IMPORT = "roll-import"
    MAIL = "mail"


# Without these nobody could vote, or the vote would be void; the others are looked at and may be lived with.
BLOCKING = frozenset(
    {
        Obstacle.NO_BALLOT, Obstacle.MANDATED, Obstacle.NO_ELECTOR, Obstacle.NO_CANDIDATES, Obstacle.TOO_MANY_CHOICES,
        Obstacle.TEXTS, Obstacle.NO_KEY, Obstacle.OTHER_CAMPAIGN, Obstacle.SECOND_OFFICER,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BallotState:
    """One ballot as far as obstacles are concerned."""

    code: str
    kind: BallotKind
    members_only: bool
    electors: int
    candidates: int
    choose: int
    # Title and question, in French and in English.
    texts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Preparation:
    """What the records say of a vote that is to open."""

    ballots: Sequence[BallotState]
    key: bool
    # Members see one campaign at a time: this one or another would be hidden while it is voted in.
    hides_another: bool
    # People who may sign; accounts of one member are one.
    officers: int
    # Officers who stand in it.
    conflicts: int
    # Between the close and the end of the campaign.
    to_settle: timedelta
    import_pending: bool
    mails_wait: bool


@dataclass(frozen=True, slots=True)
class Found:
    """One obstacle, and the ballot that it is about."""

    obstacle: Obstacle
    ballot: str | None = None

    @property
    def blocking(self) -> bool:
        return self.obstacle in BLOCKING


def obstacles(p: Preparation) -> list[Found]:
    """Everything in the way, the gravest first; empty when the vote may open."""
    found = [Found(obstacle, ballot.code) for ballot in p.ballots for obstacle in _of_ballot(ballot)]
    whole = {
        Obstacle.NO_BALLOT: not p.ballots,
        Obstacle.NO_KEY: not p.key,
        Obstacle.OTHER_CAMPAIGN: p.hides_another,
        Obstacle.SECOND_OFFICER: p.officers < 2,
        Obstacle.CONFLICT: p.conflicts > 0,
        Obstacle.END: p.to_settle < SETTLED_WITHIN,
        Obstacle.ROLL_IMPORT: p.import_pending,
        Obstacle.MAIL: p.mails_wait,
    }
    found += [Found(obstacle) for obstacle, there in whole.items() if there]
    order = list(Obstacle)
    return sorted(found, key=lambda one: order.index(one.obstacle))


def _of_ballot(ballot: BallotState) -> list[Obstacle]:
    election = ballot.kind is BallotKind.ELECTION
    there = {
        # Held for members only, a vote that the law gives to everybody in the unit is void (security.md T84).
        Obstacle.MANDATED: ballot.kind in MANDATED and ballot.members_only,
        Obstacle.NO_ELECTOR: not ballot.electors,
        Obstacle.NO_CANDIDATES: election and ballot.candidates < max(1, ballot.choose),
        Obstacle.TOO_MANY_CHOICES: ballot.choose > MOST_CHOICES,
        # The same words twice are one text that was not translated.
        Obstacle.TEXTS: any(not fr.strip() or not en.strip() for fr, en in ballot.texts)
        or (len(ballot.texts) > 1 and all(_same(fr, en) for fr, en in ballot.texts)),
    }
    return [obstacle for obstacle, holds in there.items() if holds]


def _same(fr: str, en: str) -> bool:
    return fr.strip().casefold() == en.strip().casefold()


# --- how many have voted


@dataclass(frozen=True, slots=True)
class Turnout:
    """How many of a ballot's electors have voted, and of each group; never what."""

    ballot: str
    title: tuple[str, str]
    electors: int
    voted: int
    # Group, electors, voted; None where so few are not told apart.
    groups: Sequence[tuple[str, int, int | None]]

    @property
    def shown(self) -> int | None:
        return None if self.voted < MIN_GROUP else self.voted


def of_groups(groups: Sequence[tuple[str, int, int]]) -> list[tuple[str, int, int | None]]:
    """What may be shown of each group: nothing under ten, nor what would leave fewer than ten once it is taken from the
    total."""
    hidden: set[str] = set()
    left = 0
    for voted, group in sorted((voted, group) for group, _, voted in groups):
        if voted < MIN_GROUP or (hidden and left < MIN_GROUP):
            hidden.add(group)
            left += voted
    return [(group, electors, None if group in hidden else voted) for group, electors, voted in groups]


def per_mille(part: int, whole: int) -> int:
    """Of a turnout, rounded half up: every page that says one says the same."""
    return (2000 * part + whole) // (2 * whole) if whole else 0


def results_owed(*, closes: datetime, rehearsal: bool, voted: int, at: datetime) -> bool:
    """Whether it is too late to cancel: whoever voted is owed the results. Nobody waits for those of a rehearsal."""
    return closes <= at and voted > 0 and not rehearsal


def kept_until(results_at: datetime) -> datetime:
    """From when on the key may be destroyed: at a whole second, as files write it, and never a moment too early."""
    return (results_at + KEY_KEPT + timedelta(microseconds=999_999)).replace(microsecond=0)
