"""The doors beside the entrance, from the form to the answer, with everything alive behind them."""

import asyncio
from uuid import UUID, uuid4

from sqlalchemy import text

from portal.rules.accounts import Role
from portal.rules.refusals import Refusal
from portal.store import Sessions, accounts, doors, members
from portal.store.doors import DoorRequest
from portal.store.members import Member
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import count, known, link_in, mails_to, notices, says, signed_in, until
from tests.api.person import Person
from tests.conftest import Servers

FRESH = "un tout autre bateau à voiles mauves"
REGISTER = "/fr/enregistrer-mon-courriel"
JOIN = "/fr/devenir-membre"


def an_address() -> str:
    return f"d{uuid4().hex[:10]}@exemple.test"


def typed_for(member: Member, email: str, **more: str) -> dict[str, str]:
    """What somebody types who is on the roll and knows it."""
    return {
        "number": member.number, "given_name": member.given_name, "family_name": member.family_name,
        "postal_code": member.postal_code, "email": email, **more,
    }  # fmt: skip


def an_application(email: str, **more: str) -> dict[str, str]:
    return {
        "given_name": "Marie", "family_name": "Rollet", "street": "4, rue du Fort", "city": "Québec",
        "province": "QC", "postal_code": "G1R 4S9", "email": email, "phone": "418 555-0123",
        "employer": "Statistique Canada", "group": "EC", "language": "fr", "declaration": "yes", **more,
    }  # fmt: skip


async def ask(person: Person, page: str, typed: dict[str, str]) -> None:
    await person.get(page)
    await person.submit(page.rpartition("/")[2], **typed)


async def prove(person: Person, servers: Servers, email: str) -> None:
    """Open the mail and confirm."""
    await person.get(link_in((await mails_to(servers, email, "Confirmez que cette adresse"))[-1]))
    await person.submit("demande/confirmer")
    assert "une personne regarde votre demande" in person.page.text, person.page.text


async def a_desk(visit: Visit, sessions: Sessions, **more: object) -> Person:
    async with sessions.begin() as session:
        account = await builders.a_staff_account(session, Role.OPERATOR, password_hash=PASSWORD_HASH)
    operator = visit()
    assert account.email
    await operator.sign_in(account.email, PASSWORD)
    return operator


async def the_request(sessions: Sessions, email: str) -> DoorRequest:
    async with sessions.begin() as session:
        found = await session.scalar(text("select id from door_request where email = :email"), {"email": email})
        request = await doors.by_id(session, found)
    assert request is not None
    return request


async def decide(operator: Person, request_id: UUID, verdict: str, **more: str) -> None:
    """Fill in one of the two forms of a case."""
    address = f"/fr/demandes/{request_id}"
    await operator.get(address)
    form = next(f for f in operator.page.forms if f.fields.get("verdict") == verdict)
    await operator.post(form.action, {**{k: v for k, v in form.fields.items() if k != "reason"}, **more})


