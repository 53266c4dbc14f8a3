"""The reviewers' page: one case at a time, decided once, on the pictures that were seen."""

import asyncio

import pytest
from sqlalchemy import text

from portal.rules.accounts import Role
from portal.rules.identity import Reason
from portal.rules.refusals import Refusal
from portal.store import Sessions, accounts
from portal.store.files import MinioFiles
from portal.text import reason as said
from tests import builders
from tests.api.conftest import PASSWORD, Visit
from tests.api.person import Form, Person
from tests.api.test_documents import a_ready_member, forget_uploads, says, send_card, signed_in
from tests.api.test_documents_access import a_desk, erased_all_but, seen, statuses, take
from tests.api.test_journey import until


def form_to(desk: Person, verdict: str) -> Form:
    return next(form for form in desk.page.forms if form.fields.get("verdict") == verdict)


async def decide(desk: Person, verdict: str, **fields: str) -> int:
    """Press one of the buttons of the case on the page, once what it shows has been compared."""
    await desk.decide(verdict, **fields)
    return desk.response.status_code


async def decisions(sessions: Sessions) -> list[tuple[str, str | None]]:
    async with sessions.begin() as session:
        rows = await session.execute(text("select verdict, reason from decision order by decided_at"))
        return [(row.verdict, row.reason) for row in rows]


def words(text: str) -> str:
    return " ".join(text.split())


async def settled(person: Person) -> None:
    """Wait until the member's page knows of the decision and of the erasure."""

    async def so() -> bool:
        await person.get("/fr/profil")
        return "a été supprimée le" in person.page.text and "À l'examen" not in person.page.text

    await until(so)


async def test_the_oldest_case_comes_next_and_is_nobody_elses_meanwhile(visit: Visit, sessions: Sessions) -> None:
    first, _ = await signed_in(visit, sessions, family_name="Premier")
    await send_card(first)
    second, _ = await signed_in(visit, sessions, family_name="Second")
    await send_card(second)
    desk, colleague, third = [await a_desk(visit, sessions) for _ in range(3)]
    await desk.get("/fr/examen")
    assert "2 dossiers attendent" in desk.page.text
    pictures = await take(desk)
    assert "Premier" not in desk.page.text
    assert "12, rue du Théâtre" not in desk.page.text
    case = str(desk.response.url)
    await desk.compare()
    assert "Premier" in desk.page.text
    assert "12, rue du Théâtre" in desk.page.text
    assert "@" not in desk.page.text.partition("registre")[2]
    assert len(pictures) == 1
    # Asked again: the case already open.
    await take(desk)
    assert str(desk.response.url) == case
    await take(colleague)
    case_of_colleague = str(colleague.response.url)
    await colleague.compare()
    assert "Second" in colleague.page.text
    assert await take(third) == []
    assert "Aucun dossier" in third.page.text
    # The colleague's case is no page of theirs.
    await third.get(case_of_colleague)
    assert third.response.status_code == 409
    await third.get("/en/review")
    assert third.page.lang == "en-CA"


async def test_a_case_left_open_returns_to_the_queue_when_its_lease_ends(visit: Visit, sessions: Sessions) -> None:
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    desk, colleague = [await a_desk(visit, sessions) for _ in range(2)]
    (picture,) = await take(desk)
    assert await take(colleague) == []
    async with sessions.begin() as session:
        await session.execute(text("update claim set expires_at = clock_timestamp()"))
    assert (await seen(desk, picture)).status_code == 404
    (theirs,) = await take(colleague)
    assert (await seen(colleague, theirs)).status_code == 200
    assert await decide(desk, "approve") == 409
    assert says(desk, Refusal.CLAIM_EXPIRED)
    assert await decisions(sessions) == []
    assert await decide(colleague, "approve") == 200
    assert await decisions(sessions) == [("approve", None)]


