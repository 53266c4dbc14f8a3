"""Guessing is slow, ends for good for a member number, and never locks anybody out."""

import asyncio
import threading
from datetime import timedelta

import httpx

from api.passwords import MOST_WAITING
from api.portal import Portal
from portal.rules.accounts import ADDRESS_LIMIT, NUMBER_FAILURES_AN_HOUR, NUMBER_TRIES
from portal.rules.refusals import Refusal
from portal.store import Sessions
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import change, count, known, link_in, mails_to, notices, says, tries_forgotten_by
from tests.conftest import Servers

WRONG = "ce n'est pas le bon mot de passe"
REFUSED = "select count(*) from journal where action = 'sign-in-refused'"


async def test_after_fifty_wrong_tries_the_right_password_waits_its_turn(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T03: the delay protects the account, every try is in the journal, and nobody is locked out for ever."""
    who = await known(sessions)
    for i in range(50):
        await visit_alone(address=f"192.0.2.{i}").sign_in(who.email, WRONG)
    person = visit_alone()
    assert (await person.sign_in(who.email, PASSWORD)).status_code == 429
    assert says(person, Refusal.TOO_MANY_TRIES)
    assert person.response.headers["retry-after"]
    assert await count(sessions, REFUSED) == 51
    await tries_forgotten_by(sessions, timedelta(seconds=31))
    await person.sign_in(who.email, PASSWORD)
    assert person.page.h1 == ["Portail des membres – page d'accueil"] or "Aucun vote" in person.page.text
    assert await count(sessions, "select count(*) from sign_in") == 1


async def test_the_delay_grows_with_the_tries_and_ends_at_fifteen_minutes(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T03, T06: 30 s from the fifth, 2 minutes from the seventh, 15 from the tenth and never more."""
    who = await known(sessions)
    person = visit_alone()

    async def a_try() -> int:
        return (await person.sign_in(who.email, WRONG)).status_code

    assert [await a_try() for _ in range(6)] == [401] * 5 + [429]
    for seconds, tries in ((30, 2), (120, 3), (900, 6)):
        for _ in range(tries):
            await tries_forgotten_by(sessions, timedelta(seconds=seconds - 5))
            assert await a_try() == 429
            await tries_forgotten_by(sessions, timedelta(seconds=6))
            assert await a_try() == 401


async def test_the_sixth_try_of_a_member_number_fails_even_if_it_is_right(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T04: five wrong ones in its whole life, from wherever; the way by mail stays open."""
    who = await known(sessions, password=False)
    for i in range(NUMBER_TRIES):
        wrong = visit(address=f"192.0.2.{i}")
        assert (await wrong.sign_in(who.email, str(980_000 + i))).status_code == 401
        # Long after: the number's tries do not come back with time.
        await tries_forgotten_by(sessions, timedelta(days=2))
    for address in ("127.0.0.1", "192.0.2.99", "2001:db8::1"):
        person = visit(address=address)
        assert (await person.sign_in(who.email, who.member.number)).status_code == 401
    assert await count(sessions, "select count(*) from sign_in") == 0
    await person.post("/fr/mot-de-passe/renouveler", {"email": who.email})
    assert link_in((await mails_to(servers, who.email, "Renouvelez"))[0])


async def test_a_right_number_does_not_use_up_its_tries(visit_alone: Visit, sessions: Sessions) -> None:
    """T04: whoever comes back six times before choosing a password is not a guesser."""
    who = await known(sessions, password=False)
    for _ in range(NUMBER_TRIES + 1):
        person = visit_alone()
        await person.sign_in(who.email, who.member.number)
        assert person.page.h1 == ["Première entrée"]


async def test_fifty_wrong_numbers_in_an_hour_close_the_number_path_to_all(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T05: one guess at each of fifty accounts; passwords still work, and an hour later numbers do too."""
    victims = [await known(sessions, password=False) for _ in range(NUMBER_FAILURES_AN_HOUR)]
    next_one = await known(sessions, password=False)
    with_password = await known(sessions)
    for i, victim in enumerate(victims):
        await visit_alone(address=f"192.0.2.{i}").sign_in(victim.email, "987654")
    closed = visit_alone()
    assert (await closed.sign_in(next_one.email, next_one.member.number)).status_code == 401
    assert await count(sessions, "select count(*) from journal where action = 'number-path-closed'") == 1
    assert (await visit_alone().sign_in(with_password.email, PASSWORD)).status_code != 401
    assert await count(sessions, "select count(*) from sign_in") == 1
    await tries_forgotten_by(sessions, timedelta(hours=1, seconds=1))
    await closed.sign_in(next_one.email, next_one.member.number)
    assert closed.page.h1 == ["Première entrée"]


async def test_a_throttled_person_comes_back_by_the_link_of_a_mail(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T06: nobody can lock a colleague out on the last day."""
    who = await known(sessions)
    for _ in range(6):
        await visit(address="192.0.2.1").sign_in(who.email, WRONG)
    person = visit()
    assert (await person.sign_in(who.email, PASSWORD)).status_code == 429
    await person.get("/fr/mot-de-passe/renouveler")
    await person.submit("mot-de-passe/renouveler", email=who.email)
    await person.get(link_in((await mails_to(servers, who.email, "Renouvelez"))[0]))
    fresh = "un tout autre bateau à voiles mauves"
    await person.submit("mot-de-passe/nouveau", password=fresh, again=fresh)
    assert notices(person, "mot-de-passe")
    await person.submit("/connexion", email=who.email, password=fresh)
    assert await count(sessions, "select count(*) from sign_in") == 1


async def test_a_throttled_person_who_is_already_in_goes_on(visit_alone: Visit, sessions: Sessions) -> None:
    """T06: a session that is open stays open whatever strangers try."""
    who = await known(sessions)
    person = visit_alone()
    await person.sign_in(who.email, PASSWORD)
    for _ in range(6):
        await visit_alone(address="192.0.2.1").sign_in(who.email, WRONG)
    assert await count(sessions, "select count(*) from sign_in") == 1
    assert (await person.get("/fr/votes")).status_code != 401


async def test_a_password_of_a_megabyte_is_refused_unread(visit: Visit, portal: Portal) -> None:
    """T07: by the size of the form, then of the field, then of the password; never hashed."""
    person = visit()
    before = portal.passwords.calls
    for size, status in ((1_000_000, 413), (2_000, 422), (1_000, 401)):
        assert (await person.sign_in("a@exemple.test", "x" * size)).status_code == status
        assert "photo" not in person.page.h1[0].lower()
        assert "8 Mo" not in person.page.text, "nobody sent a picture"
        assert "x" * 100 not in person.response.text
    assert portal.passwords.calls == before


async def test_sixty_people_at_once_are_served_or_asked_to_come_back(visit: Visit, portal: Portal) -> None:
    """T07: fifty wait for their hash, the others get a page with Retry-After, and the portal goes on."""
    held = threading.Event()
    pool = portal.passwords._coming.pool
    holding = [pool.submit(held.wait) for _ in range(pool._max_workers)]
    before = portal.passwords.calls
    people = [visit(address=f"192.0.2.{i}") for i in range(60)]
    signing_in = [
        asyncio.create_task(person.post("/fr/connexion", {"email": f"p{i}@exemple.test", "password": WRONG}))
        for i, person in enumerate(people)
    ]
    try:
        done: set[asyncio.Task[httpx.Response]] = set()
        while len(done) < 60 - MOST_WAITING:
            done, _ = await asyncio.wait(signing_in, timeout=0.05)
        health = await visit().client.get("/healthz")
        assert health.status_code == 200
    finally:
        held.set()
    answers = await asyncio.gather(*signing_in)
    assert sorted(a.status_code for a in answers) == [401] * MOST_WAITING + [503] * 10
    assert all(a.headers["retry-after"] for a in answers if a.status_code == 503)
    assert portal.passwords.calls == before + MOST_WAITING
    assert all(h.done() for h in holding)
    assert (await visit().sign_in("a@exemple.test", WRONG)).status_code == 401


async def test_a_forwarded_address_is_not_believed(visit_alone: Visit) -> None:
    """T08: one attacker under a hundred names is still one; a neighbour is not hindered."""
    attacker = visit_alone(address="203.0.113.9")
    forged = [
        {"X-Forwarded-For": f"198.51.100.{i}", "Forwarded": f"for=198.51.100.{i}", "X-Real-IP": f"10.0.0.{i}"}
        for i in range(ADDRESS_LIMIT.most + 1)
    ]
    answers = await asyncio.gather(
        *(attacker.post("/fr/mot-de-passe/renouveler", {"email": "a@exemple.test"}, headers=h) for h in forged)
    )
    assert sorted(a.status_code for a in answers) == [200] * ADDRESS_LIMIT.most + [429]
    assert (await attacker.sign_in("a@exemple.test", WRONG)).status_code == 429
    assert (await visit_alone(address="203.0.113.10").sign_in("a@exemple.test", WRONG)).status_code == 401


async def test_a_whole_ipv6_site_counts_as_one_caller(visit_alone: Visit, sessions: Sessions) -> None:
    """T08: two addresses of one /64 share a counter, however they are written."""
    for address in ("2001:db8:1:2::3", "2001:db8:1:2:ffff::9", "2001:0db8:0001:0002::7"):
        await visit_alone(address=address).post("/fr/mot-de-passe/renouveler", {"email": "a@exemple.test"})
    for address in ("2001:db8::1", "2001:db8::2:0:0:0:1"):
        await visit_alone(address=address).post("/fr/mot-de-passe/renouveler", {"email": "a@exemple.test"})
    counted = "select count(*) from attempt where key like 'address:%' and count = :n"
    assert await count(sessions, counted, n=3) == 1
    assert await count(sessions, "select count(*) from attempt") == 3
    await change(sessions, "delete from attempt")
