"""What a browser shows when something went wrong: accessible like any page, with the way out at hand."""

import asyncio
import re
from uuid import uuid4

from playwright.async_api import Browser

from deploy.processes import LOOPBACK, free_port
from portal.rules.accounts import Purpose
from tests import builders
from tests.api.looking import change
from tests.conftest import open_sync
from tests.journeys.axe import wrong_with
from tests.journeys.people import PICTURE, Somebody, Town, as_seen
from tests.journeys.stack import Stack
from tests.journeys.tab import Tab, Visitor, visiting

# The browser itself writes every such answer in its console.
ANSWERED = re.compile(r"Failed to load resource: the server responded with a status of [45]\d\d")
# By what a field is explained: itself, or the group it stands in.
DESCRIBED = "field => [field, field.closest('fieldset')].map(e => e && e.getAttribute('aria-describedby')).join(' ')"
# Longer than a page waits for a workflow.
PATIENCE = 15_000


def forgive(visitor: Visitor) -> None:
    visitor.complaints[:] = [said for said in visitor.complaints if not ANSWERED.search(said)]


async def is_decent(tab: Tab, language: str = "fr") -> None:
    assert await wrong_with(tab.page, language) == []
    forgive(tab.visitor)
    tab.visitor.check()


async def leads_to(tab: Tab, field: str) -> None:
    """The error is the first thing heard: in the title, in the summary that has the focus, and at the field."""
    french = "/fr/" in tab.page.url
    assert (await tab.page.title()).startswith("Erreur\N{NO-BREAK SPACE}: " if french else "Error: ")
    summary = tab.page.locator(".govuk-error-summary")
    # Where our own script put the page in place, it focuses a moment later.
    async with asyncio.timeout(5):
        # Asked again from here: a question that the page repeats by itself is one our policy forbids.
        while not await tab.page.evaluate("document.activeElement.matches('.govuk-error-summary')"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await summary.get_by_role("link").first.press("Enter")
    assert await tab.page.evaluate("document.activeElement.id") == field
    said = await tab.page.locator(f"#{field}-error").inner_text()
    assert (await summary.get_by_role("link").first.inner_text()) in said
    described = await tab.page.locator(f"#{field}").evaluate(DESCRIBED)
    assert f"{field}-error" in described
    await is_decent(tab, "fr" if french else "en")


async def press(tab: Tab, name: str) -> None:
    async with tab.page.expect_navigation(timeout=PATIENCE):
        await tab.page.get_by_role("button", name=name, exact=True).first.click()


async def test_a_form_that_comes_back_says_where_to_look(
    town: Town, people: dict[str, Somebody], chromium: Browser
) -> None:
    """Focus on the summary, «Erreur :» in the title, and the link of the summary at the field: every form there is."""
    renewing = await town.a_link(await town.a_member(), Purpose.RENEWAL)
    async with visiting(chromium, town.stack.origin, "fr") as visitor:
        tab = await visitor.tab()
        go = tab.page.goto
        origin = town.stack.origin

        await go(f"{origin}/fr/connexion")
        await tab.fill(email="personne@exemple.test", password="pas le bon mot de passe")
        await press(tab, "Entrez")
        await leads_to(tab, "email")
        assert await tab.page.locator("#email").input_value() == "personne@exemple.test"

        await go(f"{origin}/en/password/new?token={renewing}")
        await tab.fill(password="short", again="short")
        await press(tab, "Save this password")
        await leads_to(tab, "password")

        for address, button, field in (
            ("fr/enregistrer-mon-courriel", "Envoyer ma demande", "number"),
            ("en/become-a-member", "Send my request", "given_name"),
        ):
            await go(f"{origin}/{address}")
            await press(tab, button)
            await leads_to(tab, field)

        await visitor.become(people["newcomer, verified"].cookie)
        await go(f"{origin}/fr/mot-de-passe/premier")
        await tab.fill(password="douze hérons sur le canal", again="onze hérons sur le canal")
        await press(tab, "Enregistrer ce mot de passe")
        await leads_to(tab, "again")

        await visitor.become(people["newcomer"].cookie)
        for address, button in (
            ("fr/mot-de-passe/premier", "Confirmer le code"),
            ("en/password/first", "Confirm the code"),
        ):
            await go(f"{origin}/{address}")
            await tab.fill(code="000 000")
            await press(tab, button)
            await leads_to(tab, "code")
            assert await tab.page.locator("#code").input_value() == "000 000"

        await visitor.become(people["verified"].cookie)
        await go(f"{origin}/fr/profil/identite")
        # This form is sent by our own script, which puts the answer in place of the page.
        await tab.page.get_by_role("button", name="Continuer").click()
        await tab.page.locator("#file1-error").wait_for()
        await leads_to(tab, "file1")
        await tab.page.locator("#file1").set_input_files(
            {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": PICTURE[1]}
        )
        await tab.page.get_by_role("button", name="Continuer").click()
        await tab.page.locator("#kind1-error").wait_for()
        await leads_to(tab, "kind1")

        await visitor.become(people["waiting"].cookie)
        await go(f"{origin}/en/votes/registration")
        await tab.fill(password="not the password")
        await press(tab, "Register for all my votes (6)")
        await leads_to(tab, "password")

        await visitor.become(people["reviewer"].cookie)
        # The lease of the case at hand may have ended by now: then the next one shows the same form.
        await go(f"{origin}/fr/examen")
        await tab.page.locator("main form button").first.click()
        await tab.page.wait_for_url("**/fr/examen/*")
        await press(tab, "Demander une meilleure photo")
        await leads_to(tab, "reason")


async def test_a_page_that_is_not_there_or_not_theirs_is_a_page_like_any_other(
    town: Town, people: dict[str, Somebody], chromium: Browser
) -> None:
    async with visiting(chromium, town.stack.origin, "fr") as visitor:
        tab = await visitor.tab()
        for who, address, status in (
            ("stranger", "/fr/nulle-part", 404),
            ("stranger", "/en/nowhere", 404),
            ("stranger", "/fr/mot-de-passe/nouveau?jeton=inconnu", 404),
            ("stranger", "/en/email/verify?token=unknown", 404),
            ("verified", "/fr/examen", 403),
            ("verified", "/en/operations", 403),
            ("verified", "/fr/votes/tr-ratification/inscription", 403),
            ("verified", "/en/votes/nothing/registration", 404),
            ("verified", f"/fr/profil/identite/verifier/{uuid4()}", 422),
            ("dues-payer", "/fr/votes/pension/inscription", 403),
            ("reviewer", f"/en/review/{uuid4()}", 409),
        ):
            await visitor.become(people[who].cookie)
            answer = await tab.page.goto(town.stack.origin + address)
            assert answer is not None
            assert answer.status == status, address
            await is_decent(tab, address[1:3])

        # From another site, and a form that was changed on its way.
        await tab.page.goto("about:blank")
        await tab.page.set_content(
            f'<form method="post" action="{town.stack.origin}/fr/connexion"><button>Ici</button>'
        )
        await press(tab, "Ici")
        assert await tab.page.locator("h1").inner_text() == "Demande refusée"
        await is_decent(tab)
        await tab.page.goto(f"{town.stack.origin}/fr/connexion")
        await tab.page.evaluate(
            "document.querySelector('main form').append(Object.assign(document.createElement('input'), {name: 'x'}))"
        )
        await press(tab, "Entrez")
        assert await tab.page.locator("h1").inner_text() == "Nous n'avons pas pu lire ce formulaire"
        await is_decent(tab)


async def test_when_a_server_is_away_the_page_says_so_and_asks_again(stack: Stack, chromium: Browser) -> None:
    """No worker, no Temporal, no object store, no records, and a bug: each is a page, in the language at hand."""
    async with stack.sessions.begin() as session:
        await builders.a_campaign(session)
    # The pages alone, without a worker; and nobody listens where the pictures should be.
    stack.settings["PORTAL_S3_ENDPOINT"] = f"{LOOPBACK}:{free_port()}"
    stack.start_api()
    town = Town(stack)
    cookie = as_seen(await town.member(verified=False)).cookie
    async with visiting(chromium, stack.origin, "fr") as visitor:
        await visitor.become(cookie)
        tab = await visitor.tab()
        await tab.page.goto(f"{stack.origin}/fr/profil")
        await press(tab, "Envoyer courriel de vérification")
        assert await tab.page.locator("h1").inner_text() == "Un instant"
        await is_decent(tab)
        stack.temporal.stop()
        await press(tab, "Demander la réponse")
        assert await tab.page.locator("h1").inner_text() == "Réessayez dans un moment"
        await is_decent(tab)

        await change(stack.sessions, "update account set email_verified_at = now()")
        await tab.page.goto(f"{stack.origin}/en/profile/identity")
        await tab.page.locator("#kind1").select_option("driving-licence")
        await tab.page.locator("#file1").set_input_files(
            {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": PICTURE[1]}
        )
        await tab.page.get_by_role("button", name="Continue", exact=True).click()
        await (
            tab.page.get_by_text("We cannot take or show pictures")
            .or_(tab.page.locator("h1:has-text('Try again')"))
            .first.wait_for()
        )
        await is_decent(tab, "en")

        await change(stack.sessions, "alter table ballot rename to mislaid")
        await tab.page.goto(f"{stack.origin}/fr/votes")
        assert await tab.page.locator("h1").inner_text() == "Un problème est survenu"
        await is_decent(tab)
        superuser = open_sync(stack.servers.postgres)
        await stack.engine.dispose()
        superuser(f"alter database {stack.database} allow_connections false")
        superuser(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{stack.database}'")
        await tab.page.goto(f"{stack.origin}/fr/accueil")
        assert await tab.page.locator("h1").inner_text() == "Réessayez dans un moment"
        await is_decent(tab)
