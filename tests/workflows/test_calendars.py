"""A calendar that moves: every open file follows it, and what was said of the old one is said of the new."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from temporalio.client import Client

from portal.rules.campaigns import Calendar, NoticeKind, notices
from portal.rules.refusals import Refusal
from tests.workflows.fakes import OWN, FakeRecords, a_calendar
from tests.workflows.journeys import refusal_of, until
from tests.workflows.timelines import Timeline, timeline
from workflows.campaigns import CampaignWorkflow
from workflows.onboarding import OnboardingWorkflow

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


async def told(member: Timeline, calendar: Calendar) -> None:
    await member.handle.signal(OnboardingWorkflow.calendar_changed, calendar.version)
    await member.heard()


def marks(records: FakeRecords) -> list[str]:
    return [what for what in records.told if not what.startswith("tell")]


def mark(kind: NoticeKind, instant: datetime) -> str:
    return f"{kind.value}@{int(instant.timestamp())}"


# --- a member's file


async def test_a_closing_moved_later_lets_members_register_longer(client: Client) -> None:
    records = FakeRecords(a_calendar(opens=HOUR, closes=5 * DAY, ends=20 * DAY), email_verified=True)
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.submit()
        await member.pass_time(6 * DAY)
        assert await refusal_of(member.register(OWN[0])) is Refusal.REGISTRATION_CLOSED
        moved = records.move(closes=records.calendar.closes + 3 * DAY)
        # Before its workflow has heard of it as well: the records go by the closing, not the workflow.
        assert (await member.register(OWN[0])).refusal is None
        await told(member, moved)
        assert (await member.register(OWN[1])).refusal is None
        assert "calendar 2" in records.told


async def test_an_end_moved_later_keeps_the_file_open_and_its_timer_as_it_was(client: Client) -> None:
    records = FakeRecords(a_calendar(opens=HOUR, closes=5 * DAY, ends=10 * DAY), email_verified=True)
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.submit()
        await member.register(*OWN)
        await member.pass_time(3 * DAY)
        before = await member.timers()
        await told(member, records.move(ends=records.calendar.ends + 10 * DAY))
        assert await member.timers() == before, "a deadline that moves later costs no timer"
        assert await member.pass_time(8 * DAY), "still open after the old end"
        await member.to_the_end()
    assert (await member.now()) >= records.calendar.ends
    assert records.told[-4:] == ["abandoned", "erase", "certificate", "end"]


async def test_an_end_moved_nearer_is_kept(client: Client) -> None:
    records = FakeRecords(a_calendar(opens=HOUR, closes=5 * DAY, ends=30 * DAY), email_verified=True)
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await told(member, records.move(ends=records.calendar.closes))
        assert not await member.pass_time(6 * DAY), "it has ended meanwhile"
    assert records.ended == 1


async def test_an_older_version_is_ignored(client: Client) -> None:
    records = FakeRecords(a_calendar(opens=HOUR, closes=5 * DAY, ends=10 * DAY))
    member = timeline(client, records)
    older = records.calendar
    async with member.worker():
        records.move(closes=older.closes + DAY)
        newest = records.move(closes=older.closes + 2 * DAY)
        await member.open()
        before = len((await member.handle.fetch_history()).events)
        await told(member, older)
        await told(member, newest)
        progress = await member.handle.query(OnboardingWorkflow.progress)
        assert progress is not None
        assert progress.calendar_version == 3
        assert "calendar 1" not in records.told
        assert "calendar 3" not in records.told
        # A signal and an update each, no timer and no activity besides.
        assert len((await member.handle.fetch_history()).events) <= before + 2 * 9


async def test_a_forged_signal_changes_nothing(client: Client) -> None:
    """Whoever reaches Temporal may claim any version: the file goes by the calendar in the records."""
    records = FakeRecords(a_calendar(opens=HOUR, closes=5 * DAY, ends=10 * DAY), email_verified=True)
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.submit()
        before = await member.handle.query(OnboardingWorkflow.progress)
        timers = await member.timers()
        events = len((await member.handle.fetch_history()).events)
        for forged in (999, -1):
            await member.handle.signal(OnboardingWorkflow.calendar_changed, forged)
            await member.heard()
        # Nor does one that carries a calendar of its own: what is no version is dropped.
        yesterday = await member.now() - DAY
        over = replace(records.calendar, version=999, closes=yesterday, ends=yesterday)
        await member.handle.signal("calendar_changed", over)
        await member.heard()

        assert await member.handle.query(OnboardingWorkflow.progress) == before
        assert await member.timers() == timers
        assert [what for what in records.told if what.startswith("calendar")] == ["calendar 1"], "looked once"
        # Three signals and three updates, and one marker.
        assert len((await member.handle.fetch_history()).events) <= events + 3 * 9 + 1
        # The real one is still heard.
        await told(member, records.move(ends=records.calendar.ends + DAY))
        progress = await member.handle.query(OnboardingWorkflow.progress)
        assert progress is not None
        assert (progress.calendar_version, records.ended) == (2, 0)


async def test_reminders_keep_to_the_new_closing(client: Client) -> None:
    """Day 5 was after the closing, and lies before the new one."""
    records = FakeRecords(a_calendar(opens=HOUR, closes=4 * DAY, ends=30 * DAY))
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.pass_time(3 * DAY)
        await told(member, records.move(closes=records.calendar.closes + 10 * DAY))
        await member.pass_time(3 * DAY)
        assert [w for w in records.told if w.startswith("reminder")] == ["reminder 1", "reminder 2"]


async def test_a_cancelled_campaign_closes_the_file_and_erases_what_it_holds(client: Client) -> None:
    records = FakeRecords(a_calendar(opens=HOUR, closes=5 * DAY, ends=30 * DAY), email_verified=True)
    member = timeline(client, records)
    async with member.worker():
        await member.open()
        await member.submit()
        await member.handle.signal(OnboardingWorkflow.calendar_changed, records.cancel().version)
        await member.handle.result()
    assert records.told[-4:] == ["abandoned", "erase", "certificate", "end"]


# --- the campaign


@pytest.fixture
def campaign(client: Client) -> Timeline:
    return timeline(client, FakeRecords(a_calendar(opens=10 * DAY, closes=22 * DAY, ends=30 * DAY)))


async def test_every_notice_is_queued_once_at_its_instant(campaign: Timeline) -> None:
    records, calendar = campaign.records, campaign.records.calendar
    plan = notices(calendar)
    unplanned = {NoticeKind.CANCELLED, NoticeKind.CLOSING_MOVED, NoticeKind.RESULTS}
    assert [n.kind for n in plan] == [k for k in NoticeKind if k not in unplanned], "all seven, in order"
    async with campaign.worker():
        await campaign.open_campaign()

        async def invited() -> bool:
            return plan[0].mark in records.told

        await until(invited)
        assert marks(records) == [plan[0].mark], "registration opened a fortnight ago"
        for past, notice in enumerate(plan[1:], start=1):
            await campaign.pass_time(notice.due - await campaign.now() - MINUTE)
            assert marks(records) == [n.mark for n in plan[:past]], "not a minute early"
            await campaign.pass_time(2 * MINUTE)
            assert marks(records) == [n.mark for n in plan[: past + 1]]
        await campaign.to_the_end()
    assert marks(records) == [n.mark for n in plan]
    assert records.told.count("tell 1") == 1
    assert (await campaign.now()) >= calendar.ends


async def test_the_campaign_has_one_timer_at_a_time(campaign: Timeline) -> None:
    async with campaign.worker():
        await campaign.open_campaign()
        await campaign.to_the_end()
    # One for each notice but the first, which was due at once, and one for the end.
    assert await campaign.timers() == (7, 7)


async def test_a_moved_closing_is_announced_again(campaign: Timeline) -> None:
    records, old = campaign.records, campaign.records.calendar
    async with campaign.worker():
        await campaign.open_campaign()
        # The 48 hours' notice of the old closing has been given.
        await campaign.pass_time(old.closes - await campaign.now() - 47 * HOUR)
        assert mark(NoticeKind.TWO_DAYS, old.closes) in records.told
        new = records.move(closes=old.closes + 5 * DAY, ends=old.ends + 5 * DAY)
        await campaign.handle.signal(CampaignWorkflow.calendar_changed, new.version)
        await campaign.to_the_end()
    said = marks(records)
    assert len(said) == len(set(said)), "nothing twice"
    assert records.told.count("tell 2") == 2, "a file being opened in that moment is found by the second look"
    for kind in (NoticeKind.TWO_DAYS, NoticeKind.FOUR_HOURS, NoticeKind.CLOSED):
        assert mark(kind, new.closes) in said
    assert mark(NoticeKind.CLOSED, old.closes) not in said
    assert mark(NoticeKind.FOUR_HOURS, old.closes) not in said
    # The opening did not move: it is not announced again.
    assert [s for s in said if s.startswith("voting-open")] == [mark(NoticeKind.VOTING_OPEN, old.opens)]
    assert said.count("invitation") == 1


async def test_a_cancelled_campaign_says_so_tells_every_file_and_ends(campaign: Timeline) -> None:
    records = campaign.records
    records.files_left = [0, 2, 0, 0]
    async with campaign.worker():
        await campaign.open_campaign()
        await campaign.pass_time(DAY)
        await campaign.handle.signal(CampaignWorkflow.calendar_changed, records.cancel().version)
        await campaign.to_the_end()
    assert marks(records) == ["invitation", "cancelled"], "nothing else is ever said"
    assert records.told.count("tell 2") == 3


async def test_a_moved_closing_is_told_at_once_and_again_when_it_moves_again(campaign: Timeline) -> None:
    """T83: everybody, by a notice of its own that names the new closing."""
    records, old = campaign.records, campaign.records.calendar
    said: list[str] = []
    async with campaign.worker():
        await campaign.open_campaign()
        await campaign.pass_time(12 * DAY)
        for days in (2, 3):
            new = records.move(
                closes=old.closes + days * DAY, ends=old.ends + days * DAY, closing_moved_at=await campaign.now()
            )
            await campaign.handle.signal(CampaignWorkflow.calendar_changed, new.version)
            said.append(mark(NoticeKind.CLOSING_MOVED, new.closes))

            async def is_told(wanted: str = said[-1]) -> bool:
                return wanted in records.told

            await until(is_told)
        await campaign.to_the_end()
    assert [m for m in marks(records) if m.startswith("closing-moved")] == said


async def test_results_are_told_once_while_the_campaign_runs(campaign: Timeline) -> None:
    records, calendar = campaign.records, campaign.records.calendar
    async with campaign.worker():
        await campaign.open_campaign()
        await campaign.pass_time(calendar.closes - await campaign.now() + DAY)
        out = await campaign.now()
        await campaign.handle.signal(CampaignWorkflow.calendar_changed, records.move(results_at=out).version)
        await campaign.to_the_end()
    assert marks(records)[-1] == mark(NoticeKind.RESULTS, out)
    assert len(marks(records)) == len(set(marks(records)))


async def test_a_campaign_whose_files_are_closed_is_run_again_for_its_results_alone(client: Client) -> None:
    """A new run remembers nothing of what was sent: what was for its time is past, and only this is not."""
    calendar = a_calendar(opens=-30 * DAY, closes=-20 * DAY, ends=-5 * DAY)
    records = FakeRecords(calendar)
    campaign = timeline(client, records)
    records.move(results_at=records.now() - HOUR)
    async with campaign.worker():
        await campaign.open_campaign()
        await campaign.to_the_end()
    assert marks(records) == [mark(NoticeKind.RESULTS, records.calendar.results_at)]  # type: ignore[arg-type]


async def test_what_is_past_its_point_is_skipped(client: Client) -> None:
    """A campaign taken up an hour before its closing, after a long outage."""
    calendar = a_calendar(opens=-10 * DAY, closes=HOUR, ends=5 * DAY)
    records = FakeRecords(calendar)
    campaign = timeline(client, records)
    async with campaign.worker():
        await campaign.open_campaign()
        await campaign.to_the_end()
    said = marks(records)
    assert mark(NoticeKind.BEFORE_OPENING, calendar.opens) not in said
    assert mark(NoticeKind.HALF_WAY, calendar.closes) not in said
    assert mark(NoticeKind.TWO_DAYS, calendar.closes) not in said
    assert said[-2:] == [
        mark(NoticeKind.FOUR_HOURS, calendar.closes),
        mark(NoticeKind.CLOSED, calendar.closes),
    ]


async def test_files_that_have_not_heard_are_told_again(campaign: Timeline) -> None:
    campaign.records.files_left = [3, 1, 0]
    async with campaign.worker():
        await campaign.open_campaign()
        await campaign.pass_time(HOUR)
    assert [w for w in campaign.records.told if w.startswith("tell")] == ["tell 1"] * 3


async def test_a_file_opened_while_the_calendar_moves_is_told_as_well(campaign: Timeline) -> None:
    """Written with the old version after the first look had found nothing."""
    records = campaign.records
    async with campaign.worker():
        await campaign.open_campaign()
        await campaign.pass_time(HOUR)
        assert records.told.count("tell 1") == 1, "who starts has nothing to look for again"
        records.files_left = [0, 1, 0, 0]
        moved = records.move(closes=records.calendar.closes + DAY)
        await campaign.handle.signal(CampaignWorkflow.calendar_changed, moved.version)
        await campaign.pass_time(HOUR)
        assert records.told.count("tell 2") == 4, "until two looks in a row find none"


async def test_a_file_that_never_takes_the_calendar_up_holds_up_nobodys_notice(client: Client) -> None:
    """One broken file among 25,000 must not keep the others from hearing that voting is open."""
    calendar = a_calendar(opens=HOUR / 2, closes=20 * DAY, ends=30 * DAY)
    records = FakeRecords(calendar)
    records.files_left = [1]
    campaign = timeline(client, records)
    async with campaign.worker():
        await campaign.open_campaign()
        await campaign.pass_time(HOUR)
        assert mark(NoticeKind.VOTING_OPEN, calendar.opens) in records.told
        assert records.told.count("tell 1") > 30, "it is asked again every minute"
        await campaign.handle.terminate()
