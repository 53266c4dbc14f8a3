"""What a voter and the public find afterwards: was my vote counted, the receipts, the results, what we protect."""

import json
from base64 import b32decode
from hashlib import sha256
from typing import Any

from sqlalchemy import select, text

from portal.rules.accounts import RECEIPT_LIMIT
from portal.rules.identity import SubmissionStatus
from portal.rules.refusals import Refusal
from portal.store import Sessions, votes
from portal.store.ballots import Ballot, Candidate
from portal.store.campaigns import Campaign
from portal.store.members import Member
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.person import Person
from tests.api.test_documents import CARD, a_file, address_of, says, send_card
from tests.store.ballot_box import (
    DAY,
    PRESIDENT,
    a_provisional_voter,
    an_open_campaign,
    answered,
    later,
    registered,
    sealed,
    vote,
)  # fmt: skip

PASSWORDS = {"password_hash": PASSWORD_HASH}


async def a_voter(sessions: Sessions, campaign: Campaign, *codes: str) -> Member:
    """Somebody whose identity is confirmed, and who has voted in these ballots."""
    async with sessions.begin() as session:
        member = await builders.a_member(session, verified=True, password_hash=PASSWORD_HASH)
        await registered(session, campaign, member, PRESIDENT, "pension")
        await session.execute(
            text("update registration set confirmed_at = now() where member_id = :m"), {"m": member.id}
        )
        await session.execute(text("update member set identity_verified_at = now() where id = :m"), {"m": member.id})
        for code in codes:
            await vote(session, campaign, member, code)
    return member


async def receipts_of(sessions: Sessions, campaign: Campaign, member: Member) -> list[str]:
    async with sessions.begin() as session:
        return [cast.receipt for cast in (await votes.of_member(session, campaign.id, member.id)).values()]


async def signed_in(visit: Visit, sessions: Sessions, member: Member, language: str = "fr") -> Person:
    async with sessions.begin() as session:
        email = await address_of(session, member)
    person = visit(language)
    await person.sign_in(email, PASSWORD)
    assert person.response.status_code == 200
    return person


async def a_box(sessions: Sessions) -> Campaign:
    async with sessions.begin() as session:
        return await an_open_campaign(session)


# --- was my vote counted? ------------------------------------------------------------------------------------------


async def test_each_ballot_says_where_its_vote_is_from_the_casting_to_the_results(
    visit_alone: Visit, sessions: Sessions
) -> None:
    campaign = await a_box(sessions)
    member = await a_voter(sessions, campaign, PRESIDENT)
    (receipt,) = await receipts_of(sessions, campaign, member)
    person = await signed_in(visit_alone, sessions, member)

    await person.get("/fr/votes/comptes")
    assert "Votre vote est dans l'urne. Il sera compté au dépouillement" in person.page.text
    assert receipt in person.page.text
    assert "Vous n'avez pas encore voté sur cette question." in person.page.text, "the ballot not voted says so"
    assert "Dites-le" in person.page.text

    await later(sessions, 2 * DAY)
    await person.sign_in(*await pair(sessions, member))
    await person.get("/fr/votes/comptes")
    assert "Aucun vote de vous n'est dans l'urne pour cette question." in person.page.text
    await sealed(sessions, campaign.id)
    await person.get("/fr/votes/comptes")
    assert "Dans l'urne scellée" in person.page.text
    assert f"/fr/recus/{campaign.code}/{PRESIDENT}" in person.page.links
    await published(sessions, campaign, {})
    await person.get("/fr/votes/comptes")
    assert "Votre vote a été compté" in person.page.text
    for page in ("/fr/accueil", "/fr/votes", "/fr/votes/comptes"):
        await person.get(page)
        assert f"/fr/resultats/{campaign.code}" in person.page.links, page


async def pair(sessions: Sessions, member: Member) -> tuple[str, str]:
    async with sessions.begin() as session:
        return await address_of(session, member), PASSWORD


