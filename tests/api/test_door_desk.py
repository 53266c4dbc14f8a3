"""The desk of the doors: what was typed beside the roll, one decision, never one's own."""

import asyncio
from datetime import timedelta
from json import dumps
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.rules.accounts import Role
from portal.rules.doors import REASONS, Door, Status
from portal.rules.refusals import Refusal
from portal.store import Sessions
from portal.text import why_not
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import count, everything, known, mails_to, notices, says, signed_in
from tests.api.person import Person
from tests.api.test_doors import a_desk, decide
from tests.conftest import Servers


async def a_case(sessions: Sessions, door: Door = Door.REGISTER_EMAIL, **more: object) -> str:
    async with sessions.begin() as session:
        return str((await builders.a_request(session, door, **more)).id)  # type: ignore[arg-type]


async def test_requests_are_listed_the_longest_wait_first_with_the_day_that_was_promised(
    visit_alone: Visit, sessions: Sessions
) -> None:
    late = await a_case(sessions, asked=timedelta(days=-6))
    new = await a_case(sessions, Door.JOIN)
    await a_case(sessions, status=Status.ASKED)
    operator = await a_desk(visit_alone, sessions)
    for page in ("/fr/demandes", "/en/requests"):
        await operator.get(page)
        cases = [link.rpartition("/")[2] for link in operator.page.links if link.startswith(f"{page}/")]
        assert cases == [late, new]
    await operator.get("/fr/demandes")
    assert "2 demandes attendent une réponse" in operator.page.text
    assert operator.page.html.count("En retard") == 1
    answer = await operator.client.get("/fr/demandes.csv", headers={"Sec-Fetch-Site": "same-origin"})
    header, *lines = answer.content.decode().splitlines()
    assert header.startswith('\ufeff"Demande";')
    assert [line.split(";")[0] for line in lines] == ['"Enregistrer mon courriel"', '"Je veux devenir membre"']
    assert await count(sessions, "select count(*) from journal where code = 'requests:2'") == 1


