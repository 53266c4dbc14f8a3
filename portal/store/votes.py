"""Votes, sealed before they come here; one statement on the database clock decides whether one is taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKey,
    LargeBinary,
    String,
    UniqueConstraint,
    Uuid,
    and_,
    bindparam,
    case,
    column,
    exists,
    func,
    or_,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.campaigns import CampaignStatus
from portal.rules.identity import SubmissionStatus
from portal.rules.members import Standing
from portal.rules.votes import BallotKind, Definition, Majority, VoteState, options_of, receipt_of
from portal.store import Session, journal
from portal.store.ballots import Ballot, Candidate, Registration
from portal.store.base import Base, table_of
from portal.store.campaigns import Campaign
from portal.store.identity import Submission
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
    )

    ballot_id: Mapped[UUID] = mapped_column(ForeignKey("ballot.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"), primary_key=True, index=True)
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
# Who may vote in this ballot now: open, on the roll, in its electorate, registered, identity confirmed or in review.
_MAY = (
    select(Ballot.id, Member.id, bindparam("sealed", type_=LargeBinary()))
    .select_from(Ballot)
    .join(Campaign, Campaign.id == Ballot.campaign_id)
    .join(Member, Member.id == bindparam("voter"))
    .join(Registration, and_(Registration.ballot_id == Ballot.id, Registration.member_id == Member.id))
    .where(
        Ballot.id == bindparam("ballot"),
        Campaign.status == CampaignStatus.OPEN.value,
        Campaign.election_key.is_not(None),
        Campaign.sealed_at.is_(None),
        Campaign.opens <= _NOW,
        Campaign.closes > _NOW,
        Member.left_at.is_(None),
        Member.rehearsal_id.is_not_distinct_from(case((Campaign.rehearsal, Campaign.id))),
        Member.group == func.any(Ballot.groups),
        or_(Ballot.members_only.is_(False), Member.standing == Standing.MEMBER.value),
        or_(
            Registration.confirmed_at.is_not(None),
            exists().where(
                Submission.campaign_id == Campaign.id,
                Submission.member_id == Member.id,
                Submission.status == SubmissionStatus.SUBMITTED.value,
            ),
        ),
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
_CAST_AND_SAID = select(_CAST.c.cast_at, _CAST.c.digest).add_cte(
    journal.entry_if(select(_CAST.c.digest).exists()).cte("entry")
)


async def cast(
    session: Session, *, campaign_id: UUID, ballot_id: UUID, member_id: UUID, ciphertext: bytes
) -> Taken | None:
    """Put a sealed vote into the box; None if it may not be, or one is there: `standing_of` and the page say why.

    The journal says that this member voted in this ballot, and nothing else of it.
    """
    entry = journal.to_write(
        "voted", actor="member", actor_id=member_id, member_id=member_id, campaign_id=campaign_id,
        subject_id=ballot_id, key=f"voted:{ballot_id}:{member_id}",
    )  # fmt: skip
    row = (
        await session.execute(_CAST_AND_SAID, {"ballot": ballot_id, "voter": member_id, "sealed": ciphertext, **entry})
    ).one_or_none()
    return None if row is None else Taken(row.cast_at, row.digest)


_TAKEN = select(Vote.cast_at, Vote.digest).where(
    Vote.ballot_id == bindparam("ballot"), Vote.member_id == bindparam("voter")
)


async def taken(session: Session, ballot_id: UUID, member_id: UUID) -> Taken | None:
    """The vote of this member that is in the box, if any."""
    row = (await session.execute(_TAKEN, {"ballot": ballot_id, "voter": member_id})).one_or_none()
    return None if row is None else Taken(row.cast_at, row.digest)


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
