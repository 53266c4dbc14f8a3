"""The four steps of a member, whose turn it is, and which deadline comes next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portal.rules.identity import undecided_until
from portal.rules.mail import MOST_REMINDERS


class Step(StrEnum):
    """What the file of a member waits for."""

    EMAIL = "email"
    IDENTITY = "identity"
    REGISTRATION = "registration"
    REVIEW = "review"
    # Nothing, unless the member appeals.
    REFUSED = "refused"
    DONE = "done"
    ENDED = "ended"


class IdentityState(StrEnum):
    NONE = "none"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REFUSED = "refused"


# Documents are in, looked at or not: registering waits for no more than this.
DOCUMENTS_IN = frozenset({IdentityState.SUBMITTED, IdentityState.APPROVED})


# Steps in which the member acts, hence may be reminded.
MEMBERS_TURN = frozenset({Step.EMAIL, Step.IDENTITY, Step.REGISTRATION})

# After the member's own last step (brief §6).
REMIND_AFTER = (timedelta(days=2), timedelta(days=5))


def step_of(*, email_verified: bool, identity: IdentityState, registered: int, own_ballots: int) -> Step:
    """Where a member stands. Registering comes before the review ends: the member finishes in one sitting."""
    if not email_verified:
        return Step.EMAIL
    if identity is IdentityState.REFUSED:
        return Step.REFUSED
    if identity is IdentityState.NONE:
        return Step.IDENTITY
    if registered < own_ballots:
        return Step.REGISTRATION
    if identity is IdentityState.SUBMITTED:
        return Step.REVIEW
    return Step.DONE


class DeadlineKind(StrEnum):
    REMINDER = "reminder"
    # What was decided takes effect.
    DECISION = "decision"
    # The answer to an appeal was promised by now.
    APPEAL = "appeal"
    IDENTITY_EXPIRY = "identity-expiry"
    END = "end"


@dataclass(frozen=True, slots=True)
class Deadline:
    kind: DeadlineKind
    at: datetime


def nearest_deadline(
    *,
    step: Step,
    last_step_at: datetime,
    reminded: int,
    reminders_in_all: int,
    submitted_at: datetime | None,
    closes: datetime,
    ends: datetime,
    appeal_by: datetime | None = None,
) -> Deadline:
    """The one deadline a member's workflow arms its timer for.

    `appeal_by` is the promised day of an appeal nobody has apologised for yet.
    `reminded` counts reminders since the member's last step, `reminders_in_all` those of the whole campaign.
    """
    deadlines: list[Deadline] = [Deadline(DeadlineKind.END, ends)]
    if step in MEMBERS_TURN and reminded < len(REMIND_AFTER) and reminders_in_all < MOST_REMINDERS:
        at = last_step_at + REMIND_AFTER[reminded]
        if at < closes:
            deadlines.append(Deadline(DeadlineKind.REMINDER, at))
    if submitted_at is not None:
        deadlines.append(Deadline(DeadlineKind.IDENTITY_EXPIRY, undecided_until(submitted_at)))
    if appeal_by is not None:
        deadlines.append(Deadline(DeadlineKind.APPEAL, appeal_by))
    return _earliest(deadlines)


def _earliest(deadlines: Sequence[Deadline]) -> Deadline:
    return min(deadlines, key=lambda d: d.at)
