"""Leases: given back, prolonged once, and never alive again once they are over."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.rules.accounts import Role
from portal.rules.identity import CLAIM_LEASE
from portal.rules.refusals import Refusal
from portal.store import Sessions, review
from portal.store.identity import Claim
from tests import builders
from tests.store.cases import earlier, run
from tests.store.test_review import a_queue, claim_next, decide, reviewers


async def give_back(sessions: Sessions, claim: Claim, by: UUID | None) -> Claim | Refusal:
    async with sessions.begin() as session:
        return await review.give_back(session, claim.id, by=by)


async def written(sessions: Sessions) -> list[tuple[str, str | None]]:
    async with sessions.begin() as session:
        rows = await session.execute(
            text("select actor, code from journal where action = 'lease-returned' order by id")
        )
        return [(row.actor, row.code) for row in rows]


async def test_a_case_given_back_is_free_at_once(sessions: Sessions, as_api: Sessions) -> None:
    await a_queue(sessions, 1)
    first, second = await reviewers(sessions, 2)
    claim = await claim_next(as_api, first)
    assert claim is not None

    returned = await give_back(as_api, claim, first)

    assert isinstance(returned, Claim)
    assert returned.expires_at == returned.returned_at
    assert await claim_next(as_api, second) is not None
    assert await give_back(as_api, claim, first) is Refusal.CLAIM_EXPIRED
    assert await decide(as_api, claim) is Refusal.CLAIM_GIVEN_BACK
    assert await written(sessions) == [("reviewer", "given-back")]


async def test_an_operator_may_take_a_case_back_but_not_their_own_file(sessions: Sessions, as_api: Sessions) -> None:
    _, waiting = await a_queue(sessions, 1)
    (reviewer,) = await reviewers(sessions, 1)
    claim = await claim_next(as_api, reviewer)
    assert claim is not None
    async with sessions.begin() as session:
        operator = (await builders.a_staff_account(session, Role.OPERATOR)).id
        own = await session.scalar(
            text("select id from account where member_id = :member"), {"member": waiting[0].member_id}
        )

    assert await give_back(as_api, claim, own) is Refusal.OWN_FILE
    assert isinstance(await give_back(as_api, claim, operator), Claim)
    assert await written(sessions) == [("operator", "taken-back")]
    assert await give_back(as_api, Claim(id=uuid4()), operator) is Refusal.CLAIM_NEEDED


async def test_the_timer_returns_what_time_has_ended_and_nothing_decided(
    sessions: Sessions, as_api: Sessions, as_worker: Sessions
) -> None:
    await a_queue(sessions, 2)
    first, second = await reviewers(sessions, 2)
    open_case, decided = await claim_next(as_api, first), await claim_next(as_api, second)
    assert open_case is not None and decided is not None
    await decide(as_api, decided)
    await earlier(sessions, "claim", CLAIM_LEASE, "claimed_at", "expires_at")

    returned = await give_back(as_worker, open_case, None)

    assert isinstance(returned, Claim) and returned.returned_at is not None
    # It ended when it ended, not when somebody wrote that down.
    assert returned.expires_at < returned.returned_at
    assert await give_back(as_worker, decided, None) is Refusal.CLAIM_EXPIRED
    assert await written(sessions) == [("system", "expired")]


@pytest.mark.parametrize(
    "again",
    [
        "update claim set returned_at = null",
        "update claim set returned_at = clock_timestamp() + interval '1 hour'",
        "update claim set extended_at = clock_timestamp()",
    ],
)
async def test_a_lease_that_was_given_back_stays_so(sessions: Sessions, as_api: Sessions, again: str) -> None:
    await a_queue(sessions, 1)
    (reviewer,) = await reviewers(sessions, 1)
    claim = await claim_next(as_api, reviewer)
    assert claim is not None
    await give_back(as_api, claim, reviewer)

    with pytest.raises(IntegrityError):
        await run(as_api, again)


async def test_the_database_alone_says_until_when(sessions: Sessions, as_api: Sessions) -> None:
    """Whatever instant a page writes, a lease is given back now, and prolonged by what it was given for."""
    await a_queue(sessions, 1)
    (reviewer,) = await reviewers(sessions, 1)
    claim = await claim_next(as_api, reviewer)
    assert claim is not None
    await earlier(sessions, "claim", timedelta(minutes=10), "claimed_at", "expires_at")
    await run(as_api, "update claim set extended_at = clock_timestamp() + interval '1 year'")
    async with sessions.begin() as session:
        left = await session.scalar(text("select expires_at - clock_timestamp() from claim"))
        assert timedelta(minutes=14) < left <= CLAIM_LEASE
    with pytest.raises(IntegrityError):
        await run(as_api, "update claim set extended_at = clock_timestamp() + interval '1 minute'")
