"""What the records hold of one person, over all campaigns, read for that person alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, and_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from portal.rules.doors import Status
from portal.rules.identity import Reason, SubmissionStatus, erased_by
from portal.rules.votes import VoteState
from portal.store import Session
from portal.store.accounts import Account
from portal.store.ballots import Ballot, Registration
from portal.store.campaigns import Campaign
from portal.store.doors import DoorRequest
from portal.store.identity import NOTED, Decision, DecisionNote, Document, Erasure, Submission
from portal.store.links import Link
from portal.store.mail import Mail
from portal.store.members import Member
from portal.store.onboarding import File
from portal.store.votes import SETTLED


@dataclass(frozen=True, slots=True)
class Past:
    """One submission of documents and what became of it."""

    campaign: Campaign
    submission: Submission
    # Codes of its documents, in order.
    kinds: list[str]
    decided_at: datetime | None
    reason: Reason | None
    note: DecisionNote | None
    certificate: str | None

    @property
    def status(self) -> SubmissionStatus:
        return SubmissionStatus(self.submission.status)

    @property
    def erased_by(self) -> datetime:
        s = self.submission
        return erased_by(
            self.status,
            staged_at=s.staged_at,
            submitted_at=s.submitted_at,
            over_at=s.over_at,
            ends=self.campaign.calendar.ends,
        )


_PERSON = (
    select(Member, Account).join(Account, Account.member_id == Member.id).where(Account.id == bindparam("account"))
)


async def person(session: Session, account_id: UUID) -> tuple[Member, Account]:
    """Whoever has this account, as the roll and the account know them."""
    member, account = (await session.execute(_PERSON, {"account": account_id})).one()
    return member, account


_KINDS = (
    select(func.array_agg(aggregate_order_by(Document.kind, Document.position)))
    .where(Document.submission_id == Submission.id)
    .scalar_subquery()
)
_SUBMISSIONS = (
    select(
        Submission,
        Campaign,
        Decision.decided_at,
        Decision.reason,
        DecisionNote,
        Erasure.certificate,
        _KINDS.label("kinds"),
    )
    .join(Campaign, Campaign.id == Submission.campaign_id)
    .outerjoin(
        Decision,
        and_(
            Decision.submission_id == Submission.id,
            Decision.undone_at.is_(None),
            # What may still be undone has happened to nobody.
            Submission.over_at.is_not(None),
        ),
    )
    .outerjoin(DecisionNote, NOTED)
    .outerjoin(Erasure, Erasure.submission_id == Submission.id)
    .where(Submission.member_id == bindparam("member"))
    .order_by(Submission.staged_at.desc())
)


async def submissions(session: Session, member_id: UUID) -> list[Past]:
    """Every submission this member ever made, the newest first."""
    rows = await session.execute(_SUBMISSIONS, {"member": member_id})
    return [
        Past(
            r.Campaign, r.Submission, list(r.kinds or []), r.decided_at, Reason(r.reason) if r.reason else None,
            r.DecisionNote, r.certificate,
        )
        for r in rows
    ]  # fmt: skip


_REGISTRATIONS = (
    select(Campaign, Ballot, Registration)
    .join(Ballot, Ballot.campaign_id == Campaign.id)
    .join(Registration, Registration.ballot_id == Ballot.id)
    .where(Registration.member_id == bindparam("member"))
    .order_by(Campaign.opens.desc(), Ballot.position)
)


async def registrations(session: Session, member_id: UUID) -> list[tuple[Campaign, Ballot, Registration]]:
    rows = await session.execute(_REGISTRATIONS, {"member": member_id})
    return [(campaign, ballot, registration) for campaign, ballot, registration in rows]


@dataclass(frozen=True, slots=True)
class Participation:
    """That a member voted in a ballot, when, and what has become of the vote: all that the portal knows of it."""

    campaign: Campaign
    ballot: Ballot
    cast_at: datetime
    state: VoteState
    settled_by: datetime


_PARTICIPATION = (
    select(Campaign, Ballot, SETTLED.c.cast_at, SETTLED.c.state, SETTLED.c.settled_by)
    .join(Ballot, Ballot.campaign_id == Campaign.id)
    .join(SETTLED, SETTLED.c.ballot_id == Ballot.id)
    .where(SETTLED.c.member_id == bindparam("member"))
    .order_by(Campaign.opens.desc(), Ballot.position)
)


async def participation(session: Session, member_id: UUID) -> list[Participation]:
    """Every vote of a member: never the sealed vote, nor its receipt, which is shown on one page alone."""
    rows = await session.execute(_PARTICIPATION, {"member": member_id})
    return [Participation(c, b, at, VoteState(state), settled_by) for c, b, at, state, settled_by in rows]


_FILES = (
    select(Campaign, File)
    .join(File, File.campaign_id == Campaign.id)
    .where(File.member_id == bindparam("member"))
    .order_by(File.started_at.desc())
)


async def files(session: Session, member_id: UUID) -> list[tuple[Campaign, File]]:
    """Where the member stands, and stood, in each campaign."""
    rows = await session.execute(_FILES, {"member": member_id})
    return [(campaign, file) for campaign, file in rows]


# Anybody may type somebody else's number at a door, and what they type is not that member's to read. Accepted with the
# address of the account, a request is the member's own; once it is forgotten nothing that was typed is left in it.
_REQUESTS = (
    select(DoorRequest)
    .join(Account, Account.member_id == DoorRequest.member_id)
    .where(
        Account.id == bindparam("account"),
        DoorRequest.status == Status.ACCEPTED.value,
        or_(DoorRequest.email == Account.email, DoorRequest.email.is_(None)),
    )
    .order_by(DoorRequest.asked_at.desc())
)


async def requests(session: Session, account_id: UUID) -> Sequence[DoorRequest]:
    """What this person has asked for at the doors beside the entrance and was given, the newest first."""
    return (await session.scalars(_REQUESTS, {"account": account_id})).all()


_MAILS = select(func.count()).where(
    or_(
        Mail.account_id == bindparam("account"),
        Mail.request_id == func.any(bindparam("requests", type_=ARRAY(Mail.id.type))),
    ),
    or_(Mail.sent_at.is_not(None), Mail.failed_at.is_not(None)),
)


async def mails(session: Session, account_id: UUID, *, requests: Collection[UUID] = ()) -> int:
    """How many mails the message centre holds for this account and these requests."""
    return await session.scalar(_MAILS, {"account": account_id, "requests": list(requests)}) or 0


# Never the hash of a token.
_LINKS = (
    select(Link.purpose, Link.email, Link.created_at, Link.expires_at, Link.used_at, Link.voided_at)
    .where(Link.account_id == bindparam("account"))
    .order_by(Link.created_at.desc())
)


async def links(session: Session, account_id: UUID) -> list[dict[str, object]]:
    """One-time links that were sent to this person's address, each with its instants."""
    rows = await session.execute(_LINKS, {"account": account_id})
    return [dict(row) for row in rows.mappings()]
