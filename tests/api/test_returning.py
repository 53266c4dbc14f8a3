"""Signing in leads back to what somebody wanted, with what the form held; and an error stands beside its field."""

import json
from datetime import timedelta

from portal.rules.refusals import Refusal
from portal.store import Sessions
from tests import builders
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import activating, change, code_in, count, known, later, mails_to, says, signed_in
from tests.api.person import Person
from tests.api.test_web_origin import EVIL
from tests.api.test_web_pages import HOSTILE, assert_inert
from tests.conftest import ORIGIN, Servers


async def a_campaign(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session)


async def its_session_is_over(sessions: Sessions) -> None:
    await later(sessions, "sign_in", timedelta(hours=1), "seen_at")


async def test_a_page_that_needs_signing_in_is_there_afterwards(visit: Visit, sessions: Sessions) -> None:
    await a_campaign(sessions)
    for language, page, form in (("fr", "/fr/votes", "/connexion"), ("en", "/en/profile/identity", "/sign-in")):
        who = await known(sessions, verified=True)
        person = visit(language)
        await person.get(page)
        assert person.page.h1 == ["Entrez" if language == "fr" else "Sign in"]
        # A wrong password in between forgets nothing.
        await person.submit(form, email=who.email, password="faux")
        await person.submit(form, email=who.email, password=PASSWORD)
        assert str(person.response.url) == ORIGIN + page


