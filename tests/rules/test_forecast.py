"""The date until which an answer before the closing is promised: cautious, and never after the closing."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.rules.forecast import (
    MARGIN,
    Flow,
    Promise,
    forecast,
    kept,
    pace_of,
    working_days_before,
)  # fmt: skip

TORONTO = ZoneInfo("America/Toronto")
CLOSES = datetime(2017, 3, 3, 21, tzinfo=UTC)
DAY = timedelta(days=1)
counts = st.integers(0, 20_000)
flows = st.builds(Flow, counts, counts, counts, counts, counts)
instants = st.timedeltas(-60 * DAY, 20 * DAY).map(lambda apart: CLOSES + apart)


@pytest.mark.parametrize(
    ("day", "week", "pace"),
    [(0, 0, None), (70, 70, 10.0), (7, 70, 7.0), (0, 70, 5.0), (0, 1, 1.0), (3, 3, 1.0), (200, 700, 100.0)],
)
def test_the_pace_is_the_slower_of_two_and_a_sunday_halves_it_at_most(day: int, week: int, pace: float | None) -> None:
    assert pace_of(day, week) == pace


def test_an_ordinary_day_is_reckoned_as_a_person_would() -> None:
    """20 wait, 10 are decided and 10 arrive a day: 2.1 days for whoever comes last, one in hand, at a whole hour."""
    at = CLOSES - 10 * DAY
    found = forecast(Flow(20, 10, 70, 10, 70), at=at, closes=CLOSES, zone=TORONTO)
    assert found.empty_at == at + 2 * DAY
    assert found.guaranteed_until == CLOSES - MARGIN - timedelta(hours=51)


def test_a_queue_that_grows_brings_the_date_forward() -> None:
    at = CLOSES - 10 * DAY
    calm = forecast(Flow(20, 10, 70, 10, 70), at=at, closes=CLOSES, zone=TORONTO).guaranteed_until
    rush = forecast(Flow(20, 10, 70, 30, 70), at=at, closes=CLOSES, zone=TORONTO).guaranteed_until
    assert calm is not None and rush is not None
    assert at < rush < calm


def test_while_nothing_is_known_it_is_five_working_days_before_the_closing() -> None:
    """A Friday at 16:00 in Ottawa: the Friday before, at the same hour."""
    unknown = Flow(7, 0, 0, 7, 7)
    early = forecast(unknown, at=CLOSES - 20 * DAY, closes=CLOSES, zone=TORONTO)
    assert early.guaranteed_until == CLOSES - 7 * DAY
    assert (early.pace, early.empty_at) == (None, None)
    assert forecast(unknown, at=CLOSES - 6 * DAY, closes=CLOSES, zone=TORONTO).guaranteed_until is None


def test_working_days_keep_the_hour_of_the_clock_on_the_wall() -> None:
    monday = datetime(2017, 3, 13, 16, tzinfo=TORONTO)
    assert working_days_before(monday, 1, TORONTO) == datetime(2017, 3, 10, 16, tzinfo=TORONTO)


@given(flows, instants)
def test_no_date_is_after_the_closing_or_before_now(flow: Flow, at: datetime) -> None:
    until = forecast(flow, at=at, closes=CLOSES, zone=TORONTO).guaranteed_until
    assert until is None or at <= until < CLOSES


@given(flows, instants)
def test_whoever_arrives_in_time_is_decided_before_the_closing_at_that_pace(flow: Flow, at: datetime) -> None:
    """Played out: the queue grows as fast as it does now, is worked off one by one, and the last one is theirs."""
    found = forecast(flow, at=at, closes=CLOSES, zone=TORONTO)
    assume(found.guaranteed_until is not None and found.pace is not None)
    assert found.guaranteed_until is not None and found.pace is not None
    days = (found.guaranteed_until - at) / DAY
    arriving = max(flow.arrived_day, flow.arrived_week / 7)
    before_them = flow.waiting + max(0.0, arriving - found.pace) * days
    decided = found.guaranteed_until + DAY * ((before_them + 1) / found.pace)
    assert decided <= CLOSES - MARGIN + timedelta(seconds=1)


@given(flows, instants, counts)
def test_more_that_wait_never_make_it_later(flow: Flow, at: datetime, more: int) -> None:
    longer = Flow(flow.waiting + more, flow.decided_day, flow.decided_week, flow.arrived_day, flow.arrived_week)
    one = forecast(flow, at=at, closes=CLOSES, zone=TORONTO).guaranteed_until
    other = forecast(longer, at=at, closes=CLOSES, zone=TORONTO).guaranteed_until
    assert other is None or (one is not None and other <= one)


@given(flows, instants, instants, st.none() | instants)
def test_a_promise_of_the_day_stands_or_moves_later(
    flow: Flow, at: datetime, said_at: datetime, until: datetime | None
) -> None:
    now = forecast(flow, at=at, closes=CLOSES, zone=TORONTO)
    said = kept(Promise(until, said_at), now, at=at, zone=TORONTO)
    assert (said.waiting, said.pace, said.empty_at) == (now.waiting, now.pace, now.empty_at)
    if until is not None and until >= at and said_at.astimezone(TORONTO).date() == at.astimezone(TORONTO).date():
        assert said.guaranteed_until is not None and said.guaranteed_until >= until
    else:
        assert said.guaranteed_until == now.guaranteed_until or (said.guaranteed_until is None and until is not None)
    assert kept(None, now, at=at, zone=TORONTO) == now
