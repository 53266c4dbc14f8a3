"""One timer, at the nearest deadline: the member's own reminders, an undecided review, the end of all."""

from datetime import timedelta

from temporalio.client import Client, WorkflowExecutionStatus

from portal.rules.identity import SubmissionStatus, Verdict
from portal.rules.onboarding import DeadlineKind, Step
from tests.workflows.fakes import OWN, FakeRecords, a_calendar
from tests.workflows.timelines import timeline
from workflows.onboarding import OnboardingWorkflow

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def reminders(records: FakeRecords) -> list[str]:
    return [told for told in records.told if told.startswith("reminder")]


async def test_a_member_who_stops_is_reminded_on_day_two_and_day_five(client: Client) -> None:
    records = FakeRecords(a_calendar())
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        assert await member.pass_time(2 * DAY - HOUR)
        assert reminders(records) == []
        assert await member.pass_time(2 * HOUR)
        assert reminders(records) == ["reminder 1"]
        assert await member.pass_time(3 * DAY - 2 * HOUR)
        assert reminders(records) == ["reminder 1"]
        assert await member.pass_time(2 * HOUR)
        assert reminders(records) == ["reminder 1", "reminder 2"]
        # And never again until the member moves.
        assert await member.pass_time(30 * DAY)
        assert reminders(records) == ["reminder 1", "reminder 2"]


async def test_a_step_of_the_members_own_starts_the_reminders_anew(client: Client) -> None:
    records = FakeRecords(a_calendar())
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.pass_time(1.5 * DAY)
        await member.confirm_email()
        await member.pass_time(1.5 * DAY)
        assert reminders(records) == [], "day 2 counts from the last step, not from the first"
        await member.pass_time(1 * DAY)
        assert reminders(records) == ["reminder 1"]
        started, over = await member.timers()
        assert (started, over) == (3, 2), "armed for day 2, again from the step, now for day 5 of it"


async def test_whoever_has_done_everything_is_never_reminded(client: Client) -> None:
    records = FakeRecords(a_calendar())
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.confirm_email()
        submission_id = await member.submit()
        assert (await member.register(*OWN)).step is Step.REVIEW
        await member.pass_time(8 * DAY)
        await member.decided(submission_id, Verdict.APPROVE)
        await member.heard()
        await member.pass_time(20 * DAY)
        assert reminders(records) == []
        assert records.certified == [submission_id]


async def test_nobody_gets_more_than_five_reminders(client: Client) -> None:
    """Two of each step would be eight by the fourth step."""
    records = FakeRecords(a_calendar(closes=timedelta(days=80), ends=timedelta(days=90)))
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.pass_time(6 * DAY)
        await member.confirm_email()
        await member.pass_time(6 * DAY)
        await member.submit()
        await member.pass_time(6 * DAY)
        await member.register(OWN[0])
        await member.pass_time(6 * DAY)
        assert reminders(records) == [f"reminder {nth}" for nth in range(1, 6)]


async def test_after_the_closing_nobody_is_reminded(client: Client) -> None:
    records = FakeRecords(a_calendar(opens=HOUR, closes=3 * DAY, ends=20 * DAY))
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.pass_time(10 * DAY)
        assert reminders(records) == ["reminder 1"], "day 5 lies after the closing"


async def test_a_rejection_gives_the_member_the_turn_and_reminders_count_from_it(client: Client) -> None:
    records = FakeRecords(a_calendar())
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.confirm_email()
        submission_id = await member.submit()
        await member.register(*OWN)
        await member.pass_time(7 * DAY)
        await member.decided(submission_id, Verdict.REJECT)
        await member.heard()
        await member.pass_time(2 * DAY - HOUR)
        assert reminders(records) == []
        await member.pass_time(2 * HOUR)
        assert reminders(records) == ["reminder 1"]


async def test_documents_nobody_decided_on_are_erased_on_day_thirty(client: Client) -> None:
    records = FakeRecords(a_calendar(), email_verified=True)
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        submission_id = await member.submit()
        await member.register(*OWN)
        await member.pass_time(30 * DAY - HOUR)
        assert records.erased == []
        await member.pass_time(2 * HOUR)
        assert records.submissions[submission_id] is SubmissionStatus.EXPIRED
        assert records.certified == [submission_id]
        # The member is asked again, and may send others.
        progress = await member.handle.query(OnboardingWorkflow.progress)
        assert progress is not None
        assert progress.step is Step.IDENTITY
        assert progress.next_deadline is DeadlineKind.REMINDER


async def test_a_decision_on_its_way_wins_over_the_expiry(client: Client) -> None:
    """Written on day 29, its signal lost until day 31."""
    records = FakeRecords(a_calendar(), email_verified=True)
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        submission_id = await member.submit()
        await member.register(*OWN)
        await member.pass_time(29 * DAY)
        records.decide(submission_id, Verdict.APPROVE)
        await member.pass_time(2 * DAY)
        assert records.submissions[submission_id] is SubmissionStatus.SUBMITTED
        await member.decided(submission_id, Verdict.APPROVE)
        await member.heard()
        await member.pass_time(HOUR)
        assert records.submissions[submission_id] is SubmissionStatus.APPROVED
        assert records.certified == [submission_id]


async def test_the_end_of_the_campaign_erases_and_closes_the_file(client: Client) -> None:
    records = FakeRecords(a_calendar(opens=HOUR, closes=9 * DAY, ends=20 * DAY), email_verified=True)
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        submission_id = await member.submit()
        await member.to_the_end()
    assert records.submissions[submission_id] is SubmissionStatus.ABANDONED
    assert records.told[-4:] == ["abandoned", "erase", "certificate", "end"]
    description = await member.handle.describe()
    assert description.status is WorkflowExecutionStatus.COMPLETED
    assert (await member.now()) >= records.calendar.ends


async def test_the_timer_stays_where_it_is_when_its_deadline_moves_later(client: Client) -> None:
    """One timer, of which at most one is open; a member who acts at once arms none."""
    records = FakeRecords(a_calendar())
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.send_verification()
        await member.confirm_email()
        await member.submit()
        for ballot in OWN:
            await member.register(ballot)
        assert await member.timers() == (1, 0)
        # It rings on day 2 for nothing, and is set to the next deadline.
        await member.pass_time(3 * DAY)
        assert await member.timers() == (2, 1)
        assert reminders(records) == []


async def test_the_timer_moves_when_a_nearer_deadline_appears(client: Client) -> None:
    records = FakeRecords(a_calendar(), email_verified=True)
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        submission_id = await member.submit()
        await member.register(*OWN)
        await member.pass_time(3 * DAY)
        # The review waits until day 30; a rejection brings the reminder of day 2 forward.
        await member.decided(submission_id, Verdict.REJECT)
        await member.heard()
        started, over = await member.timers()
        assert (started, over) == (3, 2)
