"""The file of a member: read afresh, carried over, never confused with another campaign's."""

from datetime import timedelta
from uuid import UUID

import pytest

from portal.rules.identity import SubmissionStatus
from portal.rules.onboarding import IdentityState, Step
from portal.store import Sessions, accounts, ballots, members, onboarding
from portal.store import identity as papers
from portal.store.campaigns import Campaign
from portal.store.members import Member
from portal.store.onboarding import Standing
from tests import builders
from tests.store.cases import a_submission, ago, earlier, run

THREE_YEARS = timedelta(days=3 * 365)


async def a_member_in_a_campaign(sessions: Sessions, **more: object) -> tuple[Campaign, Member]:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session, **{"verified": True, **more})  # type: ignore[arg-type]
        return campaign, member


async def standing(sessions: Sessions, campaign: Campaign, member_id: UUID) -> Standing:
    async with sessions.begin() as session:
        whole = await onboarding.read(session, campaign.id, member_id, valid_for=THREE_YEARS)
        assert whole is not None
        return whole.standing


async def register(sessions: Sessions, campaign: Campaign, member: Member) -> None:
    async with sessions.begin() as session:
        await ballots.register(
            session,
            campaign_id=campaign.id,
            member_id=member.id,
            chosen=[c for c, _, _ in builders.BALLOTS_2017],
            confirmed=False,
        )


async def test_the_standing_follows_the_records_step_by_step(sessions: Sessions, as_worker: Sessions) -> None:
    campaign, member = await a_member_in_a_campaign(sessions, verified=False)
    seen = [(await standing(as_worker, campaign, member.id)).step]
    async with sessions.begin() as session:
        account = await accounts.of_member(session, member.id)
        assert account is not None
        account.email_verified_at = ago()
    seen.append((await standing(as_worker, campaign, member.id)).step)
    async with sessions.begin() as session:
        submission = await a_submission(session, campaign, member)
    seen.append((await standing(as_worker, campaign, member.id)).step)
    await register(sessions, campaign, member)
    seen.append((await standing(as_worker, campaign, member.id)).step)
    async with sessions.begin() as session:
        mine = await papers.lock(session, submission.id)
        known = await members.by_id(session, member.id)
        assert mine is not None
        assert known is not None
        await papers.close(session, mine, SubmissionStatus.APPROVED)
        await members.verify_identity(session, known.id)
    last = await standing(as_worker, campaign, member.id)

    assert seen == [Step.EMAIL, Step.IDENTITY, Step.REGISTRATION, Step.REVIEW]
    assert (last.step, last.identity, last.submission) == (Step.DONE, IdentityState.APPROVED, None)
    assert last.own == last.registered == builders.ballots_of("EC")


async def test_a_refusal_stands_until_something_else_is_answered(sessions: Sessions) -> None:
    campaign, member = await a_member_in_a_campaign(sessions)
    at: list[tuple[IdentityState, Step]] = []
    async with sessions.begin() as session:
        refused = await a_submission(
            session, campaign, member, status=SubmissionStatus.REFUSED, since=timedelta(hours=3)
        )  # fmt: skip
    for status in (SubmissionStatus.WITHDRAWN, SubmissionStatus.ABANDONED, SubmissionStatus.REJECTED):
        now = await standing(sessions, campaign, member.id)
        at.append((now.identity, now.step))
        async with sessions.begin() as session:
            await a_submission(session, campaign, member, status=status, appeal_of=refused.id)
    now = await standing(sessions, campaign, member.id)

    assert at == [(IdentityState.REFUSED, Step.REFUSED)] * 3
    assert (now.identity, now.step) == (IdentityState.NONE, Step.IDENTITY)


SENT_NO_MORE = [s for s in SubmissionStatus if s not in (SubmissionStatus.SUBMITTED, SubmissionStatus.REFUSED)]


@pytest.mark.parametrize("status", SENT_NO_MORE)
async def test_only_documents_before_the_reviewers_count_as_sent(sessions: Sessions, status: SubmissionStatus) -> None:
    campaign, member = await a_member_in_a_campaign(sessions)
    async with sessions.begin() as session:
        await a_submission(session, campaign, member, status=status)

    now = await standing(sessions, campaign, member.id)

    assert (now.identity, now.step, now.submission) == (IdentityState.NONE, Step.IDENTITY, None)


async def test_documents_of_another_campaign_or_member_are_not_this_ones(sessions: Sessions) -> None:
    campaign, member = await a_member_in_a_campaign(sessions)
    other_campaign, other_member = await a_member_in_a_campaign(sessions)
    async with sessions.begin() as session:
        await a_submission(session, other_campaign, member)
        await a_submission(session, campaign, other_member)

    assert (await standing(sessions, campaign, member.id)).identity is IdentityState.NONE


async def test_a_confirmed_identity_serves_the_next_campaign_for_three_years(sessions: Sessions) -> None:
    _, member = await a_member_in_a_campaign(sessions)
    async with sessions.begin() as session:
        known = await members.by_id(session, member.id)
        assert known is not None
        await members.verify_identity(session, known.id)
        later = await builders.a_campaign(session)

    assert (await standing(sessions, later, member.id)).step is Step.REGISTRATION
    await earlier(sessions, "member", THREE_YEARS - timedelta(seconds=10), "identity_verified_at")
    assert (await standing(sessions, later, member.id)).identity is IdentityState.APPROVED
    await earlier(sessions, "member", timedelta(seconds=10), "identity_verified_at")
    assert (await standing(sessions, later, member.id)).step is Step.IDENTITY


