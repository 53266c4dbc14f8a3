"""Votes, sealed before they come here; one statement on the database clock decides whether one is taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKeyConstraint,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    Uuid,
    and_,
    bindparam,
    case,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    table,
    text,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, aliased, mapped_column

from portal.rules.campaigns import CampaignStatus
from portal.rules.identity import SubmissionStatus
from portal.rules.mail import MailKind, lane
from portal.rules.refusals import Refusal
from portal.rules.votes import (
    BallotKind,
    Definition,
    Majority,
    VoteState,
    digest_of,
    options_of,
    receipt_of,
    refusal_of,
)  # fmt: skip
from portal.store import Session, journal
from portal.store.accounts import Account
from portal.store.ballots import ELECTORS, OF_GROUP, OF_STANDING, Ballot, Candidate, Registration
from portal.store.base import Base, table_of
from portal.store.campaigns import Campaign, Current
from portal.store.identity import Submission
from portal.store.mail import Mail
from portal.store.members import Member
from portal.store.paper import on_paper


class Vote(Base):
    """The outer envelope: who has voted in which ballot, and what nobody can open before the count.

    `digest` is computed by the database, so that no receipt names a vote that is not there. A trigger looks again at
    the window and at a mark for paper under a lock, and lets nobody change or delete a vote.
    """

    __tablename__ = "vote"
    __table_args__ = (
        CheckConstraint("octet_length(ciphertext) = 145", name="length"),
        UniqueConstraint("ballot_id", "digest"),
        # Not to the ballot itself: all its voters would share the lock of one row.
        ForeignKeyConstraint(["ballot_id", "member_id"], ["registration.ballot_id", "registration.member_id"]),
    )

    ballot_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    # No process may read it: it leaves by a function, sorted, once the box is sealed.
    ciphertext: Mapped[bytes] = mapped_column(deferred=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, Computed("sha256(ciphertext)", persisted=True))
    cast_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


@dataclass(frozen=True, slots=True)
class Taken:
    """A vote that is in the box: since when, and the hash that its receipt is made of."""

    cast_at: datetime
    digest: bytes


_NOW = func.clock_timestamp()
_VOTE = table_of(Vote)
# Documents that a person is looking at, or will.
_LIVE = exists().where(
    Submission.campaign_id == Campaign.id,
    Submission.member_id == Member.id,
    Submission.status == SubmissionStatus.SUBMITTED.value,
)
# Who may vote in this ballot now: open, on the roll, in its electorate, registered, identity confirmed or in review.
_MAY = (
    select(Ballot.id, Member.id, bindparam("sealed", type_=LargeBinary()))
    .select_from(Ballot)
    .join(Campaign, Campaign.id == Ballot.campaign_id)
    .join(Member, Member.id == bindparam("voter"))
    .join(Registration, and_(Registration.ballot_id == Ballot.id, Registration.member_id == Member.id))
    .where(
        Ballot.id == bindparam("ballot"),
        Campaign.id == bindparam("campaign"),
        Campaign.status == CampaignStatus.OPEN.value,
        Campaign.election_key.is_not(None),
        Campaign.sealed_at.is_(None),
        Campaign.opens <= _NOW,
        Campaign.closes > _NOW,
        Member.rehearsal_id.is_not_distinct_from(case((Campaign.rehearsal, Campaign.id))),
        ELECTORS,
        or_(Registration.confirmed_at.is_not(None), _LIVE),
        ~on_paper(Campaign.id, Member.id),
    )
)
_CAST = (
    insert(_VOTE)
    .from_select(["ballot_id", "member_id", "ciphertext"], _MAY, include_defaults=False)
    # Their own second vote, or a copy of somebody else's.
    .on_conflict_do_nothing()
    .returning(_VOTE.c.cast_at, _VOTE.c.digest)
    .cte("taken")
)
# That a vote of theirs is recorded is mailed once an hour at most, a little after the hour, and not to everybody at one
# moment. The hour and the member are its key: the mail says which ballots when it leaves, and never the receipt. No
# bell is rung: those who commit with one wait for each other, and the relay looks in time by itself.
_VOTER = bindparam("voter", type_=Uuid())
_OF_CAMPAIGN = bindparam("campaign", type_=Uuid())
_HOUR = func.date_trunc("hour", _CAST.c.cast_at, "UTC")
_SHARE = func.hashtextextended(sql_cast(_VOTER, Text), 0).bitwise_and(255)
_LEAVES = _HOUR + text("interval '1 hour 2 minutes'") + _SHARE * text("interval '1 second'")
_NOTED = (
    insert(table_of(Mail))
    .from_select(
        ["id", "key", "kind", "lane", "account_id", "campaign_id", "facts", "due_at"],
        select(
            func.gen_random_uuid(),
            func.concat(
                f"{MailKind.PARTICIPATION}:", _OF_CAMPAIGN, ":", _VOTER, ":",
                func.to_char(func.timezone("UTC", _CAST.c.cast_at), "YYYY-MM-DD-HH24"),
            ),
            literal(MailKind.PARTICIPATION.value),
            literal(lane(MailKind.PARTICIPATION).value),
            Account.id,
            _OF_CAMPAIGN,
            literal({}, JSONB),
            _LEAVES,
        ).join_from(_CAST, Account, Account.member_id == _VOTER),
        include_defaults=False,
    )
    .on_conflict_do_nothing()
    .cte("noted")
)  # fmt: skip
_CAST_AND_SAID = select(_CAST.c.cast_at, _CAST.c.digest).add_cte(
    journal.entry_if(select(_CAST.c.digest).exists()).cte("entry"), _NOTED
)


async def cast(
    session: Session, *, campaign_id: UUID, ballot_id: UUID, member_id: UUID, ciphertext: bytes
) -> Taken | None:
    """Put a sealed vote into the box; None if it may not be, or one is there: `why_not` says which.

    The journal says that this member voted in this ballot, and nothing else of it; so does a mail, a little later.
    """
    entry = journal.to_write(
        "voted", actor="member", actor_id=member_id, member_id=member_id, campaign_id=campaign_id,
        subject_id=ballot_id, key=f"voted:{ballot_id}:{member_id}",
    )  # fmt: skip
    wish = {"campaign": campaign_id, "ballot": ballot_id, "voter": member_id, "sealed": ciphertext}
    row = (await session.execute(_CAST_AND_SAID, {**wish, **entry})).one_or_none()
    return None if row is None else Taken(row.cast_at, row.digest)


_TAKEN = select(Vote.cast_at, Vote.digest).where(
    Vote.ballot_id == bindparam("ballot"), Vote.member_id == bindparam("voter")
)


async def taken(session: Session, ballot_id: UUID, member_id: UUID) -> Taken | None:
    """The vote of this member that is in the box, if any."""
    row = (await session.execute(_TAKEN, {"ballot": ballot_id, "voter": member_id})).one_or_none()
    return None if row is None else Taken(row.cast_at, row.digest)


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Why `cast` took no vote, and the one that is there if that is why."""

    refusal: Refusal
    taken: Taken | None = None


