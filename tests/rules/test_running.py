"""Obstacles, small groups, and the files of an election: what is refused, and why."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.canonical import canonical, fingerprint, written
from portal.rules.election import read_result
from portal.rules.refusals import Refusal
from portal.rules.running import (
    COMPLAINT_DAYS,
    KEY_KEPT,
    BallotState,
    Obstacle,
    Preparation,
    kept_until,
    obstacles,
    of_groups,
    per_mille,
    results_owed,
)  # fmt: skip
from portal.rules.urns import Box, SealedBallot, read_urn
from portal.rules.vote_files import Publication, read_publication
from portal.rules.votes import MIN_GROUP, BallotKind
from tests.keys_of_votes import PUBLIC

BALLOT = "2b8d5a9e-6f0c-4c0e-9d0b-0d8f6a1c7e55"
TEXTS = (("Budget", "Budget"), ("D’accord ?", "Agreed?"))
FINE = BallotState("budget", BallotKind.RESOLUTION, True, 100, 0, 1, TEXTS)
READY = Preparation(
    [FINE], key=True, hides_another=False, officers=2, conflicts=0, to_settle=timedelta(days=7), import_pending=False,
    mails_wait=False,
)  # fmt: skip


def test_a_vote_that_is_ready_has_no_obstacle() -> None:
    assert obstacles(READY) == []


@pytest.mark.parametrize(
    ("ready", "found"),
    [
        (replace(READY, ballots=[]), Obstacle.NO_BALLOT),
        (replace(READY, ballots=[replace(FINE, kind=BallotKind.STRIKE)]), Obstacle.MANDATED),
        (replace(READY, ballots=[replace(FINE, kind=BallotKind.LAST_OFFER)]), Obstacle.MANDATED),
        (replace(READY, ballots=[replace(FINE, electors=0)]), Obstacle.NO_ELECTOR),
        (replace(READY, ballots=[replace(FINE, kind=BallotKind.ELECTION, choose=2)]), Obstacle.NO_CANDIDATES),
        (replace(READY, ballots=[replace(FINE, choose=32)]), Obstacle.TOO_MANY_CHOICES),
        (replace(READY, ballots=[replace(FINE, texts=[("A", "a"), ("B", "B")])]), Obstacle.TEXTS),
        (replace(READY, ballots=[replace(FINE, texts=[("A", ""), ("B", "C")])]), Obstacle.TEXTS),
        (replace(READY, key=False), Obstacle.NO_KEY),
        (replace(READY, hides_another=True), Obstacle.OTHER_CAMPAIGN),
        (replace(READY, officers=1), Obstacle.SECOND_OFFICER),
        (replace(READY, conflicts=1), Obstacle.CONFLICT),
        (replace(READY, to_settle=timedelta(0)), Obstacle.END),
        (replace(READY, import_pending=True), Obstacle.ROLL_IMPORT),
        (replace(READY, mails_wait=True), Obstacle.MAIL),
    ],
)
def test_each_obstacle_is_named(ready: Preparation, found: Obstacle) -> None:
    """T84 among them: a vote of the whole unit for members only."""
    assert [one.obstacle for one in obstacles(ready)] == [found]


def test_a_strike_vote_for_everybody_in_the_unit_may_open() -> None:
    """T84."""
    strike = replace(FINE, kind=BallotKind.STRIKE, members_only=False)
    assert obstacles(replace(READY, ballots=[strike])) == []


@given(st.lists(st.integers(0, 60), min_size=1, max_size=4))
def test_no_small_group_is_shown_nor_worked_out_from_the_rest(voted: list[int]) -> None:
    """T101: who knows the total and every number shown cannot tell a group under ten."""
    shown = of_groups([(f"g{at}", 100, n) for at, n in enumerate(voted)])
    hidden = [n for n, (_, _, seen) in zip(voted, shown, strict=True) if seen is None]
    assert all(seen is None or seen >= MIN_GROUP for _, _, seen in shown)
    if len(voted) > 1 and any(n < MIN_GROUP for n in voted):
        assert len(hidden) > 1
    # What is left of the total when all that is shown is taken from it.
    assert len(hidden) in (0, len(voted)) or sum(hidden) >= MIN_GROUP


def a_box() -> Box:
    definition = canonical(
        {
            "ballot": BALLOT,
            "campaign": "c",
            "code": "budget",
            "kind": "ratification",
            "choose": 1,
            "majority": "half",
            "quorum_percent": None,
            "groups": ["EC"],
            "members_only": True,
            "title": {"fr": "Budget", "en": "Budget"},
            "question": {"fr": "D’accord ?", "en": "Agreed?"},
            "options": [{"id": 1, "fr": "Oui", "en": "Yes"}, {"id": 2, "fr": "Non", "en": "No"}],
        }
    ).decode()
    ballot = SealedBallot(BALLOT, "budget", BallotKind.RATIFICATION, definition, 20, 0, 0, 2, "l")
    return Box("c", PUBLIC, datetime(2017, 3, 4, tzinfo=UTC), None, "r", [ballot])


def a_count(box: Box, **more: object) -> str:
    counted = {
        "ballot": BALLOT, "code": "budget", "kind": "ratification", "electors": 20, "votes": 2, "invalid": 0,
        "blank": 1, "options": [{"id": 1, "votes": 1}, {"id": 2, "votes": 0}], "outcome": "adopted", "elected": [],
        "tied": [], **more,
    }  # fmt: skip
    whole = {
        "format": "scrutin/result/v1",
        "campaign": "c",
        "manifest_sha256": box.manifest_sha256,
        "ballots": [counted],
    }
    return written(whole).decode()


def test_a_result_of_this_box_that_adds_up_is_read() -> None:
    read = read_result(a_count(a_box()), a_box())
    assert not isinstance(read, Refusal)
    [(_, code, counted)] = read.ballots
    assert (code, counted.options, counted.small) == ("budget", {1: 1, 2: 0}, True)


@pytest.mark.parametrize(
    "wrong",
    [
        # One yes and no no is adopted.
        {"outcome": "not-adopted"}, {"outcome": "no-quorum"},
        {"votes": 3}, {"blank": 0}, {"electors": 21}, {"code": "other"}, {"outcome": "won"}, {"invalid": -1},
        {"votes": 2.0}, {"blank": True}, {"options": [{"id": 1, "votes": 1}]}, {"elected": [9]}, {"tied": "1"},
        {"options": [{"id": 2, "votes": 0}, {"id": 1, "votes": 1}]}, {"kind": "resolution"},
        # Whatever else stands in it would be published with it.
        {"elected": ["1"]}, {"elected": [1, 1]}, {"elected": [1], "tied": [1]}, {"note": "x"},
        {"options": [{"id": 1, "votes": 1, "by": "x"}, {"id": 2, "votes": 0}]},
    ],
)  # fmt: skip
def test_a_result_that_does_not_add_up_is_refused(wrong: dict[str, object]) -> None:
    assert read_result(a_count(a_box(), **wrong), a_box()) is Refusal.RESULT_UNREADABLE


def test_a_result_of_another_box_or_written_otherwise_is_refused() -> None:
    other = replace(a_box(), roll_at_seal="another")
    assert read_result(a_count(other), a_box()) is Refusal.FILE_OF_ANOTHER
    pretty = json.dumps(json.loads(a_count(a_box())), indent=1)
    for text in (pretty, a_count(a_box()).strip(), "", "[]", "{", "null"):
        assert read_result(text, a_box()) is Refusal.RESULT_UNREADABLE


def test_the_publication_names_the_day_before_which_no_key_is_destroyed() -> None:
    """T103."""
    out = datetime(2017, 3, 6, 22, tzinfo=UTC)
    said = Publication("c", PUBLIC, "0" * 64, out, kept_until(out), held=True)
    assert said.destroy_after == out + KEY_KEPT
    assert read_publication("publication-c.json", said.written()) == said


@pytest.mark.parametrize("out", ["2026-01-01T00:30", "2026-03-06T09:00", "2027-12-15T12:00", "2026-10-28T00:10"])
@pytest.mark.parametrize("zone", ["America/St_Johns", "America/Vancouver", "Europe/Paris"])
def test_the_key_outlasts_the_last_day_for_a_complaint_wherever_the_vote_is_held(out: str, zone: str) -> None:
    """T103: the tenth day to its end, and four on which the Board is closed, as at Easter, over a change of hours."""
    published = datetime.fromisoformat(out).replace(tzinfo=ZoneInfo(zone))
    closed = 0 if published.month == 10 else 4
    last = (published + timedelta(days=COMPLAINT_DAYS + closed)).replace(hour=23, minute=59, second=59)
    assert kept_until(published.astimezone(UTC)) > last.astimezone(UTC)


def test_a_file_that_knows_whole_seconds_names_no_moment_too_early() -> None:
    """T103."""
    out = datetime(2017, 3, 6, 22, 0, 0, 1, tzinfo=UTC)
    said = Publication("c", PUBLIC, "0" * 64, out, kept_until(out), held=False)
    read = read_publication("publication-c.json", said.written())
    assert read.destroy_after == out.replace(microsecond=0) + KEY_KEPT + timedelta(seconds=1)
    assert out + KEY_KEPT < read.destroy_after == kept_until(out)


def test_an_urn_of_the_portal_is_read_by_the_ceremony_whenever_it_was_sealed() -> None:
    """T100: in the one spelling of an instant."""
    box = Box("c", PUBLIC, datetime(2017, 3, 6, 22, 0, 0, 999_999, tzinfo=UTC), None, "0" * 64, [])
    urn = read_urn("urn-c.json", box.urn({}))
    assert (urn.sealed_at, urn.manifest_sha256) == ("2017-03-06T22:00:00Z", box.manifest_sha256)


def test_a_fingerprint_is_read_in_groups_of_four() -> None:
    assert fingerprint(PUBLIC).replace(" ", "") == sha256(PUBLIC).hexdigest()
    assert {len(group) for group in fingerprint(PUBLIC).split()} == {4}


def test_a_turnout_is_rounded_half_up_to_one_decimal() -> None:
    assert [per_mille(*pair) for pair in ((10, 39), (1, 2000), (1, 2001), (1999, 2000), (3, 3), (0, 0))] == [
        256, 1, 0, 1000, 1000, 0,
    ]  # fmt: skip


def test_whoever_voted_is_owed_the_results_of_a_real_vote_that_is_over() -> None:
    now = datetime(2027, 2, 1, tzinfo=UTC)
    assert results_owed(closes=now, rehearsal=False, voted=1, at=now)
    for closes, rehearsal, voted in ((now + KEY_KEPT, False, 1), (now, True, 1), (now, False, 0)):
        assert not results_owed(closes=closes, rehearsal=rehearsal, voted=voted, at=now)