async def test_nobody_is_handed_their_own_file(visit: Visit, sessions: Sessions) -> None:
    """T48: a reviewer who is a member as well."""
    member, email = await a_ready_member(sessions)
    async with sessions.begin() as session:
        account = await accounts.of_member(session, member.id)
        assert account is not None
        await builders.a_role(session, account.id, Role.REVIEWER)
    both = visit()
    await both.sign_in(email, PASSWORD)
    assert await send_card(both) == 200
    assert await take(both) == []
    assert "Aucun dossier" in both.page.text
    other, _ = await signed_in(visit, sessions)
    await send_card(other)
    assert len(await take(both)) == 1
    assert await decide(both, "approve") == 200
    assert await take(both) == []
    desk = await a_desk(visit, sessions)
    assert len(await take(desk)) == 1


async def test_only_reviewers_open_these_pages(visit: Visit, sessions: Sessions) -> None:
    """T47: and the addresses of a case tell nobody else whether it exists."""
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    desk = await a_desk(visit, sessions)
    await take(desk)
    case = str(desk.response.url)
    await desk.compare()
    form = form_to(desk, "approve")
    member, _ = await signed_in(visit, sessions)
    for somebody in (member, await a_desk(visit, sessions, Role.OPERATOR), await a_desk(visit, sessions, Role.OFFICER)):
        for address in ("/fr/examen", "/en/review", case):
            await somebody.get(address)
            assert somebody.response.status_code == 403
        token = somebody.page.form("sign-out" if "/en/" in case else "/deconnexion").fields["form_token"]
        await somebody.post(form.action, {"form_token": token, "verdict": "approve"})
        assert somebody.response.status_code == 403
        assert "/fr/examen" not in somebody.page.links
    nobody = visit()
    await nobody.get(case)
    assert nobody.page.h1 == ["Entrez"]
    await nobody.post(form.action, {"verdict": "approve"})
    assert nobody.response.status_code == 401
    # Another reviewer's token, and a form of another session.
    colleague = await a_desk(visit, sessions)
    await colleague.post(form.action, {**form.fields})
    assert colleague.response.status_code == 403
    await colleague.get("/fr/examen")
    token = colleague.page.form("/examen").fields["form_token"]
    await colleague.post(form.action, {"form_token": token, "verdict": "approve"})
    assert colleague.response.status_code == 404
    assert says(colleague, Refusal.CLAIM_NEEDED)
    assert await decisions(sessions) == []


async def test_each_reason_reaches_the_member_in_both_languages_with_its_remedy(
    visit: Visit, sessions: Sessions, files: MinioFiles
) -> None:
    person, _ = await signed_in(visit, sessions)
    desk = await a_desk(visit, sessions)
    coded = [why for why in Reason if why is not Reason.OTHER]
    for why in coded:
        await send_card(person)
        await take(desk)
        assert await decide(desk, "reject", reason=why.value) == 200, why
        await settled(person)
        for language, address in (("fr", "/fr/profil"), ("en", "/en/profile")):
            await person.get(address)
            explained = said(why, language)
            assert words(explained.reason) in person.page.text, (why, language)
            assert words(explained.remedy) in person.page.text, (why, language)
        await person.get("/fr/profil")
        assert "Envoyer une meilleure photo" in person.page.text
        await forget_uploads(sessions)
    assert await decisions(sessions) == [("reject", why.value) for why in coded]
    await erased_all_but(0, sessions, files)
    async with sessions.begin() as session:
        sent = await session.scalar(text("select count(*) from outbox where kind = 'rejected'"))
    assert sent == len(coded)


async def test_another_reason_is_given_in_both_languages_or_not_at_all(visit: Visit, sessions: Sessions) -> None:
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    desk = await a_desk(visit, sessions)
    await take(desk)
    french, english = "Un pouce cache la date.", "A thumb hides the <date>."
    for fields in (
        {},
        {"reason": "other"},
        {"reason": "other", "note_fr": french},
        {"reason": "other", "note_en": english, "note_fr": "  "},
        {"reason": "other", "note_fr": french, "note_en": "x" * 201},
        {"reason": "ugly"},
    ):
        assert await decide(desk, "reject", **fields) == 422, fields
        assert says(desk, Refusal.REASON_NEEDED), fields
        if fields.get("reason") == "ugly":
            break
        # What was chosen and typed is still there.
        assert ('value="other" checked' in desk.page.html) == ("reason" in fields)
        assert (french in desk.page.html) == (fields.get("note_fr") == french)
    assert await decisions(sessions) == []
    await take(desk)
    assert await decide(desk, "reject", reason="other", note_fr=french, note_en=english) == 200
    await settled(person)
    assert french in person.page.text
    assert english not in person.page.text
    await person.get("/en/profile")
    assert english in person.page.text
    assert french not in person.page.text


