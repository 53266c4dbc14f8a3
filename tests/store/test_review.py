"""One case at a time, never one's own, decided once, on exactly the documents that were seen (T59, T60)."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from portal.rules.accounts import Role
from portal.rules.decisions import Deciding
from portal.rules.identity import CLAIM_LEASE, Reason, SubmissionStatus, Verdict
from portal.rules.refusals import Refusal
from portal.store import Sessions, accounts, decisions, identity, review
from portal.store.campaigns import Campaign
from portal.store.decisions import Undelivered
from portal.store.identity import Claim, Submission
from tests import builders
from tests.store.cases import a_submission, earlier, run

APPROVE, REJECT, REFUSE = Verdict

# One opinion is enough, and takes effect the moment it is given.
AT_ONCE = Deciding(b"a key of the tests", second_looks=0, undo_for=timedelta(0))


async def a_queue(sessions: Sessions, cases: int) -> tuple[Campaign, list[Submission]]:
    """Cases of as many members, the oldest first."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        waiting = [
            await a_submission(
                session,
                campaign,
                await builders.a_member(session, verified=True),
                since=timedelta(hours=cases - n),
            )
            for n in range(cases)
        ]
        return campaign, waiting


async def reviewers(sessions: Sessions, count: int) -> list[UUID]:
    async with sessions.begin() as session:
        return [(await builders.a_staff_account(session, Role.REVIEWER)).id for _ in range(count)]


async def claim_next(sessions: Sessions, reviewer: UUID) -> Claim | None:
    async with sessions.begin() as session:
        return await review.claim_next(session, reviewer)


async def decide(
    sessions: Sessions,
    claim: Claim | None,
    verdict: Verdict = APPROVE,
    *,
    by: UUID | None = None,
    reason: Reason | None = None,
    note: str = "",
) -> Submission | Refusal:
    assert claim is not None
    async with sessions.begin() as session:
        given = await decisions.give(
            session, claim_id=claim.id, reviewer_id=by or claim.reviewer_id, verdict=verdict, reason=reason,
            note_fr=note and f"{note} (fr)", note_en=note and f"{note} (en)", deciding=AT_ONCE,
        )  # fmt: skip
    return given if isinstance(given, Refusal) else given.submission


async def set_status(sessions: Sessions, submission_id: UUID, status: SubmissionStatus) -> None:
    async with sessions.begin() as session:
        submission = await identity.lock(session, submission_id)
        assert submission is not None
        await identity.close(session, submission, status)


async def test_the_oldest_case_comes_first_and_stays_until_decided(sessions: Sessions, as_api: Sessions) -> None:
    _, waiting = await a_queue(sessions, 3)
    first, second = await reviewers(sessions, 2)

    claim = await claim_next(as_api, first)
    again = await claim_next(as_api, first)
    other = await claim_next(as_api, second)

    assert claim is not None
    assert again is not None
    assert other is not None
    assert claim.submission_id == waiting[0].id
    assert again.id == claim.id
    assert other.submission_id == waiting[1].id
    await decide(as_api, claim)
    following = await claim_next(as_api, first)
    assert following is not None
    assert following.submission_id == waiting[2].id


@pytest.mark.parametrize("repetition", range(4))
async def test_five_reviewers_at_once_get_five_different_cases(
    sessions: Sessions, as_api: Sessions, repetition: int
) -> None:
    await a_queue(sessions, 5)
    people = await reviewers(sessions, 5)

    claims = await asyncio.gather(*(claim_next(as_api, reviewer) for reviewer in people))

    assert len({claim.submission_id for claim in claims if claim is not None}) == 5


async def test_a_case_claimed_between_the_look_and_the_lock_is_not_given_twice(
    sessions: Sessions, as_api: Sessions
) -> None:
    """The second reviewer looks while the first one's claim is being written, and locks after its commit."""
    await a_queue(sessions, 2)
    people = await reviewers(sessions, 8)
    given: list[UUID] = []
    for _ in range(3):
        claims = await asyncio.gather(*(claim_next(as_api, reviewer) for reviewer in people))
        given = [claim.submission_id for claim in claims if claim is not None]
        assert len(given) == len(set(given))
        await earlier(sessions, "claim", CLAIM_LEASE, "expires_at")

    assert len(given) == 2


async def test_an_empty_queue_gives_nothing(sessions: Sessions, as_api: Sessions) -> None:
    (reviewer,) = await reviewers(sessions, 1)

    assert await claim_next(as_api, reviewer) is None
    async with as_api.begin() as session:
        assert await review.queue(session) == review.Queue(0, None)


