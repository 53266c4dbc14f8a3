"""« Votez » without scripts: password, question, reading, deposit, receipt; sent once or often."""

import asyncio
import html
import re
from collections import Counter
from datetime import timedelta
from functools import partial

import pytest

from portal.rules.choices import value_of
from portal.rules.refusals import Refusal
from portal.rules.votes import digest_of, receipt_of
from portal.store import Sessions
from tests.api.booths import CODE, HOUR, a_voter, in_the_box, said_by
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import change
from tests.api.person import Person
from tests.api.test_documents import says
from tests.builders import ballots_of

# Documents that a person will look at.
SENT = (
    "insert into submission (id, campaign_id, member_id, status, list_version, submitted_at)"
    " select gen_random_uuid(), id, :m, 'submitted', '1', clock_timestamp() from campaign"
)


async def test_a_member_votes_and_keeps_a_receipt(visit_alone: Visit, sessions: Sessions) -> None:
    """The choice is on the page that reads it again, and nowhere afterwards."""
    voter = await a_voter(visit_alone, sessions)
    person = voter.person
    await person.get("/fr/votes")
    assert person.page.links.count("/fr/votes/president/bulletin") == 1
    await person.get("/fr/votes/president/bulletin")
    assert "C'est bien vous ?" in person.page.text
    before = person.client.cookies.get("__Host-session")
    await person.submit("/bulletin", password=PASSWORD)
    assert person.client.cookies.get("__Host-session") != before, "a session proven anew has a new token"
    assert "Vote 7 sur 7" in person.page.text
    assert "Vote officiel" in person.page.text
    assert re.search(r"Ferme le \w+ \d+", person.page.text)
    assert "checked" not in person.page.html
    assert "provisoire" not in person.page.text
    await voter.review(1)
    assert "Vous avez choisi : Oui" in person.page.text
    await voter.cast(1)
    assert str(person.response.url).endswith("/fr/votes/president/recu")
    assert person.page.h1 == ["Votre vote est déposé"]
    ((code, sealed),) = await in_the_box(sessions)
    assert (code, await said_by(sessions, code, sealed)) == (CODE, (1,))
    assert receipt_of(digest_of(sealed)) in person.page.text
    assert "Oui" not in person.page.text
    assert re.search(r"Ferme le \w+ \d+", person.page.text)
    # To the first question that waits, round the end of the list.
    assert person.page.links.count("/fr/votes/ec-ratification/bulletin") == 1
    await person.get("/fr/votes")
    assert "Vote déposé le" in person.page.text
    assert "/fr/votes/president/bulletin" not in person.page.links


async def test_a_vote_sent_again_leads_to_its_own_receipt(visit_alone: Visit, sessions: Sessions) -> None:
    """T74: a double click, the Back button, a retry after a time-out."""
    voter = await a_voter(visit_alone, sessions)
    await voter.enter()
    form = voter.form
    await voter.cast(1)
    receipt = re.search(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){4}", voter.person.page.text)
    assert receipt is not None
    for choice in ("1", "2"):
        await voter.person.post("/fr/votes/president/bulletin/depot", {**form, "choice": choice})
        assert voter.person.page.h1 == ["Votre vote a déjà été déposé"]
        assert "Votre vote a déjà été déposé le" in voter.person.page.text
        assert receipt.group(0) in voter.person.page.text
    await voter.person.get("/fr/votes/president/bulletin")
    assert voter.person.page.h1 == ["Votre vote a déjà été déposé"]
    assert len(await in_the_box(sessions)) == 1


