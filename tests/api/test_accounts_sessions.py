"""A session: a new secret at every step up, dead when it is over, and nothing else opens the door."""

from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie

import httpx
import pytest

from portal.rules.accounts import LIFETIMES, Role, SessionKind
from portal.rules.refusals import Refusal
from portal.store import Sessions
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import (
    activating,
    change,
    count,
    known,
    later,
    link_in,
    mails_to,
    notices,
    says,
    signed_in,
    token_of,
)
from tests.api.person import Person
from tests.conftest import Servers

FRESH = "un tout autre bateau à voiles mauves"


async def with_cookie(visit: Visit, value: str, path: str = "/fr/accueil") -> httpx.Response:
    """What the bearer of a cookie sees."""
    return await visit().client.get(path, headers={"Cookie": f"__Host-session={value}"})


async def test_a_cookie_planted_before_signing_in_is_worth_nothing_after(visit: Visit, sessions: Sessions) -> None:
    """T21: an invented one is not adopted; somebody else's real one is ended."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    attacker, _ = await signed_in(sessions, visit)
    who = await known(sessions)
    for planted in ("planted-by-somebody-else-0123456789abcdefgh", token_of(attacker)):
        person = visit(cookies={"__Host-session": planted})
        await person.sign_in(who.email, PASSWORD)
        values = [c.value for c in person.client.cookies.jar if c.name == "__Host-session" and c.domain]
        assert values
        assert planted not in values
        assert (await with_cookie(visit, planted)).headers["location"] == "/fr/connexion"


async def test_typing_the_password_again_changes_the_cookie_and_the_old_one_is_dead(
    visit: Visit, sessions: Sessions
) -> None:
    """T21, T22: also when what was asked is refused, for want of documents here."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, _ = await signed_in(sessions, visit, verified=True)
    before = token_of(person)
    await person.get("/fr/votes/inscription")
    await person.submit("votes/inscription", password=PASSWORD)
    assert token_of(person) != before
    assert (await with_cookie(visit, before)).headers["location"] == "/fr/connexion"
    assert (await with_cookie(visit, token_of(person))).status_code == 200
    # Within ten minutes no password is asked again; after that it is.
    form = person.page.form("votes/inscription").fields | {"password": ""}
    assert (await person.post("/fr/votes/inscription", form)).status_code == 422
    await later(sessions, "sign_in", timedelta(minutes=11), "stepped_up_at")
    assert (await person.post("/fr/votes/inscription", form)).status_code == 403


