"""Two officers run a vote on its pages: key, obstacles, turnout, seal, two counts, complaints, the end of the key."""

import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

from portal.rules.accounts import FACTOR_FRESH, Role
from portal.rules.canonical import b64, fingerprint, written
from portal.rules.refusals import Refusal
from portal.store import Sessions, receipts, results
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from tests import builders, keys_of_votes
from tests.api.conftest import Visit
from tests.api.looking import change, count, later, says
from tests.api.person import Person
from tests.api.test_campaign_files import the_record
from tests.api.test_campaigns import BALLOT, WHY, agreed, officers, prepared, shown_again, typed
from tests.api.test_documents_access import a_desk
from tests.store.running import a_result, a_vote, campaign_of, close, open_for_votes, the_box
from tests.store.test_running import A_KEY, long_ago

DAY = timedelta(days=1)


def election(of: Campaign, **more: Any) -> dict[str, Any]:
    return {
        "format": "scrutin/election/v1", "campaign": of.code, "made_at": "2026-01-01T00:00:00Z", **A_KEY, **more,
    }  # fmt: skip


async def send(person: Person, form: str, *contents: str, **fields: str) -> None:
    """Chosen files."""
    files = [("file", ("x.json", content.encode(), "application/json")) for content in contents]
    await person.submit(form, files=files, pasted="", **fields)


