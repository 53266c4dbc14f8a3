"""What was read on a picture is compared with the roll as it is when the identity is approved."""

import pytest

from portal.rules.refusals import Refusal
from portal.store import Sessions, review
from portal.store.decisions import Given
from tests.store.cases import run
from tests.store.test_decisions import APPROVE, a_case, give, reviewers, take


@pytest.mark.parametrize(
    ("changes", "again"), [("group,address", True), ("name", True), ("group,language", False), ("", False)]
)
async def test_nothing_is_approved_that_was_compared_with_what_is_no_longer_the_roll(
    sessions: Sessions, as_api: Sessions, changes: str, again: bool
) -> None:
    """An import that is applied while a case is open makes its comparison void."""
    _, member, submission = await a_case(sessions)
    (reviewer,) = await reviewers(sessions, 1)
    claim = await take(as_api, reviewer)
    assert claim is not None

    async def compare() -> None:
        async with as_api.begin() as session:
            found = await review.case_of(session, claim.id, reviewer)
            assert found is not None and not found.compared
            await review.note_comparison(session, found.claim, [])

    await compare()
    await run(
        sessions,
        "insert into roll_import (id, status, live, uploaded_by, lines, wrong) values (:id, 'draft', true, :by, 1, 0)",
        id=submission.id, by=reviewer,
    )  # fmt: skip
    await run(
        sessions,
        "insert into roll_change (import_id, position, member_id, kind, changes, doubts, electorate, applied_at)"
        " values (:id, 1, :member, 'changed', :changes, '', false, clock_timestamp())",
        id=submission.id, member=member.id, changes=changes,
    )  # fmt: skip
    if again:
        assert await give(as_api, claim, APPROVE) is Refusal.COMPARISON_NEEDED
        await compare()
    assert isinstance(await give(as_api, claim, APPROVE), Given)
