"""Opinions and what they settle: one, two that agree, three; taken back in time; never by the same person twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.rules.accounts import Role
from portal.rules.decisions import Deciding
from portal.rules.identity import CLAIM_LEASE, Reason, SubmissionStatus, Verdict
from portal.rules.refusals import Refusal
from portal.store import Sessions, decisions, identity, review
from portal.store.campaigns import Campaign
from portal.store.decisions import Given
from portal.store.identity import Claim, Submission
from portal.store.members import Member
from tests import builders
from tests.store.cases import a_submission, earlier, run

APPROVE, REJECT, REFUSE = Verdict
KEY = b"a key of the tests"
AT_ONCE = Deciding(KEY, second_looks=0, undo_for=timedelta(0))
EVERY_CASE_TWICE = Deciding(KEY, second_looks=1, undo_for=timedelta(0))
HALF_A_MINUTE = Deciding(KEY, second_looks=0)


async def a_case(sessions: Sessions) -> tuple[Campaign, Member, Submission]:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session, verified=True)
        return campaign, member, await a_submission(session, campaign, member)


async def reviewers(sessions: Sessions, count: int) -> list[UUID]:
    async with sessions.begin() as session:
        return [(await builders.a_staff_account(session, Role.REVIEWER)).id for _ in range(count)]


async def take(sessions: Sessions, reviewer: UUID) -> Claim | None:
    async with sessions.begin() as session:
        return await review.claim_next(session, reviewer)


async def give(
    sessions: Sessions,
    claim: Claim | None,
    verdict: Verdict,
    reason: Reason | None = None,
    *,
    deciding: Deciding = AT_ONCE,
    note: str = "",
) -> Given | Refusal:
    assert claim is not None
    if verdict is not APPROVE and reason is None:
        reason = Reason.UNREADABLE
    async with sessions.begin() as session:
        return await decisions.give(
            session, claim_id=claim.id, reviewer_id=claim.reviewer_id, verdict=verdict, reason=reason,
            note_fr=note, note_en=note, deciding=deciding,
        )  # fmt: skip


async def given(sessions: Sessions, reviewer: UUID, verdict: Verdict, **more: object) -> Given:
    """Take the one case there is, and say so."""
    answer = await give(sessions, await take(sessions, reviewer), verdict, **more)  # type: ignore[arg-type]
    assert isinstance(answer, Given), answer
    return answer


async def undo(sessions: Sessions, claim: Claim) -> Refusal | None:
    async with sessions.begin() as session:
        return await decisions.undo(session, claim_id=claim.id, reviewer_id=claim.reviewer_id)


async def decided(sessions: Sessions, submission_id: UUID) -> tuple[str, str | None] | None:
    async with sessions.begin() as session:
        decision = await identity.decision_of(session, submission_id)
    return None if decision is None else (decision.verdict, decision.reason)


@pytest.mark.parametrize("verdict", [APPROVE, REJECT])
async def test_one_opinion_settles_an_ordinary_case(sessions: Sessions, as_api: Sessions, verdict: Verdict) -> None:
    _, _, submission = await a_case(sessions)
    (reviewer,) = await reviewers(sessions, 1)

    answer = await given(as_api, reviewer, verdict)

    assert (answer.settled, answer.verdict) == (True, verdict)
    assert (await decided(sessions, submission.id) or ("",))[0] == verdict.value
    async with sessions.begin() as session:
        lines = await session.execute(text("select action, code from journal where action <> 'case-opened'"))
        assert [tuple(line) for line in lines] == [("decided", verdict.value)]


async def test_a_refusal_takes_effect_only_when_a_second_reviewer_refuses_as_well(
    sessions: Sessions, as_api: Sessions
) -> None:
    _, _, submission = await a_case(sessions)
    first, second = await reviewers(sessions, 2)

    one = await given(as_api, first, REFUSE, reason=Reason.SUSPECTED_FRAUD)
    assert (one.settled, one.verdict) == (False, None)
    assert await decided(sessions, submission.id) is None
    assert await take(as_api, first) is None, "who proposed it does not look again"

    two = await given(as_api, second, REFUSE, reason=Reason.NAME_DIFFERS)
    assert (two.settled, two.verdict) == (True, REFUSE)
    assert await decided(sessions, submission.id) == ("refuse", "name-differs")


async def test_of_a_proposed_refusal_nothing_is_written_where_the_member_reads(
    sessions: Sessions, as_api: Sessions
) -> None:
    await a_case(sessions)
    (reviewer,) = await reviewers(sessions, 1)
    await given(as_api, reviewer, REFUSE)

    async with sessions.begin() as session:
        lines = await session.execute(text("select action, code from journal where action <> 'case-opened'"))
        assert [tuple(line) for line in lines] == [("opinion-given", None)]


@pytest.mark.parametrize(
    ("third", "outcome"), [(REFUSE, "refuse"), (APPROVE, "approve"), (REJECT, "reject")], ids=lambda v: str(v)
)
async def test_when_two_differ_a_third_decides_and_when_all_differ_a_better_photo_is_asked_for(
    sessions: Sessions, as_api: Sessions, third: Verdict, outcome: str
) -> None:
    _, _, submission = await a_case(sessions)
    people = await reviewers(sessions, 3)

    assert not (await given(as_api, people[0], REFUSE)).settled
    assert not (await given(as_api, people[1], APPROVE)).settled
    last = await given(as_api, people[2], third)

    assert last.settled
    assert (await decided(sessions, submission.id) or ("",))[0] == outcome


async def test_a_case_of_the_sample_waits_for_a_second_look_that_nobody_can_tell_from_a_first(
    sessions: Sessions, as_api: Sessions
) -> None:
    _, _, submission = await a_case(sessions)
    first, second = await reviewers(sessions, 2)

    assert not (await given(as_api, first, APPROVE, deciding=EVERY_CASE_TWICE)).settled
    assert await decided(sessions, submission.id) is None
    async with as_api.begin() as session:
        assert (await review.queue(session)).waiting == 1
        claim = await review.claim_next(session, second)
        assert claim is not None
        case = await review.case_of(session, claim.id, second)
    assert case is not None
    # All that the second sees of the case: nothing in it tells of the first opinion.
    assert case.submission.id == submission.id
    answer = await give(as_api, claim, APPROVE, deciding=EVERY_CASE_TWICE)
    assert isinstance(answer, Given)
    assert (answer.settled, answer.verdict) == (True, APPROVE)


async def test_agreement_counts_the_pairs_of_the_sample(sessions: Sessions, as_api: Sessions) -> None:
    people = await reviewers(sessions, 3)
    for verdicts in ((APPROVE, APPROVE), (REJECT, REJECT), (APPROVE, REJECT, APPROVE)):
        await a_case(sessions)
        for reviewer, verdict in zip(people, verdicts, strict=False):
            await given(as_api, reviewer, verdict, deciding=EVERY_CASE_TWICE)
    await a_case(sessions)
    await given(as_api, people[0], APPROVE)

    async with as_api.begin() as session:
        assert await decisions.agreement(session, datetime.now(UTC) - timedelta(hours=1)) == (2, 3)
        assert await decisions.agreement(session, datetime.now(UTC) + timedelta(hours=1)) == (0, 0)


async def test_an_opinion_is_undone_within_half_a_minute_and_the_case_is_back_with_its_reviewer(
    sessions: Sessions, as_api: Sessions
) -> None:
    _, _, submission = await a_case(sessions)
    first, second = await reviewers(sessions, 2)
    claim = await take(as_api, first)
    assert claim is not None
    answer = await give(as_api, claim, REJECT, Reason.OTHER, deciding=HALF_A_MINUTE, note="Un chat.")
    assert isinstance(answer, Given)
    assert timedelta(seconds=28) < answer.undo_until - datetime.now(UTC) <= timedelta(seconds=30)

    assert await undo(as_api, claim) is None
    assert await undo(as_api, claim) is None, "the same form sent twice"

    assert await decided(sessions, submission.id) is None
    assert await take(as_api, second) is None, "the lease is its reviewer's again"
    again = await take(as_api, first)
    assert again is not None
    assert again.id != claim.id
    assert await give(as_api, claim, APPROVE) is Refusal.ALREADY_DECIDED
    await give(as_api, again, REJECT, Reason.OTHER, note="Un chien.")
    async with sessions.begin() as session:
        note = await identity.note_of(session, submission.id)
    assert note is not None
    assert note.fr == "Un chien."


async def test_an_opinion_is_not_undone_too_late_nor_by_somebody_else_nor_once_it_was_applied(
    sessions: Sessions, as_api: Sessions
) -> None:
    _, _, submission = await a_case(sessions)
    first, second = await reviewers(sessions, 2)
    claim = await take(as_api, first)
    assert claim is not None
    await give(as_api, claim, APPROVE, deciding=HALF_A_MINUTE)

    async with as_api.begin() as session:
        assert await decisions.undo(session, claim_id=claim.id, reviewer_id=second) is Refusal.CLAIM_NEEDED
        assert await decisions.undo(session, claim_id=uuid4(), reviewer_id=first) is Refusal.CLAIM_NEEDED
    async with sessions.begin() as session:
        locked = await identity.lock(session, submission.id)
        assert locked is not None
        await identity.close(session, locked, SubmissionStatus.APPROVED)
    assert await undo(as_api, claim) is Refusal.UNDO_TOO_LATE
    await run(sessions, "update submission set status = 'submitted', over_at = null")
    await earlier(sessions, "opinion", timedelta(seconds=31), "undo_until")
    assert await undo(as_api, claim) is Refusal.UNDO_TOO_LATE
    assert await decided(sessions, submission.id) == ("approve", None)


async def test_what_may_still_be_undone_is_looked_at_by_nobody_else(sessions: Sessions, as_api: Sessions) -> None:
    await a_case(sessions)
    first, second = await reviewers(sessions, 2)
    await given(as_api, first, REFUSE, deciding=HALF_A_MINUTE)

    assert await take(as_api, second) is None
    await earlier(sessions, "opinion", timedelta(seconds=31), "undo_until")
    assert await take(as_api, second) is not None


async def test_who_gave_an_opinion_gives_no_second_one_even_with_a_claim_of_old(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T62: the rule is asked by the program, and once more by the database."""
    _, _, submission = await a_case(sessions)
    first, second = await reviewers(sessions, 2)
    older = await take(as_api, first)
    assert older is not None
    await earlier(sessions, "claim", CLAIM_LEASE, "expires_at")
    await given(as_api, first, REFUSE)
    await run(sessions, "update claim set expires_at = clock_timestamp() + interval '1 hour'")

    assert await give(as_api, older, REFUSE) is Refusal.ANOTHER_REVIEWER_NEEDED
    opinion = (
        "insert into opinion (claim_id, submission_id, reviewer_id, verdict, reason, undo_until)"
        " values (:claim, :submission, :reviewer, 'refuse', 'other', clock_timestamp())"
    )
    with pytest.raises(IntegrityError, match="somebody else looks a second time"):
        await run(sessions, opinion, claim=older.id, submission=submission.id, reviewer=first)
    with pytest.raises(IntegrityError, match="an opinion needs a claim"):
        await run(sessions, opinion, claim=older.id, submission=submission.id, reviewer=second)
    with pytest.raises(IntegrityError, match="somebody else looks a second time"):
        await run(
            sessions, "insert into claim (id, submission_id, reviewer_id, expires_at)"
            " values (gen_random_uuid(), :submission, :reviewer, clock_timestamp())",
            submission=submission.id, reviewer=first,
        )  # fmt: skip


