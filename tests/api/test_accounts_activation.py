"""The first sign-in: the member number opens two things only, once, and a good password ends it."""

from uuid import uuid4

from argon2 import PasswordHasher

from api.portal import Portal
from portal.rules.accounts import STEP_UP_TRIES
from portal.rules.refusals import Refusal
from portal.store import Sessions, accounts
from tests import builders
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import (
    activating,
    change,
    code_in,
    count,
    everything,
    known,
    link_in,
    mails_to,
    routes,
    says,
    signed_in,
    token_of,
)
from tests.conftest import Servers

GOOD = "les fourberies de Scapin à Hull"
PHC = "$argon2id$v=19$m=19456,t=2,p=1$"

# What a session opened by a member number may do, and what is open to anybody (brief §3.2). Nothing else.
OWN = {
    ("GET", "status"), ("GET", "first-password"), ("POST", "first-password"), ("POST", "send-verification"),
    ("POST", "type-code"), ("POST", "confirm-email"), ("POST", "sign-out"), ("POST", "stay"),
}  # fmt: skip
OPEN = {
    ("GET", name)
    for name in (
        "entrance",
        "sign-in",
        "signed-out",
        "forgotten",
        "new-password",
        "confirm-email",
        "register-email",
        "join",
        "request-sent",
        "prove-request",
        "guide",
        "counter",
        "protects",
        "receipts",
        "receipts-file",
        "results",
        "results-file",
        "healthz",
        "readyz",
        "bare",
    )
} | {
    ("POST", name)
    for name in ("sign-in", "forgotten", "new-password", "register-email", "join", "prove-request", "receipts")
}


async def test_an_activation_session_can_do_two_things_and_nothing_else(visit: Visit, sessions: Sessions) -> None:
    """T10: every route there is, in both languages; a refused one changes no row."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, _ = await activating(sessions, visit)
    token = person.page.form("/deconnexion").fields["form_token"]
    # An id that is nobody's for whatever a path asks for, and the names that exist: only the session can refuse.
    where = {parameter.name: str(uuid4()) for route in routes() for parameter in route.dependant.path_params}
    where |= {"campaign": "TEST", "code": "financial-statements", "listed": "members"}
    before = await everything(sessions)
    refused, allowed = set(), set()
    for route in routes():
        name = route.name.rpartition(".")[0] or route.name
        for method in (route.methods or set()) - {"HEAD"}:
            if (method, name) in OWN | OPEN:
                allowed.add((method, name))
                continue
            headers = {"Sec-Fetch-Site": "same-origin"}
            sent = {"form_token": token, "key": str(uuid4())} if method == "POST" else None
            answer = await person.client.request(method, route.path.format(**where), data=sent, headers=headers)
            if answer.status_code == 303:
                assert method == "GET"
                assert answer.headers["location"] in ("/fr/mot-de-passe/premier", "/en/password/first"), route.path
            elif name in ("reminders", "staff-invitation"):
                # By the token of a mail alone: a session is worth nothing there.
                assert answer.status_code in (404, 422), (method, route.path)
            else:
                assert answer.status_code in (401, 403), (method, route.path)
            refused.add((method, name))
    assert await everything(sessions) == before
    assert allowed == OWN | OPEN
    assert len(refused) >= 15


async def test_no_password_is_taken_before_the_address_is_proven(visit: Visit, sessions: Sessions) -> None:
    """T10: the number alone never makes an account."""
    person, who = await activating(sessions, visit)
    token = person.page.form("/deconnexion").fields["form_token"]
    assert not [f for f in person.page.forms if f.action.endswith("premier")]
    await person.post("/fr/mot-de-passe/premier", {"form_token": token, "password": GOOD, "again": GOOD})
    assert person.response.status_code == 422
    assert says(person, Refusal.EMAIL_NOT_VERIFIED)
    assert await count(sessions, "select count(*) from account where password_hash is not null") == 0
    assert who.email in (await person.get("/fr/mot-de-passe/premier")).text


async def test_the_number_is_dead_once_a_password_is_set(visit: Visit, sessions: Sessions, servers: Servers) -> None:
    """T09, T13: it opens nothing any more, and what is stored is argon2id with today's parameters."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await activating(sessions, visit)
    before = token_of(person)
    await person.submit("/profil/courriel")
    await person.submit("/profil/code", code=code_in((await mails_to(servers, who.email, "Confirmez"))[0]))
    await person.submit("mot-de-passe/premier", password=GOOD, again=GOOD)
    assert person.page.h1 == ["Portail des membres – page d'accueil"]
    assert token_of(person) != before, "another kind of session has another token"

    again = visit()
    assert (await again.sign_in(who.email, who.member.number)).status_code == 401
    assert says(again, Refusal.WRONG_PAIR)
    async with sessions.begin() as session:
        account = await accounts.by_id(session, who.account.id)
    assert account is not None
    assert account.password_hash is not None
    assert account.password_hash.startswith(PHC)
    await again.sign_in(who.email, GOOD)
    assert again.page.h1 == ["Portail des membres – page d'accueil"]


