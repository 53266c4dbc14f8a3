"""A member's onboarding: address, identity, registrations, then the end of the campaign."""

import asyncio
from datetime import datetime
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.accounts import AccountActivities, UseLink
    from activities.ballots import BallotActivities, RegisterFor
    from activities.identity import ApplyDecision, CloseSubmission, IdentityActivities, SubmissionOf
    from activities.onboarding import (
        CalendarHeard,
        FileOf,
        FileState,
        OnboardingActivities,
        Remind,
        StepOrder,
    )  # fmt: skip
    from portal.rules.ballots import ready_to_register, registration_open
    from portal.rules.campaigns import Calendar
    from portal.rules.identity import SubmissionStatus, Verdict
    from portal.rules.onboarding import (
        Deadline,
        DeadlineKind,
        IdentityState,
        Step,
        nearest_deadline,
        step_of,
    )  # fmt: skip
    from portal.rules.refusals import Refusal
    from workflows import records
    from workflows.alarm import Alarm
    from workflows.details import in_plain_words
    from workflows.erasure import Erasures
    from workflows.messages import (
        REFUSED,
        Answer,
        ConfirmEmail,
        DecisionMade,
        MemberToOnboard,
        Progress,
        Register,
        SubmitDocuments,
        WithdrawDocuments,
    )  # fmt: skip


