"""What must always be running: the relay, the hourly sweep, one workflow per campaign, and an import confirmed."""

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

from portal.rules.standing import RELAY, SWEEP, campaign_workflow
from portal.store import Sessions, campaigns, roll
from portal.temporal import BACKGROUND_QUEUE
from workflows import attributes, calls, details
from workflows.campaigns import CampaignToRun, CampaignWorkflow
from workflows.relay import RelayWorkflow
from workflows.sweep import SweepWorkflow

SWEEP_EVERY = timedelta(hours=1)


async def ensure(client: Client, sessions: Sessions, task_queue: str = BACKGROUND_QUEUE) -> None:
    """Start what is missing and leave alone what runs."""
    await client.start_workflow(
        RelayWorkflow.run,
        id=RELAY,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        static_summary="Sends the mails that are due",
        static_details=details.RELAY,
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
            id=campaign_workflow(campaign.code),
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            search_attributes=attributes.at_start(campaign_code=campaign.code),
            start_signal="calendar_changed" if unheard else None,
            start_signal_args=[campaign.calendar_version] if unheard else [],
            static_summary=f"Calendar of campaign {campaign.code}",
            static_details=details.CAMPAIGN,
        )
    await ensure_imports(client, sessions, task_queue)


async def ensure_imports(client: Client, sessions: Sessions, task_queue: str = BACKGROUND_QUEUE) -> None:
    """Start what somebody confirmed while Temporal was away."""
    async with sessions.begin() as session:
        imports = await roll.confirmed(session)
    for import_id in imports:
        await calls.open_import(client, task_queue, import_id)


async def _ensure_sweep(client: Client, task_queue: str) -> None:
    with suppress(ScheduleAlreadyRunningError):
        await client.create_schedule(
            SWEEP,
            Schedule(
                action=ScheduleActionStartWorkflow(
                    SweepWorkflow.run,
                    id=SWEEP,
                    task_queue=task_queue,
                    static_summary="Deletes whatever has no open case",
                    static_details=details.SWEEP,
                ),
                spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=SWEEP_EVERY)]),
                policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP),
            ),
            trigger_immediately=True,
        )