async def test_a_key_is_sent_by_one_read_aloud_and_confirmed_by_another(visit_alone: Visit, sessions: Sessions) -> None:
    """T66, T69, T93: by no other file, never the private half, and both see the same fingerprint."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
    one, other = await officers(visit_alone, sessions)
    where = f"/fr/campagne/{campaign.code}/cle"
    await one.get(where)
    assert "personne ne peut voter" in one.page.text
    await send(one, "/cle", "")
    assert says(one, Refusal.FILE_MISSING)
    for wrong, why in (
        ({"format": "scrutin/trustee/v1"}, Refusal.ELECTION_UNREADABLE),
        ({"campaign": "another"}, Refusal.FILE_OF_ANOTHER),
        ({"trustees": []}, Refusal.ELECTION_UNREADABLE),
        ({"public_key": b64(keys_of_votes.PUBLIC[:-1] + b"x")}, Refusal.ELECTION_UNREADABLE),
    ):
        await send(one, "/cle", written(election(campaign, **wrong)).decode())
        assert says(one, why), wrong
    await send(one, "/cle", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII\n")
    assert says(one, Refusal.PRIVATE_FILE)
    assert "MII" not in one.page.html
    await send(one, "/cle", "x" * 300_000)
    assert says(one, Refusal.FILE_TOO_LARGE)
    await later(sessions, "sign_in", FACTOR_FRESH, "factor_at")
    await send(one, "/cle", written(election(campaign)).decode())
    assert one.page.h1 == ["Confirmez avec votre clé"]
    assert await count(sessions, "select count(*) from campaign_change") == 0
    await one.show_key()
    await one.get(where)
    await one.submit("/cle", pasted=written(election(campaign)).decode())
    assert fingerprint(keys_of_votes.PUBLIC) in one.page.text
    assert "Confirmer et appliquer" not in one.page.text
    await other.get(f"/fr/campagne/{campaign.code}")
    address = next(link for link in other.page.links if "/proposition/" in link)
    await other.get(address)
    assert fingerprint(keys_of_votes.PUBLIC) in other.page.text
    await other.submit(address, verdict="confirm")
    await shown_again(other, address)
    assert (await campaign_of(sessions, campaign)).election_key == keys_of_votes.PUBLIC
    operator = await a_desk(visit_alone, sessions, Role.OPERATOR)
    await operator.get(where)
    assert fingerprint(keys_of_votes.PUBLIC) in operator.page.text
    assert "Proposer cette clé" not in operator.page.text
    await change(sessions, "update campaign set opens = clock_timestamp()")
    await one.get(where)
    assert "Elle ne change plus" in one.page.text


async def test_obstacles_are_listed_with_what_to_do_and_where(visit_alone: Visit, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        await builders.a_member(session, email=None)
    officer = await a_desk(visit_alone, sessions, Role.OFFICER)
    for address in (f"/fr/campagne/{campaign.code}", f"/fr/campagne/{campaign.code}/obstacles"):
        await officer.get(address)
        for said in ("Aucune clé de scrutin", "Il n'y a pas deux personnes", "n'a pas assez de candidatures"):
            assert said in officer.page.text, said
        assert any(link.endswith("/cle") for link in officer.page.links)
        assert any("/question/" in link for link in officer.page.links)
    await officer.get(f"/en/campaign/{campaign.code}/obstacles")
    assert "No election key is registered" in officer.page.text


async def test_two_campaigns_at_one_time_are_an_obstacle_since_members_see_one_of_them(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """Until the first has ended nobody could vote in the second: it is not opened, and what is open says so."""
    async with sessions.begin() as session:
        first = await builders.a_campaign(session, candidates=True)
        second = await builders.a_campaign(session, candidates=True, opens=20 * DAY, closes=30 * DAY, ends=40 * DAY)
        for group in ("EC", "TR", "BdP"):
            await builders.a_member(session, group=group)
    officer = await a_desk(visit_alone, sessions, Role.OFFICER)
    for campaign in (first, second):
        await officer.get(f"/fr/campagne/{campaign.code}/obstacles")
        assert "les membres n'en voient qu'une" in officer.page.text
    await change(sessions, f"update campaign set status = 'draft' where code = '{second.code}'")
    await officer.get(f"/fr/campagne/{second.code}/ouverture")
    assert not any(form.action.endswith("/ouverture") for form in officer.page.forms)
    await change(sessions, f"update campaign set ends = opens + interval '15 days' where code = '{first.code}'")
    await officer.get(f"/fr/campagne/{second.code}/ouverture")
    assert any(form.action.endswith("/ouverture") for form in officer.page.forms)
    await officer.get(f"/fr/campagne/{second.code}/obstacles")
    assert "les membres n'en voient qu'une" not in officer.page.text
    await change(sessions, f"update campaign set status = 'open' where code = '{second.code}'")
    await officer.get(f"/fr/campagne/{first.code}/calendrier")
    await officer.submit("/calendrier", **typed("ends", second.opens + DAY))
    assert says(officer, Refusal.OTHER_CAMPAIGN_HIDDEN)
    await officer.submit("/calendrier", **typed("ends", second.opens))
    assert officer.page.h1 == ["Vérifier avant de proposer"]


async def test_a_mandated_vote_for_members_only_is_refused_with_its_reason(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T84: the form says why, and an opening asks again."""
    async with sessions.begin() as session:
        await builders.a_member(session)
    officer = await a_desk(visit_alone, sessions, Role.OFFICER)
    await prepared(officer)
    address = "/fr/campagne/votes-2027/question"
    strike = {**BALLOT, "code": "greve", "kind": "strike", "majority": "two-thirds", "quorum_percent": "35"}
    await officer.get(address)
    await officer.submit("/question", **{**strike, "whom": "members"})
    assert says(officer, Refusal.MANDATED_FOR_EVERYBODY)
    assert await count(sessions, "select count(*) from ballot where kind = 'strike'") == 0
    await officer.submit("/question", **{**strike, "whom": "everybody", "quorum_percent": "350"})
    assert says(officer, Refusal.QUORUM_UNREADABLE)
    await officer.submit("/question", **{**strike, "whom": "everybody"})
    there = "select count(*) from ballot where kind = 'strike' and majority = 'two-thirds' and quorum_percent = 35"
    assert await count(sessions, there + " and not members_only") == 1
    assert "Vote de grève" in officer.page.text
    # As if the rule of the records were not there.
    await change(sessions, "alter table ballot drop constraint ck_ballot_mandated")
    await change(sessions, "update ballot set members_only = true where kind = 'strike'")
    await officer.get("/fr/campagne/votes-2027/obstacles")
    assert "est réservé aux membres" in officer.page.text
    await officer.get("/fr/campagne/votes-2027/ouverture")
    assert not any(form.action.endswith("/ouverture") for form in officer.page.forms)


