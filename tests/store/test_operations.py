"""The funnel, the lists behind its numbers, and who is stuck and why."""

from datetime import timedelta

import pytest

from portal.rules.identity import SubmissionStatus
from portal.rules.members import Group, Language
from portal.rules.onboarding import Step
from portal.rules.operations import PaperReason, Stage, Stuck
from portal.store import Sessions, onboarding, operations, paper, watch
from portal.store.campaigns import Campaign
from portal.store.identity import Claim, Decision
from portal.store.members import Member
from portal.store.operations import Wanted, Where
from tests import builders, voting
from tests.store.cases import a_submission, run

DAY = timedelta(days=1)
VALID = timedelta(days=3 * 365)


async def a_file(
    sessions: Sessions, campaign: Campaign, step: Step, *, since: timedelta = timedelta(0), **more: object
) -> Member:
    """A member whose file has stood at this step for so long."""
    async with sessions.begin() as session:
        member = await builders.a_member(session, verified=step is not Step.EMAIL, **more)  # type: ignore[arg-type]
        await onboarding.open_file(session, campaign, member.id)
    await run(
        sessions,
        "update onboarding set step = :step, last_step_at = now() - cast(:since as interval),"
        " waiting_since = now() - cast(:since as interval) where member_id = :member",
        step=step.value, since=since, member=member.id,
    )  # fmt: skip
    return member


@pytest.fixture
async def campaign(sessions: Sessions) -> Campaign:
    async with sessions.begin() as session:
        return await builders.a_campaign(session)


@pytest.fixture
def where(campaign: Campaign) -> Where:
    return Where(campaign.id, VALID)


async def registered(sessions: Sessions, member: Member, codes: list[str]) -> None:
    await run(
        sessions,
        "insert into registration (ballot_id, member_id) select id, :member from ballot where code = any(:codes)",
        member=member.id, codes=codes,
    )  # fmt: skip


async def test_every_number_of_the_funnel_is_the_length_of_its_list(
    sessions: Sessions, as_api: Sessions, campaign: Campaign, where: Where
) -> None:
    async with sessions.begin() as session:
        await builders.a_member(session, group="BdP")
    await a_file(sessions, campaign, Step.EMAIL)
    await a_file(sessions, campaign, Step.IDENTITY, group="TR", language="en")
    again = await a_file(sessions, campaign, Step.IDENTITY)
    partly = await a_file(sessions, campaign, Step.REGISTRATION)
    await a_file(sessions, campaign, Step.REGISTRATION, group="TR")
    await a_file(sessions, campaign, Step.REVIEW)
    done = await a_file(sessions, campaign, Step.DONE, language="en")
    async with sessions.begin() as session:
        await a_submission(session, campaign, again, status=SubmissionStatus.REJECTED)
    await registered(sessions, partly, ["pension"])
    await run(sessions, "update member set identity_verified_at = now() where id = :id", id=done.id)

    async with as_api.begin() as session:
        funnel, _ = await operations.counts(session, where)
        for stage in Stage:
            for group in (None, *Group):
                for language in (None, *Language):
                    wanted = Wanted(stage=stage, group=group, language=language)
                    count = funnel.count(stage, group, language)
                    assert await operations.count_members(session, where, wanted) == count, wanted
                    assert len(await operations.members(session, where, wanted, most=100)) == count, wanted
    assert [funnel.count(stage) for stage in Stage] == [8, 7, 6, 5, 1, 3, 2, 0]
    assert funnel.count(Stage.ALL, Group.EC, Language.EN) == 1


