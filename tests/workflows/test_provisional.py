"""A provisional vote after the close, with a real worker: the member's workflow takes what may still help it."""

import asyncio
from datetime import timedelta

from portal.rules.identity import Verdict
from portal.rules.refusals import Refusal
from portal.rules.votes import VoteState
from tests import builders, keys_of_votes
from tests.store.ballot_box import PRESIDENT, later, the_vote, vote
from tests.workflows.journeys import Journey, World, refusal_of, until

HOUR = timedelta(hours=1)


async def voted_in_review(world: World) -> tuple[Journey, object]:
    """Signed in, sent, registered, voted; then voting closed."""
    async with world.sessions.begin() as session:
        campaign = await builders.a_campaign(session, opens=-HOUR, closes=HOUR, election_key=keys_of_votes.PUBLIC)
    journey = await world.member(campaign, verified=True)
    submission_id = await journey.until_submitted()
    assert (await journey.register(PRESIDENT)).refusal is None
    async with world.sessions.begin() as session:
        await vote(session, campaign, journey.who)
    await later(world.sessions, 2 * HOUR)
    return journey, submission_id


async def state(journey: Journey) -> VoteState:
    async with journey.world.sessions.begin() as session:
        return (await the_vote(session, journey.campaign, journey.who)).state


async def decided(journey: Journey, verdict: Verdict, *, by: int = 1) -> None:
    world = journey.world
    for _ in range(by):
        claim = await world.claim(await world.reviewer())
        await world.decide(claim, verdict)
    signal = Verdict.APPROVE if verdict is Verdict.APPROVE else Verdict.REJECT
    await journey.deliver(claim.submission_id, claim.id, signal)
    await journey.erased(claim.submission_id)


async def test_a_better_photo_is_taken_after_the_close_and_the_vote_counts(world: World) -> None:
    journey, _ = await voted_in_review(world)
    await decided(journey, Verdict.REJECT)
    assert await state(journey) is VoteState.OPEN
    assert (await journey.submit(await journey.upload())).refusal is None
    await decided(journey, Verdict.APPROVE)
    assert await state(journey) is VoteState.COUNTS
    assert (await journey.outbox())["vote-settled"] == 1


async def test_a_refusal_is_contested_after_the_close_and_the_answer_is_not_late_at_once(world: World) -> None:
    journey, first = await voted_in_review(world)
    await decided(journey, Verdict.REFUSE, by=2)
    assert (await journey.submit(await journey.upload(appeal_of=first))).refusal is None  # type: ignore[arg-type]
    await until(journey.idle)
    await asyncio.sleep(0.2)
    assert "appeal-late" not in await journey.outbox(), "the answer is promised for a day that is still to come"
    await decided(journey, Verdict.REFUSE)
    assert await state(journey) is VoteState.SET_ASIDE
    assert (await journey.outbox())["vote-settled"] == 1


async def test_who_has_no_vote_to_help_sends_nothing_after_the_close(world: World) -> None:
    async with world.sessions.begin() as session:
        campaign = await builders.a_campaign(session, opens=-HOUR, closes=HOUR, election_key=keys_of_votes.PUBLIC)
    journey = await world.member(campaign, verified=True)
    await journey.sign_in()
    await later(world.sessions, 2 * HOUR)
    assert await refusal_of(journey.submit(await journey.upload())) is Refusal.REGISTRATION_CLOSED
