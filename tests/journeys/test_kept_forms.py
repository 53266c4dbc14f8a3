"""Nothing that was typed is lost: another language, the Back button, two tabs, two clicks, a session that is over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Request, Route

from portal.rules.accounts import Role
from portal.store.accounts import Account
from tests.api.conftest import PASSWORD
from tests.api.looking import change, count
from tests.journeys.mails import code_in, mail_to
from tests.journeys.people import PICTURE, Town, cookie_of, send
from tests.journeys.tab import Tab, visiting

SUBMISSIONS = (
    "select count(*) from submission s join account a on a.member_id = s.member_id where a.id = :id "
    "and s.status <> 'staged'"
)


async def switch(tab: Tab, language: str) -> None:
    """Through the toggle at the top."""
    tab.visitor.language = language
    await tab.follow("English" if language == "en" else "Français")


async def choose_a_picture(tab: Tab) -> None:
    await tab.page.locator("select[name=kind1]").select_option("driving-licence")
    await tab.page.locator("input[name=file1]").set_input_files(
        {"name": "permis.jpg", "mimeType": "image/jpeg", "buffer": PICTURE[1]}
    )


@asynccontextmanager
async def a_tab_of(town: Town, chromium: Browser, cookie: str | None) -> AsyncIterator[Tab]:
    async with visiting(chromium, town.stack.origin, "fr") as visitor:
        await visitor.become(cookie)
        yield await visitor.tab()


async def test_changing_language_keeps_what_was_typed_but_not_a_password(town: Town, chromium: Browser) -> None:
    """WCAG 3.3.7: on every page with something to type."""
    reviewer, sent = await town.staff(Role.REVIEWER), await town.member()
    await send(sent)
    unverified = await town.member(verified=False)
    verified = await town.member()
    async with visiting(chromium, town.stack.origin, "fr") as visitor:
        tab = await visitor.tab()
        page = tab.page
        await tab.go("/fr/connexion")
        await tab.fill(email="jean-baptiste@exemple.test", password="une phrase qui reste ici")
        await switch(tab, "en")
        assert await page.locator("#email").input_value() == "jean-baptiste@exemple.test"
        assert await page.locator("#password").input_value() == ""
        assert "une phrase" not in await page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
        await page.reload()
        assert await page.locator("#email").input_value() == "", "it is kept for one change only"

        await visitor.become(cookie_of(unverified))
        await tab.go("/en/profile")
        await tab.fill(code="123 456")
        await switch(tab, "fr")
        assert await page.locator("#code").input_value() == "123 456"

        await visitor.become(cookie_of(verified))
        await tab.go("/fr/profil/identite")
        await page.locator("#kind1").select_option("passport")
        await switch(tab, "en")
        assert await page.locator("#kind1").input_value() == "passport"

        await visitor.become(cookie_of(reviewer))
        visitor.language = "fr"
        await tab.go("/fr/examen")
        await tab.press("Prendre le suivant")
        await tab.fill(name="ce que montre la pièce")
        await page.locator("#reason-9").check()
        await page.locator("#note_fr").fill("Photo de côté")
        await page.locator("#note_en").fill("Seen from the side")
        await switch(tab, "en")
        assert await page.locator("#reason-9").is_checked()
        # What was read on a picture is kept nowhere.
        assert await page.locator("#name").input_value() == ""
        assert "montre" not in await page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
        assert await page.locator("#note_fr").input_value() == "Photo de côté"
        assert await page.locator("#note_en").input_value() == "Seen from the side"
        # Its lease would hide the case from whoever decides next.
        await change(town.stack.sessions, "update claim set expires_at = clock_timestamp()")


async def back(tab: Tab) -> None:
    """Also to a page that the browser had put aside as it was, which loads itself again."""
    async with tab.page.expect_event("load"):
        await tab.page.evaluate("history.back()")
    await tab.look()


async def test_the_back_button_sends_nothing_again(town: Town, chromium: Browser) -> None:
    account = await town.a_member()
    person = await town.enter(account)
    async with a_tab_of(town, chromium, cookie_of(person)) as tab:
        posts: list[str] = []
        tab.page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
        await tab.go("/fr/profil/identite")
        await choose_a_picture(tab)
        await tab.press("Continuer")
        await tab.press("Envoyer")
        assert len(posts) == 2
        await back(tab)
        # What was to be checked has been sent: the page leads to how things stand.
        assert await tab.page.locator("h1").inner_text() == "Mon profil"
        await back(tab)
        assert len(posts) == 2
        await tab.go("/fr/votes/inscription")
        await tab.fill(password=PASSWORD)
        await tab.press("M'inscrire à tous mes votes (7)")
        await back(tab)
        assert await tab.page.locator("h1").inner_text() == "Votes des membres"
        assert len(posts) == 3
        # And what was being typed is still there.
        await tab.go("/fr/profil/identite")
        await tab.page.locator("#kind1").select_option("passport")
        await tab.follow("Mon profil")
        await back(tab)
        assert await tab.page.locator("#kind1").input_value() == "passport"
    assert await count(town.stack.sessions, SUBMISSIONS, id=account.id) == 1


async def test_two_tabs_are_one_person(town: Town, chromium: Browser) -> None:
    """The same vote from two tabs is one registration; a form of before the password was typed again is still good."""
    member = await town.member()
    await send(member)
    async with a_tab_of(town, chromium, cookie_of(member)) as first:
        second = await first.visitor.tab()
        for tab in (first, second):
            await tab.go("/fr/votes/pension/inscription")
        for tab in (first, second):
            await tab.fill(password=PASSWORD)
            await tab.press("Enregistrer")
            assert (await tab.words()).count("Votre inscription à ce vote a été reçue") == 1
        await second.go("/fr/profil")
        await first.page.locator("details.app-me summary").click()
        await first.press("Déconnexion")
        await press(second, "Retirer mes photos")
        second.visitor.complaints.clear()
        assert await second.page.locator("h1").inner_text() == "Entrez"


async def twice(tab: Tab, button: str) -> list[str]:
    """The addresses that forms were sent to by two quick clicks."""
    posts: list[str] = []

    def asked(request: Request) -> None:
        if request.method == "POST":
            posts.append(request.url)

    async def slowly(route: Route) -> None:
        if route.request.method == "POST":
            # Time enough for the second click to find the same page.
            await asyncio.sleep(0.4)
        await route.continue_()

    tab.page.on("request", asked)
    await tab.page.route("**", slowly)
    async with tab.page.expect_navigation(timeout=15_000):
        await tab.page.get_by_role("button", name=button, exact=True).dblclick()
    await tab.page.unroute("**", slowly)
    tab.page.remove_listener("request", asked)
    await tab.look()
    return posts


async def test_two_clicks_send_one_form(town: Town, chromium: Browser) -> None:
    """Every button of a member's pages."""
    account = await town.a_member(verified=False)
    assert account.email
    async with a_tab_of(town, chromium, None) as tab:
        await tab.go("/fr/connexion")
        await tab.fill(email=account.email, password=PASSWORD)
        assert len(await twice(tab, "Entrez")) == 1
        await tab.go("/fr/profil")
        assert len(await twice(tab, "Envoyer courriel de vérification")) == 1
        await tab.fill(code=code_in(await mail_to(town.stack.servers.mailbox, account.email, "Confirmez")))
        assert len(await twice(tab, "Confirmer le code")) == 1
        await tab.go("/fr/profil/identite")
        await choose_a_picture(tab)
        assert len(await twice(tab, "Continuer")) == 1
        assert len(await twice(tab, "Envoyer")) == 1
        await tab.go("/fr/votes/pension/inscription")
        await tab.fill(password=PASSWORD)
        assert len(await twice(tab, "Enregistrer")) == 1
        await tab.go("/fr/votes/inscription")
        await tab.fill(password=PASSWORD)
        assert len(await twice(tab, "M'inscrire à tous mes votes (6)")) == 1
        await tab.go("/fr/profil")
        assert len(await twice(tab, "Retirer mes photos")) == 1
        await tab.page.locator("details.app-me summary").click()
        assert len(await twice(tab, "Déconnexion")) == 1