async def test_a_new_address_asks_for_documents_again(sessions: Sessions) -> None:
    campaign, member = await a_member_in_a_campaign(sessions)
    async with sessions.begin() as session:
        known = await members.by_id(session, member.id)
        assert known is not None
        await members.verify_identity(session, known.id)
    await run(sessions, "update member set street = '4, rue Neuve' where id = :id", id=member.id)

    assert (await standing(sessions, campaign, member.id)).step is Step.IDENTITY


async def test_a_member_who_changes_groups_is_not_done_with_the_ballots_of_the_old_one(
    sessions: Sessions,
) -> None:
    campaign, member = await a_member_in_a_campaign(sessions)
    async with sessions.begin() as session:
        await a_submission(session, campaign, member)
    await register(sessions, campaign, member)
    await run(sessions, "update member set \"group\" = 'TR' where id = :id", id=member.id)

    now = await standing(sessions, campaign, member.id)

    assert now.step is Step.REGISTRATION
    assert set(now.own) - set(now.registered) == {"tr-ratification"}


async def test_one_members_registrations_are_not_anothers(sessions: Sessions) -> None:
    campaign, first = await a_member_in_a_campaign(sessions)
    async with sessions.begin() as session:
        second = await builders.a_member(session, verified=True)
    await register(sessions, campaign, first)
    assert (await standing(sessions, campaign, second.id)).registered == []


async def test_a_dues_payer_has_no_ballots(sessions: Sessions) -> None:
    campaign, member = await a_member_in_a_campaign(sessions, standing="dues-payer")

    assert (await standing(sessions, campaign, member.id)).own == []


async def test_a_file_is_opened_once_and_taken_up_again_after_an_end(sessions: Sessions, as_worker: Sessions) -> None:
    campaign, member = await a_member_in_a_campaign(sessions)
    async with as_worker.begin() as session:
        first = await onboarding.open_file(session, campaign, member.id)
        await onboarding.note_step(session, first, Step.IDENTITY, by_member=True)
    async with as_worker.begin() as session:
        await onboarding.end_file(session, campaign.id, member.id)
    async with as_worker.begin() as session:
        ended = await onboarding.of_member(session, campaign.id, member.id)
        assert ended is not None
        assert (ended.step, ended.ended_at is None) == (Step.ENDED.value, False)
    async with as_worker.begin() as session:
        again = await onboarding.open_file(session, campaign, member.id)
        await onboarding.note_step(session, again, Step.IDENTITY, by_member=False)
        await session.refresh(again)

    assert again.ended_at is None
    assert again.step == Step.IDENTITY.value
    assert again.started_at == first.started_at


async def test_an_ended_file_stays_ended_whatever_is_still_cleared_up(sessions: Sessions, as_worker: Sessions) -> None:
    campaign, member = await a_member_in_a_campaign(sessions)
    async with as_worker.begin() as session:
        await onboarding.open_file(session, campaign, member.id)
        await onboarding.end_file(session, campaign.id, member.id)
    async with as_worker.begin() as session:
        file = await onboarding.of_member(session, campaign.id, member.id)
        assert file is not None
        await onboarding.note_step(session, file, Step.IDENTITY, by_member=False)

    assert file.step == Step.ENDED.value
    assert file.ended_at is not None


async def test_a_members_own_step_starts_the_reminders_anew_but_not_the_count_of_all(
    sessions: Sessions, as_worker: Sessions
) -> None:
    campaign, member = await a_member_in_a_campaign(sessions)
    async with as_worker.begin() as session:
        file = await onboarding.open_file(session, campaign, member.id)
        for _ in range(2):
            await onboarding.note_reminder(session, campaign.id, member.id)
        await onboarding.note_step(session, file, Step.IDENTITY, by_member=False)
        await session.refresh(file)
        assert (file.reminded, file.reminders_in_all) == (2, 2)
        before = (file.last_step_at, file.version)
        await onboarding.note_step(session, file, Step.REGISTRATION, by_member=True)
        await session.refresh(file)

    assert (file.reminded, file.reminders_in_all) == (0, 2)
    assert file.last_step_at > before[0]
    assert file.version > before[1]


async def test_files_with_an_old_calendar_are_found_page_by_page(sessions: Sessions, as_worker: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        people = [await builders.a_member(session) for _ in range(5)]
        for member in people:
            await onboarding.open_file(session, campaign, member.id)
        await onboarding.note_calendar(session, campaign.id, people[0].id, 2)
        await onboarding.end_file(session, campaign.id, people[1].id)
    pages: list[list[UUID]] = []
    async with as_worker.begin() as session:
        while not pages or pages[-1]:
            after = pages[-1][-1] if pages else None
            pages.append(await onboarding.with_old_calendar(session, campaign.id, 2, after=after, most=2))

    assert [len(page) for page in pages] == [2, 1, 0]
    assert {m for page in pages for m in page} == {member.id for member in people[2:]}
