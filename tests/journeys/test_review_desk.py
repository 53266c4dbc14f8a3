"""A reviewer's hour without a mouse: take, read, compare, approve, take back, ask for a better photo, the next one."""

from playwright.async_api import Browser, Page
from sqlalchemy import text

from portal.rules.accounts import Role
from tests import builders
from tests.journeys.people import Town, cookie_of, send
from tests.journeys.stack import Stack
from tests.journeys.tab import visiting
from tests.journeys.test_keyboard import Keys

SIZE = "figure img"


async def size(page: Page) -> tuple[float, float]:
    box = await page.locator(SIZE).first.bounding_box()
    assert box is not None
    return round(box["width"]), round(box["height"])


async def verdicts(stack: Stack) -> list[tuple[str, bool]]:
    async with stack.sessions.begin() as session:
        rows = await session.execute(text("select verdict, undone_at is not null from opinion order by given_at"))
        return [(row[0], row[1]) for row in rows]


async def test_cases_are_reviewed_with_the_keyboard_only(stack: Stack, chromium: Browser) -> None:
    """WCAG 2.1.1, 2.1.4; T50: half a minute to think again, and the pictures from all sides."""
    stack.settings["PORTAL_UNDO_SECONDS"] = "60"
    async with stack.sessions.begin() as session:
        await builders.a_campaign(session)
    await stack.start()
    town = Town(stack)
    for _ in range(3):
        await send(await town.member())
    reviewer = await town.staff(Role.REVIEWER)
    async with visiting(chromium, stack.origin, "fr") as visitor:
        await visitor.become(cookie_of(reviewer))
        tab = await visitor.tab()
        keys, page = Keys(tab), tab.page
        await tab.go("/fr/examen")
        await keys.enter("Prendre le suivant")

        # The picture from closer by, turned and back; then nothing more of that while somebody types or has it off.
        await page.locator(SIZE).first.evaluate("image => image.decode()")
        await keys.to(page.get_by_role("region", name="Document 1"))
        fitting = await size(page)
        await page.keyboard.press("+")
        nearer = await size(page)
        assert nearer[0] > fitting[0]
        await page.keyboard.press("r")
        assert (await size(page))[0] < (await size(page))[1]
        await page.keyboard.press("b")
        assert "brightness(1.3)" in str(await page.locator(SIZE).first.get_attribute("style"))
        for key in "rrr0":
            await page.keyboard.press(key)
        assert await size(page) == fitting
        switch = page.locator("#raccourcis")
        await keys.to(switch)
        await page.keyboard.press("Space")
        await page.keyboard.press("+")
        assert await size(page) == fitting
        await page.reload()
        assert not await switch.is_checked(), "it is remembered"

        # Read and compared; the first field has the focus already.
        assert await page.evaluate("document.activeElement.name") == "name"
        await page.keyboard.type("Poquelin, Jean-Baptiste")
        await keys.type("street", "12 rue du Theatre")
        await keys.type("city", "gatineau")
        await keys.type("postal_code", "j8x1a1")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await tab.look()
        assert "Tout est identique" in await tab.words()
        await keys.enter("Approuver")
        assert "Identité approuvée" in await tab.words()

        # A second thought.
        await keys.enter("Annuler ma décision")
        assert "le dossier est de nouveau devant vous" in await tab.words()
        assert "Tout est identique" in await tab.words(), "it need not be read again"
        first = page.locator("#reason")
        await keys.to(first)
        await page.keyboard.press("Space")
        await page.keyboard.press("ArrowDown")
        await keys.enter("Demander une meilleure photo")
        assert "Meilleure photo demandée" in await tab.words()
        # Enter alone leads on.
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        await tab.look()
        assert "Examen d'un dossier" in await tab.words()
        await keys.enter("Rendre ce dossier")
        assert "de retour dans la file" in await tab.words()
    assert await verdicts(stack) == [("approve", True), ("reject", False)]


async def test_without_scripts_a_picture_is_a_picture_and_a_link(stack: Stack, chromium: Browser) -> None:
    async with stack.sessions.begin() as session:
        await builders.a_campaign(session)
    await stack.start()
    town = Town(stack)
    await send(await town.member())
    reviewer = await town.staff(Role.REVIEWER)
    async with visiting(chromium, stack.origin, "en", phone=True, scripts=False) as visitor:
        await visitor.become(cookie_of(reviewer))
        tab = await visitor.tab()
        await tab.go("/en/review")
        await tab.press("Take the next one")
        assert await tab.page.locator("[data-keys]").is_hidden()
        await tab.page.get_by_role("link", name="Full-size image").first.click()
        await tab.look()
        assert await tab.page.locator("img").count() == 1
        await tab.follow("Back")
        await tab.fill(
            name="Jean-Baptiste Poquelin", street="14, rue du Théâtre", city="Gatineau", postal_code="J8X 1A1"
        )
        await tab.press("Compare")
        assert "The number is different." in await tab.words()
        await tab.page.locator("#confirmed").check()
        await tab.press("Approve")
        assert "Identity approved" in await tab.words()
    assert await verdicts(stack) == [("approve", False)]
