"""One voter on two devices, in two languages, with two forms: each vote is taken once, and answers what was read."""

import asyncio
from typing import Any

from sqlalchemy import text

from portal.rules.choices import value_of
from portal.rules.refusals import Refusal
from portal.rules.votes import digest_of, receipt_of
from portal.store import Sessions
from tests.api.booths import Voter, a_voter, in_the_box, said_by
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import count, says


async def also(visit: Visit, voter: Voter, language: str) -> Voter:
    """The same person on another device."""
    async with voter.sessions.begin() as session:
        email = await session.scalar(text("select email from account where member_id = :m"), {"m": voter.member.id})
    device = visit(language)
    await device.sign_in(str(email), PASSWORD)
    assert device.response.status_code == 200
    return Voter(device, voter.member, voter.sessions)


async def test_two_devices_vote_at_once_on_two_ballots_and_on_one(visit_alone: Visit, sessions: Sessions) -> None:
    """T73: two votes on two ballots are two, two on one ballot are one, and both devices show the same receipt."""
    phone = await a_voter(visit_alone, sessions)
    laptop = await also(visit_alone, phone, "en")
    for code, other in (("pension", "auditors"), ("president", "president")):
        await asyncio.gather(phone.enter(code), laptop.enter(other))
        await asyncio.gather(phone.cast(1, code=code), laptop.cast(2, code=other))
        for device, words in (
            (phone, ("Votre vote est déposé", "Votre vote a déjà été déposé")),
            (laptop, ("Your vote is cast", "Your vote was already cast")),
        ):
            assert device.person.response.status_code == 200
            assert device.person.page.h1[0] in (words[:1] if code != other else words), code
    box = dict(await in_the_box(sessions))
    assert sorted(code for code, _ in await in_the_box(sessions)) == ["auditors", "pension", "president"]
    assert [await said_by(sessions, code, box[code]) for code in ("pension", "auditors")] == [(1,), (2,)]
    assert await said_by(sessions, "president", box["president"]) in ((1,), (2,))
    for device in (phone, laptop):
        assert receipt_of(digest_of(box["president"])) in device.person.page.text
    assert await count(sessions, "select count(*) from journal where action = 'voted'") == 3


async def test_a_choice_read_again_in_the_other_language_is_the_same_choice(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T88: one number, two labels; and the link to the other language leads to the question, with nothing chosen."""
    voter = await a_voter(visit_alone, sessions)
    person = voter.person
    await voter.enter("ec-directors")
    form: dict[str, Any] = {**voter.form, "choice": [value_of(1), value_of(3)]}
    said = []
    for address in ("/fr/votes/ec-directors/bulletin/relecture", "/en/votes/ec-directors/ballot/review"):
        await person.post(address, form)
        said.append("Marguerite Bourgeoys Marie Rollet" in person.page.text)
    assert said == [True, True]
    assert person.page.lang == "en-CA"
    await voter.enter()
    form = {**voter.form, "choice": value_of(2)}
    await person.post("/fr/votes/president/bulletin/relecture", form)
    assert "Vous avez choisi : Non" in person.page.text
    await person.post("/en/votes/president/ballot/review", form)
    assert "You chose: No" in person.page.text
    assert "/fr/votes/president/bulletin" in person.page.links
    await person.get("/fr/votes/president/bulletin")
    assert " checked" not in person.page.html
    await person.post("/en/votes/president/ballot/cast", form)
    ((code, sealed),) = await in_the_box(sessions)
    assert await said_by(sessions, code, sealed) == (2,)


async def test_a_form_that_answers_another_question_than_its_address_is_shown_that_question(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T68: the hash of another ballot's words, of none, or cut short: nothing is cast."""
    voter = await a_voter(visit_alone, sessions)
    await voter.enter("pension")
    other = voter.form["definition"]
    await voter.enter()
    form = {**voter.form, "choice": value_of(1)}
    for definition in (other, "", form["definition"][:-1], form["definition"].upper(), "0" * 64):
        for end in ("relecture", "depot"):
            await voter.person.post(f"/fr/votes/president/bulletin/{end}", {**form, "definition": definition})
            assert voter.person.response.status_code == 409
            assert says(voter.person, Refusal.QUESTION_REREAD)
            assert " checked" not in voter.person.page.html
    assert await in_the_box(sessions) == []
