"""Counting: what must hold whatever people chose, in whatever order they are counted."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.rules.counting import Asked, Counted, Outcome, carried, count, seated
from portal.rules.votes import ABSTAIN, MIN_GROUP, NO, PLAINTEXT_SIZE, YES, BallotKind, Majority, decode, encode

Choice = tuple[int, ...] | None
kinds = st.sampled_from(BallotKind)


@st.composite
def asked_of(draw: st.DrawFn) -> Asked:
    kind = draw(kinds)
    if kind is BallotKind.ELECTION:
        options = tuple(range(1, draw(st.integers(1, 8)) + 1))
    else:
        options = (YES, NO, ABSTAIN) if kind is BallotKind.RESOLUTION else (YES, NO)
    return Asked(
        kind, draw(st.integers(1, 5)), draw(st.sampled_from(Majority)),
        draw(st.none() | st.integers(1, 100)), options,
    )  # fmt: skip


@st.composite
def boxes(draw: st.DrawFn) -> tuple[Asked, int, list[Choice]]:
    """A ballot, how many it is for, and what is in its box."""
    asked = draw(asked_of())
    chosen = st.sets(st.sampled_from(asked.options), max_size=asked.most).map(lambda some: tuple(sorted(some)))
    choices: list[Choice] = draw(st.lists(st.none() | chosen, max_size=40))
    return asked, draw(st.integers(len(choices), 60)), choices


@given(boxes(), st.randoms(use_true_random=False))
def test_the_order_of_the_votes_does_not_matter(box: tuple[Asked, int, list[Choice]], chance: object) -> None:
    asked, electors, choices = box
    shuffled = list(choices)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert count(asked, electors, shuffled) == count(asked, electors, choices)


@given(boxes())
def test_votes_add_up(box: tuple[Asked, int, list[Choice]]) -> None:
    asked, electors, choices = box
    found = count(asked, electors, choices)
    chosen = Counter(option for choice in choices if choice for option in choice)
    assert found.votes == len(choices)
    assert found.invalid == choices.count(None)
    assert found.blank == choices.count(())
    assert dict(found.options) == {option: chosen[option] for option in asked.options}
    if asked.most == 1:
        assert found.votes == found.invalid + found.blank + sum(found.options.values())


@given(boxes())
def test_who_is_elected_is_not_tied_and_nobody_with_fewer_votes_is(box: tuple[Asked, int, list[Choice]]) -> None:
    asked, electors, choices = box
    found = count(asked, electors, choices)
    if asked.kind is not BallotKind.ELECTION or found.outcome is Outcome.NO_QUORUM:
        assert found.elected == found.tied == ()
        return
    elected, tied = set(found.elected), set(found.tied)
    assert found.outcome is Outcome.ELECTED
    assert len(elected) <= asked.choose
    assert not elected & tied
    seats = min(asked.choose, len(asked.options))
    # Either every seat is taken, or those who are level are too many for what is left.
    assert len(elected) == seats if not tied else len(elected) < seats < len(elected) + len(tied)
    assert len({found.options[one] for one in tied}) <= 1
    groups = [elected, tied, set(asked.options) - elected - tied]
    for higher, lower in pairwise([found.options[one] for one in group] for group in groups if group):
        assert min(higher) > max(lower)


@given(boxes(), st.integers(1, 5))
def test_one_more_yes_never_undoes_an_adoption(box: tuple[Asked, int, list[Choice]], more: int) -> None:
    asked, electors, choices = box
    before = count(asked, electors + more, choices)
    after = count(asked, electors + more, [*choices, *[(YES,)] * more])
    if before.outcome is Outcome.ADOPTED:
        assert after.outcome is Outcome.ADOPTED


@given(boxes())
def test_one_more_no_never_makes_one(box: tuple[Asked, int, list[Choice]]) -> None:
    asked, electors, choices = box
    if asked.kind is BallotKind.ELECTION or asked.quorum_percent is not None:
        return
    before = count(asked, electors + 1, choices)
    after = count(asked, electors + 1, [*choices, (NO,)])
    assert before.outcome is Outcome.ADOPTED or after.outcome is Outcome.NOT_ADOPTED


@given(boxes())
def test_one_more_vote_for_who_is_elected_keeps_the_seat(box: tuple[Asked, int, list[Choice]]) -> None:
    asked, electors, choices = box
    for one in count(asked, electors, choices).elected:
        assert one in count(asked, electors + 1, [*choices, (one,)]).elected


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_two_thirds_are_never_less_than_half(yes: int, no: int) -> None:
    assert carried(Majority.HALF, yes=yes, no=no) >= carried(Majority.TWO_THIRDS, yes=yes, no=no)


@pytest.mark.parametrize(
    ("majority", "yes", "no", "adopted"),
    [
        (Majority.HALF, 5, 5, False),
        (Majority.HALF, 6, 5, True),
        (Majority.HALF, 1, 0, True),
        (Majority.HALF, 0, 0, False),
        (Majority.TWO_THIRDS, 2, 1, True),
        (Majority.TWO_THIRDS, 199, 100, False),
        (Majority.TWO_THIRDS, 200, 100, True),
        (Majority.TWO_THIRDS, 0, 0, False),
        # Where a float would say that two thirds are reached.
        (Majority.TWO_THIRDS, 2 * 10**17 - 1, 10**17, False),
    ],
)
def test_a_majority_is_exact(majority: Majority, yes: int, no: int, adopted: bool) -> None:
    assert carried(majority, yes=yes, no=no) is adopted


@pytest.mark.parametrize(("votes", "outcome"), [(24, Outcome.NO_QUORUM), (25, Outcome.ADOPTED)])
def test_a_quorum_is_reached_by_everybody_who_voted(votes: int, outcome: Outcome) -> None:
    """Blank and invalid votes are votes: 25 of 100 is a quarter."""
    asked = Asked(BallotKind.RATIFICATION, 1, Majority.HALF, 25, (YES, NO))
    choices: list[Choice] = [(YES,), None, *[()] * (votes - 2)]
    assert count(asked, 100, choices).outcome is outcome


@pytest.mark.parametrize(
    ("votes", "seats", "elected", "tied"),
    [
        ({1: 9, 2: 5, 3: 5, 4: 1}, 1, (1,), ()),
        ({1: 9, 2: 5, 3: 5, 4: 1}, 2, (1,), (2, 3)),
        ({1: 9, 2: 5, 3: 5, 4: 1}, 3, (1, 2, 3), ()),
        ({1: 5, 2: 5, 3: 5, 4: 5}, 2, (), (1, 2, 3, 4)),
        ({1: 0, 2: 0}, 2, (1, 2), ()),
        ({3: 1, 7: 0}, 5, (3, 7), ()),
    ],
)
def test_seats_are_given_by_votes_and_a_tie_is_left_to_people(
    votes: dict[int, int], seats: int, elected: tuple[int, ...], tied: tuple[int, ...]
) -> None:
    assert seated(votes, seats) == (elected, tied)


plaintexts = (
    st.binary(max_size=80)
    | st.binary(min_size=PLAINTEXT_SIZE, max_size=PLAINTEXT_SIZE)
    | st.builds(
        lambda version, number, rest: bytes([version, number]) + rest,
        st.sampled_from([1, 1, 1, 0, 2]), st.integers(0, 255), st.binary(min_size=62, max_size=62),
    )
    | st.builds(
        lambda number, ids: (bytes([1, number]) + b"".join(i.to_bytes(2) for i in ids)).ljust(PLAINTEXT_SIZE, b"\0"),
        st.integers(0, 40), st.lists(st.integers(0, 9) | st.integers(0, 0xFFFF), max_size=31),
    )
    | st.sets(st.integers(0, 9), max_size=8).map(encode)
)  # fmt: skip


@settings(max_examples=1500)
@given(asked_of(), plaintexts)
@example(Asked(BallotKind.RESOLUTION, 1, Majority.HALF, None, (1, 2, 3)), encode([1, 2]))
def test_whatever_was_sealed_is_counted_once_and_never_raises(asked: Asked, plaintext: bytes) -> None:
    """T79: two options, an unknown one, a negative or enormous number, junk: invalid, and counted as such."""
    choice = decode(plaintext, options=frozenset(asked.options), most=asked.most)
    found = count(asked, 10, [choice])
    assert found.votes == 1
    if choice is None:
        assert (found.invalid, found.blank, sum(found.options.values())) == (1, 0, 0)
    else:
        # What counts is exactly what our own form would have sealed: no second way to say the same.
        assert plaintext == encode(choice)
        assert len(choice) <= asked.most
        assert set(choice) <= set(asked.options)
        assert found.invalid == 0


def _counted(options: Sequence[int], *, blank: int = 0, invalid: int = 0) -> Counted:
    asked = Asked(BallotKind.RESOLUTION, 1, Majority.HALF, None, (YES, NO, ABSTAIN))
    choices: list[Choice] = [
        (option,) for option, number in zip((1, 2, 3), options, strict=True) for _ in range(number)
    ]
    return count(asked, 100, [*choices, *[()] * blank, *[None] * invalid])


@given(st.tuples(*[st.integers(0, 12)] * 3), st.integers(0, 3), st.integers(0, 3))
def test_nothing_is_split_below_ten_votes(options: tuple[int, ...], blank: int, invalid: int) -> None:
    """T101: of all that were counted, blank and invalid ones among them; nor is it said why nothing was adopted."""
    found = _counted(options, blank=blank, invalid=invalid)
    assert found.small == (sum(options) + blank + invalid < MIN_GROUP)
    assert not found.small or found.why_not(Majority.HALF) is None


def test_who_publishes_a_unanimous_result_is_told() -> None:
    """T101: it says of everybody who voted what they chose."""
    assert _counted((12, 0, 0)).unanimous
    assert _counted((0, 3, 0)).unanimous
    assert _counted((0, 0, 0), blank=4).unanimous
    assert not _counted((12, 1, 0)).unanimous
    assert not _counted((12, 0, 0), blank=1).unanimous
    assert not _counted((0, 0, 0)).unanimous