async def test_a_link_opened_where_nobody_is_signed_in_still_leads_to_the_first_password(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T16: the telephone has the mail, the number opens the activation there, and the link waits for it."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await activating(sessions, visit)
    await person.submit("/profil/courriel")
    telephone = visit()
    await telephone.get(link_in((await mails_to(servers, who.email, "Confirmez"))[0]))
    assert "pour confirmer" in telephone.page.text
    await telephone.get(next(a for a in telephone.page.links if "/connexion?" in a))
    await telephone.submit("/connexion", email=who.email, password=who.member.number)
    await telephone.submit("courriel/verifier")
    assert telephone.page.h1 == ["Première entrée"]
    await telephone.submit("mot-de-passe/premier", password=GOOD, again=GOOD)
    assert telephone.page.h1 == ["Portail des membres – page d'accueil"]


async def test_a_stranger_with_the_number_cannot_wait_for_the_owner_to_prove_the_address(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T10: only the session that confirmed chooses; afterwards the number opens nothing, the mailbox does."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    stranger, who = await activating(sessions, visit)
    form_token = stranger.page.form("/deconnexion").fields["form_token"]
    await stranger.submit("/profil/courriel")
    owner = visit()
    await owner.get(link_in((await mails_to(servers, who.email, "Confirmez"))[0]))
    await owner.get(next(a for a in owner.page.links if "/connexion?" in a))
    await owner.submit("/connexion", email=who.email, password=who.member.number)
    await owner.submit("courriel/verifier")
    await stranger.post("/fr/mot-de-passe/premier", {"form_token": form_token, "password": GOOD, "again": GOOD})
    assert stranger.response.status_code == 401
    assert (await stranger.sign_in(who.email, who.member.number)).status_code == 401
    assert await count(sessions, "select count(*) from account where password_hash is not null") == 0

    # The owner was called away before choosing a password.
    await change(sessions, "delete from sign_in")
    assert (await owner.sign_in(who.email, who.member.number)).status_code == 401
    await owner.get("/fr/mot-de-passe/renouveler")
    await owner.submit("mot-de-passe/renouveler", email=who.email)
    await owner.get(link_in((await mails_to(servers, who.email, "Renouvelez"))[0]))
    await owner.submit("mot-de-passe/nouveau", password=GOOD, again=GOOD)
    await owner.submit("/connexion", email=who.email, password=GOOD)
    assert owner.page.h1 == ["Portail des membres – page d'accueil"]


async def test_a_member_number_is_not_a_password_when_one_is_asked_again(visit: Visit, sessions: Sessions) -> None:
    """T11, T22: in the form of registration it is wrong, and five wrong ones end the session."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await signed_in(sessions, visit, verified=True)
    old = token_of(person)
    await person.get("/fr/votes/inscription")
    for _ in range(STEP_UP_TRIES - 1):
        await person.submit("votes/inscription", password=who.member.number)
        assert person.response.status_code == 403
        assert says(person, Refusal.WRONG_PASSWORD)
    await person.submit("votes/inscription", password=who.member.number)
    assert person.response.status_code == 401
    assert person.page.h1 == ["Entrez"]
    assert "Poquelin" not in person.page.text, "nobody is signed in any more"
    stolen = await visit().client.get("/fr/accueil", headers={"Cookie": f"__Host-session={old}"})
    assert stolen.headers["location"] == "/fr/connexion"
    assert await count(sessions, "select count(*) from registration") == 0


WEAK = (
    "motdepasse12345", "motdepassemotdepasse", "MotDePasse2017!", "MotDePasse!2026!",
    "passwordpassword", "password1234567", "123456789012345", "abcdefghijklmnop", "azertyuiopqsdfgh",
    "qwertyuiopasdfgh", "aaaaaaaaaaaaaaaa", "abcabcabcabcabcabc", "acep-cape-2026!!",
    "AcepCapeSyndicat", "syndicatsyndicat2026", "{number}{number}{number}",
    "{number}-{number}-{number}", "Marguerite Bourgeoys 2026", "bourgeoysmarguerite1",
    "MargueriteBourgeoys!", "{email}", "gatineau ottawa 2017", "bonjour bonjour bonjour",
    "portail des membres", "membre de l'ACEP", "qwerty1234567890", "letmeinletmeinletmein",
    "iloveyouiloveyou", "vote vote vote vote", "12, rue du Théâtre", "J8X1A1J8X1A1J8X1A1",
    "Gatineau QC J8X 1A1", "99999999999999999", "tropfaciletropfacile",
    "canard canard canard", "Canard canard CANARD", "tartiflettetartiflette", "votez votez votez votez",
    "chouette-chouette-", "soleil soleil soleil",
)  # fmt: skip


async def test_weak_passwords_are_refused_with_a_reason_and_never_hashed(
    visit: Visit, sessions: Sessions, portal: Portal
) -> None:
    """T12: what an acquaintance, a list or a finger on the keyboard would try."""
    person, who = await activating(sessions, visit, given_name="Marguerite", family_name="Bourgeoys")
    await change(sessions, "update account set email_verified_at = now()")
    await person.get("/fr/mot-de-passe/premier")
    before = portal.passwords.calls
    tried = [w.format(number=who.member.number, email=who.email) for w in WEAK]
    tries = [(w, Refusal.PASSWORD_TOO_EASY) for w in tried] + [
        ("", Refusal.PASSWORD_TOO_SHORT),
        ("pas si long", Refusal.PASSWORD_TOO_SHORT),
        ("x" * 129, Refusal.PASSWORD_TOO_LONG),
        ("un mot de passe\tavec tabulation", Refusal.PASSWORD_CONTROL_CHARACTER),
        (GOOD + "\u200b", Refusal.PASSWORD_CONTROL_CHARACTER),
    ]  # fmt: skip
    for password, refusal in tries:
        await person.submit("mot-de-passe/premier", password=password, again=password)
        assert person.response.status_code == 422, password
        assert says(person, refusal), password
        assert not password or password not in person.page.html or password in who.email
    await person.submit("mot-de-passe/premier", password=GOOD, again=GOOD + " ")
    assert says(person, Refusal.PASSWORDS_DIFFER)
    assert portal.passwords.calls == before
    assert await count(sessions, "select count(*) from account where password_hash is not null") == 0


async def test_a_phrase_is_taken_exactly_as_it_was_typed(visit_alone: Visit, sessions: Sessions) -> None:
    """T12, ASVS 6.2.8: spaces, any alphabet, up to 128 characters; no trimming, no case folding."""
    long = "une phrase qui n'en finit pas " * 4 + "vraiment"
    assert len(long) == 128
    for password in (
        "  espaces autour, voulus  ",
        "пароль длинный и свой",
        "🦆 canard 🦆 bleu 🦆 nuit",
        long,
    ):
        person, who = await activating(sessions, visit_alone)
        await change(sessions, "update account set email_verified_at = now() where id = :id", id=who.account.id)
        await person.get("/fr/mot-de-passe/premier")
        await person.submit("mot-de-passe/premier", password=password, again=password)
        mine = "select count(*) from sign_in where kind = 'member' and account_id = :id"
        assert await count(sessions, mine, id=who.account.id) == 1, password
        for other in (password.strip() + "!", password.swapcase(), password[:-1]):
            if other != password:
                assert (await visit_alone().sign_in(who.email, other)).status_code == 401
        await visit_alone().sign_in(who.email, password)
        assert await count(sessions, mine, id=who.account.id) == 2


async def test_an_old_hash_is_renewed_at_the_next_sign_in(visit: Visit, sessions: Sessions, portal: Portal) -> None:
    """T13: the parameters rise without anybody noticing; the password stays the same."""
    who = await known(sessions)
    weaker = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    await change(sessions, "update account set password_hash = :hash", hash=weaker)
    set_at = who.account.password_set_at
    for expected in (2, 1):
        before = portal.passwords.calls
        await visit().sign_in(who.email, PASSWORD)
        assert portal.passwords.calls == before + expected
        async with sessions.begin() as session:
            account = await accounts.by_id(session, who.account.id)
        assert account is not None
        assert account.password_hash is not None
        assert account.password_hash.startswith(PHC)
        assert account.password_set_at == set_at
