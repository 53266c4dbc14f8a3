"""The last hour: everybody comes at once, and whoever is in votes as if nobody else were there."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager

import pytest
from sqlalchemy import text

from api.passwords import MOST_WAITING
from api.portal import Portal
from portal.rules.refusals import Refusal
from portal.store import Sessions, onboarding
from portal.text import gettext
from tests import builders
from tests.api.booths import Voter, a_vote, a_voter, in_the_box, said_by
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import change, count, known, says
from tests.api.person import Person

WRONG = "un tout autre mot de passe que le mien"
CROWD = "Beaucoup de monde en ce moment"


@contextmanager
def hashes_held_up(portal: Portal) -> Iterator[None]:
    """No hash of whoever comes in is computed meanwhile."""
    go_on, pool = threading.Event(), portal.passwords._coming.pool
    for _ in range(pool._max_workers):
        pool.submit(go_on.wait)
    try:
        yield
    finally:
        go_on.set()


@contextmanager
def no_place_left(portal: Portal, *, inside: bool = False) -> Iterator[None]:
    with ExitStack() as others:
        for _ in range(MOST_WAITING):
            others.enter_context(portal.passwords.place(inside=inside))
        yield


def says_that_there_is_a_crowd(person: Person) -> bool:
    """In the reader's language, with when to come back; and not as an error of theirs."""
    words = gettext(person.language)(CROWD)
    assert (person.response.status_code == 503) is (words in person.page.text)
    if person.response.status_code != 503:
        return False
    assert person.response.headers["retry-after"]
    assert says(person, Refusal.BUSY)
    assert "govuk-error-summary" not in person.page.html
    return True


async def two(visit: Visit, sessions: Sessions) -> tuple[Voter, Voter]:
    """Who are in already: one is about to vote, the other looks around."""
    async with sessions.begin() as session:
        campaign = await a_vote(session)
    return await a_voter(visit, sessions, campaign), await a_voter(visit, sessions, campaign, group="TR")


async def test_whoever_is_in_votes_before_fifty_who_wait_to_come_in(
    visit_alone: Visit, portal_alone: Portal, sessions: Sessions
) -> None:
    """T86: the password again, the question, the vote and every page are answered while no sign-in is."""
    voter, reader = await two(visit_alone, sessions)
    too_many = 5
    with hashes_held_up(portal_alone):
        coming = [
            asyncio.create_task(
                visit_alone(address=f"192.0.2.{n}").post(
                    "/fr/connexion", {"email": f"p{n}@exemple.test", "password": WRONG}
                )
            )
            for n in range(MOST_WAITING + too_many)
        ]
        done: set[asyncio.Task[object]] = set()
        while len(done) < too_many:
            done, _ = await asyncio.wait(coming, timeout=0.05)
        looking = [
            asyncio.create_task(reader.person.client.get(address))
            for _ in range(10)
            for address in ("/fr/accueil", "/fr/votes", "/fr/votes/etat", "/fr/")
        ]
        await voter.enter()
        await voter.cast(1)
        assert voter.person.page.h1 == ["Votre vote est déposé"]
        # On a slow machine some of them are asked to come back.
        assert {answer.status_code for answer in await asyncio.gather(*looking)} <= {200, 503}
        assert sum(task.done() for task in coming) == too_many
    answers = await asyncio.gather(*coming)
    assert sorted(answer.status_code for answer in answers) == [401] * MOST_WAITING + [503] * too_many
    ((code, sealed),) = await in_the_box(sessions)
    assert await said_by(sessions, code, sealed) == (1,)