async def test_a_provisional_vote_says_so_and_until_when_on_every_page_that_speaks_of_it(
    visit_alone: Visit, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        campaign = await an_open_campaign(session)
        member, sent = await a_provisional_voter(session, campaign, **PASSWORDS)
    person = await signed_in(visit_alone, sessions, member)
    pages = ("/fr/accueil", "/fr/profil", "/fr/votes", "/fr/votes/comptes", "/fr/dossier")
    for page in pages:
        await person.get(page)
        assert "rovisoire" in person.page.text, page
        assert "réglé au plus tard le" in person.page.text, page

    await later(sessions, 3 * DAY)
    async with sessions.begin() as session:
        await answered(session, sent, SubmissionStatus.REJECTED)
    await person.sign_in(*await pair(sessions, member))
    for page in (*pages, "/fr/profil/identite"):
        await person.get(page)
        assert "réglé au plus tard le" in person.page.text, page
    await person.get("/fr/accueil")
    assert "C'est à vous" in person.page.text
    assert "/fr/profil/identite" in person.page.links

    await later(sessions, 8 * DAY)
    await person.sign_in(*await pair(sessions, member))
    await person.get("/fr/votes/comptes")
    assert "Votre vote est mis de côté : aucune meilleure photo n'est arrivée dans le délai." in person.page.text
    await person.get("/fr/accueil")
    assert "il est mis de côté" in person.page.text
    await person.get("/fr/profil/identite")
    await person.send_documents({"file1": a_file(CARD)}, kind1="driving-licence")
    assert says(person, Refusal.REGISTRATION_CLOSED)


async def test_a_better_photo_is_taken_after_the_close_from_who_has_a_provisional_vote_and_from_nobody_else(
    visit: Visit, sessions: Sessions
) -> None:
    async with sessions.begin() as session:
        campaign = await an_open_campaign(session)
        member, sent = await a_provisional_voter(session, campaign, **PASSWORDS)
        other = await builders.a_member(session, verified=True, password_hash=PASSWORD_HASH)
    await later(sessions, 3 * DAY)
    async with sessions.begin() as session:
        await answered(session, sent, SubmissionStatus.REJECTED)

    person = await signed_in(visit, sessions, member)
    assert await send_card(person) == 200
    await person.get("/fr/accueil")
    assert "C'est à nous" in person.page.text
    assert "Votre vote est provisoire." in person.page.text

    late = await signed_in(visit, sessions, other)
    await late.get("/fr/profil/identite")
    await late.send_documents({"file1": a_file(CARD)}, kind1="driving-licence")
    assert says(late, Refusal.REGISTRATION_CLOSED)


# --- the receipts --------------------------------------------------------------------------------------------------


async def test_the_receipts_of_a_ballot_are_public_after_the_seal_sorted_and_nothing_else(
    visit_alone: Visit, sessions: Sessions
) -> None:
    campaign = await a_box(sessions)
    voters = [await a_voter(sessions, campaign, PRESIDENT) for _ in range(3)]
    # In the order of the hashes: letters come before digits.
    mine = sorted(
        [(await receipts_of(sessions, campaign, voter))[0] for voter in voters],
        key=lambda code: b32decode(code.replace("-", "") + "A" * 12),
    )
    async with sessions.begin() as session:
        aside, _ = await a_provisional_voter(session, campaign)
    (set_aside,) = await receipts_of(sessions, campaign, aside)
    await later(sessions, 30 * DAY)
    async with sessions.begin() as session:
        await session.execute(text("update submission set status = 'abandoned', over_at = now()"))

    stranger = visit_alone()
    address = f"/fr/recus/{campaign.code}/{PRESIDENT}"
    for public in (address, f"/fr/resultats/{campaign.code}"):
        await stranger.get(public)
        assert "Le vote s'est terminé le" in stranger.page.text
    await stranger.get(address)
    assert says(stranger, Refusal.RECEIPTS_NOT_YET)
    await stranger.get(f"{address}/liste.txt")
    assert says(stranger, Refusal.RECEIPTS_NOT_YET)
    await sealed(sessions, campaign.id)

    await stranger.get(address)
    assert all(receipt in stranger.page.text for receipt in mine)
    assert set_aside not in stranger.page.text
    assert "3 votes sont dans l'urne" in stranger.page.text
    assert "Un vote provisoire a été mis de côté" in stranger.page.text
    listed = (await stranger.client.get(f"{address}/liste.txt")).text.split()
    assert listed == mine
    for word in ("Poquelin", *(voter.number for voter in voters)):
        assert word not in stranger.response.text

    for typed in (mine[0], mine[0].lower(), mine[0].replace("-", ""), mine[0].replace("-", "  ")):
        await stranger.submit(f"/{PRESIDENT}", receipt=typed)
        assert "Ce reçu est dans l'urne" in stranger.page.text
        assert mine[0].replace("-", "") not in str(stranger.response.url).upper(), "in no address"
    await stranger.submit(f"/{PRESIDENT}", receipt=set_aside)
    assert "Ce vote est mis de côté" in stranger.page.text
    await stranger.submit(f"/{PRESIDENT}", receipt="AAAA-AAAA-AAAA-AAAA-AAAA")
    assert "Ce reçu n'est pas dans cette liste" in stranger.page.text
    await stranger.submit(f"/{PRESIDENT}", receipt="pas un reçu")
    assert says(stranger, Refusal.RECEIPT_UNREADABLE)
    await stranger.get(f"/fr/recus/{campaign.code}/pension")
    assert "Aucun vote n'est dans l'urne." in stranger.page.text, "each question has its own list"
    await stranger.get("/en/receipts/nothing/nothing")
    assert stranger.response.status_code == 404


async def test_an_address_looks_up_thirty_receipts_a_minute_and_looking_at_the_list_counts_for_nothing(
    visit_alone: Visit, sessions: Sessions
) -> None:
    campaign = await a_box(sessions)
    await later(sessions, 3 * DAY)
    await sealed(sessions, campaign.id)
    stranger, other = visit_alone(), visit_alone(address="192.0.2.7")
    address = f"/fr/recus/{campaign.code}/{PRESIDENT}"
    before = await attempts(sessions)
    await stranger.get(address)
    assert await attempts(sessions) == before, "GET changes nothing"
    for _ in range(RECEIPT_LIMIT.most):
        await stranger.submit(f"/{PRESIDENT}", receipt="AAAA-AAAA-AAAA-AAAA-AAAA")
        assert stranger.response.status_code == 200
    await stranger.submit(f"/{PRESIDENT}", receipt="AAAA-AAAA-AAAA-AAAA-AAAA")
    assert stranger.response.status_code == 429
    assert says(stranger, Refusal.TOO_MANY_TRIES)
    await other.get(address)
    await other.submit(f"/{PRESIDENT}", receipt="AAAA-AAAA-AAAA-AAAA-AAAA")
    assert other.response.status_code == 200


async def attempts(sessions: Sessions) -> int:
    async with sessions.begin() as session:
        return int(await session.scalar(text("select count(*) from attempt")) or 0)


# --- the results ---------------------------------------------------------------------------------------------------


def counted(ballot: Ballot, **more: Any) -> dict[str, Any]:
    return {
        "ballot": str(ballot.id), "code": ballot.code, "kind": ballot.kind, "electors": 100, "votes": 60, "invalid": 1,
        "blank": 2, "options": [{"id": 1, "votes": 40}, {"id": 2, "votes": 15}, {"id": 3, "votes": 2}],
        "outcome": "adopted", "elected": [], "tied": [], **more,
    }  # fmt: skip


async def published(sessions: Sessions, campaign: Campaign, said: dict[str, dict[str, Any]]) -> str:
    """As two officers publish; the file."""
    async with sessions.begin() as session:
        ballots = await session.scalars(
            select(Ballot).where(Ballot.campaign_id == campaign.id, Ballot.code.in_(said)).order_by(Ballot.code)
        )
        result = json.dumps(
            {
                "format": "scrutin/result/v1", "campaign": campaign.code, "manifest_sha256": "0" * 64,
                "ballots": [counted(ballot, **said[ballot.code]) for ballot in ballots],
            },
            ensure_ascii=False, sort_keys=True, separators=(",", ":"),
        ) + "\n"  # fmt: skip
        await session.execute(text("set local session_replication_role = replica"))
        await session.execute(
            text("update campaign set results_at = clock_timestamp() where id = :id"), {"id": campaign.id}
        )
        await session.execute(
            text("insert into campaign_result values (:id, :result, :sha, clock_timestamp())"),
            {"id": campaign.id, "result": result, "sha": sha256(result.encode()).hexdigest()},
        )
    return result


async def test_the_results_say_the_outcome_in_words_the_numbers_and_how_to_check_them(
    visit_alone: Visit, sessions: Sessions
) -> None:
    campaign = await a_box(sessions)
    async with sessions.begin() as session:
        directors = await session.scalar(
            select(Ballot.id).where(Ballot.campaign_id == campaign.id, Ballot.code == "ec-directors")
        )
        await session.execute(text("set local session_replication_role = replica"))
        for position, name in enumerate(("Anne", "Bruno", "Carla"), 1):
            session.add(Candidate(ballot_id=directors, position=position, name=name))
        await session.execute(text("update ballot set majority = 'two-thirds' where code = 'pension'"))
        await session.execute(text("update ballot set quorum_percent = 50 where code = 'auditors'"))
        await session.execute(text("update ballot set choose = 2 where code = 'ec-directors'"))
    stranger = visit_alone()
    await stranger.get(f"/fr/resultats/{campaign.code}")
    assert says(stranger, Refusal.RESULTS_NOT_YET)
    assert (await stranger.client.get(f"/fr/resultats/{campaign.code}/resultat.json")).status_code == 404

    tie = [{"id": 1, "votes": 20}, {"id": 2, "votes": 20}, {"id": 3, "votes": 17}]
    short = [{"id": 1, "votes": 35}, {"id": 2, "votes": 20}, {"id": 3, "votes": 2}]
    seats = [{"id": 1, "votes": 33}, {"id": 2, "votes": 17}, {"id": 3, "votes": 17}]
    fewer = [{"id": 1, "votes": 25}, {"id": 2, "votes": 10}, {"id": 3, "votes": 2}]
    result = await published(sessions, campaign, {
        "president": {}, "hr-committee": {"options": tie, "outcome": "not-adopted"},
        "pension": {"options": short, "outcome": "not-adopted"},
        "auditors": {"outcome": "no-quorum", "votes": 40, "options": fewer},
        "ec-directors": {"options": seats, "outcome": "elected", "elected": [1], "tied": [2, 3]},
    })  # fmt: skip

    await stranger.get(f"/fr/resultats/{campaign.code}")
    for words in (
        "Adopté : plus de oui que de non.", "Non adopté : autant de oui que de non",
        "Non adopté : il fallait les deux tiers", "le quorum de 50 % des électrices et électeurs n'est pas atteint",
        "Élu ou élue : Anne.", "à départager par tirage au sort : Bruno, Carla.", "60,0 %", "Votes blancs",
        sha256(result.encode()).hexdigest(), "sha256sum",
    ):  # fmt: skip
        assert words in stranger.page.text.replace("\N{NO-BREAK SPACE}", " ").replace(
            "\N{NARROW NO-BREAK SPACE}", " "
        ), words
    file = await stranger.client.get(f"/fr/resultats/{campaign.code}/resultat.json")
    assert file.content == result.encode()
    await stranger.get(f"/en/results/{campaign.code}")
    assert "Adopted: more said yes than no." in stranger.page.text
    assert "Tied for the last seat, to be decided by drawing lots: Bruno, Carla." in stranger.page.text


async def test_a_ballot_with_fewer_than_ten_votes_shows_its_outcome_and_no_number_that_would_split_it(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T101: nor does a file that may be downloaded."""
    campaign = await a_box(sessions)
    small = [{"id": 1, "votes": 4}, {"id": 2, "votes": 0}, {"id": 3, "votes": 3}]
    await published(sessions, campaign, {"president": {"votes": 9, "blank": 1, "options": small}})
    stranger = visit_alone()
    await stranger.get(f"/fr/resultats/{campaign.code}")
    assert "Moins de 10 votes ont été comptés" in stranger.page.text
    assert "Adopté." in stranger.page.text
    for said in ("Votes blancs", "Votes nuls", "Participation", "Abstention", "<table", '<svg class="app-funnel'):
        assert said not in stranger.response.text
    assert "n'est pas offert au téléchargement" in stranger.page.text
    await stranger.get(f"/fr/resultats/{campaign.code}/resultat.json")
    assert stranger.response.status_code == 403
    assert says(stranger, Refusal.RESULT_FILE_WITHHELD), "it is out, and not to come"


async def test_a_draft_has_no_public_page(visit_alone: Visit, sessions: Sessions) -> None:
    campaign = await a_box(sessions)
    async with sessions.begin() as session:
        await session.execute(text("set local session_replication_role = replica"))
        await session.execute(text("update campaign set status = 'draft'"))
    stranger = visit_alone()
    for address in (f"/fr/resultats/{campaign.code}", f"/fr/recus/{campaign.code}/{PRESIDENT}"):
        await stranger.get(address)
        assert stranger.response.status_code == 404


async def test_everybody_can_read_what_is_protected_and_what_is_not(visit_alone: Visit) -> None:
    for language, slug, word in (
        ("fr", "ce-que-nous-protegeons", "Sans JavaScript"),
        ("en", "what-we-protect", "Malware"),
    ):
        stranger = visit_alone(language)
        await stranger.get(f"/{language}/guide")
        assert f"/{language}/{slug}" in stranger.page.links
        await stranger.get(f"/{language}/{slug}")
        assert word in stranger.page.text


async def test_my_file_and_its_download_hold_that_i_voted_and_neither_receipt_nor_sealed_vote(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T98: the receipt is shown on one page, to its voter alone."""
    campaign = await a_box(sessions)
    member = await a_voter(sessions, campaign, PRESIDENT)
    (receipt,) = await receipts_of(sessions, campaign, member)
    async with sessions.begin() as session:
        ciphertext = (await session.execute(text("select ciphertext from vote"))).scalar_one()
    person = await signed_in(visit_alone, sessions, member)
    data = await person.client.get("/fr/dossier/donnees")
    held = json.loads(data.text)["participation"]
    assert [(one["ballot"], one["state"]) for one in held] == [(PRESIDENT, "counts")]
    for page in ("/fr/dossier", "/fr/accueil", "/fr/messages", "/fr/votes"):
        await person.get(page)
        assert receipt not in person.response.text, page
    await person.get("/fr/dossier")
    assert "Vote déposé : le portail sait que vous avez voté" in person.page.text
    for secret in (receipt, receipt.replace("-", ""), bytes(ciphertext).hex()):
        assert secret not in data.text
