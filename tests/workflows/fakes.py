"""The records of one member and one campaign, in memory: each activity under the name of the real one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.accounts import UseLink
from activities.ballots import RegisterFor
from activities.campaigns import CalendarToTell, NoticeToQueue
from activities.identity import (
    OUTCOMES,
    Applied,
    ApplyDecision,
    CloseSubmission,
    Erased,
    LateAppeal,
    SubmissionOf,
    Submitted,
)  # fmt: skip
from activities.onboarding import FileOf, FileState, Outcome, Remind, StepOrder
from portal.rules.campaigns import Calendar
from portal.rules.identity import OVER, SubmissionStatus, Verdict
from portal.rules.onboarding import IdentityState, step_of
from portal.rules.refusals import Refusal

OWN = [
    "ec-ratification",
    "ec-directors",
    "financial-statements",
    "auditors",
    "hr-committee",
    "pension",
    "president",
]


def a_calendar(
    *, version: int = 1, opens: timedelta = timedelta(days=10), closes: timedelta = timedelta(days=40),
    ends: timedelta = timedelta(days=60),
) -> Calendar:  # fmt: skip
    """Registration opened a fortnight ago; the instants are counted from now, to the second."""
    now = datetime.now(UTC).replace(microsecond=0)
    return Calendar(version, now - timedelta(days=14), now + opens, now + closes, now + ends)


class FakeRecords:
    """Remembers what it was told, in order, with the moment of the workflow's own clock."""

    def __init__(self, calendar: Calendar, *, email_verified: bool = False) -> None:
        self.calendar = calendar
        self.email_verified = email_verified
        self.submissions: dict[UUID, SubmissionStatus] = {}
        self.submitted_at: dict[UUID, datetime] = {}
        self.decisions: dict[UUID, tuple[UUID, Verdict]] = {}
        # By claim: when each takes effect, and which were taken back.
        self.effective_at: dict[UUID, datetime] = {}
        self.undone: set[UUID] = set()
        # When the answers to appeals are promised; none once we apologised.
        self.appeal_by: dict[UUID, datetime] = {}
        self.registered: list[str] = []
        self.erased: list[UUID] = []
        self.certified: list[UUID] = []
        self.last_step_at = datetime.now(UTC)
        self.reminded = 0
        self.reminders_in_all = 0
        self.ended = 0
        self.opened = 0
        # Everything in order, as codes.
        self.told: list[str] = []
        # How often the object store, and the records, are away before they answer.
        self.store_away = 0
        self.records_away = 0
        # Files that go by an older calendar; each telling brings the next number.
        self.files_left = [0]
        # How far the days were skipped, for whatever is dated by the records.
        self.skipped = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.skipped

    def stage(self) -> UUID:
        submission_id = uuid4()
        self.submissions[submission_id] = SubmissionStatus.STAGED
        return submission_id

    def decide(self, submission_id: UUID, verdict: Verdict, *, undo_for: timedelta = timedelta(0)) -> UUID:
        claim_id = uuid4()
        self.decisions[submission_id] = (claim_id, verdict)
        self.effective_at[claim_id] = self.now() + undo_for
        return claim_id

    def undo(self, claim_id: UUID) -> None:
        self.undone.add(claim_id)
        self.decisions = {s: made for s, made in self.decisions.items() if made[0] != claim_id}

    def appeal(self, within: timedelta = timedelta(days=7)) -> UUID:
        submission_id = self.stage()
        self.appeal_by[submission_id] = self.now() + within
        return submission_id

    @property
    def live(self) -> UUID | None:
        return next((s for s, status in self.submissions.items() if status is SubmissionStatus.SUBMITTED), None)

    @property
    def identity(self) -> IdentityState:
        if SubmissionStatus.APPROVED in self.submissions.values():
            return IdentityState.APPROVED
        if self.live is not None:
            return IdentityState.SUBMITTED
        refused = SubmissionStatus.REFUSED in self.submissions.values()
        return IdentityState.REFUSED if refused else IdentityState.NONE

    @property
    def to_erase(self) -> list[UUID]:
        over = [submission_id for submission_id, status in self.submissions.items() if status in OVER]
        return [submission_id for submission_id in over if submission_id not in self.certified]

    def _stepped(self, what: str) -> None:
        self.told.append(what)
        self.last_step_at = self.now()
        self.reminded = 0

    # --- the file

    @activity.defn(name="open_file")
    async def open_file(self, order: FileOf) -> FileState:
        if self.records_away:
            self.records_away -= 1
            raise ConnectionError("records away")
        self.opened += 1
        live = self.live
        return FileState(
            step=step_of(
                email_verified=self.email_verified, identity=self.identity, registered=len(self.registered),
                own_ballots=len(OWN),
            ),
            email_verified=self.email_verified,
            identity=self.identity,
            submission_id=live,
            submitted_at=self.submitted_at[live] if live else None,
            own=OWN,
            registered=self.registered,
            last_step_at=self.last_step_at,
            reminded=self.reminded,
            reminders_in_all=self.reminders_in_all,
            calendar=self.calendar,
            to_erase=self.to_erase,
            appeal_by=self.appeal_by.get(live) if live else None,
        )  # fmt: skip

    @activity.defn(name="remind")
    async def remind(self, order: Remind) -> None:
        self.told.append(f"reminder {order.nth}")
        self.reminded += 1
        self.reminders_in_all += 1

    @activity.defn(name="take_calendar")
    async def take_calendar(self, order: FileOf) -> Calendar:
        self.told.append(f"calendar {self.calendar.version}")
        return self.calendar

    @activity.defn(name="end_file")
    async def end_file(self, order: FileOf) -> None:
        self.told.append("end")
        self.ended += 1

    # --- the address

    @activity.defn(name="send_verification")
    async def send_verification(self, order: StepOrder) -> Outcome:
        self._stepped("link")
        return Outcome()

    @activity.defn(name="confirm_email")
    async def confirm_email(self, order: UseLink) -> Outcome:
        self.email_verified = True
        self._stepped("address")
        return Outcome()

    # --- identity

    @activity.defn(name="submit_documents")
    async def submit_documents(self, order: SubmissionOf) -> Submitted:
        replaced = [] if self.live is None else [self.live]
        for earlier in replaced:
            self.submissions[earlier] = SubmissionStatus.REPLACED
        self.submissions[order.submission_id] = SubmissionStatus.SUBMITTED
        self.submitted_at[order.submission_id] = self.now()
        self._stepped("documents")
        return Submitted(self.now(), replaced, appeal_by=self.appeal_by.get(order.submission_id))

    @activity.defn(name="withdraw_documents")
    async def withdraw_documents(self, order: SubmissionOf) -> Outcome:
        self.submissions[order.submission_id] = SubmissionStatus.WITHDRAWN
        self._stepped("withdrawn")
        return Outcome(refused_again=self.identity is IdentityState.REFUSED)

    @activity.defn(name="apply_decision")
    async def apply_decision(self, order: ApplyDecision) -> Applied:
        claim_id, verdict = self.decisions.get(order.submission_id, (None, None))
        travels_as = Verdict.REJECT if verdict is Verdict.REFUSE else verdict
        if order.claim_id in self.undone:
            self.told.append("undone")
            return Applied(False)
        written = (claim_id, travels_as) == (order.claim_id, order.verdict)
        if not written or self.submissions.get(order.submission_id) is not SubmissionStatus.SUBMITTED:
            self.told.append("ignored")
            return Applied(False)
        if (moment := self.effective_at.get(order.claim_id)) and moment > self.now():
            self.told.append("not yet")
            return Applied(False, not_before=moment)
        assert verdict is not None, "it is written"
        self.submissions[order.submission_id] = OUTCOMES[verdict]
        self._stepped(OUTCOMES[verdict].value)
        return Applied(True, refused=verdict is Verdict.REFUSE)

    @activity.defn(name="appeal_late")
    async def appeal_late(self, order: LateAppeal) -> None:
        if order.submission_id not in self.decisions:
            self.told.append("sorry")
            del self.appeal_by[order.submission_id]

    @activity.defn(name="close_submission")
    async def close_submission(self, order: CloseSubmission) -> Applied:
        if order.submission_id in self.decisions:
            return Applied(False)
        self.submissions[order.submission_id] = order.ending
        self._stepped(order.ending.value)
        return Applied(True)

    @activity.defn(name="erase_documents")
    async def erase_documents(self, submission_id: UUID) -> Erased:
        if self.store_away:
            self.store_away -= 1
            # At once: the days of a workflow do not pass while an activity waits for its next try.
            raise ApplicationError(
                "object store away", type="FilesUnavailable", next_retry_delay=timedelta(milliseconds=10)
            )
        self.told.append("erase")
        self.erased.append(submission_id)
        return Erased(submission_id, 1)

    @activity.defn(name="certify_erasure")
    async def certify_erasure(self, erased: Erased) -> None:
        self.told.append("certificate")
        self.certified.append(erased.submission_id)

    # --- ballots

    @activity.defn(name="register")
    async def register(self, order: RegisterFor) -> Outcome:
        if self.now() >= self.calendar.closes:
            return Outcome(Refusal.REGISTRATION_CLOSED)
        if any(ballot not in OWN for ballot in order.ballots):
            return Outcome(Refusal.BALLOT_NOT_YOURS)
        self.registered += [ballot for ballot in order.ballots if ballot not in self.registered]
        self._stepped(f"registered {len(self.registered)}")
        return Outcome()

    # --- the campaign

    def move(self, **instants: datetime) -> Calendar:
        self.calendar = replace(self.calendar, version=self.calendar.version + 1, **instants)
        return self.calendar

    @activity.defn(name="read_calendar")
    async def read_calendar(self, campaign_id: UUID) -> Calendar:
        return self.calendar

    @activity.defn(name="queue_notice")
    async def queue_notice(self, order: NoticeToQueue) -> int:
        self.told.append(order.mark)
        return 200

    @activity.defn(name="tell_calendar")
    async def tell_calendar(self, order: CalendarToTell) -> int:
        self.told.append(f"tell {order.calendar.version}")
        return self.files_left.pop(0) if len(self.files_left) > 1 else self.files_left[0]
