"""The booth in a real browser: what is sealed there, what leaves it, and what happens to whoever presses twice."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Request, Route

from api.guards import COOKIE
from deploy.servers import start_temporal
from portal.rules.choices import value_of
from tests.api.booths import said_by
from tests.conftest import Servers
from tests.journeys.axe import wrong_with
from tests.journeys.polls import Polls, unlock
from tests.journeys.stack import Stack
from tests.journeys.tab import Tab

HOUR = timedelta(hours=1)
RECEIPT = re.compile(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){4}")


@pytest_asyncio.fixture(scope="module")
async def polls(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Polls]:
    """One portal for every test of the booth; each has voters of its own."""
    name, folder = f"t_{uuid4().hex[:12]}", tmp_path_factory.mktemp("polls")
    servers.postgres.create_database(name, template="template_scrutin")
    stack = Stack(servers, start_temporal(folder / "temporal"), folder / "portal", name)
    yield await Polls.of(stack)
    await stack.close()
    servers.postgres.drop_database(name)


async def read_again(tab: Tab, *labels: str) -> None:
    """Choose these answers and go on to the page that reads them again."""
    for label in labels:
        await tab.page.get_by_label(label, exact=True).check()
    await tab.page.get_by_role("button", name=re.compile("^(Continuer|Continue)$")).click()
    await tab.page.locator("#relecture h2").wait_for(state="visible")


@pytest.mark.parametrize(("language", "yes"), [("fr", "Oui"), ("en", "Yes")])
async def test_what_is_chosen_never_leaves_the_browser(
    polls: Polls, chromium: Browser, language: str, yes: str
) -> None:
    """T95: no request holds an option; and the two languages mean the same (T88)."""
    member_id, cookie = await polls.a_voter(language=language)
    async with polls.tab(chromium, cookie, language=language) as tab:
        sent: list[Request] = []
        tab.page.on("request", lambda request: sent.append(request))
        await unlock(tab)
        del sent[:]
        await read_again(tab, yes)
        assert await tab.page.locator("[data-chosen]").inner_text() == yes
        assert sent == [], "reading it again asks nothing of anybody"
        await tab.press("Déposer mon vote" if language == "fr" else "Cast my vote")
        assert RECEIPT.search(await tab.words())
        posts = [request for request in sent if request.method == "POST"]
        assert len(posts) == 1
        assert set(re.findall(r"(?:^|&)(\w+)=", posts[0].post_data or "")) == {"form_token", "definition", "sealed"}
        for request in sent:
            assert "choice" not in request.url + (request.post_data or "")
        assert yes not in await tab.words()
    ((code, sealed),) = await polls.votes_of(member_id)
    assert len(sealed) == 145
    assert await said_by(polls.stack.sessions, code, sealed) == (1,)


@pytest.mark.parametrize("phone", [False, True])
async def test_everything_works_without_scripts(polls: Polls, chromium: Browser, phone: bool) -> None:
    """At a desk and on a telephone: the page says that the portal seals, and changing one's mind loses nothing."""
    member_id, cookie = await polls.a_voter()
    async with polls.tab(chromium, cookie, scripts=False, phone=phone) as tab:
        await unlock(tab, "ec-directors")
        assert "Le portail scelle votre vote lui-même" in await tab.words()
        async with tab.page.expect_navigation():
            await tab.page.get_by_role("button", name="Continuer").click()
        assert "Aucune réponse n'est choisie" in await tab.words()
        # The console repeats that a form was refused.
        assert [c for c in tab.visitor.complaints if "422" not in c] == []
        tab.visitor.complaints.clear()
        await tab.page.get_by_label("Jeanne Mance", exact=True).check()
        await tab.press("Continuer")
        await tab.press("Modifier mon choix")
        assert await tab.page.get_by_label("Jeanne Mance", exact=True).is_checked()
        await tab.page.get_by_label("Marie Rollet", exact=True).check()
        await tab.press("Continuer")
        await tab.press("Déposer mon vote")
        assert await tab.page.locator("h1").inner_text() == "Votre vote est déposé"
        await tab.follow("Voter pour la question suivante")
        assert "Vote 3 sur 7" in await tab.words()
    ((code, sealed),) = await polls.votes_of(member_id)
    assert await said_by(polls.stack.sessions, code, sealed) == (2, 3)


