"""What a member's workflow is told and answers: ids, codes and instants, never a person."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from portal.rules.onboarding import DeadlineKind, IdentityState, Step
from portal.rules.refusals import Refusal

# What the type of every refusal is called in Temporal, on its way to the page.
REFUSED = "Refused"


def workflow_id(campaign_code: str, member_id: UUID) -> str:
    return f"onboarding-{campaign_code}-{member_id}"


@dataclass(frozen=True)
class MemberToOnboard:
    campaign_id: UUID
    member_id: UUID


@dataclass(frozen=True)
class ConfirmEmail:
    link_id: UUID


@dataclass(frozen=True)
class SubmitDocuments:
    submission_id: UUID


@dataclass(frozen=True)
class WithdrawDocuments:
    submission_id: UUID


@dataclass(frozen=True)
class Register:
    # Codes of ballots.
    ballots: list[str]


@dataclass(frozen=True)
class DecisionMade:
    """A reviewer's signal: which submission, under which claim. The verdict is the signal's name.

    Nothing happens before `effective_at`: until then the reviewer may undo it. The records hold the same moment.
    """

    submission_id: UUID
    claim_id: UUID
    effective_at: datetime | None = None


@dataclass(frozen=True)
class Answer:
    """What a page gets back: where the file stands, or the refusal that only the records could know."""

    step: Step
    refusal: Refusal | None = None


@dataclass(frozen=True)
class Progress:
    """For operators: where the file stands and which deadline comes next."""

    step: Step
    email_verified: bool
    identity: IdentityState
    registered: int
    own_ballots: int
    erasing: int
    next_deadline: DeadlineKind
    next_deadline_at: datetime
    calendar_version: int