_LAST = (
    select(Submission.status)
    .where(
        Submission.campaign_id == Campaign.id,
        Submission.member_id == Member.id,
        Submission.over_at.is_not(None),
        Submission.submitted_at.is_not(None),
    )
    .order_by(Submission.over_at.desc())
    .limit(1)
    .scalar_subquery()
)
_OTHER = aliased(Vote)
_COPIED = (
    select(_OTHER.member_id)
    .where(
        _OTHER.ballot_id == Ballot.id,
        _OTHER.member_id != Member.id,
        _OTHER.digest == bindparam("digest", type_=LargeBinary()),
    )
    .exists()
)
_WHY_NOT = (
    select(
        Vote.cast_at,
        Vote.digest,
        (Campaign.status == CampaignStatus.CANCELLED.value).label("cancelled"),
        and_(
            Campaign.status != CampaignStatus.DRAFT.value,
            Member.rehearsal_id.is_not_distinct_from(case((Campaign.rehearsal, Campaign.id))),
        ).label("known"),
        Member.left_at.is_not(None).label("left"),
        OF_GROUP.label("of_group"),
        OF_STANDING.label("of_standing"),
        on_paper(Campaign.id, Member.id).label("on_paper"),
        (Campaign.opens > _NOW).label("early"),
        or_(Campaign.closes <= _NOW, Campaign.sealed_at.is_not(None)).label("late"),
        Campaign.election_key.is_not(None).label("has_key"),
        Registration.registered_at.is_not(None).label("registered"),
        or_(Registration.confirmed_at.is_not(None), _LIVE).label("identified"),
        _LAST.label("last"),
        _COPIED.label("copied"),
    )
    .select_from(Ballot)
    .join(Campaign, Campaign.id == Ballot.campaign_id)
    .join(Member, Member.id == bindparam("voter"))
    .outerjoin(Registration, and_(Registration.ballot_id == Ballot.id, Registration.member_id == Member.id))
    .outerjoin(Vote, and_(Vote.ballot_id == Ballot.id, Vote.member_id == Member.id))
    .where(Ballot.id == bindparam("ballot"), Campaign.id == bindparam("campaign"))
)


