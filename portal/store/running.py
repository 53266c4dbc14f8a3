"""Running a vote: what stands in its way, who has voted, the box that was sealed, and whom the post tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    LargeBinary,
    and_,
    column,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.accounts import Role
from portal.rules.operations import MAIL_WAITS_AFTER
from portal.rules.running import BallotState, Preparation, Turnout, of_groups
from portal.rules.urns import Box, SealedBallot
from portal.rules.votes import BallotKind, VoteState, receipt_of
from portal.store import Session, campaigns, drafts, roll, votes, watch
from portal.store.accounts import Account, StaffRole
from portal.store.ballots import ELECTORS, Ballot, electors_of
from portal.store.base import Base
from portal.store.campaigns import Campaign
from portal.store.identity import Submission
from portal.store.members import Member, of_campaign
from portal.store.votes import SETTLED, Vote


class CampaignSeal(Base):
    """The roll of a vote as it was at its opening and at its seal."""

    __tablename__ = "campaign_seal"

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    roll_at_opening: Mapped[str | None]
    roll_at_seal: Mapped[str]
    roll_lines: Mapped[int | None]


class BallotSeal(Base):
    """The numbers of one ballot at the moment of the seal."""

    __tablename__ = "sealed_ballot"

    ballot_id: Mapped[UUID] = mapped_column(ForeignKey("ballot.id"), primary_key=True)
    electors: Mapped[int]
    on_paper: Mapped[int]
    counted: Mapped[int]
    # Of the votes that count (portal/rules/urns.py): the box is known by it without being read.
    list_sha256: Mapped[str]
    set_aside: Mapped[int]
    # Why votes were set aside, and how many for each reason.
    reasons: Mapped[dict[str, int]] = mapped_column(JSONB)


class SealedVote(Base):
    """A vote, and what had become of it at the seal: nothing that changes later changes the box."""

    __tablename__ = "sealed_vote"
    __table_args__ = (ForeignKeyConstraint(["ballot_id", "digest"], ["vote.ballot_id", "vote.digest"]),)

    ballot_id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    # Why it does not count; None if it does.
    set_aside: Mapped[str | None]


IN_THE_URN = SealedVote.set_aside.is_(None)


# --- before the opening


async def preparation(session: Session, campaign: Campaign) -> Preparation:
    """What the obstacles are looked for in (portal/rules/running.py)."""
    questions = await drafts.questions(session, campaign.id)
    electors = await drafts.electors(session, campaign)
    post = await watch.post(session)
    officers, conflicts = await _officers(session, campaign.id)
    return Preparation(
        ballots=[
            BallotState(
                ballot.code, BallotKind(ballot.kind), ballot.members_only, electors.get(ballot.id, 0), len(stand),
                ballot.choose,
                ((ballot.title_fr, ballot.title_en), (ballot.question_fr, ballot.question_en)),
            )
            for ballot, stand in questions
        ],
        key=campaign.election_key is not None,
        hides_another=await campaigns.hides_another(session, campaign.id, campaign.calendar),
        officers=officers,
        conflicts=conflicts,
        to_settle=campaign.ends - campaign.closes,
        import_pending=await roll.live(session) is not None,
        mails_wait=post.oldest_due is not None and datetime.now(UTC) - post.oldest_due > MAIL_WAITS_AFTER,
    )  # fmt: skip


async def _officers(session: Session, campaign_id: UUID) -> tuple[int, int]:
    """People who may sign what this campaign needs, and officers who may not since they stand in it."""
    stands = func.stands_in(Account.id, campaign_id)
    # Accounts of one member are one person.
    person = func.coalesce(Account.member_id, Account.id)
    row = (
        await session.execute(
            select(func.count(person.distinct()).filter(~stands), func.count(person.distinct()).filter(stands))
            .join(StaffRole, StaffRole.account_id == Account.id)
            .where(StaffRole.role == Role.OFFICER.value, Account.staff_suspended_at.is_(None))
        )
    ).one()
    return row[0], row[1]


async def without_key(session: Session, within: timedelta) -> Sequence[Campaign]:
    """Campaigns whose vote opens so soon, or is open, and that nobody can vote in."""
    rows = await session.scalars(
        select(Campaign)
        .where(
            Campaign.status == "open",
            Campaign.rehearsal.is_(False),
            Campaign.election_key.is_(None),
            Campaign.opens < func.clock_timestamp() + within,
            Campaign.closes > func.clock_timestamp(),
        )
        .order_by(Campaign.opens)
    )
    return rows.all()


# --- while voting is open, and after


async def turnout(session: Session, campaign: Campaign) -> list[Turnout]:
    """How many electors of each ballot have voted, by group: of the outer envelopes, which say nothing else."""
    elector = electors_of(campaign.id)
    rows = await session.execute(
        select(Ballot, elector.c.group, func.count(), func.count().filter(elector.c.voted))
        .join(elector, elector.c.ballot_id == Ballot.id)
        .group_by(Ballot.id, elector.c.group)
        .order_by(Ballot.position, Ballot.code, elector.c.group)
    )
    by_ballot: dict[UUID, tuple[Ballot, list[tuple[str, int, int]]]] = {}
    for ballot, group, electors, voted in rows:
        by_ballot.setdefault(ballot.id, (ballot, []))[1].append((group, electors, voted))
    return [
        Turnout(
            ballot.code, (ballot.title_fr, ballot.title_en), sum(g[1] for g in groups), sum(g[2] for g in groups),
            of_groups(groups),
        )
        for ballot, groups in by_ballot.values()
    ]  # fmt: skip


async def voters(session: Session, campaign_id: UUID) -> int:
    """People with a vote in the box, in whichever ballots."""
    counted = (
        select(func.count(Vote.member_id.distinct()))
        .join(Ballot, Ballot.id == Vote.ballot_id)
        .where(Ballot.campaign_id == campaign_id)
    )
    return await session.scalar(counted) or 0


@dataclass(frozen=True, slots=True)
class StillOpen:
    """Votes whose fate is not known: why, how many, and by when at the latest."""

    # What came of the last submission; None while one is under review or none was sent.
    because: str | None
    under_review: bool
    votes: int
    settled_by: datetime


async def still_open(session: Session, campaign_id: UUID) -> list[StillOpen]:
    """What keeps the box from being sealed."""
    live = exists().where(
        Submission.campaign_id == campaign_id,
        Submission.member_id == SETTLED.c.member_id,
        Submission.status == "submitted",
    )
    found = (
        select(SETTLED.c.because, live.label("live"), SETTLED.c.settled_by)
        .where(SETTLED.c.campaign_id == campaign_id, SETTLED.c.state == VoteState.OPEN.value)
        .subquery()
    )
    rows = await session.execute(
        select(found.c.because, found.c.live, func.count(), func.max(found.c.settled_by))
        .group_by(found.c.because, found.c.live)
        .order_by(func.count().desc())
    )
    return [StillOpen(*row) for row in rows]


# --- the sealed box


async def seal_of(session: Session, campaign_id: UUID) -> CampaignSeal | None:
    return await session.get(CampaignSeal, campaign_id)


async def sealed_numbers(session: Session, campaign_id: UUID) -> list[tuple[Ballot, BallotSeal]]:
    """Every ballot with its numbers at the seal, in the order of the codes."""
    rows = await session.execute(
        select(Ballot, BallotSeal)
        .join(BallotSeal, BallotSeal.ballot_id == Ballot.id)
        .where(Ballot.campaign_id == campaign_id)
        .order_by(Ballot.code.collate("C"))
    )
    return [(ballot, numbers) for ballot, numbers in rows]


async def box(session: Session, campaign: Campaign) -> Box | None:
    """The sealed box without what is in it, of which no vote is read; None until it is sealed."""
    seal = await seal_of(session, campaign.id)
    if seal is None or campaign.sealed_at is None or campaign.election_key is None:
        return None
    found = []
    for ballot, numbers in await sealed_numbers(session, campaign.id):
        definition = await votes.definition_of(session, campaign.code, ballot)
        found.append(
            SealedBallot(
                str(ballot.id), ballot.code, BallotKind(ballot.kind), definition.canonical().decode(),
                numbers.electors, numbers.on_paper, numbers.set_aside, numbers.counted, numbers.list_sha256,
            )
        )  # fmt: skip
    return Box(campaign.code, campaign.election_key, campaign.sealed_at, seal.roll_at_opening, seal.roll_at_seal, found)


async def urn(session: Session, campaign: Campaign) -> bytes | None:
    """urn-<campaign>.json: the sealed votes leave here and nowhere else, sorted, with nothing of who cast them."""
    sealed = await box(session, campaign)
    if sealed is None:
        return None
    ciphertexts = {}
    for ballot in sealed.ballots:
        rows = func.sealed_votes(UUID(ballot.id)).table_valued(column("digest"), column("ciphertext"))
        ciphertexts[ballot.id] = [
            bytes(row.ciphertext) for row in await session.execute(select(rows.c.ciphertext).order_by(rows.c.digest))
        ]
    return sealed.urn(ciphertexts)


async def receipts(session: Session, campaign_id: UUID) -> list[tuple[str, str]]:
    """Every receipt of the sealed box with the code of its ballot, in the order of the hashes."""
    rows = await session.execute(
        select(Ballot.code, SealedVote.digest)
        .join(SealedVote, SealedVote.ballot_id == Ballot.id)
        .where(Ballot.campaign_id == campaign_id, IN_THE_URN)
        .order_by(Ballot.code.collate("C"), SealedVote.digest)
    )
    return [(code, receipt_of(digest)) for code, digest in rows]


# --- who has no address


@dataclass(frozen=True, slots=True)
class ByPost:
    """Somebody whom no mail reaches, as an envelope is addressed."""

    number: str
    given_name: str
    family_name: str
    street: str
    city: str
    province: str
    postal_code: str
    group: str
    language: str
    # There is an address, and mail came back from it.
    bounced: bool


async def for_the_post(session: Session, campaign: Campaign) -> list[ByPost]:
    """People with a ballot whom no mail reaches, by number: no address on file, or mail that came back."""
    rows = await session.execute(
        select(
            Member.number, Member.given_name, Member.family_name, Member.street, Member.city, Member.province,
            Member.postal_code, Member.group, Member.language,
            and_(Account.email.is_not(None), Account.email_bounced_at.is_not(None)).label("bounced"),
        )
        .outerjoin(Account, Account.member_id == Member.id)
        .where(
            of_campaign(campaign.id),
            or_(Account.email.is_(None), Account.email_bounced_at.is_not(None)),
            exists().where(Ballot.campaign_id == campaign.id, ELECTORS),
        )
        .order_by(Member.number)
    )  # fmt: skip
    return [ByPost(**row._mapping) for row in rows]
