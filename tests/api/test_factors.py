"""Staff sign in with two: the password, and a key that answers to this portal only, or a code that serves once."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec

from portal.rules.accounts import CHALLENGE_VALID, FACTOR_FRESH, Purpose, Role
from portal.rules.links import hash_of
from portal.rules.refusals import Refusal
from portal.store import Sessions, accounts, factors, links
from portal.store.accounts import Account
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import change, count, later, mails_to, says
from tests.api.person import Person
from tests.conftest import ORIGIN, SECRET, Servers
from tests.keys import Key, credential_of

FACTOR = "/fr/connexion/cle"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
ANDROID = "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
CONSOLE = ("/fr/examen", "/fr/operations", "/fr/demandes", "/fr/personnel", "/fr/journal", "/fr/cles")


@dataclass(frozen=True)
class Desk:
    account: Account
    # What the app of this person shares with the portal, if they have one.
    shared: str = ""


Hire = Callable[..., Awaitable[Desk]]


@pytest_asyncio.fixture
async def hire(sessions: Sessions) -> Hire:
    async def hire(*roles: Role, codes: bool = False, key: bool = True, member: bool = False) -> Desk:
        async with sessions.begin() as session:
            account = await builders.a_staff_account(session, *roles, password_hash=PASSWORD_HASH, key=key)
            shared = await builders.an_authenticator(session, account.id, secret=SECRET.encode()) if codes else ""
        return Desk(account, shared)

    return hire


async def by_password(visit: Visit, desk: Desk, **more: object) -> Person:
    """Somebody who has typed the password, and nothing else."""
    person = visit(**more)
    await person.get("/fr/connexion")
    await person.submit("/connexion", email=str(desk.account.email), password=PASSWORD)
    return person


def code(desk: Desk, steps: int = 0) -> str:
    return factors.code_at(desk.shared, datetime.now(UTC) + timedelta(seconds=30 * steps))


async def type_code(person: Person, typed: str) -> None:
    form = next(f for f in person.page.forms if f.action.endswith("/connexion/cle") and "code" in f.fields)
    await person.post(form.action, {**form.fields, "code": typed})


async def test_a_password_alone_reaches_no_page_of_staff(visit_alone: Visit, hire: Hire, sessions: Sessions) -> None:
    """T19: every console page leads to the second factor, and nothing can be sent to one."""
    desk = await hire(Role.REVIEWER, Role.OPERATOR, Role.OFFICER, Role.AUDITOR)
    person = await by_password(visit_alone, desk)
    assert str(person.response.url) == ORIGIN + FACTOR
    for address in (*CONSOLE, "/fr/accueil", "/fr/votes", "/fr/dossier"):
        await person.get(address)
        assert person.response.url.path == FACTOR, address
        assert person.page.h1 == ["Votre clé, maintenant"]
    token = person.page.form("/connexion/cle").fields["form_token"]
    for address in ("/fr/examen", "/fr/personnel", "/fr/cles/codes/nouveau"):
        assert (await person.post(address, {"form_token": token})).status_code == 401, address
    assert await count(sessions, "select count(*) from staff_act") == 0
    # They may leave.
    await person.get(FACTOR)
    assert (await person.submit("/deconnexion")).url.path == "/fr/a-bientot"


async def test_with_the_key_they_are_in_under_a_new_cookie(visit_alone: Visit, hire: Hire, sessions: Sessions) -> None:
    """T19, T21."""
    person = await by_password(visit_alone, await hire(Role.AUDITOR))
    before = dict(person.client.cookies)
    await person.show_key()
    assert person.page.h1 == ["Journal"]
    assert dict(person.client.cookies) != before
    assert await count(sessions, "select count(*) from sign_in where kind = 'staff' and factor_at is not null") == 1
    assert await count(sessions, "select count(*) from journal where action = 'signed-in' and code = 'staff'") == 1


async def refused(person: Person, answer: str) -> None:
    form = next(f for f in person.page.forms if "answer" in f.fields)
    await person.post(form.action, {**form.fields, "answer": answer})
    assert person.response.status_code == 403
    assert says(person, Refusal.PASSKEY_REFUSED)


Bend = Callable[[Person, Desk, dict[str, object]], str]
OTHER = Key(private=ec.derive_private_key(0xBAD, ec.SECP256R1()))
WRONG: dict[str, Bend] = {
    "another origin": lambda _, desk, told: Key().sign(told, "https://portail.exemple.test.evil.test"),
    "a look-alike": lambda _, desk, told: Key().sign(told, "https://portai1.exemple.test"),
    "plain http": lambda _, desk, told: Key().sign(told, ORIGIN.replace("https", "http")),
    "another challenge": lambda _, desk, told: Key().sign({**told, "challenge": "AAAA"}, ORIGIN),
    "a person not verified": lambda _, desk, told: Key(verified=False).sign(told, ORIGIN),
    "another private key": lambda _, desk, told: OTHER.sign(told, ORIGIN),
    "a key that is nobody's": lambda _, desk, told: Key().sign(told, ORIGIN, b"unheard of"),
    "no answer at all": lambda _, desk, told: "{}",
    "nonsense": lambda _, desk, told: "\x07[1,2",
}


@pytest.mark.parametrize("how", WRONG)
async def test_a_key_that_does_not_fit_is_refused_and_written_down(
    visit_alone: Visit, hire: Hire, sessions: Sessions, how: str
) -> None:
    """T19: a phished answer, a stolen one, a lent one."""
    desk = await hire(Role.AUDITOR)
    person = await by_password(visit_alone, desk)
    told = await person.challenge(FACTOR, person.page.form("/connexion/cle").fields["form_token"])
    await refused(person, WRONG[how](person, desk, told))
    assert await count(sessions, "select count(*) from sign_in where kind = 'staff'") == 0
    written = "select count(*) from journal where action = 'factor-refused' and code = 'passkey:passkey-refused'"
    assert await count(sessions, written) == 1
    await person.show_key()
    assert person.page.h1 == ["Journal"]


async def test_an_answer_serves_once_and_not_in_another_session(visit_alone: Visit, hire: Hire) -> None:
    """T19: a replayed challenge; one of five minutes ago; a colleague's key."""
    desk, other = await hire(Role.AUDITOR), await hire(Role.AUDITOR)
    person, elsewhere = await by_password(visit_alone, desk), await by_password(visit_alone, desk)
    token = person.page.form("/connexion/cle").fields["form_token"]
    answer = Key().sign(await person.challenge(FACTOR, token), ORIGIN)
    await elsewhere.challenge(FACTOR, elsewhere.page.form("/connexion/cle").fields["form_token"])
    await refused(elsewhere, answer)
    # Spent by a try that failed: the right answer comes too late.
    await refused(person, "{}")
    await refused(person, answer)
    told = await person.challenge(FACTOR, token)
    await refused(person, Key().sign(told, ORIGIN, credential_of(other.account.id)))


