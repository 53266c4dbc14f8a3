"""The key of an election: any two of three officers have it, and nobody else, nowhere."""

import json
import re
import shutil
from base64 import b64encode
from dataclasses import replace
from itertools import combinations, permutations
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.ceremony import keys
from portal.rules.canonical import b64
from portal.rules.ceremony import Fault, Wrong
from tests.ceremony.conftest import Ceremony
from tests.urns import CODES, PASSPHRASE, Made


def test_each_two_officers_open_the_key_in_either_order(elected: Made) -> None:
    """T99."""
    found = {
        keys.point_of(
            keys.unlock(elected.election, elected.shares, [elected.officer(a), elected.officer(b)]).public_key()
        )
        for a, b in permutations((1, 2, 3), 2)
    }
    assert found == {elected.election.public_key}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_no_officer_opens_it_alone_whatever_they_try(elected: Made, number: int) -> None:
    """T99: not as both, not under another's code, not with a share of two others."""
    alone = elected.officer(number)
    with pytest.raises(Wrong) as wrong:
        keys.unlock(elected.election, elected.shares, [alone])
    assert wrong.value.fault is Fault.NOT_TWO
    with pytest.raises(Wrong) as wrong:
        keys.unlock(elected.election, elected.shares, [alone, alone])
    assert wrong.value.fault is Fault.OFFICER_TWICE
    for code in CODES:
        if code != alone.code:
            with pytest.raises(Wrong) as wrong:
                keys.unlock(elected.election, elected.shares, [alone, replace(alone, code=code)])
            assert wrong.value.fault is Fault.SHARE_DAMAGED
    for a, b in combinations(CODES, 2):
        with pytest.raises(Wrong):
            keys.unlock(elected.election, elected.shares, [replace(alone, code=a), replace(alone, code=b)])


@settings(deadline=None)
@given(st.sampled_from(list(combinations((1, 2, 3), 2))), st.integers(0, 299), st.integers(1, 255))
def test_a_share_with_a_changed_byte_is_detected(
    elected: Made, pair: tuple[int, int], at: int, flip: int
) -> None:  # fmt: skip
    """T99: any byte, of any pair; the two other pairs still open."""
    codes = (CODES[pair[0] - 1], CODES[pair[1] - 1])
    wrapped = bytearray(elected.shares.wraps[codes])
    wrapped[at] ^= flip
    spoilt = replace(elected.shares, wraps={**elected.shares.wraps, codes: bytes(wrapped)})
    with pytest.raises(Wrong) as wrong:
        keys.unlock(elected.election, spoilt, [elected.officer(pair[0]), elected.officer(pair[1])])
    assert wrong.value.fault is Fault.SHARE_DAMAGED


def test_a_share_of_another_election_opens_nothing(elected: Made, stranger: Made) -> None:
    """T99."""
    with pytest.raises(Wrong) as wrong:
        keys.unlock(elected.election, stranger.shares, [elected.officer(1), elected.officer(2)])
    assert wrong.value.fault is Fault.OTHER_ELECTION
    # Nor under the name of this one.
    forged = replace(stranger.shares, public_key=elected.election.public_key)
    with pytest.raises(Wrong) as wrong:
        keys.unlock(elected.election, forged, [elected.officer(1), elected.officer(2)])
    assert wrong.value.fault is Fault.SHARE_DAMAGED


def test_the_private_key_is_in_no_file_in_no_spelling(elected: Made) -> None:
    """T93: whoever has the folder, the server that has election.json included, has the key sealed for two only."""
    key = keys.unlock(elected.election, elected.shares, [elected.officer(1), elected.officer(2)])
    scalar = key.private_numbers().private_value.to_bytes(32)
    der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    spellings = [scalar, scalar.hex().encode(), str(int.from_bytes(scalar)).encode()]
    for secret in (scalar, der[:30], der[36:66]):
        for shift in range(3):
            # Base64 of the same bytes depends on where they begin.
            spellings.append(b64encode(b"\0" * shift + secret)[4:-4])
            spellings.append(b64(b"\0" * shift + secret)[4:-4].encode())
    files = sorted(elected.folder.iterdir())
    assert len(files) == 9
    for file in files:
        content = file.read_bytes()
        assert not any(one in content for one in spellings), file.name


def test_files_are_for_their_owner_only_and_hold_no_passphrase(elected: Made) -> None:
    for file in elected.folder.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file.name
        assert file.name == "phrase.txt" or PASSPHRASE.encode() not in file.read_bytes()
    pem = elected.key(1).read_text()
    assert pem.count("BEGIN ENCRYPTED PRIVATE KEY") == pem.count("BEGIN") == 2


