"""A decision is what the records say, written once; a signal only wakes the workflow up.

T59 (replayed approval), T60 (approval of a replaced picture), T61 (forged signal).
"""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from portal.rules.identity import Reason, SubmissionStatus, Verdict
from portal.rules.mail import MailKind
from portal.rules.onboarding import Step
from portal.rules.refusals import Refusal
from portal.store import decisions, identity
from portal.store.identity import Claim, Submission
from tests.builders import ballots_of
from tests.workflows.journeys import Journey, World, until


@pytest.fixture
async def journey(world: World) -> Journey:
    return await world.member(verified=True)


async def ignored(journey: Journey, count: int) -> None:
    async def written_down() -> bool:
        return (await journey.actions()).get("decision-ignored", 0) >= count

    await until(written_down)
    assert (await journey.actions())["decision-ignored"] == count


async def nothing_changed(journey: Journey, submission_id: UUID) -> None:
    file = await journey.file()
    assert file.step == Step.REGISTRATION.value
    assert await journey.status(submission_id) == "submitted"
    assert await journey.erasure(submission_id) is None
    assert len(await journey.world.files.stored()) == 1
    assert "approved" not in await journey.outbox()
    assert "identity-approved" not in await journey.actions()


async def test_an_approval_sent_five_times_has_one_effect(posting_world: World) -> None:
    """T59: one decision, one mail, one deletion; the four repeats are only journalled."""
    world = posting_world
    journey = await world.member(verified=True)
    submission_id = await journey.until_submitted()
    await journey.register(*ballots_of("EC"))
    claim = await world.claim(await world.reviewer())
    assert isinstance(await world.decide(claim), Submission)

    for _ in range(5):
        await journey.deliver(submission_id, claim.id, Verdict.APPROVE)

    await journey.erased(submission_id)
    await ignored(journey, 4)
    await journey.sent(MailKind.APPROVED)
    actions = await journey.actions()
    assert (actions["identity-approved"], actions["documents-erased"]) == (1, 1)
    assert (await journey.outbox())["approved"] == 1
    events = (await journey.handle.fetch_history()).events
    scheduled = [e for e in events if e.HasField("activity_task_scheduled_event_attributes")]
    assert [e.activity_task_scheduled_event_attributes.activity_type.name for e in scheduled] == ["erase_documents"]
    assert (await journey.file()).step == Step.DONE.value


async def test_an_approval_under_a_made_up_claim_changes_nothing(journey: Journey) -> None:
    """T61: whoever can reach Temporal can send a signal; without a decision in the records it is nothing."""
    submission_id = await journey.until_submitted()

    await journey.deliver(submission_id, uuid4(), Verdict.APPROVE)

    await ignored(journey, 1)
    await nothing_changed(journey, submission_id)


async def test_an_approval_under_a_claim_without_a_decision_changes_nothing(world: World, journey: Journey) -> None:
    """T61: having the case open is not having decided it."""
    submission_id = await journey.until_submitted()
    claim = await world.claim(await world.reviewer())

    await journey.deliver(submission_id, claim.id, Verdict.APPROVE)

    await ignored(journey, 1)
    await nothing_changed(journey, submission_id)


async def test_an_approval_under_another_claim_than_the_decision_changes_nothing(
    world: World, journey: Journey
) -> None:
    """T61: the claim names the reviewer's look at the picture; another one's does not do."""
    submission_id = await journey.until_submitted()
    claim = await world.claim(await world.reviewer())
    assert isinstance(await world.decide(claim), Submission)

    await journey.deliver(submission_id, uuid4(), Verdict.APPROVE)

    await ignored(journey, 1)
    await nothing_changed(journey, submission_id)


