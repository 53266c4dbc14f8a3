"""What is sealed for a document opens for it alone, and for nobody once the key of its day is destroyed."""

import os
import stat
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from portal.store.sealing import EpochKeys, KeyDestroyed, SealBroken, Sealed, seal, unseal

DAY = date(2017, 2, 20)
PLAINTEXT = b"\xff\xd8\xff" + b"canary of the plain picture " * 100


@pytest.fixture
def keys(tmp_path: Path) -> EpochKeys:
    return EpochKeys(tmp_path / "keys")


@pytest.fixture
def document() -> UUID:
    return uuid4()


def opened(keys: EpochKeys, document: UUID, sealed: Sealed) -> bytes:
    return unseal(keys, document, ciphertext=sealed.ciphertext, wrapped_key=sealed.wrapped_key, epoch=sealed.epoch)


def test_what_is_sealed_can_be_opened(keys: EpochKeys, document: UUID) -> None:
    sealed = seal(keys, document, PLAINTEXT, DAY)

    assert sealed.epoch == DAY
    assert b"canary" not in sealed.ciphertext + sealed.wrapped_key
    assert opened(keys, document, sealed) == PLAINTEXT


def test_sealing_twice_gives_nothing_in_common(keys: EpochKeys, document: UUID) -> None:
    one, other = (seal(keys, document, PLAINTEXT, DAY) for _ in range(2))

    assert one.ciphertext[:12] != other.ciphertext[:12]
    assert one.ciphertext[12:28] != other.ciphertext[12:28]
    assert one.wrapped_key != other.wrapped_key


def test_a_second_process_opens_what_the_first_sealed(tmp_path: Path, document: UUID) -> None:
    sealed = seal(EpochKeys(tmp_path / "keys"), document, PLAINTEXT, DAY)

    assert opened(EpochKeys(tmp_path / "keys"), document, sealed) == PLAINTEXT


def test_the_seal_of_one_document_does_not_open_another(keys: EpochKeys, document: UUID) -> None:
    sealed = seal(keys, document, PLAINTEXT, DAY)

    with pytest.raises(SealBroken):
        opened(keys, uuid4(), sealed)


def test_the_wrapped_key_of_another_document_does_not_open_this_one(keys: EpochKeys, document: UUID) -> None:
    mine, other = seal(keys, document, PLAINTEXT, DAY), seal(keys, uuid4(), PLAINTEXT, DAY)

    with pytest.raises(SealBroken):
        opened(keys, document, Sealed(mine.ciphertext, other.wrapped_key, DAY))


@pytest.mark.parametrize("place", [0, 12, 64, 100, -1])
def test_one_changed_byte_breaks_the_seal(keys: EpochKeys, document: UUID, place: int) -> None:
    sealed = seal(keys, document, PLAINTEXT, DAY)

    def changed(data: bytes) -> bytes:
        copy = bytearray(data)
        copy[place] ^= 1
        return bytes(copy)

    with pytest.raises(SealBroken):
        opened(keys, document, Sealed(changed(sealed.ciphertext), sealed.wrapped_key, DAY))
    with pytest.raises(SealBroken):
        opened(keys, document, Sealed(sealed.ciphertext, changed(sealed.wrapped_key), DAY))


@pytest.mark.parametrize("kept", [0, 5, 12, 27, 500])
def test_missing_bytes_break_the_seal(keys: EpochKeys, document: UUID, kept: int) -> None:
    sealed = seal(keys, document, PLAINTEXT, DAY)

    with pytest.raises(SealBroken):
        opened(keys, document, Sealed(sealed.ciphertext[:kept], sealed.wrapped_key, DAY))
    if 0 < kept < len(sealed.wrapped_key):
        with pytest.raises(SealBroken):
            opened(keys, document, Sealed(sealed.ciphertext, sealed.wrapped_key[:kept], DAY))


def test_without_its_wrapped_key_a_document_is_gone(keys: EpochKeys, document: UUID) -> None:
    sealed = seal(keys, document, PLAINTEXT, DAY)

    for nothing in (None, b""):
        with pytest.raises(KeyDestroyed):
            unseal(keys, document, ciphertext=sealed.ciphertext, wrapped_key=nothing, epoch=DAY)


def test_when_a_day_is_destroyed_all_its_documents_are_gone_and_no_other(keys: EpochKeys) -> None:
    """T56: a wrapped key that a backup kept opens nothing any more."""
    tomorrow = DAY + timedelta(days=1)
    lost, kept = uuid4(), uuid4()
    sealed_today, sealed_tomorrow = seal(keys, lost, PLAINTEXT, DAY), seal(keys, kept, PLAINTEXT, tomorrow)
    assert opened(keys, lost, sealed_today) == PLAINTEXT

    assert keys.destroy(DAY) is True

    # The same object that has just opened it cannot any more: no key outlives its file in memory.
    with pytest.raises(KeyDestroyed):
        opened(keys, lost, sealed_today)
    assert opened(keys, kept, sealed_tomorrow) == PLAINTEXT
    assert keys.days() == [tomorrow]
    assert keys.destroy(DAY) is False


def test_destroying_overwrites_the_file_before_letting_it_go(keys: EpochKeys, tmp_path: Path) -> None:
    keys.for_sealing(DAY)
    file = tmp_path / "keys" / "2017-02-20.key"
    before = file.read_bytes()
    with file.open("rb") as witness:
        keys.destroy(DAY)
        after = witness.read()

    assert not file.exists()
    assert len(after) == len(before)
    assert after != before


def test_a_key_made_anew_under_the_same_day_does_not_open_what_the_first_sealed(
    keys: EpochKeys, document: UUID
) -> None:
    sealed = seal(keys, document, PLAINTEXT, DAY)
    keys.destroy(DAY)

    keys.for_sealing(DAY)

    with pytest.raises(SealBroken):
        opened(keys, document, sealed)


def test_keys_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "keys"
    folder.mkdir(parents=True, mode=0o755)
    old_mask = os.umask(0)
    try:
        keys = EpochKeys(folder)
        keys.for_sealing(DAY)
    finally:
        os.umask(old_mask)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [(file.name, stat.S_IMODE(file.stat().st_mode)) for file in folder.iterdir()] == [("2017-02-20.key", 0o600)]


def test_days_are_listed_oldest_first_and_strange_files_are_left_alone(keys: EpochKeys, tmp_path: Path) -> None:
    for days in (3, 1, 2):
        keys.for_sealing(DAY + timedelta(days=days))
    (tmp_path / "keys" / "notes.key").write_text("not a day")
    (tmp_path / "keys" / ".half.draft").write_text("a crash")

    assert keys.days() == [DAY + timedelta(days=days) for days in (1, 2, 3)]


def _public_key(folder: Path, day: date) -> bytes:
    return EpochKeys(folder).for_sealing(day).public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def test_processes_that_race_at_midnight_agree_on_one_key(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    days = [DAY + timedelta(days=number // 8) for number in range(160)]

    with ProcessPoolExecutor(4) as racers:
        found = list(racers.map(_public_key, [folder] * len(days), days))

    for number in range(0, len(days), 8):
        assert len(set(found[number : number + 8])) == 1
    assert len(set(found)) == 20
    assert len(list(folder.iterdir())) == 20
