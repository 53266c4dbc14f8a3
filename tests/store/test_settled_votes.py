"""What becomes of each vote: it counts, is still open, or is set aside; and the seal ends all of it."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from portal.rules.identity import SubmissionStatus as Status
from portal.rules.votes import VoteState
from portal.store import Session, Sessions, votes
from portal.store.campaigns import Campaign
from portal.store.identity import Submission
from portal.store.members import Member
from portal.store.votes import Cast
from tests.store.ballot_box import written_down
from tests.store.cases import a_submission
from tests.voting import HOUR, a_voter, an_open_vote, vote

DAY = timedelta(days=1)
COUNTS, OPEN, ASIDE = VoteState.COUNTS, VoteState.OPEN, VoteState.SET_ASIDE


async def a_provisional_vote(session: Session) -> tuple[Campaign, Member, Submission]:
    """Cast while the documents were under review, an hour after they had been sent."""
    campaign = await an_open_vote(session, closes=DAY)
    member, ballot = await a_voter(session, campaign, confirmed=False)
    sent = await a_submission(session, campaign, member, since=HOUR)
    assert await vote(session, campaign, member, ballot)
    return campaign, member, sent


async def now(session: Session, statement: str, **values: object) -> None:
    """Whatever the triggers say: time passes, a decision takes effect."""
    await session.execute(text("set local session_replication_role = replica"))
    await session.execute(text(statement), values)
    await session.execute(text("set local session_replication_role = origin"))


async def closed(session: Session, ago: timedelta) -> None:
    await now(
        session,
        "update campaign set registration_opens = clock_timestamp() - interval '99 days', "
        " opens = clock_timestamp() - cast(:ago as interval) - interval '2 days',"
        " closes = clock_timestamp() - cast(:ago as interval),"
        " ends = clock_timestamp() - cast(:ago as interval) + interval '14 days'",
        ago=ago,
    )


async def answered(session: Session, submission: Submission, status: Status, ago: timedelta) -> None:
    await now(
        session,
        "update submission set status = :s, over_at = clock_timestamp() - cast(:ago as interval) where id = :id",
        s=status.value, ago=ago, id=submission.id,
    )  # fmt: skip


async def confirmed(session: Session) -> None:
    await session.execute(text("update registration set confirmed_at = clock_timestamp()"))


async def fate(sessions: Sessions, campaign: Campaign, member: Member) -> Cast:
    async with sessions.begin() as session:
        (mine,) = (await votes.of_member(session, campaign.id, member.id)).values()
        return mine


@pytest.mark.parametrize(
    ("answer", "ago", "since_close", "state"),
    [
        # Before the close anything may still change, whatever was answered.
        (Status.REJECTED, HOUR, -DAY, OPEN),
        (Status.REFUSED, 20 * DAY, -DAY, OPEN),
        (Status.EXPIRED, 20 * DAY, -DAY, OPEN),
        (Status.WITHDRAWN, 20 * DAY, -DAY, OPEN),
        # For a week after the answer.
        (Status.REJECTED, 6 * DAY, 3 * DAY, OPEN),
        (Status.REJECTED, 8 * DAY, 3 * DAY, ASIDE),
        (Status.REFUSED, 6 * DAY, 3 * DAY, OPEN),
        (Status.REFUSED, 8 * DAY, 3 * DAY, ASIDE),
        (Status.EXPIRED, 6 * DAY, 3 * DAY, OPEN),
        (Status.EXPIRED, 8 * DAY, 3 * DAY, ASIDE),
        # And never beyond the end of the campaign.
        (Status.REJECTED, HOUR, 15 * DAY, ASIDE),
        (Status.ABANDONED, HOUR, 15 * DAY, ASIDE),
    ],
)
async def test_a_vote_without_a_confirmed_identity_is_open_for_a_week_and_then_set_aside(
    sessions: Sessions, as_api: Sessions, answer: Status, ago: timedelta, since_close: timedelta, state: VoteState
) -> None:
    async with sessions.begin() as session:
        campaign, member, sent = await a_provisional_vote(session)
        await closed(session, since_close)
        await answered(session, sent, answer, ago)
    found = await fate(as_api, campaign, member)
    assert (found.state, found.because) == (state, answer.value)


async def test_a_better_photo_that_is_approved_makes_the_vote_count(sessions: Sessions, as_api: Sessions) -> None:
    async with sessions.begin() as session:
        campaign, member, sent = await a_provisional_vote(session)
        await closed(session, 2 * DAY)
        await answered(session, sent, Status.REJECTED, DAY)
    assert (await fate(as_api, campaign, member)).state is OPEN
    async with sessions.begin() as session:
        better = await a_submission(session, campaign, member)
    found = await fate(as_api, campaign, member)
    assert (found.state, found.because) == (OPEN, None)
    async with sessions.begin() as session:
        await answered(session, better, Status.APPROVED, timedelta(0))
        await confirmed(session)
    found = await fate(as_api, campaign, member)
    assert (found.state, found.because) == (COUNTS, None)


async def test_the_answer_to_an_appeal_is_the_last(sessions: Sessions, as_api: Sessions) -> None:
    async with sessions.begin() as session:
        campaign, member, sent = await a_provisional_vote(session)
        await closed(session, 2 * DAY)
        await answered(session, sent, Status.REFUSED, DAY)
    assert (await fate(as_api, campaign, member)).state is OPEN, "it may be contested for a week"
    async with sessions.begin() as session:
        appeal = await a_submission(session, campaign, member, appeal_of=sent.id)
    assert (await fate(as_api, campaign, member)).state is OPEN
    async with sessions.begin() as session:
        await answered(session, appeal, Status.REFUSED, timedelta(0))
    assert (await fate(as_api, campaign, member)).state is ASIDE


async def test_what_was_so_at_the_seal_stays_so(sessions: Sessions, as_api: Sessions) -> None:
    """T85: nothing that is decided about an identity afterwards takes a vote out of a count or puts one into it."""
    async with sessions.begin() as session:
        campaign, member, sent = await a_provisional_vote(session)
        await closed(session, 10 * DAY)
        await answered(session, sent, Status.REFUSED, 9 * DAY)
        await written_down(session, campaign.id)
        await now(session, "update campaign set sealed_at = clock_timestamp()")
    assert (await fate(as_api, campaign, member)).state is ASIDE
    async with sessions.begin() as session:
        late = await a_submission(session, campaign, member)
    assert (await fate(as_api, campaign, member)).state is ASIDE
    async with sessions.begin() as session:
        await answered(session, late, Status.APPROVED, timedelta(0))
        await confirmed(session)
    found = await fate(as_api, campaign, member)
    assert (found.state, found.because) == (ASIDE, "refused")


async def test_a_confirmed_vote_counts_before_and_after_the_seal(sessions: Sessions, as_api: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await an_open_vote(session, closes=DAY)
        member, ballot = await a_voter(session, campaign)
        assert await vote(session, campaign, member, ballot)
    assert (await fate(as_api, campaign, member)).state is COUNTS
    async with sessions.begin() as session:
        await closed(session, DAY)
        await written_down(session, campaign.id)
        await now(session, "update campaign set sealed_at = clock_timestamp()")
        await now(session, "update member set left_at = clock_timestamp()")
    assert (await fate(as_api, campaign, member)).state is COUNTS, "nobody leaves the box with the roll"
