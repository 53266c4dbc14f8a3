"""The chain of the journal: who alters, removes or slips in an entry is found, a superuser included."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from portal.commands.journal import said
from portal.store import Sessions, chain, journal
from portal.store.chain import Fault, Verified
from tests import builders
from tests.store.cases import a_submission, run

# Around every trigger, as a superuser can.
AROUND = "set local session_replication_role = replica"


@pytest_asyncio.fixture
async def written(as_api: Sessions, as_worker: Sessions) -> AsyncIterator[int]:
    """A journal of some entries, all linked; how many."""
    async with as_api.begin() as session:
        for n in range(12):
            await journal.write(session, "signed-in", actor="member", actor_id=uuid4(), code=str(n), key=f"k{n}")
    assert await extend(as_worker) == 12
    yield 12


async def extend(as_worker: Sessions, **more: bool) -> int:
    async with as_worker.begin() as session:
        return await chain.extend(session, **more)


async def behind_our_back(sessions: Sessions, *statements: str) -> None:
    async with sessions.begin() as session:
        for statement in (AROUND, *statements):
            await session.execute(text(statement))


async def verified(sessions: Sessions, **more: object) -> Verified:
    return await chain.verify(sessions, **more)  # type: ignore[arg-type]


async def test_a_journal_that_nobody_touched_is_whole(sessions: Sessions, written: int) -> None:
    """T71."""
    found = await verified(sessions)
    assert (found.fault, found.links) == (None, written)
    async with sessions.begin() as session:
        head = await chain.head(session)
    assert head is not None and head.hash.hex() == found.head
    assert "journal whole: 12 links" in said(found)
    assert (await verified(sessions, first=5)).links == written - 4


@pytest.mark.parametrize("table", ["journal", "journal_link"])
async def test_no_role_rewrites_it_not_even_the_owner(
    as_api: Sessions, as_worker: Sessions, sessions: Sessions, written: int, table: str
) -> None:
    """T71, T108: the roles of the processes have no right to, and the owner meets a trigger."""
    column = "action" if table == "journal" else "hash"
    for statement in (f"update {table} set {column} = 'x'", f"delete from {table}", f"truncate {table}"):
        for role in (as_api, as_worker):
            with pytest.raises(ProgrammingError, match="permission denied"):
                await run(role, statement)
        with pytest.raises(IntegrityError, match="is only added to"):
            await run(sessions, statement)
    assert (await verified(sessions)).fault is None


@pytest.mark.parametrize(
    "change",
    [
        "code = '5x'", "at = at + interval '1 second'", "actor = 'reviewer'", "actor_id = null", "key = 'another'",
        "member_id = gen_random_uuid()", "action = 'signed-out'",
    ],
)  # fmt: skip
async def test_an_entry_that_was_altered_is_named(sessions: Sessions, written: int, change: str) -> None:
    """T71: each of its columns is sealed."""
    await behind_our_back(sessions, f"update journal set {change} where id = 5")
    found = await verified(sessions)
    assert (found.fault, found.entry_id) == (Fault.ALTERED, 5)
    assert "entry 5 is not as it was" in said(found)


async def test_an_entry_that_was_deleted_is_named(sessions: Sessions, written: int) -> None:
    """T71."""
    await behind_our_back(sessions, "delete from journal where id = 7")
    found = await verified(sessions)
    assert (found.fault, found.entry_id) == (Fault.DELETED, 7)


async def test_an_entry_that_was_deleted_with_its_link_leaves_a_gap(sessions: Sessions, written: int) -> None:
    """T71."""
    await behind_our_back(sessions, "delete from journal where id = 7", "delete from journal_link where entry_id = 7")
    found = await verified(sessions)
    assert (found.fault, found.seq) == (Fault.BROKEN, 7)


async def test_an_entry_that_was_slipped_in_with_an_old_moment_is_named(
    sessions: Sessions, as_worker: Sessions, written: int
) -> None:
    """T71: as the newest or between two others, the worker links it last, and its moment gives it away."""
    await behind_our_back(
        sessions, "insert into journal (actor, action, at) values ('member', 'x', now() - interval '1 hour')"
    )
    found = await verified(sessions)
    assert (found.fault, found.entry_id) == (Fault.UNLINKED, written + 1)
    await extend(as_worker)
    found = await verified(sessions)
    assert (found.fault, found.entry_id) == (Fault.INSERTED_LATE, written + 1)


async def test_entries_that_nobody_links_are_noticed(sessions: Sessions, as_api: Sessions, written: int) -> None:
    async with as_api.begin() as session:
        await journal.write(session, "signed-out", actor="member")
    # A moment ago: the worker is on its way.
    assert (await verified(sessions)).fault is None
    assert (await verified(sessions, within=timedelta(0))).fault is Fault.UNLINKED


async def test_a_chain_that_was_written_anew_has_another_head(
    sessions: Sessions, as_worker: Sessions, written: int
) -> None:
    """T71, T108: all links fit, hence the head is said in a log that is kept elsewhere."""
    before = (await verified(sessions)).head
    await behind_our_back(
        sessions, "update journal set code = 'x' where id = 3", "delete from journal_link"
    )  # fmt: skip
    await extend(as_worker, everything=True)
    assert (await verified(sessions)).fault is None
    found = await verified(sessions, expect=before)
    assert found.fault is Fault.ANOTHER_HEAD
    # An earlier head of the same chain is one of its links.
    async with sessions.begin() as session:
        earlier = await session.scalar(text("select encode(hash, 'hex') from journal_link where seq = 4"))
    assert (await verified(sessions, expect=earlier)).fault is None


async def test_the_certificate_of_an_erasure_is_sealed_with_its_entry(sessions: Sessions, as_worker: Sessions) -> None:
    """T58: when, what became of it, and how many copies were left."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        submission = await a_submission(session, campaign, await builders.a_member(session))
    values = {"id": submission.id}
    await run(
        as_worker,
        "insert into erasure (certificate, submission_id, outcome, documents, versions_removed, versions_left,"
        " received_at, over_at) values ('7Q4M-K2XR', :id, 'approved', 1, 1, 0, now(), now())",
        **values,
    )
    async with as_worker.begin() as session:
        await journal.write(session, "documents-erased", actor="system", subject_id=submission.id, code="7Q4M-K2XR")
    await extend(as_worker)
    assert (await verified(sessions)).fault is None
    await behind_our_back(sessions, "update erasure set erased_at = erased_at - interval '1 hour'")
    assert (await verified(sessions)).fault is Fault.ALTERED


