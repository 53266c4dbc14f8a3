"""What officers see of a sealed box without reading a vote again, and of a vote that keeps one from being sealed."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event

from portal.rules.campaign_changes import ChangeKind
from portal.rules.urns import read_urn
from portal.rules.votes import VoteState
from portal.store import Sessions
from tests.api.conftest import PASSWORD, PASSWORD_HASH, Visit
from tests.api.looking import change
from tests.api.test_campaign_running import send
from tests.api.test_campaigns import agreed, officers
from tests.api.test_documents import address_of
from tests.store.ballot_box import a_provisional_voter, an_open_campaign, the_vote
from tests.store.ballot_box import later as moved_on
from tests.store.running import DAY, a_result, a_vote, campaign_of, close, officer, open_for_votes, signed, the_box


@contextmanager
def votes_read() -> Iterator[list[str]]:
    """Every statement that reads votes, of whichever connection."""
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        if re.search(r"\b(sealed_vote|settled_vote|sealed_votes|vote)\b(?!\.)", statement):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield seen
    event.remove(Engine, "before_cursor_execute", note)


async def test_whoever_looks_at_a_sealed_box_or_its_results_reads_no_vote_again(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """The seal has written down the hash of each list: 175,000 votes are read when the urn leaves, and then only."""
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        for _ in range(12):
            await a_vote(session, campaign, "president", 1)
    await close(sessions, campaign)
    first, second = await officer(sessions), await officer(sessions)
    assert await signed(sessions, campaign.id, ChangeKind.SEAL, first, second) is None
    one, other = await officers(visit_alone, sessions)
    home = f"/fr/campagne/{campaign.code}"
    with votes_read() as seen:
        await one.get(f"{home}/urne")
        assert "Urne scellée" in one.page.text
        box = await the_box(sessions, campaign)
        assert box.manifest_sha256 in one.page.text
        await one.get(f"{home}/resultats")
        await send(one, "/resultats", a_result(box))
        await one.get(f"{home}/resultats")
        assert "Unanimité" in one.page.text
        await other.get(f"{home}/resultats")
        await send(other, "/resultats", a_result(box), read="yes")
        assert "les résultats sont publiés" in other.page.text
        await one.get(f"{home}/resultats")
        await visit_alone().get(f"/fr/resultats/{campaign.code}")
    assert seen == []
    with votes_read() as seen:
        await other.get(f"{home}/urne.json")
    assert len(seen) == len(box.ballots)
    assert json.loads(other.response.text)["ballots"] and read_urn("urn", other.response.content)


async def test_a_file_that_nobody_answers_is_closed_at_the_end_and_the_count_goes_on(
    visit_alone: Visit, sessions: Sessions
) -> None:
    """T85: officers read what settles a vote, before its day, after it and after the end; no vote blocks for ever."""
    async with sessions.begin() as session:
        campaign = await an_open_campaign(session)
        for _ in range(2):
            member, _ = await a_provisional_voter(session, campaign, password_hash=PASSWORD_HASH)
        for _ in range(2):
            await a_vote(session, campaign)
    one, other = await officers(visit_alone, sessions)
    where = f"/fr/campagne/{campaign.code}/urne"

    async def looked_at(*said: str, not_said: str = "Proposer de sceller") -> None:
        await one.get(where)
        text = one.page.text.replace("\u00a0", " ")
        assert all(words in text for words in said), text
        assert not_said not in text

    answer = "une personne confirme l'identité, deux la refusent"
    await moved_on(sessions, 3 * DAY)
    await looked_at("attend l'examen 2", answer, "le portail ferme le dossier à la fin de la campagne")
    await moved_on(sessions, 7 * DAY)
    await looked_at("(en retard)", answer, "le portail ferme le dossier à la fin de la campagne")
    await moved_on(sessions, 7 * DAY)
    await looked_at("(en retard)", answer, "La campagne est finie depuis", "un service est arrêté")
    # As the workflow of each does, or the sweep without it (tests/activities/test_settled_votes.py).
    await change(sessions, "update submission set status = 'abandoned', over_at = clock_timestamp()")
    await looked_at(not_said="Votes encore provisoires")
    await one.submit("/urne")
    await other.get(f"/fr/campagne/{campaign.code}")
    await agreed(other)
    box = await the_box(sessions, campaign)
    president = next(ballot for ballot in box.ballots if ballot.code == "president")
    assert (president.votes, president.set_aside) == (2, 2)
    async with sessions.begin() as session:
        cast = await the_vote(session, campaign, member)
        assert (cast.state, cast.because) == (VoteState.SET_ASIDE, "abandoned")
        address = await address_of(session, member)
    voter = visit_alone()
    await voter.sign_in(address, PASSWORD)
    await voter.get("/fr/votes/comptes")
    assert "personne n'a répondu à votre dernier envoi avant la fin de la campagne" in voter.page.text
    assert "à qui adresser une plainte" in voter.page.text
    # A complaint is heard: two officers keep the key for it.
    await one.get(f"/fr/campagne/{campaign.code}/contestation")
    await one.submit("/contestation", verdict="hold", reason="Plainte")
    await other.get(f"/fr/campagne/{campaign.code}")
    await agreed(other)
    assert (await campaign_of(sessions, campaign)).held_at is not None
