"""Tries are counted before anything is compared, so that guesses made at once share none (T04)."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from portal.rules.accounts import NUMBER_TRIES, Limit, Role
from portal.store import Sessions, accounts
from portal.store.accounts import Account
from tests import builders
from tests.store.cases import earlier, run

KEY = "sign-in:0123456789"


async def an_account(sessions: Sessions, **more: str) -> Account:
    async with sessions.begin() as session:
        member = await builders.a_member(session, **more)  # type: ignore[arg-type]
        account = await accounts.of_member(session, member.id)
        assert account is not None
        return account


async def begin_try(sessions: Sessions, key: str = KEY) -> bool:
    async with sessions.begin() as session:
        return await accounts.try_password(session, key)


async def test_of_twenty_guesses_at_once_five_are_heard(sessions: Sessions, as_api: Sessions) -> None:
    account = await an_account(sessions)

    async def guess() -> bool:
        async with as_api.begin() as session:
            return await accounts.spend_number_try(session, account.id)

    assert sum(await asyncio.gather(*(guess() for _ in range(20)))) == NUMBER_TRIES
    assert not await guess()


async def test_the_tries_of_a_number_last_its_whole_life(sessions: Sessions, as_api: Sessions) -> None:
    account = await an_account(sessions)
    async with as_api.begin() as session:
        for _ in range(NUMBER_TRIES):
            assert await accounts.spend_number_try(session, account.id)
        # A password chosen by mail meanwhile changes nothing for the number.
        await accounts.set_password(session, account.id, "hash")
    async with as_api.begin() as session:
        assert not await accounts.spend_number_try(session, account.id)


async def test_a_right_number_gives_its_try_back_and_never_more(sessions: Sessions, as_api: Sessions) -> None:
    account = await an_account(sessions)
    async with as_api.begin() as session:
        assert await accounts.spend_number_try(session, account.id)
        for _ in range(3):
            await accounts.give_back_number_try(session, account.id)
    async with as_api.begin() as session:
        spent = [await accounts.spend_number_try(session, account.id) for _ in range(NUMBER_TRIES + 1)]

    assert spent == [True] * NUMBER_TRIES + [False]


async def test_five_wrong_pairs_cost_nothing_and_the_sixth_waits(sessions: Sessions, as_api: Sessions) -> None:
    assert [await begin_try(as_api) for _ in range(7)] == [True] * 5 + [False] * 2

    await earlier(sessions, "attempt", timedelta(seconds=31), "last_at")
    # A try during the delay was not counted: this is the sixth.
    assert [await begin_try(as_api), await begin_try(as_api)] == [True, False]


@pytest.mark.parametrize(("failures", "wait"), [(5, 30), (6, 30), (7, 120), (9, 120), (10, 900), (40, 900)])
async def test_the_wait_is_that_of_the_rules(sessions: Sessions, as_api: Sessions, failures: int, wait: int) -> None:
    assert await begin_try(as_api)
    await run(sessions, "update attempt set count = :n", n=failures)

    await earlier(sessions, "attempt", timedelta(seconds=wait - 5), "last_at")
    assert not await begin_try(as_api)
    await earlier(sessions, "attempt", timedelta(seconds=6), "last_at")
    assert await begin_try(as_api)


async def test_of_guesses_made_at_once_no_more_than_five_are_compared(as_api: Sessions) -> None:
    assert sum(await asyncio.gather(*(begin_try(as_api) for _ in range(20)))) == 5


async def test_one_name_never_slows_another(as_api: Sessions) -> None:
    for _ in range(6):
        await begin_try(as_api)

    assert await begin_try(as_api, "sign-in:another")


async def test_a_right_password_and_a_day_of_rest_both_forget(sessions: Sessions, as_api: Sessions) -> None:
    for _ in range(6):
        await begin_try(as_api)
    async with as_api.begin() as session:
        await accounts.forget_tries(session, KEY)
    assert [await begin_try(as_api) for _ in range(6)] == [True] * 5 + [False]

    await earlier(sessions, "attempt", timedelta(days=1), "last_at")
    assert [await begin_try(as_api) for _ in range(6)] == [True] * 5 + [False]


async def test_a_limit_counts_within_its_period_and_then_anew(sessions: Sessions, as_api: Sessions) -> None:
    limit = Limit(3, timedelta(minutes=10))

    async def attempt() -> bool:
        async with as_api.begin() as session:
            return await accounts.attempt(session, "address:1", limit)

    assert [await attempt() for _ in range(5)] == [True] * 3 + [False] * 2
    async with as_api.begin() as session:
        assert await accounts.count_of(session, "address:1", limit.period) == 5
        assert await accounts.count_of(session, "address:2", limit.period) == 0

    # However often it was tried meanwhile, the window ends ten minutes after its first attempt.
    await earlier(sessions, "attempt", limit.period, "since")
    async with as_api.begin() as session:
        assert await accounts.count_of(session, "address:1", limit.period) == 0
    assert await attempt()


async def test_a_limit_holds_against_attempts_at_once(as_api: Sessions) -> None:
    async def attempt() -> bool:
        async with as_api.begin() as session:
            return await accounts.attempt(session, "address:1", Limit(7, timedelta(minutes=10)))

    assert sum(await asyncio.gather(*(attempt() for _ in range(20)))) == 7


async def test_old_counters_are_forgotten(sessions: Sessions, as_api: Sessions, as_worker: Sessions) -> None:
    from tests.store.cases import ago

    await begin_try(as_api)
    await begin_try(as_api, "sign-in:another")
    await run(sessions, "update attempt set last_at = :at where key = :key", at=ago(days=3), key=KEY)
    async with as_worker.begin() as session:
        await accounts.drop_old_attempts(session, ago(days=2))
    async with sessions.begin() as session:
        assert await session.get(accounts.Attempt, KEY) is None
        assert await session.get(accounts.Attempt, "sign-in:another") is not None


async def test_an_upgraded_hash_never_overwrites_a_password_changed_meanwhile(
    sessions: Sessions, as_api: Sessions
) -> None:
    account = await an_account(sessions, password_hash="old")
    async with as_api.begin() as session:
        await accounts.set_password(session, account.id, "chosen meanwhile")
        await accounts.upgrade_hash(session, account.id, "old", "old, stronger")
    async with sessions.begin() as session:
        found = await accounts.by_id(session, account.id)

    assert found is not None
    assert found.password_hash == "chosen meanwhile"


async def test_roles_are_those_given_and_nobody_has_any_by_default(sessions: Sessions, as_api: Sessions) -> None:
    async with sessions.begin() as session:
        staff = await builders.a_staff_account(session, Role.REVIEWER, Role.AUDITOR)
    async with as_api.begin() as session:
        assert await accounts.roles(session, staff.id) == {Role.REVIEWER, Role.AUDITOR}
        assert await accounts.roles(session, uuid4()) == frozenset()
