"""Somebody of every kind, each where the story of brief §1 may have brought them, in a portal of real processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import text

from api.guards import COOKIE
from deploy.next_campaign import a_draft
from deploy.specimens import specimen_card
from portal.rules.accounts import RENEWAL_VALID, Purpose, Role
from portal.rules.campaign_changes import ChangeKind
from portal.rules.doors import Status
from portal.rules.links import hash_of, reminders_token
from portal.rules.mail import Lane, MailKind
from portal.rules.roll import Problem, Trouble
from portal.store import accounts, bounces, campaign_changes, links, mail, roll
from portal.store.accounts import Account
from portal.store.mail import Mail
from portal.store.members import Member
from tests import builders
from tests.api.booths import Voter, a_vote, register_for_all, rehearses
from tests.api.conftest import PASSWORD, PASSWORD_HASH
from tests.api.person import Person
from tests.conftest import SECRET
from tests.journeys.mails import until
from tests.journeys.stack import Stack
from tests.roll_files import a_roll_draft, line, written

PICTURE = ("permis.jpg", specimen_card(), "image/jpeg")


@dataclass(frozen=True)
class Somebody:
    """What a browser needs to be this person, and the parameters of the addresses that are theirs."""

    cookie: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    # The token of a mail's link.
    token: str = ""


class Town:
    """The portal, running, with a campaign; and people to make."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._desk: Person | None = None

    async def a_member(self, *, password: bool = True, **more: Any) -> Account:
        """Somebody on the roll whose address is verified."""
        more = {"verified": True, **more}
        async with self.stack.sessions.begin() as session:
            # Everybody here comes from one address, more often than a household does.
            await session.execute(text("delete from attempt"))
            member = await builders.a_member(session, password_hash=PASSWORD_HASH if password else None, **more)
            account = await accounts.of_member(session, member.id)
        assert account is not None
        return account

    async def staff(self, role: Role) -> Person:
        async with self.stack.sessions.begin() as session:
            account = await builders.a_staff_account(session, role, password_hash=PASSWORD_HASH)
        return await self.enter(account)

    async def desk(self) -> Person:
        """The reviewer who decides whatever a test wants decided."""
        if self._desk is None:
            self._desk = await self.staff(Role.REVIEWER)
        return self._desk

    async def enter(self, account: Account, password: str = PASSWORD, language: str = "fr") -> Person:
        assert account.email is not None
        person = self.stack.visit(language)
        await person.sign_in(account.email, password)
        assert cookie_of(person)
        return person

    async def member(self, **more: Any) -> Person:
        return await self.enter(await self.a_member(**more))

    async def a_link(self, account: Account, purpose: Purpose) -> str:
        """The token of a fresh mail's link."""
        token = str(uuid4())
        async with self.stack.sessions.begin() as session:
            assert await links.make(
                session, link_id=uuid4(), account=account, purpose=purpose, token_hash=hash_of(token),
                valid=RENEWAL_VALID,
            )  # fmt: skip
        return token

    async def a_mail(self, account: Account, *, came_back: bool = False) -> UUID:
        """One that was sent some time ago, with an answer of the mail server if it came back."""
        sent = Mail(
            id=uuid4(), key=f"told:{uuid4()}", kind=MailKind.REGISTERED.value, lane=Lane.URGENT.value,
            account_id=account.id, campaign_id=None, facts={}, due_at=datetime.now(UTC),
        )  # fmt: skip
        letter = f"Bonjour,\n\nVotre inscription est reçue :\n{self.stack.origin}/fr/votes\n"
        async with self.stack.sessions.begin() as session:
            session.add(sent)
            await session.flush()
            await mail.mark_sent(session, [mail.Said(sent.id, "Votre inscription est reçue", letter)])
            if came_back:
                assert account.email
                await bounces.came_back(session, sent.id, "5.1.1", [account.email])
        return sent.id

    async def decide(self, account: Account, verdict: str, reason: str = "") -> None:
        """By a reviewer, on this member's case, whoever else waits."""
        async with self.stack.sessions.begin() as session:
            # The oldest is the next.
            await session.execute(
                text(
                    "update submission set submitted_at = submitted_at - interval '1 day' "
                    "where member_id = :member and status = 'submitted'"
                ),
                {"member": account.member_id},
            )
        desk = await self.desk()
        await desk.get("/fr/examen")
        await desk.submit("/examen")
        await desk.decide(verdict, reason=reason)