async def test_turnout_is_all_that_a_console_shows_while_voting_is_open(visit_alone: Visit, sessions: Sessions) -> None:
    """T93: no page of the staff has a count of choices, a private key, or a file with votes; the records neither."""
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        for at in range(12):
            await a_vote(session, campaign, "president", 1 + at % 3)
    officer = await a_desk(visit_alone, sessions, Role.OFFICER)
    await officer.get(f"/fr/campagne/{campaign.code}/participation")
    assert "Tous les groupes 12 12 100,0 %" in officer.page.text.replace("\u00a0", " ")
    for choice in ("Oui", "Abstention"):
        assert choice not in officer.page.text
    await officer.get(f"/fr/campagne/{campaign.code}/participation.csv")
    assert '"Vote president";"EC";"12";"12";"100,0"' in officer.response.text
    for page in ("urne.json", "recus.csv", "publication.json"):
        await officer.get(f"/fr/campagne/{campaign.code}/{page}")
        assert officer.response.status_code == 404, page
    await officer.get(f"/fr/campagne/{campaign.code}/urne")
    assert says_state(officer, "Ensuite deux responsables scellent l'urne")
    assert await count(sessions, "select count(*) from sealed_vote") == 0
    scalar = keys_of_votes.PRIVATE.private_numbers().private_value.to_bytes(32)
    for needle in (scalar.hex(), b64(scalar)):
        found = await count(
            sessions,
            "select count(*) from campaign c where to_jsonb(c)::text ilike :n or c.trustees::text ilike :n",
            n=f"%{needle}%",
        )
        assert found == 0


async def questions_of(sessions: Sessions, campaign: Campaign) -> list[Ballot]:
    async with sessions.begin() as session:
        return await receipts.ballots_of(session, campaign.id)


def says_state(person: Person, words: str) -> bool:
    return words in person.page.text.replace("\u00a0", " ")


