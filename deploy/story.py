"""What each member of the demo has done so far, and when; written as a workflow would have written it."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from deploy.cast import DECIDED, UNDER_REVIEW, Person, State
from deploy.questions import ballots_of
from portal.rules.identity import CLAIM_LEASE, Reason, SubmissionStatus, Verdict, certificate_number
from portal.rules.mail import MailKind, lane
from portal.rules.members import Standing
from portal.rules.onboarding import MEMBERS_TURN, REMIND_AFTER, IdentityState, Step, step_of
from portal.store.campaigns import Campaign
from portal.store.identity import Claim, Decision, Document, Erasure, Submission
from portal.store.journal import SYSTEM, Entry
from portal.store.mail import Mail
from portal.store.onboarding import File

_REASONS = (
    Reason.UNREADABLE, Reason.CUT_OFF, Reason.EXPIRED, Reason.NO_ADDRESS, Reason.ADDRESS_DIFFERS,
    Reason.TYPE_NOT_ACCEPTED,
)  # fmt: skip


@dataclass
class Story:
    """One member's instants, each None until it has happened."""

    member_id: UUID
    now: datetime
    started_at: datetime
    own: list[str]
    has_file: bool = False
    verified_at: datetime | None = None
    submission_id: UUID | None = None
    submitted_at: datetime | None = None
    registered_at: datetime | None = None
    registered: list[str] = field(default_factory=list)
    decided_at: datetime | None = None
    erased_at: datetime | None = None
    reason: Reason | None = None
    # Documents of before, that two reviewers refused.
    refused_id: UUID | None = None
    refused_sent_at: datetime | None = None

    @property
    def approved(self) -> bool:
        return self.decided_at is not None and self.reason is None

    @property
    def refused_at(self) -> datetime | None:
        return self.refused_sent_at + timedelta(days=1) if self.refused_sent_at else None

    @property
    def status(self) -> SubmissionStatus:
        if self.decided_at is None:
            return SubmissionStatus.SUBMITTED
        return SubmissionStatus.APPROVED if self.approved else SubmissionStatus.REJECTED

    @property
    def step(self) -> Step:
        identity = IdentityState.NONE
        if self.approved:
            identity = IdentityState.APPROVED
        elif self.submission_id is not None and self.decided_at is None:
            identity = IdentityState.SUBMITTED
        elif self.refused_id is not None:
            identity = IdentityState.REFUSED
        return step_of(
            email_verified=self.verified_at is not None,
            identity=identity,
            registered=len(self.registered),
            own_ballots=len(self.own),
        )

    def file(self, campaign: Campaign) -> File:
        moments = [
            self.started_at, self.verified_at, self.submitted_at, self.registered_at, self.decided_at, self.refused_at,
        ]  # fmt: skip
        last = max(at for at in moments if at is not None)
        # As many reminders as its workflow would have sent; else it would send them all at the next sign-in.
        reminded = 0
        if self.step in MEMBERS_TURN:
            reminded = sum(last + wait <= self.now for wait in REMIND_AFTER)
        return File(
            campaign_id=campaign.id, member_id=self.member_id, started_at=self.started_at,
            step=self.step.value, waiting_since=last, last_step_at=last, reminded=reminded,
            reminders_in_all=reminded, calendar_version=campaign.calendar_version, version=1,
        )  # fmt: skip

    def submissions(self, campaign: Campaign) -> list[Submission]:
        if self.submission_id is None or self.submitted_at is None:
            return []
        return [
            Submission(
                id=self.submission_id, campaign_id=campaign.id, member_id=self.member_id,
                status=self.status.value, staged_at=self.submitted_at - timedelta(seconds=40),
                submitted_at=self.submitted_at, over_at=self.decided_at, erased_at=self.erased_at,
                appeal_of=self.refused_id,
            )
        ]  # fmt: skip

    def decision(self, reviewer_id: UUID) -> tuple[Document, Claim, Decision, Erasure]:
        """What is left of documents that were decided on: no key, no picture, a certificate."""
        assert self.submission_id is not None, "only documents that were sent are decided on"
        assert self.submitted_at is not None
        assert self.decided_at is not None
        assert self.erased_at is not None
        claimed_at = self.decided_at - timedelta(minutes=2)
        claim = Claim(
            id=uuid4(), submission_id=self.submission_id, reviewer_id=reviewer_id, claimed_at=claimed_at,
            expires_at=claimed_at + CLAIM_LEASE,
        )  # fmt: skip
        verdict = Verdict.APPROVE if self.approved else Verdict.REJECT
        return (
            Document(
                id=uuid4(), submission_id=self.submission_id, position=0, kind="driving-licence", width=1600,
                height=1000, epoch=self.submitted_at.date(), wrapped_key=None,
            ),
            claim,
            Decision(
                submission_id=self.submission_id, claim_id=claim.id, reviewer_id=reviewer_id,
                verdict=verdict.value, reason=self.reason.value if self.reason else None,
                decided_at=self.decided_at,
            ),
            Erasure(
                certificate=certificate_number(self.submission_id), submission_id=self.submission_id,
                outcome=self.status.value, documents=1, versions_removed=1, versions_left=0,
                received_at=self.submitted_at, over_at=self.decided_at, erased_at=self.erased_at,
            ),
        )  # fmt: skip

    def mails(self, campaign: Campaign, account_id: UUID) -> list[Mail]:
        """What the union has written to them so far; the words of mails sent long ago are not kept."""
        sent = {
            MailKind.VERIFICATION: self.verified_at and self.verified_at - timedelta(minutes=1),
            MailKind.DOCUMENTS_RECEIVED: self.refused_sent_at or self.submitted_at,
            MailKind.IDENTITY_REFUSED: self.refused_at,
            MailKind.APPEAL_RECEIVED: self.submitted_at if self.refused_id else None,
            MailKind.REGISTERED: self.registered_at,
            MailKind.APPROVED: self.erased_at if self.approved else None,
            MailKind.REJECTED: self.erased_at if self.reason else None,
        }
        return [
            Mail(
                id=uuid4(), key=f"told:{kind}:{self.member_id}", kind=kind.value, lane=lane(kind).value,
                account_id=account_id, campaign_id=campaign.id, facts={}, queued_at=at, due_at=at, sent_at=at,
            )
            for kind, at in sent.items()
            if at is not None
        ]  # fmt: skip

    def journal(self, campaign: Campaign, reviewer_id: UUID) -> list[Entry]:
        """The member's trail, oldest first."""
        entries: list[Entry] = []

        def note(at: datetime | None, action: str, actor: str = "member", **more: object) -> None:
            if at is not None:
                actor_id = {"member": self.member_id, "reviewer": reviewer_id}.get(actor)
                entries.append(
                    Entry(
                        at=at, actor=actor, actor_id=actor_id, action=action, member_id=self.member_id,
                        campaign_id=campaign.id, **more,
                    )
                )  # fmt: skip

        if self.has_file:
            note(self.started_at, "file-opened", key=f"file:{campaign.id}:{self.member_id}")
        note(self.verified_at, "email-verified")
        note(self.refused_sent_at, "documents-submitted", subject_id=self.refused_id)
        sent = "appeal-made" if self.refused_id else "documents-submitted"
        note(self.submitted_at, sent, subject_id=self.submission_id)
        note(self.registered_at, "registered", code=",".join(self.registered))
        if self.submission_id is not None:
            taken_at = self.decided_at - timedelta(minutes=2) if self.decided_at else None
            note(taken_at, "case-opened", "reviewer", subject_id=self.submission_id)
            note(taken_at, "picture-seen", "reviewer", subject_id=self.submission_id)
            verdict = "identity-approved" if self.approved else "identity-rejected"
            reason = self.reason.value if self.reason else None
            note(
                self.decided_at, verdict, "reviewer", subject_id=self.submission_id, code=reason,
                key=f"decision:{self.submission_id}",
            )  # fmt: skip
            note(
                self.erased_at, "documents-erased", SYSTEM, subject_id=self.submission_id,
                code=certificate_number(self.submission_id), key=f"erased:{self.submission_id}",
            )  # fmt: skip
        return entries


