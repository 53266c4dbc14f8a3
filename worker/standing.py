"""What must always be running: the relay, the hourly sweep, and one workflow per campaign."""

from contextlib import suppress
from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.common import WorkflowIDConflictPolicy

from portal.store import Sessions, campaigns
from portal.temporal import BACKGROUND_QUEUE
from workflows import relay
from workflows.campaigns import CampaignToRun, CampaignWorkflow
from workflows.campaigns import workflow_id as campaign_workflow_id
from workflows.relay import RelayWorkflow
from workflows.sweep import SweepWorkflow

SWEEP_SCHEDULE = "sweep"
SWEEP_EVERY = timedelta(hours=1)


async def ensure(client: Client, sessions: Sessions, task_queue: str = BACKGROUND_QUEUE) -> None:
    """Start what is missing and leave alone what runs."""
    await client.start_workflow(
        RelayWorkflow.run,
        id=relay.WORKFLOW_ID,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary="Sends the mails that are due",
    )
    await _ensure_sweep(client, task_queue)
    async with sessions.begin() as session:
        to_run = await campaigns.to_run(session)
    for campaign in to_run:
        # A signal that got lost between the commit of a change and Temporal is given again.
        unheard = campaign.heard_version < campaign.calendar_version
        await client.start_workflow(
            CampaignWorkflow.run,
            CampaignToRun(campaign.id, campaign.code),
            id=campaign_workflow_id(campaign.code),
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="calendar_changed" if unheard else None,
            start_signal_args=[campaign.calendar_version] if unheard else [],
            static_summary=f"Calendar of campaign {campaign.code}",
        )


async def _ensure_sweep(client: Client, task_queue: str) -> None:
    with suppress(ScheduleAlreadyRunningError):
        await client.create_schedule(
            SWEEP_SCHEDULE,
            Schedule(
                action=ScheduleActionStartWorkflow(
                    SweepWorkflow.run, id="sweep", task_queue=task_queue, static_summary="Hourly sweep"
                ),
                spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=SWEEP_EVERY)]),
                policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
            ),
            trigger_immediately=True,
        )
