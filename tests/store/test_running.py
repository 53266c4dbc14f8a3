"""A vote is given its key, sealed, counted and published by two; the records hold the rest to it."""

import json
from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from portal.rules.campaign_changes import ChangeKind
from portal.rules.canonical import b64, canonical, unb64, written
from portal.rules.election import read_result
from portal.rules.refusals import Refusal
from portal.rules.running import KEY_KEPT
from portal.rules.votes import VoteState
from portal.store import Sessions, campaigns, receipts, results, running, votes
from portal.store.campaigns import Campaign
from portal.store.receipts import Place
from tests import builders, keys_of_votes
from tests.keys_of_votes import TRUSTEES
from tests.store.cases import run
from tests.store.running import (
    DAY,
    HOUR,
    a_result,
    a_vote,
    campaign_of,
    close,
    end,
    officer,
    open_for_votes,
    signed,
    the_box,
)
from tests.store.test_campaign_changes import a_ballot, a_draft, an_officer, confirmed, proposed

A_KEY = {"public_key": b64(keys_of_votes.PUBLIC), "trustees": TRUSTEES}


async def voted(sessions: Sessions, *choices: int) -> Campaign:
    """Three votes in two ballots, the last of a dues-payer's group mate; voting is over."""
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        for choice in choices or (1, 1, 2):
            await a_vote(session, campaign, "president", choice)
        await a_vote(session, campaign, "pension", 3)
    await close(sessions, campaign)
    return campaign


async def test_a_key_is_set_by_two_and_stays_once_voting_is_open(sessions: Sessions, as_api: Sessions) -> None:
    """T66, T93: the public half and three who hold the other; what is stored opens nothing."""
    one, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
    change = await proposed(as_api, campaign.id, ChangeKind.KEY, one, **A_KEY)  # type: ignore[arg-type]
    assert await confirmed(as_api, campaign.id, change, one) is Refusal.SECOND_OFFICER_NEEDED
    assert (await campaign_of(sessions, campaign)).election_key is None
    assert await confirmed(as_api, campaign.id, change, other) is None
    keyed = await campaign_of(sessions, campaign)
    assert keyed.election_key == keys_of_votes.PUBLIC
    assert keyed.trustees == TRUSTEES
    # Made again before the opening: somebody lost theirs.
    assert await signed(as_api, campaign.id, ChangeKind.KEY, one, other, wanted=A_KEY) is None
    await run(sessions, "update campaign set opens = clock_timestamp()")
    assert await signed(as_api, campaign.id, ChangeKind.KEY, one, other, wanted=A_KEY) is Refusal.PROPOSAL_STALE
    with pytest.raises(IntegrityError, match="not undone"):
        await run(sessions, "update campaign set election_key = null, trustees = null")


@pytest.mark.parametrize(
    "wrong",
    [
        {"public_key": b64(b"\x02" + bytes(64))},
        {"public_key": b64(bytes(32))},
        {"trustees": TRUSTEES[:2]},
        {"trustees": [TRUSTEES[0], TRUSTEES[0], TRUSTEES[1]]},
        {"trustees": [{**TRUSTEES[0], "signing": "AA"}, *TRUSTEES[1:]]},
        {"trustees": "officer-1"},
    ],
)
async def test_what_is_no_key_or_has_not_three_holders_is_refused(
    sessions: Sessions, as_api: Sessions, wrong: dict[str, object]
) -> None:
    one, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
    refused = await signed(as_api, campaign.id, ChangeKind.KEY, one, other, wanted={**A_KEY, **wrong})
    assert refused is Refusal.PROPOSAL_STALE
    assert (await campaign_of(sessions, campaign)).election_key is None


async def test_a_campaign_that_is_open_without_a_key_may_still_be_given_one(
    sessions: Sessions, as_api: Sessions
) -> None:
    one, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session, opens=-HOUR, closes=HOUR)
        assert [c.id for c in await running.without_key(session, timedelta(days=3))] == [campaign.id]
    assert await signed(as_api, campaign.id, ChangeKind.KEY, one, other, wanted=A_KEY) is None
    async with sessions.begin() as session:
        assert await running.without_key(session, timedelta(days=3)) == []


