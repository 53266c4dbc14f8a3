"""Gives every file of the made-up world its workflow, at a walking pace: `python -m deploy.opened`.

In the union's world a member's first sign-in starts it. Here 150 members have signed in before anything ran, and an
operator who follows a link into the Temporal UI wants to find them there.
"""

import asyncio

from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from portal.rules.onboarding import Step
from portal.settings import Settings
from portal.store import campaigns, onboarding, open_database, sessions_of
from portal.temporal import TASK_QUEUE, connect
from workflows import attributes, details
from workflows.messages import MemberToOnboard, workflow_id
from workflows.onboarding import OnboardingWorkflow

# Starts outrun the first tasks of what they start: a visitor who comes meanwhile must not wait behind them.
PACE_SECONDS = 0.1


async def main() -> None:
    settings = Settings()  # from the environment
    engine = open_database(settings.database_url.get_secret_value())
    client = await connect(settings.temporal_address, settings.temporal_namespace)
    async with sessions_of(engine).begin() as session:
        campaign = await campaigns.current(session)
        assert campaign is not None, "the world has a campaign"
        files = [
            file
            for step in Step
            if step is not Step.ENDED
            for file, _ in await onboarding.at_step(session, campaign.id, step, most=1000)
        ]
    for file in files:
        try:
            await client.start_workflow(
                OnboardingWorkflow.run,
                MemberToOnboard(campaign.id, file.member_id),
                id=workflow_id(campaign.code, file.member_id),
                task_queue=TASK_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                static_summary=f"Onboarding in campaign {campaign.code}",
                search_attributes=attributes.at_start(campaign_code=campaign.code),
                static_details=details.FILE,
            )
        except WorkflowAlreadyStartedError:
            continue
        await asyncio.sleep(PACE_SECONDS)
    await engine.dispose()
    await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(main())
