"""What an appeal takes: one person who had no part in what is contested, and after a refusal nobody besides."""

from uuid import UUID

import pytest

from portal.rules.decisions import Deciding
from portal.rules.identity import SubmissionStatus, Verdict
from portal.store import Sessions
from tests.store.cases import a_submission, run
from tests.store.test_decisions import AT_ONCE, EVERY_CASE_TWICE, a_case, decided, given, reviewers


async def contested(sessions: Sessions, as_api: Sessions, opinions: int, status: SubmissionStatus) -> UUID:
    """The appeal against what so many reviewers answered."""
    campaign, member, submission = await a_case(sessions)
    for reviewer in await reviewers(sessions, opinions):
        await given(as_api, reviewer, Verdict.REFUSE if status is SubmissionStatus.REFUSED else Verdict.REJECT)
    await run(sessions, "update submission set status = :status, over_at = clock_timestamp()", status=status.value)
    async with sessions.begin() as session:
        return (await a_submission(session, campaign, member, appeal_of=submission.id)).id


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("deciding", [AT_ONCE, EVERY_CASE_TWICE], ids=["alone", "of-the-sample"])
async def test_one_other_person_settles_an_appeal_against_a_refusal(
    sessions: Sessions, as_api: Sessions, verdict: Verdict, deciding: Deciding
) -> None:
    """T62: with those who refused that makes three; a fourth is not needed, whatever the answer."""
    appeal = await contested(sessions, as_api, 2, SubmissionStatus.REFUSED)
    (third,) = await reviewers(sessions, 1)

    answer = await given(as_api, third, verdict, deciding=deciding)

    assert (answer.settled, answer.verdict) == (True, verdict)
    assert (await decided(sessions, appeal) or ("",))[0] == verdict.value


async def test_nobody_is_refused_by_one_on_an_appeal_against_a_better_photo(
    sessions: Sessions, as_api: Sessions
) -> None:
    appeal = await contested(sessions, as_api, 1, SubmissionStatus.REJECTED)
    second, third = await reviewers(sessions, 2)

    assert not (await given(as_api, second, Verdict.REFUSE)).settled
    assert await decided(sessions, appeal) is None
    assert (await given(as_api, third, Verdict.REFUSE)).settled
