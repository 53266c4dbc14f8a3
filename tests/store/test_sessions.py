"""A cookie is worth something while its row says so, by the clock of the database."""

import secrets
from datetime import timedelta
from uuid import UUID

import pytest

from portal.rules.accounts import LIFETIMES, STEP_UP, SessionKind
from portal.store import Sessions, accounts
from portal.store import sessions as sign_ins
from portal.store.sessions import SEEN_EVERY, SignIn, Visitor
from tests import builders
from tests.store.cases import earlier

SECOND = timedelta(seconds=1)


async def a_session(sessions: Sessions, kind: SessionKind = SessionKind.MEMBER, *, stepped_up: bool = False) -> bytes:
    async with sessions.begin() as session:
        member = await builders.a_member(session)
        account = await accounts.of_member(session, member.id)
        assert account is not None
        return await begin(sessions, account.id, kind, session=session, stepped_up=stepped_up)


async def begin(
    sessions: Sessions, account_id: UUID, kind: SessionKind, *, session: object, stepped_up: bool = False
) -> bytes:
    token_hash = secrets.token_bytes(32)
    await sign_ins.begin(
        session, token_hash=token_hash, account_id=account_id, kind=kind, form_token="form",  # type: ignore[arg-type]
        stepped_up=stepped_up, factor=kind is SessionKind.STAFF,
    )  # fmt: skip
    return token_hash


async def visitor(as_api: Sessions, token_hash: bytes) -> Visitor | None:
    async with as_api.begin() as session:
        return await sign_ins.visitor(session, token_hash)


@pytest.mark.parametrize("kind", SessionKind)
async def test_an_idle_session_ends(sessions: Sessions, as_api: Sessions, kind: SessionKind) -> None:
    token = await a_session(sessions, kind)

    await earlier(sessions, "sign_in", LIFETIMES[kind].idle - 5 * SECOND, "seen_at")
    alive = await visitor(as_api, token)
    assert alive is not None
    assert alive.kind is kind

    await earlier(sessions, "sign_in", LIFETIMES[kind].idle, "seen_at")
    assert await visitor(as_api, token) is None
    assert await visitor(as_api, token) is None


@pytest.mark.parametrize("kind", SessionKind)
async def test_asking_how_things_stand_is_no_act_and_tells_how_long_is_left(
    sessions: Sessions, as_api: Sessions, kind: SessionKind
) -> None:
    """T29: the idle time runs on until somebody acts."""
    token = await a_session(sessions, kind)
    idle = LIFETIMES[kind].idle

    async def look(*, acts: bool) -> Visitor | None:
        async with as_api.begin() as session:
            return await sign_ins.visitor(session, token, acts=acts)

    await earlier(sessions, "sign_in", idle - 60 * SECOND, "seen_at")
    for _ in range(3):
        looked = await look(acts=False)
        assert looked is not None
        assert 50 * SECOND < looked.left <= 60 * SECOND
    acted = await look(acts=True)
    assert acted is not None
    assert idle - 5 * SECOND < acted.left <= idle
    await earlier(sessions, "sign_in", idle, "seen_at")
    assert await look(acts=False) is None


@pytest.mark.parametrize("kind", SessionKind)
async def test_a_session_ends_however_busy_it_is(sessions: Sessions, as_api: Sessions, kind: SessionKind) -> None:
    token = await a_session(sessions, kind)

    await earlier(sessions, "sign_in", LIFETIMES[kind].absolute - 5 * SECOND, "created_at", "expires_at")
    assert await visitor(as_api, token) is not None
    await earlier(sessions, "sign_in", 5 * SECOND, "created_at", "expires_at")
    assert await visitor(as_api, token) is None


async def test_a_visit_starts_the_idle_time_again_and_writes_at_most_once_a_minute(
    sessions: Sessions, as_api: Sessions
) -> None:
    token = await a_session(sessions)

    async def seen() -> object:
        await visitor(as_api, token)
        async with sessions.begin() as session:
            row = await session.get(SignIn, token)
            assert row is not None
            return row.seen_at

    first = await seen()
    assert await seen() == first
    await earlier(sessions, "sign_in", SEEN_EVERY, "seen_at")
    assert await seen() > first  # type: ignore[operator]


