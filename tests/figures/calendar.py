"""A calendar moved under open files, and a worker killed in the middle: `python -m tests.figures.calendar 25000`."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import text

from portal.rules.accounts import Role
from portal.rules.campaign_changes import ChangeKind
from portal.store import campaign_changes
from portal.store.campaigns import Campaign
from portal.temporal import TASK_QUEUE
from tests import builders
from tests.figures.crowd import CROWD
from tests.figures.ground import Ground, ground
from worker.standing import ensure
from workflows.calls import tell_campaign
from workflows.messages import MemberToOnboard, workflow_id
from workflows.onboarding import OnboardingWorkflow

# How many open files, unless somebody says; and how many are started at once.
MEMBERS = 300
AT_ONCE = 48
# Given up, and said so, after this long.
PATIENCE = 1800.0


async def count(there: Ground, statement: str, **values: object) -> int:
    async with there.sessions.begin() as session:
        return int(await session.scalar(text(statement), values) or 0)


async def on_file(there: Ground, campaign: Campaign, members: int) -> Sequence[UUID]:
    """So many members, each with an open workflow that has read the records."""
    async with there.sessions.begin() as session:
        for statement in CROWD[:2]:
            await session.execute(text(statement), {"members": members} if ":members" in statement else {})
        ids = list(await session.scalars(text("select id from member where given_name = 'Membre'")))
    limit = asyncio.Semaphore(AT_ONCE)

    async def begin(member_id: UUID) -> None:
        async with limit:
            await there.client.start_workflow(
                OnboardingWorkflow.run, MemberToOnboard(campaign.id, member_id),
                id=workflow_id(campaign.code, member_id), task_queue=TASK_QUEUE,
            )  # fmt: skip

    for at in range(0, len(ids), 2000):
        await asyncio.gather(*(begin(member_id) for member_id in ids[at : at + 2000]))
    began = time.perf_counter()
    while await count(there, "select count(*) from onboarding") < members:
        assert time.perf_counter() - began < PATIENCE, "files are not being opened"
        await asyncio.sleep(1)
    return ids


async def move(there: Ground, campaign: Campaign, by: timedelta) -> int:
    """One officer proposes, another confirms, and the campaign's workflow is told, as the page does it."""
    async with there.sessions.begin() as session:
        officers = [(await builders.a_staff_account(session, Role.OFFICER)).id for _ in range(2)]
        wanted = {
            "closes": (campaign.closes + by).isoformat(), "reason_fr": "Mesure", "reason_en": "Measurement",
        }  # fmt: skip
        change_id = await campaign_changes.propose(
            session, campaign.id, ChangeKind.MOVE, by=officers[0], wanted=wanted, reason=None
        )
        proposal = await campaign_changes.one(session, campaign.id, change_id)
        assert proposal is not None
        refused = await campaign_changes.confirm(session, proposal, by=officers[1])
        assert refused is None, refused
    version = await count(there, "select calendar_version from campaign")
    await tell_campaign(there.client, campaign.code, version)
    return version


async def taken_up(there: Ground, version: int, *, killed_at: int | None = None) -> float:
    """How long until every file goes by this version. The background worker is killed once so many do."""
    began = time.perf_counter()
    while True:
        left = await count(there, "select count(*) from onboarding where calendar_version < :v", v=version)
        if left == 0:
            return time.perf_counter() - began
        assert time.perf_counter() - began < PATIENCE, f"{left} files have not heard"
        if killed_at is not None and left <= killed_at:
            killed_at = None
            there.workers["background"].kill()
            there.restart("background")
        await asyncio.sleep(0.1)


async def figures(folder: Path, *, members: int) -> None:
    async with ground(folder) as there:
        async with there.sessions.begin() as session:
            campaign = await builders.a_campaign(session, opens=timedelta(days=10), closes=timedelta(days=20))
        began = time.perf_counter()
        await on_file(there, campaign, members)
        print(f"\nA calendar moved under {members:,} open files (opened in {time.perf_counter() - began:.0f} s)")
        await ensure(there.client, there.sessions)
        for name, days, killed_at in (("nobody dies", 1, None), ("the background worker is killed", 2, members // 2)):
            version = await move(there, campaign, timedelta(days=days))
            took = await taken_up(there, version, killed_at=killed_at)
            running = await there.client.count_workflows(
                "WorkflowType = 'OnboardingWorkflow' and ExecutionStatus = 'Running'"
            )
            told = await count(there, "select count(*) from onboarding where calendar_version = :v", v=version)
            print(
                f"  {name:<32} {took:6.1f} s, {members / took:5.0f} files a second; {told:,} of {members:,} have taken"
                f" it up, {running.count:,} workflows run"
            )


async def main() -> None:
    members = int(sys.argv[1]) if len(sys.argv) > 1 else MEMBERS
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        await figures(Path(name), members=members)
    await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(main())