async def test_with_the_keyboard_alone(polls: Polls, chromium: Browser) -> None:
    """Nothing chosen, too many, one's mind changed, cast; the focus is where the reading goes on."""
    member_id, cookie = await polls.a_voter()
    async with polls.tab(chromium, cookie) as tab:
        await unlock(tab, "ec-directors")
        page = tab.page
        keys = page.keyboard

        async def at(selector: str) -> None:
            for _ in range(40):
                if await page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
                    return
                await keys.press("Tab")
            raise AssertionError(f"{selector} is out of reach")

        await at("#bulletin button")
        await keys.press("Enter")
        assert await page.evaluate("document.activeElement.className") == "govuk-error-summary"
        assert "Aucune réponse n'est choisie" in await tab.words()
        await keys.press("Tab")
        await keys.press("Enter")
        for value in (value_of(1), value_of(2), value_of(3)):
            await at(f"#bulletin input[value='{value}']")
            await keys.press("Space")
        await at("#bulletin button")
        await keys.press("Enter")
        assert "plus de réponses qu'il n'est permis" in await tab.words()
        # Whoever hears the page is told at the field as well, as by the server.
        assert await page.locator("#bulletin fieldset").get_attribute("aria-describedby") == "choice-hint choice-error"
        await at(f"#bulletin input[value='{value_of(3)}']")
        await keys.press("Space")
        await at("#bulletin button")
        await keys.press("Enter")
        assert await page.evaluate("document.activeElement.textContent") == "Relisez votre choix"
        await at("[data-edit]")
        await keys.press("Enter")
        await page.locator("#bulletin").wait_for(state="visible")
        await at("#bulletin button")
        await keys.press("Enter")
        await at("#depot button.govuk-button:not([data-edit])")
        async with page.expect_navigation():
            await keys.press("Enter")
        await tab.look()
        assert await page.locator("h1").inner_text() == "Votre vote est déposé"
        await page.locator("[data-copy]").wait_for(state="visible")
    ((code, sealed),) = await polls.votes_of(member_id)
    assert await said_by(polls.stack.sessions, code, sealed) == (1, 2)


@pytest.mark.parametrize(("language", "yes"), [("fr", "Oui"), ("en", "Yes")])
async def test_a_receipt_is_copied_with_the_mouse_and_with_the_keyboard(
    polls: Polls, chromium: Browser, language: str, yes: str
) -> None:
    """What is on the page is in the clipboard, and it is said aloud; without scripts there is no button."""
    copy, said = (
        ("Copier le reçu", "Le reçu est copié.") if language == "fr" else ("Copy the receipt", "The receipt is copied.")
    )
    _, cookie = await polls.a_voter(language=language)
    async with polls.tab(chromium, cookie, language=language) as tab:
        page = tab.page
        await tab.visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await unlock(tab)
        await read_again(tab, yes)
        await tab.press("Déposer mon vote" if language == "fr" else "Cast my vote")
        receipt = await page.locator("#recu").inner_text()
        assert RECEIPT.fullmatch(receipt)
        button, told = page.get_by_role("button", name=copy), page.get_by_role("status").filter(has_text=said)
        assert await told.count() == 0
        await button.click()
        await told.wait_for()
        assert await page.evaluate("navigator.clipboard.readText()") == receipt
        for key in ("Enter", "Space"):
            await page.evaluate("navigator.clipboard.writeText('something else')")
            await tab.go(page.url.removeprefix(polls.stack.origin))
            for _ in range(40):
                await page.keyboard.press("Tab")
                if await button.evaluate("button => button === document.activeElement"):
                    break
            await page.keyboard.press(key)
            await told.wait_for()
            assert await page.evaluate("navigator.clipboard.readText()") == receipt
            assert await button.evaluate("button => button === document.activeElement")
        address = page.url.removeprefix(polls.stack.origin)
        # The session has another one since the password was asked for.
        (cookie,) = [one["value"] for one in await tab.visitor.context.cookies() if one["name"] == COOKIE]
    async with polls.tab(chromium, cookie, language=language, scripts=False) as tab:
        await tab.go(address)
        assert receipt in await tab.words()
        assert await tab.page.get_by_role("button", name=copy).count() == 0


async def test_pressing_twice_going_back_and_a_second_tab_make_one_vote(polls: Polls, chromium: Browser) -> None:
    """T74: and each of them ends at the receipt of the first; nothing of the choice is kept in the tab."""
    member_id, cookie = await polls.a_voter()
    async with polls.tab(chromium, cookie) as tab:
        await unlock(tab)
        other = await tab.visitor.tab()
        # The second tab was opened and filled in before the first one voted.
        await other.go("/fr/votes/president/bulletin")
        await read_again(other, "Non")
        await read_again(tab, "Oui")
        # The Back button leads from the reading to the question, which holds what was chosen.
        await tab.page.evaluate("history.back()")
        await tab.page.locator("#bulletin").wait_for(state="visible")
        assert await tab.page.get_by_label("Oui", exact=True).is_checked()
        await read_again(tab, "Oui")
        async with tab.page.expect_navigation():
            await tab.page.get_by_role("button", name="Déposer mon vote").dblclick()
        await tab.look()
        receipt = RECEIPT.search(await tab.words())
        assert receipt is not None
        async with tab.page.expect_event("load"):
            await tab.page.evaluate("history.back()")
        await tab.page.get_by_text("Votre vote a déjà été déposé le").wait_for()
        assert receipt.group(0) in await tab.words()
        await other.press("Déposer mon vote")
        assert await other.page.locator("h1").inner_text() == "Votre vote a déjà été déposé"
        assert receipt.group(0) in await other.words()
        for one in (tab, other):
            kept = await one.page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}, history.state])")
            assert "choice" not in kept
    ((code, sealed),) = await polls.votes_of(member_id)
    assert await said_by(polls.stack.sessions, code, sealed) == (1,)


