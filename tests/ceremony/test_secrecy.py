"""What the count leaves behind says what was chosen, and never by whom."""

import ast
import inspect
import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.ceremony import keys, machine, opening
from portal.rules import canonical, ceremony, counting, shapes, urns, vote_files, votes
from portal.rules.urns import read_urn
from portal.rules.vote_files import read_result
from portal.rules.votes import BallotKind, Option, digest_of, encode, receipt_of
from tests.ceremony.conftest import Ceremony
from tests.urns import Filled, Made, a_definition, an_urn, seal, signed

ROOT = Path(__file__).resolve().parents[2]
choices = st.lists(st.sampled_from([(1,), (2,), (3,), ()]), min_size=1, max_size=8)


def opened_count(made: Made, urn: bytes) -> bytes:
    path = made.folder / "urn.json"
    path.write_bytes(urn)
    signatures = [
        (file.name, vote_files.read_signature(file.name, file.read_bytes())) for file in signed(made, path, 1, 2)
    ]
    officers = [made.officer(2), made.officer(3)]
    return opening.result_of(read_urn("u", urn), made.election, made.shares, officers, signatures).written()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choices, st.randoms(use_true_random=False))
def test_who_chose_what_changes_nothing_that_is_written(made: Made, cast: list[tuple[int, ...]], chance: Any) -> None:
    """T97: the same votes from other people give the same result, to the byte."""
    definition = a_definition("budget")
    others = list(cast)
    chance.shuffle(others)
    results = []
    for chosen in (cast, others):
        sealed = [seal(made.election.public_key, definition, one) for one in chosen]
        found = json.loads(opened_count(made, an_urn(made.election, [Filled(definition, sealed, 20)])))
        # The one thing of the ciphertexts that is in a result: the hash of all of them together.
        del found["manifest_sha256"]
        results.append(canonical.canonical(found))
    assert results[0] == results[1]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choices)
def test_what_is_opened_is_in_the_order_of_what_it_says(made: Made, cast: list[tuple[int, ...]]) -> None:
    """T97, T90: not in that of the urn, which is the order of the receipts."""
    definition = a_definition("budget")
    sealed = [seal(made.election.public_key, definition, one) for one in cast]
    key = keys.unlock(made.election, made.shares, [made.officer(1), made.officer(3)])
    (ballot,) = read_urn("u", an_urn(made.election, [Filled(definition, sealed, 20)])).ballots
    assert opening.opened(ballot, key) == sorted(encode(one) for one in cast)


def test_nothing_that_the_count_writes_or_says_names_a_vote(
    made: Made, ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    """T97, T90: no receipt, no digest, no sealed vote, in the result, on the screen or in what is made of them."""
    (ballot,) = read_urn("u", (made.folder / "urn.json").read_bytes()).ballots
    before = set(made.folder.iterdir())
    signatures = sorted(made.folder.glob("urn.sig-*"))
    officers = ["--officer", made.key(1), "--officer", made.key(2)]
    capsys.readouterr()
    assert ceremony("open", "--urn", "urn.json", "--signatures", *signatures, *officers, "--out", "result.json") == 0
    assert ceremony("sign", "result.json", *officers) == 0
    assert ceremony("check", "result.json", "--election", "election.json", rehearsal=False) == 0
    written = set(made.folder.iterdir()) - before
    assert len(written) == 3
    said = capsys.readouterr()
    left = [file.read_text() for file in written] + [said.out, said.err]
    for sealed in ballot.ciphertexts:
        digest, receipt = digest_of(sealed), receipt_of(digest_of(sealed))
        for spelling in (receipt, receipt.replace("-", ""), digest.hex(), canonical.b64(digest), canonical.b64(sealed)):
            assert not any(spelling in one for one in left)
    # Nor does the screen say how many chose what: the result is opened where everybody looks at it together.
    assert "option" not in (said.out + said.err).lower()


# Ids that no other number here is.
HERS, HIS = 48_879, 51_966
PURE: tuple[ModuleType, ...] = (canonical, ceremony, counting, shapes, urns, vote_files, votes, keys, opening, machine)


def functions() -> Iterator[Callable[..., object]]:
    """Everything of ours that a curious reader could call, with at most three things in hand."""
    for module in PURE:
        for _, found in inspect.getmembers(module, inspect.isfunction):
            taken = [p for p in inspect.signature(found).parameters.values() if p.default is p.empty]
            if found.__module__ == module.__name__ and 1 <= len(taken) <= 3:
                yield found


def test_with_everything_public_and_a_receipt_no_function_of_ours_tells_the_choice(made: Made) -> None:
    """T97: the urn, its signatures, the shares, the result and the voter's own receipt and sealed vote."""
    board = a_definition("bureau", BallotKind.ELECTION, candidates=2)
    definition = votes.Definition(
        **{name: getattr(board, name) for name in type(board).__slots__ if name != "options"},
        options=[Option(HERS, "Elle", "Elle"), Option(HIS, "Lui", "Lui")],
    )
    mine = seal(made.election.public_key, definition, [HERS])
    sealed = [mine, *(seal(made.election.public_key, definition, [one]) for one in (HIS, HIS, HERS))]
    content = an_urn(made.election, [Filled(definition, sealed, 20)])
    result = opened_count(made, content)
    urn = read_urn("urn", content)
    public: list[object] = [
        "urn", content, json.loads(content), urn, urn.ballots[0], mine, digest_of(mine), receipt_of(digest_of(mine)),
        made.election, made.election.public_key, made.shares, result, read_result("r", result), definition,
        definition.info, urn.ballots[0].asked, made.shares.wraps["officer-1", "officer-2"],
    ]  # fmt: skip
    called, told = tried(public)
    assert called > 500
    assert told == set()
    # The same search with the key, which is public nowhere and destroyed in the end, does find it.
    key = keys.unlock(made.election, made.shares, [made.officer(1), made.officer(3)])
    assert tried([urn.ballots[0], key])[1] == {"opened"}


def tried(hands: list[object]) -> tuple[int, set[str]]:
    """How many calls answered, and which functions told her choice: its text, or it alone."""
    choice = encode([HERS])
    told, called = set(), 0
    for function in functions():
        needed = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
        by_name = [p.name for p in needed if p.kind is p.KEYWORD_ONLY]
        for words in product(hands, repeat=len(needed)):
            at = len(needed) - len(by_name)
            try:
                answer = function(*words[:at], **dict(zip(by_name, words[at:], strict=True)))
            except Exception:
                continue
            called += 1
            shown = repr(answer)
            if repr(choice)[2:-1] in shown or choice.hex() in shown or shown in (f"({HERS},)", f"[{HERS}]", str(HERS)):
                told.add(function.__qualname__)
    return called, told


def test_votes_are_opened_in_one_place() -> None:
    """T97: what opens anything is listed here, and only `opened` opens votes."""
    found = set()
    for package in ("portal", "api", "activities", "workflows", "worker"):
        for path in (ROOT / package).rglob("*.py"):
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and any(
                    isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "decrypt"
                    for call in ast.walk(function)
                ):
                    found.add(f"{path.relative_to(ROOT)}::{function.name}")
    assert found == {
        "portal/ceremony/keys.py::unlock",
        "portal/ceremony/opening.py::opened",
        "portal/store/sealing.py::unseal",
        "portal/store/sealing.py::unseal_shared",
    }
