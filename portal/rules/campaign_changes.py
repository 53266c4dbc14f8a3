"""What may change in a campaign, and what a change does to the notices that were sent or are to come."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from zoneinfo import ZoneInfo

from portal.rules.campaigns import Calendar, Notice, NoticeKind, notices
from portal.rules.refusals import Refusal


class ChangeKind(StrEnum):
    """What two officers do together."""

    OPEN = "open"
    MOVE = "move"
    CANCEL = "cancel"
    WORDS = "words"
    # What follows: the key before the vote, the rest after it.
    KEY = "key"
    SEAL = "seal"
    RESULTS = "results"
    HOLD = "hold"
    RELEASE = "release"
    DESTROYED = "destroyed"


# What a move can be about, in the order of a calendar.
INSTANTS = ("registration_opens", "opens", "closes", "ends")

_CODE = re.compile(r"[a-z0-9][a-z0-9-]{1,39}\Z")
_TIME = re.compile(r"([01]?\d|2[0-3])\s*[:hH]\s*([0-5]\d)\Z")


def usable_code(typed: str) -> bool:
    """A code stands in addresses and in the ids of workflows: plain letters, digits and hyphens."""
    return _CODE.match(typed) is not None


def instant(day: str, month: str, year: str, clock: str, zone: ZoneInfo) -> datetime | Refusal:
    """A date and a time as they were typed, local to the campaign, in UTC.

    In March an hour is missing and in November one comes twice: neither is guessed at.
    """
    try:
        on = date(int(year), int(month), int(day))
    except ValueError:
        return Refusal.DATE_UNREADABLE
    if not 2000 <= on.year <= 2100:
        return Refusal.DATE_UNREADABLE
    match = _TIME.match(clock.replace("\N{NO-BREAK SPACE}", " ").strip())
    if match is None:
        return Refusal.TIME_UNREADABLE
    local = datetime.combine(on, time(int(match[1]), int(match[2])), zone)
    if local.astimezone(UTC).astimezone(zone).replace(fold=0) != local:
        return Refusal.TIME_SKIPPED
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        return Refusal.TIME_TWICE
    return local.astimezone(UTC)


def may_move(old: Calendar, new: Calendar, *, at: datetime) -> dict[str, Refusal]:
    """Why the instants of a campaign cannot become these, each with its reason; empty when they can.

    What has happened is not moved, what is to come is moved into the future, and a closing only later; so is the end
    once people vote.
    """
    no: dict[str, Refusal] = {}
    for name in INSTANTS:
        was, wanted = getattr(old, name), getattr(new, name)
        if was == wanted:
            continue
        if was <= at:
            no[name] = Refusal.ALREADY_HAPPENED
        elif wanted <= at:
            no[name] = Refusal.INSTANT_PASSED
        elif name == "closes" and wanted < was:
            no[name] = Refusal.CLOSING_ONLY_LATER
        elif name == "ends" and wanted < was and old.opens <= at:
            # Whoever votes provisionally was told until when that is settled.
            no[name] = Refusal.END_ONLY_LATER
    return no or out_of_order(new)


def applies_before(
    kind: ChangeKind, wanted: Mapping[str, object], calendar: Calendar, *, has_key: bool
) -> datetime | None:
    """From when on a change that is proposed can no longer be made, as the records refuse it; None if no instant
    decides that."""
    if kind in (ChangeKind.OPEN, ChangeKind.WORDS):
        return calendar.opens
    if kind is ChangeKind.KEY:
        return calendar.opens if has_key else calendar.closes
    if kind is not ChangeKind.MOVE:
        return None
    # What has happened is not moved, and nothing is moved to what is past by then.
    moved = [name for name in INSTANTS if name in wanted]
    now: list[datetime] = [getattr(calendar, name) for name in moved]
    new = [datetime.fromisoformat(str(wanted[name])) for name in moved]
    return min([*now, *new, calendar.ends])


def out_of_order(calendar: Calendar) -> dict[str, Refusal]:
    """The first instant that comes before the one it follows."""
    c = calendar
    if c.opens < c.registration_opens:
        return {"opens": Refusal.DATES_OUT_OF_ORDER}
    if c.closes <= c.opens:
        return {"closes": Refusal.DATES_OUT_OF_ORDER}
    if c.ends < c.closes:
        return {"ends": Refusal.DATES_OUT_OF_ORDER}
    return {}


# --- what a change does


class Fate(StrEnum):
    """What becomes of one notice to everybody."""

    # Sent, and nothing more is said of it.
    SENT = "sent"
    # To come, at the same instant as before.
    SAME = "same"
    # To come, at another instant.
    MOVED = "moved"
    # Was not to come, and is now.
    NEW = "new"
    # Was sent of the old instant, and is sent again of the new one.
    AGAIN = "again"
    # Was to come, and no longer is.
    DROPPED = "dropped"


# The fates that somebody will notice.
FELT = frozenset({Fate.MOVED, Fate.NEW, Fate.AGAIN, Fate.DROPPED})


@dataclass(frozen=True, slots=True)
class Effect:
    """One kind of notice before and after; None where it was not or will not be."""

    kind: NoticeKind
    fate: Fate
    was: datetime | None
    will: datetime | None


def effects(old: Calendar, new: Calendar, *, sent: Collection[str], at: datetime) -> list[Effect]:
    """What a change of the calendar does to each kind of notice, each once, in the order of a campaign."""
    before = {n.kind: n for n in notices(old)}
    after = {n.kind: n for n in notices(new)}
    return [
        effect
        for kind in NoticeKind
        if (effect := _effect(kind, before.get(kind), after.get(kind), sent=sent, at=at)) is not None
    ]


def _effect(
    kind: NoticeKind, was: Notice | None, will: Notice | None, *, sent: Collection[str], at: datetime
) -> Effect | None:
    told = any(mark.partition("@")[0] == kind.value for mark in sent)
    coming = will is not None and will.mark not in sent and at < will.until
    due = None if was is None else was.due
    if coming:
        assert will is not None
        if told:
            return Effect(kind, Fate.AGAIN, due, will.due)
        if was is None or at >= was.until:
            return Effect(kind, Fate.NEW, None, will.due)
        return Effect(kind, Fate.SAME if was.due == will.due else Fate.MOVED, was.due, will.due)
    if told:
        return Effect(kind, Fate.SENT, due, None)
    if was is not None and at < was.until:
        return Effect(kind, Fate.DROPPED, was.due, None)
    return None
