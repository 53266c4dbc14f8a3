"""What is left of a vote for whoever cast it: once its campaign is over, and if it was cancelled."""

from sqlalchemy import text

from portal.store import Sessions
from tests.api.conftest import Visit
from tests.api.test_after_the_vote import a_box, a_voter, receipts_of, signed_in
from tests.store.ballot_box import DAY, PRESIDENT, later


async def test_the_receipt_is_still_there_once_the_campaign_is_over(visit_alone: Visit, sessions: Sessions) -> None:
    campaign = await a_box(sessions)
    member = await a_voter(sessions, campaign, PRESIDENT)
    (receipt,) = await receipts_of(sessions, campaign, member)
    await later(sessions, 60 * DAY)
    person = await signed_in(visit_alone, sessions, member)
    assert person.page.h1 == ["Aucun vote pour le moment"]
    await person.get(f"/fr/votes/{PRESIDENT}/recu")
    assert person.response.status_code == 200
    assert receipt in person.page.text
    assert "/fr/votes/comptes" in person.page.links
    await person.get("/fr/votes/pension/recu")
    assert person.page.h1 == ["Aucun vote pour le moment"], "in this one they had not voted"


async def test_whoever_had_voted_reads_that_the_vote_was_cancelled(visit_alone: Visit, sessions: Sessions) -> None:
    campaign = await a_box(sessions)
    member, other = await a_voter(sessions, campaign, PRESIDENT), await a_voter(sessions, campaign)
    (receipt,) = await receipts_of(sessions, campaign, member)
    async with sessions.begin() as session:
        await session.execute(text("update campaign set status = 'cancelled', cancelled_at = clock_timestamp()"))
    person = await signed_in(visit_alone, sessions, member)
    assert person.page.h1 == ["Aucun vote pour le moment"]
    assert "aucun vote n'en sera ouvert ni compté" in person.page.text
    await person.get("/fr/votes/comptes")
    assert "votre vote ne sera ni ouvert ni compté" in person.page.text
    assert "Dans l'urne" not in person.page.text
    await person.get(f"/fr/votes/{PRESIDENT}/recu")
    assert receipt in person.page.text and "votre vote ne sera ni ouvert ni compté" in person.page.text
    for public in (f"/fr/resultats/{campaign.code}", f"/fr/recus/{campaign.code}/{PRESIDENT}"):
        await person.get(public)
        assert "aucun vote n'en sera ouvert ni compté" in person.page.text
        assert "publié" not in person.page.text.partition("Ce vote a été annulé")[2].partition("Guide")[0]
    somebody = await signed_in(visit_alone, sessions, other)
    await somebody.get("/fr/votes/comptes")
    assert campaign.title_fr not in somebody.page.text
