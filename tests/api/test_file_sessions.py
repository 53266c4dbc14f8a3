"""Where a member is signed in: seen, ended from elsewhere, and over by itself when nobody is there."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from portal.rules.accounts import LIFETIMES, Role, SessionKind
from portal.rules.refusals import Refusal
from portal.store import Sessions
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import (
    Known,
    activating,
    change,
    count,
    known,
    later,
    notices,
    says,
    signed_in,
    token_of,
)  # fmt: skip
from tests.api.person import Person

PHONE = "Mozilla/5.0 (Android 15; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0"
OFFICE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
IDLE = LIFETIMES[SessionKind.MEMBER].idle


async def twice(visit: Visit, sessions: Sessions) -> tuple[Person, Person, Known]:
    """A member at the office who stayed signed in on the phone; the office reads the file."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    who = await known(sessions)
    phone, office = visit(headers={"User-Agent": PHONE}), visit(headers={"User-Agent": OFFICE})
    for browser in (phone, office):
        await browser.sign_in(who.email, PASSWORD)
    await office.get("/fr/dossier")
    return phone, office, who


async def alive(person: Person, page: str = "/fr/votes") -> bool:
    answer = await person.client.get(page, headers={"Sec-Fetch-Site": "same-origin"})
    return answer.status_code == 200


async def ids(sessions: Sessions) -> list[UUID]:
    async with sessions.begin() as session:
        return list(await session.scalars(text("select id from sign_in order by created_at")))


async def test_sessions_are_told_apart_by_browser_and_the_one_at_hand_is_marked(
    visit: Visit, sessions: Sessions
) -> None:
    """A family is kept, never what a browser says of itself."""
    phone, office, _ = await twice(visit, sessions)
    words = office.page.text.replace("\u00a0", " ")
    assert "2 sessions ouvertes" in words
    assert "Chrome sur Windows Cette session-ci" in words
    assert "Firefox sur Android Entrée le" in words
    assert words.count("Cette session-ci") == 1
    await phone.get("/en/file")
    assert "Firefox on Android This session" in phone.page.text
    async with sessions.begin() as session:
        kept = list(await session.scalars(text("select browser from sign_in order by created_at")))
        everything = await session.scalar(text("select string_agg(t::text, ' ') from sign_in t"))
    assert kept == ["firefox-android", "chrome-windows"]
    assert "Mozilla" not in str(everything)
    unknown = visit(headers={"User-Agent": "<b>Gecko"})
    who = await known(sessions)
    await unknown.sign_in(who.email, PASSWORD)
    await unknown.get("/fr/dossier")
    assert "Un autre fureteur Cette session-ci" in unknown.page.text
    assert "dossier/sessions" not in unknown.page.html, "nothing else to end"


async def test_a_session_closed_from_elsewhere_is_dead_at_once(visit: Visit, sessions: Sessions) -> None:
    """T24, T29: whoever left the portal open at the office ends it from home; the one at hand goes on."""
    phone, office, _ = await twice(visit, sessions)
    assert await alive(phone)
    await office.submit("dossier/session")
    assert notices(office, "session-fermee")
    assert "1 session ouverte" in office.page.text
    assert not await alive(phone)
    assert not await alive(phone, "/fr/profil/etat")
    assert await alive(office)
    assert await count(sessions, "select count(*) from journal where action = 'session-closed'") == 1
    assert "Une autre session fermée" in office.page.text


async def test_all_others_are_dead_at_once_and_the_one_at_hand_goes_on(visit: Visit, sessions: Sessions) -> None:
    """T24, T29: « Me déconnecter partout ailleurs »; other people's sessions are theirs."""
    phone, office, who = await twice(visit, sessions)
    third = visit()
    await third.sign_in(who.email, PASSWORD)
    somebody, _ = await signed_in(sessions, visit)
    await office.get("/fr/dossier")
    assert "3 sessions ouvertes" in office.page.text
    await office.submit("dossier/sessions")
    assert notices(office, "sessions-fermees")
    assert not await alive(phone)
    assert not await alive(third)
    assert await alive(office)
    assert await alive(somebody)
    assert "Toutes les autres sessions fermées" in office.page.text
    # Doing it again is harmless, and nothing was done: nothing is written down.
    form = {"form_token": office.page.form("/deconnexion").fields["form_token"]}
    await office.post("/fr/dossier/sessions", form)
    assert await count(sessions, "select count(*) from journal where action = 'sessions-closed'") == 1


async def test_nobody_ends_somebody_elses_session_nor_their_own_by_mistake(visit: Visit, sessions: Sessions) -> None:
    """T25, T29: a guessed id is answered like one that is over, and does nothing."""
    phone, office, _ = await twice(visit, sessions)
    thief, _ = await signed_in(sessions, visit)
    token = thief.page.form("/deconnexion").fields["form_token"]
    for guessed in [*await ids(sessions), uuid4(), "", "x", "' or true --"]:
        await thief.post("/fr/dossier/session", {"form_token": token, "session_id": str(guessed)})
        assert thief.response.status_code == 200
    assert await alive(phone)
    assert await alive(office)
    assert await alive(thief), "its own is not ended here either"
    assert await count(sessions, "select count(*) from journal where action = 'session-closed'") == 0
    for page in ("dossier/session", "dossier/sessions"):
        await thief.post(f"/fr/{page}", {"form_token": "of another session"})
        assert thief.response.status_code == 403
        assert says(thief, Refusal.NOT_ALLOWED)
    assert await count(sessions, "select count(*) from sign_in") == 3


