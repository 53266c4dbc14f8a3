"""The doors beside the entrance: what a field means, and what is due next."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.doors import (
    ANSWER_WITHIN,
    FIELDS,
    OPTIONAL,
    OVER,
    REASONS,
    Door,
    Moment,
    Reason,
    Status,
    Verdict,
    is_late,
    next_due,
    next_reminder,
    read,
    reason_given,
)  # fmt: skip

ASKED = datetime(2017, 2, 1, 15, tzinfo=UTC)
PROVEN = ASKED + timedelta(days=1)


def test_a_request_that_nobody_proves_is_reminded_of_and_ends_and_a_proven_one_waits_for_a_person() -> None:
    for status, proven, expected in (
        (Status.ASKED, None, [Moment.PROOF_REMINDER, Moment.LAPSE]),
        (Status.PROVEN, PROVEN, [Moment.RECEIVED, Moment.STAFF_REMINDER, Moment.LATE]),
        *((over, PROVEN, []) for over in OVER),
    ):
        met: list[Moment] = []
        last = ASKED
        while (due := next_due(status, ASKED, proven, met)) is not None:
            assert due.at >= last
            last = due.at
            met.append(due.moment)
        assert met == expected
    late = next_due(Status.PROVEN, ASKED, PROVEN, {Moment.RECEIVED, Moment.STAFF_REMINDER})
    assert late is not None and late.at == PROVEN + ANSWER_WITHIN


def test_once_late_staff_are_reminded_every_two_days_and_after_a_silence_only_once() -> None:
    late_at, two_days = PROVEN + ANSWER_WITHIN, timedelta(days=2)
    met, now = 0, late_at
    for turn in range(1, 50):
        due = next_reminder(PROVEN, now, met)
        assert (due.turn, due.at) == (turn, late_at + turn * two_days)
        met, now = due.turn, due.at + timedelta(minutes=1)
    due = next_reminder(PROVEN, late_at + 7 * two_days + timedelta(hours=1), 0)
    assert (due.turn, due.at) == (7, late_at + 7 * two_days)


def test_a_day_that_is_over_is_late() -> None:
    assert not is_late(None, PROVEN)
    assert not is_late(PROVEN, PROVEN + ANSWER_WITHIN)
    assert is_late(PROVEN, PROVEN + ANSWER_WITHIN + timedelta(seconds=1))


@pytest.mark.parametrize("door", Door)
def test_each_door_has_its_reasons_and_another_one_is_said_in_both_languages(door: Door) -> None:
    for reason in Reason:
        fits = reason in REASONS[door] and reason is not Reason.OTHER
        assert reason_given(door, Verdict.REFUSE, reason, "", "") is fits
    assert reason_given(door, Verdict.REFUSE, Reason.OTHER, "un mot", "a word")
    assert not reason_given(door, Verdict.REFUSE, Reason.OTHER, "un mot", " ")
    assert not reason_given(door, Verdict.REFUSE, None, "", "")
    assert reason_given(door, Verdict.ACCEPT, None, "", "")


@pytest.mark.parametrize("door", Door)
@given(typed=st.text(max_size=300))
def test_whatever_is_typed_is_understood_or_named_and_what_is_understood_is_understood_again(
    door: Door, typed: str
) -> None:
    said, unclear = read(door, dict.fromkeys(FIELDS[door], typed))
    assert set(said) | set(unclear) | OPTIONAL[door] == set(FIELDS[door])
    assert not set(said) & set(unclear)
    again, unclear_again = read(door, {**dict.fromkeys(FIELDS[door], typed), **said})
    assert {field: again[field] for field in said} == said
    assert set(unclear_again) == set(unclear)
    assert all(value.isprintable() for value in said.values())
