"""Who stood in a vote has no part in running it, whenever that is."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.rules.accounts import Role
from portal.rules.campaign_changes import ChangeKind
from portal.rules.refusals import Refusal
from portal.store import Sessions, campaign_changes
from tests import builders
from tests.store.cases import run
from tests.store.running import end, officer
from tests.store.test_campaign_changes import confirmed
from tests.store.test_running import voted


async def test_who_stood_in_a_vote_signs_nothing_of_it_after_its_end_either(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T70: an officer by then, who may sign in other votes; the seal and the results of this one come after its end."""
    one = await officer(sessions)
    campaign = await voted(sessions)
    await end(sessions, campaign)
    async with sessions.begin() as session:
        member = await builders.a_member(session)
        stood = await session.scalar(text("select id from account where member_id = :m"), {"m": member.id})
        await session.execute(text("set local session_replication_role = replica"))
        await session.execute(text("update candidate set member_id = :m where position = 1"), {"m": member.id})
    async with sessions.begin() as session:
        await builders.a_role(session, stood, Role.OFFICER)
    async with as_api.begin() as session:
        change = await campaign_changes.propose(session, campaign.id, ChangeKind.SEAL, by=one, wanted={}, reason=None)
    assert await confirmed(as_api, campaign.id, change, stood) is Refusal.CANDIDATE_CONFLICT
    with pytest.raises(IntegrityError, match="a candidate runs no vote"):
        await run(sessions, f"update campaign_change set confirmed_by = '{stood}', manifest = 'x'")
