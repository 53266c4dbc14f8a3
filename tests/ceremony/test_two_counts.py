"""Two programs that share no line count the same urns: their results are the same bytes, and so are their refusals."""

import json
import shutil
import subprocess
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.ceremony import keys
from portal.rules.canonical import b64, canonical, hash_of
from portal.rules.urns import list_hash, manifest_of
from portal.rules.vote_files import read_result
from portal.rules.votes import NO, PLAINTEXT_SIZE, YES, BallotKind, Majority, digest_of, encode
from tests.ceremony.conftest import Ceremony
from tests.node import executable
from tests.urns import CODES, Filled, Made, a_definition, an_urn, seal, seal_raw, signed, urn_json

COUNTER = Path(__file__).resolve().parents[2] / "deploy" / "count.mjs"


@dataclass
class Both:
    """The two counters, in one folder."""

    made: Made
    ceremony: Ceremony

    def of(self, urn: bytes, *, signers: tuple[int, int] = (1, 2), openers: tuple[int, int] = (2, 3)) -> bytes:
        """The result that both write of this urn; fails where they differ in a byte."""
        path = self.made.folder / f"urn-{uuid4()}.json"
        path.write_bytes(urn)
        return self.asked(path, signed(self.made, path, *signers), openers)

    def asked(self, urn: Path, signatures: list[Path], openers: tuple[int, ...]) -> bytes:
        python, node = self.statuses(urn, signatures, openers)
        assert (python, node) == (0, 0)
        first, second = (urn.with_suffix(f".{name}").read_bytes() for name in ("python", "node"))
        assert first == second
        return first

    def statuses(self, urn: Path, signatures: list[Path], openers: tuple[int, ...]) -> tuple[int, int]:
        words: list[object] = [
            "--urn",
            urn,
            "--signatures",
            *signatures,
            "--election",
            self.made.folder / "election.json",
        ]
        words += ["--shares", self.made.folder / "shares.json"]
        for number in openers:
            words += ["--officer", self.made.key(number)]
        python = self.ceremony("open", *words, "--out", urn.with_suffix(".python"))
        for _ in openers:
            words += ["--passphrase-file", self.made.passphrase_file]
        given = [str(word) for word in (*words, "--out", urn.with_suffix(".node"), "--rehearsal")]
        node = subprocess.run([executable(), str(COUNTER), *given], capture_output=True, text=True, check=False)
        assert node.returncode in (0, 1, 2), node.stderr
        return python, node.returncode

    @property
    def key(self) -> bytes:
        return self.made.election.public_key


@pytest.fixture
def both(made: Made, ceremony: Ceremony) -> Both:
    return Both(made, ceremony)


def test_everything_that_can_be_in_a_box_is_counted_alike(both: Both) -> None:
    """T100, T79: valid, blank, invalid, from another ballot, tied, k of n, without quorum, and an empty box."""
    key = both.key
    yes_no = a_definition("accord", BallotKind.RATIFICATION, majority=Majority.TWO_THIRDS)
    board = a_definition("bureau", BallotKind.ELECTION, choose=2, candidates=4)
    few = a_definition("cotisation", quorum_percent=50)
    empty = a_definition("divers")
    seats = a_definition("executif", BallotKind.ELECTION, choose=3, candidates=2)
    nobody = a_definition("fonds", BallotKind.ELECTION, choose=1, candidates=2, quorum_percent=1)
    stray = seal(key, yes_no, [YES])
    junk = [
        b"\0" * 64,
        b"\xff" * 64,
        encode([1, 2]),
        encode([9]),
        b"\1\1\0\1" + b"\1" * 60,
        b"\1\2\0\2\0\1" + b"\0" * 58,
    ]
    spoilt = [seal_raw(key, yes_no, one) for one in junk]
    result = both.of(
        an_urn(
            both.made.election,
            [
                Filled(yes_no, [stray, seal(key, yes_no, [YES]), seal(key, yes_no, [NO]), *spoilt], 20),
                Filled(board, [stray, *(seal(key, board, c) for c in ([1, 2], [1, 3], [1], [4], []))], 9, 1, 2),
                Filled(few, [seal(key, few, [YES])], 3),
                Filled(empty, [], 4),
                Filled(seats, [seal(key, seats, [1])], 1),
                Filled(nobody, [], 100),
            ],
        )
    )  # fmt: skip
    found = {code: counted for _, code, counted in read_result("r", result).ballots}
    assert {code: one.outcome.value for code, one in found.items()} == {
        "accord": "adopted", "bureau": "elected", "cotisation": "no-quorum", "divers": "not-adopted",
        "executif": "elected", "fonds": "no-quorum",
    }  # fmt: skip
    assert (found["accord"].votes, found["accord"].invalid, dict(found["accord"].options)) == (9, 6, {1: 2, 2: 1})
    assert (found["bureau"].elected, found["bureau"].tied) == ((1,), (2, 3, 4))
    assert (found["bureau"].invalid, found["bureau"].blank) == (1, 1)
    assert found["executif"].elected == (1, 2)


