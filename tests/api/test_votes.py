"""« Votes des membres »: whose each vote is, and registering for it with a re-entered password."""

import asyncio
import re
from datetime import timedelta

import pytest
from sqlalchemy import text

from portal.rules.refusals import Refusal
from portal.store import Sessions, ballots
from tests import builders
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import change
from tests.api.person import Person
from tests.api.test_documents import CARD, a_file, a_ready_member, says, send_card, signed_in
from tests.api.test_documents_access import a_desk, take
from tests.api.test_journey import until

PROVISIONAL = "sous réserve de la confirmation de votre identité"
WRONG = "un tout autre mot de passe que le mien"


async def registered(sessions: Sessions) -> list[str]:
    async with sessions.begin() as session:
        rows = await session.scalars(
            text("select code from registration r join ballot b on b.id = r.ballot_id order by position")
        )
        return list(rows)


async def mails(sessions: Sessions, kind: str) -> int:
    async with sessions.begin() as session:
        return await session.scalar(text("select count(*) from outbox where kind = :kind").bindparams(kind=kind)) or 0


async def approved(sessions: Sessions) -> None:
    """As if everybody's identity had been confirmed in an earlier campaign."""
    async with sessions.begin() as session:
        await session.execute(text("update member set identity_verified_at = now()"))


async def register(person: Person, code: str | None = None, password: str = PASSWORD) -> int:
    where = "inscription" if code is None else f"{code}/inscription"
    await person.get(f"/fr/votes/{where}")
    await person.submit(f"votes/{where}", password=password)
    return person.response.status_code


@pytest.mark.parametrize(("group", "count"), [("EC", 7), ("TR", 6), ("BdP", 5)])
async def test_a_member_has_the_votes_of_the_group_and_reads_why_the_others_are_not_theirs(
    visit: Visit, sessions: Sessions, group: str, count: int
) -> None:
    person, _ = await signed_in(visit, sessions, group=group)
    await person.get("/fr/votes")
    own = builders.ballots_of(group)
    assert [i for i in person.page.ids if i not in ("contenu", "menu", "toujours-la")] == own
    assert len(own) == count
    others = [(code, groups) for code, _, groups in builders.BALLOTS_2017 if group not in groups]
    assert len(others) == 8 - count
    for code, groups in others:
        assert f"Vote {code} Pour le groupe {groups[0]} seulement." in person.page.text
    # Before the documents are sent there is nothing to press, and the page says what comes first.
    assert not [link for link in person.page.links if link.endswith("/inscription")]
    assert "Envoyez d'abord une photo de votre pièce d'identité" in person.page.text
    await send_card(person)
    await person.get("/fr/votes")
    assert f"M'inscrire à tous mes votes ({count})" in person.page.text
    buttons = [link for link in person.page.links if re.fullmatch(r"/fr/votes/[a-z-]+/inscription", link)]
    assert buttons == [f"/fr/votes/{code}/inscription" for code in own]


async def test_whoever_pays_dues_without_being_a_member_reads_so_and_finds_the_door(
    visit: Visit, sessions: Sessions
) -> None:
    """Said before any document is asked for; and no address lets them register."""
    person, _ = await signed_in(visit, sessions, standing="dues-payer")
    await person.get("/fr/votes")
    assert "Ces votes sont réservés aux membres en règle" in person.page.text
    assert "/fr/devenir-membre" in person.page.links
    assert person.page.text.count("Réservé aux membres en règle.") == 7
    assert not person.page.forms[2:]
    token = person.page.form("/deconnexion").fields["form_token"]
    await approved(sessions)
    form = {"form_token": token, "key": "k1", "password": PASSWORD}
    await person.post("/fr/votes/president/inscription", form)
    assert person.response.status_code == 403
    assert says(person, Refusal.MEMBERS_ONLY)
    await person.post("/fr/votes/inscription", form)
    assert person.response.status_code == 422
    assert await registered(sessions) == []


async def test_whoever_pays_dues_has_the_votes_that_are_for_the_whole_unit(visit: Visit, sessions: Sessions) -> None:
    """What the law gives to everybody in the unit is theirs, and the page does not call it reserved for others."""
    person, _ = await signed_in(visit, sessions, standing="dues-payer")
    await change(sessions, "update ballot set kind = 'strike', members_only = false where code = 'pension'")
    await person.get("/fr/votes")
    assert "ceux qui suivent sont les vôtres" in person.page.text
    assert "Ces votes sont réservés aux membres en règle" not in person.page.text
    assert person.page.text.count("Réservé aux membres en règle.") == 6
    await send_card(person)
    assert await register(person, "pension") == 200
    assert await registered(sessions) == ["pension"]


