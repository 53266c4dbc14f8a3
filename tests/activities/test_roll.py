"""A confirmed import applied batch by batch: killed in between, repeated, overtaken; and its files told."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.facts import Facts
from activities.onboarding import OnboardingActivities, Remind
from activities.rendering import Letters
from activities.roll import BatchOf, ImportOf, RollActivities
from activities.sweep import SweepActivities
from portal.rules.mail import MailKind
from portal.rules.roll import BATCH, DRAFT_KEPT, ImportStatus
from portal.store import Sessions, accounts, members, onboarding, roll, roll_apply, roll_diff
from tests import builders
from tests.activities.conftest import POLICY
from tests.activities.mails import queue
from tests.activities.stories import written as letter
from tests.roll_files import a_roll_draft, confirmed, line, line_of, written
from tests.store.cases import run

Look = Callable[[str, UUID], Awaitable[None]]


async def nobody(code: str, member_id: UUID) -> None:
    raise AssertionError("nobody has a file")


async def apply_all(as_worker: Sessions, import_id: UUID, rows: int, look: Look = nobody) -> None:
    activities, env = RollActivities(as_worker, look), ActivityEnvironment()
    assert (await env.run(activities.read_roll_plan, ImportOf(import_id))).rows == rows
    for batch in range(-(-rows // BATCH)):
        applied = await env.run(activities.apply_roll_batch, BatchOf(import_id, batch))
        if applied.to_tell:
            await env.run(activities.tell_roll_batch, BatchOf(import_id, batch))
    await env.run(activities.finish_roll_import, ImportOf(import_id))


async def counted(sessions: Sessions, statement: str) -> int:
    async with sessions.begin() as session:
        return int(await session.scalar(text(statement)) or 0)


def many(count: int, **more: str) -> list[dict[str, str]]:
    return [line(number=f"{990_000 + n}", email=f"p{n}@exemple.test", **more) for n in range(count)]


async def test_a_worker_that_dies_between_batches_loses_and_doubles_nothing(
    sessions: Sessions, as_worker: Sessions
) -> None:
    rows = BATCH * 2 + 7
    import_id = await a_roll_draft(sessions, written(many(rows)))
    assert await confirmed(sessions, import_id) == rows
    activities, env = RollActivities(as_worker, nobody), ActivityEnvironment()
    await env.run(activities.apply_roll_batch, BatchOf(import_id, 0))
    # The second batch is under way when its worker dies.
    async with as_worker() as session:
        await roll_apply.apply(session, import_id, 1)
        await session.rollback()
    assert await counted(sessions, "select applied from roll_import") == BATCH
    await asyncio.gather(*(env.run(activities.apply_roll_batch, BatchOf(import_id, 1)) for _ in range(3)))
    await apply_all(as_worker, import_id, rows)
    await apply_all(as_worker, import_id, rows)

    assert await counted(sessions, "select count(*) from member") == rows
    assert (
        await counted(sessions, "select count(*) from account where member_id is not null and email like 'p%'") == rows
    )
    assert await counted(sessions, "select count(*) from journal where action = 'roll-added'") == rows
    assert await counted(sessions, "select count(*) from journal where action = 'roll-imported'") == 1
    assert await counted(sessions, "select applied from roll_import where status = 'done'") == rows
    assert await counted(sessions, "select count(*) from roll_line") == 0
    again = await a_roll_draft(sessions, written(many(rows)))
    assert await confirmed(sessions, again) == 0, "the same file again changes nothing"


@pytest.mark.parametrize("batches", [0, 1])
async def test_an_import_is_stopped_between_two_batches(
    sessions: Sessions, as_api: Sessions, as_worker: Sessions, batches: int
) -> None:
    """Whatever holds it up: what is done stays and is reported, no batch is half done, the next file is taken."""
    rows = BATCH + 7
    import_id = await a_roll_draft(sessions, written(many(rows)))
    await confirmed(sessions, import_id)
    activities, env = RollActivities(as_worker, nobody), ActivityEnvironment()
    for batch in range(batches):
        await env.run(activities.apply_roll_batch, BatchOf(import_id, batch))
    with pytest.raises(IntegrityError, match="whoever stops an import"):
        await run(as_api, "update roll_import set status = 'done', live = null")
    async with as_worker() as working:
        # A batch under way is waited for; its worker dies, and none of it is written.
        await roll_apply.apply(working, import_id, batches)

        async def stop() -> ImportStatus:
            async with as_api.begin() as session:
                entry = await roll.held(session, import_id)
                assert entry is not None
                return await roll.stop(session, entry, entry.confirmed_by or entry.uploaded_by)

        stopping = asyncio.create_task(stop())
        await asyncio.sleep(0.2)
        assert not stopping.done()
        await working.rollback()
    assert await stopping is (ImportStatus.DONE if batches else ImportStatus.ABANDONED)
    # Its workflow, whenever it goes on, comes to its end and does nothing more.
    await apply_all(as_worker, import_id, rows)
    assert await counted(sessions, "select count(*) from member") == batches * BATCH
    assert await counted(sessions, "select count(*) from roll_change where applied_at is not null") == batches * BATCH
    assert await counted(sessions, "select count(*) from journal where action = 'roll-imported'") == 0
    assert await counted(sessions, "select count(*) from roll_line") == 0
    async with sessions.begin() as session:
        assert len(await roll_diff.reported(session, import_id)) == batches * BATCH
    again = await a_roll_draft(sessions, written(many(rows)))
    assert await confirmed(sessions, again) == rows - batches * BATCH


async def test_only_what_was_planned_is_written(sessions: Sessions, as_worker: Sessions) -> None:
    """T67: what the desk of the doors did meanwhile stands; a name or address that changes forgets the identity."""
    async with sessions.begin() as session:
        member = await builders.a_member(session, standing="dues-payer", verified=True)
        await members.verify_identity(session, member.id)
        account = await accounts.of_member(session, member.id)
    assert account is not None
    import_id = await a_roll_draft(sessions, written([line_of(member, account.email, city="Ottawa", language="en")]))
    rows = await confirmed(sessions, import_id)
    await run(sessions, "update member set standing = 'member'")
    await apply_all(as_worker, import_id, rows)

    async with sessions.begin() as session:
        after = await members.by_id(session, member.id)
        assert after is not None
        assert (after.standing, after.city, after.language) == ("member", "Ottawa", "en")
        assert after.identity_verified_at is None
        entry = (await session.execute(text("select actor, code from journal where action = 'roll-changed'"))).one()
    assert entry == ("operator", "address,language")


async def test_who_is_gone_is_kept_and_comes_back_on_the_next_file(sessions: Sessions, as_worker: Sessions) -> None:
    async with sessions.begin() as session:
        member = await builders.a_member(session)
    first = await a_roll_draft(sessions, written([line()]))
    await apply_all(as_worker, first, await confirmed(sessions, first))
    assert await counted(sessions, "select count(*) from member where left_at is not null") == 1
    second = await a_roll_draft(sessions, written([line(), line_of(member)]))
    await apply_all(as_worker, second, await confirmed(sessions, second))

    assert await counted(sessions, "select count(*) from member where left_at is null") == 2
    trail = "select count(*) from journal where member_id is not null and action = '{}'"
    assert [await counted(sessions, trail.format(a)) for a in ("roll-left", "roll-returned")] == [1, 1]


async def test_what_was_overtaken_is_left_alone_and_said(sessions: Sessions, as_worker: Sessions) -> None:
    """T18: an address proven since; and a number that the desk of the doors has given meanwhile."""
    async with sessions.begin() as session:
        member = await builders.a_member(session)
    import_id = await a_roll_draft(sessions, written([line(), line_of(member, "nouveau@exemple.test")]))
    rows = await confirmed(sessions, import_id)
    await run(sessions, "update account set email_verified_at = now() where member_id is not null")
    async with sessions.begin() as session:
        await members.enrol(
            session, number="990001", given_name="Marie", family_name="Rollet", street="x", city="x", province="ON",
            postal_code="K1A 0B1", group="TR", standing="member", language="fr",
        )  # fmt: skip
    await apply_all(as_worker, import_id, rows)

    assert await counted(sessions, "select count(*) from roll_change where overtaken") == 2
    assert await counted(sessions, "select count(*) from account where email = 'nouveau@exemple.test'") == 0
    assert await counted(sessions, "select count(*) from member where number = '990001' and \"group\" = 'TR'") == 1


async def test_open_files_of_those_touched_look_again_and_no_others(sessions: Sessions, as_worker: Sessions) -> None:
    """One that does not answer is asked again; those that heard are not."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        moved, spoken, same, fileless = [await builders.a_member(session) for _ in range(4)]
        for member in (moved, spoken, same):
            await onboarding.open_file(session, campaign, member.id)
    lines = [
        line_of(moved, city="Ottawa"), line_of(spoken, language="en"), line_of(same), line_of(fileless, city="Ottawa"),
    ]  # fmt: skip
    import_id = await a_roll_draft(sessions, written(lines))
    await confirmed(sessions, import_id)
    asked: list[tuple[str, UUID]] = []

    async def deaf(code: str, member_id: UUID) -> None:
        asked.append((code, member_id))
        if len(asked) == 1:
            raise ConnectionError

    activities, env = RollActivities(as_worker, deaf), ActivityEnvironment()
    applied = await env.run(activities.apply_roll_batch, BatchOf(import_id, 0))
    with pytest.raises(ApplicationError, match="files left"):
        await env.run(activities.tell_roll_batch, BatchOf(import_id, 0))
    await env.run(activities.tell_roll_batch, BatchOf(import_id, 0))
    await env.run(activities.tell_roll_batch, BatchOf(import_id, 0))

    assert applied.to_tell == 1
    assert asked == [(campaign.code, moved.id)] * 2