async def why_not(
    session: Session, *, campaign_id: UUID, ballot_id: UUID, member_id: UUID, ciphertext: bytes = b""
) -> NotTaken:
    """What stands in the way of a vote that `cast` did not take, or of one that is not cast yet."""
    wish = {"campaign": campaign_id, "ballot": ballot_id, "voter": member_id, "digest": digest_of(ciphertext)}
    row = (await session.execute(_WHY_NOT, wish)).one_or_none()
    if row is None or not row.known:
        return NotTaken(Refusal.BALLOT_UNKNOWN)
    if row.cast_at is not None:
        return NotTaken(Refusal.ALREADY_VOTED, Taken(row.cast_at, row.digest))
    return NotTaken(
        refusal_of(
            cancelled=row.cancelled, left=row.left, of_group=row.of_group, of_standing=row.of_standing,
            on_paper=row.on_paper, early=row.early, late=row.late, has_key=row.has_key, registered=row.registered,
            identified=row.identified, last=row.last and SubmissionStatus(row.last), copied=row.copied,
        )
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cast:
    """A member's own vote, as far as the portal knows it."""

    cast_at: datetime
    digest: bytes
    state: VoteState
    # What the last answer about the identity was, unless it is confirmed or in review.
    because: str | None
    # When a vote that is open is settled at the latest.
    settled_by: datetime

    @property
    def receipt(self) -> str:
        return receipt_of(self.digest)


# A view of the migrations: what becomes of each vote is asked of one place.
SETTLED = table(
    "settled_vote",
    column("ballot_id", Uuid()),
    column("member_id", Uuid()),
    column("campaign_id", Uuid()),
    column("digest", LargeBinary()),
    column("cast_at", DateTime(timezone=True)),
    column("state", String()),
    column("because", String()),
    column("settled_by", DateTime(timezone=True)),
)
_OF_MEMBER = select(SETTLED).where(
    SETTLED.c.campaign_id == bindparam("campaign"), SETTLED.c.member_id == bindparam("voter")
)


async def of_member(session: Session, campaign_id: UUID, member_id: UUID) -> dict[UUID, Cast]:
    """Every vote of a member in a campaign, by ballot."""
    rows = await session.execute(_OF_MEMBER, {"campaign": campaign_id, "voter": member_id})
    return {
        row.ballot_id: Cast(row.cast_at, row.digest, VoteState(row.state), row.because, row.settled_by) for row in rows
    }


_CANDIDATES = (
    select(Candidate.position, Candidate.name)
    .where(Candidate.ballot_id == bindparam("ballot"))
    .order_by(Candidate.position)
)


async def definition_of(session: Session, campaign_code: str, ballot: Ballot) -> Definition:
    """What a vote in this ballot answers, as it is sealed in with every vote."""
    kind = BallotKind(ballot.kind)
    candidates: Sequence[tuple[int, str]] = (
        [(row.position, row.name) for row in await session.execute(_CANDIDATES, {"ballot": ballot.id})]
        if kind is BallotKind.ELECTION
        else ()
    )
    return Definition(
        ballot_id=ballot.id, campaign=campaign_code, code=ballot.code, kind=kind, choose=ballot.choose,
        majority=Majority(ballot.majority), quorum_percent=ballot.quorum_percent, groups=list(ballot.groups),
        members_only=ballot.members_only, title=(ballot.title_fr, ballot.title_en),
        question=(ballot.question_fr, ballot.question_en), options=options_of(kind, candidates),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as a vote answers it, and the key that the answer is sealed to."""

    ballot_id: UUID
    definition: Definition
    election_key: bytes | None


_ASKED = (
    select(Ballot, Campaign.election_key)
    .join(Campaign, Campaign.id == Ballot.campaign_id)
    .where(Ballot.campaign_id == bindparam("campaign"), Ballot.code == bindparam("ballot"))
)


async def asked(session: Session, campaign: Current, code: str) -> Asked | None:
    """The question with this code, whoever it is asked of: `cast` decides who may answer it."""
    row = (await session.execute(_ASKED, {"campaign": campaign.id, "ballot": code})).one_or_none()
    if row is None:
        return None
    return Asked(row.Ballot.id, await definition_of(session, campaign.code, row.Ballot), row.election_key)