texts = (
    st.sets(st.integers(1, 5), max_size=3).map(encode)
    | st.sampled_from([[1], [1], [2], [3], []]).map(encode)
    | st.binary(min_size=PLAINTEXT_SIZE, max_size=PLAINTEXT_SIZE)
)


@st.composite
def urns(draw: st.DrawFn) -> list[tuple[dict[str, Any], list[bytes], list[bytes], int]]:
    """Ballots with what was sealed in them, what was meant for another, and how many they are for."""
    drawn = []
    for number in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(BallotKind))
        ballot = {
            "code": f"b{number}", "kind": kind, "choose": draw(st.integers(1, 4)),
            "candidates": draw(st.integers(1, 5)), "majority": draw(st.sampled_from(Majority)),
            "quorum_percent": draw(st.none() | st.integers(1, 100)),
        }  # fmt: skip
        drawn.append(
            (ballot, draw(st.lists(texts, max_size=9)), draw(st.lists(texts, max_size=1)), draw(st.integers(0, 30)))
        )
    return drawn


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(urns(), st.permutations((1, 2, 3)), st.permutations((1, 2, 3)))
def test_both_write_the_same_bytes_of_any_urn(
    both: Both,
    drawn: list[tuple[dict[str, Any], list[bytes], list[bytes], int]],
    signers: list[int],
    openers: list[int],
) -> None:
    """T100."""
    other = a_definition("ailleurs")
    ballots = []
    for ballot, own, strays, electors in drawn:
        definition = a_definition(**ballot)
        sealed = [seal_raw(both.key, definition, text) for text in own]
        sealed += [seal_raw(both.key, other, text) for text in strays]
        ballots.append(Filled(definition, sealed, electors))
    result = both.of(
        an_urn(both.made.election, ballots), signers=(signers[0], signers[1]), openers=(openers[0], openers[1])
    )
    for (_, own, strays, electors), (_, _, counted) in zip(drawn, read_result("r", result).ballots, strict=True):
        assert (counted.votes, counted.electors) == (len(own) + len(strays), electors)
        assert counted.invalid >= len(strays)


Spoil = Callable[[dict[str, Any]], object]


def _again(ballot: dict[str, Any]) -> None:
    """Hashes as they would be if whoever spoilt the urn had thought of them."""
    ballot["list_sha256"] = list_hash([digest_of(urlsafe_b64decode(text + "===")) for text in ballot["ciphertexts"]])


def _twice(urn: dict[str, Any]) -> None:
    ballot = urn["ballots"][0]
    ballot["ciphertexts"].insert(0, ballot["ciphertexts"][0])
    _again(ballot)


def _short(urn: dict[str, Any]) -> None:
    ballot = urn["ballots"][0]
    ballot["ciphertexts"][0] = ballot["ciphertexts"][0][:-4]
    _again(ballot)


def _backwards(urn: dict[str, Any]) -> None:
    urn["ballots"][0]["ciphertexts"].reverse()
    _again(urn["ballots"][0])


def _other_words(urn: dict[str, Any]) -> None:
    ballot = urn["ballots"][0]
    ballot["definition"] = ballot["definition"].replace("agree", "refuse")


def _foreign(urn: dict[str, Any]) -> None:
    ballot = urn["ballots"][0]
    ballot["definition"] = a_definition("autre").canonical().decode()
    ballot["definition_sha256"] = hash_of(ballot["definition"].encode())


def _another_kind(urn: dict[str, Any]) -> None:
    ballot = urn["ballots"][0]
    ballot["definition"] = ballot["definition"].replace('"choose":1', '"choose":1.0')
    ballot["definition_sha256"] = hash_of(ballot["definition"].encode())


SPOILT: dict[str, Spoil] = {
    "a vote is gone": lambda urn: urn["ballots"][0]["ciphertexts"].pop(),
    "a vote is there twice": _twice,
    "a vote is cut short": _short,
    "votes in another order": _backwards,
    "other words": _other_words,
    "another ballot's words": _foreign,
    "a number that is none": _another_kind,
    "the same ballot twice": lambda urn: urn["ballots"].append(urn["ballots"][0]),
    "another campaign": lambda urn: urn.update(campaign="autre"),
    "another key": lambda urn: urn.update(public_key=b64(b"\4" + b"\1" * 64)),
    "a name too many": lambda urn: urn.update(note="x"),
    "a name too few": lambda urn: urn.pop("roll_at_seal"),
    "more than there can be": lambda urn: urn["ballots"][0].update(electors=10**12),
    "fewer than none": lambda urn: urn["ballots"][0].update(on_paper=-1),
    "true for one": lambda urn: urn["ballots"][0].update(electors=True),
    "an instant that is none": lambda urn: urn.update(sealed_at="yesterday"),
}