async def test_entries_that_are_committed_late_are_linked_when_they_are_found(
    sessions: Sessions, as_api: Sessions, as_worker: Sessions
) -> None:
    """One step waits for no other: a slow one is linked after those that overtook it."""
    async with as_api() as slow:
        await journal.write(slow, "signed-in", actor="member")
        async with as_api.begin() as session:
            await journal.write(session, "signed-out", actor="member")
        assert await extend(as_worker) == 1
        await slow.commit()
    assert await extend(as_worker) == 1
    assert await extend(as_worker) == 0
    async with sessions.begin() as session:
        order = await session.scalars(text("select entry_id from journal_link order by seq"))
        assert order.all() == [2, 1]
    assert (await verified(sessions)).fault is None


async def test_links_are_made_by_one_process_at_a_time_and_lock_no_entry(
    sessions: Sessions, as_api: Sessions, as_worker: Sessions, written: int
) -> None:
    async with as_worker() as first:
        async with as_api.begin() as session:
            await journal.write(session, "signed-out", actor="member")
        assert await chain.extend(first) == 1
        assert await extend(as_worker) == 0
        async with as_api.begin() as session:
            assert await journal.write(session, "signed-in", actor="member")
        await first.commit()
    assert await extend(as_worker) == 1
    assert (await verified(sessions)).links == written + 2


async def test_a_long_journal_is_linked_step_by_step_and_read_page_by_page(
    sessions: Sessions, as_worker: Sessions
) -> None:
    await run(
        sessions,
        "insert into journal (actor, action, at) select 'system', 'swept', now() + n * interval '1 ms'"
        " from generate_series(1, 4500) n",
    )
    steps = [await extend(as_worker) for _ in range(6)]
    assert steps == [1000, 1000, 1000, 1000, 500, 0]
    assert (await verified(sessions)).links == 4500
    await behind_our_back(sessions, "update journal set actor = 'x' where id = 4321")
    assert (await verified(sessions)).entry_id == 4321
