"""Who is an elector is asked of the close: whatever is done to the roll afterwards, quorum and turnout stay."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import text

from portal.rules.campaign_changes import ChangeKind
from portal.rules.members import Standing
from portal.store import Sessions, drafts, receipts, running
from portal.store.campaigns import Campaign
from tests import builders
from tests.store.cases import run
from tests.store.running import a_vote, close, officer, open_for_votes, signed

EVERYBODY, OF_EC, OF_TR = "president", "ec-ratification", "tr-ratification"


async def electors(as_api: Sessions, campaign: Campaign, *codes: str) -> list[int]:
    """By turnout, and the same by the campaign's page."""
    async with as_api.begin() as session:
        found = {one.ballot: one.electors for one in await running.turnout(session, campaign)}
        by_id = await drafts.electors(session, campaign)
        ids = {ballot.code: ballot.id for ballot in await receipts.ballots_of(session, campaign.id)}
    said = [found.get(code, 0) for code in codes]
    assert [by_id.get(ids[code], 0) for code in codes] == said
    return said


async def at_the_seal(sessions: Sessions, as_api: Sessions, campaign: Campaign, *codes: str) -> list[int]:
    assert await signed(as_api, campaign.id, ChangeKind.SEAL, await officer(sessions), await officer(sessions)) is None
    async with as_api.begin() as session:
        numbers = {ballot.code: n.electors for ballot, n in await running.sealed_numbers(session, campaign.id)}
    return [numbers[code] for code in codes]


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        # What is done before the close counts: of two of the EC and one who has left, all asked of everybody.
        ("update member set left_at = clock_timestamp() where number = :n", [1, 1, 0], [2, 2, 0]),
        ("update member set \"group\" = 'TR' where number = :n", [2, 1, 1], [2, 2, 0]),
        ("update member set standing = 'dues-payer' where number = :n", [1, 1, 0], [2, 2, 0]),
        ("update member set left_at = null where number = :gone", [3, 3, 0], [2, 2, 0]),
        ("update member set standing = 'member' where number = :dues", [3, 3, 0], [2, 2, 0]),
        # Nothing that an electorate goes by.
        ("update member set family_name = 'Béjart' where number = :n", [2, 2, 0], [2, 2, 0]),
        # Twice, and back again.
        (
            "update member set \"group\" = 'TR' where number = :n;"
            " update member set \"group\" = 'EC', left_at = clock_timestamp() where number = :n;"
            " update member set left_at = null, \"group\" = 'BdP' where number = :n",
            [2, 1, 0],
            [2, 2, 0],
        ),
    ],
    ids=["gone", "another group", "lapsed", "back", "in good standing", "another name", "to and fro"],
)
@pytest.mark.parametrize("when", ["before the close", "after it"])
async def test_a_change_of_the_roll_changes_the_electors_before_the_close_and_never_after_it(
    sessions: Sessions, as_api: Sessions, change: str, before: Sequence[int], after: Sequence[int], when: str
) -> None:
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        one, _ = [await builders.a_member(session) for _ in range(2)]
        gone = await builders.a_member(session)
        dues = await builders.a_member(session, standing=Standing.DUES_PAYER.value)
    await run(sessions, "update member set left_at = clock_timestamp() where id = :m", m=gone.id)
    who = {"n": one.number, "gone": gone.number, "dues": dues.number}

    async def changed() -> None:
        for statement in change.split(";"):
            async with sessions.begin() as session:
                await session.execute(text(statement), {k: v for k, v in who.items() if f":{k}" in statement})

    codes = (EVERYBODY, OF_EC, OF_TR)
    assert await electors(as_api, campaign, *codes) == [2, 2, 0]
    if when == "before the close":
        await changed()
        assert await electors(as_api, campaign, *codes) == list(before)
    await close(sessions, campaign)
    campaign = await again(sessions, campaign)
    if when == "after it":
        await changed()
    expected = list(before if when == "before the close" else after)
    assert await electors(as_api, campaign, *codes) == expected
    assert await at_the_seal(sessions, as_api, campaign, *codes) == expected


async def again(sessions: Sessions, campaign: Campaign) -> Campaign:
    async with sessions.begin() as session:
        return await session.get_one(Campaign, campaign.id)


async def test_who_is_put_on_the_roll_after_the_close_makes_no_quorum_larger(
    sessions: Sessions, as_api: Sessions
) -> None:
    """By an import or by the door: the records know when an entry was made."""
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        await a_vote(session, campaign)
    await close(sessions, campaign)
    async with sessions.begin() as session:
        late = await builders.a_member(session)
    # Nor by what becomes of them.
    await run(sessions, "update member set \"group\" = 'TR' where id = :m", m=late.id)
    campaign = await again(sessions, campaign)
    assert await electors(as_api, campaign, EVERYBODY, OF_TR) == [1, 0]
    async with sessions.begin() as session:
        following = await builders.a_campaign(session)
    assert await electors(as_api, following, EVERYBODY, OF_TR) == [2, 1], "of the next vote they are"
    assert await at_the_seal(sessions, as_api, campaign, EVERYBODY, OF_TR) == [1, 0]


async def test_two_votes_that_close_one_after_the_other_have_each_its_own_electors(
    sessions: Sessions, as_api: Sessions
) -> None:
    async with sessions.begin() as session:
        first, second = await open_for_votes(session), await open_for_votes(session)
        one = await builders.a_member(session)
    await close(sessions, first, timedelta(days=2))
    await run(sessions, "update member set \"group\" = 'TR' where id = :m", m=one.id)
    await close(sessions, second)
    await run(sessions, "update member set left_at = clock_timestamp() where id = :m", m=one.id)
    first, second = await again(sessions, first), await again(sessions, second)
    assert await electors(as_api, first, EVERYBODY, OF_EC, OF_TR) == [1, 1, 0]
    assert await electors(as_api, second, EVERYBODY, OF_EC, OF_TR) == [1, 0, 1]


async def test_who_voted_and_changed_group_or_standing_or_left_before_the_close_is_an_elector(
    sessions: Sessions, as_api: Sessions
) -> None:
    """Else more have voted than may, and a quorum is asked of too few."""
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        moved, lapsed, left = [await a_vote(session, campaign) for _ in range(3)]
        moved.group, lapsed.standing = "TR", Standing.DUES_PAYER.value
    await run(sessions, "update member set left_at = clock_timestamp() where id = :m", m=left.id)
    await close(sessions, campaign)
    campaign = await again(sessions, campaign)
    async with as_api.begin() as session:
        (turnout,) = [one for one in await running.turnout(session, campaign) if one.ballot == EVERYBODY]
    assert (turnout.electors, turnout.voted) == (3, 3)
    assert await at_the_seal(sessions, as_api, campaign, EVERYBODY) == [3]