async def test_a_challenge_is_good_for_five_minutes(visit_alone: Visit, hire: Hire, sessions: Sessions) -> None:
    person = await by_password(visit_alone, await hire(Role.AUDITOR))
    told = await person.challenge(FACTOR, person.page.form("/connexion/cle").fields["form_token"])
    await later(sessions, "sign_in", CHALLENGE_VALID, "challenge_at")
    await refused(person, Key().sign(told, ORIGIN))


async def test_a_copied_key_is_found_by_its_count(visit_alone: Visit, hire: Hire) -> None:
    """The sign count goes back: refused."""
    desk = await hire(Role.AUDITOR)
    await (await by_password(visit_alone, desk)).show_key(Key(count=5))
    person = await by_password(visit_alone, desk)
    told = await person.challenge(FACTOR, person.page.form("/connexion/cle").fields["form_token"])
    await refused(person, Key(count=4).sign(told, ORIGIN))
    await person.show_key(Key(count=6))
    assert person.page.h1 == ["Journal"]


async def test_a_code_does_as_well_once(visit_alone: Visit, hire: Hire, sessions: Sessions) -> None:
    """T20: the same code a second time is refused, in another browser too; five wrong ones slow down."""
    desk = await hire(Role.AUDITOR, codes=True, key=False)
    person, elsewhere = await by_password(visit_alone, desk), await by_password(visit_alone, desk)
    now = code(desk)
    await type_code(person, now)
    assert person.page.h1 == ["Journal"]
    await type_code(elsewhere, now)
    assert says(elsewhere, Refusal.FACTOR_CODE_WRONG)
    for _ in range(4):
        await type_code(elsewhere, "000000")
    await type_code(elsewhere, code(desk, 1))
    assert says(elsewhere, Refusal.TOO_MANY_TRIES)
    await later(sessions, "attempt", timedelta(seconds=31), "last_at")
    await type_code(elsewhere, code(desk, 1))
    assert elsewhere.page.h1 == ["Journal"]
    assert await count(sessions, "select count(*) from journal where action = 'factor-refused'") == 6