async def test_a_box_is_sealed_by_two_after_the_close_and_never_again(sessions: Sessions, as_api: Sessions) -> None:
    """T66: before the close it stays open, and so it does with one signature."""
    one, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        await a_vote(session, campaign)
    assert await signed(as_api, campaign.id, ChangeKind.SEAL, one, other) is Refusal.PROPOSAL_STALE
    await close(sessions, campaign)
    async with as_api.begin() as session:
        assert await running.urn(session, campaign) is None
    # The files of the members may be closed by then.
    await end(sessions, campaign)
    change = await proposed(as_api, campaign.id, ChangeKind.SEAL, one)
    with pytest.raises(IntegrityError, match="another officer confirms"):
        await run(
            as_api, "update campaign_change set confirmed_by = :by, manifest = 'x' where id = :c", by=one, c=change
        )
    assert (await campaign_of(sessions, campaign)).sealed_at is None
    assert await signed(as_api, campaign.id, ChangeKind.SEAL, one, other) is None
    assert (await campaign_of(sessions, campaign)).sealed_at is not None
    assert await signed(as_api, campaign.id, ChangeKind.SEAL, one, other) is Refusal.PROPOSAL_STALE
    for undo in ("sealed_at = null", "sealed_at = clock_timestamp()"):
        with pytest.raises(IntegrityError, match="not undone"):
            await run(sessions, f"update campaign set {undo}")


async def test_no_box_is_sealed_while_a_vote_is_open(sessions: Sessions, as_api: Sessions) -> None:
    one, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        await a_vote(session, campaign)
        await a_vote(session, campaign, confirmed=False)
    await close(sessions, campaign)
    async with as_api.begin() as session:
        waiting = await running.still_open(session, campaign.id)
        assert [(w.because, w.under_review, w.votes) for w in waiting] == [(None, False, 1)]
    assert await signed(as_api, campaign.id, ChangeKind.SEAL, one, other) is Refusal.VOTES_STILL_OPEN
    assert await nothing_sealed(sessions)
    # A week after the close nobody has answered: set aside, and counted as such.
    await close(sessions, campaign, 8 * DAY)
    async with as_api.begin() as session:
        assert await running.still_open(session, campaign.id) == []
    assert await signed(as_api, campaign.id, ChangeKind.SEAL, one, other) is None
    async with as_api.begin() as session:
        numbers = {ballot.code: n for ballot, n in await running.sealed_numbers(session, campaign.id)}
        assert (numbers["president"].counted, numbers["president"].set_aside) == (1, 1)
        assert numbers["president"].reasons == {"none": 1}


async def nothing_sealed(sessions: Sessions) -> bool:
    async with sessions.begin() as session:
        return not await session.scalar(
            text("select (select count(*) from sealed_vote) + (select count(*) from campaign_seal)")
        )


async def test_the_urn_is_what_counted_at_the_seal_sorted_and_without_anybody(
    sessions: Sessions, as_api: Sessions
) -> None:
    """Whatever is decided of a member later, the file is the same bytes."""
    one, other = await officer(sessions), await officer(sessions)
    campaign = await voted(sessions)
    assert await signed(as_api, campaign.id, ChangeKind.SEAL, one, other) is None
    sealed = await campaign_of(sessions, campaign)
    async with as_api.begin() as session:
        first = await running.urn(session, sealed)
        lines = await running.receipts(session, campaign.id)
    assert first is not None
    urn = json.loads(first)
    assert first == written(urn)
    assert urn["format"] == "scrutin/urn/v1"
    assert [b["code"] for b in urn["ballots"]] == sorted(b["code"] for b in urn["ballots"])
    president = next(b for b in urn["ballots"] if b["code"] == "president")
    assert (president["electors"], president["on_paper"], president["set_aside"]) == (4, 0, 0)
    digests = [sha256(unb64(c) or b"").digest() for c in president["ciphertexts"]]
    assert digests == sorted(digests)
    assert president["list_sha256"] == sha256(b"".join(digests)).hexdigest()
    assert president["definition_sha256"] == sha256(president["definition"].encode()).hexdigest()
    info = f"scrutin/vote/v1|{president['ballot']}|{president['definition_sha256']}".encode()
    said = sorted(keys_of_votes.opened((unb64(c) or b""), info)[2:4] for c in president["ciphertexts"])
    assert said == [b"\0\1", b"\0\1", b"\0\2"]
    assert len(lines) == 4
    assert not {"member", "cast_at", "number"} & set(first.decode().replace('"', " ").split())
    # Whole manifest: what a reader computes from the file alone.
    box = await the_box(sessions, campaign)
    without = {**urn, "ballots": [
        {**{k: v for k, v in b.items() if k != "ciphertexts"}, "count": len(b["ciphertexts"])} for b in urn["ballots"]
    ]}  # fmt: skip
    assert box.manifest_sha256 == sha256(canonical(without)).hexdigest()
    await run(sessions, "update registration set confirmed_at = null")
    await run(sessions, "update member set standing = 'dues-payer'")
    async with as_api.begin() as session:
        assert await running.urn(session, sealed) == first