async def test_nobody_is_led_elsewhere_after_signing_in(visit: Visit, sessions: Sessions) -> None:
    """T33: only the very paths of our own table are believed."""
    await a_campaign(sessions)
    who = await known(sessions)
    more: tuple[str, ...] = (
        "/fr/votes?x=//evil.test",
        "/fr/votes/../../evil",
        "/fr/votes\n",
        "/fr/nulle-part",
        "votes",
        "/static/x",
    )
    more += ("/fr/deconnexion", "/fr/profil/courriel", "/fr/profil/etat", "/fr/dossier/donnees")
    for evil in (*EVIL, *more):
        person = visit()
        await person.get("/fr/connexion", params={"suite": evil})
        assert "back_to" not in person.page.form("/connexion").fields, evil
        sent = {"email": who.email, "password": PASSWORD, "back_to": evil}
        answer = await person.client.post("/fr/connexion", data=sent, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/fr/accueil", evil


async def test_a_code_typed_too_late_is_sent_on_after_signing_in(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T29: the same place, with the form kept."""
    await a_campaign(sessions)
    person, who = await signed_in(sessions, visit)
    await person.get("/fr/profil")
    await person.submit("/profil/courriel")
    code = code_in((await mails_to(servers, who.email, "Confirmez"))[0])
    await its_session_is_over(sessions)
    await person.submit("/profil/code", code=code)
    assert person.response.status_code == 401
    assert says(person, Refusal.SIGN_IN_NEEDED)
    assert "ce que vous aviez rempli" in person.page.text
    await person.submit("/connexion", email=who.email, password=PASSWORD)
    assert person.page.h1 == ["Reprenez où vous en étiez"]
    await person.submit("/profil/code")
    assert "Merci : votre courriel est vérifié." in person.page.text


async def test_a_password_and_a_picture_are_not_kept(visit: Visit, sessions: Sessions) -> None:
    """T29: they are asked for again, on the page they belong to."""
    await a_campaign(sessions)
    person, who = await signed_in(sessions, visit, verified=True)
    await person.get("/fr/votes/pension/inscription")
    token = person.page.form("/deconnexion").fields["form_token"]
    await its_session_is_over(sessions)
    secret = "un secret qui ne doit pas rester"
    await person.post("/fr/votes/pension/inscription", {"form_token": token, "key": "k", "password": secret})
    assert person.response.status_code == 401
    assert secret not in person.page.html
    assert token not in person.page.html
    await person.submit("/connexion", email=who.email, password=PASSWORD)
    await person.submit("/inscription")
    assert person.page.h1 == ["Inscription à un vote"]
    await its_session_is_over(sessions)
    files = {"file1": ("permis.jpg", b"x" * 100_000, "image/jpeg")}
    await person.post("/fr/profil/identite", {"form_token": token, "kind1": "nexus"}, files=files)
    assert person.response.status_code == 401
    await person.submit("/connexion", email=who.email, password=PASSWORD)
    assert str(person.response.url) == f"{ORIGIN}/fr/profil/identite"


async def test_what_is_kept_is_only_ever_a_form_of_ours(visit: Visit, sessions: Sessions) -> None:
    """T30, T33: whatever else stands there is left, and signing in goes home."""
    await a_campaign(sessions)
    who = await known(sessions)
    nonsense = (
        "x", "[]", "{}", "null", '["votes"]', "[1, 2, 3]", '["nowhere", {}, {}]', '["register", {}, {}]',
        '["votes", {}, {"a": 1}]', '["votes", [], []]', '["votes", "a", "b"]', "[" * 3999, '["type-code", {}, null]',
    )  # fmt: skip
    for kept in nonsense:
        person = visit()
        await person.post("/fr/connexion", {"email": who.email, "password": PASSWORD, "kept": kept})
        assert person.page.h1 == ["Portail des membres – page d'accueil"], kept
    person = visit()
    kept = json.dumps(["type-code", {}, {"code": HOSTILE, HOSTILE: "x"}])
    await person.post("/fr/connexion", {"email": who.email, "password": PASSWORD, "kept": kept})
    assert person.page.h1 == ["Reprenez où vous en étiez"]
    assert_inert(person)
    await person.post("/fr/connexion", {"email": who.email, "password": PASSWORD, "kept": "x" * 5000})
    assert person.response.status_code == 422


def stands_beside(person: Person, field: str) -> bool:
    """The summary leads to the field, and the field says it again."""
    return f"#{field}" in person.page.links and f"{field}-error" in person.page.ids


async def test_an_error_stands_beside_its_field_and_keeps_what_was_typed(visit: Visit, sessions: Sessions) -> None:
    await a_campaign(sessions)
    person, who = await signed_in(sessions, visit)
    await person.get("/fr/profil")
    await person.submit("/profil/courriel")
    await person.submit("/profil/code", code="000 000")
    assert person.response.status_code == 422
    assert person.page.title.startswith("Erreur")
    assert person.page.h1 == ["Mon profil"]
    assert stands_beside(person, "code")
    assert person.page.form("/profil/code").fields["code"] == "000 000"
    await change(sessions, "update account set email_verified_at = now()")
    await person.get("/fr/profil/identite")
    await person.submit("/identite", kind1="passport", files={"file1": ("a.jpg", b"GIF89a", "image/jpeg")})
    assert stands_beside(person, "kind2")
    await person.submit("/identite", kind1="nexus", files={"file1": ("a.jpg", b"GIF89a" * 9, "image/jpeg")})
    assert stands_beside(person, "file1")
    stranger = visit()
    await stranger.sign_in(who.email, "faux")
    assert stands_beside(stranger, "email")
    assert stranger.page.form("/connexion").fields["email"] == who.email
    newcomer, _ = await activating(sessions, visit)
    await newcomer.submit("/profil/code", code="12")
    assert newcomer.page.h1 == ["Première entrée"]
    assert stands_beside(newcomer, "code")
    await change(sessions, "update account set email_verified_at = now()")
    await newcomer.get("/fr/mot-de-passe/premier")
    await newcomer.submit("mot-de-passe/premier", password="court", again="court")
    assert stands_beside(newcomer, "password")
    long = "douze hérons au-dessus du canal"
    await newcomer.submit("mot-de-passe/premier", password=long, again=long + "!")
    assert stands_beside(newcomer, "again")
    assert await count(sessions, "select count(*) from account where password_hash is null") == 1
