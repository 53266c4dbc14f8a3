"""What becomes of identity documents: sent, replaced, withdrawn, decided, expired, erased, certified."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import review_mails, settled_votes
from activities.onboarding import Outcome, Policy, Records
from portal.rules.decisions import appeal_answered_by
from portal.rules.identity import SubmissionStatus, Verdict, certificate_number
from portal.rules.mail import MailKind
from portal.rules.onboarding import IdentityState
from portal.rules.refusals import Refusal
from portal.store import (
    Session,
    Sessions,
    appeals,
    ballots,
    decisions,
    identity,
    journal,
    mail,
    members,
    onboarding,
    settling,
)  # fmt: skip
from portal.store.files import Files, FilesUnavailable, StillThere
from portal.store.identity import Decision, Submission
from portal.store.onboarding import Whole


@dataclass(frozen=True)
class SubmissionOf:
    """A step of the member on one submission."""

    campaign_id: UUID
    member_id: UUID
    submission_id: UUID
    key: str


@dataclass(frozen=True)
class Submitted:
    """When the documents arrived; which earlier submissions they replace, to be erased."""

    submitted_at: datetime | None = None
    replaced: list[UUID] = field(default_factory=list)
    refusal: Refusal | None = None
    # Written down before, at a try whose answer was lost.
    repeated: bool = False
    # When the answer is promised, if this contests a decision.
    appeal_by: datetime | None = None


@dataclass(frozen=True)
class ApplyDecision:
    """What a signal claims: a verdict on this submission under this claim. The records know whether it is true."""

    campaign_id: UUID
    member_id: UUID
    submission_id: UUID
    claim_id: UUID
    verdict: Verdict


@dataclass(frozen=True)
class Applied:
    """Whether what was asked stands in the records: done now, or by an attempt that could not report it."""

    applied: bool
    # The rejection was a refusal.
    refused: bool = False
    # Not yet: until then its reviewer may undo it.
    not_before: datetime | None = None


@dataclass(frozen=True)
class CloseSubmission:
    """End this submission in this way unless it was decided meanwhile."""

    campaign_id: UUID
    member_id: UUID
    submission_id: UUID
    ending: SubmissionStatus


@dataclass(frozen=True)
class LateAppeal:
    """The answer to this appeal was promised by now."""

    campaign_id: UUID
    member_id: UUID
    submission_id: UUID


@dataclass(frozen=True)
class Erased:
    submission_id: UUID
    versions_removed: int


class IdentityActivities:
    """Documents, in the records and in the object store."""

    def __init__(self, sessions: Sessions, files: Files, policy: Policy) -> None:
        self.sessions = sessions
        self.files = files
        self.records = Records(policy)

    @activity.defn
    async def submit_documents(self, order: SubmissionOf) -> Submitted:
        """Put staged documents before the reviewers, in place of an earlier submission nobody decided."""
        async with self.sessions.begin() as session:
            staged = await identity.lock(session, order.submission_id)
            if staged is None or not _of(staged, order):
                return Submitted(refusal=Refusal.DOCUMENTS_GONE)
            if staged.status == SubmissionStatus.SUBMITTED.value or await journal.holds(session, order.key):
                # A repeat: done before, but whoever asked may not have heard of it.
                over = await identity.to_erase(session, order.campaign_id, order.member_id)
                return Submitted(staged.submitted_at, over, repeated=True)
            if staged.status != SubmissionStatus.STAGED.value:
                # Also an old form sent again, after its documents were decided on or replaced.
                return Submitted(refusal=Refusal.DOCUMENTS_GONE)
            whole = await self.records.read(session, order.campaign_id, order.member_id)
            if not whole.standing.email_verified:
                return Submitted(refusal=Refusal.EMAIL_NOT_VERIFIED)
            if whole.standing.identity is IdentityState.APPROVED:
                return Submitted(refusal=Refusal.IDENTITY_ALREADY_APPROVED)
            earlier = whole.standing.submission
            if earlier is not None and not await self._still_undecided(session, earlier):
                return Submitted(refusal=Refusal.DOCUMENTS_UNDER_REVIEW)
            refusal = await self._too_late(session, whole) or await self._may_appeal(session, whole, staged, earlier)
            if refusal is not None:
                return Submitted(refusal=refusal)
            if earlier is not None:
                await identity.close(session, earlier, SubmissionStatus.REPLACED)
            submitted_at = await identity.submit(session, staged)
            # Uploads that were looked at and not sent: another picture was chosen instead.
            drafts = await identity.close_drafts(session, staged)
            appeal = staged.appeal_of is not None
            received = MailKind.APPEAL_RECEIVED if appeal else MailKind.DOCUMENTS_RECEIVED
            await self.records.write(
                session, whole, "appeal-made" if appeal else "documents-submitted", key=order.key,
                subject_id=staged.id, mail=self._mail_about(whole, received, staged), identity=IdentityState.SUBMITTED,
            )  # fmt: skip
            by = appeal_answered_by(submitted_at, whole.campaign.closes, whole.campaign.ends) if appeal else None
            return Submitted(submitted_at, [*([earlier.id] if earlier else []), *drafts], appeal_by=by)

    async def _too_late(self, session: Session, whole: Whole) -> Refusal | None:
        """After the close documents can serve a provisional vote that is still open, and nothing else."""
        if whole.at < whole.campaign.closes:
            return None
        until = await settling.open_until(session, whole.campaign.id, whole.member.id)
        return Refusal.REGISTRATION_CLOSED if until is None else None

    async def _may_appeal(
        self, session: Session, whole: Whole, staged: Submission, earlier: Submission | None
    ) -> Refusal | None:
        """Whether documents may be sent: by whoever was refused, only to contest that, once and in time.

        Another picture in place of an appeal under review is the same appeal.
        """
        if earlier is not None and earlier.appeal_of is not None:
            staged.appeal_of = earlier.appeal_of
            return None
        if staged.appeal_of is None:
            return Refusal.IDENTITY_REFUSED if whole.standing.identity is IdentityState.REFUSED else None
        found = await appeals.contestable(session, whole.campaign, whole.member.id, whole.at)
        if isinstance(found, Refusal):
            return found
        return None if found.submission.id == staged.appeal_of else Refusal.NOTHING_TO_APPEAL

    @activity.defn
    async def withdraw_documents(self, order: SubmissionOf) -> Outcome:
        """Take documents back before anybody has decided on them."""
        async with self.sessions.begin() as session:
            submission = await identity.by_id(session, order.submission_id)
            if submission is None or not _of(submission, order):
                return Outcome(Refusal.DOCUMENTS_GONE)
            if not await self._still_undecided(session, submission):
                withdrawn = submission.status == SubmissionStatus.WITHDRAWN.value
                return Outcome(None if withdrawn else Refusal.WITHDRAW_TOO_LATE)
            await identity.close(session, submission, SubmissionStatus.WITHDRAWN)
            whole = await self.records.read(session, order.campaign_id, order.member_id)
            await self.records.write(session, whole, "documents-withdrawn", key=order.key, subject_id=submission.id)
            await settled_votes.tell(session, self.records, whole)
            return Outcome(refused_again=whole.standing.identity is IdentityState.REFUSED)

    async def _turn_again(self, session: Session, order: ApplyDecision | CloseSubmission) -> Whole:
        """A submission is over: write down where the file stands now. The reminders count from here."""
        whole = await self.records.read(session, order.campaign_id, order.member_id)
        await self.records.moved_on(session, whole, by_member=True)
        return whole

    async def _still_undecided(self, session: Session, submission: Submission) -> bool:
        """Held against a decision that is being written at this very moment."""
        locked = await identity.lock(session, submission.id)
        return (
            locked is not None
            and locked.status == SubmissionStatus.SUBMITTED.value
            and await identity.decision_of(session, submission.id) is None
        )

    @activity.defn
    async def apply_decision(self, order: ApplyDecision) -> Applied:
        """Let a decision take effect, if the records hold it; a signal alone changes nothing and is journalled."""
        async with self.sessions.begin() as session:
            submission = await identity.lock(session, order.submission_id)
            decision = await identity.decision_of(session, order.submission_id)
            ignored = None
            if submission is None or not _of(submission, order):
                ignored = "other-submission"
            elif decision is None or (decision.claim_id, _signal(decision)) != (order.claim_id, order.verdict):
                if await decisions.was_undone(session, order.claim_id):
                    # Its reviewer has written that down.
                    return Applied(False)
                ignored = "no-such-decision"
            elif submission.status != SubmissionStatus.SUBMITTED.value:
                ignored = "repeated"
            if ignored is not None or submission is None or decision is None:
                await journal.write(
                    session, "decision-ignored", actor=journal.SYSTEM, member_id=order.member_id,
                    campaign_id=order.campaign_id, subject_id=order.submission_id, code=ignored,
                )  # fmt: skip
                # A repeat of this very step after a crash finds its effect in place: then it has been applied.
                done = ignored == "repeated" and submission is not None and decision is not None
                outcome = OUTCOMES[Verdict(decision.verdict)] if decision else None
                applied = done and submission is not None and submission.status == outcome
                return Applied(applied, refused=applied and outcome is SubmissionStatus.REFUSED)
            if not await decisions.takes_effect(session, decision):
                return Applied(False, not_before=decision.effective_at)
            if await decisions.taken_back(session, submission, decision):
                return Applied(False)
            return await self._take_effect(session, order, submission, decision)

    async def _take_effect(
        self, session: Session, order: ApplyDecision, submission: Submission, decision: Decision
    ) -> Applied:
        outcome = OUTCOMES[Verdict(decision.verdict)]
        before = await settling.states(session, order.campaign_id, order.member_id)
        await identity.close(session, submission, outcome)
        if outcome is SubmissionStatus.APPROVED:
            await members.verify_identity(session, order.member_id)
            await ballots.confirm_all(session, order.campaign_id, order.member_id)
        await journal.write(
            session, f"identity-{outcome.value}", actor="reviewer", actor_id=decision.reviewer_id,
            member_id=order.member_id, campaign_id=order.campaign_id, subject_id=submission.id,
            code=decision.reason, key=f"decision:{submission.id}",
        )  # fmt: skip
        whole = await self._turn_again(session, order)
        # Of an approval the member is told once the pictures are gone.
        if outcome is not SubmissionStatus.APPROVED:
            await self._write_about(session, whole, TOLD[outcome], submission)
        await settled_votes.tell(session, self.records, whole, before)
        return Applied(True, refused=outcome is SubmissionStatus.REFUSED)

    @activity.defn
    async def appeal_late(self, order: LateAppeal) -> None:
        """The promised day of an appeal is over: apologise, and tell the staff; unless it was decided after all."""
        async with self.sessions.begin() as session:
            submission = await identity.by_id(session, order.submission_id)
            if submission is None or not await self._still_undecided(session, submission):
                return
            new = await journal.write(
                session, "appeal-late", actor=journal.SYSTEM, member_id=order.member_id,
                campaign_id=order.campaign_id, subject_id=submission.id, key=f"appeal-late:{submission.id}",
            )  # fmt: skip
            if new:
                whole = await self.records.read(session, order.campaign_id, order.member_id)
                await self._write_about(session, whole, MailKind.APPEAL_LATE, submission)
                await review_mails.tell_staff(session, self.records.policy.courtesy, submission.id, "appeal-late")

    async def _write_about(self, session: Session, whole: Whole, kind: MailKind, submission: Submission) -> None:
        row = self._mail_about(whole, kind, submission)
        if row is not None:
            await mail.queue(session, row)

    def _mail_about(self, whole: Whole, kind: MailKind, submission: Submission) -> mail.Row | None:
        return self.records.mail(
            whole, kind, key=f"{kind.value}:{submission.id}", facts={"submission_id": str(submission.id)}
        )

    @activity.defn
    async def close_submission(self, order: CloseSubmission) -> Applied:
        """End a submission that nobody decided: its time is over, or the member's file is."""
        async with self.sessions.begin() as session:
            submission = await identity.by_id(session, order.submission_id)
            if submission is None or not await self._still_undecided(session, submission):
                return Applied(submission is not None and submission.status == order.ending.value)
            await identity.close(session, submission, order.ending)
            await journal.write(
                session, "documents-closed", actor=journal.SYSTEM, member_id=order.member_id,
                campaign_id=order.campaign_id, subject_id=submission.id, code=order.ending.value,
            )  # fmt: skip
            whole = await self._turn_again(session, order)
            if order.ending is SubmissionStatus.EXPIRED:
                await self._write_about(session, whole, MailKind.EXPIRED, submission)
            await settled_votes.tell(session, self.records, whole)
            return Applied(True)

    @activity.defn
    async def erase_documents(self, submission_id: UUID) -> Erased:
        """Delete every version of every picture of a submission and prove that none is left.

        Only the object store is touched. A name is looked up by the record, so a repeat deletes nothing and succeeds.
        """
        async with self.sessions.begin() as session:
            submission = await identity.by_id(session, submission_id)
            documents = await identity.documents_of(session, submission_id)
        if submission is None or submission.over_at is None:
            raise ApplicationError("still needed", type="NotOver", non_retryable=True)
        removed = 0
        try:
            for document in documents:
                removed += await self.files.erase(document.object_key)
        except FilesUnavailable as error:
            raise ApplicationError("object store away", type="FilesUnavailable") from error
        except StillThere as error:
            raise ApplicationError("picture still there", type="StillThere") from error
        return Erased(submission_id, removed)

    @activity.defn
    async def certify_erasure(self, erased: Erased) -> None:
        """Destroy the keys, write the certificate, and tell the member."""
        async with self.sessions.begin() as session:
            submission = await identity.lock(session, erased.submission_id)
            if submission is None:
                return
            certificate = certificate_number(submission.id)
            erasure = await identity.certify(
                session, submission, certificate=certificate, versions_removed=erased.versions_removed
            )
            if erasure is None:
                return
            await journal.write(
                session, "documents-erased", actor=journal.SYSTEM, member_id=submission.member_id,
                campaign_id=submission.campaign_id, subject_id=submission.id, code=certificate,
                key=f"erased:{submission.id}",
            )  # fmt: skip
            if submission.status == SubmissionStatus.APPROVED.value:
                whole = await self.records.read(session, submission.campaign_id, submission.member_id)
                await self._write_about(session, whole, MailKind.APPROVED, submission)
            await onboarding.touch(session, submission.campaign_id, submission.member_id)


OUTCOMES = {
    Verdict.APPROVE: SubmissionStatus.APPROVED,
    Verdict.REJECT: SubmissionStatus.REJECTED,
    Verdict.REFUSE: SubmissionStatus.REFUSED,
}
TOLD = {SubmissionStatus.REJECTED: MailKind.REJECTED, SubmissionStatus.REFUSED: MailKind.IDENTITY_REFUSED}


def _signal(decision: Decision) -> Verdict:
    """How it travels: a refusal goes as a rejection does."""
    return Verdict.APPROVE if decision.verdict == Verdict.APPROVE.value else Verdict.REJECT


def _of(submission: Submission, order: SubmissionOf | ApplyDecision) -> bool:
    """Whether this is a submission of the member and campaign that the step is about."""
    return (submission.member_id, submission.campaign_id) == (order.member_id, order.campaign_id)