async def test_the_pages_name_no_session_by_its_token_and_a_new_token_keeps_the_name(
    visit: Visit, sessions: Sessions
) -> None:
    """T21: the form of a page read before a step up still closes the session that was meant."""
    phone, office, _ = await twice(visit, sessions)
    async with sessions.begin() as session:
        hashes = list(await session.scalars(text("select encode(token_hash, 'hex') from sign_in")))
    for secret in [*hashes, token_of(phone), token_of(office)]:
        assert secret not in office.page.html
    before = await ids(sessions)
    await change(sessions, "update account set email_verified_at = now()")
    await phone.get("/fr/votes/inscription")
    await phone.submit("votes/inscription", password=PASSWORD)
    assert await ids(sessions) == before
    await office.submit("dossier/session")
    assert not await alive(phone)


async def test_a_session_that_is_over_is_not_listed(visit: Visit, sessions: Sessions) -> None:
    """T29: by its idle time and by its whole time, whether or not the sweep has passed."""
    _, office, _ = await twice(visit, sessions)
    phone_only = "update sign_in set {} where browser = 'firefox-android'"
    await change(sessions, phone_only.format("seen_at = now() - interval '20 minutes'"))
    await office.get("/fr/dossier")
    assert "1 session ouverte" in office.page.text
    await change(sessions, phone_only.format("seen_at = now(), expires_at = now()"))
    await office.get("/fr/dossier")
    assert "1 session ouverte" in office.page.text


@pytest.mark.parametrize("kind", [SessionKind.MEMBER, SessionKind.ACTIVATION])
async def test_a_page_left_open_keeps_no_session_alive(visit: Visit, sessions: Sessions, kind: SessionKind) -> None:
    """T29: it asks every four seconds how things stand, and that is nobody's act."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, _ = await (signed_in if kind is SessionKind.MEMBER else activating)(sessions, visit)
    ask = {"Sec-Fetch-Site": "same-origin"}
    # Nineteen minutes, a minute at a time: the page asks, and the time runs on.
    for _ in range(19):
        await later(sessions, "sign_in", timedelta(minutes=1), "seen_at")
        answer = await person.client.get("/fr/profil/etat", headers=ask)
        assert answer.status_code == 200
    await later(sessions, "sign_in", timedelta(minutes=1), "seen_at")
    answer = await person.client.get("/fr/profil/etat", headers=ask)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/fr/connexion")


async def test_whoever_is_there_stays_by_saying_so(visit: Visit, sessions: Sessions) -> None:
    """T29: the button of the warning, two minutes before; and the page knows how long is left."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    person, _ = await signed_in(sessions, visit)
    token = person.page.form("/deconnexion").fields["form_token"]
    await later(sessions, "sign_in", IDLE - timedelta(minutes=2), "seen_at")
    answer = await person.post("/fr/rester", {"form_token": token})
    assert answer.status_code == 204
    assert not answer.content
    assert int(answer.headers["session-seconds"]) == IDLE.total_seconds()
    await later(sessions, "sign_in", IDLE - timedelta(minutes=1), "seen_at")
    assert await alive(person, "/fr/profil/etat")
    # The whole time is nobody's to prolong.
    await change(sessions, "update sign_in set expires_at = now() + interval '90 seconds'")
    answer = await person.post("/en/stay", {"form_token": token})
    assert 80 <= int(answer.headers["session-seconds"]) <= 90
    await later(sessions, "sign_in", IDLE, "seen_at")
    answer = await person.post("/fr/rester", {"form_token": token})
    assert answer.status_code == 401


async def test_staying_takes_the_form_of_the_page_and_works_for_staff(visit: Visit, sessions: Sessions) -> None:
    """T25: not from elsewhere, not by a link, not without a session."""
    async with sessions.begin() as session:
        account = await builders.a_staff_account(session, Role.REVIEWER, password_hash=PASSWORD_HASH)
    desk = visit()
    await desk.sign_in(str(account.email), PASSWORD)
    token = desk.page.form("/deconnexion").fields["form_token"]
    await later(sessions, "sign_in", timedelta(minutes=13), "seen_at")
    answer = await desk.post("/fr/rester", {"form_token": token})
    assert int(answer.headers["session-seconds"]) == LIFETIMES[SessionKind.STAFF].idle.total_seconds()
    assert (await desk.post("/fr/rester", {"form_token": "another"})).status_code == 403
    assert (await desk.get("/fr/rester")).status_code == 405
    assert (await visit().post("/fr/rester", {"form_token": token})).status_code == 401
