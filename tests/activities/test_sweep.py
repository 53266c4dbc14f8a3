"""Whatever has no open case is gone after a sweep, with no workflow and no Temporal anywhere (T57)."""

import os
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.facts import Facts
from activities.identity import IdentityActivities
from activities.rendering import Letters
from activities.sweep import SweepActivities, Swept
from deploy.servers import ObjectStore
from portal.rules.accounts import Role
from portal.rules.decisions import Deciding
from portal.rules.identity import KEY_LIFETIME, OVER, UNDECIDED_FOR, Reason, SubmissionStatus, Verdict
from portal.rules.mail import Lane
from portal.rules.onboarding import Step
from portal.settings import Settings
from portal.store import Sessions, decisions, identity, mail, onboarding, review
from portal.store.campaigns import Campaign
from portal.store.files import FileGone, MinioFiles
from portal.store.identity import Submission
from portal.store.journal import Entry
from portal.store.mail import Mail
from portal.store.members import Member
from portal.store.sealing import EpochKeys
from tests import builders
from tests.activities.conftest import POLICY
from tests.conftest import Servers
from tests.store.cases import a_submission, run

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
STATUS = SubmissionStatus


async def sweep(sweeping: SweepActivities) -> Swept:
    return await ActivityEnvironment().run(sweeping.sweep)


async def a_case(
    sessions: Sessions,
    files: MinioFiles,
    status: SubmissionStatus,
    since: timedelta = timedelta(0),
    *,
    ended: bool = False,
    documents: int = 2,
) -> Submission:
    """A submission with its pictures in the object store."""
    async with sessions.begin() as session:
        campaign = await (
            builders.a_campaign(session, opens=-3 * DAY, closes=-2 * DAY, ends=-HOUR)
            if ended
            else builders.a_campaign(session)
        )
        member = await builders.a_member(session, verified=True)
        submission = await a_submission(session, campaign, member, status=status, since=since, documents=documents)
    for key in await object_keys(sessions, submission.id):
        await files.put(key, b"sealed picture")
    return submission


async def test_the_staff_hear_once_of_a_case_that_nobody_there_may_look_at(
    sweeping: SweepActivities, sessions: Sessions, files: MinioFiles
) -> None:
    submission = await a_case(sessions, files, STATUS.SUBMITTED, HOUR)
    async with sessions.begin() as session:
        operators = [(await builders.a_staff_account(session, Role.OPERATOR)).id for _ in range(2)]
        reviewer = await builders.a_staff_account(session, Role.REVIEWER)
        claim = await review.claim_next(session, reviewer.id)
        assert claim is not None
        await decisions.give(
            session, claim_id=claim.id, reviewer_id=reviewer.id, verdict=Verdict.REFUSE, reason=Reason.EXPIRED,
            note_fr="", note_en="", deciding=Deciding(b"a key of the tests"),
        )  # fmt: skip
    await sweep(sweeping)
    await run(sessions, "update opinion set given_at = given_at - interval '25 hours'")
    await sweep(sweeping)
    await sweep(sweeping)

    async with sessions.begin() as session:
        mails = await session.scalars(select(Mail).where(Mail.kind == "review-waiting"))
        told = {mail.account_id: mail.facts for mail in mails}
    assert set(told) == set(operators)
    assert told[operators[0]] == {"submission_id": str(submission.id), "occasion": "another-reviewer"}


async def object_keys(sessions: Sessions, submission_id: UUID) -> list[str]:
    async with sessions.begin() as session:
        return [document.object_key for document in await identity.documents_of(session, submission_id)]


async def left(files: MinioFiles) -> set[str]:
    return {file.key for file in await files.stored()}


async def found(sessions: Sessions, submission_id: UUID) -> Submission:
    async with sessions.begin() as session:
        submission = await identity.by_id(session, submission_id)
        assert submission is not None
        return submission


def aged(objects: ObjectStore, bucket: str, age: timedelta) -> None:
    """As if every object of a bucket had been stored so long ago."""
    at = time.time() - age.total_seconds()
    for file in (objects.folder / bucket).iterdir():
        os.utime(file, (at, at))
    # The server keeps a listing for a second.
    time.sleep(1.1)


