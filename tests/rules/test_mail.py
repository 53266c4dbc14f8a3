"""No mail at night, none all at once, and none late that somebody is waiting for."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.rules.mail import JUST_ASKED, TO_EVERYBODY, Courtesy, Lane, MailKind, lane, send_at

TORONTO = ZoneInfo("America/Toronto")
UNION = Courtesy()

moments = st.datetimes(datetime(2016, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001
    lambda naive: naive.replace(tzinfo=UTC)
)
# The nights on which the clocks change, where an hour is missing or comes twice.
odd_nights = st.one_of(
    st.datetimes(datetime(2017, 3, 11, 20), datetime(2017, 3, 12, 20)),  # noqa: DTZ001
    st.datetimes(datetime(2017, 11, 4, 20), datetime(2017, 11, 5, 20)),  # noqa: DTZ001
).map(lambda naive: naive.replace(tzinfo=UTC))
courtesies = st.builds(
    Courtesy,
    quiet_from=st.integers(0, 23),
    quiet_until=st.integers(0, 23),
    spread=st.timedeltas(timedelta(0), timedelta(hours=1)),
).filter(
    # Where the one hour that is not quiet is the hour missing in March, that night has none.
    lambda courtesy: (courtesy.quiet_from, courtesy.quiet_until) != (3, 2)
)


def local(year: int, month: int, day: int, hour: int, *rest: int, fold: int = 0) -> datetime:
    minute, second = (*rest, 0, 0)[:2]
    return datetime(year, month, day, hour, minute, second, tzinfo=TORONTO, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "earliest"),
    [
        (local(2017, 2, 20, 20, 59, 59), local(2017, 2, 20, 20, 59, 59)),
        (local(2017, 2, 20, 21), local(2017, 2, 21, 7)),
        (local(2017, 2, 20, 23, 59), local(2017, 2, 21, 7)),
        (local(2017, 2, 20, 0), local(2017, 2, 20, 7)),
        (local(2017, 2, 20, 6, 59, 59), local(2017, 2, 20, 7)),
        (local(2017, 2, 20, 7), local(2017, 2, 20, 7)),
        # 12 March 2017: the night is an hour shorter, the morning is seven by the new clock.
        (local(2017, 3, 11, 21), datetime(2017, 3, 12, 11, tzinfo=UTC)),
        (local(2017, 3, 12, 1, 59), datetime(2017, 3, 12, 11, tzinfo=UTC)),
        (local(2017, 3, 12, 3), datetime(2017, 3, 12, 11, tzinfo=UTC)),
        # 5 November 2017: an hour longer, and half past one comes twice.
        (local(2017, 11, 4, 21), datetime(2017, 11, 5, 12, tzinfo=UTC)),
        (local(2017, 11, 5, 1, 30), datetime(2017, 11, 5, 12, tzinfo=UTC)),
        (local(2017, 11, 5, 1, 30, fold=1), datetime(2017, 11, 5, 12, tzinfo=UTC)),
        # The last evening of a year and of a month.
        (local(2016, 12, 31, 22), local(2017, 1, 1, 7)),
        (local(2017, 2, 28, 22), local(2017, 3, 1, 7)),
    ],
)
def test_the_night_ends_at_seven_local_time(at: datetime, earliest: datetime) -> None:
    assert UNION.earliest(at, TORONTO) == earliest


def test_a_morning_hour_that_does_not_exist_ends_the_quiet_an_instant_later() -> None:
    until_two = Courtesy(quiet_from=21, quiet_until=2)

    earliest = until_two.earliest(local(2017, 3, 12, 1, 30), TORONTO)

    assert earliest == local(2017, 3, 12, 3)


def test_quiet_hours_within_one_day_end_on_that_day() -> None:
    siesta = Courtesy(quiet_from=12, quiet_until=14)

    assert siesta.earliest(local(2017, 2, 20, 13), TORONTO) == local(2017, 2, 20, 14)
    assert not siesta.is_quiet(local(2017, 2, 20, 0), TORONTO)


@given(at=moments, hour=st.integers(0, 23))
def test_equal_hours_mean_never_quiet(at: datetime, hour: int) -> None:
    always = Courtesy(quiet_from=hour, quiet_until=hour)

    assert not always.is_quiet(at, TORONTO)
    assert always.earliest(at, TORONTO) == at


@settings(max_examples=150)
@given(at=st.one_of(moments, odd_nights), courtesy=courtesies)
def test_the_earliest_moment_is_never_quiet_never_past_and_less_than_a_day_off(
    at: datetime, courtesy: Courtesy
) -> None:
    earliest = courtesy.earliest(at, TORONTO)

    assert earliest >= at
    assert not courtesy.is_quiet(earliest, TORONTO)
    assert earliest - at <= timedelta(hours=25)
    assert courtesy.earliest(earliest, TORONTO) == earliest


@settings(max_examples=100)
@given(at=odd_nights)
def test_nobody_waits_longer_than_the_quiet_lasts(at: datetime) -> None:
    earliest = UNION.earliest(at, TORONTO)

    while (at := at + timedelta(minutes=20)) < earliest:
        assert UNION.is_quiet(at, TORONTO)


@given(due=moments, kind=st.sampled_from(sorted(JUST_ASKED)), to=st.uuids())
def test_what_was_just_asked_for_leaves_at_once_at_any_hour(due: datetime, kind: MailKind, to: object) -> None:
    assert send_at(kind, due=due, to=str(to), courtesy=UNION, zone=TORONTO) == due
    # That votes were recorded is said after the hour, to thousands in the last one: nobody waits for it.
    assert (lane(kind) is Lane.URGENT) is (kind is not MailKind.PARTICIPATION)


@settings(max_examples=150)
@given(due=moments, kind=st.sampled_from(sorted(set(MailKind) - JUST_ASKED)), to=st.uuids())
def test_anything_else_waits_for_the_morning_and_is_spread_within_bounds(
    due: datetime, kind: MailKind, to: object
) -> None:
    at = send_at(kind, due=due, to=str(to), courtesy=UNION, zone=TORONTO)

    assert at == send_at(kind, due=due, to=str(to), courtesy=UNION, zone=TORONTO)
    assert at >= due
    assert not UNION.is_quiet(at, TORONTO)
    start = UNION.earliest(due, TORONTO)
    if kind not in TO_EVERYBODY:
        assert at == start
    elif not UNION.is_quiet(start + UNION.spread, TORONTO):
        assert at < start + UNION.spread
    else:
        # An evening that ends within the spread: the rest of the crowd hears in the morning.
        assert at <= UNION.earliest(start + UNION.spread, TORONTO)


def test_a_crowd_is_spread_evenly() -> None:
    due = local(2017, 2, 20, 12)
    minutes = [
        (send_at(MailKind.VOTING_OPEN, due=due, to=f"member {n}", courtesy=UNION, zone=TORONTO) - due)
        // timedelta(minutes=1)
        for n in range(3000)
    ]

    assert set(minutes) == set(range(30))
    assert max(minutes.count(minute) for minute in range(30)) < 150


def test_two_notices_reach_one_person_after_different_waits() -> None:
    due = local(2017, 2, 20, 12)
    waits = {send_at(kind, due=due, to="one", courtesy=UNION, zone=TORONTO) for kind in TO_EVERYBODY}

    assert len(waits) == len(TO_EVERYBODY)


def test_a_reminder_goes_through_the_bulk_lane_since_the_campaigns_goes_to_thousands() -> None:
    assert lane(MailKind.REMINDER) is Lane.BULK


@pytest.mark.parametrize("kind", [MailKind.APPROVED, MailKind.REJECTED, MailKind.EXPIRED])
def test_what_a_member_waits_for_goes_through_the_urgent_lane(kind: MailKind) -> None:
    assert lane(kind) is Lane.URGENT