async def test_a_decision_on_another_member_does_not_count_here(world: World, journey: Journey) -> None:
    """T61: a genuine decision, sent to the wrong file."""
    other = await world.member(journey.campaign, verified=True)
    others = await other.until_submitted()
    claim = await world.claim(await world.reviewer())
    assert isinstance(await world.decide(claim), Submission)
    mine = await journey.until_submitted()

    await journey.deliver(others, claim.id, Verdict.APPROVE)

    await ignored(journey, 1)
    assert await journey.status(mine) == "submitted"
    assert await other.status(others) == "submitted"
    # The decision itself is still good where it belongs.
    await other.deliver(others, claim.id, Verdict.APPROVE)
    await other.erased(others)
    assert await journey.status(mine) == "submitted"


async def test_a_submission_nobody_has_heard_of_changes_nothing(journey: Journey) -> None:
    submission_id = await journey.until_submitted()

    await journey.deliver(uuid4(), uuid4(), Verdict.REJECT)

    await ignored(journey, 1)
    await nothing_changed(journey, submission_id)


async def test_a_rejection_is_ignored_where_the_records_approve(world: World, journey: Journey) -> None:
    """T61: the verdict of the signal has to be the one that was written."""
    submission_id = await journey.until_submitted()
    claim = await world.claim(await world.reviewer())
    assert isinstance(await world.decide(claim), Submission)

    await journey.deliver(submission_id, claim.id, Verdict.REJECT)
    await ignored(journey, 1)
    await nothing_changed(journey, submission_id)

    await journey.deliver(submission_id, claim.id, Verdict.APPROVE)
    await journey.erased(submission_id)
    assert await journey.status(submission_id) == "approved"
    assert "rejected" not in await journey.outbox()


async def test_a_picture_replaced_meanwhile_cannot_be_approved(world: World, journey: Journey) -> None:
    """T60: the reviewer looks at the first picture while the member sends a second."""
    first = await journey.until_submitted()
    claim = await world.claim(await world.reviewer())
    second = await journey.upload()
    assert (await journey.submit(second)).refusal is None

    assert await world.decide(claim) is Refusal.NEWER_SUBMISSION
    # The first is erased although nobody decided on it.
    await journey.erased(first)
    await journey.deliver(first, claim.id, Verdict.APPROVE)

    await ignored(journey, 1)
    assert (await journey.status(first), await journey.status(second)) == ("replaced", "submitted")
    assert (await journey.file()).step == Step.REGISTRATION.value
    assert await journey.keys_left(first) == 0
    assert await journey.keys_left(second) == 1
    assert len(await world.files.stored()) == 1


async def test_documents_decided_a_moment_ago_cannot_be_replaced(world: World, journey: Journey) -> None:
    """T60, the other way round: the decision stands, the new picture is refused."""
    first = await journey.until_submitted()
    claim = await world.claim(await world.reviewer())
    assert isinstance(await world.decide(claim), Submission)

    assert (await journey.submit(await journey.upload())).refusal is Refusal.DOCUMENTS_UNDER_REVIEW
    assert (await journey.withdraw(first)).refusal is Refusal.WITHDRAW_TOO_LATE

    await journey.deliver(first, claim.id, Verdict.APPROVE)
    await journey.erased(first)
    assert await journey.status(first) == "approved"


async def test_of_two_reviewers_who_decide_at_once_one_does(world: World, journey: Journey) -> None:
    """T59: a lease ran out, hence two have the case open; one row is written, the other hears so."""
    submission_id = await journey.until_submitted()
    one = await world.claim(await world.reviewer())
    async with world.sessions.begin() as session:
        other = Claim(
            id=uuid4(),
            submission_id=submission_id,
            reviewer_id=await world.reviewer(),
            expires_at=one.expires_at,
        )
        session.add(other)

    answers = await asyncio.gather(
        world.decide(one, Verdict.APPROVE), world.decide(other, Verdict.REJECT, Reason.EXPIRED)
    )

    decided = [answer for answer in answers if isinstance(answer, Submission)]
    assert len(decided) == 1
    assert Refusal.ALREADY_DECIDED in answers
    # Both signals arrive: only the written one counts.
    await journey.deliver(submission_id, one.id, Verdict.APPROVE)
    await journey.deliver(submission_id, other.id, Verdict.REJECT)
    await journey.erased(submission_id)
    await ignored(journey, 1)
    expected = "approved" if answers[0] in decided else "rejected"
    assert await journey.status(submission_id) == expected


