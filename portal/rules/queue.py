"""The order in which cases are handed out: what would miss its day first, then whoever has waited longest.

A case must be decided before the vote closes (or, of somebody who has voted already, before that vote is settled),
before the day that was promised for an appeal, and before it expires undecided. It is at risk when that is within 72
hours, or sooner than the queue would be empty at the pace that the forecast goes by. Of cases at risk the nearest day
comes first; of the same day, those who were asked for a better photo, who have less time left to try again; then age.
"""

from datetime import datetime, timedelta
from enum import IntEnum

from portal.rules.decisions import APPEAL_ANSWERED_WITHIN
from portal.rules.forecast import DAY, pace_of
from portal.rules.identity import UNDECIDED_FOR

SOON = timedelta(hours=72)
# No queue is looked at further ahead than a case lives.
FURTHEST = UNDECIDED_FOR

# How many cases one reviewer opens in an hour before somebody else hears of it (security-tests.md T49).
MANY_IN_AN_HOUR = 30


class Risk(IntEnum):
    NONE = 0
    # At the present pace its turn would come too late.
    PACE = 1
    SOON = 2


def due(
    submitted_at: datetime, closes: datetime, now: datetime, *, appeal: bool, settled_by: datetime | None = None
) -> datetime:
    """When a case must be decided at the latest. A vote that is over makes nothing more urgent but a provisional one.

    `settled_by` is when the provisional vote of who sent it is to be settled, if there is one: that day stays when it
    has passed.
    """
    days = [submitted_at + UNDECIDED_FOR]
    if settled_by is not None:
        days.append(settled_by)
    elif closes > now:
        days.append(closes)
    if appeal:
        days.append(submitted_at + APPEAL_ANSWERED_WITHIN)
    return min(days)


def time_needed(waiting: int, decided_day: int, decided_week: int) -> timedelta:
    """How long emptying the queue takes at that pace; nothing is known of a week without decisions."""
    pace = pace_of(decided_day, decided_week)
    return timedelta(0) if pace is None else min(DAY * waiting / pace, FURTHEST)


def risk(due_at: datetime, now: datetime, needed: timedelta) -> Risk:
    if due_at <= now + SOON:
        return Risk.SOON
    return Risk.PACE if due_at <= now + needed else Risk.NONE


def order(
    submitted_at: datetime, due_at: datetime, attempt: int, now: datetime, needed: timedelta
) -> tuple[int, datetime, bool, datetime]:
    """The key that the queue is sorted by; `portal/store/queue.py` says the same in SQL."""
    how = risk(due_at, now, needed)
    return -how, due_at if how else now, attempt == 1, submitted_at