async def test_registering_for_one_vote_says_so_in_its_card_only(visit: Visit, sessions: Sessions) -> None:
    person, member = await signed_in(visit, sessions)
    await send_card(person)
    await person.get("/fr/votes/president/inscription")
    assert f"{member.given_name} {member.family_name}" in person.page.text
    assert "@exemple.test" in person.page.text
    await person.submit("president/inscription", password=PASSWORD)
    assert "C'est fait : votre inscription est enregistrée." in person.page.text
    assert person.page.text.count(PROVISIONAL) == 1
    assert "M'inscrire à tous mes votes (6)" in person.page.text
    card = person.page.html.partition('id="president"')[2].partition("</section>")[0]
    assert "Inscription reçue" in card
    assert person.page.html.count("Inscription reçue") == 1
    await person.get("/fr/votes/president/inscription")
    assert person.page.h1 == ["Votes des membres"]
    assert await registered(sessions) == ["president"]


async def test_one_password_registers_for_all_and_approval_confirms_them_at_once(
    visit: Visit, sessions: Sessions
) -> None:
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    before = person.client.cookies["__Host-session"]
    assert await register(person) == 200
    # The re-entered password gave the session a new token; the old one is dead.
    assert person.client.cookies["__Host-session"] != before
    stale = visit()
    stale.client.cookies.set("__Host-session", before)
    await stale.get("/fr/votes")
    assert stale.page.h1 == ["Entrez"]
    assert person.page.text.count(PROVISIONAL) == 7
    assert person.page.html.count("Inscription reçue") == 7
    assert await mails(sessions, "registered") == 1
    desk = await a_desk(visit, sessions)
    await take(desk)
    await desk.decide("approve")

    async def confirmed() -> bool:
        await person.get("/fr/votes")
        return person.page.html.count("Inscription confirmée") == 7

    await until(confirmed)
    assert PROVISIONAL not in person.page.text
    assert not [link for link in person.page.links if link.endswith("/inscription")]


async def test_the_votes_are_told_in_english_too(visit: Visit, sessions: Sessions) -> None:
    person, _ = await signed_in(visit, sessions, "en")
    await send_card(person)
    await person.get("/en/votes/registration")
    await person.submit("/registration", password=PASSWORD)
    assert person.page.h1 == ["Member votes"]
    assert person.page.html.count("Registration received") == 7
    assert "Ballot tr-ratification" in person.page.text
    assert PROVISIONAL not in person.page.text


async def test_the_same_registration_sent_twice_is_one(visit: Visit, sessions: Sessions) -> None:
    """By a double click with the same key; from two tabs with one key each; one at a time and all at once."""
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    await person.get("/fr/votes/auditors/inscription")
    form = {**person.page.form("auditors/inscription").fields, "password": PASSWORD}
    for _ in range(2):
        await person.post("/fr/votes/auditors/inscription", form)
        assert "C'est fait" in person.page.text
    assert await mails(sessions, "registered") == 1
    await person.post("/fr/votes/auditors/inscription", {**form, "key": "another-tab"})
    assert person.response.status_code == 200
    assert await registered(sessions) == ["auditors"]
    assert await mails(sessions, "registered") == 1
    # No password is asked again for ten minutes: one re-entry, several votes.
    answers = await asyncio.gather(
        *(
            person.client.post(
                "/fr/votes/inscription",
                data={**form, "password": "", "key": f"tab-{n}"},
                headers={"Sec-Fetch-Site": "same-origin"},
            )
            for n in range(4)
        )
    )
    assert [answer.status_code for answer in answers] == [303] * 4
    assert len(await registered(sessions)) == 7
    assert await mails(sessions, "registered") == 2


async def test_the_fifth_wrong_password_ends_the_session(visit: Visit, sessions: Sessions) -> None:
    """T22: a member number is no password here either, nor is an empty one."""
    person, member = await signed_in(visit, sessions)
    await send_card(person)
    cookie = person.client.cookies["__Host-session"]
    for wrong in (WRONG, member.number, "", WRONG * 5):
        assert await register(person, password=wrong) == 403
        assert says(person, Refusal.WRONG_PASSWORD)
    assert await register(person, password=WRONG) == 401
    assert says(person, Refusal.SIGN_IN_NEEDED)
    person.client.cookies.set("__Host-session", cookie)
    await person.get("/fr/votes")
    assert person.page.h1 == ["Entrez"]
    assert await registered(sessions) == []