async def test_changing_the_language_forgets_the_choice(polls: Polls, chromium: Browser) -> None:
    """What is typed elsewhere waits in the tab for its page in the other language; a choice waits nowhere."""
    _, cookie = await polls.a_voter()
    async with polls.tab(chromium, cookie) as tab:
        await unlock(tab)
        await tab.page.get_by_label("Oui", exact=True).check()
        tab.visitor.language = "en"
        await tab.follow("English")
        assert await tab.page.locator("input[name=choice]:checked").count() == 0
        assert "choice" not in await tab.page.evaluate("JSON.stringify({...sessionStorage})")


async def test_a_browser_that_cannot_seal_says_so_and_votes_all_the_same(polls: Polls, chromium: Browser) -> None:
    member_id, cookie = await polls.a_voter()
    async with polls.tab(chromium, cookie) as tab:
        await tab.page.add_init_script("crypto.subtle.importKey = () => { throw new Error('too old') }")
        await unlock(tab)
        await tab.shows("Votre fureteur ne peut pas sceller le vote lui-même")
        await tab.page.get_by_label("Non", exact=True).check()
        await tab.press("Continuer")
        assert "Vous avez choisi : Non" in await tab.words()
        await tab.press("Déposer mon vote")
    ((code, sealed),) = await polls.votes_of(member_id)
    assert await said_by(polls.stack.sessions, code, sealed) == (2,)


async def test_votez_appears_by_itself_at_the_opening_and_goes_at_the_close(polls: Polls, chromium: Browser) -> None:
    """On a page that stays open, without being loaded again; said once to whoever hears it."""
    _, cookie = await polls.a_voter()
    try:
        await polls.window(timedelta(seconds=8), timedelta(seconds=20))
        async with polls.tab(chromium, cookie) as tab:
            await tab.go("/fr/votes")
            assert "apparaîtra ici à l'ouverture" in await tab.words()
            await tab.page.evaluate("window.neverReloaded = true")
            button = tab.page.locator("a[href$='/president/bulletin']")
            assert await button.count() == 0
            await button.wait_for(timeout=14_000)
            assert "Le vote est ouvert jusqu'au" in await tab.page.locator("[data-said]").inner_text()
            await button.focus()
            await tab.page.get_by_text("Aucun vote n'a été déposé en votre nom").first.wait_for(timeout=20_000)
            assert await button.count() == 0
            assert await tab.page.evaluate("window.neverReloaded")
    finally:
        await polls.window(-HOUR, HOUR)


async def test_a_page_that_is_open_at_the_close_says_so(polls: Polls, chromium: Browser) -> None:
    """It counts down by the server's clock, asks before it says anything, and takes nothing afterwards."""
    member_id, cookie = await polls.a_voter()
    try:
        async with polls.tab(chromium, cookie) as tab:
            await unlock(tab)
            await polls.window(-HOUR, timedelta(seconds=7))
            await tab.go("/fr/votes/president/bulletin")
            assert re.search(r"Il reste [1-7] secondes?\.", await tab.words())
            await read_again(tab, "Oui")
            # More time was given meanwhile: the page finds out, and goes on counting.
            await polls.window(-HOUR, timedelta(seconds=12))
            await tab.page.wait_for_timeout(7_500)
            assert await tab.page.locator("#depot button").first.is_enabled()
            await tab.page.evaluate("document.querySelector('[data-left-said]').textContent = 'Il reste 1 minute.'")
            await tab.page.get_by_text("Le vote vient de fermer").wait_for(timeout=12_000)
            assert await tab.page.locator("[data-left-said]").text_content() == "", "nobody hears of a minute any more"
            assert await tab.page.locator("#depot button").first.is_disabled()
        assert await polls.votes_of(member_id) == []
    finally:
        await polls.window(-HOUR, HOUR)


