"""Which votes may still be cancelled, by the records."""

import pytest

from portal.rules.campaign_changes import ChangeKind
from portal.rules.refusals import Refusal
from portal.store import Sessions, running
from tests.store.running import a_vote, campaign_of, close, officer, open_for_votes, signed
from tests.store.test_running import voted


async def test_a_vote_that_is_over_and_was_voted_in_is_not_cancelled_any_more(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T66: not by two officers either: whoever voted is owed the results."""
    one, other = await officer(sessions), await officer(sessions)
    campaign = await voted(sessions)
    async with as_api.begin() as session:
        assert await running.voters(session, campaign.id) == 4
    assert await signed(as_api, campaign.id, ChangeKind.CANCEL, one, other) is Refusal.RESULTS_OWED
    assert (await campaign_of(sessions, campaign)).status == "open"


@pytest.mark.parametrize("over", [False, True])
async def test_a_vote_is_cancelled_while_it_is_open_or_if_nobody_voted(
    sessions: Sessions, as_api: Sessions, over: bool
) -> None:
    one, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        if not over:
            await a_vote(session, campaign)
    if over:
        await close(sessions, campaign)
    assert await signed(as_api, campaign.id, ChangeKind.CANCEL, one, other) is None
    assert (await campaign_of(sessions, campaign)).status == "cancelled"
