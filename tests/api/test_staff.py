"""« Personnel » and « Journal »: officers invite, change, suspend and recover; auditors read what was done."""

import csv
import io
import re
from uuid import UUID

from sqlalchemy import text

from portal.rules.accounts import Role
from portal.rules.refusals import Refusal
from portal.store import Sessions, accounts, chain, journal, staff
from portal.store.accounts import Account
from portal.store.staff import Act, staff_code
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import change, count, mails_to, notices, says
from tests.api.person import Person
from tests.conftest import ORIGIN, Servers
from tests.keys import Key, credential_of

PHRASE = "quatre cigognes sur le canal Rideau"
BOXES = {role.value: "" for role in Role}


async def hired(sessions: Sessions, *roles: Role, key: bool = True) -> Account:
    async with sessions.begin() as session:
        return await builders.a_staff_account(session, *roles, password_hash=PASSWORD_HASH, key=key)


async def officer(visit: Visit, sessions: Sessions, language: str = "fr") -> Person:
    person = visit(language)
    await person.sign_in(str((await hired(sessions, Role.OFFICER)).email), PASSWORD)
    await person.get("/fr/personnel" if language == "fr" else "/en/staff")
    return person


async def act(person: Person, whom: UUID, kind: str, role: str = "") -> None:
    """Press a button of a colleague's page."""
    await person.get(f"/fr/personnel/{whom}")
    wanted = [f for f in person.page.forms if f.fields.get("act") == kind and f.fields.get("role", "") == role]
    assert wanted, f"no button {kind} {role}"
    await person.post(wanted[0].action, wanted[0].fields)


async def make_key(person: Person, name: str, credential: bytes) -> None:
    form = person.page.form("/cles")
    told = await person.challenge(form.action, form.fields["form_token"])
    await person.post(form.action, {**form.fields, "name": name, "answer": Key().make(told, ORIGIN, credential)})


