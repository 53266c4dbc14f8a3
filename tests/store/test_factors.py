"""The second factor of staff in the records: a code serves once, a challenge serves once, a key does not go back."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from portal.rules.accounts import CHALLENGE_VALID, MOST_PASSKEYS, Role, SessionKind
from portal.rules.links import hash_of
from portal.rules.refusals import Refusal
from portal.store import Sessions, factors
from portal.store import sessions as sign_ins
from portal.store.sealing import SealBroken, seal_shared, unseal_shared
from tests import builders, keys
from tests.store.cases import SECRET, run


async def somebody(sessions: Sessions, *, codes: bool = False, key: bool = False) -> tuple[UUID, str]:
    """One of the staff, and what their app shares with the portal."""
    async with sessions.begin() as session:
        account = await builders.a_staff_account(session, Role.OFFICER, key=key)
        shared = await builders.an_authenticator(session, account.id, secret=SECRET) if codes else ""
    return account.id, shared


def code(shared: str, *, steps: int = 0) -> str:
    return factors.code_at(shared, datetime.now(UTC) + timedelta(seconds=30 * steps))


async def typed(sessions: Sessions, account_id: UUID, code: str) -> Refusal | None:
    async with sessions.begin() as session:
        return await factors.try_code(session, account_id, code, secret=SECRET)


async def test_a_code_is_taken_once_and_none_from_before_it(as_api: Sessions, sessions: Sessions) -> None:
    """T20: the same code twice is refused, and so is the one before."""
    account_id, shared = await somebody(sessions, codes=True)
    now, before = code(shared), code(shared, steps=-1)
    assert await typed(as_api, account_id, now) is None
    assert await typed(as_api, account_id, now) is Refusal.FACTOR_CODE_WRONG
    assert await typed(as_api, account_id, before) is Refusal.FACTOR_CODE_WRONG


async def test_a_clock_that_differs_by_one_step_is_forgiven_by_two_is_not(as_api: Sessions, sessions: Sessions) -> None:
    account_id, shared = await somebody(sessions, codes=True)
    for steps in (-3, 3):
        assert await typed(as_api, account_id, code(shared, steps=steps)) is Refusal.FACTOR_CODE_WRONG
    spaced = code(shared, steps=1)
    assert await typed(as_api, account_id, f" {spaced[:3]} {spaced[3:]} ") is None


async def test_of_two_who_type_one_code_at_the_same_moment_one_is_in(as_api: Sessions, sessions: Sessions) -> None:
    """T20: in parallel too."""
    account_id, shared = await somebody(sessions, codes=True)
    now = code(shared)
    answers = await asyncio.gather(*(typed(as_api, account_id, now) for _ in range(4)))
    assert answers.count(None) == 1


async def test_wrong_codes_are_slowed_down_as_passwords_are(as_api: Sessions, sessions: Sessions) -> None:
    account_id, shared = await somebody(sessions, codes=True)
    for _ in range(5):
        assert await typed(as_api, account_id, "000000") is Refusal.FACTOR_CODE_WRONG
    assert await typed(as_api, account_id, code(shared)) is Refusal.TOO_MANY_TRIES
    await run(sessions, "update attempt set last_at = last_at - interval '31 seconds'")
    assert await typed(as_api, account_id, code(shared)) is None


async def test_a_code_is_asked_for_by_a_command_in_one_word(as_api: Sessions, sessions: Sessions) -> None:
    account_id, shared = await somebody(sessions, codes=True)
    nobody, _ = await somebody(sessions)
    async with as_api.begin() as session:
        assert await factors.try_code(session, account_id, "x", secret=SECRET) is not None
        assert await factors.try_code(session, nobody, code(shared), secret=SECRET) is not None
        assert await factors.try_code(session, account_id, code(shared), secret=SECRET) is None


async def test_what_an_app_shares_with_us_is_sealed_for_its_owner(as_api: Sessions, sessions: Sessions) -> None:
    account_id, shared = await somebody(sessions, codes=True)
    other, _ = await somebody(sessions)
    sealed = seal_shared(SECRET, account_id, shared.encode())
    assert shared.encode() not in sealed
    assert unseal_shared(SECRET, account_id, sealed) == shared.encode()
    for secret, whose in ((SECRET, other), (b"another secret of thirty-two bytes and more", account_id)):
        with pytest.raises(SealBroken):
            unseal_shared(secret, whose, sealed)
    async with as_api.begin() as session:
        # The portal's secret was changed: codes open nothing any more, and nothing breaks.
        assert await factors.try_code(session, account_id, code(shared), secret=b"x" * 32) is not None


async def test_a_new_app_counts_from_its_first_code_on(as_api: Sessions, sessions: Sessions) -> None:
    account_id, old = await somebody(sessions, codes=True)
    async with as_api.begin() as session:
        await factors.offer_authenticator(session, account_id, secret=SECRET)
        new = await factors.offered(session, account_id, secret=SECRET)
    assert new is not None and new != old
    assert await typed(as_api, account_id, code(old)) is None
    async with as_api.begin() as session:
        wrong = await factors.confirm_authenticator(session, account_id, "000000", secret=SECRET)
        assert wrong is Refusal.FACTOR_CODE_WRONG
        assert await factors.confirm_authenticator(session, account_id, code(new), secret=SECRET) is None
        assert await factors.offered(session, account_id, secret=SECRET) is None
    assert await typed(as_api, account_id, code(old, steps=1)) is Refusal.FACTOR_CODE_WRONG
    assert await typed(as_api, account_id, code(new, steps=1)) is None


async def test_a_challenge_serves_one_answer_within_five_minutes(as_api: Sessions, sessions: Sessions) -> None:
    account_id, _ = await somebody(sessions, key=True)
    cookie = hash_of("cookie")
    async with as_api.begin() as session:
        await sign_ins.begin(
            session, token_hash=cookie, account_id=account_id, kind=SessionKind.STAFF_PENDING, form_token="x",
            stepped_up=False,
        )  # fmt: skip
        assert await factors.take_challenge(session, cookie) is None
        await factors.keep_challenge(session, cookie, b"first")
        await factors.keep_challenge(session, cookie, b"second")
        assert await factors.take_challenge(session, cookie) == b"second"
        assert await factors.take_challenge(session, cookie) is None
        await factors.keep_challenge(session, cookie, b"late")
    await run(sessions, "update sign_in set challenge_at = challenge_at - cast(:p as interval)", p=CHALLENGE_VALID)
    async with as_api.begin() as session:
        assert await factors.take_challenge(session, cookie) is None


async def test_a_session_of_staff_without_a_factor_is_nobodys(as_api: Sessions, sessions: Sessions) -> None:
    """T19: such as a release that knew no second factor has begun while this one starts."""
    account_id, _ = await somebody(sessions, key=True)
    async with as_api.begin() as session:
        for shown in (False, True):
            await sign_ins.begin(
                session, token_hash=hash_of(str(shown)), account_id=account_id, kind=SessionKind.STAFF, form_token="x",
                stepped_up=False, factor=shown,
            )  # fmt: skip
        assert await sign_ins.visitor(session, hash_of("False")) is None
        visitor = await sign_ins.visitor(session, hash_of("True"))
    assert visitor is not None
    assert visitor.roles == {Role.OFFICER}
    assert visitor.factor_fresh


async def test_a_key_that_says_it_was_used_less_often_than_before_is_refused(
    as_api: Sessions, sessions: Sessions
) -> None:
    account_id, _ = await somebody(sessions, key=True)

    async def used(count: int) -> bool:
        async with as_api.begin() as session:
            key = await factors.passkey_of(session, account_id, keys.credential_of(account_id))
            assert key is not None
            return await factors.passkey_used(session, key, count)

    # Keys that their maker keeps in step on several devices never count.
    assert await used(0)
    assert await used(0)
    assert await used(7)
    for count in (7, 6, 0):
        assert not await used(count)
    assert await used(8)


async def test_four_keys_are_enough_and_the_last_factor_stays(as_api: Sessions, sessions: Sessions) -> None:
    """T62: nobody takes their own last key away, not even through a program of ours that forgot to ask."""
    account_id, _ = await somebody(sessions)

    async def add(name: str) -> Refusal | None:
        async with as_api.begin() as session:
            return await factors.add_passkey(
                session, account_id, credential_id=name.encode(), public_key=b"x", sign_count=0, name=name
            )

    assert [await add(str(n)) for n in range(MOST_PASSKEYS)] == [None] * MOST_PASSKEYS
    assert await add("fifth") is Refusal.TOO_MANY_PASSKEYS
    with pytest.raises(IntegrityError, match="four keys"):
        await run(
            as_api, "insert into passkey select gen_random_uuid(), account_id, 'x', 'x', 0, 'x' from passkey limit 1"
        )
    for n in range(MOST_PASSKEYS - 1):
        await run(as_api, "delete from passkey where name = :name", name=str(n))
    with pytest.raises(IntegrityError, match="the last factor stays"):
        await run(as_api, "delete from passkey")
    other, _ = await somebody(sessions)
    async with as_api.begin() as session:
        taken = await factors.add_passkey(
            session, other, credential_id=b"3", public_key=b"x", sign_count=0, name="theirs"
        )
    assert taken is Refusal.PASSKEY_KNOWN


async def test_an_authenticator_is_taken_away_beside_a_key_and_never_as_the_last_factor(
    as_api: Sessions, sessions: Sessions
) -> None:
    both, _ = await somebody(sessions, codes=True, key=True)
    async with as_api.begin() as session:
        assert await factors.remove_authenticator(session, both)
    alone, _ = await somebody(sessions, codes=True)
    with pytest.raises(IntegrityError, match="the last factor stays"):
        async with as_api.begin() as session:
            await factors.remove_authenticator(session, alone)
