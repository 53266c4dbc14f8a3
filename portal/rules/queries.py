"""The questions that operators ask Temporal most, ready to be followed or typed: codes and instants only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portal.rules.attributes import Attribute
from portal.rules.doors import ANSWER_WITHIN, Status
from portal.rules.members import Group
from portal.rules.onboarding import Step

# A review that has waited so long is looked at; a member who has, is stuck.
REVIEW_LATE = timedelta(days=2)
STUCK = timedelta(days=7)
MANY_ATTEMPTS = 3
LATELY = timedelta(days=7)
LAST_DAY = timedelta(days=1)


class Topic(StrEnum):
    FILES = "files"
    REQUESTS = "requests"
    TROUBLE = "trouble"
    STANDING = "standing"


class Ready(StrEnum):
    """Each question by its code."""

    REVIEW = "review"
    REVIEW_LATE = "review-late"
    STUCK_EMAIL = "stuck-email"
    STUCK_IDENTITY = "stuck-identity"
    STUCK_REGISTRATION = "stuck-registration"
    OPEN_EC = "open-ec"
    OPEN_TR = "open-tr"
    OPEN_BDP = "open-bdp"
    MANY_ATTEMPTS = "many-attempts"
    WITHOUT_ATTRIBUTES = "without-attributes"
    DESK = "desk"
    DESK_LATE = "desk-late"
    BLOCKED = "blocked"
    FAILED = "failed"
    ENDED_BY_HAND = "ended-by-hand"
    STANDING = "standing"
    SWEEPS = "sweeps"


@dataclass(frozen=True, slots=True)
class ReadyQuery:
    code: Ready
    topic: Topic
    query: str


RUNNING = 'ExecutionStatus = "Running"'
ONBOARDING = 'WorkflowType = "OnboardingWorkflow"'
REQUESTS = 'WorkflowType IN ("RegisterEmailWorkflow", "JoinWorkflow")'


def ready_queries(campaign_code: str | None, at: datetime) -> list[ReadyQuery]:
    """Every question, in the order in which a day begins; of this campaign if there is one."""
    files = [ONBOARDING, RUNNING]
    if campaign_code is not None:
        files.append(f"{Attribute.CAMPAIGN} = {_quoted(campaign_code)}")

    def at_step(step: Step, *more: str) -> str:
        return _all(*files, f"{Attribute.STEP} = {_quoted(step)}", *more)

    def since(age: timedelta) -> str:
        return f"{Attribute.WAITING_SINCE} < {_instant(at - age)}"

    def of_group(group: Group) -> str:
        return _all(*files, f"{Attribute.GROUP} = {_quoted(group)}")

    proven = (REQUESTS, RUNNING, f"{Attribute.STEP} = {_quoted(Status.PROVEN)}")
    return [
        ReadyQuery(Ready.REVIEW, Topic.FILES, at_step(Step.REVIEW)),
        ReadyQuery(Ready.REVIEW_LATE, Topic.FILES, at_step(Step.REVIEW, since(REVIEW_LATE))),
        ReadyQuery(Ready.STUCK_EMAIL, Topic.FILES, at_step(Step.EMAIL, since(STUCK))),
        ReadyQuery(Ready.STUCK_IDENTITY, Topic.FILES, at_step(Step.IDENTITY, since(STUCK))),
        ReadyQuery(Ready.STUCK_REGISTRATION, Topic.FILES, at_step(Step.REGISTRATION, since(STUCK))),
        ReadyQuery(Ready.OPEN_EC, Topic.FILES, of_group(Group.EC)),
        ReadyQuery(Ready.OPEN_TR, Topic.FILES, of_group(Group.TR)),
        ReadyQuery(Ready.OPEN_BDP, Topic.FILES, of_group(Group.BDP)),
        ReadyQuery(Ready.MANY_ATTEMPTS, Topic.FILES, _all(*files, f"{Attribute.ATTEMPT} >= {MANY_ATTEMPTS}")),
        ReadyQuery(Ready.WITHOUT_ATTRIBUTES, Topic.FILES, _all(ONBOARDING, RUNNING, f"{Attribute.CAMPAIGN} IS NULL")),
        ReadyQuery(Ready.DESK, Topic.REQUESTS, _all(*proven)),
        ReadyQuery(Ready.DESK_LATE, Topic.REQUESTS, _all(*proven, since(ANSWER_WITHIN))),
        ReadyQuery(Ready.BLOCKED, Topic.TROUBLE, _all(RUNNING, "TemporalReportedProblems IS NOT NULL")),
        ReadyQuery(Ready.FAILED, Topic.TROUBLE, 'ExecutionStatus IN ("Failed", "TimedOut")'),
        ReadyQuery(
            Ready.ENDED_BY_HAND,
            Topic.TROUBLE,
            _all('ExecutionStatus IN ("Terminated", "Canceled")', f"CloseTime > {_instant(at - LATELY)}"),
        ),
        ReadyQuery(
            Ready.STANDING, Topic.STANDING, _all('WorkflowType IN ("RelayWorkflow", "CampaignWorkflow")', RUNNING)
        ),
        ReadyQuery(
            Ready.SWEEPS,
            Topic.STANDING,
            _all('WorkflowType = "SweepWorkflow"', f"StartTime > {_instant(at - LAST_DAY)}"),
        ),
    ]


def _all(*conditions: str) -> str:
    return " AND ".join(conditions)


def _quoted(value: str) -> str:
    # Our own codes have neither; what is not one of ours must still not become another question.
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _instant(at: datetime) -> str:
    return f'"{at:%Y-%m-%dT%H:%M:%S}Z"'
