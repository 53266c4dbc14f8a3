"""A member's onboarding: address, identity, registrations, then the end of the campaign."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from activities.accounts import AccountActivities, UseLink
    from activities.ballots import BallotActivities, RegisterFor
    from activities.identity import CloseSubmission, IdentityActivities, SubmissionOf
    from activities.onboarding import FileOf, OnboardingActivities, Remind, StepOrder
    from portal.rules.identity import SubmissionStatus, Verdict
    from portal.rules.onboarding import Deadline, DeadlineKind
    from portal.rules.refusals import Refusal
    from workflows import decisions, records
    from workflows.alarm import Alarm
    from workflows.details import in_plain_words
    from workflows.erasure import Erasures
    from workflows.file import MemberFile
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

    The records are the truth; this keeps what is needed to refuse early, to wait, and to do what must not be
    forgotten. A new run, wherever it starts from, takes the file up as the records say.
    """

    @workflow.init
    def __init__(self, order: MemberToOnboard) -> None:
        self.order = order
        # None until the records have been read: what arrives before waits.
        self.file: MemberFile | None = None
        self.decisions = decisions.Decisions()
        # The newest calendar anybody has spoken of since the records were last asked.
        self.heard = 0
        # One step at a time: an update that arrives while another is written waits for it.
        self.one_at_a_time = asyncio.Lock()
        # Steps of the member that are being written or wait for it.
        self.under_way = 0
        self.erasures = Erasures(self._tell)
        self.alarm = Alarm()

    # --- the story --------------------------------------------------------------------------------------

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
        state = await records.write(OnboardingActivities.open_file, self._whose(), "take up the file")
        ended = self.file is not None and self.file.ended
        self.file = MemberFile(state)
        self.file.ended = ended
        for submission_id in state.to_erase:
            self.erasures.begin(submission_id)
        self._tell()

    async def _close(self) -> None:
        """A cancellation that arrives meanwhile does not interrupt it."""
        closing = asyncio.create_task(self._leave_nothing_behind())
        try:
            await asyncio.shield(closing)
        except asyncio.CancelledError:
            await closing

    async def _until_the_end(self) -> bool:
        """True: the campaign is over. False: the history is long enough for a new run."""
        while True:
            file = self._known()
            deadline = self.decisions.nearest(file.nearest)
            if self.decisions.is_due(workflow.now()):
                await self._apply(*self.decisions.take_due(workflow.now()))
            elif self.heard > file.calendar.version:
                await self._take_calendar()
            elif deadline.at <= workflow.now():
                if deadline.kind is not DeadlineKind.END:
                    await self._meet(deadline)
                elif await self._has_ended():
                    return True
            elif workflow.info().is_continue_as_new_suggested():
                # Everything is in the records; only steps under way have to be answered first.
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self.decisions:
                    return False
            else:
                self.alarm.arm(deadline.at, f"next deadline: {deadline.kind}")
                await workflow.wait_condition(self._woken)

    def _woken(self) -> bool:
        file = self._known()
        return (
            self.decisions.is_due(workflow.now())
            or self.heard > file.calendar.version
            or not self.alarm.early_enough_for(self.decisions.nearest(file.nearest).at)
            # Steps of the member alone make a history long as well.
            or workflow.info().is_continue_as_new_suggested()
        )

    async def _meet(self, deadline: Deadline) -> None:
        async with self.one_at_a_time:
            # A step that held the lock may have taken the file up anew.
            file = self._known()
            if deadline.kind is DeadlineKind.REMINDER:
                await records.write(
                    OnboardingActivities.remind,
                    Remind(self.order.campaign_id, self.order.member_id, file.reminders_in_all + 1),
                    f"remind of the missing step: {file.step}",
                )
                file.was_reminded()
            elif file.submission_id is not None and deadline.kind is DeadlineKind.APPEAL:
                await decisions.apologise(self.order, file.submission_id)
                file.appeal_by = None
            elif file.submission_id is not None:
                await self._close_submission(file.submission_id, SubmissionStatus.EXPIRED)
        self._tell()

    async def _take_calendar(self) -> None:
        """Go by the records. A version they do not hold is forgotten; one heard meanwhile is looked for."""
        self.heard = 0
        self._known().calendar = await records.write(
            OnboardingActivities.take_calendar, self._whose(), "take up the calendar"
        )
        self._tell()

    async def _has_ended(self) -> bool:
        """Asked of the records: the end may have moved, and the signal that says so be on its way."""
        await self._take_calendar()
        return self._known().calendar.ends <= workflow.now()

    async def _leave_nothing_behind(self) -> None:
        if self.file is None:
            # Cancelled while the records were away: an earlier run may have received documents.
            await self._open()
        file = self._known()
        file.ended = True
        async with self.one_at_a_time:
            if file.submission_id is not None:
                await self._close_submission(file.submission_id, SubmissionStatus.ABANDONED)
        await self.erasures.finish()
        await records.write(OnboardingActivities.end_file, self._whose(), "close the file")
        self._tell()
        await workflow.wait_condition(workflow.all_handlers_finished)

    # --- identity ---------------------------------------------------------------------------------------

    async def _apply(self, verdict: Verdict, made: DecisionMade) -> None:
        async with self.one_at_a_time:
            file = self._known()
            result = await decisions.apply(self.order, verdict, made)
            # A signal that comes twice finds the submission over: it changes nothing.
            if result.not_before is not None:
                self.decisions.not_yet(verdict, made, result.not_before, workflow.now())
            elif result.applied and made.submission_id == file.submission_id:
                file.submission_over(workflow.now(), approved=verdict is Verdict.APPROVE, refused=result.refused)
                self.erasures.begin(made.submission_id)
            elif result.applied:
                # Decided before this heard that it was sent, or for the second time: the records know which.
                await self._open()
        self._tell()

    async def _close_submission(self, submission_id: UUID, ending: SubmissionStatus) -> None:
        """End it unless it has been decided meanwhile; a decision on its way erases it as well."""
        file = self._known()
        result = await records.write(
            IdentityActivities.close_submission,
            CloseSubmission(self.order.campaign_id, self.order.member_id, submission_id, ending),
            f"documents: {ending}",
        )
        if result.applied:
            file.submission_over(workflow.now())
            self.erasures.begin(submission_id)
        else:
            file.expires_no_more()

    # --- what members do --------------------------------------------------------------------------------

    @workflow.update
    async def sign_in(self) -> Answer:
        """The first sign-in opens the file; it is open once this is answered."""
        file = await self._ready()
        return Answer(file.step)

    @workflow.update
    async def look_again(self) -> Answer:
        """Take the file up from the records: the page has seen there what this does not know yet."""
        async with self._step():
            await self._open()
        return Answer(self._known().step)

    @workflow.update
    async def send_verification(self) -> Answer:
        """Send the verification mail to the address on file."""
        async with self._step() as file:
            outcome = await records.write(
                AccountActivities.send_verification,
                StepOrder(self.order.campaign_id, self.order.member_id, _key()),
                "verification mail",
            )
            if outcome.refusal is None:
                self._stepped(file)
        return Answer(file.step, outcome.refusal)

    @send_verification.validator
    def _may_send_verification(self) -> None:
        if self.file is not None and not self.under_way:
            _refuse(self.file.may_send_verification())

    @workflow.update
    async def confirm_email(self, order: ConfirmEmail) -> Answer:
        """The link came back: the address is proven. Proven twice is proven."""
        async with self._step() as file:
            if file.email_verified:
                return Answer(file.step)
            outcome = await records.write(
                AccountActivities.confirm_email,
                UseLink(self.order.campaign_id, self.order.member_id, order.link_id, _key()),
                "address verified",
            )
            if outcome.refusal is None:
                file.email_verified = True
                self._stepped(file)
        return Answer(file.step, outcome.refusal)

    @workflow.update
    async def submit_documents(self, order: SubmitDocuments) -> Answer:
        """Put the documents before the reviewers; an earlier, undecided submission is replaced and erased."""
        async with self._step() as file:
            result = await records.write(
                IdentityActivities.submit_documents,
                SubmissionOf(self.order.campaign_id, self.order.member_id, order.submission_id, _key()),
                "documents submitted",
            )
            if result.refusal is None:
                file.was_submitted(order.submission_id, result.submitted_at, result.appeal_by)
                for replaced in result.replaced:
                    self.erasures.begin(replaced)
                self._stepped(file)
                if result.repeated:
                    # Written by a worker that died before it said so: somebody may have decided since.
                    await self._open()
        return Answer(self._known().step, result.refusal)

    @submit_documents.validator
    def _may_submit_documents(self, order: SubmitDocuments) -> None:
        if self.file is not None and not self.under_way:
            _refuse(self.file.may_submit_documents())

    @workflow.update
    async def withdraw_documents(self, order: WithdrawDocuments) -> Answer:
        """Take the documents back; they are erased like any other."""
        async with self._step() as file:
            outcome = await records.write(
                IdentityActivities.withdraw_documents,
                SubmissionOf(self.order.campaign_id, self.order.member_id, order.submission_id, _key()),
                "documents withdrawn",
            )
            # A repeat may come after the member has sent others: those stay.
            if outcome.refusal is None and file.submission_id == order.submission_id:
                file.submission_over(workflow.now(), refused=outcome.refused_again)
                self.erasures.begin(order.submission_id)
                self._tell()
        return Answer(file.step, outcome.refusal)

    @withdraw_documents.validator
    def _may_withdraw_documents(self, order: WithdrawDocuments) -> None:
        if self.file is not None and not self.under_way:
            _refuse(self.file.may_withdraw_documents(order.submission_id))

    @workflow.update
    async def register(self, order: Register) -> Answer:
        """Register for ballots. When registration opens and closes, the statement that writes decides."""
        async with self._step() as file:
            outcome = await records.write(
                BallotActivities.register,
                RegisterFor(self.order.campaign_id, self.order.member_id, order.ballots, _key()),
                f"register for {len(order.ballots)} ballots",
            )
            if outcome.refusal is None:
                file.registered.update(order.ballots)
                self._stepped(file)
        return Answer(file.step, outcome.refusal)

    @register.validator
    def _may_register(self, order: Register) -> None:
        if self.file is not None and not self.under_way:
            _refuse(self.file.may_register(order.ballots))

    # --- what others tell it ----------------------------------------------------------------------------

    @workflow.signal
    def approve(self, made: DecisionMade) -> None:
        """A reviewer has approved. The decision row is the truth: this only wakes us up."""
        self.decisions.heard(Verdict.APPROVE, made, workflow.now())

    @workflow.signal
    def reject(self, made: DecisionMade) -> None:
        """A reviewer asks for a better picture, or two refuse. The decision row is the truth: this only wakes us up."""
        self.decisions.heard(Verdict.REJECT, made, workflow.now())

    @workflow.signal
    def calendar_changed(self, version: int) -> None:
        """The campaign's instants have moved. The records hold them: this only wakes us up."""
        self.heard = max(self.heard, version)

    @workflow.query
    def progress(self) -> Progress | None:
        """Where the file stands; None before the records were read. Pages read the records instead."""
        return None if self.file is None else self.file.progress(erasing=len(self.erasures))

    # --- shared -----------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _step(self) -> AsyncIterator[MemberFile]:
        """One step of the member after another.

        While one is under way nobody is refused early: it may have been written by a worker that died before it
        said so, and then the records know more than the copy kept here.
        """
        self.under_way += 1
        try:
            await self._ready()
            async with self.one_at_a_time:
                # The step before may have taken the file up anew.
                yield self._known()
        finally:
            self.under_way -= 1

    async def _ready(self) -> MemberFile:
        """The file, once the records have been read; refused when the campaign is over."""
        await workflow.wait_condition(lambda: self.file is not None)
        file = self._known()
        if file.ended:
            _refuse(Refusal.CAMPAIGN_ENDED)
        return file

    def _known(self) -> MemberFile:
        assert self.file is not None, "the file is taken up before anything else"
        return self.file

    def _whose(self) -> FileOf:
        return FileOf(self.order.campaign_id, self.order.member_id)

    def _stepped(self, file: MemberFile) -> None:
        """The member has acted."""
        file.stepped(workflow.now())
        self._tell()

    def _tell(self) -> None:
        """What an operator reads in the Temporal UI; it costs no event."""
        if self.file is not None:
            workflow.set_current_details(in_plain_words(self.file.progress(erasing=len(self.erasures))))


def _key() -> str:
    """The id of the update at hand: what the member's form carried, the same at every try."""
    info = workflow.current_update_info()
    assert info is not None, "only updates ask for their id"
    return info.id


def _refuse(refusal: Refusal | None) -> None:
    if refusal is not None:
        raise ApplicationError(refusal.value, type=REFUSED, non_retryable=True)
