"""What a campaign's calendar does: its notices are queued, its members' workflows are told of a change."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from temporalio import activity

from portal.rules.campaigns import Calendar, NoticeKind
from portal.rules.mail import Courtesy, MailKind, lane, send_at
from portal.store import Sessions, campaigns, journal, notices, onboarding

# Rows of one statement, and members told per page.
BATCH = 500
PAGE = 200
# Signals on their way at once.
AT_ONCE = 20


@dataclass(frozen=True)
class NoticeToQueue:
    campaign_id: UUID
    kind: NoticeKind
    mark: str
    due: datetime


@dataclass(frozen=True)
class CalendarToTell:
    campaign_id: UUID
    campaign_code: str
    calendar: Calendar


# Signals a newer version to one member's workflow; False when there is none. Given by the worker: activities
# know no workflow.
TellCalendar = Callable[[str, UUID, int], Awaitable[bool]]

MAIL_OF = {
    NoticeKind.INVITATION: MailKind.INVITATION,
    NoticeKind.BEFORE_OPENING: MailKind.REMINDER,
    NoticeKind.VOTING_OPEN: MailKind.VOTING_OPEN,
    NoticeKind.HALF_WAY: MailKind.NOT_YET_VOTED,
    NoticeKind.TWO_DAYS: MailKind.NOT_YET_VOTED,
    NoticeKind.FOUR_HOURS: MailKind.NOT_YET_VOTED,
    NoticeKind.CLOSED: MailKind.CLOSED,
    NoticeKind.CANCELLED: MailKind.CAMPAIGN_CANCELLED,
    NoticeKind.CLOSING_MOVED: MailKind.CLOSING_MOVED,
    NoticeKind.RESULTS: MailKind.RESULTS,
}


class CampaignActivities:
    """Everything that happens to everybody at one instant, as batches chosen by SQL at that moment."""

    def __init__(self, sessions: Sessions, courtesy: Courtesy, tell: TellCalendar) -> None:
        self.sessions = sessions
        self.courtesy = courtesy
        self.tell = tell

    @activity.defn
    async def read_calendar(self, campaign_id: UUID) -> Calendar:
        """The calendar of the records, written down as the one that the campaign's workflow now goes by."""
        async with self.sessions.begin() as session:
            campaign = await campaigns.by_id(session, campaign_id)
            if campaign is None:
                raise LookupError("no such campaign")
            await campaigns.heard(session, campaign.id, campaign.calendar_version)
            return campaign.calendar

    @activity.defn
    async def queue_notice(self, order: NoticeToQueue) -> int:
        """Queue one notice for everybody it concerns, a batch a commit; how many are new.

        The heartbeat carries the last member done, and every row has a key of its own: an attempt after a
        dead worker neither loses nor doubles a mail.
        """
        done = activity.info().heartbeat_details
        after = UUID(done[0]) if done else None
        queued = 0
        kind = MAIL_OF[order.kind]
        while True:
            async with self.sessions.begin() as session:
                campaign = await campaigns.by_id(session, order.campaign_id)
                assert campaign is not None, "a campaign is never deleted"
                people = await notices.concerned(session, campaign.id, order.kind, after=after, most=BATCH)
                rows = [
                    {
                        "key": f"{order.mark}:{order.campaign_id}:{person.member_id}",
                        "kind": kind.value,
                        "lane": lane(kind).value,
                        "account_id": person.account_id,
                        "campaign_id": order.campaign_id,
                        "facts": {"notice": order.kind.value},
                        "due_at": send_at(
                            kind,
                            due=max(order.due, datetime.now(UTC) - timedelta(seconds=1)),
                            to=str(person.member_id),
                            courtesy=self.courtesy,
                            zone=campaign.zone,
                        ),
                    }
                    for person in people
                ]
                queued += await notices.queue(session, order.kind, campaign.id, rows)
                if len(people) < BATCH:
                    await journal.write(
                        session, "notice-queued", actor=journal.SYSTEM, campaign_id=campaign.id,
                        code=order.mark, key=f"notice:{order.mark}:{campaign.id}",
                    )  # fmt: skip
                    return queued
            after = people[-1].member_id
            activity.heartbeat(str(after))

    @activity.defn
    async def tell_calendar(self, order: CalendarToTell) -> int:
        """Signal every open file that has not heard of this calendar; how many still have not.

        A file notes the calendar when its workflow has taken it up, so a signal that got lost is found by
        asking again. One that has no workflow any more reads the calendar when it is taken up: noted here.
        """
        done = activity.info().heartbeat_details
        after = UUID(done[0]) if done else None
        while True:
            async with self.sessions.begin() as session:
                page = await onboarding.with_old_calendar(
                    session, order.campaign_id, order.calendar.version, after=after, most=PAGE
                )
            for at in range(0, len(page), AT_ONCE):
                await self._tell_some(order, page[at : at + AT_ONCE])
                # An attempt after a dead worker goes on from here.
                activity.heartbeat(str(page[at : at + AT_ONCE][-1]))
            if len(page) < PAGE:
                break
            after = page[-1]
        async with self.sessions.begin() as session:
            left = await onboarding.with_old_calendar(
                session, order.campaign_id, order.calendar.version, after=None, most=PAGE
            )
        return len(left)

    async def _tell_some(self, order: CalendarToTell, members: list[UUID]) -> None:
        """All at once. One that cannot be told now is found by the next look; when none can, Temporal is away."""
        told = await asyncio.gather(
            *(self.tell(order.campaign_code, member_id, order.calendar.version) for member_id in members),
            return_exceptions=True,
        )
        failed = [answer for answer in told if isinstance(answer, BaseException)]
        if len(failed) == len(members):
            raise failed[0]
        gone = [member_id for member_id, answer in zip(members, told, strict=True) if answer is False]
        if not gone:
            return
        async with self.sessions.begin() as session:
            await onboarding.note_calendars(session, order.campaign_id, gone, order.calendar.version)
            if order.calendar.cancelled_at is not None:
                # Nobody is left to close them; what they hold of pictures is the sweep's.
                for member_id in gone:
                    await onboarding.end_file(session, order.campaign_id, member_id)
