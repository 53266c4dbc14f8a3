"""Erased means gone: from the store, from the keys, and for whoever restores a backup (T51, T56)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.identity import Erased, IdentityActivities
from deploy.servers import REGION, start_object_store
from portal.rules.identity import SubmissionStatus, certificate_number
from portal.store import Sessions, identity
from portal.store.files import MinioFiles
from portal.store.identity import Document, Submission
from portal.store.sealing import EpochKeys, KeyDestroyed, SealBroken, seal, unseal
from tests import builders
from tests.activities.conftest import POLICY
from tests.activities.mails import row
from tests.store.cases import a_submission, run

PICTURE = b"a picture of a card " * 500


async def a_sealed_case(
    sessions: Sessions,
    files: MinioFiles,
    keys: EpochKeys,
    status: SubmissionStatus = SubmissionStatus.APPROVED,
) -> tuple[Submission, list[Document]]:
    """Two sealed pictures of a submission that is over."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session, verified=True)
        submission = await a_submission(session, campaign, member, status=status, documents=2)
    async with sessions.begin() as session:
        documents = list(await identity.documents_of(session, submission.id))
        for document in documents:
            sealed = seal(keys, document.id, PICTURE, datetime.now(UTC).date())
            document.wrapped_key, document.epoch = sealed.wrapped_key, sealed.epoch
            await files.put(document.object_key, sealed.ciphertext)
    return submission, documents


async def erase(activities: IdentityActivities, submission_id: UUID) -> Erased:
    return await ActivityEnvironment().run(activities.erase_documents, submission_id)


async def certify(activities: IdentityActivities, erased: Erased) -> None:
    await ActivityEnvironment().run(activities.certify_erasure, erased)


async def wrapped_keys(sessions: Sessions, submission_id: UUID) -> list[bytes | None]:
    async with sessions.begin() as session:
        return [document.wrapped_key for document in await identity.documents_of(session, submission_id)]


async def test_erasing_leaves_no_object_and_a_repeat_finds_none(
    sessions: Sessions, files: MinioFiles, keys: EpochKeys, identity_activities: IdentityActivities
) -> None:
    submission, _ = await a_sealed_case(sessions, files, keys)

    assert await erase(identity_activities, submission.id) == Erased(submission.id, 2)
    assert await files.stored() == []
    assert await erase(identity_activities, submission.id) == Erased(submission.id, 0)


async def test_a_certificate_is_written_once_with_the_keys_destroyed_and_the_member_told(
    sessions: Sessions, files: MinioFiles, keys: EpochKeys, identity_activities: IdentityActivities
) -> None:
    submission, _ = await a_sealed_case(sessions, files, keys)
    erased = await erase(identity_activities, submission.id)
    assert None not in await wrapped_keys(sessions, submission.id)

    for _ in range(3):
        await certify(identity_activities, erased)

    assert await wrapped_keys(sessions, submission.id) == [None, None]
    async with sessions.begin() as session:
        erasure = await identity.erasure_of(session, submission.id)
        mine = await identity.by_id(session, submission.id)
        assert erasure is not None
        assert mine is not None
        assert erasure.certificate == certificate_number(submission.id)
        assert (erasure.outcome, erasure.documents, erasure.versions_removed) == ("approved", 2, 2)
        assert mine.erased_at == erasure.erased_at
        assert await identity.counter(session) == identity.Counter(1, 1, 0, None)
    assert (await row(sessions, f"approved:{submission.id}")).kind == "approved"


async def test_every_certificate_is_of_one_submission(
    sessions: Sessions, files: MinioFiles, keys: EpochKeys, identity_activities: IdentityActivities
) -> None:
    cases = [(await a_sealed_case(sessions, files, keys))[0] for _ in range(3)]
    for case in cases:
        await certify(identity_activities, await erase(identity_activities, case.id))
    async with sessions.begin() as session:
        certificates = {(await identity.erasure_of(session, case.id)).certificate for case in cases}  # type: ignore[union-attr]

    assert len(certificates) == 3
    await certify(identity_activities, Erased(uuid4(), 0))


