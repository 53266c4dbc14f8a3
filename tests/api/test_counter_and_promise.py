"""What members and everybody else are told: the public count, and until when an answer is promised."""

from datetime import timedelta

from api.portal import Portal
from portal.rules.identity import SubmissionStatus
from portal.store import Sessions
from tests import builders
from tests.api.conftest import Visit
from tests.api.looking import change
from tests.api.test_documents import send_card, signed_in
from tests.store.cases import a_submission

PROMISE = "réponse garantie avant la fin du vote"


async def test_anybody_reads_the_count_and_it_names_nobody(visit: Visit, sessions: Sessions, portal: Portal) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        for status in (SubmissionStatus.SUBMITTED, SubmissionStatus.APPROVED):
            member = await builders.a_member(session, family_name="Confidentiel")
            await a_submission(session, campaign, member, status=status, since=timedelta(hours=2))
    await change(sessions, "update submission set erased_at = now() where status = 'approved'")
    stranger = visit()
    for address, received, oldest in (
        ("/fr/compteur", "Envois reçus 2", "Le plus ancien envoi encore gardé est arrivé le"),
        ("/en/counter", "Submissions received 2", "The oldest"),
    ):
        await stranger.get(address)
        assert stranger.response.status_code == 200
        assert received in stranger.page.text
        assert oldest in stranger.page.text
        assert "Confidentiel" not in stranger.page.html
    await stranger.get("/fr/")
    assert "/fr/compteur" in stranger.page.links
    # Made anew once the minute is over.
    async with sessions.begin() as session:
        await a_submission(session, campaign, await builders.a_member(session))
    await stranger.get("/fr/compteur")
    assert "Envois reçus 2" in stranger.page.text
    portal.minute.forget()
    await stranger.get("/fr/compteur")
    assert "Envois reçus 3" in stranger.page.text


async def test_a_member_reads_until_when_an_answer_is_promised(
    visit: Visit, sessions: Sessions, portal: Portal
) -> None:
    """While documents are missing and while they are looked at; not before, and not once it is too late."""
    unverified, _ = await signed_in(visit, sessions, verified=False)
    assert PROMISE not in unverified.page.text
    person, member = await signed_in(visit, sessions)
    assert PROMISE in person.page.text
    await person.get("/fr/profil/identite")
    assert PROMISE in person.page.text
    await send_card(person)
    await change(sessions, "update onboarding set step = 'review'")
    await change(
        sessions,
        "insert into registration (ballot_id, member_id) select id, :member from ballot where 'EC' = any(groups)",
        member=member.id,
    )
    await person.get("/fr/accueil")
    assert PROMISE in person.page.text
    portal.minute.forget()
    portal.promises.clear()
    await change(sessions, "update campaign set registration_opens = now() - interval '9 days', opens = now()")
    await change(sessions, "alter table campaign disable trigger closing_only_later")
    await change(sessions, "update campaign set closes = now() + interval '1 day'")
    await person.get("/fr/accueil")
    assert PROMISE not in person.page.text
