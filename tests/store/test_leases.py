"""Leases: given back, prolonged once, and never alive again once they are over."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.rules.accounts import Role
from portal.rules.identity import CLAIM_LEASE
from portal.rules.refusals import Refusal
from portal.store import Sessions, queue, review, watch
from portal.store.identity import Claim
from portal.store.members import Member
from tests import builders
from tests.store.cases import a_submission, earlier, run
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


async def test_whoever_gives_a_case_back_is_handed_all_others_first(sessions: Sessions, as_api: Sessions) -> None:
    """« Prendre le suivant » is the next one, not the one just given back; which is there again when no other is."""
    _, waiting = await a_queue(sessions, 2)
    first, second = await reviewers(sessions, 2)
    given = await claim_next(as_api, first)
    assert given is not None and given.submission_id == waiting[0].id
    await give_back(as_api, given, first)

    async with as_api.begin() as session:
        listed = [(await queue.desk(session, who)).first for who in (first, second)]
    next_one = await claim_next(as_api, first)

    assert [[one.submitted_at for one in lines] for lines in listed] == [
        [waiting[1].submitted_at, waiting[0].submitted_at],
        [waiting[0].submitted_at, waiting[1].submitted_at],
    ]
    assert next_one is not None and next_one.submission_id == waiting[1].id
    await decide(as_api, next_one)
    again = await claim_next(as_api, first)
    assert again is not None and again.submission_id == waiting[0].id


async def test_whoever_knows_a_person_is_handed_no_case_of_theirs(sessions: Sessions, as_api: Sessions) -> None:
    """T48: neither this one nor the next, by the queue, from a shell, or by the database; others are, or are told."""
    campaign, (case,) = await a_queue(sessions, 1)
    first, second = await reviewers(sessions, 2)
    claim = await claim_next(as_api, first)
    assert claim is not None
    async with as_api.begin() as session:
        assert isinstance(await review.give_back(session, claim.id, by=first, knows=True), Claim)
    assert await written(sessions) == [("reviewer", "recused")]

    await run(sessions, "update submission set status = 'replaced', over_at = clock_timestamp()")
    async with sessions.begin() as session:
        member = await session.get_one(Member, case.member_id)
        anew = await a_submission(session, campaign, member, since=timedelta(days=2))
    assert await claim_next(as_api, first) is None
    async with as_api.begin() as session:
        assert (await queue.desk(session, first)).waiting == 0
        assert await review.claim_of(session, first, member.number, most_a_day=9) is Refusal.RECUSED
        (listed,) = await watch.second_looks(session)
    assert (listed.what, listed.subject_id) == ("known", anew.id)
    with pytest.raises(IntegrityError, match="somebody who does not know this person looks"):
        await run(
            sessions, "insert into claim (id, submission_id, reviewer_id, expires_at) values (:id, :s, :r, now())",
            id=uuid4(), s=anew.id, r=first,
        )  # fmt: skip
    other = await claim_next(as_api, second)
    assert other is not None and other.submission_id == anew.id


async def test_who_has_looked_at_the_roll_has_seen_it_under_every_lease(sessions: Sessions, as_api: Sessions) -> None:
    await a_queue(sessions, 1)
    first, second = await reviewers(sessions, 2)
    claim = await claim_next(as_api, first)
    assert claim is not None
    async with as_api.begin() as session:
        await review.show_roll(session, await session.get_one(Claim, claim.id))
    await give_back(as_api, claim, first)

    again = await claim_next(as_api, first)

    assert again is not None and again.id != claim.id and again.roll_shown_at is not None
    await give_back(as_api, again, first)
    other = await claim_next(as_api, second)
    assert other is not None and other.roll_shown_at is None
