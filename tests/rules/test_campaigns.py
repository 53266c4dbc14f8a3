"""The calendar of 2017 gives the notices of 2017, and a moved one gives them again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.rules.campaigns import Calendar, NoticeKind, next_notice, notices

TORONTO = ZoneInfo("America/Toronto")

# Voting from 20 February 00:00 to 3 March 16:00 HNE.
OF_2017 = Calendar(
    version=1,
    registration_opens=datetime(2017, 2, 3, 9, tzinfo=TORONTO).astimezone(UTC),
    opens=datetime(2017, 2, 20, 0, tzinfo=TORONTO).astimezone(UTC),
    closes=datetime(2017, 3, 3, 16, tzinfo=TORONTO).astimezone(UTC),
    ends=datetime(2017, 3, 17, 16, tzinfo=TORONTO).astimezone(UTC),
)


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    length = st.timedeltas(timedelta(0), timedelta(days=40))
    first = draw(st.datetimes(datetime(2016, 1, 1), datetime(2030, 1, 1))).replace(tzinfo=UTC)  # noqa: DTZ001
    opens = first + draw(length)
    closes = opens + draw(length) + timedelta(seconds=1)
    return Calendar(1, first, opens, closes, closes + draw(length))


def short(window: timedelta) -> list[NoticeKind]:
    calendar = replace(OF_2017, closes=OF_2017.opens + window, ends=OF_2017.opens + window + timedelta(days=14))
    return [notice.kind for notice in notices(calendar)]


def test_the_calendar_of_2017_gives_its_instants_in_utc() -> None:
    assert OF_2017.closes == datetime(2017, 3, 3, 21, tzinfo=UTC)
    assert [(n.kind, n.due, n.until) for n in notices(OF_2017)] == [
        (NoticeKind.INVITATION, datetime(2017, 2, 3, 14, tzinfo=UTC), datetime(2017, 3, 3, 21, tzinfo=UTC)),
        (
            NoticeKind.BEFORE_OPENING,
            datetime(2017, 2, 17, 5, tzinfo=UTC),
            datetime(2017, 2, 20, 5, tzinfo=UTC),
        ),
        (NoticeKind.VOTING_OPEN, datetime(2017, 2, 20, 5, tzinfo=UTC), datetime(2017, 3, 3, 21, tzinfo=UTC)),
        (NoticeKind.HALF_WAY, datetime(2017, 2, 26, 1, tzinfo=UTC), datetime(2017, 3, 1, 21, tzinfo=UTC)),
        (NoticeKind.TWO_DAYS, datetime(2017, 3, 1, 21, tzinfo=UTC), datetime(2017, 3, 3, 17, tzinfo=UTC)),
        (NoticeKind.FOUR_HOURS, datetime(2017, 3, 3, 17, tzinfo=UTC), datetime(2017, 3, 3, 21, tzinfo=UTC)),
        (NoticeKind.CLOSED, datetime(2017, 3, 3, 21, tzinfo=UTC), datetime(2017, 3, 17, 20, tzinfo=UTC)),
    ]


@pytest.mark.parametrize(
    ("window", "during"),
    [
        (timedelta(days=12), [NoticeKind.HALF_WAY, NoticeKind.TWO_DAYS, NoticeKind.FOUR_HOURS]),
        # Half-way would come after «two days left»: it is not said at all.
        (timedelta(days=3), [NoticeKind.TWO_DAYS, NoticeKind.FOUR_HOURS]),
        (timedelta(days=2), [NoticeKind.FOUR_HOURS]),
        (timedelta(hours=6), [NoticeKind.FOUR_HOURS]),
        (timedelta(hours=4), []),
        (timedelta(minutes=5), []),
    ],
)
def test_a_short_window_drops_notices_that_would_overlap(window: timedelta, during: list[NoticeKind]) -> None:
    assert short(window)[2:] == [NoticeKind.VOTING_OPEN, *during, NoticeKind.CLOSED]


def test_a_late_registration_drops_the_reminder_before_the_opening() -> None:
    late = replace(OF_2017, registration_opens=OF_2017.opens - timedelta(days=2))

    assert [n.kind for n in notices(late)][:2] == [NoticeKind.INVITATION, NoticeKind.VOTING_OPEN]


@given(calendar=calendars())
def test_notices_come_in_order_within_the_campaign_and_never_overlap(calendar: Calendar) -> None:
    planned = notices(calendar)

    assert [n.due for n in planned] == sorted(n.due for n in planned)
    assert len({n.mark for n in planned}) == len(planned)
    for notice in planned:
        assert calendar.registration_opens <= notice.due < notice.until <= calendar.ends
    reminding = [n for n in planned if n.kind in (NoticeKind.HALF_WAY, NoticeKind.TWO_DAYS, NoticeKind.FOUR_HOURS)]
    for earlier, later in pairwise(reminding):
        assert earlier.until <= later.due
    assert all(calendar.opens < n.due < calendar.closes for n in reminding)


@given(calendar=calendars())
def test_everybody_is_always_invited_and_told_of_the_opening(calendar: Calendar) -> None:
    kinds = {n.kind for n in notices(calendar)}

    assert {NoticeKind.INVITATION, NoticeKind.VOTING_OPEN} <= kinds
    assert (NoticeKind.CLOSED in kinds) == (calendar.closes < calendar.ends)


def test_a_moved_closing_gives_new_marks_to_what_speaks_of_it() -> None:
    later = replace(
        OF_2017, version=2, closes=OF_2017.closes + timedelta(days=3), ends=OF_2017.ends + timedelta(days=3)
    )
    before = {n.kind: n.mark for n in notices(OF_2017)}
    after = {n.kind: n.mark for n in notices(later)}

    kept = {kind for kind in before if before[kind] == after[kind]}

    assert kept == {NoticeKind.INVITATION, NoticeKind.BEFORE_OPENING, NoticeKind.VOTING_OPEN}


def test_an_invitation_is_never_repeated_however_the_calendar_moves() -> None:
    moved = Calendar(
        9,
        *(at + timedelta(days=5) for at in (OF_2017.registration_opens, OF_2017.opens, OF_2017.closes, OF_2017.ends)),
    )

    assert notices(moved)[0].mark == notices(OF_2017)[0].mark == "invitation"


def test_the_next_notice_skips_what_is_sent_and_what_has_passed() -> None:
    planned = notices(OF_2017)
    in_february = datetime(2017, 2, 28, tzinfo=UTC)

    invitation = next_notice(OF_2017, sent=frozenset(), at=OF_2017.registration_opens)
    # A campaign set up late: nobody is told «it opens in three days» after it has opened.
    late = next_notice(OF_2017, sent=frozenset({"invitation"}), at=in_february)
    left = next_notice(OF_2017, sent=frozenset(n.mark for n in planned[:4]), at=in_february)

    assert invitation == planned[0]
    assert late is not None
    assert late.kind is NoticeKind.VOTING_OPEN
    assert left is not None
    assert left.kind is NoticeKind.TWO_DAYS


def test_a_notice_is_pointless_from_its_end_on_that_instant_included() -> None:
    sent = frozenset(n.mark for n in notices(OF_2017) if n.kind is not NoticeKind.FOUR_HOURS)
    instant = timedelta(microseconds=1)

    assert next_notice(OF_2017, sent=sent, at=OF_2017.closes) is None
    last = next_notice(OF_2017, sent=sent, at=OF_2017.closes - instant)
    assert last is not None
    assert last.kind is NoticeKind.FOUR_HOURS


@given(calendar=calendars())
def test_sending_one_after_the_other_comes_to_an_end(calendar: Calendar) -> None:
    sent: set[str] = set()
    at = calendar.registration_opens
    while (notice := next_notice(calendar, sent=frozenset(sent), at=at)) is not None:
        at = max(at, notice.due)
        sent.add(notice.mark)
        assert len(sent) <= len(NoticeKind)

    assert sent == {n.mark for n in notices(calendar)}
