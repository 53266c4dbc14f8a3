"""What cannot be understood is one failed or blocked case that staff can list; everybody else goes on."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError

from activities.doors import RequestOf
from activities.renewals import RenewalOf
from portal.rules.onboarding import Step
from portal.rules.queries import Ready, ready_queries
from tests.workflows.journeys import Handle, World, until
from workflows import calls
from workflows.campaigns import CampaignToRun, CampaignWorkflow
from workflows.doors import JoinWorkflow, RenewalWorkflow
from workflows.messages import DecisionMade, MemberToOnboard
from workflows.onboarding import OnboardingWorkflow

QUERIES = {asked.code: asked.query for asked in ready_queries(None, datetime.now(UTC))}


async def listed(client: Client, code: Ready, handle: Handle) -> bool:
    found = await client.count_workflows(f'{QUERIES[code]} AND WorkflowId = "{handle.id}"')
    return found.count == 1


@pytest.mark.parametrize("kind", ["file", "calendar", "request", "link"])
async def test_an_id_that_leads_nowhere_fails_at_once_and_is_listed(world: World, kind: str) -> None:
    """T65: tried again it would lead nowhere for ever."""
    stories: dict[str, tuple[Any, Any]] = {
        "file": (OnboardingWorkflow.run, MemberToOnboard(uuid4(), uuid4())),
        "calendar": (CampaignWorkflow.run, CampaignToRun(uuid4(), "nowhere")),
        "request": (JoinWorkflow.run, RequestOf(uuid4())),
        "link": (RenewalWorkflow.run, RenewalOf(uuid4())),
    }
    client, (story, order) = world.running.client, stories[kind]
    handle: Handle = await client.start_workflow(
        story,
        order,
        id=f"poison-{uuid4()}",
        task_queue=world.running.task_queue,
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    await until(lambda: listed(client, Ready.FAILED, handle))
    # The cause is a code of ours: no id of anybody, no row.
    assert "no such" in str(failed.value.cause)


async def test_a_malformed_id_blocks_its_own_case_and_nobody_elses(world: World) -> None:
    """T65: somebody with the command line starts, and signals, nonsense; others flow meanwhile."""
    client, queue = world.running.client, world.running.task_queue
    nonsense: Handle = await client.start_workflow(
        "OnboardingWorkflow", {"campaign_id": "../../etc", "member_id": 7}, id=f"poison-{uuid4()}", task_queue=queue
    )
    journey = await world.member(verified=True)
    assert (await journey.sign_in()).step is Step.IDENTITY
    for signal, said in (("approve", {"submission_id": "x"}), ("approve", "x"), ("calendar_changed", "soon")):
        await journey.handle.signal(signal, said)
    await journey.handle.signal("approve", DecisionMade(uuid4(), uuid4()))

    assert (await journey.submit(await journey.upload())).step is Step.REGISTRATION
    await until(lambda: listed(client, Ready.BLOCKED, nonsense), within=40)
    assert (await journey.handle.describe()).status is WorkflowExecutionStatus.RUNNING
    await nonsense.terminate("nonsense")
    await until(lambda: not_listed(client, nonsense))


async def not_listed(client: Client, handle: Handle) -> bool:
    return not await listed(client, Ready.BLOCKED, handle)


async def test_what_was_ended_by_hand_is_listed_and_its_member_goes_on(world: World) -> None:
    """T64: the next step begins a new run from the records; nothing was lost with the old one."""
    journey = await world.member(verified=True)
    await journey.until_submitted()
    await journey.handle.terminate("by hand")
    await until(lambda: listed(world.running.client, Ready.ENDED_BY_HAND, journey.handle))

    assert (await journey.sign_in()).step is Step.REGISTRATION

    await calls.look_again(world.running.client, journey.campaign.code, journey.who.id)
    assert (await journey.file()).step == Step.REGISTRATION.value