async def test_a_vote_of_another_group_or_of_nobody_cannot_be_registered_for(visit: Visit, sessions: Sessions) -> None:
    """T78: whatever is sent, by whichever form."""
    person, _ = await signed_in(visit, sessions, group="TR")
    await send_card(person)
    await person.get("/fr/votes/inscription")
    form = {**person.page.form("/inscription").fields, "password": PASSWORD}
    for code, status, refusal in (
        ("ec-ratification", 403, Refusal.BALLOT_NOT_YOURS),
        ("ec-directors", 403, Refusal.BALLOT_NOT_YOURS),
        ("no-such-vote", 404, Refusal.BALLOT_UNKNOWN),
        ("president' or '1'='1", 404, Refusal.BALLOT_UNKNOWN),
    ):
        await person.post(f"/fr/votes/{code}/inscription", form)
        assert person.response.status_code == status, code
        assert says(person, refusal), code
        await person.get(f"/fr/votes/{code}/inscription")
        assert person.response.status_code == status, code
    assert await registered(sessions) == []
    await person.post("/fr/votes/inscription", {**form, "ballots": "ec-ratification"})
    assert await registered(sessions) == builders.ballots_of("TR")


@pytest.mark.parametrize(
    ("calendar", "refusal"),
    [
        ({"opens": timedelta(seconds=-60), "closes": timedelta(seconds=3)}, Refusal.REGISTRATION_CLOSED),
        ({"registration_opens": timedelta(hours=1)}, Refusal.REGISTRATION_NOT_OPEN),
    ],
)
async def test_registration_is_refused_before_it_opens_and_after_the_close(
    visit: Visit, sessions: Sessions, calendar: dict[str, timedelta], refusal: Refusal
) -> None:
    """T78: the workflow refuses by its own calendar, the statement by the clock of the database."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session, **calendar)  # type: ignore[arg-type]
    person, member = await signed_in(visit, sessions)
    await approved(sessions)

    async def it_is_over() -> bool:
        async with sessions.begin() as session:
            now = await session.scalar(text("select clock_timestamp()"))
        return refusal is Refusal.REGISTRATION_NOT_OPEN or now >= campaign.closes

    await until(it_is_over)
    for code in (None, "president"):
        assert await register(person, code) == 409, code
        assert says(person, refusal), code
    assert await registered(sessions) == []
    # Without the workflow's word for it: the statement itself.
    async with sessions.begin() as session:
        new = await ballots.register(
            session, campaign_id=campaign.id, member_id=member.id, chosen=["president"], confirmed=True
        )
    assert new == []


STATES = ("activating", "address not proven", "no documents", "submitted", "approved")
# What each step answers in each of these states, in their order.
MATRIX = {
    "upload": (401, 422, 200, 200, 409),
    "send again": (401, 422, 422, 422, 409),
    "withdraw": (401, 422, 422, 200, 422),
    "register": (401, 422, 422, 200, 200),
    "register for all": (401, 422, 422, 200, 200),
    "page of votes": (200, 200, 200, 200, 200),
}


@pytest.mark.parametrize("state", STATES)
async def test_no_step_can_be_skipped_by_its_address(visit: Visit, sessions: Sessions, state: str) -> None:
    """T77: five states by six endpoints; what is refused leaves no row."""
    unproven = state in ("activating", "address not proven")
    more = {"password_hash": None} if state == "activating" else {}
    member, email = await a_ready_member(sessions, verified=not unproven, **more)
    if state == "approved":
        await approved(sessions)
    person = visit()
    await person.sign_in(email, member.number if state == "activating" else PASSWORD)
    submission = "00000000-0000-4000-8000-000000000000"
    if state == "submitted":
        await send_card(person)
        submission = person.page.form("/retrait").fields["submission_id"]
    token = person.page.form("/deconnexion").fields["form_token"]
    signed = {"form_token": token, "password": PASSWORD}

    async def rows() -> tuple[int, ...]:
        async with sessions.begin() as session:
            found = await session.execute(
                text("select (select count(*) from submission), (select count(*) from registration)")
            )
            return tuple(found.one())

    async def status(what: str) -> int:
        if what == "upload":
            data = {"form_token": token, "kind1": "driving-licence"}
            await person.post("/fr/profil/identite", data, files={"file1": a_file(CARD)})
            if person.page.h1 == ["Vérifiez avant d'envoyer"]:
                await person.submit("/identite/envoi")
        elif what == "send again":
            await person.post("/fr/profil/identite/envoi", {"form_token": token, "submission_id": str(member.id)})
        elif what == "withdraw":
            await person.post("/fr/profil/identite/retrait", {"form_token": token, "submission_id": submission})
        elif what == "register":
            await person.post("/fr/votes/president/inscription", {**signed, "key": "one"})
        elif what == "register for all":
            await person.post("/fr/votes/inscription", {**signed, "key": "all"})
        else:
            await person.get("/fr/votes")
        return person.response.status_code

    # Registering before withdrawing, uploading last: each step finds the state it is about.
    for what in ("page of votes", "register", "register for all", "send again", "withdraw", "upload"):
        before = await rows()
        expected = MATRIX[what][STATES.index(state)]
        assert await status(what) == expected, (state, what, person.page.text)
        if expected != 200:
            assert await rows() == before, (state, what)
