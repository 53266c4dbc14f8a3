"""The hourly sweep: whatever has no open case is deleted, whether or not any member's workflow lives."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import review_mails, settled_votes
from activities.identity import CloseSubmission, Erased, IdentityActivities
from portal.rules.accounts import Role
from portal.rules.doors import FORGOTTEN_AFTER
from portal.rules.identity import (
    ERASURE_ALARM,
    ERASURE_TARGET,
    KEY_LIFETIME,
    STAGED_FOR,
    UNDECIDED_FOR,
    SubmissionStatus,
)  # fmt: skip
from portal.rules.mail import MailKind
from portal.rules.roll import DRAFT_KEPT
from portal.store import (
    Session,
    Sessions,
    accounts,
    decisions,
    doors,
    identity,
    journal,
    leftovers,
    mail,
    roll,
    settling,
    watch,
)  # fmt: skip
from portal.store import sessions as sign_ins
from portal.store.files import Files, FilesUnavailable, StillThere
from portal.store.sealing import EpochKeys

# The workflow's own timer comes first; the sweep only catches what it missed.
GRACE = timedelta(hours=1)

# What could not be deleted this time: it holds up nothing else.
Stuck = list[ApplicationError | FilesUnavailable | StillThere]


@dataclass(frozen=True)
class Swept:
    """What a sweep found to do; all zero on a good day."""

    closed: int
    erased_late: int
    strays: int
    keys_destroyed: int


class SweepActivities:
    """Reads only the records, the object store and the key folder."""

    def __init__(
        self, sessions: Sessions, files: Files, keys: EpochKeys, identity_activities: IdentityActivities
    ) -> None:
        self.sessions = sessions
        self.files = files
        self.keys = keys
        self.identity = identity_activities

    @activity.defn
    async def sweep(self) -> Swept:
        # Records and key folder first: they never wait for the object store.
        destroyed = await self._destroy_keys()
        await self._forget()
        await self._tell_of_waiting()
        await self._tell_of_settled()
        closed = await self._close_overdue()
        stuck: Stuck = []
        late = await self._erase_late(stuck)
        strays = await self._erase_strays(stuck)
        await self._alarm()
        if stuck:
            # Everything else was tried: now the operators see it, and Temporal tries again.
            raise ApplicationError("pictures left", type=type(stuck[0]).__name__)
        return Swept(closed, late, strays, destroyed)

    async def _close_overdue(self) -> int:
        async with self.sessions.begin() as session:
            overdue = await leftovers.overdue(session, staged_for=STAGED_FOR, undecided_for=UNDECIDED_FOR + GRACE)
        for submission_id, status, ending in overdue:
            await self._close(submission_id, status, ending)
            activity.heartbeat()
        return len(overdue)

    async def _close(self, submission_id: UUID, status: SubmissionStatus, ending: SubmissionStatus) -> None:
        async with self.sessions.begin() as session:
            submission = await identity.lock(session, submission_id)
            assert submission is not None, "a submission is never deleted"
            if submission.status != status.value:
                # It has moved on since the look: it may be before the reviewers now.
                return
            if status is SubmissionStatus.STAGED:
                await identity.close(session, submission, ending)
                await journal.write(
                    session, "documents-closed", actor=journal.SYSTEM, member_id=submission.member_id,
                    campaign_id=submission.campaign_id, subject_id=submission_id, code=ending.value,
                )  # fmt: skip
                return
        # Unless it was decided meanwhile; the member is told as the workflow would have told.
        await self.identity.close_submission(
            CloseSubmission(submission.campaign_id, submission.member_id, submission_id, ending)
        )

    async def _erase_late(self, stuck: Stuck) -> int:
        async with self.sessions.begin() as session:
            late = await leftovers.not_erased(session, over_for=ERASURE_TARGET)
        for submission_id in late:
            try:
                await self._erase(submission_id)
            except ApplicationError as error:
                stuck.append(error)
            activity.heartbeat()
        return len(late)

    async def _erase(self, submission_id: UUID) -> None:
        erased: Erased = await self.identity.erase_documents(submission_id)
        await self.identity.certify_erasure(erased)
        async with self.sessions.begin() as session:
            await journal.write(session, "erased-by-sweep", actor=journal.SYSTEM, subject_id=submission_id)

    async def _alarm(self) -> None:
        """Whoever runs the portal is told of a picture that is still there an hour late: once for each picture."""
        async with self.sessions.begin() as session:
            oldest = await watch.oldest_undeleted(session)
            if oldest is None or datetime.now(UTC) - oldest.over_at < ERASURE_ALARM:
                return
            new = await journal.write(
                session, "erasure-alarm", actor=journal.SYSTEM, member_id=oldest.member_id,
                campaign_id=oldest.campaign_id, subject_id=oldest.id, key=f"erasure-alarm:{oldest.id}",
            )  # fmt: skip
            if not new:
                return
            for account_id in await accounts.with_role(session, Role.OPERATOR):
                await mail.queue(
                    session,
                    mail.to_queue(
                        key=f"{MailKind.STAFF_ALARM}:{oldest.id}:{account_id}", kind=MailKind.STAFF_ALARM,
                        account_id=account_id, campaign_id=None,
                        # At any hour: a promise is being broken.
                        due_at=datetime.now(UTC), facts={"submission_id": str(oldest.id)},
                    ),
                )  # fmt: skip

    async def _erase_strays(self, stuck: Stuck) -> int:
        """Objects without a record. Listed before the records are read: what is new since is in the records."""
        try:
            stored = await self.files.stored(older_than=datetime.now(UTC) - GRACE)
        except FilesUnavailable as error:
            stuck.append(error)
            return 0
        async with self.sessions.begin() as session:
            known = await leftovers.live_object_keys(session)
        strays = [file.key for file in stored if file.key not in known]
        for key in strays:
            try:
                await self.files.erase(key)
            except (FilesUnavailable, StillThere) as error:
                stuck.append(error)
                continue
            async with self.sessions.begin() as session:
                await journal.write(session, "stray-erased", actor=journal.SYSTEM)
            activity.heartbeat()
        return len(strays)

    async def _destroy_keys(self) -> int:
        """A day's key goes once it opens nothing any more, and on its last day whatever happens."""
        async with self.sessions.begin() as session:
            in_use = await leftovers.epochs_in_use(session)
        today = datetime.now(UTC).date()
        over = [
            day
            for day in self.keys.days()
            if day + KEY_LIFETIME <= today or (day < today - timedelta(days=1) and day not in in_use)
        ]
        return sum(self.keys.destroy(day) for day in over)

    async def _tell_of_waiting(self) -> None:
        """A case whose next opinion nobody who is there may give does not wait in silence."""
        async with self.sessions.begin() as session:
            for case in await decisions.waiting_for_another(session):
                # An appeal that nobody has looked at has a promised day of its own.
                if case.opinions or not case.appeal:
                    await review_mails.tell_staff(
                        session, self.identity.records.policy.courtesy, case.submission_id, "another-reviewer"
                    )

    async def _tell_of_settled(self) -> None:
        """A vote that the passing of time has set aside is not set aside in silence: no step of anybody says so."""
        async with self.sessions.begin() as session:
            untold = await settling.untold(session)
        records = self.identity.records
        for one in untold:
            async with self.sessions.begin() as session:
                whole = await records.read(session, one.campaign_id, one.member_id)
                await settled_votes.tell(session, records, whole)
            activity.heartbeat()

    async def _forget(self) -> None:
        async with self.sessions.begin() as session:
            await sign_ins.drop_expired(session)
            await accounts.drop_old_attempts(session, datetime.now(UTC) - timedelta(days=2))
            await leftovers.purge_notes(session)
            await doors.forget(session, datetime.now(UTC) - FORGOTTEN_AFTER)
            await mail.forget_notes(session)
            await self._forget_drafts(session)

    async def _forget_drafts(self, session: Session) -> None:
        """Names and addresses of a file that nobody confirmed within a day."""
        before = datetime.now(UTC) - DRAFT_KEPT
        for draft in await roll.lapsed(session, before):
            await roll.abandon(session, draft)
            await journal.write(
                session, "roll-abandoned", actor=journal.SYSTEM, subject_id=draft.id, code="lapsed",
                key=f"roll-abandoned:{draft.id}",
            )  # fmt: skip
        await roll.forget_problems(session, before)
