"""Both counters accept and refuse the same files: whatever is changed in one, by whoever could sign it afterwards."""

import json
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.ceremony import keys
from portal.ceremony.opening import result_of
from portal.rules.canonical import canonical, hash_of
from portal.rules.ceremony import Wrong
from portal.rules.urns import manifest_of, read_urn
from portal.rules.vote_files import read_election, read_shares, read_signature
from portal.rules.votes import BallotKind
from tests.node import executable
from tests.urns import CAMPAIGN, CODES, PASSPHRASE, Filled, Made, a_definition, seal, urn_json

Files = dict[str, bytes]
# What stands in a document for text that JSON has no value for: a number with a point, the same name twice.
MARK = "\ue000"


@dataclass
class Raw:
    """Something that is written into a document letter by letter."""

    letters: str


@dataclass(repr=False)
class Case:
    """Good files, to be spoilt: documents, and what is done to their text once they are written."""

    made: Made
    election: Any
    urn: Any
    shares: Any
    # Of each ballot of the urn.
    definitions: list[Any]
    # Those of officers 1 and 3 of whatever the urn is by then, unless others are given.
    signatures: list[Any] = field(default_factory=list)
    text: dict[str, Callable[[bytes], bytes]] = field(default_factory=dict)

    def files(self) -> Files:
        """What is counted, with the hashes and signatures that belong to it as far as it can have any."""
        files = {"election": self._file("election"), "urn": self._file("urn"), "shares": self._file("shares")}
        for name, one in zip(("first", "second"), self.signatures or self.signed(files["urn"]), strict=False):
            files[name] = self.text.get(name, bytes)(_written(one) + b"\n")
        return files | {"one": self.made.key(2).read_bytes(), "other": self.made.key(3).read_bytes()}

    def define(self) -> None:
        """Each definition in its ballot, with its hash."""
        for ballot, definition in zip(self.urn["ballots"], self.definitions, strict=True):
            content = _written(definition)
            ballot |= {"definition": content.decode(errors="surrogatepass"), "definition_sha256": hash_of(content)}

    def signed(self, urn: bytes) -> list[Any]:
        """By two officers who sign what they have not looked at."""
        try:
            sha256 = hash_of(canonical(manifest_of(json.loads(urn))))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            sha256 = "0" * 64
        return [
            json.loads(keys.sign(self.made.officer(n), of="urn", campaign=CAMPAIGN, sha256=sha256).written())
            for n in (1, 3)
        ]

    def _file(self, name: str) -> bytes:
        return self.text.get(name, bytes)(_written(getattr(self, name)) + b"\n")


