"""What a member's file does to the records: opened, reminded, told of a moved calendar, ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from temporalio import activity

from portal.rules.campaigns import Calendar
from portal.rules.decisions import appeal_answered_by
from portal.rules.mail import MOST_REMINDERS, Courtesy, MailKind, send_at
from portal.rules.members import Group
from portal.rules.onboarding import MEMBERS_TURN, IdentityState, Step
from portal.rules.refusals import Refusal
from portal.store import Session, Sessions, campaigns, identity, journal, onboarding, steps
from portal.store import mail as outbox
from portal.store.onboarding import Standing, Whole


@dataclass(frozen=True)
class FileOf:
    """Whose file, in which campaign."""

    campaign_id: UUID
    member_id: UUID


@dataclass(frozen=True)
class StepOrder:
    """One step of a member. `key` is the update's id: a repeat finds it in the journal and does nothing."""

    campaign_id: UUID
    member_id: UUID
    key: str


@dataclass(frozen=True)
class FileState:
    """What a member's workflow knows: where the file stands, in ids, codes and instants."""

    step: Step
    email_verified: bool
    identity: IdentityState
    submission_id: UUID | None
    submitted_at: datetime | None
    # Codes of the member's own ballots, and of those registered for.
    own: list[str]
    registered: list[str]
    last_step_at: datetime
    reminded: int
    reminders_in_all: int
    calendar: Calendar
    # Submissions that are over and whose pictures are still to be erased.
    to_erase: list[UUID] = field(default_factory=list)
    # For operators, since release 0.2: whose ballots, how many submissions, since when at this step.
    group: Group | None = None
    attempts: int = 0
    waiting_since: datetime | None = None
    # When the answer to the appeal under review is promised; None once we apologised for being late.
    appeal_by: datetime | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a step; small, since every history keeps it."""

    refusal: Refusal | None = None
    # An appeal was taken back: the refusal that it contested stands.
    refused_again: bool = False


@dataclass(frozen=True)
class Remind:
    campaign_id: UUID
    member_id: UUID
    # Counts reminders of the whole campaign, hence names this one.
    nth: int


@dataclass(frozen=True)
class Policy:
    """The settings that activities decide by."""

    identity_valid_for: timedelta
    courtesy: Courtesy


class Records:
    """What every step of a member reads and writes besides its own table; one instance per activity class."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    async def read(self, session: Session, campaign_id: UUID, member_id: UUID, *, key: str | None = None) -> Whole:
        """The member in the campaign; the file is opened if it is not. `key` names a step that may be done already."""
        whole = await onboarding.read(
            session, campaign_id, member_id, valid_for=self.policy.identity_valid_for, key=key
        )
        if whole is None:
            raise LookupError("no such campaign or member")
        if whole.file is None:
            file = await onboarding.open_file(session, whole.campaign, member_id)
            return replace(whole, file=file)
        return whole

    async def moved_on(self, session: Session, whole: Whole, *, by_member: bool) -> None:
        """Write down the step the file has reached."""
        assert whole.file is not None, "reading opens the file"
        await onboarding.note_step(session, whole.file, whole.standing.step, by_member=by_member)

    async def write(
        self,
        session: Session,
        whole: Whole,
        action: str,
        *,
        key: str,
        statement: steps.Statement = steps.WRITTEN,
        act: Mapping[str, object] | None = None,
        subject_id: UUID | None = None,
        code: str | None = None,
        mail: outbox.Row | None = None,
        **changes: object,
    ) -> bool:
        """A step of the member: its act, the journal, the mail and the file, in one statement (portal/store/steps.py).

        `changes` are what it changes in the standing. False, and nothing changed, when its act could not be done.
        """
        now = replace(whole.standing, **changes)  # type: ignore[arg-type]
        step = Standing.of(now.email_verified, now.identity, now.submission, now.own, now.registered).step
        return await steps.write(
            session, statement, act=act, member_id=whole.member.id, campaign_id=whole.campaign.id, action=action,
            key=key, reached=step, subject_id=subject_id, code=code, mail=mail,
        )  # fmt: skip

    def mail(self, whole: Whole, kind: MailKind, *, key: str, facts: dict[str, str]) -> outbox.Row | None:
        """A mail to the member, due now; None for one without an address."""
        account, campaign = whole.account, whole.campaign
        if account is None or account.email is None:
            return None
        due = send_at(
            kind,
            due=datetime.now(UTC),
            to=str(whole.member.id),
            courtesy=self.policy.courtesy,
            zone=campaign.zone,
        )
        return outbox.to_queue(
            key=key, kind=kind, account_id=account.id, campaign_id=campaign.id, due_at=due, facts=facts
        )


