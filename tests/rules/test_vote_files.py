"""The files of a ceremony: whatever stands in one, it is read as it is or refused in words."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.ceremony.keys import make_election, make_officer, sign
from portal.ceremony.keys import open_officer as opened
from portal.rules.canonical import b64, canonical, fingerprint, instant, unb64, written
from portal.rules.ceremony import Fault, Wrong
from portal.rules.counting import Outcome, count
from portal.rules.running import KEY_KEPT
from portal.rules.urns import manifest_of, read_urn
from portal.rules.vote_files import (
    Destruction,
    Result,
    read_destruction,
    read_election,
    read_publication,
    read_result,
    read_shares,
    read_signature,
    read_trustee,
    write_trustee,
)
from portal.rules.votes import BallotKind
from tests.urns import CAMPAIGN, CODES, NOW, PASSPHRASE, Filled, a_definition, an_urn, seal

Reader = Callable[[str, bytes], object]

_MADE = [make_officer(code, PASSPHRASE.encode()) for code in CODES]
ELECTION, SHARES = make_election(CAMPAIGN, [trustee for _, trustee in _MADE], NOW)
BOARD = a_definition("bureau", BallotKind.ELECTION, choose=2, candidates=3)
_ASKED = read_urn("u", an_urn(ELECTION, [Filled(BOARD, [], 9)])).ballots[0].asked
RESULT = Result(CAMPAIGN, "0" * 64, ((str(BOARD.ballot_id), "bureau", count(_ASKED, 9, [(1, 2), (1,), (), None])),))
PUBLICATION = written({
    "format": "scrutin/publication/v1", "campaign": CAMPAIGN, "public_key": b64(ELECTION.public_key),
    "result_sha256": "0" * 64, "results_at": instant(NOW), "destroy_after": instant(NOW + KEY_KEPT),
    "held": False,
})  # fmt: skip
SIGNATURE = sign(
    opened("a", _MADE[0][0], PASSPHRASE.encode(), ELECTION), of="urn", campaign=CAMPAIGN, sha256="0" * 64
).written()  # fmt: skip
FILES: dict[str, tuple[Reader, bytes]] = {
    "trustee": (read_trustee, write_trustee(_MADE[0][1])),
    "election": (read_election, ELECTION.written()),
    "shares": (read_shares, SHARES.written()),
    "urn": (read_urn, an_urn(ELECTION, [Filled(BOARD, [seal(ELECTION.public_key, BOARD, [1])], 9, 1, 2)])),
    "signature": (read_signature, SIGNATURE),
    "result": (read_result, RESULT.written()),
    "publication": (read_publication, PUBLICATION),
    "destruction": (read_destruction, Destruction(CAMPAIGN, ELECTION.public_key, ("0" * 64,), NOW).written()),
}

junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["0" * 64, "x", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


def places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a document with each of its places."""
    if isinstance(content, dict | list):
        for at in content if isinstance(content, dict) else range(len(content)):
            yield content, at
            yield from places(content[at])


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_read_with_and_without_its_line_feed(name: str) -> None:
    reader, content = FILES[name]
    assert reader(name, content) == reader(name, content.removesuffix(b"\n"))
    for spoilt in (
        content.replace(b":", b": ", 1),
        b" " + content,
        content + b"\n",
        content[:-5],
        b"\xef\xbb\xbf" + content,
    ):
        with pytest.raises(Wrong) as wrong:
            reader(name, spoilt)
        assert wrong.value.fault is Fault.DAMAGED


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_whatever_stands_anywhere_in_a_file_is_read_or_refused(name: str, data: st.DataObject) -> None:
    """No exception but a refusal that has words."""
    reader, content = FILES[name]
    document = json.loads(content)
    container, at = data.draw(st.sampled_from(list(places(document))))
    how = data.draw(st.sampled_from(["put", "put", "put", "drop", "add"]))
    if how == "put":
        container[at] = data.draw(junk)
    elif how == "drop":
        del container[at]
    elif isinstance(container, dict):
        container[data.draw(st.text(max_size=3))] = data.draw(junk)
    else:
        container.append(container[at])
    try:
        spoilt = canonical(document)
    except UnicodeEncodeError:
        return
    try:
        reader(name, spoilt)
    except Wrong as wrong:
        assert wrong.where  # noqa: PT017 - or nothing is raised: both are right


@given(st.binary(max_size=200) | junk.map(lambda one: json.dumps(one).encode()))
def test_whatever_is_no_file_of_ours_is_refused(content: bytes) -> None:
    for reader, _ in FILES.values():
        with pytest.raises(Wrong):
            reader("x", content)


def test_a_document_of_a_hundred_thousand_brackets_is_refused() -> None:
    for content in (b"[" * 100_000, b'{"a":' * 100_000):
        with pytest.raises(Wrong):
            read_urn("x", content)


def test_a_result_that_does_not_add_up_is_refused() -> None:
    document = json.loads(RESULT.written())
    for change in (
        {"invalid": 9}, {"votes": 1}, {"elected": [7]}, {"outcome": "won"}, {"kind": "poll"}, {"blank": -1},
        {"options": [{"id": 1, "votes": 5}]},
    ):  # fmt: skip
        spoilt = {**document, "ballots": [{**document["ballots"][0], **change}]}
        with pytest.raises(Wrong):
            read_result("r", canonical(spoilt))
    (_, code, counted) = read_result("r", canonical(document)).ballots[0]
    assert (code, counted.outcome, counted.elected) == ("bureau", Outcome.ELECTED, (1, 2))


def test_the_manifest_is_the_urn_without_the_votes() -> None:
    urn = json.loads(FILES["urn"][1])
    manifest = manifest_of(urn)
    assert manifest["ballots"][0]["count"] == 1
    assert "ciphertexts" not in manifest["ballots"][0]
    assert set(urn) == set(manifest)


@given(st.binary(max_size=40))
def test_bytes_are_written_in_one_way(content: bytes) -> None:
    text = b64(content)
    assert unb64(text) == content
    for other in (text + "=", text + "\n", " " + text, text + "A" * 4):
        assert unb64(other) != content


def test_a_fingerprint_is_read_in_groups_of_four() -> None:
    assert fingerprint(b"").startswith("e3b0 c442 98fc ")
    assert len(fingerprint(b"").split()) == 16
