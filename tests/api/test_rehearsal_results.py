"""What came of a rehearsal is public like a vote's, and must never be taken for one."""

from sqlalchemy import text

from portal.store import Sessions
from tests.api.conftest import Visit
from tests.api.test_after_the_vote import a_box, published
from tests.store.ballot_box import PRESIDENT


async def test_results_and_receipts_of_a_rehearsal_say_so_before_anything_else(
    visit_alone: Visit, sessions: Sessions
) -> None:
    campaign = await a_box(sessions)
    await published(sessions, campaign, {PRESIDENT: {}})
    stranger = visit_alone()
    for rehearsal in (False, True):
        async with sessions.begin() as session:
            await session.execute(text("set local session_replication_role = replica"))
            await session.execute(text("update campaign set rehearsal = :yes"), {"yes": rehearsal})
        for address in (f"/fr/resultats/{campaign.code}", f"/fr/recus/{campaign.code}/{PRESIDENT}"):
            await stranger.get(address)
            assert stranger.response.status_code == 200
            assert ("Ceci n'est pas un vrai vote" in stranger.page.text) is rehearsal
