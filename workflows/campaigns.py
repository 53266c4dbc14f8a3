"""The calendar of one campaign: what happens to everybody at one instant."""

from dataclasses import dataclass, field
from uuid import UUID

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.campaigns import CalendarToTell, CampaignActivities, NoticeToQueue
    from portal.rules.campaigns import Calendar, Notice, next_notice
    from workflows import HEARTBEAT_TIMEOUT, LONG_RETRY, LONG_TIMEOUT, SQL_TIMEOUT, details, records
    from workflows.alarm import Alarm


@dataclass(frozen=True)
class CampaignToRun:
    """`sent` and `told` are carried from one run to the next."""

    campaign_id: UUID
    code: str
    # Marks of the notices already queued.
    sent: list[str] = field(default_factory=list)
    # The calendar that every open file has heard of.
    told: int = 0


@workflow.defn
class CampaignWorkflow:
    """Waits for the next instant of the calendar and queues its notice for everybody it concerns, in batches.

    No member has a timer for these instants: 25,000 notices are some fifty statements, whose rows the relay
    sends.
    """

    @workflow.init
    def __init__(self, order: CampaignToRun) -> None:
        self.order = order
        self.sent = set(order.sent)
        self.told = order.told
        self.calendar: Calendar | None = None
        # The newest version anybody has spoken of since the records were last asked.
        self.heard = 0
        self.alarm = Alarm()
        # Seconds between two looks at files that have not taken a calendar up.
        self.patience = 1

    @workflow.run
    async def run(self, order: CampaignToRun) -> None:
        await self._read_calendar()
        while True:
            calendar = self._known()
            notice = next_notice(calendar, sent=frozenset(self.sent), at=workflow.now())
            self._tell(notice)
            if self.heard > calendar.version:
                await self._read_calendar()
            elif workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(CampaignToRun(order.campaign_id, order.code, sorted(self.sent), self.told))
            elif notice is not None and notice.due <= workflow.now():
                # Before the files: one that does not take the calendar up must not hold up anybody's notice.
                await self._queue(notice)
            elif self.told < calendar.version:
                await self._tell_members(calendar)
            elif calendar.ends <= workflow.now():
                return
            else:
                until = calendar.ends if notice is None else min(notice.due, calendar.ends)
                self.alarm.arm(until, "next notice" if notice is None else f"next notice: {notice.kind}")
                await workflow.wait_condition(
                    lambda: self.heard > calendar.version or not self.alarm.early_enough_for(until)  # noqa: B023
                )

    @workflow.signal
    def calendar_changed(self, version: int) -> None:
        """The records hold a newer calendar."""
        self.heard = max(self.heard, version)

    async def _read_calendar(self) -> None:
        # What is heard while they are read is asked for again; a version they do not hold is forgotten.
        self.heard = 0
        self.calendar = await records.write(
            CampaignActivities.read_calendar, self.order.campaign_id, "read the calendar"
        )

    async def _tell_members(self, calendar: Calendar) -> None:
        """Until no open file goes by an older calendar; a signal on its way is given a moment."""
        left = await self._look_and_tell(calendar)
        if not left and calendar.version > 1:
            # A file being opened while the calendar moved may have read the old one: by then it is written.
            await workflow.sleep(SQL_TIMEOUT, summary="let files being opened be written")
            left = await self._look_and_tell(calendar)
        if left:
            self.patience = min(self.patience * 2, 60)
            await workflow.sleep(self.patience, summary="let the files take it up")
        else:
            self.patience = 1
            self.told = calendar.version

    async def _look_and_tell(self, calendar: Calendar) -> int:
        return await workflow.execute_activity_method(
            CampaignActivities.tell_calendar,
            CalendarToTell(self.order.campaign_id, self.order.code, calendar),
            start_to_close_timeout=LONG_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=LONG_RETRY,
            summary=f"tell every open file of calendar {calendar.version}",
        )

    async def _queue(self, notice: Notice) -> None:
        await workflow.execute_activity_method(
            CampaignActivities.queue_notice,
            NoticeToQueue(self.order.campaign_id, notice.kind, notice.mark, notice.due),
            start_to_close_timeout=LONG_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=LONG_RETRY,
            summary=f"notice to everybody: {notice.kind}",
        )
        self.sent.add(notice.mark)

    def _known(self) -> Calendar:
        assert self.calendar is not None, "the calendar is read before anything else"
        return self.calendar

    def _tell(self, notice: Notice | None) -> None:
        calendar = self._known()
        workflow.set_current_details(
            details.of_campaign(self.order.code, calendar, told=self.told, queued=len(self.sent), notice=notice)
        )
