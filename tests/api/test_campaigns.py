"""Campaigns as staff prepare and run them: drafts, check answers, two officers, rehearsals."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from portal.rules.accounts import FACTOR_FRESH, Role
from portal.rules.refusals import Refusal
from portal.store import Sessions, accounts, campaigns, staff
from portal.store.campaigns import Campaign
from tests import builders
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import change, count, later, says
from tests.api.person import Person
from tests.api.test_documents import signed_in
from tests.api.test_documents_access import a_desk

ZONE = ZoneInfo("America/Toronto")
DAY = timedelta(days=1)
NEW = datetime.now(ZONE).replace(hour=9, minute=0, second=0, microsecond=0)


def typed(name: str, at: datetime) -> dict[str, str]:
    local = at.astimezone(ZONE)
    return {
        f"{name}_day": str(local.day), f"{name}_month": str(local.month), f"{name}_year": str(local.year),
        f"{name}_time": f"{local:%H:%M}",
    }  # fmt: skip


def a_draft(code: str = "votes-2027", **more: str) -> dict[str, str]:
    return {
        "code": code, "title_fr": "Votes <b>2027</b>", "title_en": "2027 votes",
        **typed("registration_opens", NEW + 2 * DAY), **typed("opens", NEW + 20 * DAY),
        **typed("closes", NEW + 30 * DAY), **typed("ends", NEW + 40 * DAY), **more,
    }  # fmt: skip


# A closing that was announced moves for one.
WHY = {"reason_fr": "Salle inondée", "reason_en": "Flooded room"}
BALLOT = {
    "code": "budget",
    "title_fr": "Budget",
    "title_en": "Budget",
    "question_fr": "D’accord ?",
    "question_en": "Agreed?",
    "kind": "resolution",
    "whom": "members",
}


async def officers(visit: Visit, sessions: Sessions) -> tuple[Person, Person]:
    return await a_desk(visit, sessions, Role.OFFICER), await a_desk(visit, sessions, Role.OFFICER)


async def prepared(person: Person, **more: str) -> None:
    await person.get("/fr/campagnes/nouvelle")
    await person.submit("/campagnes/nouvelle", **a_draft(**more))
    assert person.response.status_code == 200, person.page.text
    await person.get("/fr/campagne/votes-2027/question")
    await person.submit("/question", **BALLOT)
    assert "Budget" in person.page.text


async def the(sessions: Sessions, code: str = "votes-2027") -> Campaign:
    async with sessions.begin() as session:
        found = await campaigns.by_code(session, code)
        assert found is not None
        return found


async def stale(person: Person, sessions: Sessions, form: str, **fields: str) -> None:
    """Send a form ten minutes after the key was shown: the key is asked for."""
    await later(sessions, "sign_in", FACTOR_FRESH, "factor_at")
    await person.submit(form, **fields)
    assert person.page.h1 == ["Confirmez avec votre clé"]


async def shown_again(person: Person, form: str) -> None:
    """The key, then the form with what it held."""
    await person.show_key()
    assert person.page.h1 == ["Reprenez où vous en étiez"]
    await person.submit(form)


async def agreed(other: Person) -> None:
    """The second officer, on the page of the proposal."""
    address = next(link for link in other.page.links if "/proposition/" in link)
    await other.get(address)
    await other.submit(address, verdict="confirm")


async def test_a_campaign_is_drafted_by_one_and_opened_by_two(visit_alone: Visit, sessions: Sessions) -> None:
    """T66: with one signature it is pending, and members see nothing of it."""
    async with sessions.begin() as session:
        await builders.a_member(session)
    operator = await a_desk(visit_alone, sessions, Role.OPERATOR)
    await prepared(operator)
    assert "<b>2027" not in operator.page.html
    await operator.get("/fr/campagne/votes-2027/ouverture")
    assert operator.response.status_code == 403, "an operator opens nothing"
    one, other = await officers(visit_alone, sessions)
    await one.get("/fr/campagne/votes-2027/ouverture")
    assert one.page.text.count("C'est bon") == 7
    await one.submit("/ouverture")
    assert "Votre proposition est enregistrée" in one.page.text
    assert (await the(sessions)).status == "draft"
    assert "Confirmer et appliquer" not in one.page.text
    await other.get("/fr/campagne/votes-2027")
    await agreed(other)
    assert "la proposition est confirmée et appliquée" in other.page.text
    assert (await the(sessions)).status == "open"
    assert "Empreinte (SHA-256)" in other.page.text
    assert await count(sessions, "select count(*) from journal where action = 'change-confirmed'") == 1


async def test_the_same_officer_cannot_confirm(visit_alone: Visit, sessions: Sessions) -> None:
    """T66: not by writing the form by hand either."""
    one, _ = await officers(visit_alone, sessions)
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
    await one.get(f"/fr/campagne/{campaign.code}/annulation")
    await one.submit("/annulation", reason="Erreur")
    address = str(one.response.url.path)
    await one.submit(address, verdict="confirm")
    assert "une autre personne responsable du scrutin doit la confirmer" in one.page.text
    assert (await the(sessions, campaign.code)).status == "open"


async def test_an_officer_of_today_is_told_that_somebody_else_confirms(visit_alone: Visit, sessions: Sessions) -> None:
    """T62, T66."""
    one = await a_desk(visit_alone, sessions, Role.OFFICER)
    other = await a_desk(visit_alone, sessions, Role.REVIEWER)
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        (boss,), (new,) = [await accounts.with_role(session, role) for role in (Role.OFFICER, Role.REVIEWER)]
        await staff.act(session, staff.Act.GRANT, actor_id=boss, account_id=new, role=Role.OFFICER)
    await one.get(f"/fr/campagne/{campaign.code}/annulation")
    await one.submit("/annulation", reason="Erreur")
    await other.get(f"/fr/campagne/{campaign.code}")
    address = next(link for link in other.page.links if "/proposition/" in link)
    await other.get(address)
    assert "vous pourrez proposer et confirmer à partir du" in other.page.text
    assert "Confirmer et appliquer" not in other.page.text
    await other.post(address, {**other.page.form(address).fields, "verdict": "confirm"})
    assert says(other, Refusal.ROLE_TOO_NEW)
    assert (await the(sessions, campaign.code)).status == "open"


async def test_what_two_officers_do_needs_a_key_shown_within_ten_minutes(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T69: to propose, to confirm and to withdraw; the reason comes back as it was typed."""
    one, other = await officers(visit_alone, sessions)
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
    await one.get(f"/fr/campagne/{campaign.code}/annulation")
    await stale(one, sessions, "/annulation", reason="Salle inondée")
    assert await count(sessions, "select count(*) from campaign_change") == 0
    await shown_again(one, "/annulation")
    assert await count(sessions, "select count(*) from campaign_change where reason = 'Salle inondée'") == 1
    address = str(one.response.url.path)
    await one.get(address)
    await stale(one, sessions, address, verdict="withdraw")
    await other.get(address)
    await stale(other, sessions, address, verdict="confirm")
    assert (await the(sessions, campaign.code)).status == "open"
    await shown_again(other, address)
    assert (await the(sessions, campaign.code)).cancelled