async def test_who_has_voted_in_every_ballot_they_are_registered_for_is_counted(
    sessions: Sessions, as_api: Sessions
) -> None:
    async with sessions.begin() as session:
        campaign = await voting.an_open_vote(session)
    where = Where(campaign.id, VALID)
    people = [await a_file(sessions, campaign, Step.DONE) for _ in range(3)]
    async with sessions.begin() as session:
        for member, voted in zip(people, (["pension", "auditors"], ["pension"], []), strict=True):
            await voting.registered(session, campaign, member, "pension", "auditors")
            for code in voted:
                assert await voting.vote(session, campaign, member, await voting.ballot_of(session, campaign, code))
    async with as_api.begin() as session:
        funnel, _ = await operations.counts(session, where)
        listed = await operations.members(session, where, Wanted(stage=Stage.VOTED), most=9)
    assert (funnel.count(Stage.ALL), funnel.count(Stage.VOTED)) == (3, 1)
    assert [line.member_id for line in listed] == [people[0].id]


async def test_a_confirmation_that_is_too_old_no_longer_counts(
    sessions: Sessions, campaign: Campaign, where: Where
) -> None:
    await a_file(sessions, campaign, Step.IDENTITY)
    await run(sessions, "update member set identity_verified_at = now() - interval '4 years'")
    async with sessions.begin() as session:
        funnel, _ = await operations.counts(session, where)
    assert (funnel.count(Stage.DOCUMENTS), funnel.count(Stage.IDENTITY)) == (0, 0)


async def test_neither_who_left_the_roll_nor_a_mock_member_is_counted(
    sessions: Sessions, as_api: Sessions, campaign: Campaign, where: Where
) -> None:
    gone, mock = [await a_file(sessions, campaign, Step.EMAIL, since=2 * DAY) for _ in range(2)]
    await run(sessions, "update member set left_at = now() where id = :id", id=gone.id)
    await run(
        sessions,
        "update member set rehearsal_id = (select id from campaign limit 1), number = left(number, 5) || 'R'"
        " where id = :id",
        id=mock.id,
    )
    async with as_api.begin() as session:
        funnel, stuck = await operations.counts(session, where)
        assert (funnel.count(Stage.ROLL), stuck) == (0, {})
        assert await operations.members(session, where, Wanted(), most=9) == []
        assert await operations.stuck(session, where, Wanted(), most=9) == []


async def test_everybody_who_is_stuck_has_one_reason_and_since_when(
    sessions: Sessions, as_api: Sessions, campaign: Campaign, where: Where
) -> None:
    expected: dict[str, Stuck] = {}

    async def stuck(reason: Stuck, step: Step, since: timedelta, **more: object) -> Member:
        member = await a_file(sessions, campaign, step, since=since, **more)
        expected[member.number] = reason
        return member

    await stuck(Stuck.NO_ADDRESS, Step.EMAIL, 2 * DAY, email=None)
    bounced = await stuck(Stuck.BOUNCED, Step.EMAIL, 2 * DAY)
    await run(sessions, "update account set email_bounced_at = now() where member_id = :id", id=bounced.id)
    await stuck(Stuck.UNCONFIRMED, Step.EMAIL, timedelta(hours=25))
    rejected = await stuck(Stuck.REJECTED, Step.IDENTITY, 4 * DAY)
    late = await stuck(Stuck.REVIEW_LATE, Step.REGISTRATION, 8 * DAY)
    partly = await stuck(Stuck.PARTLY, Step.REGISTRATION, 4 * DAY)
    await registered(sessions, partly, ["pension"])
    # None of these is stuck: too early, decided a moment ago, another sent, nothing registered, no ballot of theirs.
    await a_file(sessions, campaign, Step.EMAIL, since=timedelta(hours=23))
    decided = await a_file(sessions, campaign, Step.REVIEW)
    again = await a_file(sessions, campaign, Step.REVIEW)
    await a_file(sessions, campaign, Step.REGISTRATION, since=9 * DAY)
    await a_file(sessions, campaign, Step.EMAIL, since=9 * DAY, standing="dues-payer")
    async with sessions.begin() as session:
        await a_submission(session, campaign, rejected, status=SubmissionStatus.REPLACED, since=6 * DAY)
        await a_submission(session, campaign, rejected, status=SubmissionStatus.REJECTED, since=4 * DAY)
        await a_submission(session, campaign, late, since=8 * DAY)
        await a_submission(session, campaign, again, status=SubmissionStatus.REJECTED, since=9 * DAY)
        await a_submission(session, campaign, again, since=DAY)
        old = await a_submission(session, campaign, decided, since=9 * DAY)
        reviewer = await builders.a_staff_account(session)
        claim = Claim(submission_id=old.id, reviewer_id=reviewer.id, expires_at=campaign.closes)
        session.add(claim)
        await session.flush()
        session.add(Decision(submission_id=old.id, claim_id=claim.id, reviewer_id=reviewer.id, verdict="approve"))

    async with as_api.begin() as session:
        found = await operations.stuck(session, where, Wanted(), most=100)
        assert {line.number: line.what for line in found} == expected
        assert [line.since for line in found] == sorted(line.since for line in found if line.since)
        assert (await operations.counts(session, where))[1] == dict.fromkeys(expected.values(), 1)
        for reason in expected.values():
            assert [x.what for x in await operations.stuck(session, where, Wanted(reason=reason), most=9)] == [reason]
        first, second = await operations.stuck(session, where, Wanted(), most=2, after="")
        rest = await operations.stuck(session, where, Wanted(), most=100, after=second.number)
        assert first.number < second.number < min(line.number for line in rest)
        assert len(rest) == len(expected) - 2
        assert rejected.id == (await operations.stuck_one(session, where, rejected.id)).member_id  # type: ignore[union-attr]
        assert await operations.stuck_one(session, where, decided.id) is None