async def test_a_box_is_sealed_counted_twice_published_and_its_key_destroyed(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T66, T101, T103: the whole way after the close, on the pages, with a second count that differs first."""
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        for _ in range(12):
            await a_vote(session, campaign, "president", 1)
        await a_vote(session, campaign, "pension", 1)
        late = await a_vote(session, campaign, "auditors", confirmed=False)
    one, other = await officers(visit_alone, sessions)
    home = f"/fr/campagne/{campaign.code}"
    await close(sessions, campaign)
    await one.get(f"{home}/urne")
    assert "Votes encore provisoires" in one.page.text
    assert not any(form.action.endswith("/urne") for form in one.page.forms)
    await change(
        sessions, "update registration set confirmed_at = clock_timestamp() where member_id = :m", m=late.id
    )  # fmt: skip
    await one.get(f"{home}/urne")
    await one.submit("/urne")
    assert "Votre proposition est enregistrée" in one.page.text
    await other.get(home)
    await agreed(other)
    assert (await campaign_of(sessions, campaign)).sealed_at is not None
    await other.get(f"{home}/urne")
    assert "Urne scellée" in other.page.text
    box = await the_box(sessions, campaign)
    assert box.manifest_sha256 in other.page.text
    await other.get(f"{home}/urne.json")
    urn = json.loads(other.response.text)
    assert sum(len(b["ciphertexts"]) for b in urn["ballots"]) == 14
    assert f'filename="urn-{campaign.code}.json"' in other.response.headers["content-disposition"]
    assert await count(sessions, "select count(*) from journal where action = 'urn-downloaded'") == 1
    await other.get(f"{home}/recus.csv")
    assert len(other.response.text.splitlines()) == 15

    # The first count, and a second that differs.
    result = a_result(box)
    await one.get(f"{home}/resultats")
    await send(one, "/resultats", result.replace("scrutin/result/v1", "scrutin/result/v2"))
    assert says(one, Refusal.RESULT_UNREADABLE)
    await send(one, "/resultats", result)
    assert "Publier les résultats" in one.page.h1[0]
    assert "envoie le sien, compté de son côté" in one.page.text, "nobody confirms a result by a click"
    assert "responsable du scrutin la confirme" not in one.page.text
    await one.get(f"{home}/resultats")
    assert "Votre résultat attend" in one.page.text
    assert "Moins de 10 votes" in one.page.text
    assert "Unanimité" in one.page.text, "twelve who all said yes"
    assert "Adopté : plus de oui que de non." in one.page.text, "in the words of the public page"
    titles = [question.title_fr for question in await questions_of(sessions, campaign)]
    assert sorted(titles, key=one.page.text.index) == titles, "in the order of the ballots"
    await other.get(f"{home}/resultats")
    assert "Nous ne vous montrons pas le sien" in other.page.text
    assert "Adopté" not in other.page.text
    await send(other, "/resultats", a_result(box, answer=1))
    assert says(other, Refusal.COUNTS_DIFFER)
    assert await count(sessions, "select count(*) from journal where action = 'counts-differed'") == 1
    assert await count(sessions, "select count(*) from campaign_result") == 0
    # What tells each vote is published by two who have read that it does: the file is sent again, nothing was kept.
    assert "Je l'ai lu" not in other.page.text
    await send(other, "/resultats", result)
    assert says(other, Refusal.UNANIMITY_UNREAD)
    assert "Unanimité : publier ces nombres dit ce que chaque personne a voté" in other.page.text
    assert await count(sessions, "select count(*) from campaign_result") == 0
    await send(other, "/resultats", result, read="")
    assert says(other, Refusal.UNANIMITY_UNREAD), "the box was not ticked"
    await send(other, "/resultats", result, read="yes")
    assert "les résultats sont publiés" in other.page.text
    async with sessions.begin() as session:
        published = await results.published(session, campaign.id)
    assert published is not None
    assert (published.result, published.sha256) == (result, sha256(result.encode()).hexdigest())

    await one.get(home)
    assert "Résultats publiés" in one.page.text
    assert "Ouverte" not in one.page.text, "what is over is not called open"

    # A complaint keeps the key.
    await one.get(f"{home}/publication.json")
    said = json.loads(one.response.text)
    assert (said["format"], said["held"]) == ("scrutin/publication/v1", False)
    await one.get(f"{home}/destruction")
    assert "La clé se garde jusqu'au" in one.page.text
    await one.get(f"{home}/contestation")
    await one.submit("/contestation", verdict="hold", reason=" ")
    assert says(one, Refusal.CHANGE_REASON_NEEDED)
    await one.submit("/contestation", verdict="hold", reason="Demande à la Commission")
    # The other is led to what waits, not to a form for the same again.
    await other.get(f"{home}/contestation")
    assert "Une proposition attend sa confirmation" in other.page.text
    assert "Proposer de retenir les preuves" not in other.page.text
    await other.get(home)
    await agreed(other)
    await long_ago(sessions, 16 * DAY)
    await one.get(f"{home}/publication.json")
    said = json.loads(one.response.text)
    assert said["held"] is True
    sent = the_record(campaign, destroyed_at=said["destroy_after"])
    await one.get(f"{home}/destruction")
    assert "Une contestation est ouverte" in one.page.text
    token = one.page.forms[0].fields["form_token"]
    pasted = "\n".join(sent)
    await one.post(f"{home}/destruction", {"form_token": token, "pasted": pasted}, files={"file": ("", b"")})
    assert says(one, Refusal.TOO_EARLY_TO_DESTROY)
    await one.get(f"{home}/contestation")
    await one.submit("/contestation", verdict="release", reason="Rejetée")
    await other.get(home)
    await agreed(other)
    await one.get(f"{home}/destruction")
    await send(one, "/destruction", result)
    assert says(one, Refusal.DESTRUCTION_UNREADABLE)
    await send(one, "/destruction", *sent)
    await other.get(home)
    await agreed(other)
    await one.get(f"{home}/destruction")
    assert "est inscrite depuis" in one.page.text


async def test_a_closing_moves_for_a_reason_that_both_officers_read(visit_alone: Visit, sessions: Sessions) -> None:
    """T83: without one in both languages nothing is proposed; who has no address is on the list for the post."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        without = await builders.a_member(session, email=None, family_name="=cmd|' /C calc'!A0")
        await builders.a_member(session)
    one, other = await officers(visit_alone, sessions)
    home = f"/fr/campagne/{campaign.code}"
    later_on = typed("closes", campaign.closes + DAY)
    await one.get(f"{home}/calendrier")
    await one.submit("/calendrier", **later_on, reason_fr="Panne")
    assert says(one, Refusal.CLOSING_REASON_NEEDED)
    await one.submit("/calendrier", **later_on, **WHY)
    assert one.page.h1 == ["Vérifier avant de proposer"]
    assert "La clôture est reportée Sera envoyé 1" in one.page.text, one.page.text
    await one.submit("/calendrier")
    await other.get(home)
    address = next(link for link in other.page.links if "/proposition/" in link)
    await other.get(address)
    assert "Flooded room" in other.page.text
    await other.submit(address, verdict="confirm")
    assert (await campaign_of(sessions, campaign)).closing_moved_at is not None
    await other.get(f"{home}/poste")
    assert "Aucun courriel au dossier 1" in other.page.text
    await other.get(f"{home}/poste.csv")
    lines = other.response.text.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith(f'"{without.number}";"Jean-Baptiste";"\'=cmd|')
    assert await count(sessions, "select count(*) from journal where code = 'post:1'") == 1


async def test_only_officers_act_on_what_follows_a_vote(visit_alone: Visit, sessions: Sessions) -> None:
    """T66: an operator sees how things stand, and no form."""
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
    await close(sessions, campaign)
    operator = await a_desk(visit_alone, sessions, Role.OPERATOR)
    home = f"/fr/campagne/{campaign.code}"
    await operator.get(f"{home}/urne")
    assert operator.response.status_code == 200
    assert not any(form.action.endswith("/urne") for form in operator.page.forms)
    token = operator.page.forms[0].fields["form_token"]
    for page in ("urne", "cle", "resultats", "contestation", "destruction"):
        await operator.post(f"{home}/{page}", {"form_token": token, "reason": "x", "verdict": "hold"})
        assert operator.response.status_code == 403, page
    for page in ("resultats", "contestation", "destruction", "urne.json", "recus.csv", "publication.json"):
        await operator.get(f"{home}/{page}")
        assert operator.response.status_code == 403, page
    reviewer = await a_desk(visit_alone, sessions, Role.REVIEWER)
    for page in ("urne", "cle", "participation", "poste", "poste.csv", "obstacles"):
        await reviewer.get(f"{home}/{page}")
        assert reviewer.response.status_code == 403, page


async def test_cancelling_says_how_many_have_voted_and_is_not_offered_once_results_are_owed(
    visit_alone: Visit, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        await a_vote(session, campaign)
    one, _ = await officers(visit_alone, sessions)
    home = f"/fr/campagne/{campaign.code}"
    await one.get(f"{home}/annulation")
    assert says_state(one, "Des personnes ont déjà voté : moins de 10.")
    async with sessions.begin() as session:
        for _ in range(11):
            await a_vote(session, campaign)
    await one.get(f"{home}/annulation")
    assert says_state(one, "12 personnes ont déjà voté.")
    await close(sessions, campaign)
    await one.submit("/annulation", reason="Erreur")
    assert says(one, Refusal.RESULTS_OWED)
    assert not any(form.action.endswith("/annulation") for form in one.page.forms)
    await one.get(home)
    assert f"{home}/annulation" not in one.page.links
