"""Records one history per path into `histories/`: `python -m tests.workflows.record`.

Run it when workflow code changes on purpose, and only before the change is released: files of a released
version are what running members have lived through, and stay.
"""

import asyncio
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from deploy.servers import start_temporal
from portal.rules.doors import Door
from portal.rules.identity import Verdict
from portal.temporal import connect
from tests.workflows.door_timelines import DoorTimeline, door_timeline
from tests.workflows.fakes import OWN, FakeRecords, a_calendar
from tests.workflows.lease_stories import LEASE_STORIES, lease_story
from tests.workflows.timelines import Timeline, timeline
from workflows.campaigns import CampaignWorkflow
from workflows.messages import DecisionMade
from workflows.onboarding import OnboardingWorkflow

HISTORIES = Path(__file__).parent / "histories"

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


async def to_review(member: Timeline) -> None:
    await member.open()
    await member.send_verification()
    await member.confirm_email()
    await member.submit()


async def decided(member: Timeline, verdict: Verdict) -> None:
    assert member.records.live is not None
    await member.decided(member.records.live, verdict)
    await member.heard()


async def approved(member: Timeline) -> None:
    await to_review(member)
    await member.register(*OWN)
    await decided(member, Verdict.APPROVE)
    await member.to_the_end()


async def rejected_then_approved(member: Timeline) -> None:
    await to_review(member)
    await member.register(*OWN)
    await decided(member, Verdict.REJECT)
    await member.pass_time(3 * DAY)
    await member.submit()
    # A forged signal, and the same picture sent once more, on the way.
    member.records.decisions.clear()
    assert member.records.live is not None
    await member.handle.signal(OnboardingWorkflow.approve, DecisionMade(member.records.live, uuid4()))
    await member.submit()
    await decided(member, Verdict.APPROVE)
    await member.to_the_end()


async def expired(member: Timeline) -> None:
    await member.open()
    await member.pass_time(6 * DAY)
    await member.confirm_email()
    await member.submit()
    await member.pass_time(31 * DAY)
    await member.withdraw(await member.submit())
    await member.to_the_end()


async def moved_calendar(member: Timeline) -> None:
    await to_review(member)
    old = member.records.calendar
    new = member.records.move(closes=old.closes + 10 * DAY, ends=old.ends + 10 * DAY)
    for calendar in (new, old):
        await member.handle.signal(OnboardingWorkflow.calendar_changed, calendar.version)
    await member.register(*OWN[:3])
    await member.pass_time(10 * DAY)
    # A forged one on the way.
    await member.handle.signal(OnboardingWorkflow.calendar_changed, 999)
    await member.heard()
    nearer = member.records.move(ends=new.closes)
    await member.handle.signal(OnboardingWorkflow.calendar_changed, nearer.version)
    await member.to_the_end()


async def cancelled(member: Timeline) -> None:
    await to_review(member)
    member.records.store_away = 3
    await member.register(OWN[0])
    await member.handle.cancel()
    with suppress(WorkflowFailureError):
        await member.handle.result()


async def seven_registrations(member: Timeline) -> None:
    await to_review(member)
    for ballot in OWN:
        await member.register(ballot)
    await decided(member, Verdict.APPROVE)
    await member.to_the_end()


UNDO_FOR = timedelta(seconds=30)


async def undone(member: Timeline) -> None:
    await to_review(member)
    await member.register(*OWN)
    assert member.records.live is not None
    claim = await member.decided(member.records.live, Verdict.REJECT, undo_for=UNDO_FOR)
    await member.heard()
    await member.pass_time(timedelta(seconds=10))
    member.records.undo(claim)
    await member.decided(member.records.live, Verdict.APPROVE, undo_for=UNDO_FOR)
    await member.pass_time(timedelta(minutes=2))
    await member.heard()
    await member.to_the_end()


async def refused(member: Timeline) -> UUID:
    """By two reviewers, after everything else was done; then contested."""
    await to_review(member)
    await member.register(*OWN)
    assert member.records.live is not None
    await member.decided(member.records.live, Verdict.REFUSE, undo_for=UNDO_FOR)
    await member.pass_time(timedelta(minutes=2))
    await member.heard()
    await member.pass_time(3 * DAY)
    return await member.appeal()


async def refused_then_appealed(member: Timeline) -> None:
    await member.withdraw(await refused(member))
    appeal = await member.appeal()
    await member.pass_time(2 * DAY)
    # A signal that comes too early by the clock of the records, on the way.
    claim = member.records.decide(appeal, Verdict.APPROVE, undo_for=UNDO_FOR)
    await member.handle.signal(OnboardingWorkflow.approve, DecisionMade(appeal, claim))
    await member.heard()
    await member.pass_time(timedelta(minutes=2))
    await member.heard()
    await member.to_the_end()