async def test_what_was_typed_stands_beside_the_roll_and_only_real_differences_are_marked(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T30: accents, hyphens and capitals make no difference; what was typed is shown inert."""
    who = await known(sessions, email=None, given_name="Hélène-Marie", family_name="D’Aïeul")
    request = await a_case(sessions, member=who.member)
    said = {
        "given_name": "helene marie", "family_name": "<b>Autre</b>", "postal_code": "J8X 1A1",
        "number": who.member.number,
    }  # fmt: skip
    async with sessions.begin() as session:
        await session.execute(text("update door_request set said = cast(:said as jsonb)"), {"said": dumps(said)})
    operator = await a_desk(visit_alone, sessions)
    await operator.get(f"/fr/demandes/{request}")
    assert operator.page.html.count("govuk-tag--yellow") == 1
    assert "<b>Autre" not in operator.page.html
    assert "<b>Autre</b>" in operator.page.text
    for reason in REASONS[Door.REGISTER_EMAIL]:
        assert " ".join(why_not(reason, "fr").remedy.split()) in " ".join(operator.page.text.split()), reason


async def test_a_dues_payer_whose_number_was_not_typed_is_found_by_it(visit_alone: Visit, sessions: Sessions) -> None:
    """The entry that was compared is the one that is accepted; its number stands in no address."""
    who = await known(sessions, standing="dues-payer")
    request = await a_case(sessions, Door.JOIN)
    operator = await a_desk(visit_alone, sessions)
    await operator.get(f"/fr/demandes/{request}")
    assert "Aucune fiche du registre" in operator.page.text
    await look_up(operator, who.member.number)
    assert who.member.number not in str(operator.response.url)
    assert "Paie des cotisations" in operator.page.text
    await look_up(operator, "9-9-9")
    assert says(operator, Refusal.ROLL_NUMBER_UNKNOWN)
    assert "Paie des cotisations" in operator.page.text, "what stood beside it stays"
    form = next(f for f in operator.page.forms if f.fields.get("verdict") == "accept")
    await operator.post(form.action, form.fields)
    assert notices(operator, "decision"), operator.page.text
    assert await count(sessions, "select count(*) from door_request where compared_id = :m", m=who.member.id) == 1
    other = await a_case(sessions, Door.JOIN)
    for nonsense in ("900", "x" * 500, "<b>", "999999"):
        await operator.get(f"/fr/demandes/{other}")
        await look_up(operator, nonsense)
        assert says(operator, Refusal.ROLL_NUMBER_UNKNOWN), nonsense
        await operator.get(f"/fr/demandes/{other}", params={"fiche": nonsense})
        assert operator.response.status_code == 200


async def look_up(operator: Person, number: str) -> None:
    form = next(f for f in operator.page.forms if "numero" in f.fields)
    await operator.post(form.action, {**form.fields, "numero": number})


async def test_a_new_number_that_is_on_the_roll_brings_nobodys_entry_beside_the_request(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """A slip of one digit is one click away from giving a stranger the entry of somebody else."""
    alice = await known(sessions, given_name="Alice", standing="dues-payer")
    request = await a_case(sessions, Door.JOIN)
    operator = await a_desk(visit_alone, sessions)
    await operator.get(f"/fr/demandes/{request}")
    for _ in range(2):
        form = next(f for f in operator.page.forms if f.fields.get("verdict") == "accept")
        await operator.post(form.action, {**form.fields, "number": alice.member.number, "group": "EC"})
        assert says(operator, Refusal.ROLL_NUMBER_TAKEN)
        assert "Alice" not in operator.page.text
        assert str(alice.member.id) not in operator.page.html
    assert await count(sessions, "select count(*) from journal where action = 'roll-consulted'") == 0


@pytest.mark.parametrize("door", Door)
async def test_a_number_that_was_typed_only_suggests_and_can_be_set_aside(
    visit_alone: Visit, sessions: Sessions, door: Door
) -> None:
    """T18: whoever knows a number is not the person yet; the right entry is found, or a new one made."""
    alice, right = await known(sessions, given_name="Alice"), await known(sessions, email=None, given_name="Renée")
    request = await a_case(sessions, door, number=alice.member.number)
    operator = await a_desk(visit_alone, sessions)
    await operator.get(f"/fr/demandes/{request}")
    assert "Alice" in operator.page.text
    await operator.get(f"/fr/demandes/{request}?fiche=aucune")
    assert "Alice" not in operator.page.text
    form = next(f for f in operator.page.forms if f.fields.get("verdict") == "accept")
    await operator.post(form.action, form.fields)
    needed = Refusal.ROLL_NUMBER_NEEDED if door is Door.JOIN else Refusal.ROLL_ENTRY_NEEDED
    assert says(operator, needed)
    assert "Alice" not in operator.page.text, "set aside, it stays so"
    if door is Door.JOIN:
        form = next(f for f in operator.page.forms if f.fields.get("verdict") == "accept")
        await operator.post(form.action, {**form.fields, "number": "987123", "group": "EC"})
    else:
        await look_up(operator, right.member.number)
        form = next(f for f in operator.page.forms if f.fields.get("verdict") == "accept")
        await operator.post(form.action, form.fields)
    assert notices(operator, "decision"), operator.page.text
    bound = "select count(*) from door_request where compared_id = :m or member_id = :m"
    assert await count(sessions, bound, m=alice.member.id) == 0
    assert await count(sessions, bound, m=right.member.id) == (door is Door.REGISTER_EMAIL)


async def test_whose_entry_was_opened_beside_a_request_is_written_down(visit_alone: Visit, sessions: Sessions) -> None:
    """T71: suggested or looked up; the member reads so in the trail of their file."""
    who, other = await known(sessions, email=None), await known(sessions)
    request = await a_case(sessions, member=who.member)
    operator = await a_desk(visit_alone, sessions)
    await operator.get(f"/fr/demandes/{request}")
    await look_up(operator, other.member.number)
    seen = "select count(*) from journal where action = 'roll-consulted' and member_id = :m and actor = 'operator'"
    for member in (who.member, other.member):
        assert await count(sessions, seen, m=member.id) == 1


async def test_a_reason_is_needed_and_another_one_is_written_in_both_languages(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """T30: what the person at the desk writes reaches the reader in their language, inert."""
    async with sessions.begin() as session:
        asked = await builders.a_request(session, Door.JOIN, language="en")
    operator = await a_desk(visit, sessions)
    for form in (
        {}, {"reason": "other", "note_fr": "Un mot", "note_en": "  "}, {"reason": "number-unknown"}, {"reason": "x"},
    ):  # fmt: skip
        await decide(operator, asked.id, "refuse", **form)
        assert says(operator, Refusal.REQUEST_REASON_NEEDED), form
        assert operator.page.h1 == ["Examen d'une demande"]
    await decide(operator, asked.id, "refuse", reason="other", note_fr="Un mot", note_en="One <b>word</b>")
    assert notices(operator, "decision")
    assert asked.email
    (mail,) = await mails_to(servers, asked.email, "answer to your request")
    assert "One <b>word</b>" in mail
    html = servers.mailbox.messages(to=asked.email)[-1]["html"]
    assert "&lt;b&gt;word" in str(html)


async def test_of_two_people_who_decide_at_once_one_has_decided(visit: Visit, sessions: Sessions) -> None:
    """T59: and the same form sent twice is one decision."""
    who = await known(sessions, email=None)
    async with sessions.begin() as session:
        asked = await builders.a_request(session, member=who.member)
    people = [await a_desk(visit, sessions) for _ in range(2)]
    for somebody in people:
        await somebody.get(f"/fr/demandes/{asked.id}")
    forms = [next(f for f in somebody.page.forms if f.fields.get("verdict") == "accept") for somebody in people]
    await asyncio.gather(*(s.post(f.action, f.fields) for s, f in zip(people, forms, strict=True)))
    decided = [notices(somebody, "decision") for somebody in people]
    assert sorted(decided) == [False, True]
    assert says(people[decided.index(False)], Refusal.ALREADY_DECIDED)
    first = people[decided.index(True)]
    await first.post(forms[decided.index(True)].action, forms[decided.index(True)].fields)
    assert notices(first, "decision")
    await first.get(f"/fr/demandes/{asked.id}")
    assert says(first, Refusal.ALREADY_DECIDED)
    assert await count(sessions, "select count(*) from journal where action = 'request-decided'") == 1


async def test_a_request_that_is_over_says_so(visit_alone: Visit, sessions: Sessions) -> None:
    operator = await a_desk(visit_alone, sessions)
    for request in (str(uuid4()), await a_case(sessions, status=Status.ASKED)):
        await operator.get(f"/fr/demandes/{request}")
        assert operator.response.status_code == 409
        assert says(operator, Refusal.REQUEST_OVER)
    await operator.get("/fr/demandes/pas-un-numero")
    assert operator.response.status_code == 422


async def test_nobody_decides_on_their_own_request(visit_alone: Visit, sessions: Sessions) -> None:
    """Brief §3.7: refused by the page, by the rule, and by the database whatever a program forgets."""
    who = await known(sessions, standing="dues-payer")
    async with sessions.begin() as session:
        mine = await builders.a_request(session, Door.JOIN, member=who.member)
        typed = await builders.a_request(session, Door.JOIN, email=who.email)
        await session.execute(
            text("insert into staff_role values (:id, 'operator')"), {"id": who.account.id}
        )  # fmt: skip
        await builders.a_passkey(session, who.account.id)
    person = visit_alone()
    await person.sign_in(who.email, PASSWORD)
    for request in (mine, typed):
        await person.get(f"/fr/demandes/{request.id}")
        assert says(person, Refusal.OWN_FILE)
        form = {"form_token": person.page.form("deconnexion").fields["form_token"], "verdict": "accept"}
        await person.post(f"/fr/demandes/{request.id}/decision", form)
        assert says(person, Refusal.OWN_FILE)
        with pytest.raises(IntegrityError):
            async with sessions.begin() as session:
                await session.execute(
                    text("update door_request set decided_by = :by where id = :id"),
                    {"by": who.account.id, "id": request.id},
                )
    # Nor with another address and one's own number, nor by looking up one's own entry beside a request of no number.
    async with sessions.begin() as session:
        other = await builders.a_request(session, Door.JOIN)
    await person.post(f"/fr/demandes/{other.id}/decision", {**form, "compared": str(who.member.id)})
    assert says(person, Refusal.OWN_FILE)
    async with sessions.begin() as session:
        number = await builders.a_request(session, number=who.member.number)
    await person.get(f"/fr/demandes/{number.id}?fiche=aucune")
    assert says(person, Refusal.OWN_FILE)
    with pytest.raises(IntegrityError, match="nobody acts on their own file"):
        async with sessions.begin() as session:
            await session.execute(
                text("update door_request set decided_by = :by where id = :id"),
                {"by": who.account.id, "id": number.id},
            )


async def test_only_operators_open_it_and_looking_changes_nothing(visit: Visit, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    request = await a_case(sessions, Door.JOIN)
    member, _ = await signed_in(sessions, visit)
    async with sessions.begin() as session:
        account = await builders.a_staff_account(session, Role.REVIEWER, password_hash=PASSWORD_HASH)
    reviewer: Person = visit()
    assert account.email
    await reviewer.sign_in(account.email, PASSWORD)
    for somebody in (member, reviewer):
        for address in ("/fr/demandes", f"/en/requests/{request}"):
            await somebody.get(address)
            assert somebody.response.status_code == 403
            assert "Rollet" not in somebody.page.text
        await somebody.post(f"/fr/demandes/{request}/decision", {"verdict": "accept"})
        assert somebody.response.status_code == 403
    operator = await a_desk(visit, sessions)
    before = await everything(sessions, but=("journal", "door_request"))
    await operator.get(f"/fr/demandes/{request}")
    await operator.get(f"/en/requests/{request}")
    assert await everything(sessions, but=("journal", "door_request")) == before
    await operator.post(f"/fr/demandes/{request}/decision", {"verdict": "refuse", "reason": "not-in-unit"})
    assert operator.response.status_code == 403, "a form of another session"
