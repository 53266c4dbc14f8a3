"""The doors over time: every request ends with an answer, and no signal is believed."""

from datetime import timedelta

import pytest
from temporalio.client import Client

from portal.rules.doors import Door
from tests.workflows.door_timelines import door_timeline

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("door", Door)
async def test_a_request_is_proven_received_accepted_and_the_file_looks_again(client: Client, door: Door) -> None:
    story = door_timeline(client)
    async with story.worker():
        await story.open(door)
        await story.until_looked(1)
        await story.proven()
        await story.until_told("received")
        await story.decided(accept=True)
        await story.handle.result()
    assert story.records.told == ["received", "accepted", "file"]


@pytest.mark.parametrize("door", Door)
async def test_a_request_nobody_proves_is_reminded_of_once_and_closed_after_a_week(client: Client, door: Door) -> None:
    story = door_timeline(client)
    async with story.worker():
        await story.open(door)
        await story.until_looked(1)
        await story.pass_time(2 * DAY - HOUR)
        assert story.records.told == []
        await story.pass_time(2 * HOUR)
        await story.until_told("proof-reminder")
        await story.pass_time(5 * DAY)
        await story.handle.result()
    assert story.records.told == ["proof-reminder", "lapse"]


async def test_staff_are_reminded_the_person_hears_an_apology_and_the_request_goes_on_waiting(client: Client) -> None:
    """Brief §3.6: reminder after 2 days, answer promised in 5; then staff hear of it every 2 days, without end."""
    story = door_timeline(client)
    async with story.worker():
        await story.open(Door.JOIN)
        await story.until_looked(1)
        await story.pass_time(DAY)
        await story.proven()
        await story.until_told("received")
        await story.pass_time(2 * DAY + HOUR)
        await story.until_told("staff-reminder")
        assert story.records.told == ["received", "staff-reminder"]
        await story.pass_time(3 * DAY)
        await story.until_told("late")
        assert story.records.told == ["received", "staff-reminder", "late"]
        for turn in (1, 2, 3):
            await story.pass_time(2 * DAY)
            await story.until_told(f"still-waiting-{turn}")
        assert story.records.told[3:] == ["still-waiting-1", "still-waiting-2", "still-waiting-3"]
        await story.decided(accept=False)
        await story.handle.result()
    assert story.records.told[-1] == "refused"
    assert "file" not in story.records.told


async def test_after_a_long_silence_staff_hear_of_it_once(client: Client) -> None:
    """A workflow that was ended by hand and is started again sends no pile of reminders."""
    story = door_timeline(client)
    story.records.prove()
    assert story.records.proven_at is not None
    story.records.proven_at -= 14 * DAY
    async with story.worker():
        await story.open(Door.JOIN)
        await story.until_told("still-waiting-4")
        assert story.records.told == ["received", "staff-reminder", "late", "still-waiting-4"]
        await story.decided(accept=False)
        await story.handle.result()


async def test_a_forged_signal_changes_nothing(client: Client) -> None:
    """T61: the row is the truth; a signal only wakes the workflow up."""
    story = door_timeline(client)
    async with story.worker():
        await story.open(Door.REGISTER_EMAIL)
        await story.until_looked(1)
        await story.handle.signal("decided")
        await story.until_looked(2)
        await story.handle.signal("proven")
        await story.until_looked(3)
        assert story.records.told == []
        await story.proven()
        await story.until_told("received")
        looks = story.records.looks
        for _ in range(3):
            await story.handle.signal("decided")
        await story.until_looked(looks + 1)
        assert story.records.told == ["received"]
        await story.decided(accept=True)
        await story.handle.result()


async def test_a_decision_that_no_longer_fits_goes_back_to_the_desk_and_the_next_one_counts(client: Client) -> None:
    story = door_timeline(client)
    story.records.returned = True
    async with story.worker():
        await story.open(Door.JOIN)
        await story.proven()
        await story.until_told("received")
        await story.decided(accept=True)
        await story.until_told("returned")
        assert story.records.told == ["received", "returned"]
        await story.decided(accept=False)
        await story.handle.result()
    assert story.records.told == ["received", "returned", "refused"]


async def test_what_happened_before_the_workflow_started_is_found_in_the_records(client: Client) -> None:
    """A start that was lost: by the time it is delivered, somebody may have decided."""
    story = door_timeline(client)
    story.records.prove()
    story.records.decide(accept=True)
    async with story.worker():
        await story.open(Door.REGISTER_EMAIL)
        await story.handle.result()
    assert story.records.told == ["accepted", "file"]


async def test_records_that_are_away_only_delay_it(client: Client) -> None:
    story = door_timeline(client)
    story.records.records_away = 3
    async with story.worker(max_cached_workflows=0):
        await story.open(Door.JOIN)
        await story.proven()
        await story.until_told("received")
        await story.decided(accept=False)
        await story.handle.result()


async def test_a_renewal_that_is_used_closes_at_once(client: Client) -> None:
    story = door_timeline(client)
    async with story.worker():
        await story.open()
        await story.until_looked(1)
        await story.handle.signal("used")
        await story.until_looked(2)
        assert story.records.told == []
        story.records.used = True
        await story.handle.signal("used")
        await story.handle.result()
    assert story.records.told == ["used", "file"]


async def test_a_renewal_nobody_uses_ends_with_its_link(client: Client) -> None:
    story = door_timeline(client)
    async with story.worker():
        await story.open()
        await story.until_looked(1)
        await story.pass_time(2 * HOUR)
        await story.handle.result()
    assert story.records.told == ["unused"]