async def test_a_member_without_an_address_ends_up_signed_in_with_a_password(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """Brief §3.5: form, proof, a person's decision, and the mail leads straight to choosing a password."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
        member = await builders.a_member(session, email=None)
    person, email = visit(), an_address()
    await ask(person, REGISTER, typed_for(member, email.upper(), family_name="poquelin"))
    assert person.page.h1 == ["Regardez vos courriels"]
    await prove(person, servers, email)
    await mails_to(servers, email, "bien reçu")
    operator = await a_desk(visit, sessions)
    await operator.get("/fr/demandes")
    assert "1 demande attend une réponse" in operator.page.text
    request = await the_request(sessions, email)
    await decide(operator, request.id, "accept")
    assert notices(operator, "decision")
    await person.get(link_in((await mails_to(servers, email, "est enregistré"))[-1]))
    await person.submit("mot-de-passe/nouveau", password=FRESH, again=FRESH)
    await person.sign_in(email, FRESH)
    assert person.page.h1 == ["Portail des membres – page d'accueil"]
    await mails_to(servers, email, "a été changé")
    async with sessions.begin() as session:
        account = await accounts.of_member(session, member.id)
    assert account is not None and account.email == email
    assert account.email_verified_at is not None


async def test_a_stranger_becomes_a_member_with_a_number_from_the_unions_own_system(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """Brief §3.6: a new entry on the roll, with what was typed, and a way in."""
    person, email = visit(), an_address()
    await ask(person, JOIN, an_application(email, group="unknown"))
    await prove(person, servers, email)
    operator = await a_desk(visit, sessions)
    request = await the_request(sessions, email)
    await decide(operator, request.id, "accept")
    assert says(operator, Refusal.ROLL_NUMBER_NEEDED)
    taken = (await known(sessions)).member.number
    await decide(operator, request.id, "accept", number=taken, group="EC")
    assert says(operator, Refusal.ROLL_NUMBER_TAKEN)
    await decide(operator, request.id, "accept", number="987654", group="TR")
    assert notices(operator, "decision"), operator.page.text
    await person.get(link_in((await mails_to(servers, email, "Bienvenue"))[-1]))
    await person.submit("mot-de-passe/nouveau", password=FRESH, again=FRESH)
    async with sessions.begin() as session:
        member = await members.by_number(session, "987654")
    assert member is not None
    assert (member.name, member.group, member.standing, member.city) == ("Marie Rollet", "TR", "member", "Québec")
    await person.sign_in(email, FRESH)
    assert "Marie Rollet" in person.page.text


async def test_a_dues_payer_who_is_signed_in_finds_the_form_filled_in_and_becomes_a_member(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """The onboarding that runs already hears of it, and the members' ballots open."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await signed_in(sessions, visit, standing="dues-payer", verified=True)
    await person.get(JOIN)
    form = person.page.form("devenir-membre")
    assert form.fields["number"] == who.member.number
    assert form.fields["email"] == who.email
    await person.submit("devenir-membre", **an_application(who.email, number=who.member.number))
    await prove(person, servers, who.email)
    operator = await a_desk(visit, sessions)
    request = await the_request(sessions, who.email)
    assert request.member_id == who.member.id
    await decide(operator, request.id, "accept")
    mail = (await mails_to(servers, who.email, "Bienvenue"))[-1]
    assert "/fr/connexion" in mail

    async def now_a_member() -> bool:
        return await count(
            sessions, "select count(*) from member where id = :id and standing = 'member'", id=who.member.id
        ) == 1  # fmt: skip

    await until(now_a_member)


async def test_a_member_who_asks_to_become_one_hears_so_by_mail_and_nobody_need_decide(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T01: nothing on the page; the mailbox of the member is told."""
    who = await known(sessions, verified=True)
    person = visit()
    await ask(person, JOIN, an_application(who.email))
    assert person.page.h1 == ["Regardez vos courriels"]
    await prove(person, servers, who.email)
    assert "/fr/connexion" in (await mails_to(servers, who.email, "déjà membre"))[-1]
    assert await count(sessions, "select count(*) from door_request where status = 'refused'") == 1


async def test_an_address_on_file_is_never_replaced_and_its_owner_hears_of_the_attempt(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T18: number, name and postal code are known to acquaintances."""
    who = await known(sessions, verified=True)
    person, email = visit(), an_address()
    await ask(person, REGISTER, typed_for(who.member, email))
    assert person.page.h1 == ["Regardez vos courriels"]
    await prove(person, servers, email)
    operator = await a_desk(visit, sessions)
    request = await the_request(sessions, email)
    await decide(operator, request.id, "accept")
    assert says(operator, Refusal.ADDRESS_ON_FILE)
    await decide(operator, request.id, "refuse", reason="address-on-file")
    assert "déjà à ce dossier" in " ".join((await mails_to(servers, email, "réponse à votre demande"))[-1].split())
    assert email not in (await mails_to(servers, who.email, "une autre adresse"))[-1]
    async with sessions.begin() as session:
        account = await accounts.of_member(session, who.member.id)
    assert account is not None and account.email == who.email


async def test_a_renewal_tells_the_owner_and_proves_the_address(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T18: to the address on file, in the moment it was done; the link came from there, so the address works."""
    who = await known(sessions)
    person = visit()
    await person.get("/fr/mot-de-passe/renouveler")
    await person.submit("mot-de-passe/renouveler", email=who.email)
    await person.get(link_in((await mails_to(servers, who.email, "Renouvelez"))[-1]))
    await person.submit("mot-de-passe/nouveau", password=FRESH, again=FRESH)
    await mails_to(servers, who.email, "a été changé")
    proven = "select count(*) from account where id = :id and email_verified_at is not null"
    closed = "select count(*) from journal where action = 'renewal-closed' and code = 'used'"

    async def heard() -> bool:
        return await count(sessions, closed) == 1

    await until(heard)
    assert await count(sessions, proven, id=who.account.id) == 1


async def test_looking_at_a_proof_changes_nothing_and_proving_twice_is_proving(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T16: a scanner's GETs; afterwards the same address says where the request stands."""
    person, email = visit(), an_address()
    await ask(person, JOIN, an_application(email))
    link = link_in((await mails_to(servers, email, "Confirmez que cette adresse"))[-1])
    for _ in range(3):
        await visit().get(link)
    assert (await the_request(sessions, email)).proven_at is None
    people = [visit(), visit()]
    for somebody in people:
        await somebody.get(link)
    await asyncio.gather(*(somebody.submit("demande/confirmer") for somebody in people))
    for somebody in people:
        assert "une personne regarde votre demande" in somebody.page.text
    assert await count(sessions, "select count(*) from journal where action = 'request-proven'") == 1
    await person.get("/fr/demande/confirmer?jeton=nimporte")
    assert person.response.status_code == 404
    assert says(person, Refusal.LINK_UNKNOWN)
