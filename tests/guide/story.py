"""The story that the guide tells, walked through the running portal: once in French, once in English."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from playwright.async_api import Browser, Locator
from sqlalchemy import text

from deploy.questions import QUESTIONS, TITLE_EN, TITLE_FR
from deploy.specimens import specimen_card
from portal.rules.accounts import Role
from portal.store import Session
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.text import TORONTO, gettext, ngettext
from portal.text.addresses import path
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH
from tests.guide.camera import ROOT, Camera
from tests.guide.words import Words
from tests.journeys.mails import code_in, mail_to, until
from tests.journeys.stack import Stack
from tests.journeys.tab import Tab, visiting


@dataclass(frozen=True)
class Cast:
    """Who appears in the pictures of one language: a member who has a password, and a newcomer."""

    given: str
    family: str
    email: str
    home: tuple[str, str, str, str]
    newcomer: tuple[str, str, str]
    certificate: str
    seed: int

    @property
    def card(self) -> bytes:
        street, city, province, code = self.home
        return specimen_card(
            text=f"{self.family.upper()}\n{self.given}\n{street}\n{city} {province}  {code}", seed=self.seed
        )


CAST = {
    "fr": Cast(
        "Jean-Baptiste", "Molière", "moliere@exemple.test", ("12, rue du Théâtre", "Gatineau", "QC", "J8X 1A1"),
        ("Marguerite", "Bourgeoys", "marguerite@exemple.test"), "S-20AC-E917-02A3", 3,
    ),
    "en": Cast(
        "Anne", "Shirley", "anne.shirley@example.test", ("1 Lovers Lane", "Avonlea", "PE", "C0A 1N0"),
        ("Gilbert", "Blythe", "gilbert@example.test"), "S-71B0-4D8C-F36E", 5,
    ),
}  # fmt: skip


def next_season(now: datetime) -> int:
    """The year of the next February that has not begun: 20 February to 3 March, as in 2017."""
    return now.year if now < datetime(now.year, 2, 1, tzinfo=TORONTO) else now.year + 1


@dataclass
class Story:
    stack: Stack
    browser: Browser
    # Pixels for one of the page; None if nothing is pictured, only read.
    scale: float | None = None

    def __post_init__(self) -> None:
        self.year = next_season(datetime.now(TORONTO))
        self.reviewer = ""
        self.numbers: dict[str, str] = {}

    async def tell(self) -> Words:
        """Walk it in both languages; the words of every page there is a picture of."""
        async with self.stack.sessions.begin() as session:
            await self._arrange(session)
        await self.stack.start()
        words: Words = {}
        for language in CAST:
            words |= await Walk(self, language).walk()
        return words

    async def _arrange(self, session: Session) -> None:
        opens, closes = datetime(self.year, 2, 20, tzinfo=TORONTO), datetime(self.year, 3, 3, 16, tzinfo=TORONTO)
        # The title of the demo, in the year of the pictures.
        french, english = (title.partition(" (")[0].replace("2017", str(self.year)) for title in (TITLE_FR, TITLE_EN))
        campaign = Campaign(
            id=uuid4(), code="guide", title_fr=french, title_en=english, time_zone=TORONTO.key,
            registration_opens=datetime.now(UTC) - timedelta(days=14), opens=opens.astimezone(UTC),
            closes=closes.astimezone(UTC), ends=closes.astimezone(UTC) + timedelta(days=14), calendar_version=1,
        )  # fmt: skip
        session.add(campaign)
        await session.flush()
        session.add_all(
            Ballot(
                id=uuid4(), campaign_id=campaign.id, code=q.code, position=position, kind=q.kind, title_fr=q.title_fr,
                title_en=q.title_en, question_fr=q.question_fr, question_en=q.question_en, groups=list(q.groups),
                members_only=True,
            )
            for position, q in enumerate(QUESTIONS)
        )  # fmt: skip
        for language, cast in CAST.items():
            member = await builders.a_member(
                session, language=language, given_name=cast.given, family_name=cast.family, email=cast.email,
                password_hash=PASSWORD_HASH,
            )  # fmt: skip
            member.street, member.city, member.province, member.postal_code = cast.home
            given, family, email = cast.newcomer
            newcomer = await builders.a_member(
                session, language=language, given_name=given, family_name=family, email=email
            )
            self.numbers[language] = newcomer.number
        reviewer = await builders.a_staff_account(session, Role.REVIEWER, password_hash=PASSWORD_HASH)
        self.reviewer = reviewer.email or ""

    async def date(self, table: str, column: str, day: int, hour: int, minute: int) -> None:
        """As if something had happened in the February of the pictures: they are the same in every run."""
        at = datetime(self.year, 2, day, hour, minute, tzinfo=TORONTO).astimezone(UTC)
        async with self.stack.sessions.begin() as session:
            await session.execute(text(f"update {table} set {column} = :at where {column} is not null"), {"at": at})

    async def certificate(self, email: str, number: str) -> None:
        """Drawn by chance otherwise."""
        async with self.stack.sessions.begin() as session:
            await session.execute(
                text(
                    "update erasure set certificate = :number from submission s join account a using (member_id)"
                    " where s.id = submission_id and a.email = :email"
                ),
                {"email": email, "number": number},
            )


class Walk:
    """One language's member, from the entrance to the certificate."""

    def __init__(self, story: Story, language: str) -> None:
        self.story = story
        self.language = language
        self.cast = CAST[language]
        self.say = gettext(language)
        self.camera = Camera(language, story.scale is not None)
        self.tab: Tab

    async def walk(self) -> Words:
        # Where nothing is pictured, French is walked at a desk and English on a telephone.
        phone = self.language == "en" and not self.camera.taking
        async with visiting(
            self.story.browser, self.story.stack.origin, self.language, phone=phone, scale=self.story.scale or 1
        ) as visitor:
            self.tab = await visitor.tab()
            await self._newcomer()
            await self._enter()
            await self._email()
            await self._identity()
            await self._votes()
            await self._leave()
            await self._deletion()
        return self.camera.words

    async def take(
        self, name: str, *framed: Locator, since: str | None = None, until: str | None = None, menu: bool = False
    ) -> None:
        await self.camera.take(
            self.tab.page, name, *framed, since=self._part(since) if since else None,
            until=self._part(until) if until else None, menu=menu,
        )  # fmt: skip

    def _part(self, selector: str) -> Locator:
        return self.tab.page.locator(selector).first

    def button(self, words: str, role: str = "button") -> Locator:
        return self.tab.page.get_by_role(role, name=self.say(words), exact=True).first  # type: ignore[arg-type]

    def link(self, words: str) -> Locator:
        return self.button(words, "link")

    async def press(self, words: str) -> None:
        await self.tab.press(self.say(words))

    async def follow(self, words: str) -> None:
        await self.tab.follow(self.say(words))

    async def open(self, name: str) -> None:
        await self.tab.go(path(name, self.language))

    async def _newcomer(self) -> None:
        """Step 3, the first time: the member number opens one page."""
        await self.tab.sign_in(self.cast.newcomer[2], self.story.numbers[self.language])
        await self.take("first", self.button("Envoyer courriel de vérification"))
        await self._sign_out()

    async def _enter(self) -> None:
        """Steps 1 to 3."""
        await self.open("entrance")
        await self.take("entrance", self.link("Entrez"))
        await self.follow("Entrez")
        await self.take("doors", since="section[aria-labelledby=portes]", until="section[aria-labelledby=portes]")
        await self.tab.fill(email=self.cast.email, password=PASSWORD)
        await self.take("sign-in", self.button("Entrez"))
        await self.press("Entrez")

    async def _email(self) -> None:
        """Step 4: the code is typed on the page that was left open."""
        edit = self._part("main a.govuk-button")
        await self.take("home", edit, until="main .govuk-task-list")
        assert (await edit.inner_text()) == self.say("Modifier mon profil")
        await self.follow("Modifier mon profil")
        send = self.button("Envoyer courriel de vérification")
        await self.take("email", self._part(".app-who .govuk-tag"), send)
        await self.press("Envoyer courriel de vérification")
        subject = {"fr": "Confirmez", "en": "Confirm"}[self.language]
        mail = await mail_to(self.story.stack.servers.mailbox, self.cast.email, subject)
        await self.tab.fill(code=code_in(mail))
        await self.press("Confirmer le code")
        await self.open("profile")

    async def _identity(self) -> None:
        """Step 5."""
        upload = self.link("Télécharger une photo ID")
        await self.take("upload", self._part(".app-who .govuk-tag"), upload)
        await self.follow("Télécharger une photo ID")
        name = {"fr": "permis-de-conduire.jpg", "en": "driving-licence.jpg"}[self.language]
        await self._part("select[name=kind1]").select_option("driving-licence")
        await self._part("input[name=file1]").set_input_files(
            {"name": name, "mimeType": "image/jpeg", "buffer": self.cast.card}
        )
        await self.take("photo", since="main form fieldset", until="main form fieldset")
        await self.press("Continuer")
        await self.take("check", self.button("Envoyer"))
        await self.press("Envoyer")
        await self.story.date("submission", "submitted_at", 1, 19, 10)
        await self.open("profile")
        await self.take("identification", since="#identification", until="#identification .app-pictures + p")

    async def _votes(self) -> None:
        """Step 6."""
        await self.open("votes")
        everything = ngettext(self.language)("M'inscrire à mon vote (1)", "M'inscrire à tous mes votes (%(count)s)", 7)
        everything %= {"count": 7}
        home = self.link("Portail des membres – page d'accueil")
        await self.take("back", self._part(".app-brand"), home, self.link("Retour"), until="main h1", menu=True)
        await self.open("votes")
        one = self._part("main .govuk-summary-card .govuk-button")
        await self.take("votes", self.link(everything), one, until="main .govuk-summary-card")
        await self.tab.follow(everything)
        await self.tab.fill(password=PASSWORD)
        await self.take("register", self.button(everything))
        await self.tab.press(everything)
        await self.story.date("registration", "registered_at", 1, 19, 15)
        await self.open("votes")
        await self.take(
            "registered", self._part("main .govuk-summary-card .govuk-tag"), until="main .govuk-summary-card"
        )

    async def _leave(self) -> None:
        """Step 7, and the pictures of the README on the way: everything done, the answer to come."""
        await self.open("home")
        french = self.language == "fr"
        picture = ROOT / "docs" / "pictures" / ("home-fr.png" if french else "home-en-phone.png")
        await self.camera.whole(self.tab.page, "desk" if french else "phone", picture, self._part("main .app-actions"))
        await self._part("details.app-me summary").click()
        await self.take("sign-out", self.button("Déconnexion"), until="details.app-me .app-me__menu")
        await self.open("home")
        await self._sign_out()

    async def _sign_out(self) -> None:
        await self._part("details.app-me summary").click()
        await self.press("Déconnexion")

    async def _deletion(self) -> None:
        """After step 7: somebody has looked, and the photo is gone."""
        desk = self.story.stack.visit()
        await desk.sign_in(self.story.reviewer, PASSWORD)
        await desk.submit("/examen")
        await desk.decide("approve")
        await self.tab.sign_in(self.cast.email, PASSWORD)
        gone = {"fr": "a été supprimée le", "en": "was deleted on"}[self.language]

        async def deleted() -> bool:
            await self.open("home")
            return gone in await self.tab.words()

        await until(deleted, 30, what="the deletion")
        await self.story.date("erasure", "erased_at", 2, 9, 30)
        await self.story.certificate(self.cast.email, self.cast.certificate)
        await self.open("home")
        await self.take("deleted", self._part("main .govuk-task-list__hint"), until="main .govuk-task-list")