async def test_an_unknown_cookie_is_nobody(as_api: Sessions) -> None:
    assert await visitor(as_api, secrets.token_bytes(32)) is None


async def test_a_new_token_kills_the_old_cookie(sessions: Sessions, as_api: Sessions) -> None:
    """T17: a cookie planted before the sign-in is worth nothing after it."""
    old, new = await a_session(sessions, SessionKind.ACTIVATION), secrets.token_bytes(32)
    async with as_api.begin() as session:
        await sign_ins.replace(session, old, new, form_token="other", stepped_up=True, kind=SessionKind.MEMBER)

    now = await visitor(as_api, new)

    assert await visitor(as_api, old) is None
    assert now is not None
    assert (now.kind, now.form_token, now.stepped_up) == (SessionKind.MEMBER, "other", True)


async def test_a_new_token_does_not_prolong_a_session_of_the_same_kind(sessions: Sessions, as_api: Sessions) -> None:
    old, new = await a_session(sessions), secrets.token_bytes(32)
    async with sessions.begin() as session:
        before = await session.get(SignIn, old)
        assert before is not None
    async with as_api.begin() as session:
        await sign_ins.replace(session, old, new, form_token="other", stepped_up=True)
    async with sessions.begin() as session:
        after = await session.get(SignIn, new)

    assert after is not None
    assert after.expires_at == before.expires_at


async def test_a_reentered_password_serves_for_ten_minutes(sessions: Sessions, as_api: Sessions) -> None:
    token = await a_session(sessions, stepped_up=True)

    fresh = await visitor(as_api, token)
    await earlier(sessions, "sign_in", STEP_UP, "stepped_up_at")
    stale = await visitor(as_api, token)

    assert fresh is not None
    assert fresh.stepped_up
    assert stale is not None
    assert not stale.stepped_up


async def test_wrong_passwords_are_counted_within_the_session_and_a_new_token_forgets(
    sessions: Sessions, as_api: Sessions
) -> None:
    token, new = await a_session(sessions), secrets.token_bytes(32)
    async with as_api.begin() as session:
        assert [await sign_ins.count_step_up_failure(session, token) for _ in range(3)] == [1, 2, 3]
        await sign_ins.replace(session, token, new, form_token="f", stepped_up=True)
    async with as_api.begin() as session:
        assert await sign_ins.count_step_up_failure(session, new) == 1


async def test_signing_out_ends_this_session_and_no_other(sessions: Sessions, as_api: Sessions) -> None:
    mine, other = await a_session(sessions), await a_session(sessions)
    async with as_api.begin() as session:
        await sign_ins.end(session, mine)

    assert await visitor(as_api, mine) is None
    assert await visitor(as_api, other) is not None


async def test_every_session_of_an_account_can_be_ended_but_the_one_at_hand(
    sessions: Sessions, as_api: Sessions
) -> None:
    first, stranger = await a_session(sessions), await a_session(sessions)
    at_hand = await visitor(as_api, first)
    assert at_hand is not None
    async with as_api.begin() as session:
        more = [await begin(as_api, at_hand.account_id, SessionKind.MEMBER, session=session) for _ in range(2)]
        await sign_ins.end_all(session, at_hand.account_id, but=first)

    assert [await visitor(as_api, token) for token in more] == [None, None]
    assert await visitor(as_api, first) is not None
    async with as_api.begin() as session:
        await sign_ins.end_all(session, at_hand.account_id)
    assert await visitor(as_api, first) is None
    assert await visitor(as_api, stranger) is not None


async def test_expired_rows_are_dropped_and_the_living_kept(
    sessions: Sessions, as_api: Sessions, as_worker: Sessions
) -> None:
    dead = await a_session(sessions)
    await earlier(sessions, "sign_in", LIFETIMES[SessionKind.MEMBER].absolute + SECOND, "expires_at")
    alive = await a_session(sessions)
    async with as_worker.begin() as session:
        await sign_ins.drop_expired(session)
    async with sessions.begin() as session:
        assert await session.get(SignIn, dead) is None
        assert await session.get(SignIn, alive) is not None