async def session_ends(town: Town, account: Account) -> None:
    await change(town.stack.sessions, "delete from sign_in where account_id = :id", id=account.id)


async def again(tab: Tab, account: Account) -> None:
    """The page that asks for address and password, and through it."""
    # The browser itself writes down that the answer was a 401.
    tab.visitor.complaints.clear()
    assert await tab.page.locator("h1").inner_text() == "Entrez"
    assert account.email
    await tab.fill(email=account.email, password=PASSWORD)
    await tab.press("Entrez")


async def press(tab: Tab, button: str) -> None:
    async with tab.page.expect_navigation(timeout=15_000):
        await tab.page.get_by_role("button", name=button, exact=True).click()


async def test_a_session_that_is_over_in_the_middle_of_a_form_loses_nothing(town: Town, chromium: Browser) -> None:
    """Every form of a member: sign in again, press « Continuer », and it is done; what is not kept is asked for."""
    account = await town.a_member(verified=False)
    assert account.email
    member = await town.enter(account)
    async with a_tab_of(town, chromium, cookie_of(member)) as tab:
        await tab.go("/fr/profil")
        await session_ends(town, account)
        await press(tab, "Envoyer courriel de vérification")
        await again(tab, account)
        await tab.press("Continuer")
        code = code_in(await mail_to(town.stack.servers.mailbox, account.email, "Confirmez"))
        await tab.fill(code=code)
        await session_ends(town, account)
        await press(tab, "Confirmer le code")
        await again(tab, account)
        await tab.press("Continuer")
        assert "Courriel vérifié" in await tab.words()

        await tab.go("/fr/profil/identite")
        await choose_a_picture(tab)
        await session_ends(town, account)
        await tab.page.get_by_role("button", name="Continuer").click()
        await tab.page.locator("#email").wait_for()
        await again(tab, account)
        # Pictures are never kept: back to the page that asks for them.
        assert tab.page.url.endswith("/fr/profil/identite")
        await choose_a_picture(tab)
        await tab.press("Continuer")
        await session_ends(town, account)
        await press(tab, "Envoyer")
        await again(tab, account)
        await tab.press("Continuer")
        assert await tab.picture_width() > 0

        for address, button, done in (
            ("/fr/votes/pension/inscription", "Enregistrer", 1),
            ("/fr/votes/inscription", "M'inscrire à tous mes votes (6)", 7),
        ):
            await tab.go(address)
            await tab.fill(password=PASSWORD)
            await session_ends(town, account)
            await press(tab, button)
            await again(tab, account)
            # Nor is a password.
            assert tab.page.url.endswith(address)
            await tab.fill(password=PASSWORD)
            await tab.press(button)
            assert (await tab.words()).count("Votre inscription à ce vote a été reçue") == done

        await tab.go("/fr/profil")
        await session_ends(town, account)
        await press(tab, "Retirer mes photos")
        await again(tab, account)
        await tab.press("Continuer")
        assert "Télécharger une photo ID" in await tab.words()