async def test_what_a_voter_is_told_and_the_list_of_receipts_agree_after_the_seal_whatever_changes(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T97: of a vote that counted and of one that was set aside."""
    one, other = await officer(sessions), await officer(sessions)
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        voters = [await a_vote(session, campaign), await a_vote(session, campaign, confirmed=False)]
    await close(sessions, campaign, 8 * DAY)
    assert await signed(as_api, campaign.id, ChangeKind.SEAL, one, other) is None
    for change in (
        "update registration set confirmed_at = clock_timestamp() - interval '99 days'",
        "update registration set confirmed_at = null",
        "update member set left_at = clock_timestamp()",
    ):
        await run(sessions, change)
        async with as_api.begin() as session:
            for voter, state, place in zip(
                voters, (VoteState.COUNTS, VoteState.SET_ASIDE), (Place.IN_THE_URN, Place.SET_ASIDE), strict=True
            ):
                [(ballot_id, cast)] = (await votes.of_member(session, campaign.id, voter.id)).items()
                assert cast.state is state, change
                assert await receipts.place_of(session, ballot_id, cast.receipt) is place, change


async def test_no_role_reads_a_sealed_vote_but_by_the_function_and_after_the_seal(
    sessions: Sessions, as_api: Sessions, as_worker: Sessions
) -> None:
    """T93: neither the pages nor the worker."""
    campaign = await voted(sessions)
    for role in (as_api, as_worker):
        with pytest.raises(ProgrammingError, match="permission denied"):
            await run(role, "select ciphertext from vote")
        for table in ("campaign_seal", "sealed_ballot", "sealed_vote", "campaign_result"):
            with pytest.raises(ProgrammingError, match="permission denied"):
                await run(role, f"delete from {table}")
            with pytest.raises(ProgrammingError, match="permission denied"):
                await run(role, f"insert into {table} select * from {table}")
        for step in (
            "select take_key(c, '{}', now()) from campaign c",
            "select seal_box(c, 'x', 1, now()) from campaign c",
            "select take_results(c, '{}', 'x', now()) from campaign c",
        ):
            with pytest.raises(ProgrammingError, match="permission denied"):
                await run(role, step)
    with pytest.raises(ProgrammingError, match="permission denied"):
        await run(as_worker, "select sealed_votes(id) from ballot")
    async with as_api.begin() as session:
        assert not (await session.execute(text("select sealed_votes(id) from ballot"))).all()
    assert campaign.sealed_at is None


async def test_results_are_published_when_two_counts_are_the_same_and_told_after_the_end(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T66: the second officer's own count, or nothing."""
    one, other = await officer(sessions), await officer(sessions)
    campaign = await voted(sessions)
    assert (await signed(as_api, campaign.id, ChangeKind.RESULTS, one, other, wanted={"result": "", "sha256": ""})) is (
        Refusal.PROPOSAL_STALE
    )
    assert await signed(as_api, campaign.id, ChangeKind.SEAL, one, other) is None
    await end(sessions, campaign)
    result = a_result(await the_box(sessions, campaign))
    assert not isinstance(read_result(result, await the_box(sessions, campaign)), Refusal)
    digest = sha256(result.encode()).hexdigest()
    wanted = {"result": result, "sha256": digest}
    for counted in (None, sha256(b"another").hexdigest()):
        refused = await signed(as_api, campaign.id, ChangeKind.RESULTS, one, other, wanted=wanted, counted=counted)
        assert refused is Refusal.COUNTS_DIFFER
    lying = {"result": result + " ", "sha256": digest}
    assert (
        await signed(as_api, campaign.id, ChangeKind.RESULTS, one, other, wanted=lying, counted=digest)
        is Refusal.COUNTS_DIFFER
    )
    async with as_api.begin() as session:
        assert await results.published(session, campaign.id) is None
    await run(sessions, "update campaign set heard_version = calendar_version")
    async with sessions.begin() as session:
        assert await campaigns.to_run(session) == []
    assert await signed(as_api, campaign.id, ChangeKind.RESULTS, one, other, wanted=wanted, counted=digest) is None
    async with as_api.begin() as session:
        published = await results.published(session, campaign.id)
        assert published is not None
        assert (published.result, published.sha256) == (result, digest)
        out = await campaign_of(sessions, campaign)
        assert out.results_at == published.published_at
        assert out.calendar.results_at == out.results_at
        # Its workflow is started again for it.
        assert [c.id for c in await campaigns.to_run(session)] == [campaign.id]
    again = await signed(as_api, campaign.id, ChangeKind.RESULTS, one, other, wanted=wanted, counted=digest)
    assert again is Refusal.PROPOSAL_STALE


async def published_campaign(sessions: Sessions, as_api: Sessions) -> tuple[Campaign, str, str]:
    one, other = await officer(sessions), await officer(sessions)
    campaign = await voted(sessions)
    assert await signed(as_api, campaign.id, ChangeKind.SEAL, one, other) is None
    result = a_result(await the_box(sessions, campaign))
    digest = sha256(result.encode()).hexdigest()
    wanted = {"result": result, "sha256": digest}
    assert await signed(as_api, campaign.id, ChangeKind.RESULTS, one, other, wanted=wanted, counted=digest) is None
    return campaign, str(one), str(other)


async def long_ago(sessions: Sessions, ago: timedelta) -> None:
    async with sessions.begin() as session:
        await session.execute(text("set local session_replication_role = replica"))
        await session.execute(
            text("update campaign set results_at = results_at - cast(:ago as interval)"), {"ago": ago}
        )


async def test_the_end_of_a_key_is_recorded_after_fifteen_days_and_not_while_a_complaint_stands(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T103: neither a day too early, nor while a complaint is open."""
    campaign, _, _ = await published_campaign(sessions, as_api)
    one, other = await officer(sessions), await officer(sessions)
    record = {"sha256": "a" * 64}

    async def destroyed() -> Refusal | None:
        return await signed(as_api, campaign.id, ChangeKind.DESTROYED, one, other, wanted=record)

    assert await destroyed() is Refusal.TOO_EARLY_TO_DESTROY
    await long_ago(sessions, KEY_KEPT - HOUR)
    assert await destroyed() is Refusal.TOO_EARLY_TO_DESTROY
    assert await signed(as_api, campaign.id, ChangeKind.RELEASE, one, other) is Refusal.PROPOSAL_STALE
    assert await signed(as_api, campaign.id, ChangeKind.HOLD, one, other) is None
    assert await signed(as_api, campaign.id, ChangeKind.HOLD, one, other) is Refusal.PROPOSAL_STALE
    await long_ago(sessions, HOUR)
    assert await destroyed() is Refusal.TOO_EARLY_TO_DESTROY
    assert await signed(as_api, campaign.id, ChangeKind.RELEASE, one, other) is None
    assert await destroyed() is None
    assert (await campaign_of(sessions, campaign)).destroyed_at is not None
    with pytest.raises(IntegrityError, match="not undone"):
        await run(sessions, "update campaign set destroyed_at = null")


async def test_a_complaint_needs_a_reason(sessions: Sessions, as_api: Sessions) -> None:
    campaign = await voted(sessions)
    one, other = await officer(sessions), await officer(sessions)
    with pytest.raises(IntegrityError, match="reason"):
        await run(
            as_api,
            "insert into campaign_change (id, campaign_id, kind, proposed_by)"
            " values (gen_random_uuid(), :c, 'hold', :by)",
            c=campaign.id,
            by=one,
        )
    assert await signed(as_api, campaign.id, ChangeKind.HOLD, one, other, reason="Recours") is None


async def test_a_closing_that_was_announced_moves_for_a_reason_and_is_told(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T83: later only, by two, and everybody is told; before registration opens nobody has to be."""
    one, other = await an_officer(sessions), await an_officer(sessions)
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
    closes = (campaign.closes + DAY).isoformat()
    assert (
        await signed(as_api, campaign.id, ChangeKind.MOVE, one, other, wanted={"closes": closes})
        is Refusal.PROPOSAL_STALE
    )
    why = {"reason_fr": "Panne chez un fournisseur", "reason_en": "Outage at a provider"}
    for wrong in ({"reason_en": " "}, {"reason_fr": "x" * 201}):
        assert await signed(
            as_api, campaign.id, ChangeKind.MOVE, one, other, wanted={"closes": closes, **why, **wrong}
        ) is Refusal.PROPOSAL_STALE  # fmt: skip
    earlier = {"closes": (campaign.closes - DAY).isoformat(), **why}
    assert await signed(as_api, campaign.id, ChangeKind.MOVE, one, other, wanted=earlier) is Refusal.PROPOSAL_STALE, (
        "even with two officers"
    )
    assert await signed(as_api, campaign.id, ChangeKind.MOVE, one, other, wanted={"closes": closes, **why}) is None
    moved = await campaign_of(sessions, campaign)
    assert moved.closes == campaign.closes + DAY
    assert moved.closing_moved_at is not None
    assert moved.calendar.closing_moved_at == moved.closing_moved_at


async def test_a_mandated_vote_is_never_for_members_only(sessions: Sessions, as_api: Sessions) -> None:
    """T84: neither drafted nor changed into one."""
    campaign_id = await a_draft(as_api)
    for kind in ("strike", "last-offer"):
        with pytest.raises(AssertionError):
            await a_ballot(as_api, campaign_id, kind=kind, members_only=True)
        await a_ballot(as_api, campaign_id, kind=kind, members_only=False, majority="two-thirds", quorum_percent=35)
    async with sessions.begin() as session:
        rows = await session.execute(text("select distinct majority, quorum_percent, members_only from ballot"))
        assert [tuple(row) for row in rows] == [("two-thirds", 35, False)]
    with pytest.raises(IntegrityError, match="mandated"):
        await run(sessions, "update ballot set members_only = true")
