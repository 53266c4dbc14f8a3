"""The six steps in a real browser: in French with scripts at a desk, in English without on a telephone."""

import re

from playwright.async_api import Browser

from deploy.specimens import specimen_card
from portal.rules.accounts import Purpose, Role
from portal.store import accounts, links
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH
from tests.journeys.mails import code_in, mail_to, until
from tests.journeys.stack import Stack
from tests.journeys.tab import Tab, links_of, visiting

PHRASE = "twelve herons over the Rideau canal"


async def arrange(stack: Stack, *, group: str, language: str, with_password: bool) -> tuple[str, str, str]:
    """The portal runs; the address and the number of a member, the address of a reviewer."""
    async with stack.sessions.begin() as session:
        await builders.a_campaign(session)
        member = await builders.a_member(
            session, group=group, language=language, password_hash=PASSWORD_HASH if with_password else None
        )
        account = await accounts.of_member(session, member.id)
        reviewer = await builders.a_staff_account(session, Role.REVIEWER, password_hash=PASSWORD_HASH)
        assert account is not None
        assert account.email is not None
        assert reviewer.email is not None
    await stack.start()
    return account.email, member.number, reviewer.email


async def upload(tab: Tab, name: str, text: str) -> None:
    """Through the page's own file input."""
    await tab.page.locator("select[name=kind1]").select_option("driving-licence")
    await tab.page.locator("input[name=file1]").set_input_files(
        {"name": name, "mimeType": "image/jpeg", "buffer": specimen_card(text=text)}
    )


async def decide(desk: Tab, button: str, *, reason: str | None = None) -> None:
    """The reviewer opens the next case, sees the picture, and presses a button."""
    await desk.go("/fr/examen" if desk.visitor.language == "fr" else "/en/review")
    french = desk.visitor.language == "fr"
    await desk.press("Prendre le suivant" if french else "Take the next one")
    assert await desk.picture_width("figure img") > 0
    if reason is not None:
        await desk.page.locator(f"input[value={reason}]").first.check()
    else:
        await desk.fill(
            name="POQUELIN JEAN BAPTISTE", street="12 rue du Theatre", city="Gatineau", postal_code="j8x1a1"
        )
        await desk.press("Comparer" if french else "Compare")
    await desk.press(button)


async def test_the_whole_journey_in_french_with_pages_that_update_by_themselves(
    stack: Stack, chromium: Browser
) -> None:
    """Brief §1 steps 1–7; T24: after signing out the Back button shows the sign-in page."""
    email, _, reviewer = await arrange(stack, group="EC", language="fr", with_password=True)
    async with (
        visiting(chromium, stack.origin, "fr") as molière,
        visiting(chromium, stack.origin, "fr") as desk_of,
    ):
        tab = await molière.tab()
        await tab.go("/")
        await tab.follow("Entrez")
        await tab.fill(email=email, password=PASSWORD)
        await tab.press("Entrez")
        assert await tab.page.locator("h1").inner_text() == "Portail des membres – page d'accueil"
        assert "Courriel non vérifié" in await tab.words()

        # The page of the profile stays open while the link is confirmed in another tab.
        await tab.follow("Modifier mon profil")
        await tab.press("Envoyer courriel de vérification")
        mail = await mail_to(stack.servers.mailbox, email, "Confirmez")
        other = await molière.tab()
        await other.go(links_of(mail, "/courriel/verifier")[0])
        await other.press("Confirmer mon courriel")
        await other.page.close()
        await tab.page.get_by_text("Courriel vérifié", exact=True).wait_for(timeout=15_000)
        await tab.look()
        assert "Courriel non vérifié" not in await tab.words()

        await tab.follow("Télécharger une photo ID")
        await upload(tab, "permis de conduire.jpg", "POQUELIN\nJean-Baptiste\n12, rue du Théâtre")
        await tab.press("Continuer")
        assert await tab.picture_width("figure img") > 0
        await tab.press("Envoyer")
        assert await tab.page.locator("#identification h2").inner_text() == "Identification"
        assert await tab.picture_width() > 0

        await tab.follow("Votes des membres")
        await tab.follow("M'inscrire à tous mes votes (7)")
        await tab.fill(password=PASSWORD)
        await tab.press("M'inscrire à tous mes votes (7)")
        assert (await tab.words()).count("sous réserve de la confirmation de votre identité") == 7

        # The member's home stays open while the reviewer asks for a better picture.
        await tab.follow("Portail des membres – page d'accueil")
        await tab.page.evaluate("window.neverReloaded = true")
        desk = await desk_of.tab()
        await desk.sign_in(reviewer, PASSWORD)
        await decide(desk, "Demander une meilleure photo", reason="cut-off")
        await tab.shows("Il nous faut une meilleure photo.")
        assert await tab.page.evaluate("window.neverReloaded")
        await tab.look()

        await tab.follow("Envoyer une meilleure photo")
        await upload(tab, "permis entier.jpg", "POQUELIN\nJean-Baptiste\n12, rue du Théâtre\nentier")
        await tab.press("Continuer")
        assert await tab.picture_width("figure img") > 0
        await tab.press("Envoyer")
        assert await tab.picture_width() > 0
        await decide(desk, "Approuver")
        await tab.shows(re.compile("Votre pièce d'identité a été supprimée le .+ Certificat S-"))
        await tab.look()
        await tab.follow("Portail des membres – page d'accueil")
        assert "Tout est prêt" in await tab.words()
        assert await stack.files.stored() == []

        await tab.page.locator("details.app-me summary").click()
        await tab.press("Déconnexion")
        assert await tab.page.locator("h1").inner_text() == "Vous avez quitté le portail"
        await tab.page.go_back()
        await tab.look()
        assert await tab.page.locator("h1").inner_text() == "Entrez"
        assert len(molière.looked_at) > 15