async def test_only_an_approval_is_told_with_the_erasure(
    sessions: Sessions, files: MinioFiles, keys: EpochKeys, identity_activities: IdentityActivities
) -> None:
    submission, _ = await a_sealed_case(sessions, files, keys, SubmissionStatus.WITHDRAWN)
    await certify(identity_activities, await erase(identity_activities, submission.id))
    async with sessions.begin() as session:
        from sqlalchemy import func, select

        from portal.store.mail import Mail

        assert await session.scalar(select(func.count()).select_from(Mail)) == 0


async def test_an_object_store_that_is_away_fails_the_erasure_and_later_it_succeeds(
    sessions: Sessions, as_worker: Sessions, keys: EpochKeys, tmp_path: Path
) -> None:
    store = start_object_store(tmp_path / "s3")
    files = MinioFiles(
        store.address,
        store.access_key,
        store.secret_key,
        "identity",
        REGION,
        secure=False,
        create_bucket=True,
    )
    await files.check_policy()
    activities = IdentityActivities(as_worker, files, POLICY)
    submission, documents = await a_sealed_case(sessions, files, keys)
    store.stop()
    with pytest.raises(ApplicationError) as failed:
        await erase(activities, submission.id)

    # Temporal tries again without end, and its history names no object.
    assert (failed.value.type, failed.value.non_retryable) == ("FilesUnavailable", False)
    assert all(document.object_key not in str(failed.value) for document in documents)
    async with sessions.begin() as session:
        assert await identity.erasure_of(session, submission.id) is None
    assert None not in await wrapped_keys(sessions, submission.id)

    again = start_object_store(tmp_path / "s3", store.port)
    try:
        await certify(activities, await erase(activities, submission.id))
        assert await files.stored() == []
    finally:
        again.stop()
    async with sessions.begin() as session:
        assert await identity.erasure_of(session, submission.id) is not None


async def test_whoever_restores_a_backup_opens_nothing_once_the_days_key_is_destroyed(
    sessions: Sessions, files: MinioFiles, keys: EpochKeys, identity_activities: IdentityActivities
) -> None:
    submission, documents = await a_sealed_case(sessions, files, keys)
    stolen = [(d.id, d.wrapped_key, d.epoch, await files.get(d.object_key)) for d in documents]
    for document_id, wrapped_key, epoch, ciphertext in stolen:
        assert unseal(keys, document_id, ciphertext=ciphertext, wrapped_key=wrapped_key, epoch=epoch) == PICTURE
    await certify(identity_activities, await erase(identity_activities, submission.id))

    # An old backup of the records and an old copy of the objects, put together again.
    for document_id, wrapped_key, _, ciphertext in stolen:
        await run(sessions, "update document set wrapped_key = :key where id = :id", key=wrapped_key, id=document_id)
        await files.put(document_id.hex, ciphertext)
    assert keys.destroy(stolen[0][2])

    for document_id, wrapped_key, epoch, ciphertext in stolen:
        with pytest.raises(KeyDestroyed):
            unseal(keys, document_id, ciphertext=ciphertext, wrapped_key=wrapped_key, epoch=epoch)
    # Not even a key made anew for that day opens them.
    keys.for_sealing(stolen[0][2])
    for document_id, wrapped_key, epoch, ciphertext in stolen:
        with pytest.raises(SealBroken):
            unseal(keys, document_id, ciphertext=ciphertext, wrapped_key=wrapped_key, epoch=epoch)


async def test_the_public_counter_says_how_long_the_oldest_has_waited(
    sessions: Sessions, files: MinioFiles, keys: EpochKeys, identity_activities: IdentityActivities
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        oldest = await a_submission(session, campaign, await builders.a_member(session), since=timedelta(days=2))
        await a_submission(session, campaign, await builders.a_member(session), since=timedelta(days=1))
    gone, _ = await a_sealed_case(sessions, files, keys)
    await certify(identity_activities, await erase(identity_activities, gone.id))
    async with sessions.begin() as session:
        assert await identity.counter(session) == identity.Counter(3, 1, 2, oldest.staged_at)