async def send(person: Person) -> None:
    await person.get("/fr/profil/identite")
    await person.send_documents({"file1": PICTURE}, kind1="driving-licence")
    assert "/profil" in str(person.response.url), person.page.text


async def register(person: Person) -> None:
    await person.get("/fr/votes/inscription")
    await person.submit("/votes/inscription", password=PASSWORD)


def cookie_of(person: Person) -> str:
    cookie = person.client.cookies.get(COOKIE)
    assert cookie, person.page.text
    return cookie


def as_seen(person: Person, **where: str) -> Somebody:
    return Somebody(cookie_of(person), where)


async def staff(town: Town) -> dict[str, Somebody]:
    """An officer, an auditor who registers an app, somebody who has typed the password, and one who was invited."""
    officer, auditor = await town.staff(Role.OFFICER), await town.staff(Role.AUDITOR)
    await auditor.get("/fr/cles")
    await auditor.submit("/cles/codes/nouveau")
    waiting = town.stack.visit()
    async with town.stack.sessions.begin() as session:
        account = await builders.a_staff_account(session, Role.OFFICER, password_hash=PASSWORD_HASH)
        await builders.an_authenticator(session, account.id, secret=SECRET.encode())
        invited = await builders.a_staff_account(session, Role.REVIEWER, key=False)
    await waiting.get("/fr/connexion")
    await waiting.submit("/connexion", email=str(account.email), password=PASSWORD)
    return {
        "officer": as_seen(officer, account_id=str(account.id)),
        "auditor": as_seen(auditor),
        "staff, by password": as_seen(waiting),
        "staff, invited": Somebody(token=await town.a_link(invited, Purpose.INVITATION)),
    }


async def an_officer(town: Town) -> Somebody:
    """With a draft of an election, and a proposal to open it."""
    async with town.stack.sessions.begin() as session:
        draft, ballots, candidates = a_draft(datetime.now(UTC), ZoneInfo("America/Toronto"))
        for rows in ([draft], ballots, candidates):
            session.add_all(rows)
            await session.flush()
        colleague = await builders.a_staff_account(session, Role.OFFICER)
        change_id = await campaign_changes.propose(
            session, draft.id, ChangeKind.OPEN, by=colleague.id, wanted={}, reason=None
        )
    where = {"code": draft.code, "ballot_id": str(ballots[1].id), "change_id": str(change_id)}
    return as_seen(await town.staff(Role.OFFICER), **where)


async def voters(town: Town) -> dict[str, Somebody]:
    """In a rehearsal, where voting is open: the portal has one vote of its own, which is still to come."""
    async with town.stack.sessions.begin() as session:
        campaign = await a_vote(session, rehearsal=True, closes=timedelta(days=1))
    found = {}
    for name in ("voting", "voted"):
        account = await town.a_member()
        assert account.member_id is not None
        async with town.stack.sessions.begin() as session:
            await rehearses(session, campaign.id, account.member_id)
            member = await session.get_one(Member, account.member_id)
            await register_for_all(session, campaign.id, member)
        voter = Voter(await town.enter(account), member, town.stack.sessions)
        await voter.enter("pension")
        if name == "voted":
            await voter.cast(1, code="pension")
        found[name] = as_seen(voter.person)
    return found