async def test_pages_that_queue_for_the_records_hold_up_no_vote(
    visit_alone: Visit, portal_alone: Portal, sessions: Sessions
) -> None:
    """T86: the booth reaches them by itself; whoever waits too long for another page is asked to come back."""
    voter, reader = await two(visit_alone, sessions)
    async with AsyncExitStack() as others:
        for _ in range(15):
            await others.enter_async_context(portal_alone.engine.connect())
        looking = [asyncio.create_task(reader.person.client.get("/fr/votes")) for _ in range(20)]
        await voter.enter()
        await voter.review(1)
        await voter.cast(1)
        assert voter.person.page.h1 == ["Votre vote est déposé"]
        answers = await asyncio.gather(*looking)
        assert {answer.status_code for answer in answers} == {503}
        assert all(answer.headers["retry-after"] for answer in answers)
        assert "Réessayez dans un moment" in answers[0].text
    assert len(await in_the_box(sessions)) == 1


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_whoever_finds_no_place_has_tried_nothing_and_loses_nothing(
    visit_alone: Visit, portal_alone: Portal, sessions: Sessions, language: str
) -> None:
    """T86: neither a try, nor one of the five that a member number has in its life, nor the form they sent."""
    who, newcomer = await known(sessions, language=language), await known(sessions, password=False, language=language)
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        # Nobody waits for a worker, which would open them.
        for one in (who, newcomer):
            await onboarding.open_file(session, campaign, one.member.id)
    person, first = visit_alone(language), visit_alone(language)
    slug, window = ("/fr/connexion", "Le vote a lieu du") if language == "fr" else ("/en/sign-in", "Voting takes place")
    wanted = f"/{language}/votes"
    with no_place_left(portal_alone):
        for _ in range(6):
            await person.post(slug, {"email": who.email, "password": PASSWORD, "back_to": wanted})
            assert says_that_there_is_a_crowd(person)
            await first.post(slug, {"email": newcomer.email, "password": newcomer.member.number})
            assert says_that_there_is_a_crowd(first)
        form = person.page.form(slug).fields
        assert (form["email"], form["back_to"], form["password"]) == (who.email, wanted, "")
        assert window in person.page.text
        assert await count(sessions, "select count(*) from attempt") == 0
        assert await count(sessions, "select sum(number_tries) from account") == 0
    await person.submit(slug, password=PASSWORD)
    assert str(person.response.url).endswith(wanted)
    await first.submit(slug, password=newcomer.member.number)
    assert first.response.status_code == 200
    assert first.page.h1 == [gettext(language)("Première entrée")]


async def test_a_sealed_vote_waits_in_its_page_until_there_is_a_place(
    visit_alone: Visit, portal_alone: Portal, sessions: Sessions
) -> None:
    """T86: too many type their password again at one moment: nothing has to be chosen anew."""
    voter = await a_voter(visit_alone, sessions)
    person = voter.person
    with no_place_left(portal_alone, inside=True):
        await person.get(voter.address())
        await person.submit("/bulletin", password=PASSWORD)
        assert says_that_there_is_a_crowd(person)
    await person.submit("/bulletin", password=PASSWORD)
    await voter.review(1)
    await change(sessions, "update sign_in set stepped_up_at = now() - interval '11 minutes'")
    await voter.cast(1)
    sealed = person.page.form("/bulletin/depot").fields["sealed"]
    with no_place_left(portal_alone, inside=True):
        await person.submit("/bulletin/depot", password=PASSWORD)
        assert says_that_there_is_a_crowd(person)
        assert person.page.form("/bulletin/depot").fields["sealed"] == sealed
        assert await in_the_box(sessions) == []
        assert await count(sessions, "select sum(step_up_failures) from sign_in") == 0
    await person.submit("/bulletin/depot", password=PASSWORD)
    assert person.page.h1 == ["Votre vote est déposé"]
    ((code, content),) = await in_the_box(sessions)
    assert await said_by(sessions, code, content) == (1,)


async def test_a_right_password_takes_no_try_from_whoever_shares_the_address(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T86: a whole department behind one address signs in; only wrong pairs count against it."""
    who = await known(sessions)
    tries = "select coalesce(sum(count), 0) from attempt where key like 'address:%'"
    for _ in range(3):
        await visit_alone().sign_in(who.email, PASSWORD)
    assert await count(sessions, tries) == 0
    for expected in (1, 2):
        await visit_alone().sign_in(who.email, WRONG)
        assert await count(sessions, tries) == expected
    async with sessions.begin() as session:
        assert await session.scalar(text("select count(*) from sign_in")) == 3
