"""Forms of officers in a real browser."""

from playwright.async_api import Browser

from portal.rules.accounts import Role
from tests.api.test_campaigns import prepared
from tests.journeys.people import Town, cookie_of
from tests.journeys.tab import visiting

QUESTION = "/fr/campagne/votes-2027/question"


async def test_a_vote_that_the_law_gives_to_everybody_is_not_offered_for_members_only(
    town: Town, chromium: Browser
) -> None:
    """T84: the answer goes with the kind of vote, and comes back with another; without scripts the page says it."""
    officer = await town.staff(Role.OFFICER)
    await prepared(officer)
    async with visiting(chromium, town.stack.origin, "fr") as visitor:
        await visitor.become(cookie_of(officer))
        tab = await visitor.tab()
        await tab.go(QUESTION)
        members = tab.page.get_by_label("Les membres en règle", exact=True)
        everybody = tab.page.get_by_label("Tout le personnel de l'unité", exact=True)
        assert await members.is_checked()
        for kind in ("Vote de grève (oui, non)", "Vote sur la dernière offre de l'employeur (oui, non)"):
            await tab.page.get_by_label("Élection", exact=True).check()
            assert await members.is_enabled()
            await members.check()
            await tab.page.get_by_label(kind, exact=True).check()
            assert await members.is_disabled()
            assert await everybody.is_checked()
    async with visiting(chromium, town.stack.origin, "fr", scripts=False) as visitor:
        await visitor.become(cookie_of(officer))
        tab = await visitor.tab()
        await tab.go(QUESTION)
        for value in ("strike", "last-offer"):
            hint = await tab.page.locator(f"input[value={value}]").get_attribute("aria-describedby")
            assert "pour tout le personnel de l'unité" in await tab.page.locator(f"#{hint}").inner_text()
        await tab.page.locator("input[value=strike]").check()
        async with tab.page.expect_navigation():
            await tab.page.get_by_role("button", name="Enregistrer ce vote").click()
        # The console repeats that a form was refused.
        tab.visitor.complaints.clear()
        assert await tab.page.get_by_label("Les membres en règle", exact=True).is_disabled()
        assert await tab.page.get_by_label("Tout le personnel de l'unité", exact=True).is_checked()