@pytest.mark.parametrize("status", [s for s in SubmissionStatus if s is not SubmissionStatus.SUBMITTED])
async def test_only_submitted_documents_are_reviewed(
    sessions: Sessions, as_api: Sessions, status: SubmissionStatus
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        await a_submission(session, campaign, await builders.a_member(session), status=status)
    (reviewer,) = await reviewers(sessions, 1)

    assert await claim_next(as_api, reviewer) is None


async def test_a_lease_that_runs_out_returns_the_case(sessions: Sessions, as_api: Sessions) -> None:
    _, waiting = await a_queue(sessions, 1)
    first, second = await reviewers(sessions, 2)
    claim = await claim_next(as_api, first)
    assert claim is not None
    assert await claim_next(as_api, second) is None

    await earlier(sessions, "claim", CLAIM_LEASE, "expires_at")
    taken_over = await claim_next(as_api, second)

    assert taken_over is not None
    assert taken_over.submission_id == waiting[0].id
    async with as_api.begin() as session:
        assert await review.case_of(session, claim.id, first) is None
        assert await review.case_of(session, taken_over.id, second) is not None
    assert await decide(as_api, claim) is Refusal.CLAIM_EXPIRED
    decided = await decide(as_api, taken_over)
    assert isinstance(decided, Submission)


async def test_ones_own_case_is_left_for_a_colleague(sessions: Sessions, as_api: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session)
        own = await accounts.of_member(session, member.id)
        assert own is not None
        mine = await a_submission(session, campaign, member, since=timedelta(hours=2))
        theirs = await a_submission(session, campaign, await builders.a_member(session))
    (colleague,) = await reviewers(sessions, 1)

    claim = await claim_next(as_api, own.id)
    other = await claim_next(as_api, colleague)

    assert claim is not None
    assert other is not None
    assert (claim.submission_id, other.submission_id) == (theirs.id, mine.id)


async def test_ones_own_file_is_refused_even_under_a_claim(sessions: Sessions, as_api: Sessions) -> None:
    _, waiting = await a_queue(sessions, 1)
    (reviewer,) = await reviewers(sessions, 1)
    claim = await claim_next(as_api, reviewer)
    # The claim was made before the staff account was tied to a place on the roll.
    await run(sessions, "delete from account where member_id = :member", member=waiting[0].member_id)
    await run(
        sessions,
        "update account set member_id = :member where id = :id",
        member=waiting[0].member_id,
        id=reviewer,
    )

    assert await decide(as_api, claim) is Refusal.OWN_FILE


async def test_a_decision_needs_the_claim_of_the_one_who_decides(sessions: Sessions, as_api: Sessions) -> None:
    await a_queue(sessions, 1)
    first, second = await reviewers(sessions, 2)
    claim = await claim_next(as_api, first)

    assert await decide(as_api, claim, by=second) is Refusal.CLAIM_NEEDED
    assert await decide(as_api, Claim(id=uuid4(), reviewer_id=first)) is Refusal.CLAIM_NEEDED
    async with sessions.begin() as session:
        assert claim is not None
        assert await review.case_of(session, claim.id, second) is None
        assert await identity.decision_of(session, claim.submission_id) is None


async def test_the_same_form_sent_five_times_is_one_decision(sessions: Sessions, as_api: Sessions) -> None:
    _, waiting = await a_queue(sessions, 1)
    (reviewer,) = await reviewers(sessions, 1)
    claim = await claim_next(as_api, reviewer)

    answers = await asyncio.gather(*(decide(as_api, claim, REJECT, reason=Reason.UNREADABLE) for _ in range(5)))

    assert [a.id for a in answers if isinstance(a, Submission)] == [waiting[0].id] * 5
    async with sessions.begin() as session:
        decision = await identity.decision_of(session, waiting[0].id)
        assert decision is not None
        assert decision.verdict == REJECT.value
        assert identity.reason_of(decision) is Reason.UNREADABLE


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [(APPROVE, None), (REJECT, Reason.EXPIRED)],
    ids=["the other way", "for another reason"],
)
async def test_a_second_decision_under_the_same_claim_is_refused(
    sessions: Sessions, as_api: Sessions, verdict: Verdict, reason: Reason | None
) -> None:
    await a_queue(sessions, 1)
    (reviewer,) = await reviewers(sessions, 1)
    claim = await claim_next(as_api, reviewer)
    await decide(as_api, claim, REJECT, reason=Reason.UNREADABLE)

    assert await decide(as_api, claim, verdict, reason=reason) is Refusal.ALREADY_DECIDED


