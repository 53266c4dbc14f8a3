"""When the queue of today is empty, and until when documents received are surely decided before the closing.

A promise to members, hence cautious at every turn: the slower of two paces, arrivals at the faster of two, a queue that
is never expected to shrink by itself, and a day in hand.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
WEEK = 7
# In hand: a reviewer who is ill, a night, the case that needs a second look.
MARGIN = DAY
# What is promised while nobody has decided anything yet, in working days (2017: « dans les cinq jours »).
PROMISED_WORKING_DAYS = 5


@dataclass(frozen=True, slots=True)
class Flow:
    """What the records say of a campaign's queue: counts of the last day and of the last seven."""

    waiting: int
    decided_day: int
    decided_week: int
    arrived_day: int
    arrived_week: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What follows from it, at the moment it was asked."""

    waiting: int
    # Decisions per day; None while nothing is known.
    pace: float | None
    # When today's queue is empty at this pace.
    empty_at: datetime | None
    # Documents received until then are decided before the closing; None: nothing can be promised any more.
    guaranteed_until: datetime | None


def pace_of(decided_day: int, decided_week: int) -> float | None:
    """Decisions a day: the slower of yesterday and the week, and at least one once there has been any.

    A day counts for no less than half the week's pace: after a Sunday without decisions nothing would be promised to
    anybody until Monday evening, and the week has that Sunday in it already.
    """
    if decided_week < 1:
        return None
    week = decided_week / WEEK
    return max(1.0, min(week, max(float(decided_day), week / 2)))


def forecast(flow: Flow, *, at: datetime, closes: datetime, zone: ZoneInfo) -> Forecast:
    pace = pace_of(flow.decided_day, flow.decided_week)
    if pace is None:
        until = working_days_before(closes, PROMISED_WORKING_DAYS, zone)
        return Forecast(flow.waiting, None, None, until if at <= until < closes else None)
    empty_at = at + DAY * (flow.waiting / pace)
    return Forecast(flow.waiting, pace, empty_at, _guaranteed(flow, pace, at=at, closes=closes))


def _guaranteed(flow: Flow, pace: float, *, at: datetime, closes: datetime) -> datetime | None:
    """The last arrival whose turn comes, one case after the other, a margin before the closing.

    Whoever arrives after x days finds today's queue and what it has grown by. It never shrinks here: a quiet day may be
    followed by a rush. So x + (waiting + 1 + growth * x) / pace + margin must fit before the closing.
    """
    arriving = max(float(flow.arrived_day), flow.arrived_week / WEEK)
    growth = max(0.0, arriving - pace)
    room = (closes - at - MARGIN) / DAY - (flow.waiting + 1) / pace
    if room < 0:
        return None
    until = at + DAY * (room / (1 + growth / pace))
    # A whole hour is easier to keep in mind, and earlier is safer.
    hour = until.replace(minute=0, second=0, microsecond=0)
    return hour if hour >= at else until


def working_days_before(instant: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same hour so many working days earlier; nobody counts on a Saturday or a Sunday."""
    local = instant.astimezone(zone)
    left = days
    while left:
        local -= DAY
        if local.weekday() < 5:
            left -= 1
    return local.astimezone(instant.tzinfo)


@dataclass(frozen=True, slots=True)
class Promise:
    """What was last said to members, and when."""

    until: datetime | None
    said_at: datetime


def kept(promise: Promise | None, now: Forecast, *, at: datetime, zone: ZoneInfo) -> Forecast:
    """What was promised in the morning stands until midnight, or moves later; the next day it is said as it is."""
    if promise is None or promise.until is None:
        return now
    same_day = promise.said_at.astimezone(zone).date() == at.astimezone(zone).date()
    if not same_day or (now.guaranteed_until is not None and now.guaranteed_until >= promise.until):
        return now
    return replace(now, guaranteed_until=promise.until if promise.until >= at else None)
