"""The calendar file says the same instants as the portal, whatever the clocks do in between."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Alarm, Calendar, Event

from portal.text import LANGUAGES, calendar_file

TORONTO = ZoneInfo("America/Toronto")
# The clocks of 2027 go forward on 14 March.
OPENS = datetime(2027, 3, 8, 0, 0, tzinfo=TORONTO)
CLOSES = datetime(2027, 3, 15, 16, 0, tzinfo=TORONTO)
AT = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)


def events(language: str = "fr", *, title: str = "Votes de 2027", version: int = 1) -> list[Event]:
    content = calendar_file(
        code="2027", title=title, version=version, opens=OPENS.astimezone(UTC), closes=CLOSES.astimezone(UTC), at=AT,
        url="https://portail.exemple.test/fr/votes", language=language,
    )  # fmt: skip
    calendar = Calendar.from_ical(content)
    assert isinstance(calendar, Calendar)
    assert calendar.method == "PUBLISH"
    assert len(calendar.events) == 2
    return calendar.events


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_instants_are_those_of_the_campaign_across_the_change_of_clocks(language: str) -> None:
    opening, closing = events(language)
    assert opening.start == opening.end == OPENS
    assert closing.start == CLOSES
    assert b"T050000Z" in opening.to_ical(), "midnight in winter"
    assert b"T200000Z" in closing.to_ical(), "four o'clock in summer: an hour earlier in UTC than the week before"
    assert isinstance(closing.start, datetime)
    assert closing.start.astimezone(TORONTO).hour == 16


def test_the_reminder_comes_a_day_before_the_closing_only() -> None:
    opening, closing = events()
    assert not opening.walk("VALARM")
    (alarm,) = closing.walk("VALARM")
    assert isinstance(alarm, Alarm)
    assert alarm.ACTION == "DISPLAY"
    reminded = alarm.TRIGGER
    assert reminded == timedelta(days=-1)


def test_a_newer_file_moves_what_an_older_one_put() -> None:
    """The same two ids in both languages, and a sequence that grows with the calendar."""
    first, moved, english = events(), events(version=4), events("en")
    ids = [event.uid for event in first]
    assert len(set(ids)) == 2
    assert ids == [event.uid for event in moved] == [event.uid for event in english]
    assert [event.sequence for event in first] == [1, 1]
    assert [event.sequence for event in moved] == [4, 4]
    assert first[0].summary != english[0].summary


def test_a_hostile_title_stays_a_title() -> None:
    """T30: no line of its own in the file."""
    title = "Votes\r\nEND:VEVENT\r\nBEGIN:VEVENT\nX;Y,Z\\ é " * 20
    opening, _ = events(title=title)
    assert str(opening.summary).replace("\r", "") == f"Le vote ouvre\u00a0: {title}".replace("\r", "")
