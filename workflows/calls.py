"""How pages and the worker reach a member's workflow: the only place that knows ids and start options."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.doors import RequestOf
from activities.leases import LeaseOf
from activities.renewals import RenewalOf
from activities.roll import ImportOf
from portal.rules.doors import Door, Status
from portal.rules.identity import Verdict
from workflows import attributes, details
from workflows.doors import JoinWorkflow, RegisterEmailWorkflow, RenewalWorkflow
from workflows.leases import LeaseWorkflow
from workflows.messages import DecisionMade, MemberToOnboard, workflow_id
from workflows.onboarding import OnboardingWorkflow
from workflows.roll import RollImportWorkflow


def opening(
    task_queue: str, *, campaign_id: UUID, campaign_code: str, member_id: UUID
) -> WithStartWorkflowOperation[Any, Any]:
    """Start the member's workflow unless it runs; one such operation per call."""
    return WithStartWorkflowOperation(
        OnboardingWorkflow.run,
        MemberToOnboard(campaign_id, member_id),
        id=workflow_id(campaign_code, member_id),
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        search_attributes=attributes.at_start(campaign_code=campaign_code),
        static_summary=f"Onboarding in campaign {campaign_code}",
        static_details=details.FILE,
    )


async def deliver_decision(
    client: Client,
    task_queue: str,
    *,
    campaign_id: UUID,
    campaign_code: str,
    member_id: UUID,
    submission_id: UUID,
    claim_id: UUID,
    verdict: Verdict,
    effective_at: datetime | None = None,
) -> None:
    """Signal a decision, starting the workflow again if it is gone: it takes the file up from the records.

    The signal goes at once, whenever the decision takes effect. A refusal travels as a rejection does: the records
    say which of the two it is.
    """
    await client.start_workflow(
        OnboardingWorkflow.run,
        MemberToOnboard(campaign_id, member_id),
        id=workflow_id(campaign_code, member_id),
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="approve" if verdict is Verdict.APPROVE else "reject",
        start_signal_args=[DecisionMade(submission_id, claim_id, effective_at)],
        search_attributes=attributes.at_start(campaign_code=campaign_code),
        static_summary=f"Onboarding in campaign {campaign_code}",
        static_details=details.FILE,
    )


async def tell_calendar(client: Client, campaign_code: str, member_id: UUID, version: int) -> bool:
    """Tell one member's workflow that the records hold a newer calendar; False when there is none to tell."""
    handle = client.get_workflow_handle(workflow_id(campaign_code, member_id))
    try:
        await handle.signal(OnboardingWorkflow.calendar_changed, version)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def tell_campaign(client: Client, campaign_code: str, version: int) -> None:
    """Tell a campaign's workflow that the records hold a newer calendar; the worker starts one that is missing."""
    handle = client.get_workflow_handle(f"campaign-{campaign_code}")
    try:
        await handle.signal("calendar_changed", version)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def look_again(client: Client, campaign_code: str, member_id: UUID) -> None:
    """Let a member's workflow take the file up from the records; one that does not run will when it starts."""
    handle = client.get_workflow_handle(workflow_id(campaign_code, member_id))
    try:
        await handle.execute_update(OnboardingWorkflow.look_again, id=f"look-{uuid4()}")
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


async def open_lease(client: Client, task_queue: str, *, claim_id: UUID, until: datetime) -> None:
    """Start the timer that returns a case; without it the lease ends all the same, and nobody writes that down."""
    await client.start_workflow(
        LeaseWorkflow.run,
        LeaseOf(claim_id, until),
        id=f"lease-{claim_id}",
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary="A case that a reviewer has open",
    )


async def wake_lease(client: Client, claim_id: UUID) -> None:
    """Something happened to a lease; one whose timer does not run needs no waking."""
    try:
        await client.get_workflow_handle(f"lease-{claim_id}").signal(LeaseWorkflow.returned)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


# The doors that a person decides; each workflow is named by its door and its request.
DOORS: dict[Door, tuple[type[Any], str]] = {
    Door.REGISTER_EMAIL: (RegisterEmailWorkflow, "An address for somebody on the roll"),
    Door.JOIN: (JoinWorkflow, "Somebody who wants to become a member"),
}


def request_workflow_id(door: Door, request_id: UUID) -> str:
    return f"{door}-{request_id}"


async def open_request(
    client: Client, task_queue: str, *, door: Door, request_id: UUID, told: str | None = None
) -> None:
    """Start the workflow of a request unless it runs, and wake it up by the signal of what was done."""
    story, summary = DOORS[door]
    await client.start_workflow(
        story.run,
        RequestOf(request_id),
        id=request_workflow_id(door, request_id),
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal=told,
        search_attributes=attributes.at_start(step=Status.ASKED, since=datetime.now(UTC)),
        static_summary=summary,
        static_details=details.REQUEST,
    )


async def open_renewal(client: Client, task_queue: str, link_id: UUID, *, used: bool = False) -> None:
    """Start the workflow of a link unless it runs, and tell it when the link was used."""
    await client.start_workflow(
        RenewalWorkflow.run,
        RenewalOf(link_id),
        id=f"renewal-{link_id}",
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal="used" if used else None,
        static_summary="A new password",
        static_details=details.RENEWAL,
    )


async def open_import(client: Client, task_queue: str, import_id: UUID) -> None:
    """Start the workflow of a confirmed import unless it runs."""
    await client.start_workflow(
        RollImportWorkflow.run,
        ImportOf(import_id),
        id=f"roll-import-{import_id}",
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary="Import of the roll",
    )


def _prefix(campaign_code: str) -> str:
    return f"onboarding-{campaign_code}-"


def _running(campaign_code: str) -> str:
    quoted = _prefix(campaign_code).replace("'", "''")
    return f"WorkflowType = 'OnboardingWorkflow' and ExecutionStatus = 'Running' and WorkflowId STARTS_WITH '{quoted}'"


async def running(client: Client, campaign_code: str) -> frozenset[UUID]:
    """The members whose workflow runs, as Temporal lists them; a moment behind."""
    prefix = _prefix(campaign_code)
    found = [execution.id.removeprefix(prefix) async for execution in client.list_workflows(_running(campaign_code))]
    return frozenset(UUID(member_id) for member_id in found)


async def count_running(client: Client, campaign_code: str) -> int:
    """How many members' workflows run."""
    return (await client.count_workflows(_running(campaign_code))).count
