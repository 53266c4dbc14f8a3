"""What is refused costs no event; what is repeated happens once.

T77 (steps cannot be skipped), T78 (another group's ballot, after the close).
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from portal.rules.onboarding import Step
from portal.rules.refusals import Refusal
from portal.store import ballots, campaigns
from tests import builders
from tests.workflows.journeys import Journey, World, events_of, refusal_of, until
from workflows import calls
from workflows.messages import Answer
from workflows.onboarding import OnboardingWorkflow


@pytest.fixture
async def fresh(posting_world: World) -> Journey:
    """Signed in, nothing else."""
    journey = await posting_world.member()
    await journey.sign_in()
    return journey


@pytest.fixture
async def verified(world: World) -> Journey:
    journey = await world.member(verified=True)
    await journey.sign_in()
    return journey


async def registered(journey: Journey) -> list[str]:
    async with journey.world.sessions.begin() as session:
        cards = await ballots.cards(session, journey.campaign.id, journey.who)
    return [card.ballot.code for card in cards if card.registered_at is not None]


async def test_steps_cannot_be_skipped_and_trying_costs_no_event(world: World) -> None:
    """T77: documents before the address, ballots before both."""
    fresh = await world.member()
    await fresh.sign_in()
    before = await events_of(fresh.handle)

    assert await refusal_of(fresh.submit(await fresh.upload())) is Refusal.EMAIL_NOT_VERIFIED
    assert await refusal_of(fresh.register("auditors")) is Refusal.EMAIL_NOT_VERIFIED
    assert await refusal_of(fresh.withdraw(uuid4())) is Refusal.NO_DOCUMENTS

    assert await events_of(fresh.handle) == before
    assert await fresh.actions() == {"file-opened": 1}
    assert await registered(fresh) == []


async def test_registering_before_documents_costs_no_event(verified: Journey) -> None:
    """T77."""
    before = await events_of(verified.handle)

    assert await refusal_of(verified.register("auditors")) is Refusal.DOCUMENTS_NEEDED

    assert await events_of(verified.handle) == before
    assert await registered(verified) == []


async def test_an_address_already_verified_gets_no_second_link(verified: Journey) -> None:
    before = await events_of(verified.handle)

    assert await refusal_of(verified.send_verification()) is Refusal.EMAIL_ALREADY_VERIFIED

    assert await events_of(verified.handle) == before
    assert await verified.outbox() == {}


async def test_another_groups_ballot_costs_no_event(world: World) -> None:
    """T78: a TR member, an EC ballot; also hidden among their own."""
    journey = await world.member(verified=True, group="TR")
    await journey.until_submitted()
    before = await events_of(journey.handle)

    for chosen in (["ec-ratification"], ["auditors", "ec-ratification"], ["no-such-ballot"]):
        assert await refusal_of(journey.register(*chosen)) is Refusal.BALLOT_NOT_YOURS
    assert await refusal_of(journey.register()) is Refusal.NO_BALLOT_CHOSEN

    assert await events_of(journey.handle) == before
    assert await registered(journey) == []


async def closed(world: World, campaign_id: UUID, closes: timedelta) -> None:
    """The vote closes while documents are under review: time passes, which no officer can make it do."""
    async with world.sessions.begin() as session:
        await session.execute(text("set local session_replication_role = replica"))
        await session.execute(
            text("update campaign set closes = clock_timestamp() + cast(:closes as interval) where id = :id"),
            {"closes": closes, "id": campaign_id},
        )


@pytest.mark.parametrize(
    ("opens", "closes", "refusal"),
    [
        (timedelta(days=-14), timedelta(seconds=-1), Refusal.REGISTRATION_CLOSED),
        (timedelta(days=1), timedelta(days=12), Refusal.REGISTRATION_NOT_OPEN),
    ],
)
async def test_outside_the_window_nobody_registers(
    world: World, opens: timedelta, closes: timedelta, refusal: Refusal
) -> None:
    """T78: neither before registration opens nor after the close; the records say so, and note nothing."""
    async with world.sessions.begin() as session:
        campaign = await builders.a_campaign(
            session, registration_opens=opens, opens=max(opens, closes - timedelta(days=10)),
            closes=max(closes, timedelta(days=1)),
        )  # fmt: skip
    journey = await world.member(campaign, verified=True)
    await journey.until_submitted()
    await closed(world, campaign.id, closes)

    assert (await journey.register("auditors")).refusal is refusal

    assert await registered(journey) == []
    assert "registered" not in await journey.outbox()
    assert "registered" not in await journey.actions()


async def test_a_closing_moved_later_counts_before_the_workflow_has_heard_of_it(world: World) -> None:
    """Between the change and its signal nobody is refused by the old calendar."""
    async with world.sessions.begin() as session:
        campaign = await builders.a_campaign(
            session, opens=timedelta(days=-9), closes=timedelta(days=1), ends=timedelta(days=9)
        )
    journey = await world.member(campaign, verified=True)
    await journey.until_submitted()
    await closed(world, campaign.id, timedelta(seconds=-1))
    async with world.sessions.begin() as session:
        await campaigns.move(session, campaign.id, closes=datetime.now(UTC) + timedelta(days=2))

    assert (await journey.register("auditors")).refusal is None

    assert await registered(journey) == ["auditors"]


async def test_a_signal_makes_the_workflow_take_the_calendar_of_the_records_up(world: World) -> None:
    journey = await world.member(verified=True)
    await journey.sign_in()

    async def goes_by() -> int:
        progress = await journey.handle.query(OnboardingWorkflow.progress)
        assert progress is not None
        assert (await journey.file()).calendar_version == progress.calendar_version
        return progress.calendar_version

    async def told(version: int) -> None:
        await calls.tell_calendar(journey.world.running.client, journey.campaign.code, journey.who.id, version)
        await journey.sign_in()
        await until(journey.idle)

    page = (await journey.file()).version
    await told(999)
    assert await goes_by() == 1
    assert (await journey.file()).version == page, "a forged signal changes nothing of the file either"
    async with world.sessions.begin() as session:
        version = await campaigns.move(session, journey.campaign.id, ends=journey.campaign.ends + timedelta(days=9))
    await told(version)
    assert await goes_by() == 2


async def test_the_records_refuse_what_an_outdated_workflow_lets_pass(world: World) -> None:
    """T78: the statement that writes the row decides, whatever calendar the workflow holds."""
    journey = await world.member(verified=True)
    await journey.until_submitted()
    async with world.sessions.begin() as session:
        campaign = await session.get(type(journey.campaign), journey.campaign.id)
        assert campaign is not None
        # The workflow believes that it has been open for a fortnight.
        campaign.registration_opens = campaign.opens = datetime.now(UTC) + timedelta(hours=1)

    answer = await journey.register("auditors")

    assert answer.refusal is Refusal.REGISTRATION_NOT_OPEN
    assert await registered(journey) == []
    assert "registered" not in await journey.outbox()


async def test_withdrawing_what_is_not_under_review_costs_no_event(world: World) -> None:
    journey = await world.member(verified=True)
    submission_id = await journey.until_submitted()
    assert (await journey.withdraw(submission_id)).step is Step.IDENTITY
    await journey.erased(submission_id)
    await until(journey.idle)
    before = await events_of(journey.handle)

    assert await refusal_of(journey.withdraw(submission_id)) is Refusal.NO_DOCUMENTS
    assert await refusal_of(journey.withdraw(uuid4())) is Refusal.NO_DOCUMENTS

    assert await events_of(journey.handle) == before
    assert await world.files.stored() == []
    assert await journey.status(submission_id) == "withdrawn"


async def test_documents_of_somebody_else_cannot_be_submitted(world: World, verified: Journey) -> None:
    """Foreign ids: what another member has uploaded."""
    other = await world.member(verified.campaign, verified=True)
    theirs = await other.upload()

    assert (await verified.submit(theirs)).refusal is Refusal.DOCUMENTS_GONE
    assert (await verified.submit(uuid4())).refusal is Refusal.DOCUMENTS_GONE

    assert await other.status(theirs) == "staged"


async def test_a_link_of_somebody_else_proves_nothing(posting_world: World, fresh: Journey) -> None:
    other = await posting_world.member(fresh.campaign)
    await other.sign_in()
    await other.send_verification()
    link_id = await other.link_in_the_mail()

    assert (await fresh.confirm_email(link_id)).refusal is Refusal.LINK_SUPERSEDED
    assert (await fresh.confirm_email(uuid4())).refusal is Refusal.LINK_SUPERSEDED

    assert (await other.confirm_email(link_id)).step is Step.IDENTITY
    assert (await fresh.file()).step == Step.EMAIL.value


async def test_a_link_made_void_by_a_newer_one_proves_nothing(fresh: Journey) -> None:
    await fresh.send_verification()
    older = await fresh.link_in_the_mail()
    await fresh.send_verification()
    newer = await fresh.link_in_the_mail()
    assert older != newer

    assert (await fresh.confirm_email(older)).refusal is Refusal.LINK_SUPERSEDED
    assert (await fresh.confirm_email(newer)).refusal is None
    # The mail client that opens the link a second time changes nothing.
    assert (await fresh.confirm_email(newer)).refusal is None
    assert (await fresh.actions())["email-verified"] == 1


async def repeated(journey: Journey, step: str, argument: UUID | None) -> tuple[Answer, Answer]:
    """The same step twice under one id, as a page does that lost its answer."""
    key = str(uuid4())

    async def once() -> Answer:
        if step == "send_verification":
            return await journey.send_verification(key)
        if step == "register":
            return await journey.register("auditors", "pension", key=key)
        assert argument is not None
        act = journey.confirm_email if step == "confirm_email" else journey.submit
        return await act(argument, key)

    first = await once()
    before = await events_of(journey.handle)
    second = await once()
    assert await events_of(journey.handle) == before, "a repeat is answered from the history"
    return first, second


async def test_a_repeated_update_gets_the_first_answer_and_doubles_nothing(fresh: Journey) -> None:
    """T59: every step of a member, each sent twice under its own id."""
    first, second = await repeated(fresh, "send_verification", None)
    assert first == second
    first, second = await repeated(fresh, "confirm_email", await fresh.link_in_the_mail())
    assert first == second
    assert first.step is Step.IDENTITY
    submission_id = await fresh.upload()
    first, second = await repeated(fresh, "submit_documents", submission_id)
    assert first == second
    first, second = await repeated(fresh, "register", None)
    assert first == second

    assert await registered(fresh) == ["auditors", "pension"]
    assert await fresh.outbox() == {"verification": 1, "documents-received": 1, "registered": 1}
    assert await fresh.actions() == {
        "file-opened": 1, "verification-asked": 1, "email-verified": 1, "documents-submitted": 1,
        "registered": 1,
    }  # fmt: skip


async def test_the_same_step_under_a_new_id_doubles_nothing_either(world: World) -> None:
    """Twice registered, twice submitted: one row, one entry, one mail."""
    journey = await world.member(verified=True)
    submission_id = await journey.until_submitted()
    await journey.register("auditors")

    assert (await journey.register("auditors")).refusal is None
    assert (await journey.submit(submission_id)).refusal is None

    assert await registered(journey) == ["auditors"]
    assert await journey.outbox() == {"documents-received": 1, "registered": 1}
    actions = await journey.actions()
    assert (actions["registered"], actions["documents-submitted"]) == (1, 1)


async def test_a_step_repeated_in_a_new_run_doubles_nothing(fresh: Journey) -> None:
    """Temporal remembers update ids per run only: beyond it the journal does."""
    key = str(uuid4())
    await fresh.send_verification(key)
    link_id = await fresh.link_in_the_mail()
    await fresh.handle.terminate()
    await fresh.sign_in()

    assert (await fresh.send_verification(key)).refusal is None

    assert await fresh.link_in_the_mail() == link_id
    assert (await fresh.outbox(), (await fresh.actions())["verification-asked"]) == ({"verification": 1}, 1)


async def test_after_the_third_link_in_an_hour_the_member_is_asked_to_wait(world: World) -> None:
    fresh = await world.member()
    await fresh.sign_in()
    for _ in range(3):
        assert (await fresh.send_verification()).refusal is None

    assert (await fresh.send_verification()).refusal is Refusal.MAIL_JUST_SENT

    assert (await fresh.outbox())["verification"] == 3
