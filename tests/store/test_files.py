"""The bucket gives back what was put, and nothing of what was erased."""

import asyncio
import io
import socket
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from minio import Minio
from structlog.testing import capture_logs

from deploy.servers import REGION, ObjectStore, start_object_store
from portal.store.files import FileGone, Files, FilesUnavailable, MinioFiles, StillThere, UnsafeBucket
from tests.store.s3_peer import Peer, a_peer

LOCKED = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}</ObjectLockConfiguration>"
RULE = "<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>30</Days></DefaultRetention></Rule>"


@pytest.fixture(scope="module")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    store = start_object_store(tmp_path_factory.mktemp("s3"))
    yield store
    store.stop()


def connected(store: ObjectStore, bucket: str, *, create_bucket: bool = False) -> MinioFiles:
    return MinioFiles(
        store.address,
        store.access_key,
        store.secret_key,
        bucket,
        REGION,
        secure=False,
        create_bucket=create_bucket,
    )


@pytest.fixture
async def files(object_store: ObjectStore) -> MinioFiles:
    files = connected(object_store, f"b{uuid4().hex}", create_bucket=True)
    await files.check_policy()
    return files


def at(peer: Peer) -> MinioFiles:
    return MinioFiles(peer.endpoint, "key", "secret", "identity", REGION, secure=False)


def a_key() -> str:
    return uuid4().hex


def everything_said(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error.__cause__) + repr(error.__context__)


# --- over a real server ---


async def test_what_was_put_comes_back(files: Files) -> None:
    key, data = a_key(), bytes(range(256)) * 5000

    await files.put(key, data)

    assert await files.get(key) == data


async def test_a_big_file_goes_in_one_piece(files: Files) -> None:
    """T52: nothing is ever uploaded in parts."""
    key, data = a_key(), b"x" * (9 * 1024 * 1024)

    await files.put(key, data)

    assert await files.get(key) == data


async def test_a_file_that_was_never_there_is_gone(files: Files) -> None:
    with pytest.raises(FileGone) as caught:
        await files.get(a_key())

    assert str(caught.value) == ""


async def test_what_was_erased_is_nowhere(files: Files, object_store: ObjectStore) -> None:
    """T51."""
    key, canary = a_key(), b"canary-" + uuid4().hex.encode()
    await files.put(key, canary)
    assert any(canary in file.read_bytes() for file in object_store.folder.rglob("*") if file.is_file())

    assert await files.erase(key) == 1

    with pytest.raises(FileGone):
        await files.get(key)
    assert await files.stored() == []
    assert not any(canary in file.read_bytes() for file in object_store.folder.rglob("*") if file.is_file())


async def test_erasing_twice_is_no_error(files: Files) -> None:
    key = a_key()
    await files.put(key, b"x")

    assert [await files.erase(key), await files.erase(key), await files.erase(a_key())] == [1, 0, 0]


async def test_erasing_one_file_leaves_the_others(files: Files) -> None:
    keys = [a_key() for _ in range(3)]
    for key in keys:
        await files.put(key, key.encode())

    await files.erase(keys[1])

    assert {file.key for file in await files.stored()} == {keys[0], keys[2]}


async def test_the_bucket_survives_its_last_file(files: Files) -> None:
    key = a_key()
    await files.put(key, b"x")
    await files.erase(key)

    await files.put(key, b"y")

    assert await files.get(key) == b"y"


async def test_the_sweep_sees_how_old_each_file_is(files: Files) -> None:
    """T57."""
    keys = [a_key() for _ in range(2)]
    for key in keys:
        await files.put(key, b"x")
        await asyncio.sleep(0.02)
    found = await files.stored()

    assert [file.key for file in found] == keys
    assert all(abs(file.modified_at - datetime.now(UTC)) < timedelta(minutes=1) for file in found)
    assert [file.key for file in await files.stored(found[1].modified_at)] == keys[:1]
    assert await files.stored(datetime.now(UTC) - timedelta(days=30)) == []


async def test_names_that_are_not_ours_are_counted_and_not_returned(object_store: ObjectStore) -> None:
    bucket = f"b{uuid4().hex}"
    files = connected(object_store, bucket, create_bucket=True)
    await files.check_policy()
    stranger = Minio(object_store.address, object_store.access_key, object_store.secret_key, secure=False)
    stranger.put_object(bucket, "Moliere.jpg", io.BytesIO(b"x"), 1)

    with capture_logs() as logs:
        assert await files.stored() == []

    assert [(log["event"], log["count"]) for log in logs] == [("files.foreign-names", 1)]
    assert "Moli" not in repr(logs)


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "A" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n", "é" * 32])
async def test_a_name_that_could_say_something_is_not_used(files: Files, key: str) -> None:
    """T44."""
    for attempt in (files.put(key, b"x"), files.get(key), files.erase(key)):
        with pytest.raises(ValueError, match="32 hexadecimal digits") as caught:
            await attempt
        assert not key or key not in str(caught.value)


async def test_many_at_once_wait_their_turn(files: Files) -> None:
    keys = [a_key() for _ in range(40)]

    await asyncio.gather(*(files.put(key, key.encode()) for key in keys))

    assert await asyncio.gather(*(files.get(key) for key in keys)) == [key.encode() for key in keys]