async def everybody(town: Town) -> dict[str, Somebody]:
    """By what they are: strangers, newcomers, members at every step, and staff."""
    found: dict[str, Person] = {}
    for name in ("rejected", "erased", "done"):
        account = await town.a_member()
        found[name] = await town.enter(account)
        await send(found[name])
        if name == "done":
            await register(found[name])
        await town.decide(account, *(("reject", "cut-off") if name == "rejected" else ("approve",)))
    account = await town.a_member(group="TR")
    mail_id = await town.a_mail(account)
    found["waiting"], found["registered"] = await town.enter(account), await town.member(group="BdP")
    for person in (found["waiting"], found["registered"]):
        await send(person)
    await register(found["registered"])
    found["verified"] = await town.member()
    found["unverified"] = await town.member(verified=False)
    found["dues-payer"] = await town.member(standing="dues-payer")
    found["operator"] = await town.staff(Role.OPERATOR)
    people = {name: as_seen(person) for name, person in found.items()}
    people["waiting"] = as_seen(found["waiting"], mail_id=str(mail_id))

    picked = await town.member()
    await picked.get("/fr/profil/identite")
    await picked.submit("/profil/identite", kind1="driving-licence", files={"file1": PICTURE})
    people["picked"] = as_seen(picked, submission_id=str(picked.response.url).rpartition("/")[2])

    reviewer = await town.staff(Role.REVIEWER)
    await reviewer.get("/fr/examen")
    await reviewer.submit("/examen")
    document = reviewer.page.images[0]["src"].rpartition("/")[2]
    people["reviewer"] = as_seen(
        reviewer, claim_id=str(reviewer.response.url).rpartition("/")[2], document_id=document
    )  # fmt: skip
    done = await town.desk()
    people["reviewer, done"] = as_seen(done, claim_id=str(done.response.url).split("/")[-2])

    people["officer"] = await an_officer(town)
    people |= await voters(town)

    for name in ("newcomer", "newcomer, verified"):
        account = await town.a_member(password=False, verified=False)
        async with town.stack.sessions.begin() as session:
            number = await session.scalar(text("select number from member where id = :id"), {"id": account.member_id})
        people[name] = as_seen(await town.enter(account, str(number)))
        if name.endswith("verified"):
            async with town.stack.sessions.begin() as session:
                await session.execute(
                    text("update account set email_verified_at = now() where id = :id"), {"id": account.id}
                )
    account = await town.a_member()
    mail_id = await town.a_mail(account, came_back=True)
    people["bounced"] = as_seen(await town.enter(account), mail_id=str(mail_id))
    account = await town.a_member()
    token = str(uuid4())
    async with town.stack.sessions.begin() as session:
        asked = await builders.a_request(session, status=Status.ASKED)
        asked.token_hash = hash_of(token)
        request = await builders.a_request(session)
        # Its workflow has heard of it.
        request.taken_up_at = datetime.now(UTC)
    draft = await a_roll_draft(town.stack.sessions, written([line()]))
    faulty = uuid4()
    async with town.stack.sessions.begin() as session:
        by = await builders.a_staff_account(session, Role.OPERATOR)
        wrong = [Problem(3, Trouble.NUMBER_TWICE, "number", 2), Problem(4, Trouble.COMMA_UNQUOTED)]
        await roll.begin(session, faulty, by.id, lines=3, wrong=2, problems=wrong, ignored=["Poste"])
    people["asking"] = Somebody(token=token)
    stuck = await town.a_member(verified=False)
    people["operator"] = replace(
        people["operator"],
        where={
            "request_id": str(request.id),
            "import_id": str(draft),
            "listed": "members",
            "member_id": str(stuck.member_id),
        },
    )
    people["operator, corrected"] = replace(people["operator"], where={"import_id": str(faulty)})
    paper_voter = await town.a_member()
    async with town.stack.sessions.begin() as session:
        await session.execute(
            text(
                "insert into paper_voter (id, campaign_id, member_id, reason, by_id)"
                " select gen_random_uuid(), c.id, :member, 'asked', r.account_id"
                " from campaign c, (select account_id from staff_role where role = 'operator' limit 1) r"
            ),
            {"member": paper_voter.member_id},
        )
    people["on paper"] = as_seen(await town.enter(paper_voter))
    for name, somebody in (await staff(town)).items():
        known = people.get(name)
        people[name] = replace(somebody, where={**(known.where if known else {}), **somebody.where})
    people["reminded"] = Somebody(token=reminders_token(SECRET.encode(), account.id))

    people["stranger"] = Somebody(token=await town.a_link(await town.a_member(), Purpose.RENEWAL))
    confirming = await town.a_member(verified=False)
    token = await town.a_link(confirming, Purpose.VERIFICATION)
    people["confirming"] = Somebody(as_seen(await town.enter(confirming)).cookie, token=token)
    people["opening a mail"] = Somebody(token=token)

    async def erased() -> bool:
        async with town.stack.sessions.begin() as session:
            left = text(
                "select count(*) = 0 from decision d join submission s on s.id = d.submission_id"
                " where s.erased_at is null"
            )
            return bool(await session.scalar(left))

    await until(erased, within=60, what="the erasure of what was decided")
    return people