async def test_a_decision_finds_its_file_although_the_workflow_is_gone(world: World, journey: Journey) -> None:
    """T64: terminated by hand in Temporal, the file is taken up again from the records."""
    submission_id = await journey.until_submitted()
    await journey.register(*ballots_of("EC"))
    first = (await journey.handle.describe()).run_id
    await journey.handle.terminate()
    claim = await world.claim(await world.reviewer())
    assert isinstance(await world.decide(claim), Submission)

    await journey.deliver(submission_id, claim.id, Verdict.APPROVE)

    await journey.erased(submission_id)
    assert (await journey.handle.describe()).run_id != first
    assert await journey.status(submission_id) == "approved"
    assert (await journey.file()).step == Step.DONE.value
    assert (await journey.actions())["file-opened"] == 1
    assert (await journey.outbox())["approved"] == 1


async def test_an_erasure_under_way_is_taken_up_by_the_next_run(world: World, journey: Journey) -> None:
    """T64: terminated between the decision and the deletion, the next run begins with it."""
    submission_id = await journey.until_submitted()
    await journey.handle.terminate()
    async with world.sessions.begin() as session:
        submission = await session.get(Submission, submission_id)
        assert submission is not None
        await identity.close(session, submission, SubmissionStatus.WITHDRAWN)

    await journey.sign_in()

    await journey.erased(submission_id)
    assert await world.files.stored() == []


async def test_a_decision_undone_in_time_changes_nothing_and_writes_no_mail(world: World, journey: Journey) -> None:
    """The signal has gone; the workflow waits, asks the records, and finds nothing to do."""
    submission_id = await journey.until_submitted()
    reviewer = await world.reviewer()
    claim = await world.claim(reviewer)
    given = await world.give(claim, Verdict.REJECT, undo_for=timedelta(seconds=4))
    await journey.deliver(submission_id, claim.id, Verdict.REJECT, given.undo_until)
    async with world.sessions.begin() as session:
        assert await decisions.undo(session, claim_id=claim.id, reviewer_id=reviewer) is None

    again = await world.claim(reviewer)
    assert again.id != claim.id
    await asyncio.sleep((given.undo_until - datetime.now(UTC)).total_seconds() + 1)
    await nothing_changed(journey, submission_id)
    assert set(await journey.outbox()) == {"documents-received"}
    assert "decision-ignored" not in await journey.actions()

    last = await world.give(again, Verdict.APPROVE)
    await journey.deliver(submission_id, again.id, Verdict.APPROVE, last.undo_until)
    await journey.erased(submission_id)
    assert set(await journey.outbox()) == {"documents-received", "approved"}


async def test_a_signal_that_hurries_waits_for_the_clock_of_the_records(world: World, journey: Journey) -> None:
    """T61: whoever can send a signal cannot take the half minute away."""
    submission_id = await journey.until_submitted()
    claim = await world.claim(await world.reviewer())
    given = await world.give(claim, Verdict.APPROVE, undo_for=timedelta(seconds=3))

    await journey.deliver(submission_id, claim.id, Verdict.APPROVE)

    await journey.erased(submission_id)
    async with world.sessions.begin() as session:
        submission = await session.get(Submission, submission_id)
    assert submission is not None
    assert submission.over_at is not None
    assert submission.over_at >= given.undo_until


async def test_the_same_documents_sent_again_after_a_rejection_are_refused(world: World, journey: Journey) -> None:
    """An old form sent again must not make the workflow believe that there is something to review."""
    submission_id = await journey.until_submitted()
    claim = await world.claim(await world.reviewer())
    assert isinstance(await world.decide(claim, Verdict.REJECT), Submission)
    await journey.deliver(submission_id, claim.id, Verdict.REJECT)
    await journey.erased(submission_id)

    answer = await journey.submit(submission_id)

    assert (answer.refusal, answer.step) == (Refusal.DOCUMENTS_GONE, Step.IDENTITY)
