"""The worker dies by kill -9 at twenty random moments while members sign in, send and register."""

import asyncio
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from uuid import UUID

import pytest
from sqlalchemy import select, text

from activities.mail import message_id
from deploy.specimens import specimen_card
from portal.rules.accounts import Purpose, Role
from portal.rules.links import code_of
from portal.store import Session, accounts, identity, links
from portal.store.identity import Submission
from portal.store.journal import Entry
from portal.store.mail import CLAIM, Mail
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH
from tests.api.person import Person
from tests.conftest import SECRET
from tests.journeys.mails import until
from tests.journeys.stack import Stack

KILLS = 20
LANES = 4
SEED = 20170220
PHRASE = "les fourberies de Scapin à Hull"
DOMAIN = "scrutin.invalid"
# Longer than a relay's silence may last: in these pauses mails flow again, for the next kill to interrupt.
LONG_PAUSES = {6, 13}

# What each member gets, whatever happened to the worker.
ONCE_EACH = {"documents-received", "registered", "approved"}
# What is not sent once its cause has vanished: the code was typed before the mail left, the file was opened.
AT_MOST_ONCE = {"verification", "invitation"}


@dataclass
class Killing:
    """One death of the worker, and how long it was felt."""

    pause: float
    at: float
    doing: list[str]
    ready: float = 0.0
    answered: float = 0.0


@dataclass
class Afternoon:
    """Everything that happens while the worker is being killed."""

    stack: Stack
    chance: random.Random
    card: bytes
    campaign_id: UUID
    killings: list[Killing] = field(default_factory=list)
    # What each lane is waiting for.
    doing: dict[int, str] = field(default_factory=dict)
    members: list[UUID] = field(default_factory=list)
    codes: dict[str, str] = field(default_factory=dict)
    asked_again: Counter[str] = field(default_factory=Counter)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    all_decided: asyncio.Event = field(default_factory=asyncio.Event)

    # --- the killer ---

    async def kill(self) -> None:
        log = self.stack.log("worker")
        for number in range(KILLS):
            pause = self.chance.uniform(11, 13) if number in LONG_PAUSES else self.chance.uniform(0, 2)
            await asyncio.sleep(pause)
            assert self.stack.worker is not None
            self.stack.worker.kill()
            killing = Killing(pause, time.monotonic(), sorted(self.doing.values()))
            self.killings.append(killing)
            before = log.stat().st_size
            # Not waited for here: members go on while it starts.
            self.stack.start_worker(ready=lambda: True)
            while b"worker-ready" not in log.read_bytes()[before:]:
                assert self.stack.worker.running, self.stack.worker.ending
                await asyncio.sleep(0.02)
            killing.ready = time.monotonic() - killing.at
        self.over.set()

    # --- the members ---

    async def lane(self, number: int) -> None:
        """One member after another, for as long as the worker is being killed."""
        while not self.over.is_set():
            async with self.stack.sessions.begin() as session:
                member = await builders.a_member(session)
                account = await accounts.of_member(session, member.id)
                assert account is not None
                assert account.email is not None
                self.members.append(member.id)
                account_id, email, digits = account.id, account.email, member.number
            await self._onboard(number, self.stack.visit(), account_id, email, digits)
            self.doing.pop(number, None)

    async def _onboard(self, lane: int, person: Person, account_id: UUID, email: str, number: str) -> None:
        self.doing[lane] = "sign-in"
        await person.sign_in(email, number)
        await self._step(lane, person, "profil/courriel")
        self.codes[email] = await self._code(account_id)
        await person.get("/fr/mot-de-passe/premier")
        await self._step(lane, person, "profil/code", code=self.codes[email])
        await person.get("/fr/mot-de-passe/premier")
        await self._step(lane, person, "mot-de-passe/premier", password=PHRASE, again=PHRASE)
        await person.get("/fr/profil/identite")
        await self._step(
            lane, person, "profil/identite", kind1="driving-licence",
            files={"file1": ("permis.jpg", self.card, "image/jpeg")},
        )  # fmt: skip
        await self._step(lane, person, "identite/envoi")
        await person.get("/fr/votes/inscription")
        await self._step(lane, person, "votes/inscription", password=PHRASE)
        self.doing[lane] = "review and deletion"

        async def told() -> bool:
            await person.get("/fr/accueil")
            return "a été supprimée le" in person.page.text and "Tout est prêt" in person.page.text

        await until(told, within=90, what="the deletion")

    async def _code(self, account_id: UUID) -> str:
        """Looked up in the records: a mail in the hands of a relay that was killed waits its minute, and kills follow
        each other faster than that. What became of every mail is asked at the end.
        """
        async with self.stack.sessions.begin() as session:
            link = await links.newest(session, account_id, Purpose.VERIFICATION)
            assert link is not None, "the step was answered, so it was written"
        return code_of(SECRET.encode(), link.id)

    async def _step(self, lane: int, person: Person, form: str, **fields: object) -> None:
        """Read, send a form; where the answer is «not yet», press the button of that very page."""
        await asyncio.sleep(self.chance.uniform(0, 0.6))
        self.doing[lane] = form
        await person.submit(form, **fields)  # type: ignore[arg-type]
        while person.response.status_code == 202:
            self.asked_again[form] += 1
            await person.submit(person.page.forms[-1].action)
        assert person.response.status_code == 200, f"{form}: {person.response.status_code} {person.page.text}"
        now = time.monotonic()
        for killing in self.killings:
            killing.answered = killing.answered or now - killing.at

    # --- the reviewer ---

    async def review(self, desk: Person, email: str) -> None:
        await desk.sign_in(email, PASSWORD)
        while not self.all_decided.is_set():
            await desk.get("/fr/examen")
            await desk.submit("/examen")
            if any(form.action.endswith("/decision") for form in desk.page.forms):
                await desk.decide("approve")
                assert "Votre décision est enregistrée" in desk.page.text
            await asyncio.sleep(0.3)

    # --- afterwards ---

    async def mails_have_left(self) -> None:
        """All of them; what a dead relay held is let go as if its minute were over."""
        last = self.killings[-1]
        dead = time.time() - (time.monotonic() - last.at) + CLAIM.total_seconds()
        async with self.stack.sessions.begin() as session:
            await session.execute(
                text("update outbox set claimed_until = now() where claimed_until <= to_timestamp(:dead)"),
                {"dead": dead},
            )

        async def none_waiting() -> bool:
            async with self.stack.sessions.begin() as session:
                return not [m for m in await session.scalars(select(Mail)) if not (m.sent_at or m.cancelled_at)]

        await until(none_waiting, within=40, what="the last mail")

    def figures(self) -> str:
        ready = [k.ready for k in self.killings]
        answered = [k.answered for k in self.killings if k.answered]
        asked = sum(self.asked_again.values())
        return (
            f"worker killed with -9 {len(self.killings)} times during {len(self.members)} onboardings; "
            f"a new one ready after {median(ready):.1f} s (at most {max(ready):.1f} s); "
            f"the next step of any member answered {median(answered):.1f} s after the kill "
            f"(at most {max(answered):.1f} s); "
            f"asked again after «not yet»: {asked} times"
        )