async def test_a_server_that_is_away_is_no_vote_that_is_closed(polls: Polls, chromium: Browser) -> None:
    """Whoever comes back to the page while nobody answers keeps a page that can be voted on, and the vote is taken."""
    member_id, cookie = await polls.a_voter()
    async with polls.tab(chromium, cookie) as tab:
        await unlock(tab)
        await read_again(tab, "Oui")
        asked = 0

        async def away(route: Route) -> None:
            nonlocal asked
            asked += 1
            await route.fulfill(status=503, body="away")

        await tab.page.route("**/votes/etat", away)
        await tab.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        await tab.page.wait_for_timeout(3_500)
        assert asked > 1, "it asks again"
        assert await tab.page.get_by_text("Le vote vient de fermer").is_hidden()
        assert await tab.page.locator("#depot button").first.is_enabled()
        await tab.page.unroute("**/votes/etat")
        # The console repeats that nobody answered.
        assert [c for c in tab.visitor.complaints if "503" not in c] == []
        tab.visitor.complaints.clear()
        await tab.press("Déposer mon vote")
        assert await tab.page.locator("h1").inner_text() == "Votre vote est déposé"
    assert len(await polls.votes_of(member_id)) == 1


async def test_the_link_to_the_content_is_no_way_back_from_the_reading(polls: Polls, chromium: Browser) -> None:
    _, cookie = await polls.a_voter()
    async with polls.tab(chromium, cookie) as tab:
        await unlock(tab)
        await read_again(tab, "Oui")
        await tab.page.get_by_role("link", name="Aller au contenu").focus()
        await tab.page.keyboard.press("Enter")
        await tab.page.wait_for_timeout(300)
        assert tab.page.url.endswith("#contenu")
        assert await tab.page.locator("#relecture").is_visible()
        await tab.page.locator("[data-edit]").click()
        await tab.page.locator("#bulletin").wait_for(state="visible")
        assert await tab.page.get_by_label("Oui", exact=True).is_checked()


async def test_whoever_leaves_the_page_leaves_no_choice_on_it(polls: Polls, chromium: Browser) -> None:
    """A browser may put a page aside as it is, for the Back button: nothing of the choice stands on it by then."""
    _, cookie = await polls.a_voter()
    async with polls.tab(chromium, cookie) as tab:
        await unlock(tab)
        await read_again(tab, "Oui")
        await tab.page.evaluate(
            "addEventListener('pagehide', () => sessionStorage.setItem('left', JSON.stringify(["
            "document.querySelector('[data-chosen]').textContent,"
            "document.querySelectorAll('input[name=choice]:checked').length])))"
        )
        await tab.go("/fr/votes")
        assert await tab.page.evaluate("sessionStorage.getItem('left')") == '["",0]'


async def test_a_form_says_where_it_comes_from_in_every_browser(polls: Polls, chromium: Browser) -> None:
    """T28: those that know no Sec-Fetch-Site, Safari before 16.4, have their Origin only: it is ours, not « null »."""
    _, cookie = await polls.a_voter()
    async with polls.tab(chromium, cookie) as tab:
        await unlock(tab)
        await read_again(tab, "Oui")
        async with tab.page.expect_request(lambda request: request.method == "POST") as sent:
            await tab.press("Déposer mon vote")
        headers = await (await sent.value).all_headers()
        assert headers["origin"] == polls.stack.origin
        assert headers.get("referer", f"{polls.stack.origin}/") == f"{polls.stack.origin}/", "and no address of a page"


async def test_whoever_is_in_another_zone_reads_their_own_time_as_well(polls: Polls, chromium: Browser) -> None:
    _, cookie = await polls.a_voter()
    context = await chromium.new_context(timezone_id="America/Vancouver", locale="fr-CA")
    try:
        page = await context.new_page()
        await context.add_cookies(
            [{"name": "__Host-session", "value": cookie, "url": "https://localhost", "secure": True, "httpOnly": True}]
        )
        await page.goto(f"{polls.stack.origin}/fr/votes/president/bulletin")
        await page.get_by_text("À l'heure de votre appareil").wait_for()
    finally:
        await context.close()


async def test_no_page_of_the_booth_shuts_anybody_out(polls: Polls, chromium: Browser) -> None:
    """By axe, at every size and in both languages: the password, the question, an error, the reading, the receipt."""
    for language in ("fr", "en"):
        french = language == "fr"
        _, cookie = await polls.a_voter(language=language)
        async with polls.tab(chromium, cookie, language=language) as tab:
            address = "/fr/votes/ec-directors/bulletin" if french else "/en/votes/ec-directors/ballot"
            await tab.go(address)
            wrong = await wrong_with(tab.page, language)
            await tab.page.set_viewport_size(tab.visitor.viewport)  # type: ignore[arg-type]
            await unlock(tab, "ec-directors")
            await tab.page.get_by_role("button", name=re.compile("^(Continuer|Continue)$")).click()
            wrong += await wrong_with(tab.page, language)
            await read_again(tab, "Jeanne Mance")
            await tab.page.locator("details.govuk-details summary").click()
            wrong += await wrong_with(tab.page, language)
            await tab.press("Déposer mon vote" if french else "Cast my vote")
            wrong += await wrong_with(tab.page, language)
            assert wrong == []
