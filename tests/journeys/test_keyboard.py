"""The whole journey without a mouse: Tab, Enter, Space, arrows and typing, the focus always in sight."""

import re

from playwright.async_api import Browser, Locator

from portal.rules.accounts import Role
from tests.api.conftest import PASSWORD
from tests.journeys.mails import code_in, mail_to
from tests.journeys.people import PICTURE, Town, cookie_of
from tests.journeys.tab import Tab, visiting

# What a page may have before the thing looked for; more means that one turns in a circle.
# The operations desk has a number, hence a link, for every group at every step.
MOST_STOPS = 150

# Where the focus is, and whether anybody sees it there: the same thing looks different without it.
FOCUS = """() => {
  const at = document.activeElement, seen = at.closest('.app-file') || at, box = seen.getBoundingClientRect();
  const look = () => {
    const style = getComputedStyle(seen);
    return [style.outline, style.boxShadow, style.backgroundColor, style.borderColor].join();
  };
  const focused = look();
  at.blur();
  const different = look() !== focused;
  at.focus();
  return {
    what: at.outerHTML.slice(0, 120),
    nowhere: at === document.body,
    seen: different && box.width > 1 && box.height > 1 && box.bottom > 0 && box.top < innerHeight && box.right > 0,
  };
}"""


class Keys:
    """A person at the keyboard."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.page = tab.page

    async def to(self, target: Locator) -> None:
        """Tab by tab."""
        for _ in range(MOST_STOPS):
            await self.page.keyboard.press("Tab")
            focus = await self.page.evaluate(FOCUS)
            if focus["nowhere"]:
                # Past the end: a browser goes on to its own buttons.
                continue
            assert focus["seen"], f"{self.page.url}: nobody sees the focus on {focus['what']}"
            if await target.first.evaluate("element => element === document.activeElement"):
                return
        raise AssertionError(f"{self.page.url}: no way to {target}")

    async def enter(self, name: str | re.Pattern[str], role: str = "button", key: str = "Enter") -> None:
        """To a button or link, and through it to its page."""
        exact = isinstance(name, str)
        await self.to(self.page.get_by_role(role, name=name, exact=exact))  # type: ignore[arg-type]
        async with self.page.expect_navigation(timeout=15_000):
            await self.page.keyboard.press(key)
        await self.tab.look()

    async def type(self, field: str, words: str) -> None:
        await self.to(self.page.locator(f"[name={field}]"))
        await self.page.keyboard.type(words)


async def test_the_whole_journey_with_the_keyboard_only(town: Town, chromium: Browser) -> None:
    """WCAG 2.1.1, 2.1.2, 2.4.1, 2.4.7: from the entrance to signing out, in French."""
    account = await town.a_member(verified=False)
    assert account.email
    async with visiting(chromium, town.stack.origin, "fr") as visitor:
        tab = await visitor.tab()
        keys = Keys(tab)
        await tab.go("/fr/")
        await keys.enter("Entrez", "link")
        await keys.type("email", account.email)
        await keys.type("password", PASSWORD)
        await tab.page.keyboard.press("Enter")
        await tab.page.wait_for_url("**/fr/accueil")

        await keys.enter("Modifier mon profil", "link")
        await keys.enter("Envoyer courriel de vérification", key="Space")
        mail = await mail_to(town.stack.servers.mailbox, account.email, "Confirmez")
        await keys.type("code", code_in(mail))
        async with tab.page.expect_navigation():
            await tab.page.keyboard.press("Enter")
        assert "Courriel vérifié" in await tab.words()

        await keys.enter("Télécharger une photo ID", "link")
        kind = tab.page.locator("select[name=kind1]")
        await keys.to(kind)
        await tab.page.keyboard.type("Permis")
        assert await kind.input_value() == "driving-licence"
        file = tab.page.locator("input[name=file1]")
        await keys.to(file)
        await file.set_input_files({"name": "permis.jpg", "mimeType": "image/jpeg", "buffer": PICTURE[1]})
        await keys.enter("Continuer", key="Space")
        await keys.enter("Envoyer")
        await keys.enter("Votes des membres", "link")
        await keys.enter("M'inscrire à tous mes votes (7)", "link")
        await keys.type("password", PASSWORD)
        await keys.enter("M'inscrire à tous mes votes (7)")
        assert (await tab.words()).count("sous réserve de la confirmation de votre identité") == 7

        me = tab.page.locator("details.app-me")
        await keys.to(me.locator("summary"))
        await tab.page.keyboard.press("Enter")
        assert await me.evaluate("menu => menu.open")
        await tab.page.keyboard.press("Tab")
        await tab.page.keyboard.press("Escape")
        assert not await me.evaluate("menu => menu.open")
        assert await me.locator("summary").evaluate("name => name === document.activeElement")
        await tab.page.keyboard.press("Space")
        await keys.enter("Déconnexion")
        assert await tab.page.locator("h1").inner_text() == "Vous avez quitté le portail"


async def test_the_first_stop_of_a_page_leads_past_its_top(town: Town, chromium: Browser) -> None:
    """WCAG 2.4.1: « Aller au contenu »."""
    async with visiting(chromium, town.stack.origin, "fr") as visitor:
        tab = await visitor.tab()
        await tab.go("/fr/connexion")
        await tab.page.keyboard.press("Tab")
        skip = tab.page.get_by_role("link", name="Aller au contenu")
        assert await skip.evaluate("link => link === document.activeElement")
        assert (await tab.page.evaluate(FOCUS))["seen"]
        await tab.page.keyboard.press("Enter")
        assert await tab.page.evaluate("document.activeElement.id") == "contenu"
        await tab.page.keyboard.press("Tab")
        assert await tab.page.evaluate("document.activeElement.name") == "email"


async def test_no_page_keeps_the_focus(town: Town, chromium: Browser) -> None:
    """WCAG 2.1.2: Tab goes through every page to its end, and back to its beginning with Shift."""
    member, desk = await town.member(), await town.staff(Role.OPERATOR)
    async with visiting(chromium, town.stack.origin, "fr") as visitor:
        tab = await visitor.tab()
        keys = Keys(tab)
        for person, address in (
            (member, "accueil"), (member, "profil"), (member, "profil/identite"), (member, "votes"),
            (desk, "operations"),
        ):  # fmt: skip
            await visitor.become(cookie_of(person))
            await tab.go(f"/fr/{address}")
            last = tab.page.locator("a, button, input:not([type=hidden]), select, summary, [tabindex='0']").locator(
                "visible=true"
            )
            await keys.to(last.last)
            await tab.page.keyboard.press("Shift+Tab")
            assert not await last.last.evaluate("element => element === document.activeElement")


async def test_the_menu_of_a_telephone_opens_and_closes(town: Town, chromium: Browser) -> None:
    member = await town.member()
    async with visiting(chromium, town.stack.origin, "fr", phone=True) as visitor:
        await visitor.become(cookie_of(member))
        tab = await visitor.tab()
        keys = Keys(tab)
        await tab.go("/fr/accueil")
        menu = tab.page.get_by_role("button", name="Menu")
        assert not await tab.page.locator("#menu").is_visible()
        await keys.to(menu)
        await tab.page.keyboard.press("Enter")
        assert await menu.get_attribute("aria-expanded") == "true"
        await tab.page.keyboard.press("Space")
        assert not await tab.page.locator("#menu").is_visible()
        await menu.tap()
        await tab.follow("Votes des membres")
