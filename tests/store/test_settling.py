"""What becomes of a provisional vote, by the view, and until when."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from portal.rules.identity import SubmissionStatus
from portal.rules.refusals import Refusal
from portal.rules.votes import VoteState
from portal.store import Sessions, appeals, settling
from portal.store.appeals import Contestable
from tests import builders
from tests.store.ballot_box import (
    DAY,
    HOUR,
    PRESIDENT,
    a_provisional_voter,
    an_open_campaign,
    answered,
    later,
    registered,
    the_vote,
    vote,
)  # fmt: skip
from tests.store.cases import a_submission

OPEN, COUNTS, ASIDE = VoteState.OPEN, VoteState.COUNTS, VoteState.SET_ASIDE
ANSWERS = (SubmissionStatus.REJECTED, SubmissionStatus.REFUSED, SubmissionStatus.EXPIRED, SubmissionStatus.WITHDRAWN)


def settled_by(
    *, closes: datetime, ends: datetime, answered: datetime | None = None, sent: datetime | None = None
) -> datetime:
    """A week after the close, and after what was answered or sent since: what the view is held to."""
    week_after = [at + 7 * DAY for at in (answered or closes, sent) if at is not None]
    return min(ends, max(closes, *week_after))


def test_a_vote_is_settled_a_week_after_the_close_and_after_what_came_since_and_never_after_the_end() -> None:
    closes = datetime(2017, 3, 3, 21, tzinfo=UTC)
    ends = closes + 14 * DAY

    def by(answered: timedelta | None = None, sent: timedelta | None = None) -> timedelta:
        of = {"answered": answered, "sent": sent}
        given = {name: closes + at for name, at in of.items() if at is not None}
        return settled_by(closes=closes, ends=ends, **given) - closes

    assert by() == 7 * DAY
    assert by(answered=-9 * DAY) == timedelta(0), "there was time enough before the close"
    assert by(answered=-2 * DAY) == 5 * DAY
    assert by(answered=3 * DAY) == 10 * DAY
    assert by(answered=3 * DAY, sent=9 * DAY) == 14 * DAY
    assert by(sent=-30 * DAY) == 7 * DAY


@pytest.mark.parametrize("closed", [-DAY, HOUR, 3 * DAY, 8 * DAY, 20 * DAY])
@pytest.mark.parametrize("answer", [None, *ANSWERS])
@pytest.mark.parametrize("ago", [HOUR, 6 * DAY, 9 * DAY])
async def test_the_view_settles_votes_by_the_rule(
    sessions: Sessions, as_api: Sessions, closed: timedelta, answer: SubmissionStatus | None, ago: timedelta
) -> None:
    """Every answer, at every distance from the close, with and without another picture since."""
    async with sessions.begin() as session:
        campaign = await an_open_campaign(session)
        member, sent = await a_provisional_voter(session, campaign)
    await later(sessions, 2 * DAY + closed)
    async with sessions.begin() as session:
        await session.refresh(campaign := await session.merge(campaign))
        if answer is not None:
            await answered(session, sent, answer, ago=ago)
    now = datetime.now(UTC)
    dated = {"sent": now - (2 * DAY + closed) - HOUR} if answer is None else {"answered": now - ago}
    by = settled_by(closes=campaign.closes, ends=campaign.ends, **dated)

    async with as_api.begin() as session:
        found = await the_vote(session, campaign, member)
        until = await settling.open_until(session, campaign.id, member.id)

    assert abs(found.settled_by - by) < timedelta(minutes=1)
    assert found.state is (OPEN if answer is None or now < by else ASIDE)
    assert found.because == (None if answer is None else answer.value)
    assert (until is not None) == (found.state is OPEN)


async def test_an_upload_that_was_only_begun_and_an_appeal_taken_back_open_nothing_again(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await an_open_campaign(session)
        member, sent = await a_provisional_voter(session, campaign)
        await answered(session, sent, SubmissionStatus.REFUSED, ago=HOUR)
        lost = await a_submission(session, campaign, member, status=SubmissionStatus.REFUSED, appeal_of=sent.id)
        draft = await a_submission(session, campaign, member, status=SubmissionStatus.STAGED)
        await answered(session, draft, SubmissionStatus.ABANDONED)
        assert (await the_vote(session, campaign, member)).state is ASIDE, "the answer to an appeal is the last"

        other, first = await a_provisional_voter(session, campaign)
        await answered(session, first, SubmissionStatus.REFUSED, ago=9 * DAY)
        back = await a_submission(session, campaign, other, status=SubmissionStatus.WITHDRAWN, appeal_of=first.id)
        found = await the_vote(session, campaign, other)
    assert lost.id != back.id
    assert (found.state, found.because) == (OPEN, "refused"), "until the close, and by the refusal that stands"
    assert found.settled_by == campaign.closes


async def test_who_has_a_vote_that_is_open_contests_after_the_close_and_nobody_else_does(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await an_open_campaign(session)
        voter, sent = await a_provisional_voter(session, campaign)
        other = await builders.a_member(session, verified=True)
        theirs = await a_submission(session, campaign, other, since=HOUR)
    await later(sessions, 3 * DAY)
    async with sessions.begin() as session:
        campaign = await session.merge(campaign)
        await session.refresh(campaign)
        for one in (sent, theirs):
            await answered(session, one, SubmissionStatus.REFUSED, ago=HOUR)
        now = datetime.now(UTC)
        found = await appeals.contestable(session, campaign, voter.id, now)
        assert isinstance(found, Contestable)
        assert found.until == (await the_vote(session, campaign, voter)).settled_by > campaign.closes
        assert await appeals.contestable(session, campaign, other.id, now) is Refusal.APPEAL_TOO_LATE
    await later(sessions, 8 * DAY)
    async with sessions.begin() as session:
        campaign = await session.merge(campaign)
        await session.refresh(campaign)
        late = await appeals.contestable(session, campaign, voter.id, datetime.now(UTC))
        assert late is Refusal.APPEAL_TOO_LATE
        assert [(one.campaign_id, one.member_id) for one in await settling.untold(session)] == [
            (campaign.id, voter.id)
        ]  # fmt: skip


async def test_operators_see_who_has_a_provisional_vote_and_the_first_day_but_not_when_they_voted(
    sessions: Sessions, as_api: Sessions
) -> None:
    async with sessions.begin() as session:
        campaign = await an_open_campaign(session)
        waiting, _ = await a_provisional_voter(session, campaign)
        asked, sent = await a_provisional_voter(session, campaign)
        await answered(session, sent, SubmissionStatus.REJECTED, ago=9 * DAY)
        sure = await builders.a_member(session, verified=True)
        await registered(session, campaign, sure, PRESIDENT)
        await session.execute(text("update registration set confirmed_at = now() where member_id = :m"), {"m": sure.id})
        await vote(session, campaign, sure)
    async with as_api.begin() as session:
        listed = settling.provisional(campaign.id)
        assert await listed.count(session) == 2
        lines = await listed.page(session, most=10, skipped=0)
        due = await settling.first_due(session, campaign.id)
        cast = await the_vote(session, campaign, waiting)
    assert [(line.member_id, line.what) for line in lines] == [(asked.id, "rejected"), (waiting.id, "submitted")]
    assert due == campaign.closes == lines[0].until
    assert cast.cast_at not in {line.since for line in lines}
