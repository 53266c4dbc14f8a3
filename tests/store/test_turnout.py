"""How many have voted, and whom no mail reaches: numbers and names, never a choice."""

from sqlalchemy import text

from portal.store import Sessions, running
from tests import builders
from tests.store.running import a_vote, open_for_votes


async def test_turnout_is_counted_by_ballot_and_group_and_says_nothing_of_small_ones(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T93, T101: of the envelopes; fewer than ten are not told apart, nor by subtraction. Who voted was an elector."""
    async with sessions.begin() as session:
        campaign = await open_for_votes(session)
        for group, n in (("EC", 12), ("TR", 11), ("BdP", 3)):
            for _ in range(n):
                await a_vote(session, campaign, group=group)
        await builders.a_member(session)
        gone = await a_vote(session, campaign)
        moved = await a_vote(session, campaign, group="TR")
        await builders.a_member(session, standing="dues-payer")
        idle = await builders.a_member(session)
        for member in (gone, idle):
            await session.execute(text("update member set left_at = clock_timestamp() where id = :m"), {"m": member.id})
        await session.execute(text("update member set \"group\" = 'EC' where id = :m"), {"m": moved.id})
    async with as_api.begin() as session:
        found = {t.ballot: t for t in await running.turnout(session, campaign)}
    president = found["president"]
    assert (president.electors, president.voted) == (29, 28)
    assert list(president.groups) == [("BdP", 3, None), ("EC", 15, 14), ("TR", 11, None)]
    assert found["pension"].shown is None


async def test_the_post_tells_whom_no_mail_reaches(sessions: Sessions, as_api: Sessions) -> None:
    """T83, T85: no address, or one that came back; whoever has no ballot is not written to."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        await builders.a_member(session)
        without = await builders.a_member(session, email=None)
        await builders.a_member(session, email=None, standing="dues-payer")
        back = await builders.a_member(session)
        await session.execute(text("update account set email_bounced_at = now() where member_id = :m"), {"m": back.id})
    async with as_api.begin() as session:
        found = await running.for_the_post(session, campaign)
    assert [(p.number, p.bounced) for p in found] == [(without.number, False), (back.number, True)]
    assert found[0].street == "12, rue du Théâtre"