async def test_somebody_is_invited_chooses_a_password_and_a_key_and_is_in(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """The link of the mail serves once; looking at it changes nothing (T16); no name is stored."""
    boss = await officer(visit, sessions)
    email = "nouvelle.personne@exemple.test"
    await boss.submit("/personnel", email=email, **{**BOXES, "auditor": "oui"})
    assert notices(boss, "invite")
    assert "Sans clé encore" in boss.page.text
    mail = (await mails_to(servers, email, "Votre accès"))[0]
    link = re.findall(r"https://\S+/fr/personnel/invitation\?jeton=\S+", mail)[0].removeprefix(ORIGIN)
    person = visit()
    for _ in range(3):
        await person.get(link)
    assert person.page.h1 == ["Votre accès au personnel du portail"]
    await person.submit("/personnel/invitation", password="court", again="court")
    assert says(person, Refusal.PASSWORD_TOO_SHORT)
    await person.submit("/personnel/invitation", password=PHRASE, again=PHRASE)
    assert person.page.h1 == ["Choisissez votre première clé"]
    # Not in yet.
    await person.get("/fr/journal")
    assert person.page.h1 == ["Choisissez votre première clé"]
    await make_key(person, "téléphone", credential_of(UUID(int=7)))
    assert person.page.h1 == ["Mes clés"]
    await person.get("/fr/journal")
    assert person.page.h1 == ["Journal"]
    await person.get(link)
    assert says(person, Refusal.LINK_USED)
    await visit().sign_in(email, PHRASE)
    async with sessions.begin() as session:
        said = await session.scalar(text("select said_text from outbox where kind = 'staff-invitation'"))
    assert "jeton=" not in said


async def test_an_invitation_to_somebody_with_a_password_asks_for_it(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """A member who joins the staff: the mailbox alone opens nothing."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
        member = await builders.a_member(session, verified=True, password_hash=PASSWORD_HASH)
        account = await accounts.of_member(session, member.id)
    assert account is not None and account.email
    boss = await officer(visit, sessions)
    await boss.submit("/personnel", email=account.email, **{**BOXES, "reviewer": "oui"})
    mail = (await mails_to(servers, account.email, "Votre accès"))[0]
    person = visit()
    await person.get(re.findall(r"https://\S+jeton=\S+", mail)[0].removeprefix(ORIGIN))
    await person.submit("/personnel/invitation", password=PHRASE)
    assert says(person, Refusal.WRONG_PASSWORD)
    await person.submit("/personnel/invitation", password=PASSWORD)
    assert person.page.h1 == ["Choisissez votre première clé"]


async def test_what_is_missing_in_an_invitation_is_said_and_nothing_is_made(
    visit_alone: Visit, sessions: Sessions
) -> None:
    boss = await officer(visit_alone, sessions)
    await boss.submit("/personnel", email="pas une adresse", **{**BOXES, "auditor": "oui"})
    assert says(boss, Refusal.EMAIL_UNREADABLE)
    await boss.submit("/personnel", email="nouvelle@exemple.test", **BOXES)
    assert says(boss, Refusal.ROLE_NEEDED)
    assert await count(sessions, "select count(*) from staff_act") == 0
    # Somebody with a key gets roles and no mail.
    other = await hired(sessions, Role.REVIEWER)
    await boss.submit("/personnel", email=str(other.email), **{**BOXES, "auditor": "oui"})
    assert notices(boss, "roles-donnes")
    assert await count(sessions, "select count(*) from outbox") == 0


async def test_roles_count_at_once_and_a_suspension_ends_everything(visit_alone: Visit, sessions: Sessions) -> None:
    boss, other = await officer(visit_alone, sessions), await hired(sessions, Role.AUDITOR)
    person = visit_alone()
    await person.sign_in(str(other.email), PASSWORD)
    assert person.page.h1 == ["Journal"]
    await act(boss, other.id, "revoke", "auditor")
    assert (await person.get("/fr/journal")).status_code == 403
    await act(boss, other.id, "grant", "auditor")
    assert (await person.get("/fr/journal")).status_code == 200
    await act(boss, other.id, "end-sessions")
    assert (await person.get("/fr/journal")).url.path == "/fr/connexion"
    await person.sign_in(str(other.email), PASSWORD)
    await act(boss, other.id, "suspend")
    assert (await person.get("/fr/journal")).url.path == "/fr/connexion"
    await person.sign_in(str(other.email), PASSWORD)
    assert says(person, Refusal.STAFF_SUSPENDED)
    await act(boss, other.id, "reinstate")
    await person.sign_in(str(other.email), PASSWORD)
    assert person.page.h1 == ["Journal"]


async def test_an_officer_has_no_button_for_their_own_account_and_no_form_does_it(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T62: the page offers nothing, and PostgreSQL refuses what is sent all the same."""
    me = await hired(sessions, Role.OFFICER)
    await hired(sessions, Role.OFFICER)
    boss = visit_alone()
    await boss.sign_in(str(me.email), PASSWORD)
    await boss.get(f"/fr/personnel/{me.id}")
    assert not [f for f in boss.page.forms if f.action.endswith("/geste")]
    token = boss.page.form("/deconnexion").fields["form_token"]
    for form in (
        {"act": "grant", "role": "auditor"}, {"act": "revoke", "role": "officer"}, {"act": "suspend"},
        {"act": "ask-reset"}, {"act": "end-sessions"},
    ):  # fmt: skip
        await boss.post(f"/fr/personnel/{me.id}/geste", {**form, "form_token": token})
        assert says(boss, Refusal.OWN_ACCOUNT), form
    for form in ({"act": "resend"}, {"act": "invite"}, {"act": "grant"}, {"act": "reset", "role": "officer"}, {}):
        await boss.post(f"/fr/personnel/{me.id}/geste", {**form, "form_token": token})
        assert boss.response.status_code in (403, 409), form
    assert await count(sessions, "select count(*) from staff_act") == 0


async def test_lost_keys_are_recovered_by_two_officers_and_a_code_from_hand_to_hand(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T62, T20: no mail leaves, no mail suffices; the code is asked for after the password, once."""
    first, second = await officer(visit_alone, sessions), await officer(visit_alone, sessions)
    lost = await hired(sessions, Role.AUDITOR)
    await act(first, lost.id, "ask-reset")
    assert "une autre personne responsable du scrutin doit confirmer" in first.page.text
    token = first.page.form("/geste").fields["form_token"]
    await first.post(f"/fr/personnel/{lost.id}/geste", {"act": "reset", "form_token": token})
    assert says(first, Refusal.RESET_NEEDS_ANOTHER)
    await act(second, lost.id, "reset")
    assert second.page.h1 == ["Code de récupération"]
    found = re.search(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){5}", second.page.text)
    assert found is not None
    assert await count(sessions, "select count(*) from outbox") == 0
    # Nor does an invitation by mail give them back, however much was done to the account since.
    async with sessions.begin() as session:
        for _ in range(60):
            await staff.act(session, Act.END_SESSIONS, actor_id=None, account_id=lost.id)
    await first.get(f"/fr/personnel/{lost.id}")
    assert not [f for f in first.page.forms if f.fields.get("act") == "resend"]
    await first.post(f"/fr/personnel/{lost.id}/geste", {"act": "resend", "form_token": token})
    assert first.response.status_code == 403
    person = visit_alone()
    await person.sign_in(str(lost.email), PASSWORD)
    assert "Aucune clé n'est enregistrée" in person.page.text
    await person.submit("/connexion/cle/recuperation", code="AAAA-BBBB")
    assert says(person, Refusal.RECOVERY_CODE_WRONG)
    await person.submit("/connexion/cle/recuperation", code=found[0].lower().replace("-", " "))
    assert person.page.h1 == ["Choisissez votre première clé"]
    await make_key(person, "nouvelle", credential_of(lost.id))
    assert person.page.h1 == ["Mes clés"]
    again = visit_alone()
    await again.sign_in(str(lost.email), PASSWORD)
    assert again.page.h1 == ["Journal"]
    stranger = await hired(sessions, Role.AUDITOR, key=False)
    await again.submit("/deconnexion")
    await again.sign_in(str(stranger.email), PASSWORD)
    await again.submit("/connexion/cle/recuperation", code=found[0])
    assert says(again, Refusal.RECOVERY_CODE_WRONG)


async def test_only_officers_keep_staff_and_only_auditors_read_the_journal(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T62."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    for role in Role:
        person = visit_alone()
        account = await hired(sessions, role)
        await person.sign_in(str(account.email), PASSWORD)
        for address, whose in (
            ("/fr/personnel", Role.OFFICER), (f"/fr/personnel/{account.id}", Role.OFFICER),
            ("/en/journal", Role.AUDITOR), ("/en/journal/data", Role.AUDITOR),
        ):  # fmt: skip
            expected = 200 if role is whose else 403
            assert (await person.get(address)).status_code == expected, (role, address)


async def test_the_journal_is_read_in_words_filtered_and_paged_and_names_no_member(
    visit_alone: Visit, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session)
        member = await builders.a_member(session)
        reviewer = await builders.a_staff_account(session, Role.REVIEWER)
        for n in range(130):
            await journal.write(
                session, "picture-seen", actor="reviewer", actor_id=reviewer.id, member_id=member.id, key=f"p{n}"
            )
        await journal.write(session, "signed-out", actor="member", actor_id=member.id, member_id=member.id)
        await chain.extend(session)
    person = visit_alone()
    await person.sign_in(str((await hired(sessions, Role.AUDITOR)).email), PASSWORD)
    assert "Photo d'une pièce d'identité ouverte" in person.page.text
    assert staff_code(reviewer.id) in person.page.text
    # The last hour's own entries wait for their link.
    assert "2 entrées attendent leur maillon" in person.page.text
    assert "Maillon 131" in person.page.text
    for secret in (str(member.id), member.number, member.family_name, str(reviewer.id), str(reviewer.email)):
        assert secret not in person.response.text
    await person.get("/fr/journal?geste=picture-seen")
    older = next(link for link in person.page.links if "avant=" in link)
    assert "geste=picture-seen" in older
    await person.get(older)
    assert person.response.text.count("<tr") == 1 + 30
    await person.get("/fr/journal?geste=signed-out")
    assert person.response.text.count("<tr") == 1 + 1
    await person.get("/fr/journal?jour=2017-02-20&geste=no-such-thing&avant=x")
    assert "Aucune entrée" in person.page.text
    for odd in ("jour=9999-12-31", "jour=x", "avant=-1", "avant=" + "9" * 40):
        assert (await person.get(f"/fr/journal?{odd}")).status_code == 200, odd


async def test_the_journal_as_a_file_is_safe_in_a_spreadsheet(visit_alone: Visit, sessions: Sessions) -> None:
    person = visit_alone()
    await person.sign_in(str((await hired(sessions, Role.AUDITOR)).email), PASSWORD)
    for code in ("=1+1", "+1", "-1", "@sum", "\tx"):
        await change(sessions, "insert into journal (actor, action, code) values ('member', 'x', :code)", code=code)
    await change(sessions, "insert into journal (actor, action) select 'system', 'x' from generate_series(1, 4100)")
    answer = await person.client.get("/en/journal/data", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert rows[0][:3] == ["Entry", "Time (UTC)", "Who"]
    assert len(rows) - 1 == await count(sessions, "select count(*) from journal")
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))]
    assert "'=1+1" in cells


async def test_another_officer_is_proposed_by_one_and_made_by_another(visit_alone: Visit, sessions: Sessions) -> None:
    """T62: whoever is invited as an officer has nothing, not even a mail, until a second one confirms it."""
    one, other = await officer(visit_alone, sessions), await officer(visit_alone, sessions)
    await one.submit("/personnel", email="nouvelle@exemple.test", **{**BOXES, "officer": "oui"})
    assert notices(one, "role-propose")
    assert await count(sessions, "select count(*) from outbox where kind = 'staff-invitation'") == 0
    async with sessions.begin() as session:
        new = await session.scalar(text("select id from account where email = 'nouvelle@exemple.test'"))
    assert isinstance(new, UUID)
    await one.get(f"/fr/personnel/{new}")
    assert "une autre personne responsable du scrutin doit confirmer" in one.page.text
    form = next(f for f in one.page.forms if f.fields.get("act") == "suspend")
    await one.post(form.action, {**form.fields, "act": "grant", "role": "officer"})
    assert says(one, Refusal.OFFICER_NEEDS_ANOTHER)
    await act(other, new, "grant", "officer")
    assert await count(sessions, "select count(*) from staff_role where account_id = :id", id=new) == 1
    assert await count(sessions, "select count(*) from outbox where kind = 'staff-invitation'") == 1