async def test_forty_forms_at_one_moment_are_one_vote_and_forty_calm_pages(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T73: each leads to the receipt of the one that was taken, and none to an error."""
    voter = await a_voter(visit_alone, sessions)
    await voter.enter()
    form = {**voter.form, "choice": value_of(1)}
    send = partial(voter.person.client.post, voter.address("/depot"), headers={"Sec-Fetch-Site": "same-origin"})
    answers = await asyncio.gather(*(send(data=form) for _ in range(40)))
    receipt = "/fr/votes/president/recu"
    assert {answer.status_code for answer in answers} == {303}
    assert Counter(answer.headers["location"] for answer in answers) == {receipt: 1, f"{receipt}?fait=deja-vote": 39}
    assert len(await in_the_box(sessions)) == 1


async def test_several_are_chosen_in_an_election_and_may_be_changed_before_the_deposit(
    visit_alone: Visit, sessions: Sessions
) -> None:
    voter = await a_voter(visit_alone, sessions, language="en")
    await voter.enter("ec-directors")
    assert "Choose up to 2 people" in voter.person.page.text
    assert "Jeanne Mance is standing." in voter.person.page.text
    await voter.review(3, 1, code="ec-directors")
    assert "You chose: Marguerite Bourgeoys Marie Rollet" in voter.person.page.text
    await voter.review(3, 1, code="ec-directors", edit="yes")
    assert re.findall(r'value="(\w+)" checked', voter.person.page.html) == [value_of(1), value_of(3)]
    await voter.cast(2, 3, code="ec-directors")
    assert voter.person.page.h1 == ["Your vote is cast"]
    ((code, sealed),) = await in_the_box(sessions)
    assert await said_by(sessions, code, sealed) == (2, 3)


async def test_a_blank_vote_is_chosen_in_so_many_words(visit_alone: Visit, sessions: Sessions) -> None:
    voter = await a_voter(visit_alone, sessions)
    await voter.enter()
    await voter.review()
    assert says(voter.person, Refusal.NOTHING_CHOSEN)
    await voter.review("blank")
    assert "Vous avez choisi : Vote blanc" in voter.person.page.text
    await voter.cast("blank")
    ((code, sealed),) = await in_the_box(sessions)
    assert await said_by(sessions, code, sealed) == ()


async def test_a_provisional_vote_is_called_so(visit_alone: Visit, sessions: Sessions) -> None:
    """Documents in review: the vote is taken, and the pages say that it counts once the identity is confirmed."""
    voter = await a_voter(visit_alone, sessions, confirmed=False)
    await voter.person.get("/fr/votes")
    assert "/fr/votes/president/bulletin" not in voter.person.page.links
    await voter.person.get("/fr/votes/president/bulletin")
    assert says(voter.person, Refusal.DOCUMENTS_NEEDED)
    await change(sessions, SENT, m=voter.member.id)
    await voter.person.get("/fr/votes")
    assert "votre vote est provisoire jusqu'à notre réponse" in voter.person.page.text
    await voter.enter()
    assert "Votre vote sera provisoire." in voter.person.page.text, "said before anything is cast"
    await voter.cast(1)
    assert "Il est provisoire" in voter.person.page.text


async def test_the_password_is_asked_again_after_ten_minutes_and_only_the_sealed_vote_waits(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """The page that asks for it holds no choice; a wrong password loses nothing, the right one casts."""
    voter = await a_voter(visit_alone, sessions)
    await voter.enter()
    await voter.review(1)
    await change(sessions, "update sign_in set stepped_up_at = now() - interval '11 minutes'")
    await voter.cast(1)
    person = voter.person
    form = person.page.form("/bulletin/depot").fields
    assert set(form) == {"form_token", "definition", "sealed", "password", "password-toggle"} - {"password-toggle"}
    assert len(form["sealed"]) == 194
    assert "Oui" not in person.page.text
    assert await in_the_box(sessions) == []
    await person.submit("/bulletin/depot", password="ce n'est pas le bon mot de passe")
    assert person.response.status_code == 403
    assert person.page.form("/bulletin/depot").fields["sealed"] == form["sealed"]
    await person.submit("/bulletin/depot", password=PASSWORD)
    assert person.page.h1 == ["Votre vote est déposé"]
    ((code, sealed),) = await in_the_box(sessions)
    assert await said_by(sessions, code, sealed) == (1,)


async def test_a_session_that_ended_says_that_nothing_was_cast_and_keeps_nothing(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """Not in the page that signs in again either."""
    voter = await a_voter(visit_alone, sessions)
    await voter.enter()
    form = voter.form
    await change(sessions, "delete from sign_in")
    for end in ("relecture", "depot"):
        await voter.person.post(f"/fr/votes/president/bulletin/{end}", {**form, "choice": "1"})
        assert voter.person.response.status_code == 401
        assert says(voter.person, Refusal.VOTE_LOST)
        signing_in = voter.person.page.form("/connexion").fields
        assert signing_in["back_to"] == "/fr/votes/president/bulletin"
        assert "kept" not in signing_in
        assert "choice" not in voter.person.page.html
    assert await in_the_box(sessions) == []


async def test_a_question_that_was_reread_meanwhile_is_shown_again(visit_alone: Visit, sessions: Sessions) -> None:
    """A vote never answers other words than those that stood on its page."""
    voter = await a_voter(visit_alone, sessions)
    await voter.enter()
    form = voter.form
    await change(
        sessions,
        "set local session_replication_role = replica; "
        "update ballot set question_fr = 'Êtes-vous vraiment d’accord ?' where code = 'president'",
    )
    for end in ("relecture", "depot"):
        await voter.person.post(f"/fr/votes/president/bulletin/{end}", {**form, "choice": "1"})
        assert voter.person.response.status_code == 409
        assert says(voter.person, Refusal.QUESTION_REREAD)
        assert "Êtes-vous vraiment d’accord ?" in voter.person.page.text
    assert await in_the_box(sessions) == []


@pytest.mark.parametrize(
    ("opens", "closes", "refusal", "tag"),
    [
        (timedelta(minutes=5), HOUR, Refusal.VOTE_NOT_OPEN, "Le bouton « Votez » apparaîtra ici à l'ouverture"),
        (-HOUR, timedelta(seconds=-1), Refusal.VOTE_CLOSED, "Le vote est fermé depuis le"),
    ],
)
async def test_before_and_after_the_window_the_pages_say_so(
    visit_alone: Visit, sessions: Sessions, opens: timedelta, closes: timedelta, refusal: Refusal, tag: str
) -> None:
    """T75: whatever the page believes, and also for a form that was sent too early or too late."""
    voter = await a_voter(visit_alone, sessions, opens=opens, closes=closes)
    await voter.person.get("/fr/votes")
    assert tag in voter.person.page.text.replace("\xa0", " ")
    assert not [link for link in voter.person.page.links if link.endswith("/bulletin")]
    token = voter.person.page.forms[0].fields["form_token"]
    form = {"form_token": token, "definition": "0" * 64, "choice": "1"}
    await voter.person.get("/fr/votes/president/bulletin")
    assert voter.person.response.status_code == 200
    assert "Erreur" not in voter.person.page.title, "to look is no mistake"
    assert says(voter.person, refusal)
    assert "Aucun vote n'a été déposé" in voter.person.page.text
    for end in ("relecture", "depot"):
        await voter.person.post(f"/fr/votes/president/bulletin/{end}", form)
        assert (voter.person.response.status_code, says(voter.person, refusal)) == (409, True)
    assert await in_the_box(sessions) == []


async def test_a_page_left_open_asks_cheaply_and_hears_of_the_opening(visit_alone: Visit, sessions: Sessions) -> None:
    """Unchanged it has no body; it says how long the vote is open, and keeps no session alive."""
    voter = await a_voter(visit_alone, sessions, opens=timedelta(minutes=5), closes=2 * HOUR)
    person = voter.person
    await person.get("/fr/votes")
    tag = re.search(r'data-tag="([^"]+)"', person.page.html)
    due = re.search(r'data-due="([\d.]+)"', person.page.html)
    assert tag is not None
    assert due is not None
    assert 290 < float(due.group(1)) <= 300
    known = {"If-None-Match": tag.group(1).replace("&#34;", '"')}
    answer = await person.get("/fr/votes/etat", headers=known)
    assert (answer.status_code, answer.content) == (304, b"")
    assert 7100 < float(answer.headers["Voting-Left"]) <= 7200
    await change(sessions, "update campaign set opens = clock_timestamp()")
    answer = await person.get("/fr/votes/etat", headers=known)
    assert answer.status_code == 200
    assert '/fr/votes/president/bulletin"' in answer.text
    assert "<html" not in answer.text
    assert (await person.get("/fr/votes/etat", headers={"If-None-Match": "*"})).status_code == 304


@pytest.mark.parametrize("confirmed", [True, False])
async def test_while_the_vote_is_open_the_home_page_says_that_it_is_the_members_turn(
    visit_alone: Visit, sessions: Sessions, confirmed: bool
) -> None:
    """Also to whoever waits for an answer about their identity: they need not wait to vote."""
    voter = await a_voter(visit_alone, sessions, group="BdP", confirmed=confirmed)
    if not confirmed:
        await change(sessions, SENT, m=voter.member.id)
    person = voter.person
    await person.get("/fr/accueil")
    assert "C'est à vous" in person.page.text
    assert "rien à faire" not in person.page.text
    assert ("Vous pouvez voter sans attendre notre réponse" in person.page.text) is not confirmed
    await voter.enter()
    await voter.cast(1)
    await person.get("/fr/accueil")
    assert "C'est à vous" in person.page.text
    for code in ballots_of("BdP")[:-1]:
        await voter.enter(code)
        await voter.cast(1, code=code)
    await person.get("/fr/accueil")
    assert "C'est à vous" not in person.page.text
    assert "rien à faire" in person.page.text


async def test_a_home_page_left_open_hears_of_the_opening_and_of_a_vote(visit_alone: Visit, sessions: Sessions) -> None:
    voter = await a_voter(visit_alone, sessions, opens=timedelta(minutes=5), closes=2 * HOUR)
    person = voter.person
    await person.get("/fr/accueil")
    due = re.search(r'data-due="([\d.]+)"', person.page.html)
    assert due is not None
    assert 290 < float(due.group(1)) <= 300
    tag = await _unchanged(person)
    await change(sessions, "update campaign set opens = clock_timestamp()")
    answer = await person.get("/fr/profil/etat", headers=tag)
    assert (answer.status_code, "C'est à vous" in html.unescape(answer.text)) == (200, True)
    await person.get("/fr/accueil")
    tag = await _unchanged(person)
    await voter.enter()
    await voter.cast(1)
    assert (await person.get("/fr/profil/etat", headers=tag)).status_code == 200


async def _unchanged(person: Person) -> dict[str, str]:
    tag = re.search(r'data-tag="([^"]+)"', person.page.html)
    assert tag is not None
    known = {"If-None-Match": html.unescape(tag.group(1))}
    assert (await person.get("/fr/profil/etat", headers=known)).status_code == 304
    return known