class OnboardingActivities:
    """The file as a whole."""

    def __init__(self, sessions: Sessions, policy: Policy) -> None:
        self.sessions = sessions
        self.records = Records(policy)

    @activity.defn
    async def open_file(self, order: FileOf) -> FileState:
        """Open the file, or take it up where the records say it stands."""
        async with self.sessions.begin() as session:
            campaign = await campaigns.by_id(session, order.campaign_id)
            if campaign is None:
                raise LookupError("no such campaign")
            file = await onboarding.open_file(session, campaign, order.member_id)
            first = await journal.write(
                session, "file-opened", actor="member", actor_id=order.member_id, member_id=order.member_id,
                campaign_id=campaign.id, key=f"file:{campaign.id}:{order.member_id}",
            )  # fmt: skip
            whole = await self.records.read(session, campaign.id, order.member_id)
            await self.records.moved_on(session, whole, by_member=first)
            standing = whole.standing
            # The step may just have moved the file.
            await session.refresh(file)
            return FileState(
                step=standing.step,
                email_verified=standing.email_verified,
                identity=standing.identity,
                submission_id=standing.submission.id if standing.submission else None,
                submitted_at=standing.submission.submitted_at if standing.submission else None,
                own=standing.own,
                registered=standing.registered,
                last_step_at=file.last_step_at,
                reminded=file.reminded,
                reminders_in_all=file.reminders_in_all,
                calendar=campaign.calendar,
                to_erase=await identity.to_erase(session, campaign.id, order.member_id),
                group=Group(whole.member.group),
                attempts=await identity.attempts(session, campaign.id, order.member_id),
                waiting_since=file.waiting_since,
                appeal_by=await self._appeal_by(session, whole),
            )

    async def _appeal_by(self, session: Session, whole: Whole) -> datetime | None:
        live = whole.standing.submission
        if live is None or live.appeal_of is None or live.submitted_at is None:
            return None
        apologised = await journal.holds(session, f"appeal-late:{live.id}")
        return None if apologised else appeal_answered_by(live.submitted_at, whole.campaign.closes, whole.campaign.ends)

    @activity.defn
    async def remind(self, order: Remind) -> None:
        """Queue the reminder of the missing step, unless nothing is missing any more."""
        async with self.sessions.begin() as session:
            whole = await self.records.read(session, order.campaign_id, order.member_id)
            step = whole.standing.step
            key = f"reminder:{order.campaign_id}:{order.member_id}:{order.nth}"
            new = await journal.write(
                session, "reminded", actor=journal.SYSTEM, member_id=order.member_id,
                campaign_id=order.campaign_id, code=step.value, key=key,
            )  # fmt: skip
            if not new:
                return
            # The campaign's own reminder may have used the last of the five; whoever left the roll misses nothing, and
            # whoever votes on paper has nothing left to do here.
            allowed = (
                whole.file is not None
                and whole.file.reminders_in_all < MOST_REMINDERS
                and whole.member.left_at is None
                and whole.paper_at is None
            )
            await onboarding.note_reminder(session, order.campaign_id, order.member_id)
            if allowed and step in MEMBERS_TURN:
                reminder = self.records.mail(whole, MailKind.REMINDER, key=key, facts={"step": step.value})
                if reminder is not None:
                    await outbox.queue(session, reminder)

    @activity.defn
    async def take_calendar(self, order: FileOf) -> Calendar:
        """The calendar of the records, written down as the one this member's workflow now goes by."""
        async with self.sessions.begin() as session:
            campaign = await campaigns.by_id(session, order.campaign_id)
            if campaign is None:
                raise LookupError("no such campaign")
            calendar = campaign.calendar
            await onboarding.note_calendar(session, campaign.id, order.member_id, calendar.version)
            return calendar

    @activity.defn
    async def end_file(self, order: FileOf) -> None:
        async with self.sessions.begin() as session:
            await onboarding.end_file(session, order.campaign_id, order.member_id)
            await journal.write(
                session,
                "file-ended",
                actor=journal.SYSTEM,
                member_id=order.member_id,
                campaign_id=order.campaign_id,
                key=f"file-ended:{order.campaign_id}:{order.member_id}",
            )
