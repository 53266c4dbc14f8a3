"""A campaign's calendar, and the notices that everybody gets at one instant of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Calendar:
    """The instants of a campaign, all in UTC; `version` grows by one with every change.

    `ends` is when the file of every member is closed, after whatever was still under review at the closing.
    """

    version: int
    registration_opens: datetime
    opens: datetime
    closes: datetime
    ends: datetime
    # A cancelled campaign ends at this instant.
    cancelled_at: datetime | None = None
    # The results are out since this instant; a closing that was announced was moved at that one.
    results_at: datetime | None = None
    closing_moved_at: datetime | None = None


class CampaignStatus(StrEnum):
    """A draft is seen by staff only."""

    DRAFT = "draft"
    OPEN = "open"
    CANCELLED = "cancelled"


class NoticeKind(StrEnum):
    INVITATION = "invitation"
    BEFORE_OPENING = "before-opening"
    VOTING_OPEN = "voting-open"
    HALF_WAY = "half-way"
    TWO_DAYS = "two-days"
    FOUR_HOURS = "four-hours"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    CLOSING_MOVED = "closing-moved"
    RESULTS = "results"


# To whoever has a vote left.
NOT_YET_VOTED = frozenset({NoticeKind.HALF_WAY, NoticeKind.TWO_DAYS, NoticeKind.FOUR_HOURS})
# How long after it was cancelled, or its results are out, a campaign still says so.
SAID_FOR = timedelta(days=30)
# Told about a missing step before the opening.
BEFORE_OPENING = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice to everybody: due at `due`, pointless from `until` on.

    `mark` names the instant it speaks of. A moved closing gives new marks, so what was said of the old one is said
    again of the new one; an invitation speaks of no instant and is never repeated.
    """

    kind: NoticeKind
    due: datetime
    until: datetime
    mark: str


def _mark(kind: NoticeKind, instant: datetime | None) -> str:
    return kind.value if instant is None else f"{kind.value}@{int(instant.timestamp())}"


def notices(calendar: Calendar) -> list[Notice]:
    """Every notice of a campaign in order; a short window drops those that would overlap."""
    c = calendar
    if c.cancelled_at is not None:
        at = c.cancelled_at
        return [Notice(NoticeKind.CANCELLED, at, at + SAID_FOR, _mark(NoticeKind.CANCELLED, None))]
    half = c.opens + (c.closes - c.opens) / 2
    two_days = c.closes - timedelta(hours=48)
    four_hours = c.closes - timedelta(hours=4)
    plan = [
        Notice(NoticeKind.INVITATION, c.registration_opens, c.closes, _mark(NoticeKind.INVITATION, None)),
        Notice(
            NoticeKind.BEFORE_OPENING, c.opens - BEFORE_OPENING, c.opens,
            _mark(NoticeKind.BEFORE_OPENING, c.opens),
        ),
        Notice(NoticeKind.VOTING_OPEN, c.opens, c.closes, _mark(NoticeKind.VOTING_OPEN, c.opens)),
        Notice(NoticeKind.HALF_WAY, half, min(two_days, four_hours), _mark(NoticeKind.HALF_WAY, c.closes)),
        Notice(NoticeKind.TWO_DAYS, two_days, four_hours, _mark(NoticeKind.TWO_DAYS, c.closes)),
        Notice(NoticeKind.FOUR_HOURS, four_hours, c.closes, _mark(NoticeKind.FOUR_HOURS, c.closes)),
        Notice(NoticeKind.CLOSED, c.closes, c.ends, _mark(NoticeKind.CLOSED, c.closes)),
    ]  # fmt: skip
    first = {NoticeKind.INVITATION, NoticeKind.VOTING_OPEN, NoticeKind.CLOSED}
    kept = [
        n for n in plan
        if n.due < n.until and (n.kind in first or c.registration_opens <= n.due) and (
            n.kind not in NOT_YET_VOTED or n.due > c.opens
        )
    ]  # fmt: skip
    if c.closing_moved_at is not None and c.closing_moved_at < c.closes:
        # Speaks of the new closing: one that moves again is told again.
        mark = _mark(NoticeKind.CLOSING_MOVED, c.closes)
        kept.append(Notice(NoticeKind.CLOSING_MOVED, c.closing_moved_at, c.closes, mark))
    if c.results_at is not None:
        # Also when the files of the members are closed by then: this is for the whole roll.
        mark = _mark(NoticeKind.RESULTS, c.results_at)
        kept.append(Notice(NoticeKind.RESULTS, c.results_at, c.results_at + SAID_FOR, mark))
    return sorted(kept, key=lambda n: n.due)


def still_true(mark: str, calendar: Calendar) -> bool:
    """Whether a notice that was queued under this mark speaks of an instant that the calendar still has."""
    return mark in {notice.mark for notice in notices(calendar)}


def next_notice(calendar: Calendar, *, sent: frozenset[str], at: datetime) -> Notice | None:
    """The earliest notice neither sent nor past its point; due now if its instant is already behind us."""
    for notice in notices(calendar):
        if notice.mark not in sent and at < notice.until:
            return notice
    return None
