"""What a member's workflow knows of the file, and what it decides by that: no command, no clock."""

from datetime import datetime
from uuid import UUID

from activities.onboarding import FileState
from portal.rules.ballots import ready_to_register
from portal.rules.campaigns import Calendar
from portal.rules.onboarding import DOCUMENTS_IN, Deadline, IdentityState, Step, nearest_deadline, step_of
from portal.rules.refusals import Refusal
from workflows.messages import Progress


class MemberFile:
    """A copy of the records, as fresh as the last step; whoever writes to them changes it afterwards.

    Its refusals are early ones: they spare the history an event. The records decide.
    """

    def __init__(self, state: FileState) -> None:
        self.email_verified = state.email_verified
        self.identity = state.identity
        self.submission_id: UUID | None = state.submission_id
        self.submitted_at: datetime | None = state.submitted_at
        self.own = list(state.own)
        self.registered = set(state.registered)
        self.last_step_at = state.last_step_at
        self.reminded = state.reminded
        self.reminders_in_all = state.reminders_in_all
        self.calendar: Calendar = state.calendar
        self.appeal_by: datetime | None = state.appeal_by
        self.ended = False

    # --- where it stands --------------------------------------------------------------------------------

    @property
    def step(self) -> Step:
        if self.ended:
            return Step.ENDED
        return step_of(
            email_verified=self.email_verified,
            identity=self.identity,
            registered=len(self.registered),
            own_ballots=len(self.own),
        )

    @property
    def nearest(self) -> Deadline:
        return nearest_deadline(
            step=self.step,
            last_step_at=self.last_step_at,
            reminded=self.reminded,
            reminders_in_all=self.reminders_in_all,
            submitted_at=self.submitted_at,
            closes=self.calendar.closes,
            ends=self.calendar.ends,
            appeal_by=self.appeal_by,
        )

    def progress(self, *, erasing: int) -> Progress:
        deadline = self.nearest
        return Progress(
            step=self.step,
            email_verified=self.email_verified,
            identity=self.identity,
            registered=len(self.registered),
            own_ballots=len(self.own),
            erasing=erasing,
            next_deadline=deadline.kind,
            next_deadline_at=deadline.at,
            calendar_version=self.calendar.version,
        )

    # --- what is refused early --------------------------------------------------------------------------

    def may_send_verification(self) -> Refusal | None:
        return Refusal.EMAIL_ALREADY_VERIFIED if self.email_verified else None

    def may_submit_documents(self) -> Refusal | None:
        if not self.email_verified:
            return Refusal.EMAIL_NOT_VERIFIED
        if self.identity is IdentityState.APPROVED:
            return Refusal.IDENTITY_ALREADY_APPROVED
        return None

    def may_withdraw_documents(self, submission_id: UUID) -> Refusal | None:
        return None if self.submission_id == submission_id else Refusal.NO_DOCUMENTS

    def may_register(self, ballots: list[str]) -> Refusal | None:
        """Not by the instants: a moved calendar may be on its way. The page and the records go by those."""
        return ready_to_register(
            email_verified=self.email_verified,
            documents_in=self.identity in DOCUMENTS_IN,
            chosen=ballots,
            own=self.own,
        )

    # --- what has happened ------------------------------------------------------------------------------

    def stepped(self, at: datetime) -> None:
        """It is the member's turn anew: the reminders count from here."""
        self.last_step_at = at
        self.reminded = 0

    def was_reminded(self) -> None:
        self.reminded += 1
        self.reminders_in_all += 1

    def was_submitted(
        self, submission_id: UUID, submitted_at: datetime | None, appeal_by: datetime | None = None
    ) -> None:
        self.identity = IdentityState.SUBMITTED
        self.submission_id = submission_id
        self.submitted_at = submitted_at
        self.appeal_by = appeal_by

    def submission_over(self, at: datetime, *, approved: bool = False, refused: bool = False) -> None:
        """Refused, also when an appeal was taken back: then the refusal it contested stands."""
        without = IdentityState.REFUSED if refused else IdentityState.NONE
        self.identity = IdentityState.APPROVED if approved else without
        self.submission_id = self.submitted_at = self.appeal_by = None
        self.stepped(at)

    def expires_no_more(self) -> None:
        """Decided meanwhile: the decision on its way ends the submission."""
        self.submitted_at = None
