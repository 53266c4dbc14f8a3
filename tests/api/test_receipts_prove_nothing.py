"""A receipt shows that a sealed vote is in the urn, and to nobody what it says: with everything that is public."""

import asyncio
import re
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from portal.rules.votes import BallotKind, Definition, Majority, digest_of, encode, options_of, receipt_of
from portal.settings import Settings
from portal.store import Sessions, votes
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.store.sealing import seal_vote
from tests import builders, keys_of_votes
from tests.api.conftest import Visit
from tests.api.person import Person
from tests.api.test_after_the_vote import a_voter, published
from tests.api.test_web_logs import served
from tests.store.ballot_box import DAY, PRESIDENT, an_open_campaign, ballot_of, later, sealed

RECEIPT = re.compile(r"\b[A-Z2-7]{4}(?:-[A-Z2-7]{4}){4}\b")
INPUT = re.compile(r'(name="key" value=")[^"]*')
DEFINITION = Definition(
    ballot_id=UUID(int=1), campaign="c", code="q", kind=BallotKind.ELECTION, choose=3, majority=Majority.HALF,
    quorum_percent=None, groups=["EC"], members_only=True, title=("t", "t"), question=("q", "q"),
    options=options_of(BallotKind.ELECTION, [(n, f"n{n}") for n in range(1, 8)]),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sets(st.integers(1, 7), max_size=3), min_size=1, max_size=8))
def test_whoever_seals_every_choice_anew_meets_no_receipt_again(chosen: list[set[int]]) -> None:
    """T97: the public key, the wording and all choices are known; a receipt is of one sealing, never of a choice."""
    sealings = [seal_vote(keys_of_votes.PUBLIC, encode(choice), DEFINITION.info) for choice in chosen]
    assert {len(one) for one in sealings} == {145}
    receipts = {receipt_of(digest_of(one)) for one in sealings}
    assert len(receipts) == len(chosen), "the same choice twice is two receipts"
    tried = [
        receipt_of(digest_of(seal_vote(keys_of_votes.PUBLIC, encode(choice), DEFINITION.info)))
        for choice in [set[int](), *({n} for n in range(1, 8)), *chosen]
    ]
    assert not receipts & set(tried)


async def public(person: Person, campaign: Campaign, receipts: list[str]) -> str:
    """Everything that anybody can get, each receipt looked up: receipts by their place in the list alone."""
    got: list[str] = []
    base = f"/fr/recus/{campaign.code}/{PRESIDENT}"
    for address in (base, f"/fr/resultats/{campaign.code}"):
        await person.get(address)
        got.append(person.response.text)
    for address in (f"{base}/liste.txt", f"/fr/resultats/{campaign.code}/resultat.json"):
        got.append((await person.client.get(address)).text)
    await person.get(base)
    for receipt in receipts:
        await person.submit(f"/{PRESIDENT}", receipt=receipt)
        got.append(person.response.text)
    everything = INPUT.sub(r"\1", "\n".join(got))
    places = {receipt: f"receipt {n}" for n, receipt in enumerate(receipts)}
    return RECEIPT.sub(lambda found: places[found.group()], everything)


async def test_all_that_is_public_is_the_same_whoever_chose_what(visit_alone: Visit, sessions: Sessions) -> None:
    """T97: two boxes with the same result, in which every single voter chose something else."""
    async with sessions.begin() as session:
        campaign = await an_open_campaign(session)
    voters = [await a_voter(sessions, campaign, PRESIDENT) for _ in range(12)]
    await later(sessions, 3 * DAY)
    await sealed(sessions, campaign.id)
    options = [{"id": 1, "votes": 9}, {"id": 2, "votes": 0}, {"id": 3, "votes": 0}]
    await published(sessions, campaign, {PRESIDENT: {"votes": 12, "options": options}})
    found = []
    for turned in (0, 1):
        async with sessions.begin() as session:
            await session.execute(text("set local session_replication_role = replica"))
            ballot = await ballot_of(session, campaign)
            definition = await votes.definition_of(session, campaign.code, ballot)
            for n, voter in enumerate(voters):
                choice = 1 + (n + turned) % 2
                await session.execute(
                    text("update vote set ciphertext = :c where member_id = :m"),
                    {"c": seal_vote(keys_of_votes.PUBLIC, encode([choice]), definition.info), "m": voter.id},
                )
            # Sealed anew.
            await session.execute(text("delete from sealed_vote"))
            await session.execute(text("insert into sealed_vote select ballot_id, digest from vote"))
            rows = (await session.execute(text("select digest, ciphertext from vote order by digest"))).all()
        receipts = [receipt_of(row.digest) for row in rows]
        said = await public(visit_alone(), campaign, receipts)
        for row in rows:
            for written in (
                bytes(row.ciphertext).hex(),
                b64encode(row.ciphertext).decode(),
                urlsafe_b64encode(row.ciphertext).decode(),
            ):
                assert written[:40] not in said, "no sealed vote is public here"
        found.append(said)
    assert found[0] == found[1]
    assert "receipt 11" in found[0]


async def test_no_page_of_the_portal_takes_a_receipt_and_a_name(visit_alone: Visit, sessions: Sessions) -> None:
    """T97: signed in or not, the answer to a receipt is one of three, and the same for everybody."""
    async with sessions.begin() as session:
        campaign = await an_open_campaign(session)
    voter = await a_voter(sessions, campaign, PRESIDENT)
    async with sessions.begin() as session:
        assert await session.scalar(select(Ballot.code).where(Ballot.campaign_id == campaign.id).limit(1))
        (cast,) = (await votes.of_member(session, campaign.id, voter.id)).values()
        account = await builders.a_member(session)
    await later(sessions, 3 * DAY)
    await sealed(sessions, campaign.id)
    stranger = visit_alone()
    await stranger.get(f"/fr/recus/{campaign.code}/{PRESIDENT}")
    await stranger.submit(f"/{PRESIDENT}", receipt=cast.receipt)
    for word in (voter.number, voter.family_name, str(voter.id), str(account.id)):
        assert word not in stranger.response.text


@pytest.mark.usefixtures("files")
async def test_a_receipt_that_is_looked_up_stands_in_no_log_and_in_no_address(
    api_settings: Settings, sessions: Sessions, tmp_path: Path
) -> None:
    """T98: by the portal as it is served, with everything that it writes."""
    async with sessions.begin() as session:
        campaign = await an_open_campaign(session)
    voter = await a_voter(sessions, campaign, PRESIDENT)
    async with sessions.begin() as session:
        (cast,) = (await votes.of_member(session, campaign.id, voter.id)).values()
    await later(sessions, 3 * DAY)
    await sealed(sessions, campaign.id)
    address = f"/fr/recus/{campaign.code}/{PRESIDENT}"

    with served(api_settings, tmp_path) as (origin, log):

        def look() -> httpx.Response:
            headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin"}
            return httpx.post(f"{origin}{address}", data={"receipt": cast.receipt.lower()}, headers=headers)

        answer = await asyncio.to_thread(look)

    assert answer.status_code == 200
    assert "Ce reçu est dans" in answer.text
    written = log.read_text().upper()
    assert "RECEIPTS" in written, "that the page was asked for is written"
    for secret in (cast.receipt, cast.receipt.replace("-", ""), cast.digest.hex().upper()):
        assert secret not in written
    async with sessions.begin() as session:
        rows = await session.execute(text("select key from attempt"))
        assert cast.receipt not in str(rows.all())