async def test_every_cookie_ever_set_is_locked_to_this_host_and_to_https(visit: Visit, sessions: Sessions) -> None:
    """T23: at sign-in, at re-entry, at the first password, at sign-out."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    seen: list[str] = []

    async def hook(response: httpx.Response) -> None:
        seen.extend(response.headers.get_list("set-cookie"))

    hooks = {"event_hooks": {"response": [hook]}}
    who = await known(sessions, verified=True)
    person = visit(**hooks)
    await person.sign_in(who.email, PASSWORD)
    await person.get("/fr/votes/inscription")
    await person.submit("votes/inscription", password=PASSWORD)
    await person.submit("/deconnexion")
    newcomer = visit(**hooks)
    new = await known(sessions, password=False)
    await newcomer.sign_in(new.email, new.member.number)
    await change(sessions, "update account set email_verified_at = now()")
    await newcomer.get("/fr/mot-de-passe/premier")
    await newcomer.submit("mot-de-passe/premier", password=FRESH, again=FRESH)
    assert len(seen) == 5
    for line in seen:
        cookie = SimpleCookie(line)
        assert list(cookie) == ["__Host-session"]
        morsel = cookie["__Host-session"]
        assert (morsel["secure"], morsel["httponly"], morsel["path"]) == (True, True, "/")
        assert morsel["samesite"].casefold() == "lax"
        assert not morsel["domain"]


async def test_signing_out_ends_the_session_on_the_server_and_clears_the_browser(
    visit: Visit, sessions: Sessions
) -> None:
    """T24: for whoever sits down at this computer next."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await signed_in(sessions, visit)
    old = token_of(person)
    answer = await person.client.post(
        "/fr/deconnexion",
        data=person.page.form("/deconnexion").fields,
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.headers["clear-site-data"] == '"cache", "cookies", "storage"'
    assert answer.headers["location"] == "/fr/a-bientot"
    assert answer.headers["cache-control"] == "no-store"
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert await count(sessions, "select count(*) from sign_in") == 0
    for path in ("/fr/accueil", "/fr/profil", "/fr/votes", "/fr/profil/etat", "/en/home"):
        dead = await with_cookie(visit, old, path)
        assert dead.status_code == 303
        assert dead.headers["location"].partition("?")[0] in ("/fr/connexion", "/en/sign-in")
        assert who.member.family_name not in dead.text
    # Signing out twice is signing out.
    await person.get("/fr/a-bientot")
    again = await person.client.post("/fr/deconnexion", headers={"Sec-Fetch-Site": "same-origin"})
    assert again.headers["location"] == "/fr/a-bientot"


async def sign_in_as(kind: SessionKind, visit: Visit, sessions: Sessions) -> tuple[Person, str]:
    """Somebody with a session of this kind, and a page that only they see."""
    if kind is SessionKind.ACTIVATION:
        return (await activating(sessions, visit))[0], "/fr/mot-de-passe/premier"
    if kind is SessionKind.MEMBER:
        return (await signed_in(sessions, visit))[0], "/fr/votes"
    waiting = kind is SessionKind.STAFF_PENDING
    async with sessions.begin() as session:
        account = await builders.a_staff_account(session, Role.REVIEWER, password_hash=PASSWORD_HASH, key=not waiting)
    person = visit()
    await person.sign_in(str(account.email), PASSWORD)
    return person, "/fr/connexion/cle" if waiting else "/fr/examen"


@pytest.mark.parametrize("kind", list(SessionKind))
async def test_a_forgotten_session_ends_by_itself(visit: Visit, sessions: Sessions, kind: SessionKind) -> None:
    """T29: after its idle time, and after its absolute time however busy; by the database clock."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, page = await sign_in_as(kind, visit, sessions)
    life = LIFETIMES[kind]

    async def alive() -> bool:
        answer = await person.client.get(page, headers={"Sec-Fetch-Site": "same-origin"})
        return answer.status_code == 200

    idle = life.idle - timedelta(minutes=1)
    for _ in range(3):
        await later(sessions, "sign_in", idle, "seen_at")
        assert await alive(), "looking at a page begins the idle time anew"
    await later(sessions, "sign_in", life.idle, "seen_at")
    assert not await alive()
    await change(sessions, "update sign_in set seen_at = now()")
    assert await alive()
    await later(sessions, "sign_in", life.absolute - timedelta(minutes=1), "expires_at")
    assert await alive()
    await later(sessions, "sign_in", timedelta(minutes=1), "expires_at")
    assert not await alive()


async def test_a_session_that_ends_in_the_middle_of_a_form_leads_to_a_clear_sentence(
    visit: Visit, sessions: Sessions
) -> None:
    """T29: nothing is done, nobody is confused, and signing in goes on from there."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, who = await signed_in(sessions, visit)
    await person.get("/fr/profil")
    await later(sessions, "sign_in", timedelta(hours=1), "seen_at")
    await person.submit("/profil/courriel")
    assert person.response.status_code == 401
    assert person.page.h1 == ["Entrez"]
    assert says(person, Refusal.SIGN_IN_NEEDED)
    assert who.member.family_name not in person.page.text
    assert await count(sessions, "select count(*) from outbox where kind = 'verification'") == 0
    await person.submit("/connexion", email=who.email, password=PASSWORD)
    assert person.page.h1 == ["Reprenez où vous en étiez"]
    await person.submit("/profil/courriel")
    assert person.page.h1 == ["Mon profil"]
    assert await count(sessions, "select count(*) from outbox where kind = 'verification'") == 1


async def test_a_new_password_ends_every_other_session(visit: Visit, sessions: Sessions, servers: Servers) -> None:
    """T29: whoever had a foot in the door is out; and the whole renewal, from the door to the home."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    thief, who = await signed_in(sessions, visit)
    stolen = token_of(thief)
    person = visit()
    await person.get("/fr/connexion")
    await person.get(next(a for a in person.page.links if a.endswith("mot-de-passe/renouveler")))
    await person.submit("mot-de-passe/renouveler", email=who.email.upper())
    assert "Si cette adresse" in person.page.text
    await person.get(link_in((await mails_to(servers, who.email, "Renouvelez"))[0]))
    await person.submit("mot-de-passe/nouveau", password="trop court", again="trop court")
    assert person.response.status_code == 422
    await person.submit("mot-de-passe/nouveau", password=FRESH, again=FRESH)
    assert notices(person, "mot-de-passe")
    assert (await with_cookie(visit, stolen)).headers["location"] == "/fr/connexion"
    await person.submit("/connexion", email=who.email, password=FRESH)
    assert person.page.h1 == ["Portail des membres – page d'accueil"]
    assert await count(sessions, "select count(*) from sign_in") == 1


async def test_a_password_older_than_the_cut_off_opens_its_renewal_only(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """Brief §3.3: said only to whoever knows the password; a wrong one is answered as ever."""
    cutoff = datetime(2016, 11, 11, tzinfo=UTC)
    async with sessions.begin() as session:
        await builders.a_campaign(session, password_cutoff=cutoff)
    who = await known(sessions, password_set_at=cutoff - timedelta(seconds=1))
    exactly = await known(sessions, password_set_at=cutoff)
    person = visit()
    assert (await person.sign_in(who.email, "ce n'est pas le bon mot de passe")).status_code == 401
    await person.sign_in(who.email, PASSWORD)
    assert person.response.status_code == 422
    assert person.page.h1 == ["Renouveler mon mot de passe"]
    assert says(person, Refusal.PASSWORD_MUST_BE_RENEWED)
    assert "set-cookie" not in person.response.headers
    assert await count(sessions, "select count(*) from sign_in") == 0
    await person.submit("mot-de-passe/renouveler")
    await person.get(link_in((await mails_to(servers, who.email, "Renouvelez"))[0]))
    await person.submit("mot-de-passe/nouveau", password=FRESH, again=FRESH)
    await person.submit("/connexion", email=who.email, password=FRESH)
    assert person.page.h1 == ["Portail des membres – page d'accueil"]
    other = visit()
    await other.sign_in(exactly.email, PASSWORD)
    assert other.page.h1 == ["Portail des membres – page d'accueil"]


@pytest.mark.parametrize(
    ("role", "lands"),
    [
        (Role.REVIEWER, "Examen des pièces"),
        (Role.OPERATOR, "Opérations"),
        (Role.OFFICER, "Campagnes"),
        (Role.AUDITOR, "Journal"),
    ],
)
async def test_staff_land_on_a_page_of_theirs(visit: Visit, sessions: Sessions, role: Role, lands: str) -> None:
    """Nobody is greeted by a refusal."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
        account = await builders.a_staff_account(session, role, password_hash=PASSWORD_HASH)
    person = visit()
    await person.sign_in(str(account.email), PASSWORD)
    assert person.response.status_code == 200
    assert person.page.h1 == [lands]
