"""A real browser makes a key and shows it: Chromium's own virtual authenticator stands for the finger on the sensor."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import Browser, CDPSession
from sqlalchemy import text

from portal.rules.accounts import Role
from portal.store import factors
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH
from tests.api.test_staff import act
from tests.conftest import SECRET
from tests.journeys.mails import mail_to
from tests.journeys.people import Town
from tests.journeys.tab import Tab, links_of, visiting

PHRASE = "quatre cigognes sur le canal Rideau"


@asynccontextmanager
async def authenticator(tab: Tab) -> AsyncIterator[tuple[CDPSession, str]]:
    """A key inside this page's browser, which recognises its owner."""
    session = await tab.page.context.new_cdp_session(tab.page)
    await session.send("WebAuthn.enable")
    options: dict[str, Any] = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    added = await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield session, str(added["authenticatorId"])
    await session.send("WebAuthn.disable")


async def h1(tab: Tab) -> str:
    return await tab.page.locator("h1").inner_text()


async def test_from_the_invitation_to_a_dangerous_act_with_a_key_made_and_shown_in_a_browser(
    town: Town, chromium: Browser
) -> None:
    """T19, T69: enrolled by the link of the mail, signed in with password and key, and asked again after a while."""
    boss, other = await town.staff(Role.OFFICER), await town.staff(Role.OFFICER)
    await boss.get("/fr/personnel")
    email = "nouvelle.responsable@exemple.test"
    await boss.submit("/personnel", email=email, officer="oui", reviewer="", operator="", auditor="")
    async with town.stack.sessions.begin() as session:
        invited = await session.scalar(text("select id from account where email = :email"), {"email": email})
    # An officer is made by two.
    await act(other, invited, "grant", "officer")
    mail = await mail_to(town.stack.servers.mailbox, email, "Votre accès")
    async with visiting(chromium, town.stack.origin, "fr") as visitor:
        tab = await visitor.tab()
        async with authenticator(tab) as (cdp, key):
            await tab.go(links_of(mail, "/personnel/invitation")[0])
            await tab.fill(password=PHRASE, again=PHRASE)
            await tab.press("Continuer")
            assert await h1(tab) == "Choisissez votre première clé"
            assert not await tab.page.get_by_text("Ce fureteur ne peut pas").is_visible()
            await tab.fill(name="ordinateur du bureau")
            await tab.press("Ajouter cette clé")
            assert await h1(tab) == "Mes clés"
            assert "ordinateur du bureau" in await tab.words()

            await tab.page.locator("details.app-me summary").click()
            await tab.press("Déconnexion")
            await tab.go("/fr/connexion")
            await tab.fill(email=email, password=PHRASE)
            await tab.press("Entrez")
            assert await h1(tab) == "Votre clé, maintenant"
            assert not await tab.page.get_by_text("La clé n'a pas répondu").is_visible()
            # The owner turns away: nothing is sent, the page says so and may be tried again.
            await cdp.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": False})
            await tab.page.get_by_role("button", name="Utiliser ma clé d'accès").click()
            await tab.page.get_by_text("La clé n'a pas répondu").wait_for()
            await cdp.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": True})
            await tab.press("Utiliser ma clé d'accès")
            assert await h1(tab) == "Campagnes"
            await tab.go("/fr/personnel")

            # A while later, with a form filled in.
            async with town.stack.sessions.begin() as session:
                await session.execute(text("update sign_in set factor_at = factor_at - interval '11 minutes'"))
            await tab.fill(email="encore.une@exemple.test")
            await tab.page.get_by_label("Vérification (lecture seulement)").check()
            # Refused for now, which a browser notes in its console.
            async with tab.page.expect_navigation():
                await tab.page.get_by_role("button", name="Envoyer l'invitation").click()
            visitor.complaints.clear()
            await tab.look()
            assert await h1(tab) == "Confirmez avec votre clé"
            await tab.press("Utiliser ma clé d'accès")
            await tab.press("Continuer")
            assert "encore.une@exemple.test" in await tab.words()
            credentials = await cdp.send("WebAuthn.getCredentials", {"authenticatorId": key})
            assert len(credentials["credentials"]) == 1
    async with town.stack.sessions.begin() as session:
        counted = await session.scalar(
            text("select sign_count from passkey p join account a on a.id = p.account_id where a.email = :email"),
            {"email": email},
        )
    assert counted == credentials["credentials"][0]["signCount"]


async def test_without_scripts_a_code_does_as_well(town: Town, chromium: Browser) -> None:
    async with town.stack.sessions.begin() as session:
        account = await builders.a_staff_account(session, Role.AUDITOR, password_hash=PASSWORD_HASH)
        shared = await builders.an_authenticator(session, account.id, secret=SECRET.encode())
    async with visiting(chromium, town.stack.origin, "en", phone=True, scripts=False) as visitor:
        tab = await visitor.tab()
        await tab.go("/en/sign-in")
        await tab.fill(email=str(account.email), password=PASSWORD)
        await tab.press("Sign in")
        assert await h1(tab) == "Now your key"
        assert not await tab.page.get_by_role("button", name="Use my passkey").is_visible()
        assert "use an authenticator app" in await tab.words()
        await tab.fill(code=factors.code_at(shared, datetime.now(UTC)))
        await tab.press("Continue")
        assert await h1(tab) == "Audit log"
