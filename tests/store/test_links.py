"""One-time links: used once (T14), worth nothing once a newer one exists (T15), few to one address (T114)."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import select, text

from portal.rules.accounts import CODE_TRIES, LINKS_A_DAY, LINKS_AN_HOUR, RENEWAL_VALID, Purpose
from portal.rules.links import hash_of, token_of
from portal.rules.refusals import Refusal
from portal.store import Sessions, accounts, links
from portal.store.accounts import Account
from tests import builders
from tests.store.cases import SECRET, a_link, earlier, run

VERIFICATION, RENEWAL = Purpose.VERIFICATION, Purpose.RENEWAL


async def an_account(sessions: Sessions) -> Account:
    async with sessions.begin() as session:
        member = await builders.a_member(session)
        account = await accounts.of_member(session, member.id)
        assert account is not None
        return account


async def use(sessions: Sessions, link_id: object, purpose: Purpose, account: Account) -> str | None:
    async with sessions.begin() as session:
        return await links.use(session, link_id, purpose, account.id)  # type: ignore[arg-type]


async def refusal_of(sessions: Sessions, link_id: object) -> Refusal | None:
    async with sessions.begin() as session:
        state = await links.by_id(session, link_id)  # type: ignore[arg-type]
        assert state is not None
        return state.refusal


async def test_of_twenty_uses_at_once_one_wins(sessions: Sessions, as_api: Sessions) -> None:
    account = await an_account(sessions)
    async with as_api.begin() as session:
        link_id = await a_link(session, account, purpose=RENEWAL)

    answers = await asyncio.gather(*(use(as_api, link_id, RENEWAL, account) for _ in range(20)))

    assert sorted(a for a in answers if a is not None) == [account.email]
    assert await refusal_of(sessions, link_id) is Refusal.LINK_USED


async def test_a_newer_link_voids_the_older_of_the_same_purpose_only(sessions: Sessions, as_api: Sessions) -> None:
    account = await an_account(sessions)
    async with as_api.begin() as session:
        older = await a_link(session, account, purpose=RENEWAL)
        other = await a_link(session, account, purpose=VERIFICATION)
    async with as_api.begin() as session:
        newer = await a_link(session, account, purpose=RENEWAL)

    assert await refusal_of(sessions, older) is Refusal.LINK_SUPERSEDED
    assert await use(as_api, older, RENEWAL, account) is None
    assert await refusal_of(sessions, other) is None
    assert await use(as_api, newer, RENEWAL, account) == account.email


async def test_of_links_asked_for_at_the_same_moment_only_one_lives_and_the_share_holds(
    sessions: Sessions, as_api: Sessions
) -> None:
    account = await an_account(sessions)

    async def ask() -> UUID | None:
        async with as_api.begin() as session:
            return await a_link(session, account, purpose=RENEWAL)

    # Of those that meet, one is made; then one after the other, until the share is used up.
    made = [link_id for link_id in await asyncio.gather(*(ask() for _ in range(10))) if link_id is not None]
    assert 1 <= len(made) <= LINKS_AN_HOUR
    while (link_id := await ask()) is not None:
        made.append(link_id)

    assert len(made) == LINKS_AN_HOUR
    assert [await refusal_of(sessions, link_id) for link_id in made].count(None) == 1


async def test_changing_the_password_voids_every_link(sessions: Sessions, as_api: Sessions) -> None:
    account = await an_account(sessions)
    async with as_api.begin() as session:
        first = await a_link(session, account, purpose=RENEWAL)
        second = await a_link(session, account, purpose=VERIFICATION)
        await links.void(session, account.id)

    for link_id, purpose in ((first, RENEWAL), (second, VERIFICATION)):
        assert await refusal_of(sessions, link_id) is Refusal.LINK_SUPERSEDED
        assert await use(as_api, link_id, purpose, account) is None


async def test_a_link_dies_when_its_time_is_over_by_the_clock_of_the_database(
    sessions: Sessions, as_api: Sessions
) -> None:
    account = await an_account(sessions)
    async with as_api.begin() as session:
        link_id = await a_link(session, account, purpose=RENEWAL, valid=RENEWAL_VALID)

    await earlier(sessions, "link", RENEWAL_VALID - timedelta(seconds=5), "created_at", "expires_at")
    assert await refusal_of(sessions, link_id) is None

    await earlier(sessions, "link", timedelta(seconds=5), "created_at", "expires_at")
    assert await refusal_of(sessions, link_id) is Refusal.LINK_EXPIRED
    assert await use(as_api, link_id, RENEWAL, account) is None


async def test_a_link_serves_its_own_purpose_and_account_only(sessions: Sessions, as_api: Sessions) -> None:
    account, stranger = await an_account(sessions), await an_account(sessions)
    async with as_api.begin() as session:
        link_id = await a_link(session, account, purpose=VERIFICATION)

    assert await use(as_api, link_id, RENEWAL, account) is None
    assert await use(as_api, link_id, VERIFICATION, stranger) is None
    assert await use(as_api, uuid4(), VERIFICATION, account) is None
    assert await use(as_api, link_id, VERIFICATION, account) == account.email


async def test_a_link_proves_no_address_that_has_changed_since(sessions: Sessions, as_api: Sessions) -> None:
    account = await an_account(sessions)
    async with as_api.begin() as session:
        link_id = await a_link(session, account, purpose=RENEWAL)
    await run(sessions, "update account set email = 'elsewhere@exemple.test' where id = :id", id=account.id)

    assert await refusal_of(sessions, link_id) is Refusal.LINK_SUPERSEDED
    assert await use(as_api, link_id, RENEWAL, account) is None


async def test_looking_at_a_link_changes_nothing(sessions: Sessions, as_api: Sessions) -> None:
    account = await an_account(sessions)
    async with as_api.begin() as session:
        link_id = await a_link(session, account)
        assert link_id is not None
        for _ in range(3):
            found = await links.find(session, hash_of(token_of(SECRET, link_id)))
            assert found is not None
            assert (found.id, found.account_id, found.member_id, found.refusal) == (
                link_id, account.id, account.member_id, None,
            )  # fmt: skip
        assert await links.find(session, hash_of(token_of(SECRET, uuid4()))) is None

    assert await use(as_api, link_id, VERIFICATION, account) == account.email


async def test_no_token_and_no_code_is_stored(sessions: Sessions, as_api: Sessions) -> None:
    account = await an_account(sessions)
    async with as_api.begin() as session:
        link_id = await a_link(session, account)
        assert link_id is not None
    async with sessions.begin() as session:
        row = (await session.execute(select(text("link::text")).select_from(text("link")))).scalar_one()

    assert token_of(SECRET, link_id) not in row
    assert hash_of(token_of(SECRET, link_id)).hex() in row


async def test_an_address_gets_three_links_an_hour_and_ten_a_day_whoever_asks(
    sessions: Sessions, as_api: Sessions
) -> None:
    account = await an_account(sessions)
    made = []
    for hour in range(5):
        for _ in range(4):
            async with as_api.begin() as session:
                made.append((hour, await a_link(session, account, purpose=VERIFICATION) is not None))
        await earlier(sessions, "link", timedelta(hours=1), "created_at", "expires_at")

    by_hour = [sum(ok for h, ok in made if h == hour) for hour in range(5)]
    assert by_hour == [LINKS_AN_HOUR, LINKS_AN_HOUR, LINKS_AN_HOUR, LINKS_A_DAY - 3 * LINKS_AN_HOUR, 0]
    # A stranger who uses up one share leaves the other alone.
    async with as_api.begin() as session:
        assert await a_link(session, account, purpose=RENEWAL) is not None


async def test_a_refused_request_leaves_the_last_link_alive(sessions: Sessions, as_api: Sessions) -> None:
    account = await an_account(sessions)
    made = []
    for _ in range(LINKS_AN_HOUR + 1):
        async with as_api.begin() as session:
            made.append(await a_link(session, account))

    assert made[-1] is None
    assert await use(as_api, made[-2], VERIFICATION, account) == account.email


async def test_an_account_without_an_address_gets_no_link(sessions: Sessions, as_api: Sessions) -> None:
    async with sessions.begin() as session:
        member = await builders.a_member(session, email=None)
        account = await accounts.of_member(session, member.id)
        assert account is not None
    async with as_api.begin() as session:
        assert await a_link(session, account) is None


async def test_a_typed_code_has_five_tries_even_at_once(sessions: Sessions, as_api: Sessions) -> None:
    account = await an_account(sessions)
    async with as_api.begin() as session:
        link_id = await a_link(session, account)
        assert link_id is not None

    async def wrong_code() -> bool:
        """What a page does with digits that are wrong: held, looked at, counted."""
        async with as_api.begin() as session:
            link = await links.newest(session, account.id, VERIFICATION)
            assert link is not None
            assert link.id == link_id
            if link.code_tries >= CODE_TRIES:
                return False
            await links.count_wrong_code(session, link.id)
            return True

    assert sum(await asyncio.gather(*(wrong_code() for _ in range(20)))) == CODE_TRIES


async def test_the_code_typed_is_that_of_the_newest_link(sessions: Sessions, as_api: Sessions) -> None:
    account = await an_account(sessions)
    async with as_api.begin() as session:
        assert await links.newest(session, account.id, VERIFICATION) is None
        await a_link(session, account)
    async with as_api.begin() as session:
        second = await a_link(session, account)
        await a_link(session, account, purpose=RENEWAL)
    async with as_api.begin() as session:
        found = await links.newest(session, account.id, VERIFICATION)

    assert found is not None
    assert found.id == second
