"""The portal counts what was cast online: a result says when there is more."""

from sqlalchemy import text

from portal.store import Sessions
from tests.api.conftest import Visit
from tests.api.test_after_the_vote import a_box, published
from tests.store.ballot_box import DAY, later, sealed


async def test_a_result_says_that_the_ballots_of_the_post_are_in_none_of_its_numbers(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """With them it may come out otherwise. Of a few it is not said how many: the post would tell how they voted."""
    campaign = await a_box(sessions)
    await later(sessions, 3 * DAY)
    await sealed(sessions, campaign.id)
    async with sessions.begin() as session:
        await session.execute(text("set local session_replication_role = replica"))
        for code, n in (("president", 12), ("pension", 3)):
            await session.execute(
                text(
                    "update sealed_ballot set on_paper = :n where ballot_id = (select id from ballot where code = :c)"
                ),
                {"n": n, "c": code},
            )
    await published(sessions, campaign, {"president": {}, "pension": {}, "auditors": {}})
    stranger = visit_alone()
    await stranger.get(f"/fr/resultats/{campaign.code}")
    said = stranger.page.text
    assert said.count("Adopté : plus de oui que de non. Votes en ligne seulement.") == 4, "in the list and at its place"
    assert "12 personnes votent par la poste : leurs bulletins de papier ne comptent ni dans ces votes" in said
    assert "Moins de 10 personnes votent par la poste" in said
    assert "3 personnes" not in said
    await stranger.get(f"/en/results/{campaign.code}")
    assert "12 people vote by mail" in stranger.page.text