async def test_the_bucket_of_the_demo_is_safe(files: Files) -> None:
    await files.check_policy()


async def test_a_bucket_that_is_missing_is_refused_and_not_made(object_store: ObjectStore) -> None:
    bucket = f"b{uuid4().hex}"

    with pytest.raises(UnsafeBucket, match="NoSuchBucket"):
        await connected(object_store, bucket).check_policy()

    assert not (object_store.folder / bucket).exists()


async def test_nothing_is_proved_absent_in_a_bucket_that_is_missing(object_store: ObjectStore) -> None:
    with pytest.raises(FilesUnavailable, match="NoSuchBucket"):
        await connected(object_store, f"b{uuid4().hex}").erase(a_key())


async def test_a_wrong_secret_is_an_outage_and_not_an_absence(object_store: ObjectStore) -> None:
    stranger = MinioFiles(object_store.address, object_store.access_key, "wrong", "identity", REGION, secure=False)

    for attempt in (stranger.get(a_key()), stranger.erase(a_key()), stranger.stored()):
        with pytest.raises(FilesUnavailable):
            await attempt


# --- away ---


async def test_a_server_that_is_down_is_said_to_be_within_seconds_and_without_the_name() -> None:
    """T55."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        files = MinioFiles(f"127.0.0.1:{taken.getsockname()[1]}", "k", "s", "identity", REGION, secure=False)
        key = a_key()

        begun = time.monotonic()
        for attempt in (
            files.put(key, b"x"),
            files.get(key),
            files.erase(key),
            files.stored(),
            files.check_policy(),
        ):
            with pytest.raises(FilesUnavailable) as caught:
                await attempt
            assert key not in everything_said(caught.value)
        assert time.monotonic() - begun < 5


async def test_a_server_that_stops_and_starts_again_is_found_again(tmp_path: Path) -> None:
    store = start_object_store(tmp_path, buckets=["identity"])
    files, key = connected(store, "identity"), a_key()
    await files.put(key, b"x")
    store.stop()
    with pytest.raises(FilesUnavailable):
        await files.get(key)

    store = start_object_store(tmp_path, store.port, buckets=["identity"])
    try:
        assert await files.get(key) == b"x"
    finally:
        store.stop()


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (503, "SlowDown"), (403, "AccessDenied")])
async def test_a_server_in_trouble_is_never_taken_for_an_absence(status: int, code: str) -> None:
    key = a_key()
    for question in ("versions", "GET", "HEAD"):
        with a_peer(failing={question: (status, code)}) as peer, pytest.raises(FilesUnavailable) as caught:
            await at(peer).erase(key)
        assert key not in everything_said(caught.value)


# --- buckets that keep what is deleted ---


@pytest.mark.parametrize("versioning", ["Enabled", "Suspended"])
async def test_a_bucket_with_versions_is_refused(versioning: str) -> None:
    """T51: suspended versions are still there."""
    with a_peer(versioning=versioning) as peer, pytest.raises(UnsafeBucket, match=versioning):
        await at(peer).check_policy()


@pytest.mark.parametrize("rule", ["", RULE])
async def test_a_bucket_with_object_lock_is_refused(rule: str) -> None:
    """T51: with a default rule or, which the client's own call does not see, without."""
    with a_peer(lock=LOCKED.format(rule=rule)) as peer, pytest.raises(UnsafeBucket, match="object lock"):
        await at(peer).check_policy()


@pytest.mark.parametrize("question", ["versioning", "object-lock"])
async def test_a_bucket_whose_policy_cannot_be_read_is_refused(question: str) -> None:
    with (
        a_peer(failing={question: (403, "AccessDenied")}) as peer,
        pytest.raises(UnsafeBucket, match="AccessDenied"),
    ):
        await at(peer).check_policy()


@pytest.mark.parametrize("question", ["versioning", "object-lock"])
async def test_a_server_that_knows_neither_versions_nor_locks_is_safe(question: str) -> None:
    with a_peer(failing={question: (501, "NotImplemented")}) as peer:
        await at(peer).check_policy()


async def test_a_bucket_without_versions_or_lock_is_safe() -> None:
    with a_peer() as peer:
        await at(peer).check_policy()


async def test_every_version_and_delete_marker_is_erased() -> None:
    """T51: somebody switched versions on after the start; over three pages of listing."""
    key, other = "a" * 32, "b" * 32
    with a_peer(versioning="Enabled", page=2) as peer:
        for number in range(4):
            peer.add(key, b"old %d" % number)
        peer.add(key, b"", marker=True)
        peer.add(other, b"not asked for")

        assert await at(peer).erase(key) == 5

        assert [version.key for version in peer.versions] == [other]


async def test_a_version_under_lock_is_said_to_be_still_there() -> None:
    """T51."""
    key = "a" * 32
    with a_peer(versioning="Enabled", held={"v1"}) as peer:
        peer.add(key, b"held")

        with pytest.raises(StillThere) as caught:
            await at(peer).erase(key)

        assert key not in everything_said(caught.value)


async def test_a_deletion_that_is_only_claimed_is_found_out() -> None:
    """T51: the server's word is not the proof, its listing is."""
    key = "a" * 32
    with a_peer(versioning="Enabled", feigned={"v1"}) as peer:
        peer.add(key, b"kept")

        with pytest.raises(StillThere):
            await at(peer).erase(key)
