"""A refusal and an appeal as their member sees them, on the real pages with a worker behind them."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from portal.rules.accounts import Role
from portal.rules.decisions import Deciding
from portal.rules.identity import Reason, Verdict
from portal.rules.refusals import Refusal
from portal.store import Sessions, decisions, review
from portal.store.decisions import Given
from portal.store.members import Member
from tests import builders
from tests.api.conftest import Visit
from tests.api.looking import until
from tests.api.person import Person
from tests.api.test_documents import CARD, a_file, says, send_card, signed_in
from tests.conftest import Running
from tests.store.cases import earlier, run
from workflows import calls

DECIDING = Deciding(b"a key of the tests", second_looks=0, undo_for=timedelta(0))


async def reviewers(sessions: Sessions, count: int) -> list[UUID]:
    async with sessions.begin() as session:
        return [(await builders.a_staff_account(session, Role.REVIEWER)).id for _ in range(count)]


async def said(
    sessions: Sessions, running: Running, reviewer: UUID, verdict: Verdict, reason: Reason = Reason.UNREADABLE
) -> None:
    """What a reviewer thinks of the one case there is, and the signal if that settles it."""
    async with sessions.begin() as session:
        claim = await review.claim_next(session, reviewer)
        assert claim is not None
        given = await decisions.give(
            session, claim_id=claim.id, reviewer_id=reviewer, verdict=verdict, reason=reason, note_fr="Un mot.",
            note_en="A word.", deciding=DECIDING,
        )  # fmt: skip
        assert isinstance(given, Given)
        code = await session.scalar(text("select code from campaign"))
    if given.verdict is None:
        return
    sent = given.submission
    await calls.deliver_decision(
        running.client, running.task_queue, campaign_id=sent.campaign_id, campaign_code=code, member_id=sent.member_id,
        submission_id=sent.id, claim_id=claim.id, verdict=given.verdict, effective_at=given.undo_until,
    )  # fmt: skip

    async def erased() -> bool:
        async with sessions.begin() as session:
            return bool(await session.scalar(text("select erased_at from submission where id = :id"), {"id": sent.id}))

    await until(erased)


async def sent(visit: Visit, sessions: Sessions, language: str = "fr") -> tuple[Person, Member]:
    person, member = await signed_in(visit, sessions, language)
    assert await send_card(person) == 200
    return person, member


async def appeal(person: Person) -> None:
    await person.get("/fr/profil/identite/contester")
    await person.submit("/contester", files={"file1": a_file(CARD)}, kind1="driving-licence")


async def test_who_was_refused_learns_why_and_until_when_to_contest_and_cannot_simply_send_again(
    visit: Visit, sessions: Sessions, running: Running
) -> None:
    person, _ = await sent(visit, sessions)
    first, second = await reviewers(sessions, 2)
    await said(sessions, running, first, Verdict.REFUSE)
    await person.get("/fr/accueil")
    assert "Contester la décision" not in person.page.text, "one opinion is nothing yet"
    assert "À l'examen" in person.page.text
    await said(sessions, running, second, Verdict.REFUSE, Reason.NAME_DIFFERS)

    for page in ("/fr/accueil", "/fr/profil", "/fr/profil/identite"):
        await person.get(page)
        assert "Nous n'avons pas pu confirmer votre identité" in person.page.text, page
        assert "Le nom sur la pièce n'est pas tout à fait celui" in person.page.text, page
        assert "Vous pouvez contester cette décision au plus tard le" in person.page.text, page
        assert "Contester la décision" in person.page.text, page
    assert "file1" not in person.response.text, "no form but the appeal's"
    await person.get("/fr/votes")
    assert "Contester la décision" in person.page.text
    await person.get("/fr/dossier")
    assert "Pièce d'identité refusée" in person.page.text

    # An upload by a form of before is refused as well.
    await person.get("/fr/profil/identite/contester")
    await run(sessions, "update submission set over_at = over_at - interval '8 days'")
    await person.submit("/contester", files={"file1": a_file(CARD)}, kind1="driving-licence")
    assert says(person, Refusal.APPEAL_TOO_LATE)
    await person.get("/fr/profil/identite/contester")
    assert says(person, Refusal.APPEAL_TOO_LATE)
    await person.get("/fr/accueil")
    assert "ne peut plus être contestée" in person.page.text


async def test_an_appeal_goes_to_somebody_else_and_its_approval_confirms_everything(
    visit: Visit, sessions: Sessions, running: Running
) -> None:
    """T48, T62: nobody who refused sees it again."""
    person, _ = await sent(visit, sessions)
    first, second, third = await reviewers(sessions, 3)
    await said(sessions, running, first, Verdict.REFUSE)
    await said(sessions, running, second, Verdict.REFUSE)

    await appeal(person)
    assert "Cet envoi conteste une décision" in person.page.text
    await person.submit("/envoi")
    assert person.response.status_code == 200

    await person.get("/fr/profil")
    assert "Contestation à l'examen" in person.page.text
    assert "regarde votre contestation" in person.page.text
    await person.get("/fr/dossier")
    assert "Décision contestée, pièce d'identité reçue" in person.page.text
    assert "Envoi qui conteste une décision" in person.page.text
    async with sessions.begin() as session:
        mails = await session.execute(text("select kind from outbox order by queued_at"))
        assert [kind for (kind,) in mails] == ["documents-received", "identity-refused", "appeal-received"]
        assert await review.claim_next(session, first) is None
        assert await review.claim_next(session, second) is None
    await said(sessions, running, third, Verdict.APPROVE)
    await person.get("/fr/accueil")
    assert "Identité confirmée" in person.page.text
    await appeal_page_is_closed(person)


async def appeal_page_is_closed(person: Person) -> None:
    await person.get("/fr/profil/identite/contester")
    assert says(person, Refusal.APPEAL_ALREADY_MADE)


async def test_a_rejection_is_contested_with_the_same_photo_and_the_answer_is_the_last(
    visit: Visit, sessions: Sessions, running: Running
) -> None:
    person, _ = await sent(visit, sessions)
    first, second = await reviewers(sessions, 2)
    await said(sessions, running, first, Verdict.REJECT)
    await person.get("/fr/profil/identite")
    assert "Quelqu'un d'autre peut la regarder" in person.page.text
    await appeal(person)
    await person.submit("/envoi")
    assert person.response.status_code == 200
    await said(sessions, running, second, Verdict.REJECT)

    # A better photo is still asked for, and no other appeal is offered.
    await person.get("/fr/profil/identite")
    assert "Quelqu'un d'autre peut la regarder" not in person.page.text
    assert "file1" in person.response.text
    await appeal_page_is_closed(person)


async def test_a_late_answer_is_not_promised_again(visit: Visit, sessions: Sessions, running: Running) -> None:
    person, _ = await sent(visit, sessions)
    for reviewer in await reviewers(sessions, 2):
        await said(sessions, running, reviewer, Verdict.REFUSE)
    await appeal(person)
    await person.submit("/envoi")
    await earlier(sessions, "submission", timedelta(days=8), "submitted_at")

    await person.get("/fr/profil")

    assert "nous sommes en retard" in person.page.text
    assert "Vous aurez sa réponse" not in person.page.text


async def test_nobody_contests_where_nothing_was_decided(visit: Visit, sessions: Sessions) -> None:
    person, _ = await signed_in(visit, sessions)

    await person.get("/fr/profil/identite/contester")

    assert says(person, Refusal.NOTHING_TO_APPEAL)