@pytest.mark.parametrize(
    ("status", "since", "ended", "ending"),
    [
        (STATUS.STAGED, HOUR, False, STATUS.ABANDONED),
        (STATUS.SUBMITTED, UNDECIDED_FOR + HOUR, False, STATUS.EXPIRED),
        (STATUS.SUBMITTED, DAY, True, STATUS.ABANDONED),
        (STATUS.STAGED, timedelta(minutes=1), True, STATUS.ABANDONED),
    ],
    ids=["never sent", "never decided", "campaign ended", "campaign ended, never sent"],
)
async def test_what_nobody_ended_in_time_is_closed_then_erased_and_certified(
    sessions: Sessions,
    files: MinioFiles,
    sweeping: SweepActivities,
    status: SubmissionStatus,
    since: timedelta,
    ended: bool,
    ending: SubmissionStatus,
) -> None:
    submission = await a_case(sessions, files, status, since, ended=ended)

    assert (await sweep(sweeping)).closed == 1
    assert (await found(sessions, submission.id)).status == ending.value
    async with sessions.begin() as session:
        told = list(await session.scalars(select(Mail.kind)))
    # Once the campaign is over nobody is asked for another picture.
    assert told == (["expired"] if ending is STATUS.EXPIRED else [])
    # The member's own workflow, if it lives, has a quarter of an hour to do it.
    await run(sessions, "update submission set over_at = over_at - interval '15 minutes'")
    assert await sweep(sweeping) == Swept(closed=0, erased_late=1, strays=0, keys_destroyed=0)

    assert await left(files) == set()
    assert (await found(sessions, submission.id)).erased_at is not None
    async with sessions.begin() as session:
        certificate = await identity.erasure_of(session, submission.id)
        documents = await identity.documents_of(session, submission.id)
        assert certificate is not None
        assert (certificate.outcome, certificate.documents, certificate.versions_left) == (ending.value, 2, 0)
        assert [document.wrapped_key for document in documents] == [None, None]


@pytest.mark.parametrize("status", sorted(OVER))
async def test_what_is_over_and_not_erased_is_erased(
    sessions: Sessions, files: MinioFiles, sweeping: SweepActivities, status: SubmissionStatus
) -> None:
    submission = await a_case(sessions, files, status, timedelta(minutes=16))

    assert (await sweep(sweeping)).erased_late == 1
    assert await left(files) == set()
    assert (await found(sessions, submission.id)).erased_at is not None
    assert await sweep(sweeping) == Swept(0, 0, 0, 0)


async def test_nothing_with_an_open_case_is_touched(
    sessions: Sessions,
    files: MinioFiles,
    sweeping: SweepActivities,
    servers: Servers,
    worker_settings: Settings,
) -> None:
    cases = [
        await a_case(sessions, files, STATUS.STAGED, timedelta(minutes=59)),
        await a_case(sessions, files, STATUS.SUBMITTED, DAY),
        await a_case(sessions, files, STATUS.SUBMITTED, UNDECIDED_FOR - HOUR),
        # Just over: its own workflow is at work.
        await a_case(sessions, files, STATUS.APPROVED, timedelta(minutes=1)),
    ]
    before = await left(files)
    aged(servers.objects, worker_settings.s3_bucket, 40 * DAY)

    assert await sweep(sweeping) == Swept(0, 0, 0, 0)
    assert await left(files) == before
    assert len(before) == 8
    for case in cases:
        assert (await found(sessions, case.id)).status == case.status


async def test_an_object_without_a_record_is_erased_once_no_upload_can_still_be_on_its_way(
    sessions: Sessions,
    files: MinioFiles,
    sweeping: SweepActivities,
    servers: Servers,
    worker_settings: Settings,
) -> None:
    known = await a_case(sessions, files, STATUS.SUBMITTED)
    stray = uuid4().hex
    await files.put(stray, b"a picture whose record was lost")
    assert (await sweep(sweeping)).strays == 0

    aged(servers.objects, worker_settings.s3_bucket, HOUR + timedelta(minutes=1))
    assert (await sweep(sweeping)).strays == 1

    with pytest.raises(FileGone):
        await files.get(stray)
    assert await left(files) == set(await object_keys(sessions, known.id))


async def test_an_object_put_after_its_erasure_was_certified_is_a_stray(
    sessions: Sessions,
    files: MinioFiles,
    sweeping: SweepActivities,
    servers: Servers,
    worker_settings: Settings,
) -> None:
    case = await a_case(sessions, files, STATUS.WITHDRAWN, HOUR)
    await sweep(sweeping)
    (late, _) = await object_keys(sessions, case.id)
    await files.put(late, b"a slow upload")
    aged(servers.objects, worker_settings.s3_bucket, 2 * HOUR)

    assert (await sweep(sweeping)).strays == 1
    assert await left(files) == set()


