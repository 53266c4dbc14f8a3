"""The outbox: one row per logical mail, taken by one relay at a time, woken by the commit that writes it."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from portal.rules.mail import Lane, MailKind
from portal.store import AsyncEngine, Sessions, accounts, mail, open_database
from portal.store.bell import Bell
from portal.store.mail import Claimed, Mail
from tests import builders
from tests.store.cases import earlier, run

URGENT, BULK = Lane
CONNECTIONS = {URGENT: 2, BULK: 4}


async def an_account(sessions: Sessions) -> UUID:
    async with sessions.begin() as session:
        account = await accounts.of_member(session, (await builders.a_member(session)).id)
        assert account is not None
        return account.id


def a_row(account: UUID, *, lane: Lane = URGENT, key: str = "", due: timedelta = timedelta(0)) -> mail.Row:
    return mail.to_queue(
        key=key or f"k:{uuid4()}", kind=MailKind.REGISTERED, lane=lane, account_id=account, campaign_id=None,
        due_at=datetime.now(UTC) + due, facts={"ballots": "pension"},
    )  # fmt: skip


async def queue(
    sessions: Sessions, account: UUID, *, lane: Lane = URGENT, key: str = "", due: timedelta = timedelta(0)
) -> bool:
    async with sessions.begin() as session:
        return await mail.queue(session, a_row(account, lane=lane, key=key, due=due))


async def claim(sessions: Sessions, lane: Lane = URGENT, most: int = 100) -> list[Claimed]:
    async with sessions.begin() as session:
        return await mail.claim(session, lane, most)


async def test_the_same_mail_asked_for_twice_is_one_row(sessions: Sessions, as_worker: Sessions) -> None:
    account = await an_account(sessions)

    answers = await asyncio.gather(*(queue(as_worker, account, key="registered:1") for _ in range(5)))

    assert sorted(answers) == [False] * 4 + [True]
    assert [row.key for row in await claim(as_worker)] == ["registered:1"]


async def test_what_is_due_is_taken_by_one_relay_earliest_first_and_in_its_lane(
    sessions: Sessions, as_worker: Sessions
) -> None:
    account = await an_account(sessions)
    for n in range(3):
        await queue(as_worker, account, key=f"late-{n}", due=timedelta(seconds=-n - 1))
    await queue(as_worker, account, key="tomorrow", due=timedelta(days=1))
    await queue(as_worker, account, key="bulk", lane=BULK, due=timedelta(seconds=-9))

    assert [row.key for row in await claim(as_worker, most=1)] == ["late-2"]
    assert {row.key for row in await claim(as_worker)} == {"late-0", "late-1"}
    assert await claim(as_worker) == []
    assert [row.key for row in await claim(as_worker, BULK)] == ["bulk"]


async def test_many_relays_at_once_share_the_rows_and_take_none_twice(sessions: Sessions, as_worker: Sessions) -> None:
    account = await an_account(sessions)
    for _ in range(60):
        await queue(as_worker, account)

    taken = await asyncio.gather(*(claim(as_worker, most=7) for _ in range(12)))

    assert all(len(rows) <= 7 for rows in taken)
    ids = [row.id for rows in taken for row in rows]
    assert len(ids) == len(set(ids))
    while rows := await claim(as_worker, most=7):
        ids += [row.id for row in rows]
    assert len(set(ids)) == len(ids) == 60


async def test_a_claim_never_takes_more_than_it_may_however_the_query_is_planned(
    sessions: Sessions, as_worker: Sessions
) -> None:
    account = await an_account(sessions)
    for _ in range(20):
        await queue(as_worker, account)
    async with as_worker.begin() as session:
        for plan in (
            "enable_hashagg",
            "enable_hashjoin",
            "enable_mergejoin",
            "enable_material",
            "enable_sort",
        ):
            await session.execute(text(f"set local {plan} = off"))
        assert len(await mail.claim(session, URGENT, 3)) == 3


async def test_a_row_left_behind_by_a_dead_relay_is_free_again_after_its_claim(
    sessions: Sessions, as_worker: Sessions
) -> None:
    await queue(as_worker, await an_account(sessions))
    first = await claim(as_worker)
    async with as_worker.begin() as session:
        wait = await mail.next_due(session, URGENT)
    assert wait is not None
    assert timedelta(0) < wait <= mail.CLAIM

    await earlier(sessions, "outbox", mail.CLAIM, "claimed_until")
    second = await claim(as_worker)

    assert [row.id for row in second] == [row.id for row in first]
    assert (first[0].attempts, second[0].attempts) == (1, 2)


async def test_a_row_given_back_counts_no_attempt(sessions: Sessions, as_worker: Sessions) -> None:
    await queue(as_worker, await an_account(sessions))
    for _ in range(3):
        rows = await claim(as_worker)
        assert rows[0].attempts == 1
        async with as_worker.begin() as session:
            await mail.release(session, [row.id for row in rows])


async def test_a_postponed_row_waits_its_own_time(sessions: Sessions, as_worker: Sessions) -> None:
    account = await an_account(sessions)
    await queue(as_worker, account, key="bad")
    rows = await claim(as_worker)
    await queue(as_worker, account, key="good")
    async with as_worker.begin() as session:
        await mail.postpone(session, rows[0].id, timedelta(seconds=40), "451")

    assert [row.key for row in await claim(as_worker)] == ["good"]
    await earlier(sessions, "outbox", timedelta(seconds=41), "due_at")
    assert [(row.key, row.attempts) for row in await claim(as_worker)] == [("bad", 2)]


@pytest.mark.parametrize("ending", ["sent", "cancelled", "failed"])
async def test_what_is_over_is_never_taken_again(sessions: Sessions, as_worker: Sessions, ending: str) -> None:
    await queue(as_worker, await an_account(sessions))
    (row,) = await claim(as_worker)
    async with as_worker.begin() as session:
        if ending == "sent":
            await mail.mark_sent(session, [mail.Said(row.id, "Objet", "Texte")])
        elif ending == "cancelled":
            await mail.mark_cancelled(session, [row.id])
        else:
            await mail.mark_failed(session, row.id, "550")
    await run(sessions, "update outbox set due_at = due_at - interval '1 day', claimed_until = null")

    assert await claim(as_worker) == []
    async with sessions.begin() as session:
        kept = await session.get(Mail, row.id)
        assert kept is not None
        assert [kept.sent_at is None, kept.cancelled_at is None, kept.failed_at is None].count(False) == 1
        assert await mail.next_due(session, URGENT) is None


async def test_a_page_of_a_notice_queues_nobody_twice(sessions: Sessions, as_worker: Sessions) -> None:
    people = [await an_account(sessions) for _ in range(4)]

    def rows(chosen: list[UUID]) -> list[dict[str, object]]:
        now = datetime.now(UTC)
        return [
            {
                "key": f"invitation:{a}",
                "kind": "invitation",
                "lane": "bulk",
                "account_id": a,
                "facts": {},
                "due_at": now,
            }
            for a in chosen
        ]

    async with as_worker.begin() as session:
        assert set(await mail.queue_many(session, rows(people[:3]))) == set(people[:3])
    async with as_worker.begin() as session:
        assert await mail.queue_many(session, rows(people)) == [people[3]]
        assert await mail.queue_many(session, []) == []


async def rung(bell: Bell, lane: Lane, within: float = 3.0) -> bool:
    """Whether the bell of this lane rings before the wait is over."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    await bell.wait(lane, within)
    return loop.time() - begin < within


