"""What a member's file does to the records: opened, reminded, told of a moved calendar, ended."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from temporalio import activity

from portal.rules.campaigns import Calendar
from portal.rules.mail import MOST_REMINDERS, Courtesy, MailKind, lane, send_at
from portal.rules.onboarding import MEMBERS_TURN, IdentityState, Step
from portal.rules.refusals import Refusal
from portal.store import Session, Sessions, accounts, campaigns, identity, journal, mail, members, onboarding
from portal.store.campaigns import Campaign
from portal.store.members import Member


@dataclass(frozen=True)
class FileOf:
    """Whose file, in which campaign."""

    campaign_id: UUID
    member_id: UUID


@dataclass(frozen=True)
class StepOrder:
    """One step of a member. `key` is the id of the update: a repeat finds it in the journal and does nothing."""

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


@dataclass(frozen=True)
class Outcome:
    """What became of a step; small, since every history keeps it."""

    refusal: Refusal | None = None


@dataclass(frozen=True)
class Remind:
    campaign_id: UUID
    member_id: UUID
    # Counts reminders of the whole campaign, hence names this one.
    nth: int


@dataclass(frozen=True)
class CalendarHeard:
    campaign_id: UUID
    member_id: UUID
    version: int


@dataclass(frozen=True)
class Policy:
    """The settings that activities decide by."""

    identity_valid_for: timedelta
    courtesy: Courtesy


class Records:
    """What every step of a member reads and writes besides its own table; one instance per activity class."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy

    async def file_and_member(self, session: Session, order: FileOf | StepOrder) -> tuple[Campaign, Member]:
        campaign = await campaigns.by_id(session, order.campaign_id)
        member = await members.by_id(session, order.member_id)
        if campaign is None or member is None:
            raise LookupError("no such campaign or member")
        return campaign, member

    async def state(self, session: Session, campaign: Campaign, member: Member) -> FileState:
        file = await onboarding.of_member(session, campaign.id, member.id)
        assert file is not None, "the file is opened before it is read"
        standing = await onboarding.standing(
            session, campaign, member, valid_for=self.policy.identity_valid_for
        )
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
            to_erase=await identity.to_erase(session, campaign.id, member.id),
        )

    async def moved_on(
        self, session: Session, campaign: Campaign, member: Member, *, by_member: bool
    ) -> None:
        """Write down the step the file has reached."""
        file = await onboarding.of_member(session, campaign.id, member.id)
        if file is None:
            file = await onboarding.open_file(session, campaign, member.id)
        standing = await onboarding.standing(
            session, campaign, member, valid_for=self.policy.identity_valid_for
        )
        await onboarding.note_step(session, file, standing.step, by_member=by_member)

    async def write_to(
        self,
        session: Session,
        campaign: Campaign,
        member: Member,
        kind: MailKind,
        *,
        key: str,
        due: datetime,
        facts: dict[str, str] | None = None,
    ) -> None:
        """Queue a mail to a member; one without an address gets none."""
        account = await accounts.of_member(session, member.id)
        if account is None or account.email is None:
            return
        await mail.queue(
            session,
            key=key,
            kind=kind,
            lane=lane(kind),
            account_id=account.id,
            campaign_id=campaign.id,
            due_at=send_at(
                kind, due=due, to=str(member.id), courtesy=self.policy.courtesy, zone=campaign.zone
            ),
            facts=facts or {},
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
            campaign, member = await self.records.file_and_member(session, order)
            known = await onboarding.of_member(session, campaign.id, member.id)
            await onboarding.open_file(session, campaign, member.id)
            if known is None:
                await journal.write(
                    session,
                    "file-opened",
                    actor="member",
                    actor_id=member.id,
                    member_id=member.id,
                    campaign_id=campaign.id,
                    key=f"file:{campaign.id}:{member.id}",
                )
            await self.records.moved_on(session, campaign, member, by_member=known is None)
            return await self.records.state(session, campaign, member)

    @activity.defn
    async def remind(self, order: Remind) -> None:
        """Queue the reminder of the missing step, unless nothing is missing any more."""
        async with self.sessions.begin() as session:
            campaign, member = await self.records.file_and_member(
                session, FileOf(order.campaign_id, order.member_id)
            )
            standing = await onboarding.standing(
                session, campaign, member, valid_for=self.records.policy.identity_valid_for
            )
            key = f"reminder:{order.campaign_id}:{order.member_id}:{order.nth}"
            new = await journal.write(
                session,
                "reminded",
                actor=journal.SYSTEM,
                member_id=member.id,
                campaign_id=campaign.id,
                code=standing.step.value,
                key=key,
            )
            if new:
                file = await onboarding.of_member(session, campaign.id, member.id)
                # The campaign's own reminder may have used the last of the five.
                allowed = file is not None and file.reminders_in_all < MOST_REMINDERS
                await onboarding.note_reminder(session, campaign.id, member.id)
                if allowed and standing.step in MEMBERS_TURN:
                    await self.records.write_to(
                        session,
                        campaign,
                        member,
                        MailKind.REMINDER,
                        key=key,
                        due=datetime.now(UTC),
                        facts={"step": standing.step.value},
                    )

    @activity.defn
    async def note_calendar(self, order: CalendarHeard) -> None:
        """Write down which calendar this member's workflow now goes by."""
        async with self.sessions.begin() as session:
            await onboarding.note_calendar(session, order.campaign_id, order.member_id, order.version)

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
