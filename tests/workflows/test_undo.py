"""Half a minute between a decision and its effect; refusals and appeals; over days that pass in milliseconds."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest_asyncio
from temporalio.client import Client

from portal.rules.identity import SubmissionStatus, Verdict
from portal.rules.onboarding import DeadlineKind, IdentityState, Step
from tests.workflows.fakes import OWN, FakeRecords, a_calendar
from tests.workflows.timelines import Timeline, timeline
from workflows.messages import DecisionMade
from workflows.onboarding import OnboardingWorkflow

APPROVE, REJECT, REFUSE = Verdict
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
UNDO_FOR = 30 * SECOND


@pytest_asyncio.fixture
async def member(client: Client) -> AsyncIterator[Timeline]:
    member = timeline(client, FakeRecords(a_calendar(), email_verified=True))
    async with member.worker():
        await member.open()
        yield member
        await member.handle.terminate()


async def deadline(member: Timeline) -> DeadlineKind:
    progress = await member.handle.query(OnboardingWorkflow.progress)
    assert progress is not None
    return progress.next_deadline


async def test_a_decision_takes_effect_half_a_minute_after_it_was_given_and_not_before(member: Timeline) -> None:
    submission = await member.submit()
    await member.register(*OWN)

    await member.decided(submission, APPROVE, undo_for=UNDO_FOR)
    await member.heard()
    assert "approved" not in member.records.told
    await member.pass_time(25 * SECOND)
    await member.heard()
    assert "approved" not in member.records.told
    await member.pass_time(10 * SECOND)
    await member.heard()

    assert member.records.submissions[submission] is SubmissionStatus.APPROVED
    assert member.records.told.count("approved") == 1
    assert "not yet" not in member.records.told


async def test_an_undone_decision_changes_nothing_and_the_next_one_counts(member: Timeline) -> None:
    submission = await member.submit()
    claim = await member.decided(submission, REJECT, undo_for=UNDO_FOR)
    await member.pass_time(10 * SECOND)
    member.records.undo(claim)
    await member.decided(submission, APPROVE, undo_for=UNDO_FOR)
    await member.pass_time(22 * SECOND)
    await member.heard()
    assert member.records.submissions[submission] is SubmissionStatus.SUBMITTED

    await member.pass_time(60 * SECOND)
    await member.heard()

    assert member.records.submissions[submission] is SubmissionStatus.APPROVED
    assert [w for w in member.records.told if w in ("undone", "rejected", "approved")] == ["undone", "approved"]


async def test_a_signal_that_claims_another_moment_is_taken_to_the_records(member: Timeline) -> None:
    """T61: neither at once nor in a hundred years, but when the records say."""
    submission = await member.submit()
    claim = member.records.decide(submission, APPROVE, undo_for=UNDO_FOR)
    for moment in (None, member.records.now() + 36_500 * DAY):
        await member.handle.signal(OnboardingWorkflow.approve, DecisionMade(submission, claim, moment))
    await member.handle.signal(OnboardingWorkflow.approve, DecisionMade(submission, uuid4(), None))
    await member.heard()
    assert member.records.told[-3:] == ["not yet", "not yet", "ignored"]

    await member.pass_time(35 * SECOND)
    await member.heard()

    assert member.records.told.count("approved") == 1


async def test_the_wait_survives_a_worker_that_dies_meanwhile(client: Client) -> None:
    member = timeline(client, FakeRecords(a_calendar(), email_verified=True))
    async with member.worker():
        await member.open()
        submission = await member.submit()
        await member.decided(submission, APPROVE, undo_for=UNDO_FOR)
        await member.heard()
    await member.pass_time(40 * SECOND)
    assert member.records.submissions[submission] is SubmissionStatus.SUBMITTED
    async with member.worker():
        await member.heard()
        assert member.records.submissions[submission] is SubmissionStatus.APPROVED
        await member.handle.terminate()


async def test_what_was_decided_just_before_the_end_still_takes_effect(client: Client) -> None:
    calendar = a_calendar(opens=DAY, closes=2 * DAY, ends=3 * DAY)
    member = timeline(client, FakeRecords(calendar, email_verified=True))
    async with member.worker():
        await member.open()
        submission = await member.submit()
        await member.register(*OWN)
        await member.pass_time(calendar.ends - member.records.now() - 5 * SECOND)
        await member.decided(submission, APPROVE, undo_for=UNDO_FOR)
        await member.to_the_end()
    assert member.records.submissions[submission] is SubmissionStatus.APPROVED
    assert member.records.told[-1] == "end"
    assert member.records.certified == [submission]


async def test_a_replaced_submission_is_not_decided_by_what_waits_for_its_moment(member: Timeline) -> None:
    """T60: the records would refuse the replacement; whatever they did, the signal is not what decides."""
    first = await member.submit()
    await member.decided(first, APPROVE, undo_for=UNDO_FOR)
    second = await member.submit()
    await member.pass_time(60 * SECOND)
    await member.heard()

    assert member.records.submissions[first] is SubmissionStatus.REPLACED
    assert member.records.submissions[second] is SubmissionStatus.SUBMITTED
    assert "approved" not in member.records.told


async def test_after_a_refusal_nobody_is_reminded_and_the_pictures_are_gone(member: Timeline) -> None:
    submission = await member.submit()
    await member.decided(submission, REFUSE, undo_for=UNDO_FOR)
    await member.pass_time(60 * SECOND)
    await member.heard()

    progress = await member.handle.query(OnboardingWorkflow.progress)
    assert progress is not None
    assert (progress.step, progress.identity) == (Step.REFUSED, IdentityState.REFUSED)
    assert member.records.certified == [submission]
    assert await deadline(member) is DeadlineKind.END
    await member.pass_time(20 * DAY)
    await member.heard()
    assert not [w for w in member.records.told if w.startswith("reminder")]


async def test_an_appeal_answered_in_time_hears_no_apology(member: Timeline) -> None:
    await member.decided(await member.submit(), REFUSE)
    await member.heard()
    appeal = await member.appeal()
    await member.register(*OWN)
    assert await deadline(member) is DeadlineKind.APPEAL
    await member.pass_time(6 * DAY)
    await member.decided(appeal, APPROVE, undo_for=UNDO_FOR)
    await member.pass_time(3 * DAY)
    await member.heard()

    assert member.records.submissions[appeal] is SubmissionStatus.APPROVED
    assert "sorry" not in member.records.told


async def test_a_late_appeal_hears_one_apology_and_is_answered_all_the_same(member: Timeline) -> None:
    await member.decided(await member.submit(), REFUSE)
    await member.heard()
    appeal = await member.appeal()
    await member.register(*OWN)
    await member.pass_time(8 * DAY)
    await member.heard()
    assert member.records.told[-1] == "sorry"
    assert await deadline(member) is DeadlineKind.IDENTITY_EXPIRY
    await member.pass_time(8 * DAY)
    await member.heard()
    assert member.records.told.count("sorry") == 1

    await member.decided(appeal, REFUSE)
    await member.heard()

    assert member.records.submissions[appeal] is SubmissionStatus.REFUSED


async def test_an_appeal_that_is_taken_back_leaves_the_refusal(member: Timeline) -> None:
    await member.decided(await member.submit(), REFUSE)
    await member.heard()
    answer = await member.withdraw(await member.appeal())

    assert answer.step is Step.REFUSED
    progress = await member.handle.query(OnboardingWorkflow.progress)
    assert progress is not None
    assert progress.identity is IdentityState.REFUSED
