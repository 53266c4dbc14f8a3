"""A vote that is over, sealed, counted and published, beside the campaign that is on; and somebody who voted in it."""

from hashlib import sha256

from sqlalchemy import select, text

from portal.rules.canonical import written
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.store.members import Member
from tests import builders
from tests.journeys.people import Somebody, Town, as_seen
from tests.store.ballot_box import PRESIDENT, a_provisional_voter, an_open_campaign, registered, vote, written_down

VOTERS = 12


async def after_the_vote(town: Town) -> dict[str, Somebody]:
    account = await town.a_member()
    async with town.stack.sessions.begin() as session:
        campaign = await an_open_campaign(session)
        aside, _ = await a_provisional_voter(session, campaign)
        voters: list[Member] = [await builders.a_member(session) for _ in range(VOTERS)]
        mine = await session.get(Member, account.member_id)
        assert mine is not None and aside is not None
        for member in (mine, *voters):
            await registered(session, campaign, member, PRESIDENT, "pension")
            await session.execute(
                text("update registration set confirmed_at = now() where member_id = :m"), {"m": member.id}
            )
            await vote(session, campaign, member, "pension")
        asked = select(Ballot).where(Ballot.campaign_id == campaign.id, Ballot.code.in_(("pension", PRESIDENT)))
        result = result_of(campaign, list(await session.scalars(asked)))
        await session.execute(text("set local session_replication_role = replica"))
        await session.execute(
            text("update submission set status = 'abandoned', over_at = now(), erased_at = now() where member_id = :m"),
            {"m": aside.id},
        )
        await written_down(session, campaign.id)
        moved = ", ".join(
            f"{name} = {name} - interval '60 days'" for name in ("registration_opens", "opens", "closes", "ends")
        )
        await session.execute(
            text(f"update campaign set {moved}, sealed_at = now(), results_at = now() where id = :id"),
            {"id": campaign.id},
        )
        await session.execute(
            text("insert into campaign_result values (:id, :result, :sha, now())"),
            {"id": campaign.id, "result": result, "sha": sha256(result.encode()).hexdigest()},
        )
    where = {"campaign": campaign.code, "code": "pension"}
    voter = await town.enter(account)
    return {"voter": as_seen(voter, **where), "stranger, after the vote": Somebody(where=where)}


def result_of(campaign: Campaign, counted: list[Ballot]) -> str:
    """One ballot with its numbers, and one with too few votes to show them."""
    few = PRESIDENT
    ballots = [
        {
            "ballot": str(ballot.id), "code": ballot.code, "kind": ballot.kind, "electors": 40,
            "votes": 4 if ballot.code == few else 13, "invalid": 0, "blank": 1, "outcome": "adopted",
            "options": [{"id": i, "votes": n} for i, n in enumerate((2, 1, 0) if ballot.code == few else (9, 2, 1), 1)],
            "elected": [], "tied": [],
        }
        for ballot in counted
    ]  # fmt: skip
    return written({
        "format": "scrutin/result/v1", "campaign": campaign.code, "manifest_sha256": "0" * 64, "ballots": ballots,
    }).decode()  # fmt: skip