@pytest.mark.timeout(300)
async def test_an_onboarding_survives_a_worker_killed_at_twenty_random_moments(stack: Stack) -> None:
    """All are registered, approved and erased; each mail once, but where SMTP left the outcome unknown."""
    async with stack.sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        reviewer = await builders.a_staff_account(session, Role.REVIEWER, password_hash=PASSWORD_HASH)
        assert reviewer.email is not None
    await stack.start()
    afternoon = Afternoon(stack, random.Random(SEED), specimen_card(1200, 750), campaign.id)
    async with asyncio.TaskGroup() as group:
        group.create_task(afternoon.kill())
        lanes = [group.create_task(afternoon.lane(number)) for number in range(LANES)]
        reviewing = group.create_task(afternoon.review(stack.visit(), reviewer.email))
        await asyncio.gather(*lanes)
        afternoon.all_decided.set()
        await reviewing
    await afternoon.mails_have_left()

    assert len(afternoon.killings) == KILLS
    assert len(afternoon.members) >= LANES
    assert await stack.files.stored() == []
    async with stack.sessions.begin() as session:
        for member_id in afternoon.members:
            await check_member(session, campaign.id, member_id)
        doubled = await check_mails(session, stack, afternoon)
    # Shown by `pytest -rP`, and copied into docs/figures.md.
    sys.stdout.write(f"{afternoon.figures()}; mails sent twice after an unknown outcome: {doubled}\n")


async def check_member(session: Session, campaign_id: UUID, member_id: UUID) -> None:
    """Registered for all seven, approved, erased with a certificate; each step in the journal once."""
    confirmed = await session.scalar(
        text("select count(*) from registration where member_id = :member and confirmed_at is not null"),
        {"member": member_id},
    )
    assert confirmed == 7
    submissions = list(await session.scalars(select(Submission).where(Submission.member_id == member_id)))
    sent = [s for s in submissions if s.submitted_at is not None]
    assert [s.status for s in sent] == ["approved"]
    assert len(submissions) == 1, "an upload was stored that its member never heard of"
    erasure = await identity.erasure_of(session, sent[0].id)
    assert erasure is not None
    assert (erasure.outcome, erasure.versions_left) == ("approved", 0)
    entries = await session.scalars(select(Entry.action).where(Entry.member_id == member_id))
    counted = Counter(entries)
    for event in ("documents-submitted", "decided", "identity-approved", "documents-erased"):
        assert counted[event] == 1, (event, counted)


async def check_mails(session: Session, stack: Stack, afternoon: Afternoon) -> int:
    """Each logical mail in the mailbox once; twice only where the outbox says that it was tried twice."""
    arrived = [m for email in afternoon.codes for m in stack.servers.mailbox.messages(email)]
    by_id = Counter(str(m["message_id"]) for m in arrived)
    doubled = 0
    for member_id in afternoon.members:
        account = await accounts.of_member(session, member_id)
        assert account is not None
        kinds: Counter[str] = Counter()
        for mail in await session.scalars(select(Mail).where(Mail.account_id == account.id)):
            times = by_id.pop(message_id(mail.key, DOMAIN), 0)
            assert mail.failed_at is None
            if mail.cancelled_at is None:
                assert times >= 1, f"{mail.kind} is said to be sent and did not arrive"
                kinds[mail.kind] += 1
            tries = max(1, mail.attempts)
            assert times <= tries, f"{mail.kind} arrived {times} times after {tries} tries"
            doubled += max(0, times - 1)
        assert {kind: kinds[kind] for kind in ONCE_EACH} == dict.fromkeys(ONCE_EACH, 1), kinds
        assert set(kinds) <= ONCE_EACH | AT_MOST_ONCE, kinds
        assert max(kinds.values()) == 1, kinds
    assert not by_id, "mails that no row of the outbox stands for"
    return doubled