async def test_a_draft_is_opened_moved_and_mended_only_under_a_fresh_key(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T69: each form of the officers leads to the key, and is still there after it."""
    async with sessions.begin() as session:
        await builders.a_member(session)
    one = await a_desk(visit_alone, sessions, Role.OFFICER)
    await prepared(one)
    await one.get("/fr/campagne/votes-2027/ouverture")
    await stale(one, sessions, "/ouverture")
    await change(sessions, "update campaign set status = 'open', registration_opens = now() - interval '1 day'")
    await one.get("/fr/campagne/votes-2027")
    address = next(link for link in one.page.links if "/question/" in link)
    await one.get(address)
    words = {name: BALLOT[name] for name in ("title_fr", "title_en", "question_fr")}
    await stale(one, sessions, address, **words, question_en="Really?", reason="Une faute")
    await one.get("/fr/campagne/votes-2027/calendrier")
    await one.submit("/calendrier", **typed("closes", NEW + 31 * DAY), **WHY)
    assert one.page.h1 == ["Vérifier avant de proposer"]
    await stale(one, sessions, "/calendrier")
    assert await count(sessions, "select count(*) from campaign_change") == 0
    await shown_again(one, "/calendrier")
    assert await count(sessions, "select count(*) from campaign_change where kind = 'move'") == 1


async def test_a_move_is_shown_with_its_effect_before_it_is_proposed(visit_alone: Visit, sessions: Sessions) -> None:
    one, other = await officers(visit_alone, sessions)
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session, opens=10 * DAY, closes=20 * DAY)
        for _ in range(3):
            await builders.a_member(session)
    where = f"/fr/campagne/{campaign.code}/calendrier"
    await one.get(where)
    await one.submit("/calendrier")
    assert "Rien n'a changé" in one.page.text
    await one.submit("/calendrier", **typed("closes", campaign.closes - DAY))
    assert "elle peut reculer et jamais avancer" in one.page.text
    await one.submit(
        "/calendrier", **typed("opens", campaign.opens + 2 * DAY), **typed("closes", campaign.closes + DAY), **WHY
    )
    assert "3 rappels déplacés" in one.page.text
    assert await count(sessions, "select count(*) from campaign_change") == 0
    await one.submit("/calendrier")
    assert "Votre proposition est enregistrée" in one.page.text
    await other.get(f"/fr/campagne/{campaign.code}")
    await agreed(other)
    moved = await the(sessions, campaign.code)
    assert moved.opens.astimezone(UTC).date() == (campaign.opens + 2 * DAY).date()
    assert moved.calendar_version == 2


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"opens_day": "31", "opens_month": "2"}, "Cette date n'existe pas"),
        ({"opens_time": "minuit"}, "Cette heure ne se lit pas"),
        (
            {"opens_day": "14", "opens_month": "3", "opens_year": "2027", "opens_time": "02:30"},
            "Cette heure n'existe pas",
        ),
        ({"opens_day": "7", "opens_month": "11", "opens_year": "2027", "opens_time": "1:30"}, "arrive deux fois"),
        ({"title_en": "  "}, "Il manque ce texte"),
        ({"code": "Élections"}, "Ce code ne convient pas"),
        ({"closes_year": "2026", "closes_month": "1"}, "vient avant celle qu'elle suit"),
    ],
)
async def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(
    visit_alone: Visit, sessions: Sessions, wrong: dict[str, str], said: str
) -> None:
    operator = await a_desk(visit_alone, sessions, Role.OPERATOR)
    await operator.get("/fr/campagnes/nouvelle")
    await operator.submit("/campagnes/nouvelle", **{**a_draft(), **wrong})
    assert operator.response.status_code == 422
    assert operator.page.text.count(said) == 2, "in the summary and at the field"
    form = operator.page.form("/campagnes/nouvelle")
    assert form.fields["title_fr"] == "Votes <b>2027</b>"
    assert form.fields["ends_time"] == "09:00"
    assert await count(sessions, "select count(*) from campaign") == 0


async def test_a_question_is_one_persons_until_the_campaign_is_opened(visit_alone: Visit, sessions: Sessions) -> None:
    operator = await a_desk(visit_alone, sessions, Role.OPERATOR)
    await prepared(operator)
    address = next(link for link in operator.page.links if "/question/" in link)
    await operator.get(address)
    await operator.submit(address, **{**BALLOT, "question_en": ""})
    assert "Il manque ce texte" in operator.page.text
    await operator.submit(address, **{**BALLOT, "question_en": "Do you agree?"})
    assert await count(sessions, "select count(*) from ballot where question_en = 'Do you agree?'") == 1
    await change(sessions, "update campaign set status = 'open'")
    await operator.get(address)
    assert "Proposer ce changement" not in operator.page.text
    assert "Enregistrer ce vote" not in operator.page.text
    await operator.get("/fr/campagne/votes-2027/ebauche")
    assert "n'est plus une ébauche" in operator.page.text
    one, other = await officers(visit_alone, sessions)
    await one.get(address)
    words = {name: BALLOT[name] for name in ("title_fr", "title_en", "question_fr")}
    await one.submit(address, **words, question_en="Really?")
    assert "Dites pourquoi" in one.page.text
    await one.submit(address, **words, question_en="Really?", reason="Une faute")
    await other.get("/fr/campagne/votes-2027")
    await agreed(other)
    assert await count(sessions, "select count(*) from ballot where question_en = 'Really?'") == 1


async def test_an_election_has_its_candidates(visit_alone: Visit, sessions: Sessions) -> None:
    """T70: an officer of the vote cannot stand in it."""
    async with sessions.begin() as session:
        member, officer = await builders.a_member(session), await builders.a_member(session)
    await change(
        sessions, "insert into staff_role (account_id, role) select id, 'officer' from account where member_id = :id",
        id=officer.id,
    )  # fmt: skip
    operator = await a_desk(visit_alone, sessions, Role.OPERATOR)
    await prepared(operator)
    await operator.get("/fr/campagne/votes-2027/question")
    token = operator.page.form("/question").fields["form_token"]
    fields = {**BALLOT, "code": "sieges", "kind": "election", "choose": "2", "ec": "yes", "form_token": token}

    async def sent(**more: Any) -> None:
        await operator.post("/fr/campagne/votes-2027/question", {**fields, **more})

    stand: dict[str, Any] = {
        "names": ["Agnès", "Arnolphe"], "numbers": ["", ""], "texts_fr": ["", ""], "texts_en": ["", ""],
    }  # fmt: skip
    await sent(**{**stand, "names": ["Agnès", ""]})
    assert "Une élection a au moins une candidature" in operator.page.text
    await sent(**{**stand, "numbers": [officer.number, ""]})
    assert "ne peut pas y être candidate" in operator.page.text
    await sent(**{**stand, "numbers": ["900000", ""]})
    assert "n'est pas au registre" in operator.page.text
    await sent(**{**stand, "texts_fr": ["Bonjour", ""]})
    assert "Il manque ce texte" in operator.page.text
    await sent(**{**stand, "numbers": [member.number, ""]})
    assert "2 candidatures, 2 au plus" in operator.page.text
    assert await count(sessions, "select count(*) from candidate where member_id is not null") == 1


async def test_a_cancelled_campaign_says_so_to_its_members(visit: Visit, sessions: Sessions) -> None:
    person, _ = await signed_in(visit, sessions)
    one, other = await officers(visit, sessions)
    async with sessions.begin() as session:
        campaign = await campaigns.current(session)
        assert campaign is not None
    await one.get(f"/fr/campagne/{campaign.code}/annulation")
    assert "1 dossier ouvert en tiendra compte" in one.page.text
    await one.submit("/annulation", reason="Erreur")
    await other.get(f"/fr/campagne/{campaign.code}")
    await agreed(other)
    await person.get("/fr/accueil")
    assert "Le vote prévu est annulé" in person.page.text
    person.language = "en"
    await person.get("/en/votes")
    assert person.response.status_code == 200, "looking is no mistake"


async def test_a_rehearsal_is_another_world(visit: Visit, sessions: Sessions) -> None:
    """Its members see it and nothing else; nobody else sees it."""
    real, _ = await signed_in(visit, sessions)
    one, other = await officers(visit, sessions)
    await one.get("/fr/campagnes/nouvelle?repetition=yes")
    await one.submit("/campagnes/nouvelle", **a_draft(title_fr="Essai général"))
    await one.get("/fr/campagne/votes-2027/question")
    await one.submit("/question", **BALLOT)
    await one.submit("/repetition/membres", members="600", password=PASSWORD)
    assert "de 1 à 500" in one.page.text
    await one.submit("/repetition/membres", members="3", password="le malade imaginaire 1673")
    assert "Les membres fictifs sont créés" in one.page.text
    await one.get("/fr/campagne/votes-2027/ouverture")
    await one.submit("/ouverture")
    await other.get("/fr/campagne/votes-2027")
    await agreed(other)
    email = "repetition-0001@repetition.invalid"
    mock = visit()
    await mock.sign_in(email, "le malade imaginaire 1673")
    await mock.get("/fr/votes")
    assert "Budget" in mock.page.text
    assert "Vote pension" not in mock.page.text
    await real.get("/fr/votes")
    assert "Budget" not in real.page.text
    assert "Vote pension" in real.page.text
    await one.get("/fr/campagne/votes-2027/annulation")
    await one.submit("/annulation", reason="Fini")
    await other.get("/fr/campagne/votes-2027")
    await agreed(other)
    await other.submit("/repetition/fin")
    # Their files are closed by the worker first.
    assert other.response.status_code in (200, 409)
    await change(sessions, "update onboarding set ended_at = now() where ended_at is null")
    await other.get("/fr/campagne/votes-2027")
    if other.response.status_code == 200:
        await other.submit("/repetition/fin")
    assert "La répétition est effacée" in other.page.text
    assert await count(sessions, "select count(*) from member where rehearsal_id is not null") == 0
    await mock.get("/fr/votes")
    assert mock.page.h1 == ["Entrez"]


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.AUDITOR])
async def test_nobody_else_of_the_staff_opens_these_pages(visit_alone: Visit, sessions: Sessions, role: Role) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
    somebody = await a_desk(visit_alone, sessions, role)
    for page in ("/fr/campagnes", f"/fr/campagne/{campaign.code}", f"/fr/campagne/{campaign.code}/annulation"):
        await somebody.get(page)
        assert somebody.response.status_code == 403
    operator = await a_desk(visit_alone, sessions, Role.OPERATOR)
    for page in ("annulation", "calendrier", "ouverture"):
        await operator.get(f"/fr/campagne/{campaign.code}/{page}")
        assert operator.response.status_code == 403
