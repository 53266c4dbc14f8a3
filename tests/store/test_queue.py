"""The order of the queue, by the rule and by SQL; and what its page tells."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from portal.rules.identity import Reason, SubmissionStatus, Verdict
from portal.rules.queue import MANY_IN_AN_HOUR, Risk, due, order, risk, time_needed
from portal.store import Sessions, queue, review
from portal.store.identity import Submission
from portal.store.queue import Desk
from tests import builders
from tests.store.ballot_box import a_provisional_voter, an_open_campaign, later
from tests.store.cases import a_submission, run
from tests.store.test_review import a_queue, claim_next, decide, reviewers

NOW = datetime(2017, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


async def desk(sessions: Sessions, reviewer: UUID) -> Desk:
    async with sessions.begin() as session:
        return await queue.desk(session, reviewer)


@pytest.mark.parametrize(
    ("submitted", "closes", "appeal", "expected"),
    [
        (-1 * DAY, 10 * DAY, False, 10 * DAY),
        (-25 * DAY, 10 * DAY, False, 5 * DAY),
        (-1 * DAY, 10 * DAY, True, 6 * DAY),
        # A vote that is over makes nothing more urgent.
        (-1 * DAY, -1 * HOUR, False, 29 * DAY),
        (-8 * DAY, 10 * DAY, True, -1 * DAY),
    ],
)
def test_a_case_is_due_at_the_nearest_of_its_days(
    submitted: timedelta, closes: timedelta, appeal: bool, expected: timedelta
) -> None:
    assert due(NOW + submitted, NOW + closes, NOW, appeal=appeal) == NOW + expected


def test_who_has_voted_already_is_due_when_that_vote_is_settled_also_after_that_day() -> None:
    def by(closes: timedelta, settled_by: timedelta, *, appeal: bool = False) -> timedelta:
        return due(NOW - DAY, NOW + closes, NOW, appeal=appeal, settled_by=NOW + settled_by) - NOW

    assert by(2 * DAY, 9 * DAY) == 9 * DAY, "their vote is in the box: the close is nothing to them"
    assert by(-2 * DAY, 5 * DAY) == 5 * DAY
    assert by(-9 * DAY, -2 * DAY) == -2 * DAY, "late is more urgent, not less"
    assert by(-2 * DAY, 9 * DAY, appeal=True) == 6 * DAY


async def test_after_the_close_the_documents_that_a_vote_waits_for_come_first(
    sessions: Sessions, as_api: Sessions
) -> None:
    async with sessions.begin() as session:
        campaign = await an_open_campaign(session, ends=60 * DAY)
        older = await builders.a_member(session)
        first = await a_submission(session, campaign, older, since=3 * DAY)
        _, waited_for = await a_provisional_voter(session, campaign)
    await later(sessions, 8 * DAY)
    person, other = await reviewers(sessions, 2)
    given = [await claim_next(as_api, one) for one in (person, other)]
    assert [claim.submission_id for claim in given if claim] == [waited_for.id, first.id]


def test_what_is_near_or_would_come_too_late_at_this_pace_is_at_risk() -> None:
    assert risk(NOW + 71 * HOUR, NOW, timedelta(0)) is Risk.SOON
    assert risk(NOW + 73 * HOUR, NOW, timedelta(0)) is Risk.NONE
    assert risk(NOW + 73 * HOUR, NOW, time_needed(5000, 1000, 7000)) is Risk.PACE
    assert time_needed(5000, 1000, 7000) == 5 * DAY
    assert time_needed(5000, 0, 0) == timedelta(0), "nothing is known of a week without decisions"
    assert time_needed(10**6, 1, 1) == 30 * DAY


def test_a_quiet_night_puts_no_case_at_risk_that_the_forecast_calls_safe() -> None:
    assert time_needed(15, 1, 42) == 5 * DAY, "half the pace of the week, as in the forecast beside it"
    assert risk(NOW + 11 * DAY, NOW, time_needed(15, 1, 42)) is Risk.NONE


def test_second_attempts_come_before_first_ones_of_the_same_day() -> None:
    first = order(NOW - 2 * DAY, NOW + DAY, 1, NOW, timedelta(0))
    second = order(NOW - 1 * HOUR, NOW + DAY, 2, NOW, timedelta(0))
    nearer = order(NOW - 1 * HOUR, NOW + HOUR, 1, NOW, timedelta(0))
    calm = order(NOW - 9 * DAY, NOW + 9 * DAY, 2, NOW, timedelta(0))

    assert sorted([calm, first, second, nearer]) == [nearer, second, first, calm]


async def test_sql_hands_out_in_the_order_of_the_rule(sessions: Sessions, as_api: Sessions) -> None:
    """Two campaigns, old and young, appeals and second attempts, with and without a pace."""
    async with sessions.begin() as session:
        waiting: dict[UUID, tuple[Submission, datetime]] = {}
        for closes in (4 * DAY, 40 * DAY, 2 * DAY):
            campaign = await builders.a_campaign(session)
            # A closing may only move later; the tests' campaigns close sooner than some of these.
            campaign.closes = max(campaign.closes, datetime.now(UTC) + closes)
            campaign.ends = campaign.closes + DAY
            for age in (29 * DAY, 6 * DAY, 1 * HOUR):
                member = await builders.a_member(session)
                refused = None
                if age == 6 * DAY:
                    refused = await a_submission(
                        session, campaign, member, status=SubmissionStatus.REJECTED, since=9 * DAY
                    )
                appeal_of = refused.id if refused is not None and closes == 40 * DAY else None
                one = await a_submission(session, campaign, member, since=age, appeal_of=appeal_of)
                await session.refresh(one)
                waiting[one.id] = (one, campaign.closes)
    for settled in (False, True):
        if settled:
            _, cases = await a_queue(sessions, 1)
            (who,) = await reviewers(sessions, 1)
            await run(
                sessions, "update submission set submitted_at = now() - interval '29.9 days' where id = :id",
                id=cases[0].id,
            )  # fmt: skip
            await decide(as_api, await claim_next(as_api, who))
        needed = time_needed(len(waiting), int(settled), int(settled))
        now = datetime.now(UTC)

        def place(of: UUID, now: datetime = now, needed: timedelta = needed) -> tuple[object, ...]:
            one, closes = waiting[of]
            assert one.submitted_at is not None
            by = due(one.submitted_at, closes, now, appeal=one.appeal_of is not None)
            return order(one.submitted_at, by, one.attempt, now, needed)

        people = await reviewers(sessions, len(waiting))
        given = [await claim_next(as_api, reviewer) for reviewer in people]
        assert [claim.submission_id for claim in given if claim] == sorted(waiting, key=place)
        await run(sessions, "update claim set expires_at = now()")
    attempts = {one.attempt for one, _ in waiting.values()}
    assert attempts == {1, 2}


async def test_the_page_tells_how_it_stands_and_names_nobody(sessions: Sessions, as_api: Sessions) -> None:
    _, waiting = await a_queue(sessions, 4)
    first, second = await reviewers(sessions, 2)
    await decide(as_api, await claim_next(as_api, first))
    await claim_next(as_api, second)

    found = await desk(as_api, first)

    assert (found.waiting, found.oldest) == (3, waiting[1].submitted_at)
    assert [(one.submitted_at, one.held, one.mine) for one in found.first] == [
        (waiting[1].submitted_at, True, False),
        (waiting[2].submitted_at, False, False),
        (waiting[3].submitted_at, False, False),
    ]
    assert {one.language for one in found.first} == {"fr"}
    assert [one.mine for one in (await desk(as_api, second)).first] == [True, False, False]
    async with as_api.begin() as session:
        figures = await queue.figures(session, first, "America/Toronto")
    assert (figures.last_hour, figures.own_today, figures.held) == (1, 1, 1)
    assert figures.median_wait is not None and timedelta(hours=4) <= figures.median_wait < timedelta(hours=5)


async def test_a_case_one_has_had_an_opinion_on_is_not_told_apart(sessions: Sessions, as_api: Sessions) -> None:
    """Who proposed a refusal does not see the case wait for somebody else."""
    await a_queue(sessions, 1)
    first, second = await reviewers(sessions, 2)
    await decide(as_api, await claim_next(as_api, first), Verdict.REFUSE, reason=Reason.SUSPECTED_FRAUD)

    assert (await desk(as_api, first)).waiting == 0
    assert (await desk(as_api, second)).waiting == 1


async def test_the_thirty_first_case_of_an_hour_is_written_down_once(sessions: Sessions, as_api: Sessions) -> None:
    """T49: for operators, with whom to ask."""
    await a_queue(sessions, 1)
    (reviewer,) = await reviewers(sessions, 1)
    for n in range(MANY_IN_AN_HOUR + 2):
        claim = await claim_next(as_api, reviewer)
        assert claim is not None
        async with as_api.begin() as session:
            await review.watch(session, reviewer)
            assert len(await review.alerts(session)) == (n >= MANY_IN_AN_HOUR)
            await review.give_back(session, claim.id, by=reviewer)
    async with as_api.begin() as session:
        (alert,) = await review.alerts(session)
    assert alert.reviewer_id == reviewer