def test_a_ceremony_from_the_first_key_to_the_first_trial(
    tmp_path: Path, ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    """As docs/ceremony.md tells it: three officers, one key, each two of them try it."""
    for code in CODES:
        (tmp_path / code).mkdir()
        assert ceremony("officer", code, "--out", tmp_path / code, phrases=1) == 0
    public = [tmp_path / code / f"{code}.pub.json" for code in CODES]
    out = tmp_path / "sticks"
    out.mkdir()
    assert ceremony("key", "--campaign", "vote-2027", "--officers", *public, "--out", out) == 0
    assert sorted(file.name for file in out.iterdir()) == ["election.json", "shares.json"]
    said = capsys.readouterr().out.replace("\xa0", " ")
    for code in CODES:
        # When their keys were made, and when the key of the vote was sealed for them.
        prints = re.findall(rf"« {code} », à comparer avec les siennes : (.+)", said)
        assert len(prints) == 2
        assert len(set(prints)) == 1
    for first, second in combinations(CODES, 2):
        officers = [word for code in (first, second) for word in ("--officer", tmp_path / code / f"{code}.key.pem")]
        named = ["--election", out / "election.json", "--shares", out / "shares.json"]
        assert ceremony("try", *named, *officers) == 0
        assert f"{first} + {second}" in capsys.readouterr().out
    assert ceremony("fingerprint", out / "election.json", rehearsal=False) == 0
    fingerprint = capsys.readouterr().out.splitlines()[0].rpartition(": ")[2].strip()
    assert len(fingerprint) == 79
    assert fingerprint in said


def test_nothing_is_written_over_what_is_there(tmp_path: Path, ceremony: Ceremony) -> None:
    assert ceremony("officer", "officer-1", "--out", tmp_path, phrases=1) == 0
    before = (tmp_path / "officer-1.key.pem").read_bytes()
    assert ceremony("officer", "officer-1", "--out", tmp_path, phrases=1) == 2
    assert (tmp_path / "officer-1.key.pem").read_bytes() == before


def test_exactly_three_different_officers_make_a_key(
    made: Made, stranger: Made, tmp_path: Path, ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    key = ["key", "--campaign", "vote-2027", "--out", out, "--officers"]
    one, two, three = (made.public(number) for number in (1, 2, 3))
    assert ceremony(*key, one, two) == 2
    assert ceremony(*key, one, two, three, stranger.public(1)) == 2
    assert ceremony(*key, one, two, two) == 1
    assert "« officer-2 » est là deux fois" in capsys.readouterr().err.replace("\xa0", " ")
    # The same keys under another code.
    copied = json.loads(one.read_text()) | {"code": "officer-9"}
    other = tmp_path / "officer-9.pub.json"
    other.write_text(json.dumps(copied, sort_keys=True, separators=(",", ":")))
    assert ceremony(*key, one, two, other) == 1
    # A point that is on no curve: what is sealed for it would be lost.
    copied["sealing"] = b64(b"\4" + b"\1" * 64)
    other.write_text(json.dumps(copied, sort_keys=True, separators=(",", ":")))
    assert ceremony(*key, two, three, other) == 1
    assert ceremony("key", "--campaign", "../2027", "--out", out, "--officers", one, two, three) == 2
    assert list(out.iterdir()) == []


def test_a_passphrase_is_long_and_the_same_from_every_keyboard(
    tmp_path: Path, made: Made, ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    phrase = tmp_path / "p.txt"
    phrase.write_text("trop courte\n")
    assert ceremony("officer", "officer-7", "--out", tmp_path, "--passphrase-file", phrase, phrases=0) == 2
    assert "15" in capsys.readouterr().err
    # «é» as two characters, and the line ending of another system.
    phrase.write_bytes(PASSPHRASE.replace("é", "e\u0301").encode() + b"\r\n")
    officer = made.key(1)
    assert ceremony("sign", "urn.json", "--officer", made.key(2), "--passphrase-file", phrase, phrases=0) == 0
    shutil.copy(officer, tmp_path / "copy.pem")
    phrase.write_text("une autre phrase, tout à fait\n")
    assert ceremony("sign", "urn.json", "--officer", officer, "--passphrase-file", phrase, phrases=0) == 1
    said = capsys.readouterr().err
    assert "passphrase is wrong" in said
    assert "une autre phrase" not in said