async def test_a_new_password_by_mail_ends_at_the_second_factor(
    visit_alone: Visit, hire: Hire, sessions: Sessions
) -> None:
    """T20: whoever has the mailbox of somebody of the staff has not got in."""
    desk = await hire(Role.AUDITOR)
    token = str(uuid4())
    async with sessions.begin() as session:
        await links.make(
            session, link_id=uuid4(), account=desk.account, purpose=Purpose.RENEWAL, token_hash=hash_of(token),
            valid=timedelta(hours=1),
        )  # fmt: skip
    person = visit_alone()
    phrase = "quatre cigognes sur le canal Rideau"
    await person.get(f"/fr/mot-de-passe/nouveau?jeton={token}")
    await person.submit("/mot-de-passe/nouveau", password=phrase, again=phrase)
    assert person.response.url.path == "/fr/connexion"
    await person.submit("/connexion", email=str(desk.account.email), password=phrase)
    assert person.response.url.path == FACTOR
    await person.get("/fr/journal")
    assert person.response.url.path == FACTOR


async def test_no_page_lets_staff_choose_anothers_password(visit_alone: Visit, hire: Hire, sessions: Sessions) -> None:
    """T20: a form of officers that carries one is no form of ours."""
    person, other = visit_alone(), await hire(Role.REVIEWER)
    await person.sign_in(str((await hire(Role.OFFICER)).account.email), PASSWORD)
    await person.get(f"/fr/personnel/{other.account.id}")
    assert not [name for form in person.page.forms for name in form.fields if "password" in name]
    act = person.page.form("/geste")
    await person.post(act.action, {**act.fields, "password": "a password of my choice"})
    assert person.response.status_code == 422
    hashes = "select count(*) from account where password_hash <> :hash"
    assert await count(sessions, hashes, hash=PASSWORD_HASH) == 0


async def test_a_dangerous_act_needs_a_key_shown_within_ten_minutes_and_keeps_its_form(
    visit_alone: Visit, hire: Hire, sessions: Sessions
) -> None:
    """T69: a stolen session acts no more after ten minutes; its owner finds the form as it was filled in."""
    person = visit_alone()
    await person.sign_in(str((await hire(Role.OFFICER)).account.email), PASSWORD)
    await later(sessions, "sign_in", FACTOR_FRESH, "factor_at")
    await person.get("/fr/personnel")
    await person.submit(
        "/personnel", email="nouvelle@exemple.test", reviewer="oui", operator="", officer="", auditor=""
    )
    assert person.page.h1 == ["Confirmez avec votre clé"]
    assert says(person, Refusal.FACTOR_NEEDED)
    assert await count(sessions, "select count(*) from staff_act") == 0
    await person.show_key()
    assert person.page.h1 == ["Reprenez où vous en étiez"]
    await person.submit("/personnel")
    assert "nouvelle@exemple.test" in person.page.text
    assert await count(sessions, "select count(*) from staff_act where kind = 'invite'") == 1
    # A page that needs one leads to it and back.
    await later(sessions, "sign_in", FACTOR_FRESH, "factor_at")
    await person.get("/fr/cles")
    assert person.page.h1 == ["Confirmez avec votre clé"]
    await person.show_key()
    assert person.response.url.path == "/fr/cles"