async def test_a_members_file_shows_the_step_that_is_missing_again_and_hears_why(
    sessions: Sessions, files: MinioFiles, sweeping: SweepActivities
) -> None:
    submission = await a_case(sessions, files, STATUS.SUBMITTED, UNDECIDED_FOR + HOUR)
    await sweep(sweeping)
    async with sessions.begin() as session:
        file = await onboarding.of_member(session, submission.campaign_id, submission.member_id)
        assert file is not None
        assert file.step == Step.IDENTITY.value
    from tests.activities.mails import row

    mail = await row(sessions, f"expired:{submission.id}")
    assert mail.kind == "expired"


async def test_a_file_that_has_ended_stays_ended_after_the_sweep(
    sessions: Sessions, files: MinioFiles, sweeping: SweepActivities
) -> None:
    submission = await a_case(sessions, files, STATUS.SUBMITTED, DAY, ended=True)
    async with sessions.begin() as session:
        campaign = await session.get(Campaign, submission.campaign_id)
        assert campaign is not None
        await onboarding.open_file(session, campaign, submission.member_id)
        await onboarding.end_file(session, campaign.id, submission.member_id)
    await sweep(sweeping)
    async with sessions.begin() as session:
        file = await onboarding.of_member(session, submission.campaign_id, submission.member_id)

    assert file is not None
    assert file.step == Step.ENDED.value


async def test_keys_of_days_that_open_nothing_are_destroyed_and_of_days_in_use_are_kept(
    sessions: Sessions, sweeping: SweepActivities, keys: EpochKeys
) -> None:
    today = datetime.now(UTC).date()
    in_use, idle, yesterday = today - 5 * DAY, today - 4 * DAY, today - DAY
    too_old = today - KEY_LIFETIME
    for day in (today, yesterday, in_use, idle, too_old):
        keys.for_sealing(day)
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        for day in (in_use, too_old):
            member: Member = await builders.a_member(session)
            await a_submission(session, campaign, member, epoch=day)

    assert (await sweep(sweeping)).keys_destroyed == 2
    assert set(keys.days()) == {today, yesterday, in_use}
    assert (await sweep(sweeping)).keys_destroyed == 0


async def test_the_sweep_forgets_old_counters_sessions_and_notes(
    sessions: Sessions, sweeping: SweepActivities, files: MinioFiles
) -> None:
    from sqlalchemy import text

    ended = await a_case(sessions, files, STATUS.REJECTED, DAY, ended=True)
    running = await a_case(sessions, files, STATUS.REJECTED, DAY)
    for case in (ended, running):
        await run(sessions, "insert into decision_note values (:id, 'fr', 'en')", id=case.id)
    await run(
        sessions,
        "insert into attempt values ('old', now() - interval '3 days', now() - interval '3 days', 1)",
    )
    await run(sessions, "insert into attempt values ('new', now(), now(), 1)")
    await sweep(sweeping)
    async with sessions.begin() as session:
        notes = list(await session.scalars(text("select submission_id from decision_note")))
        attempts = list(await session.scalars(text("select key from attempt")))

    assert notes == [running.id]
    assert attempts == ["new"]


async def test_a_picture_an_hour_late_is_told_to_every_operator_once(
    sessions: Sessions, as_worker: Sessions, files: MinioFiles, keys: EpochKeys, sweeping: SweepActivities,
    facts: Facts, letters: Letters,
) -> None:  # fmt: skip
    """With the object store away; the letter says since when, and is not sent once the picture is gone."""
    case = await a_case(sessions, files, STATUS.WITHDRAWN, timedelta(minutes=61))
    async with sessions.begin() as session:
        operators = [await builders.a_staff_account(session, Role.OPERATOR) for _ in range(2)]
        await builders.a_staff_account(session, Role.REVIEWER)
    away = MinioFiles("127.0.0.1:1", "key", "secret", "nowhere", region="ca-central-1", secure=False)
    helpless = SweepActivities(as_worker, away, keys, IdentityActivities(as_worker, away, POLICY))
    for _ in range(2):
        with pytest.raises(ApplicationError, match="pictures left"):
            await sweep(helpless)
    async with sessions.begin() as session:
        told = (await session.scalars(select(Mail).where(Mail.kind == "staff-alarm"))).all()
        entries = (await session.scalars(select(Entry.subject_id).where(Entry.action == "erasure-alarm"))).all()
        claimed = await mail.claim(session, Lane.URGENT, 10)
        said = await facts.of(session, claimed[0])
        assert said is not None
        letter = letters.render(claimed[0].kind, said.language, said.facts)
    assert {one.account_id for one in told} == {operator.id for operator in operators}
    assert entries == [case.id]
    assert "/fr/operations" in letter.text
    await sweep(sweeping)
    async with sessions.begin() as session:
        assert await facts.of(session, claimed[0]) is None