async def test_nobody_is_refused_by_one_person_alone_whatever_a_program_believes(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T62: two opinions of two reviewers, or the database writes no refusal down."""
    _, _, submission = await a_case(sessions)
    (first,) = await reviewers(sessions, 1)
    await given(as_api, first, REFUSE)

    with pytest.raises(IntegrityError, match="a refusal takes two reviewers"):
        await run(
            as_api, "insert into decision (claim_id, submission_id, reviewer_id, verdict, reason)"
            " select claim_id, submission_id, reviewer_id, verdict, reason from opinion",
        )  # fmt: skip
    assert await decided(sessions, submission.id) is None


async def test_nobody_gives_an_opinion_on_their_own_documents_nor_on_an_appeal_against_themselves(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T48, T62: by the queue, by the statement, and by the database."""
    campaign, member, submission = await a_case(sessions)
    first, second = await reviewers(sessions, 2)
    await given(as_api, first, REJECT)
    async with sessions.begin() as session:
        own = (await builders.a_staff_account(session, Role.REVIEWER)).id
        await session.execute(
            text("update account set member_id = null, email = null where member_id = :m"), {"m": member.id}
        )
        await session.execute(text("update account set member_id = :m where id = :a"), {"m": member.id, "a": own})
        locked = await identity.lock(session, submission.id)
        assert locked is not None
        await identity.close(session, locked, SubmissionStatus.REJECTED)
        appeal = await a_submission(session, campaign, member, appeal_of=submission.id)

    assert await take(as_api, own) is None
    assert await take(as_api, first) is None
    claim = "insert into claim (id, submission_id, reviewer_id, expires_at) values (:id, :s, :r, clock_timestamp())"
    with pytest.raises(IntegrityError, match="somebody else looks a second time"):
        await run(sessions, claim, id=uuid4(), s=appeal.id, r=first)
    with pytest.raises(IntegrityError, match="nobody acts on their own file"):
        await run(sessions, claim, id=uuid4(), s=appeal.id, r=own)
    assert (await given(as_api, second, APPROVE)).settled


async def test_of_two_opinions_at_the_same_instant_one_settles_and_the_other_hears_so(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T59: leases ran out, hence three have the case open."""
    _, _, submission = await a_case(sessions)
    claims = []
    for reviewer in await reviewers(sessions, 3):
        claims.append(await take(as_api, reviewer))
        await earlier(sessions, "claim", CLAIM_LEASE, "expires_at")
    await run(sessions, "update claim set expires_at = clock_timestamp() + interval '1 hour'")

    answers = await asyncio.gather(*(give(as_api, claim, REFUSE) for claim in claims))

    assert sorted(a.settled for a in answers if isinstance(a, Given)) == [False, True]
    assert [a for a in answers if isinstance(a, Refusal)] == [Refusal.ALREADY_DECIDED]
    assert (await decided(sessions, submission.id) or ("",))[0] == "refuse"


async def test_an_opinion_undone_and_applied_at_the_same_moment_is_one_or_the_other(
    sessions: Sessions, as_api: Sessions
) -> None:
    for _ in range(5):
        _, _, submission = await a_case(sessions)
        (reviewer,) = await reviewers(sessions, 1)
        claim = await take(as_api, reviewer)
        assert claim is not None
        await give(as_api, claim, APPROVE, deciding=HALF_A_MINUTE)

        async def apply(submission_id: UUID = submission.id) -> bool:
            async with sessions.begin() as session:
                locked = await identity.lock(session, submission_id)
                decision = await identity.decision_of(session, submission_id)
                if locked is None or decision is None:
                    return False
                await identity.close(session, locked, SubmissionStatus.APPROVED)
                return True

        applied, refusal = await asyncio.gather(apply(), undo(as_api, claim))

        assert applied is (refusal is Refusal.UNDO_TOO_LATE)


async def test_what_nobody_there_can_look_at_again_is_found_after_a_day(sessions: Sessions, as_api: Sessions) -> None:
    campaign, member, submission = await a_case(sessions)
    (only,) = await reviewers(sessions, 1)
    await given(as_api, only, REFUSE)
    async with as_api.begin() as session:
        assert await decisions.waiting_for_another(session) == []
    await earlier(sessions, "opinion", timedelta(hours=25), "given_at")

    async with as_api.begin() as session:
        (case,) = await decisions.waiting_for_another(session)

    assert (case.submission_id, case.campaign_id, case.member_id) == (submission.id, campaign.id, member.id)
    assert (case.opinions, case.appeal) == (1, False)


async def test_a_note_of_a_decision_that_stands_is_not_rewritten(sessions: Sessions, as_api: Sessions) -> None:
    await a_case(sessions)
    (reviewer,) = await reviewers(sessions, 1)
    await given(as_api, reviewer, REJECT, reason=Reason.OTHER, note="Un chat.")

    with pytest.raises(IntegrityError, match="the note of a decision stays"):
        await run(as_api, "update decision_note set fr = 'Un chien.'")


async def test_an_appeal_is_of_ones_own_decided_documents_and_made_once(sessions: Sessions) -> None:
    campaign, member, submission = await a_case(sessions)
    async with sessions.begin() as session:
        other = await builders.a_member(session, verified=True)
    for whose in (member, other):
        with pytest.raises(IntegrityError, match="nothing to appeal"):
            async with sessions.begin() as session:
                await a_submission(
                    session, campaign, whose, status=SubmissionStatus.STAGED, appeal_of=submission.id
                )  # fmt: skip
    await run(sessions, "update submission set status = 'refused', over_at = clock_timestamp()")

    async with sessions.begin() as session:
        await a_submission(session, campaign, member, appeal_of=submission.id, status=SubmissionStatus.REFUSED)
    with pytest.raises(IntegrityError, match="uq_submission_appeal"):
        async with sessions.begin() as session:
            await a_submission(session, campaign, member, appeal_of=submission.id)