async def test_whoever_votes_on_paper_is_not_stuck(sessions: Sessions, campaign: Campaign, where: Where) -> None:
    member = await a_file(sessions, campaign, Step.EMAIL, since=2 * DAY)
    async with sessions.begin() as session:
        operator = await builders.a_staff_account(session)
        await paper.mark(
            session, campaign_id=campaign.id, member_id=member.id, reason=PaperReason.ASKED, by=operator.id
        )
        assert (await operations.counts(session, where))[1] == {}
        assert [line.what for line in await watch.on_paper(campaign.id).page(session, most=9, skipped=0)] == ["asked"]


async def test_the_flow_counts_what_came_and_what_was_decided(sessions: Sessions, campaign: Campaign) -> None:
    async with sessions.begin() as session:
        reviewer = await builders.a_staff_account(session)
        for days, decided in ((0.1, False), (2, True), (3, True), (9, False)):
            member = await builders.a_member(session)
            one = await a_submission(session, campaign, member, since=days * DAY)
            if decided:
                claim = Claim(submission_id=one.id, reviewer_id=reviewer.id, expires_at=campaign.closes)
                session.add(claim)
                await session.flush()
                session.add(
                    Decision(submission_id=one.id, claim_id=claim.id, reviewer_id=reviewer.id, verdict="approve")
                )
    await run(
        sessions,
        "update decision d set decided_at = s.submitted_at + interval '1 hour' from submission s"
        " where s.id = d.submission_id",
    )
    async with sessions.begin() as session:
        flow = await watch.flow(session, campaign.id)
        found = await watch.cases(campaign.id).page(session, most=9, skipped=0)
        assert await watch.late_cases(session, campaign.id, after=7 * DAY) == 1
    assert (flow.waiting, flow.decided_day, flow.decided_week, flow.arrived_day, flow.arrived_week) == (2, 0, 2, 1, 3)
    assert len(found) == 2


async def test_pictures_that_are_still_there_are_listed_with_the_oldest_first(
    sessions: Sessions, campaign: Campaign
) -> None:
    async with sessions.begin() as session:
        assert await watch.oldest_undeleted(session) is None
        for hours in (1, 3):
            member = await builders.a_member(session)
            await a_submission(
                session, campaign, member, status=SubmissionStatus.APPROVED, since=timedelta(hours=hours)
            )
        await a_submission(session, campaign, await builders.a_member(session))
        found = await watch.undeleted().page(session, most=9, skipped=0)
        oldest = await watch.oldest_undeleted(session)
    assert [line.what for line in found] == ["approved", "approved"]
    assert oldest is not None
    assert (oldest.id, oldest.over_at) == (found[0].subject_id, found[0].since)