async def late_appeal(member: Timeline) -> None:
    appeal = await refused(member)
    await member.pass_time(8 * DAY)
    await member.heard()
    await member.decided(appeal, Verdict.REFUSE, undo_for=UNDO_FOR)
    await member.pass_time(timedelta(minutes=2))
    await member.heard()
    await member.to_the_end()


async def campaign(timeline: Timeline) -> None:
    timeline.records.files_left = [2, 1, 0]
    await timeline.open_campaign()
    await timeline.pass_time(12 * DAY)
    moved = timeline.records.move(closes=timeline.records.calendar.closes + DAY)
    await timeline.handle.signal(CampaignWorkflow.calendar_changed, moved.version)
    await timeline.to_the_end()


STORIES: dict[str, Callable[[Timeline], Awaitable[None]]] = {
    "approved": approved,
    "rejected-then-approved": rejected_then_approved,
    "expired": expired,
    "moved-calendar": moved_calendar,
    "cancelled": cancelled,
    "seven-registrations": seven_registrations,
    "undone": undone,
    "refused-then-appealed": refused_then_appealed,
    "late-appeal": late_appeal,
    "campaign": campaign,
}


# --- the doors


async def door_accepted(story: DoorTimeline) -> None:
    await story.open(Door.REGISTER_EMAIL)
    await story.until_looked(1)
    # A forged signal on the way.
    await story.handle.signal("decided")
    await story.pass_time(3 * DAY)
    await story.proven()
    await story.until_told("received")
    await story.decided(accept=True)
    await story.handle.result()


async def door_late(story: DoorTimeline) -> None:
    story.records.returned = True
    await story.open(Door.JOIN)
    await story.proven()
    await story.until_told("received")
    await story.pass_time(6 * DAY)
    await story.until_told("late")
    await story.decided(accept=True)
    await story.until_told("returned")
    await story.decided(accept=False)
    await story.handle.result()


async def door_still_waiting(story: DoorTimeline) -> None:
    await story.open(Door.REGISTER_EMAIL)
    await story.proven()
    await story.until_told("received")
    await story.pass_time(6 * DAY)
    await story.until_told("late")
    for turn in (1, 2):
        await story.pass_time(2 * DAY)
        await story.until_told(f"still-waiting-{turn}")
    await story.decided(accept=False)
    await story.handle.result()


async def door_lapsed(story: DoorTimeline) -> None:
    await story.open(Door.JOIN)
    await story.until_looked(1)
    await story.pass_time(8 * DAY)
    await story.handle.result()


async def renewal_used(story: DoorTimeline) -> None:
    await story.open()
    await story.until_looked(1)
    await story.handle.signal("used")
    await story.until_looked(2)
    story.records.used = True
    await story.handle.signal("used")
    await story.handle.result()


async def renewal_unused(story: DoorTimeline) -> None:
    await story.open()
    await story.until_looked(1)
    await story.pass_time(2 * HOUR)
    await story.handle.result()


DOOR_STORIES: dict[str, Callable[[DoorTimeline], Awaitable[None]]] = {
    "door-accepted": door_accepted,
    "door-late": door_late,
    "door-still-waiting": door_still_waiting,
    "door-lapsed": door_lapsed,
    "renewal-used": renewal_used,
    "renewal-unused": renewal_unused,
}


async def lived(client: Client, name: str) -> WorkflowHandle[Any, Any]:
    """The workflow of a story, once it has been told to its end."""
    if name in LEASE_STORIES:
        lease = lease_story(client)
        async with lease.worker():
            await LEASE_STORIES[name](lease)
        return lease.handle
    if name in DOOR_STORIES:
        story = door_timeline(client)
        async with story.worker():
            await DOOR_STORIES[name](story)
        return story.handle
    told = timeline(client, FakeRecords(a_calendar()))
    async with told.worker():
        await STORIES[name](told)
    return told.handle


async def record(address: str, names: list[str]) -> None:
    client = await connect(address, "default")
    for name in names:
        handle = await lived(client, name)
        history = (await handle.fetch_history()).to_json()
        # Who recorded it, and where, is nobody's business.
        history = re.sub(r'"\d+@[\w.-]+"', '"tests"', history)
        history = re.sub(r'"stackTrace": *"(?:[^"\\]|\\.)*"', '"stackTrace": ""', history)
        events = json.loads(history)["events"]
        # One event a line.
        lines = ",\n".join(json.dumps(event, ensure_ascii=False) for event in events)
        (HISTORIES / f"{name}.json").write_text(f'{{"events": [\n{lines}\n]}}\n', encoding="utf-8")
        print(f"{name}: {len(events)} events")  # noqa: T201


def main() -> None:
    names = sys.argv[1:] or [*STORIES, *DOOR_STORIES, *LEASE_STORIES]
    HISTORIES.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="record-"))
    server = start_temporal(folder)
    try:
        asyncio.run(record(server.address, names))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
