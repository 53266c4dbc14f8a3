"""One member from the first sign-in to registered, approved and erased, on the real servers."""

from datetime import UTC, datetime
from uuid import uuid4

from temporalio.client import WorkflowUpdateFailedError

from portal.rules.onboarding import Step
from portal.store import Sessions
from tests import builders
from tests.conftest import Running, Servers
from workflows import calls
from workflows.messages import Register, workflow_id
from workflows.onboarding import OnboardingWorkflow


async def test_a_member_signs_in(running: Running, sessions: Sessions, servers: Servers) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session)
    op = calls.opening(running.task_queue, campaign_id=campaign.id, campaign_code=campaign.code, member_id=member.id)
    answer = await running.client.execute_update_with_start_workflow(
        OnboardingWorkflow.sign_in, start_workflow_operation=op, id=str(uuid4())
    )
    assert answer.step is Step.EMAIL
    handle = running.client.get_workflow_handle(workflow_id(campaign.code, member.id))
    answer = await handle.execute_update(OnboardingWorkflow.send_verification, id=str(uuid4()))
    assert answer.refusal is None
    print(await handle.query(OnboardingWorkflow.progress))
    import asyncio
    await asyncio.sleep(1)
    print([m["subject"] for m in servers.mailbox.messages()])
    h = await handle.fetch_history()
    for e in h.events: print(e.event_id, e.event_type, e.ByteSize())