def tell(people: list[Person], campaign: Campaign, now: datetime) -> list[Story]:
    """Everybody's story, drawn by lot, always the same for the same people."""
    chance = random.Random(campaign.code)
    stories = [_story(person, now, chance) for person in people]
    rejected = [s for p, s in zip(people, stories, strict=True) if p.state is State.REJECTED]
    for at, story in enumerate(rejected):
        story.reason = _REASONS[at % len(_REASONS)]
    return stories


def _story(person: Person, now: datetime, chance: random.Random) -> Story:
    # Some cases have waited for a week, the last for an hour: the queue has an order.
    longest = timedelta(days=7) if person.state in UNDER_REVIEW else timedelta(days=13)
    shortest = timedelta(hours=2) if person.state in UNDER_REVIEW else timedelta(days=1)
    started_at = now - shortest - (longest - shortest) * chance.random()
    own = ballots_of(person.group) if person.standing is Standing.MEMBER else []
    story = Story(uuid4(), now, started_at.replace(microsecond=0), own)
    if person.state is State.NEW:
        return story
    story.has_file = True
    if person.state is State.EMAIL:
        return story
    story.verified_at = story.started_at + timedelta(minutes=chance.randint(2, 12))
    if person.state is State.IDENTITY:
        return story
    if person.state in (State.REFUSED, State.APPEAL):
        # Refused two days ago: the appeal was made since, or can be.
        story.refused_id, story.refused_sent_at = uuid4(), (now - timedelta(days=3)).replace(microsecond=0)
        story.started_at = story.refused_sent_at - timedelta(minutes=30)
        story.verified_at = story.started_at + timedelta(minutes=5)
        story.registered = list(own)
        story.registered_at = story.refused_sent_at + timedelta(minutes=3)
        if person.state is State.APPEAL:
            story.submission_id, story.submitted_at = uuid4(), story.refused_sent_at + timedelta(days=2)
        return story
    story.submission_id = uuid4()
    story.submitted_at = story.verified_at + timedelta(minutes=chance.randint(3, 40))
    story.registered = _registered(person.state, own, chance)
    if story.registered:
        story.registered_at = story.submitted_at + timedelta(minutes=chance.randint(1, 5))
    if person.state in DECIDED:
        story.decided_at = story.submitted_at + timedelta(minutes=chance.randint(20, 1200))
        story.erased_at = story.decided_at + timedelta(seconds=chance.randint(2, 90))
    return story


def _registered(state: State, own: list[str], chance: random.Random) -> list[str]:
    if state in (State.REVIEW, State.DONE):
        return list(own)
    if state is State.REJECTED:
        return []
    return own[: chance.randint(0, len(own) - 3)]
