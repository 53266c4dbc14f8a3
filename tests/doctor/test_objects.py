"""What the doctor says of the bucket and of the folder with the days' keys."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from portal.doctor.findings import State
from portal.doctor.objects import Objects
from portal.settings import Settings
from portal.store import Sessions
from portal.store.files import MinioFiles
from portal.store.sealing import EpochKeys
from tests import builders
from tests.conftest import Servers
from tests.doctor.conftest import said
from tests.store.cases import a_submission
from tests.workflows.journeys import until


@pytest.fixture
def objects(files: MinioFiles, tmp_path: Path, as_worker: Sessions) -> Objects:
    return Objects(files, tmp_path / "keys", as_worker)


async def test_a_bucket_and_a_folder_of_their_own_are_well(objects: Objects) -> None:
    EpochKeys(objects.key_folder).for_sealing(datetime.now(UTC).date())
    for name, check in objects.checks().items():
        found = await said(check)
        assert (found.state, found.remedy) == (State.OK, ""), (name, found)


async def test_a_bucket_that_is_not_there_is_told(worker_settings: Settings, objects: Objects) -> None:
    s = worker_settings
    elsewhere = MinioFiles(
        s.s3_endpoint, s.s3_access_key, s.s3_secret_key.get_secret_value(), "nobody-made-it", region=s.s3_region,
        secure=False,
    )  # fmt: skip
    found = await said(Objects(elsewhere, objects.key_folder, objects.sessions).strays)
    assert found.state is State.FAILED
    away = MinioFiles("127.0.0.1:1", "key", "a-secret-key", "bucket", region=s.s3_region, secure=False)
    for check in ("objects: bucket", "objects: strays"):
        found = await said(Objects(away, objects.key_folder, objects.sessions).checks()[check])
        assert found.state is State.FAILED
        assert "a-secret-key" not in found.said


async def test_an_object_without_a_case_is_told_once_the_sweep_should_have_come(
    servers: Servers, bucket: str, files: MinioFiles, objects: Objects
) -> None:
    name = uuid4().hex
    await files.put(name, b"sealed")
    assert (await said(objects.strays)).state is State.OK
    four_hours_ago = (datetime.now(UTC) - timedelta(hours=4)).timestamp()
    os.utime(servers.objects.folder / bucket / name, (four_hours_ago, four_hours_ago))

    # The server's listing of the folder is a second old at most.
    async def told() -> bool:
        return (await said(objects.strays)).state is State.WARNING

    await until(told)
    assert "1 objects without a case" in (await said(objects.strays)).said


async def test_a_folder_that_others_may_look_into_is_told(objects: Objects) -> None:
    found = await said(objects.folder)
    assert (found.state, found.said) == (State.FAILED, "it is not there")
    keys = EpochKeys(objects.key_folder)
    keys.for_sealing(date(2026, 1, 1))
    objects.key_folder.chmod(0o750)
    found = await said(objects.folder)
    assert found.state is State.FAILED
    assert "mode 0750" in found.said
    objects.key_folder.chmod(0o700)
    next(objects.key_folder.iterdir()).chmod(0o644)
    found = await said(objects.folder)
    assert "1 files in it can be read by others" in found.said


async def test_a_document_whose_key_is_not_there_is_told(objects: Objects, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session)
        await a_submission(session, campaign, member, epoch=date(2026, 1, 2))
    found = await said(objects.days)
    assert (found.state, found.said) == (State.FAILED, "no key for 2026-01-02")
    EpochKeys(objects.key_folder).for_sealing(date(2026, 1, 2))
    assert (await said(objects.days)).state is State.OK
