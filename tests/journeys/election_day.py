"""A vote with everybody in it: who votes how, what becomes of each vote, and what the clock is made to say."""

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from playwright.async_api import Browser
from sqlalchemy import select, text

from portal.rules.accounts import Role
from portal.rules.choices import value_of
from portal.rules.votes import encode, receipt_of
from portal.store import Session, onboarding, votes
from portal.store.accounts import Account
from portal.store.ballots import Ballot, Candidate
from portal.store.campaigns import Campaign
from portal.store.members import Member
from portal.store.sealing import seal_vote
from tests import builders
from tests.api.conftest import PASSWORD
from tests.api.person import Person
from tests.journeys.mails import until
from tests.journeys.people import Town, cookie_of, register, send
from tests.journeys.stack import Stack
from tests.journeys.tab import Tab, visiting

RECEIPT = re.compile(r"[A-Z2-7]{4}(?:-[A-Z2-7]{4}){4}")
# Options that nothing else in a portal is called; above the ports that a system gives to whoever asks for one.
CANARIES = {64206: "Serinus Canariensis", 64222: "Forpus Coelestis", 65261: "Amazona Farinosa"}
CROWD = 12


@dataclass
class Day:
    """One campaign. The database's owner moves its instants, as no process of the portal could."""

    stack: Stack
    town: Town
    chromium: Browser
    campaign_id: UUID = field(init=False)
    code: str = field(init=False)
    receipts: dict[str, str] = field(default_factory=dict)

    async def arrange(self) -> None:
        """Registration is open, the vote a day away; nobody has made a key."""
        async with self.stack.sessions.begin() as session:
            campaign = await builders.a_campaign(session, ends=timedelta(days=13))
            self.campaign_id, self.code = campaign.id, campaign.code
            seats = await self._ballot(session, "ec-directors")
            seats.choose = len(CANARIES)
            for position, name in CANARIES.items():
                session.add(Candidate(ballot_id=seats.id, position=position, name=name))

    async def _ballot(self, session: Session, code: str) -> Ballot:
        where = (Ballot.campaign_id == self.campaign_id, Ballot.code == code)
        return (await session.scalars(select(Ballot).where(*where))).one()

    # --- the clock

    async def instants(self, **instants: datetime) -> None:
        async with self.stack.sessions.begin() as session:
            # The trigger would let a closing move to later only.
            await session.execute(text("set local session_replication_role = replica"))
            for name, at in instants.items():
                await session.execute(
                    text(f"update campaign set {name} = :at where id = :id"), {"at": at, "id": self.campaign_id}
                )

    async def open(self) -> None:
        await self.instants(opens=datetime.now(UTC))

    # --- who votes

    async def voter(self, group: str = "EC", *, confirmed: bool = True, language: str = "fr") -> Account:
        """On the roll, registered for all their votes; if not confirmed, by what they send themselves."""
        account = await self.town.a_member(group=group, language=language)
        assert account.member_id
        if confirmed:
            async with self.stack.sessions.begin() as session:
                await self._register(session, await session.get_one(Member, account.member_id))
        else:
            person = await self.town.enter(account)
            await send(person)
            await register(person)
        return account

    async def _register(self, session: Session, member: Member) -> None:
        campaign = await session.get_one(Campaign, self.campaign_id)
        await onboarding.open_file(session, campaign, member.id)
        await session.execute(
            text(
                "insert into registration (ballot_id, member_id, confirmed_at)"
                " select id, :member, clock_timestamp() from ballot where campaign_id = :campaign and :of = any(groups)"
            ),
            {"member": member.id, "campaign": self.campaign_id, "of": member.group},
        )
        member.identity_verified_at = datetime.now(UTC)

    async def crowd(self) -> None:
        """Votes for volume, by the statement that takes every vote: all for the canaries, all against the removal."""
        async with self.stack.sessions.begin() as session:
            people = [await builders.a_member(session, verified=True) for _ in range(CROWD)]
            for member in people:
                await self._register(session, member)
        for at, member in enumerate(people):
            async with self.stack.sessions.begin() as session:
                for code, chosen in (("ec-directors", list(CANARIES)), ("president", [2])):
                    taken = await self._cast(session, code, member.id, chosen)
                    assert taken is not None
                    self.receipts[f"crowd-{at} {code}"] = receipt_of(taken.digest)

    async def _cast(self, session: Session, code: str, member_id: UUID, chosen: list[int]) -> votes.Taken | None:
        campaign = await session.get_one(Campaign, self.campaign_id)
        ballot = await self._ballot(session, code)
        definition = await votes.definition_of(session, self.code, ballot)
        assert campaign.election_key
        return await votes.cast(
            session, campaign_id=self.campaign_id, ballot_id=ballot.id, member_id=member_id,
            ciphertext=seal_vote(campaign.election_key, encode(chosen), definition.info),
        )  # fmt: skip

    async def in_a_browser(
        self, account: Account, code: str, *chosen: str, language: str = "fr", scripts: bool = True
    ) -> None:
        """From « Votes des membres » to the receipt, as a person does."""
        french = language == "fr"
        person = await self.town.enter(account, language=language)
        async with visiting(self.chromium, self.stack.origin, language, scripts=scripts) as visitor:
            await visitor.become(cookie_of(person))
            tab = await visitor.tab()
            await tab.go(f"/{language}/votes")
            await tab.page.locator(f"#{code}").get_by_role("link", name="Votez" if french else "Vote").click()
            await tab.look()
            await tab.fill(password=PASSWORD)
            await tab.press("Continuer" if french else "Continue")
            await self._choose(tab, chosen, french, scripts)
            await tab.press("Déposer mon vote" if french else "Cast my vote")
            self.receipts[f"{account.id} {code}"] = receipt_on(await tab.words())

    async def _choose(self, tab: Tab, chosen: tuple[str, ...], french: bool, scripts: bool) -> None:
        for label in chosen:
            await tab.page.get_by_label(label, exact=True).check()
        on = "Continuer" if french else "Continue"
        if scripts:
            await tab.page.get_by_role("button", name=on).click()
            await tab.page.locator("#relecture h2").wait_for(state="visible")
        else:
            await tab.press(on)
        words = await tab.words()
        assert all(label in words for label in chosen)

    async def ready(self, account: Account, code: str = "president") -> Person:
        """At the question, the password typed: one form away from a vote."""
        person = await self.town.enter(account)
        await person.get(f"/fr/votes/{code}/bulletin")
        await person.submit("/bulletin", password=PASSWORD)
        return person

    async def deposit(self, person: Person, choice: str, code: str = "president") -> str:
        """What the page then says."""
        form = next(one for one in person.page.forms if one.fields.get("definition"))
        kept = {name: form.fields[name] for name in ("form_token", "definition")}
        await person.post(f"/fr/votes/{code}/bulletin/depot", {**kept, "choice": value_of(int(choice))})
        return person.page.text

    async def provisional(self, account: Account, choice: str) -> None:
        said = await self.deposit(await self.ready(account), choice)
        assert "Il est provisoire" in said
        self.receipts[f"{account.id} president"] = receipt_on(said)

    async def in_the_last_second(self, account: Account, choice: str) -> datetime:
        """By the clock of the database; a machine that is busy for longer than that gets another closing."""
        person = await self.ready(account)
        for _ in range(5):
            closes = datetime.now(UTC) + timedelta(seconds=3)
            await self.instants(closes=closes)
            await asyncio.sleep(max(0.0, (closes - datetime.now(UTC)).total_seconds() - 0.8))
            said = await self.deposit(person, choice)
            if RECEIPT.search(said):
                self.receipts[f"{account.id} president"] = receipt_on(said)
                return closes
            await self.instants(closes=datetime.now(UTC) + timedelta(minutes=5))
            await person.get("/fr/votes/president/bulletin")
        raise AssertionError("this machine needs more than a second for a vote")

    # --- what is decided afterwards

    async def approve(self, account: Account) -> None:
        await self.town.decide(account, "approve")
        await self._settled(account, "counts")

    async def refuse(self, account: Account) -> None:
        """By two reviewers."""
        for _ in range(2):
            desk = await self.town.staff(Role.REVIEWER)
            await desk.get("/fr/examen")
            await desk.submit("/examen")
            await desk.decide("refuse", reason="suspected-fraud")

        async def refused() -> bool:
            async with self.stack.sessions.begin() as session:
                last = text("select status from submission where member_id = :m order by staged_at desc limit 1")
                return bool(await session.scalar(last, {"m": account.member_id}) == "refused")

        await until(refused, within=60, what="the refusal")

    async def _settled(self, account: Account, state: str) -> None:
        async def found() -> bool:
            return {one.state for one in (await self.mine(account)).values()} == {state}

        await until(found, within=60, what=f"a vote that {state}")

    async def mine(self, account: Account) -> dict[UUID, votes.Cast]:
        assert account.member_id
        async with self.stack.sessions.begin() as session:
            return await votes.of_member(session, self.campaign_id, account.member_id)

    async def counted_page(self, account: Account) -> str:
        """« Mon vote a-t-il été compté ? »"""
        person = await self.town.enter(account)
        await person.get("/fr/votes/comptes")
        return person.page.text


def receipt_on(words: str) -> str:
    found = RECEIPT.search(words)
    assert found, words
    return found[0]