async def test_a_form_of_a_session_that_ended_waits_through_both_steps(
    visit_alone: Visit, hire: Hire, sessions: Sessions
) -> None:
    """T29."""
    desk = await hire(Role.OFFICER)
    person = visit_alone()
    await person.sign_in(str(desk.account.email), PASSWORD)
    await person.get("/fr/personnel")
    await change(sessions, "delete from sign_in")
    await person.submit(
        "/personnel", email="nouvelle@exemple.test", reviewer="oui", operator="", officer="", auditor=""
    )
    await person.submit("/connexion", email=str(desk.account.email), password=PASSWORD)
    await person.show_key()
    await person.submit("/personnel")
    assert await count(sessions, "select count(*) from staff_act where kind = 'invite'") == 1


async def test_keys_are_added_named_listed_and_taken_away_but_for_the_last(
    visit_alone: Visit, hire: Hire, sessions: Sessions
) -> None:
    person = visit_alone()
    await person.sign_in(str((await hire(Role.AUDITOR)).account.email), PASSWORD)
    await person.get("/fr/cles")
    form = person.page.form("/fr/cles")

    async def add(name: str, credential: bytes) -> None:
        told = await person.challenge("/fr/cles", form.fields["form_token"])
        assert told["authenticatorSelection"]["userVerification"] == "required"
        assert told["attestation"] == "none"
        answer = Key().make(told, ORIGIN, credential)
        await person.post("/fr/cles", {**form.fields, "name": name, "answer": answer})

    await add("clé du bureau", b"second")
    assert "clé du bureau" in person.page.text
    await add("", b"third")
    assert says(person, Refusal.FACTOR_NAME_NEEDED)
    await add("la même", b"second")
    assert says(person, Refusal.PASSKEY_KNOWN)
    await add("troisième", b"third")
    await add("quatrième", b"fourth")
    await add("cinquième", b"fifth")
    assert says(person, Refusal.TOO_MANY_PASSKEYS)
    for left in (3, 2, 1):
        await person.submit("/cles/retrait")
        assert await count(sessions, "select count(*) from passkey") == left
    await person.submit("/cles/retrait")
    assert says(person, Refusal.LAST_FACTOR)
    assert await count(sessions, "select count(*) from passkey") == 1
    assert await count(sessions, "select count(*) from journal where action = 'factor-refused'") == 2


@pytest.mark.parametrize("bent", ["origin", "unverified", "challenge"])
async def test_a_key_made_elsewhere_or_for_nobody_is_not_kept(
    visit_alone: Visit, hire: Hire, sessions: Sessions, bent: str
) -> None:
    """T19: registration is checked as signing in is."""
    person = visit_alone()
    await person.sign_in(str((await hire(Role.AUDITOR)).account.email), PASSWORD)
    await person.get("/fr/cles")
    form = person.page.form("/fr/cles")
    told = await person.challenge("/fr/cles", form.fields["form_token"])
    if bent == "challenge":
        told = {**told, "challenge": "AAAA"}
    key, origin = Key(verified=bent != "unverified"), "https://evil.test" if bent == "origin" else ORIGIN
    await person.post("/fr/cles", {**form.fields, "name": "x", "answer": key.make(told, origin, b"new")})
    assert says(person, Refusal.PASSKEY_REFUSED)
    assert await count(sessions, "select count(*) from passkey") == 1