@workflow.defn
class OnboardingWorkflow:
    """One member in one campaign, from the first sign-in to the end.

    The records are the truth; this keeps what is needed to refuse early, to wait, and to do what must not be forgotten.
    A new run, wherever it starts from, takes the file up as the records say.
    """

    @workflow.init
    def __init__(self, order: MemberToOnboard) -> None:
        self.order = order
        # None until the records have been read: what arrives before waits.
        self.file: FileState | None = None
        self.ended = False
        self.email_verified = False
        self.identity = IdentityState.NONE
        self.submission_id: UUID | None = None
        self.submitted_at: datetime | None = None
        self.own: list[str] = []
        self.registered: set[str] = set()
        self.last_step_at = workflow.now()
        self.reminded = 0
        self.reminders_in_all = 0
        self.calendar: Calendar | None = None
        self.calendar_noted = 0

        self.decisions: list[tuple[Verdict, DecisionMade]] = []
        # One step at a time: an update that arrives while another is written waits for it.
        self.one_at_a_time = asyncio.Lock()
        self.erasures = Erasures(self._tell)
        self.alarm = Alarm()

    # --- the story ---------------------------------------------------------------------------------------------

    @workflow.run
    async def run(self, order: MemberToOnboard) -> None:
        try:
            await self._open()
            ended = await self._until_the_end()
        except (asyncio.CancelledError, FailureError):
            # An operator cancelled: nothing of an identity may stay behind.
            await self._close()
            raise
        if not ended:
            workflow.continue_as_new(self.order)
        await self._close()

    async def _open(self) -> None:
        self._take_up(await records.write(OnboardingActivities.open_file, self._whose(), "take up the file"))

    async def _close(self) -> None:
        """A cancellation that arrives meanwhile does not interrupt it."""
        closing = asyncio.create_task(self._leave_nothing_behind())
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            await closing

    def _take_up(self, file: FileState) -> None:
        self.file = file
        self.email_verified = file.email_verified
        self.identity = file.identity
        self.submission_id = file.submission_id
        self.submitted_at = file.submitted_at
        self.own = list(file.own)
        self.registered = set(file.registered)
        self.last_step_at = file.last_step_at
        self.reminded = file.reminded
        self.reminders_in_all = file.reminders_in_all
        self.calendar_noted = file.calendar.version
        if self.calendar is None or self.calendar.version < file.calendar.version:
            self.calendar = file.calendar
        for submission_id in file.to_erase:
            self.erasures.begin(submission_id)
        self._tell()

    async def _until_the_end(self) -> bool:
        """True: the campaign is over. False: the history is long enough for a new run."""
        while True:
            deadline = self._nearest()
            if self.decisions:
                await self._apply(*self.decisions.pop(0))
            elif self.calendar_noted < self._calendar().version:
                await self._note_calendar()
            elif deadline.at <= workflow.now():
                if deadline.kind is DeadlineKind.END:
                    return True
                await self._meet(deadline)
            elif workflow.info().is_continue_as_new_suggested():
                # Everything is in the records; only steps under way have to be answered first.
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self.decisions:
                    return False
            else:
                self.alarm.arm(deadline.at, f"next deadline: {deadline.kind}")
                await workflow.wait_condition(self._woken)

    async def _leave_nothing_behind(self) -> None:
        if self.file is None:
            # Cancelled while the records were away: an earlier run may have received documents.
            await self._open()
        self.ended = True
        async with self.one_at_a_time:
            if self.submission_id is not None:
                await self._close_submission(self.submission_id, SubmissionStatus.ABANDONED)
        await self.erasures.finish()
        await records.write(OnboardingActivities.end_file, self._whose(), "close the file")
        self._tell()
        await workflow.wait_condition(workflow.all_handlers_finished)

    # --- deadlines ---------------------------------------------------------------------------------------------

    def _nearest(self) -> Deadline:
        calendar = self._calendar()
        return nearest_deadline(
            step=self._step(),
            last_step_at=self.last_step_at,
            reminded=self.reminded,
            reminders_in_all=self.reminders_in_all,
            submitted_at=self.submitted_at,
            closes=calendar.closes,
            ends=calendar.ends,
        )

    def _woken(self) -> bool:
        return (
            bool(self.decisions)
            or self.calendar_noted < self._calendar().version
            or not self.alarm.early_enough_for(self._nearest().at)
            # Steps of the member alone make a history long as well.
            or workflow.info().is_continue_as_new_suggested()
        )

    async def _meet(self, deadline: Deadline) -> None:
        async with self.one_at_a_time:
            if deadline.kind is DeadlineKind.REMINDER:
                nth = self.reminders_in_all + 1
                await records.write(
                    OnboardingActivities.remind,
                    Remind(self.order.campaign_id, self.order.member_id, nth),
                    f"remind of the missing step: {self._step()}",
                )
                self.reminded += 1
                self.reminders_in_all = nth
            elif self.submission_id is not None:
                await self._close_submission(self.submission_id, SubmissionStatus.EXPIRED)
        self._tell()

    async def _note_calendar(self) -> None:
        version = self._calendar().version
        await records.write(
            OnboardingActivities.note_calendar,
            CalendarHeard(self.order.campaign_id, self.order.member_id, version),
            f"go by calendar {version}",
        )
        self.calendar_noted = version
        self._tell()

    # --- identity ----------------------------------------------------------------------------------------------

    async def _apply(self, verdict: Verdict, made: DecisionMade) -> None:
        async with self.one_at_a_time:
            result = await records.write(
                IdentityActivities.apply_decision,
                ApplyDecision(
                    self.order.campaign_id, self.order.member_id, made.submission_id, made.claim_id, verdict
                ),
                f"decision: {verdict}",
            )
            # A signal that comes twice finds the submission over: it changes nothing.
            if result.applied and made.submission_id == self.submission_id:
                approved = verdict is Verdict.APPROVE
                self._submission_over(IdentityState.APPROVED if approved else IdentityState.NONE)
                self.erasures.begin(made.submission_id)
        self._tell()

    async def _close_submission(self, submission_id: UUID, ending: SubmissionStatus) -> None:
        """End it unless it has been decided meanwhile; a decision on its way erases it as well."""
        result = await records.write(
            IdentityActivities.close_submission,
            CloseSubmission(self.order.campaign_id, self.order.member_id, submission_id, ending),
            f"documents: {ending}",
        )
        if result.applied:
            self._submission_over(IdentityState.NONE)
            self.erasures.begin(submission_id)
        else:
            # Decided meanwhile: it expires no more, and the decision on its way erases it.
            self.submitted_at = None

    def _submission_over(self, identity: IdentityState) -> None:
        self.identity = identity
        self.submission_id = None
        self.submitted_at = None
        # It is the member's turn again: the reminders count from here.
        self.last_step_at = workflow.now()
        self.reminded = 0

    # --- what members do ---------------------------------------------------------------------------------------

    @workflow.update
    async def sign_in(self) -> Answer:
        """The first sign-in opens the file; it is open once this is answered."""
        await self._ready()
        return self._answer(None)

    @workflow.update
    async def send_verification(self) -> Answer:
        """Send the verification mail to the address on file."""
        await self._ready()
        async with self.one_at_a_time:
            outcome = await records.write(
                AccountActivities.send_verification,
                StepOrder(self.order.campaign_id, self.order.member_id, _key()),
                "verification mail",
            )
            if outcome.refusal is None:
                self._stepped()
        return self._answer(outcome.refusal)

    @send_verification.validator
    def _may_send_verification(self) -> None:
        if self.file is not None and self.email_verified:
            raise _refused(Refusal.EMAIL_ALREADY_VERIFIED)

    @workflow.update
    async def confirm_email(self, order: ConfirmEmail) -> Answer:
        """The link came back: the address is proven. Proven twice is proven."""
        await self._ready()
        async with self.one_at_a_time:
            if self.email_verified:
                return self._answer(None)
            outcome = await records.write(
                AccountActivities.confirm_email,
                UseLink(self.order.campaign_id, self.order.member_id, order.link_id, _key()),
                "address verified",
            )
            if outcome.refusal is None:
                self.email_verified = True
                self._stepped()
        return self._answer(outcome.refusal)

    @workflow.update
    async def submit_documents(self, order: SubmitDocuments) -> Answer:
        """Put the documents before the reviewers; an earlier submission nobody decided is replaced and erased."""
        await self._ready()
        async with self.one_at_a_time:
            result = await records.write(
                IdentityActivities.submit_documents,
                SubmissionOf(self.order.campaign_id, self.order.member_id, order.submission_id, _key()),
                "documents submitted",
            )
            if result.refusal is None:
                self.identity = IdentityState.SUBMITTED
                self.submission_id = order.submission_id
                self.submitted_at = result.submitted_at
                for replaced in result.replaced:
                    self.erasures.begin(replaced)
                self._stepped()
        return self._answer(result.refusal)

    @submit_documents.validator
    def _may_submit_documents(self, order: SubmitDocuments) -> None:
        if self.file is None:
            return
        if not self.email_verified:
            raise _refused(Refusal.EMAIL_NOT_VERIFIED)
        if self.identity is IdentityState.APPROVED:
            raise _refused(Refusal.IDENTITY_ALREADY_APPROVED)

    @workflow.update
    async def withdraw_documents(self, order: WithdrawDocuments) -> Answer:
        """Take the documents back; they are erased like any other."""
        await self._ready()
        async with self.one_at_a_time:
            outcome = await records.write(
                IdentityActivities.withdraw_documents,
                SubmissionOf(self.order.campaign_id, self.order.member_id, order.submission_id, _key()),
                "documents withdrawn",
            )
            # A repeat may come after the member has sent others: those stay.
            if outcome.refusal is None and self.submission_id == order.submission_id:
                self._submission_over(IdentityState.NONE)
                self.erasures.begin(order.submission_id)
                self._stepped()
        return self._answer(outcome.refusal)

    @withdraw_documents.validator
    def _may_withdraw_documents(self, order: WithdrawDocuments) -> None:
        if self.file is not None and self.submission_id != order.submission_id:
            raise _refused(Refusal.NO_DOCUMENTS)

    @workflow.update
    async def register(self, order: Register) -> Answer:
        """Register for ballots. The closing compared here refuses early; the statement that writes decides."""
        await self._ready()
        async with self.one_at_a_time:
            outcome = await records.write(
                BallotActivities.register,
                RegisterFor(self.order.campaign_id, self.order.member_id, order.ballots, _key()),
                f"register for {len(order.ballots)} ballots",
            )
            if outcome.refusal is None:
                self.registered.update(order.ballots)
                self._stepped()
        return self._answer(outcome.refusal)

    @register.validator
    def _may_register(self, order: Register) -> None:
        if self.file is None:
            return
        calendar = self._calendar()
        refusal = registration_open(
            opens=calendar.registration_opens, closes=calendar.closes, at=workflow.now()
        ) or ready_to_register(
            email_verified=self.email_verified,
            documents_in=self.identity is not IdentityState.NONE,
            chosen=order.ballots,
            own=self.own,
        )
        if refusal is not None:
            raise _refused(refusal)

    # --- what others tell it -----------------------------------------------------------------------------------

    @workflow.signal
    def approve(self, made: DecisionMade) -> None:
        """A reviewer has approved. The decision row is the truth: this only wakes us up."""
        self.decisions.append((Verdict.APPROVE, made))

    @workflow.signal
    def reject(self, made: DecisionMade) -> None:
        """A reviewer asks for a better picture. The decision row is the truth: this only wakes us up."""
        self.decisions.append((Verdict.REJECT, made))

    @workflow.signal
    def calendar_changed(self, calendar: Calendar) -> None:
        """The campaign's instants have moved; an older version than the one known changes nothing."""
        if self.calendar is None or self.calendar.version < calendar.version:
            self.calendar = calendar

    @workflow.query
    def progress(self) -> Progress | None:
        """Where the file stands; None before the records were read. Pages read the records instead."""
        return None if self.file is None else self._progress()

    # --- shared ------------------------------------------------------------------------------------------------

    async def _ready(self) -> None:
        await workflow.wait_condition(lambda: self.file is not None)
        if self.ended:
            raise _refused(Refusal.CAMPAIGN_ENDED)

    def _whose(self) -> FileOf:
        return FileOf(self.order.campaign_id, self.order.member_id)

    def _calendar(self) -> Calendar:
        assert self.calendar is not None, "the file is taken up before anything asks for the calendar"
        return self.calendar

    def _step(self) -> Step:
        if self.ended:
            return Step.ENDED
        return step_of(
            email_verified=self.email_verified,
            identity=self.identity,
            registered=len(self.registered),
            own_ballots=len(self.own),
        )

    def _stepped(self) -> None:
        """The member has acted: the reminders count from here."""
        self.last_step_at = workflow.now()
        self.reminded = 0
        self._tell()

    def _answer(self, refusal: Refusal | None) -> Answer:
        return Answer(self._step(), refusal)

    def _progress(self) -> Progress:
        deadline = self._nearest()
        return Progress(
            step=self._step(),
            email_verified=self.email_verified,
            identity=self.identity,
            registered=len(self.registered),
            own_ballots=len(self.own),
            erasing=len(self.erasures),
            next_deadline=deadline.kind,
            next_deadline_at=deadline.at,
            calendar_version=self._calendar().version,
        )

    def _tell(self) -> None:
        """What an operator reads in the Temporal UI; it costs no event."""
        if self.file is not None:
            workflow.set_current_details(in_plain_words(self._progress()))


def _key() -> str:
    """The id of the update at hand: what the member's form carried, the same at every try."""
    info = workflow.current_update_info()
    assert info is not None, "only updates ask for their id"
    return info.id


def _refused(refusal: Refusal) -> ApplicationError:
    return ApplicationError(refusal.value, type=REFUSED, non_retryable=True)
