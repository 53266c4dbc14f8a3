"""« Votez » without scripts: password, question, reading, deposit, receipt; sent once or often."""

import re
from datetime import timedelta

import pytest

from portal.rules.refusals import Refusal
from portal.rules.votes import digest_of, receipt_of
from portal.store import Sessions
from tests.api.booths import CODE, HOUR, a_voter, in_the_box, said_by
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import change
from tests.api.test_documents import says


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
    assert "Vote 7 de 7" in person.page.text
    assert "Vote officiel" in person.page.text
    assert re.search(r"Ferme le \w+ \d+", person.page.text)
    assert "checked" not in person.page.html
    await voter.review("1")
    assert "Vous avez choisi : Oui" in person.page.text
    await voter.cast("1")
    assert str(person.response.url).endswith("/fr/votes/president/recu")
    assert person.page.h1 == ["Votre vote est déposé"]
    ((code, sealed),) = await in_the_box(sessions)
    assert (code, await said_by(sessions, code, sealed)) == (CODE, (1,))
    assert receipt_of(digest_of(sealed)) in person.page.text
    assert "Oui" not in person.page.text
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
    await voter.cast("1")
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
