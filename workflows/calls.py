"""How pages and the worker reach a member's workflow: the only place that knows ids and start options."""

from typing import Any
from uuid import UUID

from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from portal.rules.identity import Verdict
from workflows.messages import DecisionMade, MemberToOnboard, workflow_id
from workflows.onboarding import OnboardingWorkflow

STATIC_DETAILS = (
    "One member in one campaign. The member acts by updates, reviewers by the signals approve and reject, "
    "which count only with the decision in the records. Deletion of identity documents is the activity to "
    "watch."
)


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
        static_summary=f"Onboarding in campaign {campaign_code}",
        static_details=STATIC_DETAILS,
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
) -> None:
    """Signal a decision, starting the workflow again if it is gone: it takes the file up from the records."""
    await client.start_workflow(
        OnboardingWorkflow.run,
        MemberToOnboard(campaign_id, member_id),
        id=workflow_id(campaign_code, member_id),
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        start_signal=verdict.value,
        start_signal_args=[DecisionMade(submission_id, claim_id)],
        static_summary=f"Onboarding in campaign {campaign_code}",
        static_details=STATIC_DETAILS,
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
