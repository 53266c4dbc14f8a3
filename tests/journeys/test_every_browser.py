"""The same meaning in every browser: both languages, desk and telephone, with scripts and without, two by two.

tests/journeys/test_in_a_browser.py walks French at a desk with scripts and English on a telephone without.
"""

import pytest
from playwright.async_api import Browser

from portal.text import gettext, ngettext
from portal.text.addresses import path
from tests.api.conftest import PASSWORD
from tests.journeys.mails import code_in, mail_to, until
from tests.journeys.people import PICTURE, Town
from tests.journeys.tab import visiting

BROWSERS = [
    pytest.param("fr", True, False, id="French, telephone, no scripts"),
    pytest.param("en", False, True, id="English, desk, scripts"),
    pytest.param("fr", False, False, id="French, desk, no scripts"),
    pytest.param("en", True, True, id="English, telephone, scripts"),
]


@pytest.mark.parametrize(("language", "phone", "scripts"), BROWSERS)
async def test_the_whole_journey(town: Town, chromium: Browser, language: str, phone: bool, scripts: bool) -> None:
    """Brief §1 steps 1–7, with the words of the catalogue."""
    say, plural = gettext(language), ngettext(language)
    account = await town.a_member(verified=False, language=language, group="TR")
    assert account.email
    async with visiting(chromium, town.stack.origin, language, phone=phone, scripts=scripts) as visitor:
        tab = await visitor.tab()

        async def menu(name: str) -> None:
            button = tab.page.get_by_role("button", name="Menu")
            if await button.is_visible():
                await button.tap()
            await tab.follow(say(name))

        await tab.go(path("entrance", language))
        await tab.follow(say("Entrez"))
        await tab.fill(email=account.email, password=PASSWORD)
        await tab.press(say("Entrez"))
        assert say("Courriel non vérifié") in await tab.words()
        await menu("Mon profil")
        await tab.press(say("Envoyer courriel de vérification"))
        mail = await mail_to(town.stack.servers.mailbox, account.email, "Confirm")
        await tab.fill(code=code_in(mail))
        await tab.press(say("Confirmer le code"))
        assert say("Courriel vérifié") in await tab.words()

        await tab.follow(say("Télécharger une photo ID"))
        await tab.page.locator("select[name=kind1]").select_option("driving-licence")
        await tab.page.locator("input[name=file1]").set_input_files(
            {"name": "permis.jpg", "mimeType": "image/jpeg", "buffer": PICTURE[1]}
        )
        await tab.press(say("Continuer"))
        assert await tab.picture_width("figure img") > 0
        await tab.press(say("Envoyer"))
        assert await tab.picture_width() > 0

        all_of_them = plural("M'inscrire à mon vote (1)", "M'inscrire à tous mes votes (%(count)s)", 6) % {"count": 6}
        await menu("Votes des membres")
        await tab.follow(all_of_them)
        await tab.fill(password=PASSWORD)
        await tab.press(all_of_them)
        assert (await tab.words()).count(say("Inscription reçue")) == 6

        await menu("Portail des membres – page d'accueil")
        assert say("À l'examen") in await tab.words()
        await town.decide(account, "approve")

        async def erased() -> bool:
            await tab.go(path("home", language))
            return say("Certificat") in await tab.words()

        await until(erased)
        assert say("Identité confirmée") in await tab.words()
        await tab.page.locator("details.app-me summary").click()
        await tab.press(say("Déconnexion"))
        assert await tab.page.locator("h1").inner_text() == say("Vous avez quitté le portail")