async def test_whoever_left_is_written_to_no_more_about_these_votes(
    sessions: Sessions, as_worker: Sessions, facts: Facts, letters: Letters
) -> None:
    """Neither by what was queued before, nor by the reminder that comes next."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session, opens=timedelta(hours=-1))
        member = await builders.a_member(session, verified=True)
        await onboarding.open_file(session, campaign, member.id)
        kinds = (MailKind.VOTING_OPEN, MailKind.REMINDER, MailKind.NOT_YET_VOTED)
        keys = [
            await queue(session, member, kind, campaign=campaign, facts={"notice": "half-way"})
            if kind is MailKind.NOT_YET_VOTED
            else await queue(session, member, kind, campaign=campaign)
            for kind in kinds
        ]
    assert all([await letter(sessions, facts, letters, key) for key in keys])
    await run(sessions, "update member set left_at = now()")
    assert not any([await letter(sessions, facts, letters, key) for key in keys])
    reminding = OnboardingActivities(as_worker, POLICY)
    await ActivityEnvironment().run(reminding.remind, Remind(campaign.id, member.id, 1))
    assert await counted(sessions, "select count(*) from outbox where kind = 'reminder'") == 1, "the one from before"


async def test_a_draft_that_nobody_confirmed_is_forgotten_after_a_day(
    sessions: Sessions, sweeping: SweepActivities
) -> None:
    """With every name and address in it; one of today stays."""
    import_id = await a_roll_draft(sessions, written([line()]))
    await ActivityEnvironment().run(sweeping.sweep)
    assert await counted(sessions, "select count(*) from roll_line") == 1
    await run(
        sessions, "update roll_import set uploaded_at = uploaded_at - :age", age=DRAFT_KEPT + timedelta(minutes=1)
    )
    await ActivityEnvironment().run(sweeping.sweep)

    assert await counted(sessions, "select count(*) from roll_line") == 0
    async with sessions.begin() as session:
        entry = await roll.by_id(session, import_id)
    assert entry is not None
    assert (entry.status, entry.live) == ("abandoned", None)
    assert await counted(sessions, "select count(*) from journal where code = 'lapsed'") == 1