def _written(document: object) -> bytes:
    """Canonical, but for what is written letter by letter."""
    letters: list[str] = []

    def mark(found: Any) -> Any:
        if isinstance(found, Raw):
            letters.append(found.letters)
            return f"{MARK}{len(letters) - 1}{MARK}"
        if isinstance(found, dict):
            return {name: mark(one) for name, one in found.items()}
        return [mark(one) for one in found] if isinstance(found, list) else found

    text = json.dumps(mark(document), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    for at, one in enumerate(letters):
        text = text.replace(f'"{MARK}{at}{MARK}"', one)
    return text.encode(errors="surrogatepass")


@pytest.fixture(scope="module")
def second() -> Iterator[Callable[[Files], dict[str, str]]]:
    """The other counter, which answers one case after the other."""
    program = Path(__file__).with_name("second.mjs")
    process = subprocess.Popen(
        [executable(), str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    to, answers = process.stdin, process.stdout

    def ask(files: Files) -> dict[str, str]:
        asked = {name: b64encode(content).decode() for name, content in files.items()} | {"passphrase": PASSPHRASE}
        to.write(json.dumps(asked).encode() + b"\n")
        to.flush()
        return dict(json.loads(answers.readline()))

    yield ask
    to.close()
    answers.close()
    process.wait(timeout=10)


def first(files: Files) -> bytes | None:
    """What our own counter makes of them; None if it refuses them."""
    try:
        election = read_election("election", files["election"])
        urn = read_urn("urn", files["urn"])
        signatures = [(name, read_signature(name, files[name])) for name in ("first", "second")]
        shares = read_shares("shares", files["shares"])
        officers = [
            keys.open_officer(name, files[name], PASSPHRASE.encode(), election) for name in ("one", "other")
        ]  # fmt: skip
        return result_of(urn, election, shares, officers, signatures).written()
    except Wrong:
        return None


@pytest.fixture
def case(elected: Made) -> Case:
    """Two ballots, four votes, and everything that goes with them."""
    budget, board = a_definition("budget"), a_definition("bureau", BallotKind.ELECTION, choose=2, candidates=3)
    sealed = [
        [seal(elected.election.public_key, one, choice) for choice in choices]
        for one, choices in ((budget, ([1], [2])), (board, ([1, 2], [])))
    ]
    urn = urn_json(elected.election, [Filled(budget, sealed[0], 9), Filled(board, sealed[1], 9, 1, 2)])
    return Case(
        elected, json.loads(elected.election.written()), urn, json.loads(elected.shares.written()),
        [json.loads(one.canonical()) for one in (budget, board)],
    )  # fmt: skip


def agreed(case: Case, second: Callable[[Files], dict[str, str]]) -> bool:
    """Whether both accept the files, and make the same of them; fails where one does and the other does not."""
    files = case.files()
    ours, theirs = first(files), second(files)
    assert "failed" not in theirs, theirs["failed"]
    assert theirs.get("made") == (None if ours is None else ours.decode()), (theirs, files)
    return ours is not None


ODD = [
    Raw(letters)
    for letters in (
        "0", "1", "2", "65535", "65536", "1000000000", "1000000001", "1" + "0" * 30, "9" * 5000, "-0", "-1", "01",
        "+1", "1.0", "0.5", "1e0", "1E2", "NaN", "Infinity", "-Infinity", "true", "false", "null", "tru", " 1", "/**/1",
        "[1,]", "[]", "{}", "[[]]", '{"a":1,"a":1}', "[" * 2000 + "]" * 2000, '{"a":' * 900 + "1" + "}" * 900, "'a'",
        '"1"', '""', '"é"', '"e\u0301"', '"\ud800"', '"\udc00"', '"\x00"', '"a\n"', '"\x7f"', '"\u2028"', '"\ufeff"',
        r'"\u0061"', r'"\ud800"', r'"\ud83d\ude00"', r'"\u0000"', r'"\u0001"', r'"\u001F"', r'"\u001f"', r'"\/"',
    )
]  # fmt: skip
INSTANTS = {
    "2027-03-03T21:10:00Z": True, "2000-01-01T00:00:00Z": True, "2999-12-31T23:59:59Z": True,
    "2028-02-29T00:00:00Z": True, "2027-02-29T00:00:00Z": False, "2027-02-30T00:00:00Z": False,
    "2027-04-31T00:00:00Z": False, "2027-13-01T00:00:00Z": False, "2027-00-01T00:00:00Z": False,
    "2027-01-00T00:00:00Z": False, "2027-01-32T00:00:00Z": False, "2027-03-03T24:00:00Z": False,
    "2027-03-03T21:60:00Z": False, "2027-03-03T23:59:60Z": False, "2027-03-03T21:10:00z": False,
    "2027-03-03t21:10:00Z": False, "2027-03-03 21:10:00Z": False, "2027-03-03T21:10Z": False,
    "2027-03-03T21:10:00.5Z": False, "2027-03-03T21:10:00.000000Z": False, "2027-03-03T21:10:00,5Z": False,
    "2027-03-03T21:10:00+00:00": False, "2027-03-03T16:10:00-05:00": False, "2027-03-03T21:10:00": False,
    "2027-W09-3T21:10:00Z": False, "20270303T211000Z": False, "+002027-03-03T21:10:00Z": False,
    "10000-01-01T00:00:00Z": False, "0000-01-01T00:00:00Z": False, "1999-12-31T23:59:59Z": False,
    "3000-01-01T00:00:00Z": False, "2027-03-03T21:10:00Z\n": False, " 2027-03-03T21:10:00Z": False,
    "2027-03-03T21:10:00Z\0": False, "\u0662027-03-03T21:10:00Z": False, "yesterday": False, "": False,
}  # fmt: skip
TEXTS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": bytes,
    "without its line feed": lambda text: text.removesuffix(b"\n"),
    "two line feeds": lambda text: text + b"\n",
    "a carriage return": lambda text: text.removesuffix(b"\n") + b"\r\n",
    "a space before": lambda text: b" " + text,
    "a space in it": lambda text: text.replace(b":", b": ", 1),
    "a mark of the order of bytes": lambda text: b"\xef\xbb\xbf" + text,
    "in UTF-16": lambda text: text.decode().encode("utf-16"),
    "a byte that is no UTF-8": lambda text: text.replace(b'"', b'"\xff', 1),
    "a letter in too many bytes": lambda text: text.replace(b"c", b"\xc1\xa3", 1),
    "the first name twice": lambda text: b"{" + text[1:].split(b",", 1)[0] + b"," + text[1:],
    "a name written otherwise": lambda text: text.replace(b'"campaign"', rb'"c\u0061mpaign"', 1),
    "names in another order": lambda text: canonical({"z": 0})[:-1] + b"," + text[1:],
    "cut short": lambda text: text[:-9],
    "a comma too many": lambda text: text.replace(b"}", b",}", 1),
    "something after it": lambda text: text + b"{}",
    "two zeros at the end": lambda text: text + b"\0\0",
    "nothing at all": lambda text: b"",
    "a list": lambda text: b"[" + text + b"]",
    "a thousand brackets": lambda text: b"[" * 100_000,
    "a thousand objects": lambda text: b'{"a":' * 100_000,
}
ACCEPTED = {"nothing", "without its line feed"}
NAMES = ("election", "urn", "shares", "first")


@pytest.mark.parametrize("name", NAMES)
def test_the_text_of_a_file_is_written_in_one_way(
    case: Case, second: Callable[[Files], dict[str, str]], name: str
) -> None:
    """T100: byte order marks, blanks, the same name twice, half a file; and both take it without its line feed."""
    for what, change in TEXTS.items():
        case.text = {name: change}
        assert agreed(case, second) is (what in ACCEPTED), what


@pytest.mark.parametrize("spelling", INSTANTS)
def test_an_instant_has_one_spelling(case: Case, second: Callable[[Files], dict[str, str]], spelling: str) -> None:
    """T100: whole seconds in UTC, of a day that there is, from 2000 to 2999."""
    case.urn["sealed_at"] = spelling
    assert agreed(case, second) is INSTANTS[spelling]
    case.urn["sealed_at"] = "2027-03-03T21:10:00Z"
    case.election["made_at"] = spelling
    assert agreed(case, second) is INSTANTS[spelling]


def test_what_may_be_otherwise_is_counted_alike(case: Case, second: Callable[[Files], dict[str, str]]) -> None:
    """T100: not everything is refused."""
    for definition in case.definitions:
        definition["title"]["fr"] = '\x7f\u2028\ufeff\U0001f5f3 \x01\t"\\/ e\u0301'
        definition |= {"groups": [], "members_only": True, "quorum_percent": 1}
    case.define()
    case.urn["ballots"][0] |= {"electors": 10**9, "on_paper": 0, "set_aside": 1}
    case.urn["roll_at_opening"] = "0" * 64
    assert agreed(case, second)
    case.urn["ballots"] = []
    assert agreed(case, second)


@pytest.mark.parametrize("where", ["title", "choose", "electors", "roll_at_opening"])
def test_a_value_is_written_in_one_way(case: Case, second: Callable[[Files], dict[str, str]], where: str) -> None:
    """T100: where a text may stand, a number from 1 to 31, one from 0 on, and a hash or nothing."""
    fits = {
        "title": {'"1"', '""', '"é"', '"e\u0301"', '"\x7f"', '"\u2028"', '"\ufeff"', r'"\u0000"', r'"\u0001"',
                  r'"\u001f"'},
        "choose": {"1", "2"}, "electors": {"0", "1", "2", "65535", "65536", "1000000000"}, "roll_at_opening": {"null"},
    }  # fmt: skip
    for odd in ODD:
        if where == "title":
            case.definitions[1]["title"]["fr"] = odd
        elif where == "choose":
            case.definitions[1]["choose"] = odd
        else:
            (case.urn if where == "roll_at_opening" else case.urn["ballots"][0])[where] = odd
        case.define()
        assert agreed(case, second) is (odd.letters in fits[where]), odd.letters[:40]


def test_a_pair_of_officers_has_one_share(case: Case, second: Callable[[Files], dict[str, str]]) -> None:
    """T100: not two, of which somebody chose one; and three are in the order of their codes."""
    wraps = case.shares["wraps"]
    for spoilt in ([wraps[2], *wraps[1:]], [wraps[1], wraps[0], wraps[2]], wraps[:2], [*wraps, wraps[2]]):
        case.shares["wraps"] = spoilt
        assert not agreed(case, second)
    case.shares["wraps"] = wraps
    for trustees in (case.election["trustees"][::-1], case.election["trustees"][:2]):
        whole, case.election["trustees"] = case.election["trustees"], trustees
        assert not agreed(case, second)
        case.election["trustees"] = whole
    assert agreed(case, second)


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(document, dict | list):
        for at in list(document) if isinstance(document, dict) else range(len(document)):
            yield document, at
            yield from places(document[at])


junk = st.recursive(
    st.sampled_from(ODD) | st.none() | st.booleans() | st.integers(-2, 2**70) | st.text(max_size=5)
    | st.sampled_from([*INSTANTS, *CODES, "0" * 64, "A" * 87, "half", "election", "bureau"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.data())
def test_whatever_is_changed_in_a_file_both_say_the_same(
    elected: Made, second: Callable[[Files], dict[str, str]], case: Case, data: st.DataObject
) -> None:
    """T100: a value, a name or a type, anywhere, with the hashes and signatures that go with it."""
    one = Case(elected, *json.loads(json.dumps([case.election, case.urn, case.shares, case.definitions])))
    documents = {"election": one.election, "urn": one.urn, "shares": one.shares}
    documents |= {f"definition {at}": definition for at, definition in enumerate(one.definitions)}
    which = data.draw(st.sampled_from([*documents, "urn", "signature"]))
    if which == "signature":
        one.signatures = one.signed(one.files()["urn"])
        documents[which] = one.signatures[0]
    spoil(data, *data.draw(st.sampled_from(list(places(documents[which])))))
    if which.startswith("definition"):
        one.define()
    agreed(one, second)


def spoil(data: st.DataObject, container: Any, at: Any) -> None:
    """One place of a document, in whatever way."""
    old = container[at]
    how = data.draw(st.sampled_from(["put", "bend", "drop", "add", "rename", "turn"]))
    if how == "bend" and isinstance(old, str):
        middle = data.draw(st.integers(0, len(old)))
        container[at] = old[:middle] + data.draw(st.text(max_size=1)) + old[middle + data.draw(st.integers(0, 1)) :]
    elif how == "bend" and type(old) is int:
        container[at] = old + data.draw(st.sampled_from([-1, 1, 10**9, 2**53]))
    elif how in ("put", "bend"):
        container[at] = data.draw(junk)
    elif how == "drop":
        del container[at]
    elif isinstance(container, dict):
        name = data.draw(
            st.text(max_size=3) | st.sampled_from(["__proto__", "constructor", f"{at},", "\ud800", "format"])
        )
        container[name] = container.pop(at) if how == "rename" else data.draw(junk)
    elif how == "turn":
        container.reverse()
    else:
        container.append(old)