async def test_the_whole_journey_in_english_without_scripts_on_a_telephone(stack: Stack, chromium: Browser) -> None:
    """Brief §1 steps 1–7 for a member of group TR, who registers for six ballots one by one."""
    email, number, reviewer = await arrange(stack, group="TR", language="en", with_password=False)
    async with (
        visiting(chromium, stack.origin, "en", phone=True, scripts=False) as visitor,
        visiting(chromium, stack.origin, "en", scripts=False) as desk_of,
    ):
        tab = await visitor.tab()
        await tab.go("/")
        await tab.follow("Sign in")
        await tab.fill(email=email, password=number)
        await tab.press("Sign in")
        await tab.press("Send verification email")
        mail = await mail_to(stack.servers.mailbox, email, "Confirm")
        await tab.fill(code=code_in(mail))
        await tab.press("Confirm the code")
        await tab.fill(password=PHRASE, again=PHRASE)
        await tab.press("Save this password")
        assert "Email verified" in await tab.words()

        await tab.follow("Upload a photo of your ID")
        await upload(tab, "licence.jpg", "POQUELIN\nJean-Baptiste\n12, rue du Théâtre")
        await tab.press("Continue")
        assert await tab.picture_width("figure img") > 0
        await tab.press("Send")
        assert await tab.page.locator("#identification h2").inner_text() == "Identification"
        assert await tab.picture_width() > 0

        await tab.follow("Member votes")
        for left in range(6, 0, -1):
            assert await tab.page.get_by_role("link", name=re.compile("^Register :")).count() == left
            await tab.follow(re.compile("^Register :"))
            await tab.fill(password=PHRASE)
            await tab.press("Register")
        assert (await tab.words()).count("You have been registered for this vote since") == 6

        desk = await desk_of.tab()
        await desk.sign_in(reviewer, PASSWORD)
        await decide(desk, "Approve")

        async def deleted() -> bool:
            # Not the profile: its picture may go between the page and the picture.
            await tab.go("/en/home")
            return "was deleted on" in await tab.words()

        await until(deleted)
        await tab.go("/en/profile")
        assert "Identity confirmed" in await tab.words()
        assert await stack.files.stored() == []
        await tab.page.locator("details.app-me summary").click()
        await tab.press("Sign out")
        await tab.page.go_back()
        await tab.look()
        assert await tab.page.locator("h1").inner_text() == "Sign in"


async def test_a_mail_scanner_that_runs_scripts_does_not_burn_the_link(stack: Stack, chromium: Browser) -> None:
    """T16: opening the link, three times, changes nothing; its owner can still use it."""
    email, _, _ = await arrange(stack, group="BdP", language="fr", with_password=True)
    async with visiting(chromium, stack.origin, "fr") as member:
        tab = await member.tab()
        await tab.sign_in(email, PASSWORD)
        await tab.go("/fr/profil")
        await tab.press("Envoyer courriel de vérification")
        link = links_of(await mail_to(stack.servers.mailbox, email, "Confirmez"), "/courriel/verifier")[0]
        for _ in range(3):
            async with visiting(chromium, stack.origin, "fr") as scanner:
                opened = await scanner.tab()
                await opened.go(link)
                await opened.page.wait_for_load_state("networkidle")
        async with stack.sessions.begin() as session:
            account = await accounts.by_email(session, email)
            assert account is not None
            assert account.email_verified_at is None
            newest = await links.newest(session, account.id, Purpose.VERIFICATION)
            assert newest is not None
            assert newest.refusal is None
        await tab.go(link)
        await tab.press("Confirmer mon courriel")
        assert "Courriel vérifié" in await tab.words()
