"""Whose ballot and until when is decided in the statement that writes (T78), not on a page."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from portal.rules.refusals import Refusal
from portal.store import Sessions, ballots
from portal.store.ballots import Ballot, Registration
from portal.store.campaigns import Campaign
from portal.store.members import Member
from tests import builders
from tests.store.cases import run

ALL = [code for code, _, _ in builders.BALLOTS_2017]
Register = Callable[..., Coroutine[object, object, list[str]]]


@pytest.fixture
def register(as_worker: Sessions) -> Register:
    async def register(
        campaign: Campaign, member: Member, chosen: list[str] = ALL, *, confirmed: bool = False
    ) -> list[str]:
        async with as_worker.begin() as session:
            return await ballots.register(
                session, campaign_id=campaign.id, member_id=member.id, chosen=chosen, confirmed=confirmed
            )

    return register


async def rows(sessions: Sessions) -> int:
    async with sessions.begin() as session:
        return await session.scalar(select(func.count()).select_from(Registration)) or 0


@pytest.mark.parametrize(("group", "count"), [("EC", 7), ("TR", 6), ("BdP", 5)])
async def test_whoever_asks_for_all_eight_gets_their_own(
    sessions: Sessions, register: Register, group: str, count: int
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session, group=group)

    new = await register(campaign, member)

    assert new == builders.ballots_of(group)
    assert len(new) == count == await rows(sessions)


async def test_another_groups_ballot_leaves_no_row(sessions: Sessions, register: Register) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session, group="TR")

    assert await register(campaign, member, ["ec-ratification"]) == []
    assert await rows(sessions) == 0


async def test_a_dues_payer_registers_for_a_mandated_vote_only(sessions: Sessions, register: Register) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session, group="TR", standing="dues-payer")
    assert await register(campaign, member) == []

    await run(
        sessions,
        "update ballot set members_only = false where code in ('tr-ratification', 'ec-ratification')",
    )

    assert await register(campaign, member) == ["tr-ratification"]


@pytest.mark.parametrize(
    ("opens", "closes", "count"),
    [
        (timedelta(seconds=30), timedelta(days=1), 0),
        (timedelta(days=-3), timedelta(milliseconds=0), 0),
        (timedelta(days=-3), timedelta(seconds=30), 7),
        (timedelta(seconds=-1), timedelta(days=1), 7),
    ],
)
async def test_the_clock_of_the_database_opens_and_closes(
    sessions: Sessions, register: Register, opens: timedelta, closes: timedelta, count: int
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(
            session,
            registration_opens=timedelta(days=-9),
            opens=timedelta(days=-2),
            closes=timedelta(days=-1),
        )
        member = await builders.a_member(session)
    await run(
        sessions,
        "update campaign set registration_opens = clock_timestamp() + :opens,"
        " opens = clock_timestamp() + :opens,"
        " closes = clock_timestamp() + :closes",
        opens=opens,
        closes=closes,
    )

    assert len(await register(campaign, member)) == count


async def test_registering_twice_or_ten_times_at_once_is_registering_once(
    sessions: Sessions, register: Register
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session)

    answers = await asyncio.gather(*(register(campaign, member) for _ in range(10)))

    assert sorted(code for answer in answers for code in answer) == sorted(builders.ballots_of("EC"))
    assert await register(campaign, member) == []
    assert await rows(sessions) == 7


async def test_a_code_never_reaches_another_campaigns_ballot(sessions: Sessions, register: Register) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        other = await builders.a_campaign(session)
        member = await builders.a_member(session)
        await session.execute(
            update(Ballot).where(Ballot.campaign_id == other.id, Ballot.code == "pension").values(code="only-there")
        )

    assert await register(campaign, member, ["only-there"]) == []
    assert await register(campaign, member, ["pension"]) == ["pension"]
    async with sessions.begin() as session:
        of_other = await session.scalar(
            select(func.count()).select_from(Registration).join(Ballot).where(Ballot.campaign_id == other.id)
        )
    assert of_other == 0


async def test_approval_confirms_every_registration_of_this_campaign_at_once(
    sessions: Sessions, register: Register, as_worker: Sessions
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        other = await builders.a_campaign(session)
        member = await builders.a_member(session)
    await register(campaign, member)
    await register(other, member)
    async with as_worker.begin() as session:
        await ballots.confirm_all(session, campaign.id, member.id)
    async with sessions.begin() as session:
        mine = await ballots.cards(session, campaign.id, member)
        theirs = await ballots.cards(session, other.id, member)

    assert sum(card.confirmed_at is not None for card in mine) == 7
    assert sum(card.confirmed_at is not None for card in theirs) == 0


async def test_whoever_is_confirmed_already_registers_without_reserve(sessions: Sessions, register: Register) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session, group="BdP")
    await register(campaign, member, confirmed=True)
    async with sessions.begin() as session:
        cards = await ballots.cards(session, campaign.id, member)

    assert [card.ballot.code for card in cards if card.confirmed_at is not None] == builders.ballots_of("BdP")


async def test_a_member_sees_every_ballot_in_order_and_why_another_is_not_theirs(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session, group="TR")
        cards = await ballots.cards(session, campaign.id, member)

    assert [card.ballot.code for card in cards] == ALL
    assert [card.refusal for card in cards] == [
        Refusal.BALLOT_NOT_YOURS if "TR" not in groups else None for _, _, groups in builders.BALLOTS_2017
    ]