async def test_a_double_click_is_one_decision(visit: Visit, sessions: Sessions, files: MinioFiles) -> None:
    """T59: one decision, one erasure, one mail; and no other verdict afterwards."""
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    desk = await a_desk(visit, sessions)
    await take(desk)
    await desk.compare()
    approve, reject = form_to(desk, "approve"), form_to(desk, "reject")
    answers = await asyncio.gather(
        *(
            desk.client.post(approve.action, data=approve.fields, headers={"Sec-Fetch-Site": "same-origin"})
            for _ in range(3)
        )
    )
    assert [answer.status_code for answer in answers] == [303] * 3
    await settled(person)
    await desk.post(approve.action, approve.fields)
    assert "Votre décision est enregistrée" in desk.page.text
    await desk.post(reject.action, {**reject.fields, "reason": "unreadable"})
    assert desk.response.status_code == 409
    assert says(desk, Refusal.ALREADY_DECIDED)
    assert await decisions(sessions) == [("approve", None)]
    assert await statuses(sessions) == ["approved"]
    await erased_all_but(0, sessions, files)
    async with sessions.begin() as session:
        counts = await session.execute(
            text(
                "select (select count(*) from erasure), (select count(*) from outbox where kind = 'approved'),"
                " (select count(*) from journal where action = 'decided'),"
                " (select count(*) from journal where action = 'identity-approved')"
            )
        )
        assert tuple(counts.one()) == (1, 1, 1, 1)


@pytest.mark.parametrize("verdict", ["approve", "reject"])
async def test_a_decision_on_pictures_that_were_replaced_meanwhile_does_not_apply(
    visit: Visit, sessions: Sessions, verdict: str
) -> None:
    """T60: the page says that a newer one has arrived; the newer one waits for its own decision."""
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    desk = await a_desk(visit, sessions)
    (picture,) = await take(desk)
    await send_card(person)
    assert await decide(desk, verdict, reason="unreadable") == 409
    assert says(desk, Refusal.NEWER_SUBMISSION)
    assert (await seen(desk, picture)).status_code == 404
    assert await decisions(sessions) == []
    assert await statuses(sessions) == ["replaced", "submitted"]
    assert len(await take(desk)) == 1
    assert await decide(desk, "approve") == 200
    await settled(person)
    assert await statuses(sessions) == ["replaced", "approved"]


async def test_pictures_taken_back_while_a_reviewer_looks_are_not_decided_on(visit: Visit, sessions: Sessions) -> None:
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    desk = await a_desk(visit, sessions)
    await take(desk)
    await person.submit("/retrait")
    assert await decide(desk, "approve") == 409
    assert await decisions(sessions) == []
    assert await take(desk) == []


async def test_documents_already_decided_on_can_neither_be_taken_back_nor_replaced(
    visit: Visit, sessions: Sessions
) -> None:
    """T60: the member's form of before the decision."""
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    withdraw = person.page.form("/retrait")
    desk = await a_desk(visit, sessions)
    await take(desk)
    assert await decide(desk, "approve") == 200
    await settled(person)
    await person.post(withdraw.action, withdraw.fields)
    assert person.response.status_code in (409, 422)
    await person.get("/fr/profil/identite")
    assert not [form for form in person.page.forms if form.action.endswith("/identite")]
    assert "Identité confirmée" in (await person.get("/fr/profil")).text
    assert await statuses(sessions) == ["approved"]
