"""What operators may search by follows the step, costs one event a step, and names nobody; details say whose turn."""

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client
from temporalio.common import TypedSearchAttributes

from portal.rules.attributes import Attribute
from portal.rules.doors import Door
from portal.rules.identity import Verdict
from tests.workflows.door_timelines import door_timeline
from tests.workflows.fakes import OWN, FakeRecords, a_calendar
from tests.workflows.journeys import Handle, World, until
from tests.workflows.timelines import timeline
from workflows import calls, details
from workflows.attributes import ATTEMPT, CAMPAIGN, GROUP, STEP, WAITING_SINCE
from workflows.messages import MemberToOnboard
from workflows.onboarding import OnboardingWorkflow

UPSERTED = "EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES"


async def shown(handle: Handle) -> TypedSearchAttributes:
    """Ours: the server has some of its own, which name the worker's build."""
    all_of_them = (await handle.describe()).typed_search_attributes
    return TypedSearchAttributes([pair for pair in all_of_them if pair.key.name in set(Attribute)])


async def upserts(handle: Handle) -> int:
    return (await handle.fetch_history()).to_json().count(UPSERTED)


async def current(handle: Handle) -> str:
    """What the Temporal UI shows as current details: an answer of the worker."""
    metadata: WorkflowMetadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return metadata.current_details


async def test_a_file_can_be_found_by_campaign_step_group_wait_and_attempt(world: World) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    journey = await world.member(verified=True, group="TR")
    first = await journey.until_submitted()
    found = await shown(journey.handle)
    assert found.get(CAMPAIGN) == journey.campaign.code
    assert found.get(STEP) == "registration"
    assert found.get(GROUP) == "TR"
    assert found.get(ATTEMPT) == 1
    since = found.get(WAITING_SINCE)
    assert since is not None
    assert before < since < datetime.now(UTC) + timedelta(minutes=1)

    assert (await journey.withdraw(first)).refusal is None
    await journey.submit(await journey.upload())
    found = await shown(journey.handle)
    assert (found.get(STEP), found.get(ATTEMPT)) == ("registration", 2)
    # Opened, submitted, withdrawn, submitted: each is one event, and nothing else is.
    assert await upserts(journey.handle) == 4
    query = f'PortalStep = "registration" AND PortalGroup = "TR" AND PortalCampaign = "{journey.campaign.code}"'
    await until(lambda: _counts(world.running.client, query, 1))


async def _counts(client: Client, query: str, wanted: int) -> bool:
    return (await client.count_workflows(query)).count == wanted


async def test_only_codes_figures_and_instants_are_there_to_search_by(world: World) -> None:
    """T72: search attributes are kept in clear."""
    journey = await world.member(verified=True)
    await journey.until_submitted()
    pairs = list(await shown(journey.handle))
    assert {pair.key.name for pair in pairs} == {a.value for a in Attribute}
    for pair in pairs:
        value = pair.value
        assert isinstance(value, int | datetime) or re.fullmatch(r"[A-Za-z0-9-]{2,40}", value), pair
        assert "@" not in str(value)
        assert journey.who.number not in str(value)


async def test_a_file_read_again_by_a_new_run_shows_the_same_and_costs_nothing(world: World) -> None:
    journey = await world.member(verified=True)
    await journey.until_submitted()
    before, cost = list(await shown(journey.handle)), await upserts(journey.handle)
    await calls.look_again(world.running.client, journey.campaign.code, journey.who.id)
    assert list(await shown(journey.handle)) == before
    assert await upserts(journey.handle) == cost


async def test_a_file_begun_under_release_one_goes_on_without_attributes(client: Client) -> None:
    """Its history could not take a command more; the portal's own pages list it all the same."""
    member = timeline(client, FakeRecords(a_calendar()))
    async with member.worker():
        await client.start_workflow(
            OnboardingWorkflow.run, MemberToOnboard(uuid4(), uuid4()), id=member.workflow_id,
            task_queue=member.task_queue,
        )  # fmt: skip
        await member.confirm_email()
        await member.submit()
        assert await upserts(member.handle) == 0
        assert not list(await shown(member.handle))
        await member.to_the_end()
        assert await upserts(member.handle) == 0


async def test_a_request_at_a_door_can_be_found_by_what_it_waits_for(client: Client) -> None:
    story = door_timeline(client)
    async with story.worker():
        await story.open(Door.JOIN)
        await story.until_looked(1)
        assert (await shown(story.handle)).get(STEP) == "asked"
        assert await upserts(story.handle) == 0
        await story.proven()
        await story.until_told("received")
        found = await shown(story.handle)
        assert (found.get(STEP), found.get(WAITING_SINCE)) == ("proven", story.records.proven_at)
        await story.decided(accept=False)
        await story.handle.result()
        assert (await shown(story.handle)).get(STEP) == "refused"


async def test_details_say_whose_turn_it_is_until_when_and_what_an_operator_may_do(client: Client) -> None:
    member = timeline(client, FakeRecords(a_calendar(), email_verified=True))
    async with member.worker():
        await member.open()
        said = await current(member.handle)
        for words in (
            "Waiting for the member to send identity documents", "whose turn: the member's, since 20",
            "next deadline: reminder, 20", "you may: nothing to do here", "registered: 0 of 7 ballots",
        ):  # fmt: skip
            assert words in said, said
        await member.submit()
        await member.register(*OWN)
        said = await current(member.handle)
        assert "Waiting for a reviewer" in said
        assert "submissions of documents: 1" in said
        assert "next deadline: identity-expiry" in said
        assert member.records.live is not None
        await member.decided(member.records.live, Verdict.APPROVE)
        await member.heard()
        assert "Ready to vote" in await current(member.handle)
        await member.to_the_end()


async def test_details_of_a_request_and_of_a_calendar_are_in_plain_words(client: Client) -> None:
    story = door_timeline(client)
    async with story.worker():
        await story.open(Door.REGISTER_EMAIL)
        await story.until_looked(1)
        assert "next moment: proof-reminder" in await current(story.handle)
        await story.proven()
        await story.until_told("received")
        said = await current(story.handle)
        assert "Waiting for somebody at the desk to decide" in said
        assert "whose turn: the desk's, since 20" in said
        await story.decided(accept=True)
        await story.handle.result()
    told = timeline(client, FakeRecords(a_calendar()))
    async with told.worker():
        await told.open_campaign()
        await until(lambda: _says(told.handle, "next notice: before-opening"))
        assert (await shown(told.handle)).get(CAMPAIGN) == "c2017"
        await told.handle.terminate()


async def _says(handle: Handle, words: str) -> bool:
    return words in await current(handle)


async def test_everything_that_is_started_says_what_it_is_and_what_ending_it_would_do(world: World) -> None:
    journey = await world.member(verified=True)
    await journey.sign_in()
    description = await journey.handle.describe()
    assert await description.static_summary() == f"Onboarding in campaign {journey.campaign.code}"
    assert await description.static_details() == details.FILE
    for text in (details.FILE, details.REQUEST, details.RENEWAL, details.CAMPAIGN, details.RELAY):
        assert "If this is terminated" in text
        assert len(text.encode()) < 20_000
