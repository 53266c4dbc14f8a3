"""An approval takes effect for the name and the address that were looked at, or not at all."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from temporalio.testing import ActivityEnvironment

from activities.identity import Applied, ApplyDecision, IdentityActivities
from portal.rules.decisions import Deciding
from portal.store import Sessions, members, onboarding, review
from portal.store.files import MinioFiles
from portal.store.identity import Claim
from tests.activities.conftest import POLICY
from tests.store.cases import earlier, run
from tests.store.test_decisions import APPROVE, AT_ONCE, EVERY_CASE_TWICE, HALF_A_MINUTE, a_case, give, reviewers, take


async def approved(as_api: Sessions, reviewer: UUID, deciding: Deciding) -> Claim:
    claim = await take(as_api, reviewer)
    assert claim is not None
    async with as_api.begin() as session:
        found = await review.case_of(session, claim.id, reviewer)
        assert found is not None
        await review.note_comparison(session, found.claim, [])
    await give(as_api, claim, APPROVE, deciding=deciding)
    return claim


async def imported(sessions: Sessions, member_id: UUID, by: UUID, changes: str = "address") -> None:
    """An import that was applied to this person."""
    made = (
        "insert into roll_import (id, status, live, uploaded_by, lines, wrong) values (:id, 'draft', true, :by, 1, 0)"
    )
    await run(sessions, made, id=member_id, by=by)
    await run(
        sessions,
        "insert into roll_change (import_id, position, member_id, kind, changes, doubts, electorate, applied_at)"
        " values (:id, 1, :id, 'changed', :changes, '', false, clock_timestamp())",
        id=member_id, changes=changes,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("deciding", "changes", "stands"),
    [(HALF_A_MINUTE, "address", False), (HALF_A_MINUTE, "group", True), (EVERY_CASE_TWICE, "name,language", False)],
)
async def test_an_approval_of_what_is_no_longer_the_roll_goes_back_to_the_queue(
    sessions: Sessions, as_api: Sessions, as_worker: Sessions, files: MinioFiles, deciding: Deciding, changes: str,
    stands: bool,
) -> None:  # fmt: skip
    """T48: half a minute later, or after a second look: whoever looked first saw another name or address."""
    campaign, member, submission = await a_case(sessions)
    async with sessions.begin() as session:
        await onboarding.open_file(session, campaign, member.id)
    first, second, third = await reviewers(sessions, 3)
    claim = await approved(as_api, first, deciding)
    await imported(sessions, member.id, second, changes)
    if deciding is EVERY_CASE_TWICE:
        claim = await approved(as_api, second, deciding)
    await earlier(sessions, "opinion", timedelta(minutes=1), "undo_until")
    await earlier(sessions, "decision", timedelta(minutes=1), "effective_at")
    if not stands:
        with pytest.raises(IntegrityError, match="no longer the roll"):
            await run(as_worker, "update submission set status = 'approved', over_at = now()")

    activities, env = IdentityActivities(as_worker, files, POLICY), ActivityEnvironment()
    order = ApplyDecision(campaign.id, member.id, submission.id, claim.id, APPROVE)
    for _ in range(2):
        assert await env.run(activities.apply_decision, order) == Applied(stands)

    async with sessions.begin() as session:
        after = await members.by_id(session, member.id)
        assert after is not None
        assert (after.identity_verified_at is not None) == stands
        entries = [row.action for row in await session.execute(text("select action from journal order by id"))]
    assert entries.count("approval-taken-back") == (not stands)
    if stands:
        return
    assert "identity-approved" not in entries
    assert "decision-ignored" not in entries
    # What was looked at under the new roll stands; the rest is looked at again, and then it counts.
    claim = await approved(as_api, third, deciding if deciding is EVERY_CASE_TWICE else AT_ONCE)
    await earlier(sessions, "decision", timedelta(minutes=1), "effective_at")
    again = ApplyDecision(campaign.id, member.id, submission.id, claim.id, APPROVE)
    assert await env.run(activities.apply_decision, again) == Applied(True)
