"""Whom a change of a campaign would touch, counted from the records at this moment."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, select

from portal.rules.campaign_changes import FELT, Effect, Fate, effects
from portal.rules.campaigns import Calendar, NoticeKind
from portal.rules.campaigns import notices as planned
from portal.rules.onboarding import MEMBERS_TURN, DeadlineKind, Step, nearest_deadline
from portal.store import Session, notices
from portal.store.ballots import Registration
from portal.store.journal import Entry
from portal.store.mail import Mail
from portal.store.onboarding import File


@dataclass(frozen=True, slots=True)
class Touched:
    """One kind of notice, and how many people it concerns now; None where nobody will notice anything."""

    effect: Effect
    people: int | None


@dataclass(frozen=True, slots=True)
class Effects:
    """What a move or a cancelling does to others."""

    notices: list[Touched]
    # Members' own reminders that would be sent and are not now, and the other way round.
    reminders_more: int
    reminders_less: int
    # Mails that wait in the outbox and will not leave.
    mails_withheld: int
    # Files whose workflow is told.
    files: int

    @property
    def reminders_moved(self) -> int:
        """Reminders of a missing step that everybody gets before the opening, at another moment."""
        return sum(
            t.people or 0
            for t in self.notices
            if t.effect.kind is NoticeKind.BEFORE_OPENING and t.effect.fate is Fate.MOVED
        )


async def sent(session: Session, campaign_id: UUID) -> dict[str, datetime]:
    """The marks of the notices that were queued, and when."""
    rows = await session.execute(
        select(Entry.code, Entry.at).where(Entry.campaign_id == campaign_id, Entry.action == "notice-queued")
    )
    return {code: at for code, at in rows if code is not None}


async def of_change(session: Session, campaign_id: UUID, old: Calendar, new: Calendar, *, at: datetime) -> Effects:
    told = await sent(session, campaign_id)
    touched = []
    for effect in effects(old, new, sent=told.keys(), at=at):
        people = await notices.count(session, campaign_id, effect.kind) if effect.fate in FELT else None
        touched.append(Touched(effect, people))
    more, less = await _own_reminders(session, campaign_id, old, new, at)
    return Effects(
        touched,
        reminders_more=more,
        reminders_less=less,
        mails_withheld=await _withheld(session, campaign_id, new),
        files=await open_files(session, campaign_id),
    )


async def open_files(session: Session, campaign_id: UUID) -> int:
    statement = select(func.count()).where(File.campaign_id == campaign_id, File.ended_at.is_(None))
    return await session.scalar(statement) or 0


async def registered(session: Session, ballot_ids: Collection[UUID]) -> dict[UUID, int]:
    """How many people have registered for each of these ballots."""
    rows = await session.execute(
        select(Registration.ballot_id, func.count())
        .where(Registration.ballot_id.in_(ballot_ids))
        .group_by(Registration.ballot_id)
    )
    return {row[0]: row[1] for row in rows}


async def _own_reminders(
    session: Session, campaign_id: UUID, old: Calendar, new: Calendar, at: datetime
) -> tuple[int, int]:
    """A member's own reminder counts from their last step, and is only sent before the closing."""
    rows = await session.execute(
        select(File.step, File.last_step_at, File.reminded, File.reminders_in_all).where(
            File.campaign_id == campaign_id,
            File.ended_at.is_(None),
            File.step.in_([step.value for step in MEMBERS_TURN]),
        )
    )
    tally: Counter[tuple[bool, bool]] = Counter()
    for step, last_step_at, reminded, in_all in rows:
        will = [_is_reminded(calendar, Step(step), last_step_at, reminded, in_all, at) for calendar in (old, new)]
        tally[will[0], will[1]] += 1
    return tally[False, True], tally[True, False]


def _is_reminded(
    calendar: Calendar, step: Step, last_step_at: datetime, reminded: int, in_all: int, at: datetime
) -> bool:
    if calendar.cancelled_at is not None:
        return False
    deadline = nearest_deadline(
        step=step, last_step_at=last_step_at, reminded=reminded, reminders_in_all=in_all, submitted_at=None,
        closes=calendar.closes, ends=max(calendar.ends, at),
    )  # fmt: skip
    return deadline.kind is DeadlineKind.REMINDER and deadline.at > at


async def _withheld(session: Session, campaign_id: UUID, new: Calendar) -> int:
    """Notices queued and not sent whose mark the new calendar does not have: they speak of what is no longer true."""
    mark = func.split_part(Mail.key, ":", 1)
    waiting = and_(
        Mail.campaign_id == campaign_id, Mail.sent_at.is_(None), Mail.cancelled_at.is_(None), Mail.failed_at.is_(None)
    )
    statement = select(func.count()).select_from(Mail).where(waiting)
    if new.cancelled_at is None:
        kept = [notice.mark for notice in planned(new)]
        statement = statement.where(mark.like("%@%"), mark.not_in(kept))
    else:
        statement = statement.where(Mail.facts.has_key("notice"))
    return await session.scalar(statement) or 0