async def test_the_bell_rings_for_a_commit_in_its_lane_and_not_before(
    sessions: Sessions, as_worker: Sessions, engine: AsyncEngine
) -> None:
    account = await an_account(sessions)
    bell = Bell(engine, CONNECTIONS)
    listening = asyncio.create_task(bell.listen())
    try:
        # Once at the start, for whatever was committed before: everybody looks.
        for lane, waiting in CONNECTIONS.items():
            assert [await rung(bell, lane) for _ in range(waiting)] == [True] * waiting
        async with as_worker.begin() as session:
            await mail.queue(session, a_row(account))
            assert not await rung(bell, URGENT, 0.2)
        # One mail wakes one.
        assert await rung(bell, URGENT)
        assert not await rung(bell, URGENT, 0.2)
        assert not await rung(bell, BULK, 0.2)
        await queue(as_worker, account, lane=BULK)
        # Bulk wakes everybody.
        assert [await rung(bell, BULK) for _ in range(CONNECTIONS[BULK])] == [True] * CONNECTIONS[BULK]
        assert not await rung(bell, BULK, 0.2)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_a_connection_that_listened_is_not_used_for_anything_else(worker_settings: object) -> None:
    engine = open_database(worker_settings.database_url.get_secret_value(), pool_size=1)  # type: ignore[attr-defined]
    try:
        bell = Bell(engine, CONNECTIONS)
        listening = asyncio.create_task(bell.listen())
        assert await rung(bell, URGENT)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        async with engine.connect() as connection:
            assert list(await connection.execute(text("select pg_listening_channels()"))) == []
    finally:
        await engine.dispose()