async def test_a_decision_under_an_older_claim_comes_too_late(sessions: Sessions, as_api: Sessions) -> None:
    await a_queue(sessions, 1)
    first, second = await reviewers(sessions, 2)
    claim = await claim_next(as_api, first)
    await earlier(sessions, "claim", CLAIM_LEASE, "expires_at")
    await decide(as_api, await claim_next(as_api, second))

    assert await decide(as_api, claim) is Refusal.ALREADY_DECIDED


@pytest.mark.parametrize("ending", [SubmissionStatus.REPLACED, SubmissionStatus.WITHDRAWN, SubmissionStatus.EXPIRED])
async def test_documents_replaced_meanwhile_are_not_decided_on(
    sessions: Sessions, as_api: Sessions, ending: SubmissionStatus
) -> None:
    """T60: the reviewer opens the first, the member sends a second, the reviewer approves."""
    _, waiting = await a_queue(sessions, 1)
    (reviewer,) = await reviewers(sessions, 1)
    claim = await claim_next(as_api, reviewer)
    await set_status(sessions, waiting[0].id, ending)

    assert await decide(as_api, claim) is Refusal.NEWER_SUBMISSION
    async with sessions.begin() as session:
        assert await identity.decision_of(session, waiting[0].id) is None
    # The case is closed, hence not the reviewer's any more.
    assert await claim_next(as_api, reviewer) is None


async def test_a_decision_and_a_replacement_at_the_same_moment_never_both_happen(
    sessions: Sessions, as_api: Sessions, as_worker: Sessions
) -> None:
    for _ in range(5):
        _, waiting = await a_queue(sessions, 1)
        (reviewer,) = await reviewers(sessions, 1)
        claim = await claim_next(as_api, reviewer)

        async def replace(submission_id: UUID = waiting[0].id) -> bool:
            async with as_worker.begin() as session:
                mine = await identity.lock(session, submission_id)
                assert mine is not None
                if await identity.decision_of(session, submission_id) is not None:
                    return False
                await identity.close(session, mine, SubmissionStatus.REPLACED)
                return True

        answer, replaced = await asyncio.gather(decide(as_api, claim), replace())

        assert isinstance(answer, Submission) != replaced


async def test_only_other_keeps_what_the_reviewer_wrote(sessions: Sessions, as_api: Sessions) -> None:
    _, waiting = await a_queue(sessions, 2)
    first, second = await reviewers(sessions, 2)
    await decide(as_api, await claim_next(as_api, first), REJECT, reason=Reason.OTHER, note=" why ")
    await decide(as_api, await claim_next(as_api, second), REJECT, reason=Reason.CUT_OFF, note="scribble")
    async with sessions.begin() as session:
        note = await identity.note_of(session, waiting[0].id)
        assert note is not None
        assert (note.fr, note.en) == ("why  (fr)", "why  (en)")
        assert await identity.note_of(session, waiting[1].id) is None


async def test_an_approval_with_a_reason_left_in_its_form_is_an_approval(sessions: Sessions, as_api: Sessions) -> None:
    _, waiting = await a_queue(sessions, 1)
    (reviewer,) = await reviewers(sessions, 1)

    answer = await decide(as_api, await claim_next(as_api, reviewer), APPROVE, reason=Reason.OTHER, note="x")

    assert isinstance(answer, Submission)
    async with sessions.begin() as session:
        decision = await identity.decision_of(session, waiting[0].id)
        assert decision is not None
        assert decision.reason is None
        assert await identity.note_of(session, waiting[0].id) is None


async def test_the_queue_counts_what_waits_and_how_long(sessions: Sessions, as_api: Sessions) -> None:
    _, waiting = await a_queue(sessions, 3)
    (reviewer,) = await reviewers(sessions, 1)
    await decide(as_api, await claim_next(as_api, reviewer))
    async with as_api.begin() as session:
        assert await review.queue(session) == review.Queue(2, waiting[1].submitted_at)


async def test_a_decision_whose_signal_was_lost_is_found_until_it_is_applied(
    sessions: Sessions, as_api: Sessions, as_worker: Sessions
) -> None:
    campaign, waiting = await a_queue(sessions, 1)
    (reviewer,) = await reviewers(sessions, 1)
    claim = await claim_next(as_api, reviewer)
    assert claim is not None
    await decide(as_api, claim, REJECT, reason=Reason.UNREADABLE)

    async def lost() -> list[Undelivered]:
        async with as_worker.begin() as session:
            return await decisions.undelivered(session, older_than_seconds=10)

    assert await lost() == []
    await earlier(sessions, "decision", timedelta(seconds=11), "effective_at")
    assert await lost() == [
        Undelivered(campaign.id, campaign.code, waiting[0].member_id, waiting[0].id, claim.id, REJECT)
    ]
    await set_status(sessions, waiting[0].id, SubmissionStatus.REJECTED)
    assert await lost() == []
