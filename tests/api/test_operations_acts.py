"""What an operator does for a member: written down, seen by its owner, harmless twice, and never for oneself."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from api.portal import Portal
from portal.rules.accounts import FACTOR_FRESH, Role
from portal.rules.refusals import Refusal
from portal.store import Sessions
from tests import builders
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import change, code_in, count, later, mails_to, notices, says, until
from tests.api.person import Person
from tests.api.test_documents import send_card, signed_in
from tests.api.test_documents_access import a_desk, take
from tests.conftest import Running, Servers
from tests.voting import a_voter, an_open_vote, vote
from workflows.messages import workflow_id


async def trail(sessions: Sessions) -> list[tuple[str, str, str | None]]:
    """What operators did, oldest first."""
    async with sessions.begin() as session:
        rows = await session.execute(
            text("select action, actor, code from journal where actor = 'operator' order by id")
        )
        return [(row.action, row.actor, row.code) for row in rows]


async def test_a_verification_mail_is_sent_again_once_for_the_same_form(
    visit: Visit, sessions: Sessions, servers: Servers
) -> None:
    """The member reads it in their own trail, types its code, and is no longer stuck meanwhile."""
    servers.mailbox.empty()
    person, member = await signed_in(visit, sessions, verified=False)
    await later(sessions, "onboarding", timedelta(days=2), "last_step_at")
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get("/fr/operations/liste/stuck")
    assert "Courriel pas confirmé depuis plus de 24 heures" in operator.page.text
    form = operator.page.form(f"/membre/{member.id}/geste")
    assert form.fields["act"] == "resend"
    await operator.submit(form.action)
    assert notices(operator, "courriel-renvoye")
    await operator.post(form.action, form.fields)
    assert notices(operator, "courriel-renvoye")
    assert await trail(sessions) == [("mail-resent", "operator", None)]
    assert await count(sessions, "select count(*) from link where purpose = 'verification'") == 1
    await operator.get("/fr/operations/liste/stuck")
    assert "Personne n'est bloqué." in operator.page.text

    async with sessions.begin() as session:
        email = await session.scalar(text("select email from account where member_id = :id"), {"id": member.id})
    (mail,) = await mails_to(servers, str(email), "Confirmez votre courriel")
    await person.get("/fr/profil")
    await person.submit("/profil/code", code=code_in(mail))
    assert notices(person, "courriel-verifie")
    await person.get("/fr/dossier")
    assert "Courriel de vérification renvoyé à votre place" in person.page.text
    assert "Une ou un responsable" in person.page.text
    await operator.get(f"/fr/operations/membre/{member.id}")
    assert not [f for f in operator.page.forms if f.fields.get("act") == "resend"]
    await operator.post(form.action, {**form.fields, "key": "another"})
    assert says(operator, Refusal.EMAIL_ALREADY_VERIFIED)


async def test_an_address_has_its_share_of_mails_whoever_asks(visit: Visit, sessions: Sessions) -> None:
    _, member = await signed_in(visit, sessions, verified=False)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    answers = []
    for _ in range(7):
        await operator.get(f"/fr/operations/membre/{member.id}")
        await operator.submit("/geste", act="resend")
        answers.append(operator.response.status_code)
    assert answers[0] == 200
    assert answers[-1] == 429
    assert says(operator, Refusal.MAIL_JUST_SENT)
    # What was refused is not written down as done.
    assert len(await trail(sessions)) == answers.count(200)


async def test_a_file_whose_workflow_is_gone_is_found_and_taken_up_again(
    visit: Visit, sessions: Sessions, running: Running, portal: Portal
) -> None:
    _, member = await signed_in(visit, sessions)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    async with sessions.begin() as session:
        code = await session.scalar(text("select code from campaign"))
    workflow = running.client.get_workflow_handle(workflow_id(str(code), member.id))

    async def listed() -> bool:
        # Temporal's own list is a moment behind.
        portal.minute.forget()
        await operator.get("/fr/operations/liste/no-workflow")
        return "Jean-Baptiste Poquelin" in operator.page.text

    async def not_listed() -> bool:
        return not await listed()

    await until(not_listed)
    await workflow.terminate()
    await until(listed)
    portal.minute.forget()
    await operator.get("/fr/operations")
    assert "Un dossier ouvert n'a pas de workflow dans Temporal." in operator.page.text
    await operator.get("/fr/operations/liste/no-workflow")
    await operator.submit("/geste")
    assert notices(operator, "dossier-relance")
    assert (await workflow.describe()).status is not None
    assert await trail(sessions) == [("file-reopened", "operator", None)]
    await until(not_listed)
    # Somebody who never came has no file, and none is made for them here.
    async with sessions.begin() as session:
        never = await builders.a_member(session)
    await operator.get(f"/fr/operations/membre/{never.id}")
    assert "Jamais entré" in operator.page.text
    form = operator.page.form("/geste") if operator.page.html.count("/geste") else None
    assert form is not None and form.fields["act"] == "resend"
    await operator.post(form.action, {**form.fields, "act": "reopen"})
    assert operator.response.status_code == 403
    assert await count(sessions, "select count(*) from onboarding") == 1


async def test_without_an_answer_the_page_offers_to_ask_again_with_the_same_key(
    sessions: Sessions, visit: Visit, visit_alone: Visit
) -> None:
    """Nobody works at its queue: the page says so, and asking twice is one act."""
    _, member = await signed_in(visit, sessions)
    async with sessions.begin() as session:
        code = await session.scalar(text("select code from campaign"))
        await session.execute(text("update campaign set code = :code"), {"code": f"{code}-other"})
    operator = await a_desk(visit_alone, sessions, Role.OPERATOR)
    await operator.get(f"/fr/operations/membre/{member.id}")
    await operator.submit("/geste", act="reopen")
    assert operator.response.status_code == 202
    await operator.submit("/geste")
    assert operator.response.status_code == 202
    assert await trail(sessions) == [("file-reopened", "operator", None)]


async def test_a_case_that_its_reviewer_has_left_goes_back_to_the_queue(visit: Visit, sessions: Sessions) -> None:
    person, _ = await signed_in(visit, sessions)
    await send_card(person)
    reviewer, colleague = await a_desk(visit, sessions), await a_desk(visit, sessions)
    await take(reviewer)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get("/fr/operations/liste/cases")
    assert "Entre les mains de l'équipe" in operator.page.text
    form = operator.page.form("/retour")
    await operator.submit(form.action)
    assert notices(operator, "rendu")
    assert "Dans la file" in operator.page.text
    assert "/retour" not in operator.page.html
    await operator.post(form.action, form.fields)
    assert notices(operator, "rendu")
    assert await trail(sessions) == [("lease-returned", "operator", "taken-back")]

    async def handed_out() -> bool:
        # Not while the lease's own timer, which was woken up, holds the case to look at it.
        return bool(await take(colleague))

    await until(handed_out)
    await reviewer.compare()
    assert says(reviewer, Refusal.CLAIM_TAKEN_BACK)
    assert await count(sessions, "select count(*) from claim where returned_at is null") == 1


async def an_operator_on_the_roll(visit: Visit, sessions: Sessions) -> tuple[Person, object]:
    async with sessions.begin() as session:
        await builders.a_campaign(session)
        member = await builders.a_member(session, email=None)
        await session.execute(text("delete from account where member_id = :id"), {"id": member.id})
    return await a_desk(visit, sessions, Role.OPERATOR, member_id=member.id), member.id


async def test_nobody_acts_on_their_own_file(visit: Visit, sessions: Sessions) -> None:
    """By no button, by no form that is made up, and by no statement either."""
    operator, me = await an_operator_on_the_roll(visit, sessions)
    await change(sessions, "update account set email_bounced_at = now() where member_id = :id", id=me)
    await operator.get("/fr/operations/liste/stuck")
    assert "Les courriels reviennent" in operator.page.text
    assert "Votre dossier" in operator.page.text
    assert f"/membre/{me}/geste" not in operator.page.html
    await operator.get(f"/fr/operations/membre/{me}")
    assert says(operator, Refusal.OWN_FILE)
    token = operator.page.forms[0].fields["form_token"]
    for address, fields in (
        ("geste", {"act": "resend"}), ("geste", {"act": "reopen"}),
        ("papier", {"reason": "asked", "confirmed": "yes"}), ("papier/retour", {"paper_id": "x"}),
    ):  # fmt: skip
        await operator.post(f"/fr/operations/membre/{me}/{address}", {"form_token": token, "key": "k", **fields})
        assert operator.response.status_code == 403
        assert says(operator, Refusal.OWN_FILE)
    await operator.get(f"/fr/operations/membre/{me}/papier")
    assert says(operator, Refusal.OWN_FILE)
    assert await trail(sessions) == []
    for statement in (
        "insert into journal (actor, actor_id, action, member_id)"
        " select 'operator', id, 'mail-resent', member_id from account where member_id = :id",
        "insert into paper_voter (id, campaign_id, member_id, reason, by_id)"
        " select gen_random_uuid(), c.id, a.member_id, 'asked', a.id from account a, campaign c where member_id = :id",
    ):
        with pytest.raises(IntegrityError, match="nobody acts on their own file"):
            await change(sessions, statement, id=me)


# --- votes on paper ----------------------------------------------------------------------------------------------


async def marked(operator: Person, member_id: object, reason: str = "asked") -> None:
    await operator.get(f"/fr/operations/membre/{member_id}/papier")
    await operator.submit("/papier", reason=reason, confirmed="yes")
    assert notices(operator, "papier")


async def test_a_vote_on_paper_is_confirmed_step_by_step_and_closes_the_online_door(
    visit: Visit, sessions: Sessions
) -> None:
    person, member = await signed_in(visit, sessions)
    await send_card(person)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get(f"/fr/operations/membre/{member.id}/papier")
    await operator.submit("/papier", reason="", confirmed="")
    assert says(operator, Refusal.PAPER_REASON_NEEDED)
    await operator.submit("/papier", reason="no-device", confirmed="no")
    assert says(operator, Refusal.PAPER_NOT_CONFIRMED)
    assert await count(sessions, "select count(*) from paper_voter") == 0
    # A page that was open before.
    await person.get("/fr/votes/inscription")
    await operator.submit("/papier", reason="no-device", confirmed="yes")
    assert notices(operator, "papier")
    assert "Vote par la poste depuis le" in operator.page.text

    await person.submit("/votes/inscription", password=PASSWORD)
    assert person.response.status_code == 409
    assert says(person, Refusal.VOTES_ON_PAPER)
    assert await count(sessions, "select count(*) from registration") == 0
    await person.get("/fr/accueil")
    assert "Vous votez par la poste" in person.page.text
    assert "C'est à vous" not in person.page.text
    await person.get("/fr/votes")
    assert says(person, Refusal.VOTES_ON_PAPER)
    assert not [link for link in person.page.links if "inscription" in link]
    await person.get("/fr/dossier")
    assert "Elle n'a ni ordinateur ni téléphone" in person.page.text
    assert await trail(sessions) == [("paper-marked", "operator", "no-device")]
    told = "select count(*) from outbox where kind = 'on-paper' and due_at <= clock_timestamp()"
    assert await count(sessions, told) == 1, "nobody's vote is closed behind their back"
    await operator.get("/fr/operations/liste/paper")
    assert "1 ligne" in operator.page.text
    # Once is enough, and a second time is the same page.
    await operator.get(f"/fr/operations/membre/{member.id}/papier")
    assert str(operator.response.url).endswith(f"/membre/{member.id}")


async def test_whoever_has_voted_online_is_not_noted_for_the_post_and_the_operator_reads_why(
    visit: Visit, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        campaign = await an_open_vote(session)
        member, ballot = await a_voter(session, campaign)
        assert await vote(session, campaign, member, ballot) is not None
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get(f"/fr/operations/membre/{member.id}/papier")
    await operator.submit("/papier", reason="asked", confirmed="yes")
    assert says(operator, Refusal.VOTED_ONLINE)
    assert operator.response.status_code == 409
    assert await count(sessions, "select count(*) from paper_voter") == 0
    assert await count(sessions, "select count(*) from outbox where kind = 'on-paper'") == 0


async def test_a_vote_on_paper_needs_a_key_shown_within_ten_minutes(visit: Visit, sessions: Sessions) -> None:
    """T69: to mark it, and to take it back; what was ticked comes back."""
    _, member = await signed_in(visit, sessions)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get(f"/fr/operations/membre/{member.id}/papier")
    await later(sessions, "sign_in", FACTOR_FRESH, "factor_at")
    await operator.submit("/papier", reason="asked", confirmed="yes")
    assert operator.page.h1 == ["Confirmez avec votre clé"]
    assert await count(sessions, "select count(*) from paper_voter") == 0
    await operator.show_key()
    await operator.submit("/papier")
    assert notices(operator, "papier")
    await later(sessions, "sign_in", FACTOR_FRESH, "factor_at")
    await operator.submit("/papier/retour")
    assert operator.page.h1 == ["Confirmez avec votre clé"]
    assert await count(sessions, "select count(*) from paper_voter where withdrawn_at is null") == 1
    await operator.show_key()
    await operator.submit("/papier/retour")
    assert notices(operator, "papier-repris")


async def test_a_vote_on_paper_is_taken_back_before_the_opening_and_never_after(
    visit: Visit, sessions: Sessions
) -> None:
    person, member = await signed_in(visit, sessions)
    await send_card(person)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await marked(operator, member.id)
    await operator.submit("/papier/retour")
    assert notices(operator, "papier-repris")
    await person.get("/fr/votes/inscription")
    await person.submit("/votes/inscription", password=PASSWORD)
    assert notices(person, "inscription")
    await marked(operator, member.id, "locked-out")
    form = operator.page.form("/papier/retour")
    await change(sessions, "update campaign set opens = now() - interval '1 minute'")
    await operator.post(form.action, form.fields)
    assert operator.response.status_code == 409
    assert says(operator, Refusal.PAPER_STANDS)
    await operator.get(f"/fr/operations/membre/{member.id}")
    assert "ce choix ne peut plus être repris" in operator.page.text
    assert [action for action, *_ in await trail(sessions)] == ["paper-marked", "paper-taken-back", "paper-marked"]


async def test_after_the_close_nobody_is_made_to_vote_on_paper(visit: Visit, sessions: Sessions) -> None:
    _, member = await signed_in(visit, sessions)
    operator = await a_desk(visit, sessions, Role.OPERATOR)
    await operator.get(f"/fr/operations/membre/{member.id}/papier")
    form = operator.page.form("/papier")
    await change(
        sessions,
        "update campaign set registration_opens = now() - interval '9 days', opens = now() - interval '8 days'",
    )
    await change(sessions, "alter table campaign disable trigger closing_only_later")
    await change(sessions, "update campaign set closes = now() - interval '1 minute'")
    await operator.post(form.action, {**form.fields, "reason": "asked", "confirmed": "yes"})
    assert operator.response.status_code == 409
    assert await count(sessions, "select count(*) from paper_voter") == 0