async def test_an_app_is_registered_by_its_first_code_and_its_page_shows_it_in_letters_too(
    visit_alone: Visit, hire: Hire
) -> None:
    desk = await hire(Role.AUDITOR)
    person = visit_alone()
    await person.sign_in(str(desk.account.email), PASSWORD)
    await person.get("/fr/cles")
    await person.submit("/cles/codes/nouveau")
    assert person.page.h1 == ["Application de codes"]
    assert "<svg" in person.response.text
    letters = next(part for part in person.response.text.split('app-letters">')[1:]).partition("<")[0].replace(" ", "")
    await person.submit("/cles/codes", code="000000")
    assert says(person, Refusal.FACTOR_CODE_WRONG)
    await person.submit("/cles/codes", code=factors.code_at(letters, datetime.now(UTC)))
    assert "Enregistrée le" in person.page.text
    again = await by_password(visit_alone, desk)
    await type_code(again, factors.code_at(letters, datetime.now(UTC) + timedelta(seconds=30)))
    assert again.page.h1 == ["Journal"]


async def test_a_third_session_ends_the_oldest_which_says_why(visit_alone: Visit, hire: Hire) -> None:
    desk = await hire(Role.AUDITOR)
    people = [visit_alone() for _ in range(3)]
    for person in people:
        await person.sign_in(str(desk.account.email), PASSWORD)
        assert person.page.h1 == ["Journal"]
    first, second, third = people
    for person in (second, third):
        assert (await person.get("/fr/journal")).url.path == "/fr/journal"
    await first.get("/fr/journal")
    assert first.response.url.path == "/fr/connexion"
    assert says(first, Refusal.SESSION_SUPERSEDED)
    # « Partout ailleurs ».
    await third.get("/fr/cles")
    await third.submit("/cles/sessions")
    await second.get("/fr/journal")
    assert second.response.url.path == "/fr/connexion"
    assert (await third.get("/fr/journal")).url.path == "/fr/journal"


async def test_an_entry_from_a_new_browser_is_told_to_its_owner(visit: Visit, hire: Hire, servers: Servers) -> None:
    """By mail, once for each family; the first one, with which they registered, tells nothing new."""
    desk = await hire(Role.AUDITOR)
    email = str(desk.account.email)
    for agent in (WINDOWS, WINDOWS, ANDROID, ANDROID):
        await visit(headers={"User-Agent": agent}).sign_in(email, PASSWORD)
    text = (await mails_to(servers, email, "nouvel appareil"))[0]
    assert "Chrome sur Android" in " ".join(text.split())
    assert len(servers.mailbox.messages(to=email)) == 1


async def test_whoever_is_suspended_is_told_so_after_the_right_password_only(
    visit_alone: Visit, hire: Hire, sessions: Sessions
) -> None:
    desk = await hire(Role.AUDITOR)
    await change(sessions, "update account set staff_suspended_at = now()")
    person = visit_alone()
    assert (await person.sign_in(str(desk.account.email), "ce n'est pas le bon mot de passe")).status_code == 401
    assert says(person, Refusal.WRONG_PAIR)
    await person.sign_in(str(desk.account.email), PASSWORD)
    assert says(person, Refusal.STAFF_SUSPENDED)
    assert await count(sessions, "select count(*) from sign_in") == 0


async def test_a_member_of_the_staff_who_is_on_the_roll_needs_the_key_for_their_own_pages_too(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T19: and keeps them with it."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
        member = await builders.a_member(session, verified=True, email="moi@exemple.test", password_hash=PASSWORD_HASH)
        account = await accounts.of_member(session, member.id)
        assert account is not None
        await builders.a_role(session, account.id, Role.REVIEWER)
    person = visit_alone()
    await person.get("/fr/connexion")
    await person.submit("/connexion", email="moi@exemple.test", password=PASSWORD)
    await person.get("/fr/accueil")
    assert person.response.url.path == FACTOR
    assert member.family_name not in person.response.text
    await person.show_key()
    assert person.response.url.path == "/fr/accueil"
