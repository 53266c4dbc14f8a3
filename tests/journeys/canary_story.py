"""The people of the canary test: each sends a document full of markers, each ends in its own way."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select, text
from temporalio.client import Client

from portal.rules.accounts import Role
from portal.store import accounts, identity
from portal.store.identity import Document
from portal.store.sealing import _SUITE, EpochKeys, _context, unseal
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH
from tests.api.person import Person
from tests.journeys.canary import CORE, Searcher, canary, encodings
from tests.journeys.mails import code_in, mail_to, until
from tests.journeys.stack import Stack
from workflows.messages import workflow_id

PHRASE = "canari jaune sur un fil de Chicoutimi"
FAMILY, STREET = "Canariensis-Lafontaine", "4711 rue du Serin-des-Canaries"


@dataclass
class Learned:
    """What only the pipeline knows of one submission, and how that submission is to end."""

    submission_id: UUID
    document_id: UUID
    epoch: date
    wrapped_key: bytes
    key: bytes
    ciphertext: bytes
    jpeg: bytes


@dataclass
class Fact:
    """Everything that must not be found."""

    everywhere: Searcher = field(default_factory=Searcher)
    # Where no person may be named: histories, visibility, logs.
    nameless: Searcher = field(default_factory=Searcher)
    learned: dict[str, Learned] = field(default_factory=dict)


class Story:
    """The people of this test, and how each of their documents ends."""

    def __init__(self, stack: Stack, client: Client) -> None:
        self.stack = stack
        self.client = client
        self.fact = Fact()
        self.fact.everywhere.words[CORE] = "marker"
        for form in encodings(CORE):
            self.fact.everywhere.words[form] = "marker"
        self.reviewer = ""
        self.campaign_code = ""

    # --- people ---

    async def arrange(self) -> None:
        async with self.stack.sessions.begin() as session:
            self.campaign_code = (await builders.a_campaign(session)).code
            reviewer = await builders.a_staff_account(session, Role.REVIEWER, password_hash=PASSWORD_HASH)
            assert reviewer.email is not None
            self.reviewer = reviewer.email

    async def somebody(self, *, new: bool = False) -> tuple[Person, UUID]:
        """A member who is signed in with a proven address; a new one goes the whole way by mail."""
        async with self.stack.sessions.begin() as session:
            member = await builders.a_member(
                session, family_name=FAMILY, verified=not new, password_hash=None if new else PASSWORD_HASH
            )
            member.street = STREET
            account = await accounts.of_member(session, member.id)
            assert account is not None
            assert account.email is not None
            member_id, email, number = member.id, account.email, member.number
        self.fact.nameless.add_text("e-mail", email)
        self.fact.nameless.add_number("member number", number)
        person = self.stack.visit()
        if not new:
            await person.sign_in(email, PASSWORD)
            return person, member_id
        await person.sign_in(email, number)
        await person.submit("profil/courriel")
        mail = await mail_to(self.stack.servers.mailbox, email, "Confirmez")
        link = next(link for link in mail["links"] if "jeton=" in link)
        self.fact.nameless.add_text("verification token", link.partition("jeton=")[2])
        await self.stack.visit().get(link.removeprefix(self.stack.origin))
        await person.submit("profil/code", code=code_in(mail))
        await person.submit("mot-de-passe/premier", password=PHRASE, again=PHRASE)
        assert person.page.h1 == ["Portail des membres – page d'accueil"]
        return person, member_id

    # --- documents ---

    async def send(self, ending: str, person: Person, member_id: UUID) -> Learned:
        """Upload a canary through the page, and learn what became of it inside."""
        jpeg, name = canary(f"{ending.upper()}\n{uuid4().hex[:12]}")
        self.fact.everywhere.add_picture(jpeg)
        await person.get("/fr/profil/identite")
        await person.send_documents({"file1": (name, jpeg, "image/jpeg")}, kind1="driving-licence")
        assert "Document 1, reçu le" in person.page.text
        learned = await self._learn(member_id)
        self.fact.learned[ending] = learned
        self.fact.everywhere.add_picture(learned.jpeg)
        self.fact.everywhere.add_secret(f"key of {ending}", learned.key)
        assert self.fact.everywhere.search(jpeg) == {"marker", "picture"}, "the searcher knows the upload"
        assert CORE not in learned.jpeg, "T43: a marker survived in the picture that is kept"
        assert not self.fact.everywhere.search(learned.ciphertext)
        picture = await person.client.get(
            person.page.images[0]["src"], headers={"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "image"}
        )
        assert picture.content == learned.jpeg
        return learned

    async def _learn(self, member_id: UUID) -> Learned:
        async with self.stack.sessions.begin() as session:
            document = await session.scalar(
                select(Document)
                .join(identity.Submission, identity.Submission.id == Document.submission_id)
                .where(identity.Submission.member_id == member_id)
                .order_by(identity.Submission.submitted_at.desc())
                .limit(1)
            )
            assert document is not None
            assert document.wrapped_key is not None
        keys = EpochKeys(self.stack.keys)
        ciphertext = await self.stack.files.get(document.object_key)
        key = _SUITE.decrypt(document.wrapped_key, keys.for_opening(document.epoch), _context(document.id))
        jpeg = unseal(keys, document.id, ciphertext=ciphertext, wrapped_key=document.wrapped_key, epoch=document.epoch)
        return Learned(document.submission_id, document.id, document.epoch, document.wrapped_key, key, ciphertext, jpeg)

    async def decide(self, person: Person, **verdict: str) -> None:
        """The one case that waits, as a reviewer."""
        desk = self.stack.visit()
        await desk.sign_in(self.reviewer, PASSWORD)
        await desk.submit("/examen")
        await desk.decide(**verdict)
        assert "Votre décision est enregistrée" in desk.page.text

        async def told() -> bool:
            await person.get("/fr/profil")
            return "a été supprimée le" in person.page.text

        await until(told, what="the deletion")

    async def erased(self, ending: str, within: float = 20.0) -> None:
        async def certified() -> bool:
            async with self.stack.sessions.begin() as session:
                return await identity.erasure_of(session, self.fact.learned[ending].submission_id) is not None

        await until(certified, within, what=f"the certificate after {ending}")

    async def sweep(self) -> None:
        """The hourly one, now; it must be over before what it does can be counted on."""
        async with self.stack.sessions.begin() as session:
            before: datetime | None = await session.scalar(text("select clock_timestamp()"))
            assert before is not None
        await self.client.get_schedule_handle("sweep").trigger()

        async def done() -> bool:
            over = "WorkflowType = 'SweepWorkflow' and ExecutionStatus = 'Completed'"
            return any([w.start_time >= before async for w in self.client.list_workflows(over)])

        await until(done, what="the sweep")

    # --- the five endings besides replacement ---

    async def approve(self) -> None:
        person, member_id = await self.somebody(new=True)
        await self.send("approved", person, member_id)
        await person.get("/fr/votes/inscription")
        await person.submit("/votes/inscription", password=PHRASE)
        await self.decide(person, verdict="approve")

    async def reject(self) -> None:
        person, member_id = await self.somebody()
        await self.send("rejected", person, member_id)
        await self.decide(
            person,
            verdict="reject",
            reason="other",
            note_fr="Un reflet cache le nom.",
            note_en="Glare hides the name.",
        )

    async def replace_then_withdraw(self) -> None:
        person, member_id = await self.somebody()
        await self.send("replaced", person, member_id)
        await self.send("withdrawn", person, member_id)
        await self.erased("replaced")
        await person.submit("/profil/identite/retrait")
        await self.erased("withdrawn")

    async def expire_without_a_workflow(self) -> None:
        """T57: its workflow is dead, nobody decides for thirty days; the sweep alone ends and erases it."""
        person, member_id = await self.somebody()
        learned = await self.send("expired", person, member_id)
        await self.client.get_workflow_handle(workflow_id(self.campaign_code, member_id)).terminate()
        await self._shift("submitted_at", learned, timedelta(days=31))
        await self.sweep()
        await self._shift("over_at", learned, timedelta(minutes=16))
        await self.sweep()
        await self.erased("expired")

    async def _shift(self, column: str, learned: Learned, back: timedelta) -> None:
        async with self.stack.sessions.begin() as session:
            await session.execute(
                text(f"update submission set {column} = {column} - :back where id = :id"),
                {"back": back, "id": learned.submission_id},
            )

    async def cancel(self) -> None:
        person, member_id = await self.somebody()
        await self.send("abandoned", person, member_id)
        await self.client.get_workflow_handle(workflow_id(self.campaign_code, member_id)).cancel()
        await self.erased("abandoned")

    # --- bad input, with the same secrets in it ---

    async def provoke_errors(self) -> None:
        """T55: every way to be refused with a secret in hand; none may be written down."""
        jpeg, name = canary("REFUSED")
        self.fact.everywhere.add_picture(jpeg)
        person, _ = await self.somebody()
        await person.get("/fr/profil/identite")
        # Cut off in the middle; then a field that no form has; then no JPEG at all.
        await person.submit(
            "/profil/identite", kind1="nexus", files={"file1": (name, jpeg[: len(jpeg) // 2], "image/jpeg")}
        )
        assert person.response.status_code == 422
        form = person.page.form("/profil/identite")
        data = {k: v for k, v in form.fields.items() if not k.startswith("file")}
        await person.post(form.action, {**data, "note": name}, files={"file1": (name, jpeg, "image/jpeg")})
        assert person.response.status_code >= 400
        await person.get("/fr/profil/identite")
        await person.submit("/profil/identite", kind1="nexus", files={"file1": (name, b"GIF89a" + jpeg, "image/gif")})
        assert person.response.status_code == 422
        stranger = self.stack.visit()
        await stranger.sign_in(f"{FAMILY.lower()}@exemple.test", PHRASE)
        assert stranger.response.status_code == 401
        await stranger.post("/fr/connexion", {"email": "x", "password": PHRASE, "surprise": PHRASE})
        assert stranger.response.status_code == 422
        await stranger.get(f"/fr/courriel/verifier?jeton={PHRASE.replace(' ', '-')}")
        await stranger.get(f"/fr/{FAMILY}/{PHRASE.replace(' ', '-')}")
        assert stranger.response.status_code == 404