def _signed_anyway(both: Both, path: Path, urn: dict[str, Any]) -> list[Path]:
    """Two officers who sign what they have not looked at."""
    path.write_bytes(canonical(urn) + b"\n")
    paths = []
    for number in (1, 3):
        signature = keys.sign(
            both.made.officer(number), of="urn", campaign=both.made.election.campaign,
            sha256=hash_of(canonical(manifest_of(urn))),
        )  # fmt: skip
        paths.append(path.with_suffix(f".sig-{number}.json"))
        paths[-1].write_bytes(signature.written())
    return paths


@pytest.mark.parametrize("what", ["nothing", *SPOILT])
def test_both_refuse_an_urn_that_was_spoilt_even_if_two_have_signed_it(both: Both, what: str) -> None:
    """T100: duplicates, foreign ballots and whatever else its hashes would let through."""
    ballot = a_definition("budget")
    urn = urn_json(
        both.made.election, [Filled(ballot, [seal(both.key, ballot, [c]) for c in (1, 1, 2)], electors=5)]
    )  # fmt: skip
    if what in SPOILT:
        SPOILT[what](urn)
    path = both.made.folder / "spoilt.json"
    status = 0 if what == "nothing" else 1
    assert both.statuses(path, _signed_anyway(both, path, urn), (1, 2)) == (status, status)


def test_both_refuse_what_is_not_signed_by_two(both: Both, stranger: Made) -> None:
    """T99, T100: one signature, one officer's twice, of another urn, of an officer of another election."""
    urn = both.made.folder / "urn.json"
    first, third = sorted(both.made.folder.glob("urn.sig-*"))
    assert both.statuses(urn, [first], (1, 2)) == (1, 1)
    again = both.made.folder / "again.json"
    shutil.copy(first, again)
    assert both.statuses(urn, [first, again], (1, 2)) == (1, 1)
    foreign = both.made.folder / "foreign.json"
    shutil.copy(urn, stranger.folder / "urn-of-another.json")
    (path,) = signed(stranger, stranger.folder / "urn-of-another.json", 2)
    shutil.copy(path, foreign)
    assert both.statuses(urn, [first, foreign], (1, 2)) == (1, 1)
    # A right one and a wrong one more is refused too: somebody tampers with something.
    assert both.statuses(urn, [first, third, foreign], (1, 2)) == (1, 1)
    # The signature of an urn with one vote fewer.
    fewer = json.loads(urn.read_text())
    fewer["ballots"][0]["ciphertexts"].pop()
    _again(fewer["ballots"][0])
    other = both.made.folder / "fewer.json"
    other.write_bytes(canonical(fewer) + b"\n")
    assert both.statuses(other, [first, third], (1, 2)) == (1, 1)


def test_both_refuse_one_officer_who_comes_as_two(both: Both) -> None:
    """T99."""
    urn, signatures = both.made.folder / "urn.json", sorted(both.made.folder.glob("urn.sig-*"))
    shutil.copy(both.made.key(1), both.made.folder / "officer-9.key.pem")
    assert both.statuses(urn, signatures, (1,)) == (2, 2)
    assert both.statuses(urn, signatures, (1, 1)) == (1, 1)
    assert not list(both.made.folder.glob("*.python")) + list(both.made.folder.glob("*.node"))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_both_refuse_a_file_with_one_changed_byte(both: Both, data: st.DataObject) -> None:
    """T100: whichever file, whichever byte, or cut short anywhere."""
    folder = both.made.folder
    signatures = sorted(folder.glob("urn.sig-*"))
    file = data.draw(st.sampled_from([folder / "urn.json", folder / "election.json", *signatures]))
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 2))
    cut = data.draw(st.booleans())
    changed = bytes([whole[at] ^ data.draw(st.integers(1, 127))])
    try:
        file.write_bytes(whole[:at] if cut else whole[:at] + changed + whole[at + 1 :])
        python, node = both.statuses(folder / "urn.json", signatures, (1, 2))
        if file.name == "election.json" and python == node == 0:
            # The instant of its making, or the third officer's keys: nothing of this count depends on them.
            assert all(folder.joinpath(f"urn.{name}").exists() for name in ("python", "node"))
        else:
            assert (python, node) == (1, 1)
    finally:
        file.write_bytes(whole)
        for name in ("python", "node"):
            folder.joinpath(f"urn.{name}").unlink(missing_ok=True)


def test_the_codes_of_officers_are_those_of_the_election(both: Both) -> None:
    """Whatever their files are called."""
    for number in (1, 2, 3):
        both.made.key(number).rename(both.made.folder / f"x{number}.pem")
    urn = both.made.folder / "urn.json"
    words = [word for n in (3, 1) for word in ("--officer", both.made.folder / f"x{n}.pem")]
    signatures = sorted(both.made.folder.glob("urn.sig-*"))
    assert both.ceremony("open", "--urn", urn, "--signatures", *signatures, *words, "--out", "r.json") == 0
    assert set(CODES) == {one.code for one in both.made.election.trustees}
