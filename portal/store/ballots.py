"""Ballots, whose they are, and who is registered for which."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    String,
    TableValuedAlias,
    UniqueConstraint,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    null,
    or_,
    select,
    update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.ballots import Electorate, may_register
from portal.rules.campaigns import CampaignStatus
from portal.rules.members import Group, Standing
from portal.rules.refusals import Refusal
from portal.rules.votes import Majority
from portal.store import Session
from portal.store.base import Base, NewId
from portal.store.campaigns import Campaign
from portal.store.members import Member, group_of, standing_of
from portal.store.paper import on_paper


class Ballot(Base):
    """One question put to an electorate."""

    __tablename__ = "ballot"
    __table_args__ = (
        UniqueConstraint("campaign_id", "code"),
        CheckConstraint("kind in ('resolution', 'ratification', 'election', 'strike', 'last-offer')", name="kind"),
        CheckConstraint("kind not in ('strike', 'last-offer') or not members_only", name="mandated"),
        CheckConstraint("choose between 1 and 50", name="choose"),
        CheckConstraint("choose <= 31", name="fits"),
        CheckConstraint("majority in ('half', 'two-thirds')", name="majority"),
        CheckConstraint("quorum_percent between 1 and 100", name="quorum_percent"),
        CheckConstraint(
            "btrim(title_fr) <> '' and btrim(title_en) <> '' and btrim(question_fr) <> '' and btrim(question_en) <> ''",
            name="two_languages",
        ),
    )

    id: Mapped[NewId]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"))
    code: Mapped[str]
    position: Mapped[int]
    kind: Mapped[str]
    title_fr: Mapped[str]
    title_en: Mapped[str]
    question_fr: Mapped[str]
    question_en: Mapped[str]
    groups: Mapped[list[str]] = mapped_column(ARRAY(String))
    members_only: Mapped[bool] = mapped_column(default=True)
    # How many candidates of an election may be chosen.
    choose: Mapped[int] = mapped_column(default=1, server_default="1")
    # What it takes to be adopted, and how many of the electors must vote for it to count, if that is asked.
    majority: Mapped[str] = mapped_column(default=Majority.HALF.value, server_default=Majority.HALF.value)
    quorum_percent: Mapped[int | None]

    def title(self, language: str) -> str:
        return self.title_fr if language == "fr" else self.title_en

    def question(self, language: str) -> str:
        return self.question_fr if language == "fr" else self.question_en

    @property
    def electorate(self) -> Electorate:
        return Electorate(frozenset(Group(g) for g in self.groups), self.members_only)


# Whose ballot it is, registered for it or not, in statements that join ballots with members.
OF_GROUP = Member.group == func.any(Ballot.groups)
OF_STANDING = or_(Ballot.members_only.is_(False), Member.standing == Standing.MEMBER.value)
ELECTORS = and_(Member.left_at.is_(None), OF_GROUP, OF_STANDING)


def electors_of(campaign_id: UUID) -> TableValuedAlias:
    """Whose ballot each is, and who has voted: by the roll as it stands, and from the close on as it was then.

    A function of the migrations: the seal counts with it as well.
    """
    return func.electors_of(campaign_id).table_valued(
        column("ballot_id", Uuid()), column("member_id", Uuid()), column("group", String()),
        column("voted", Boolean()), name="elector",
    )  # fmt: skip


class Candidate(Base):
    """Somebody who stands in an election. On the roll, they run no vote: a trigger holds both ways."""

    __tablename__ = "candidate"
    __table_args__ = (
        UniqueConstraint("ballot_id", "position"),
        CheckConstraint("(text_fr is null) = (text_en is null)", name="two_languages"),
        Index(None, "member_id"),
    )

    id: Mapped[NewId]
    ballot_id: Mapped[UUID] = mapped_column(ForeignKey("ballot.id"))
    position: Mapped[int]
    name: Mapped[str]
    text_fr: Mapped[str | None]
    text_en: Mapped[str | None]
    member_id: Mapped[UUID | None] = mapped_column(ForeignKey("member.id"))


class Registration(Base):
    """A member's place in the electorate of one ballot; `confirmed_at` is set once the identity is."""

    __tablename__ = "registration"
    __table_args__ = (Index(None, "member_id"),)

    ballot_id: Mapped[UUID] = mapped_column(ForeignKey("ballot.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"), primary_key=True)
    registered_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    confirmed_at: Mapped[datetime | None]


_NOW = func.clock_timestamp()
_WRITTEN = (
    insert(Registration)
    .from_select(
        ["ballot_id", "member_id", "registered_at", "confirmed_at"],
        select(
            Ballot.id,
            Member.id,
            _NOW,
            case((bindparam("confirmed", type_=Boolean()), _NOW), else_=cast(null(), DateTime(timezone=True))),
        )
        .select_from(Ballot)
        .join(Campaign, Campaign.id == Ballot.campaign_id)
        .join(Member, Member.id == bindparam("member"))
        .where(
            Ballot.code == func.any(bindparam("chosen", type_=ARRAY(String()))),
            Ballot.campaign_id == bindparam("campaign"),
            ELECTORS,
            Campaign.registration_opens <= _NOW,
            Campaign.closes > _NOW,
            Campaign.status == CampaignStatus.OPEN.value,
            ~on_paper(Campaign.id, Member.id),
        ),
    )
    .on_conflict_do_nothing()
    .returning(Registration.ballot_id)
    .cte("written")
)
_REGISTER = select(Ballot.code).join(_WRITTEN, _WRITTEN.c.ballot_id == Ballot.id).order_by(Ballot.position)


@dataclass(frozen=True, slots=True)
class Card:
    """One ballot as one member sees it; `refusal` says why it is not theirs."""

    ballot: Ballot
    refusal: Refusal | None
    registered_at: datetime | None
    confirmed_at: datetime | None


_CARDS = (
    select(Ballot, Registration.registered_at, Registration.confirmed_at)
    .outerjoin(
        Registration,
        and_(Registration.ballot_id == Ballot.id, Registration.member_id == bindparam("member")),
    )
    .where(Ballot.campaign_id == bindparam("campaign"))
    .order_by(Ballot.position)
)


async def cards(session: Session, campaign_id: UUID, member: Member) -> list[Card]:
    """Every ballot of a campaign in order, the member's own and the others with the reason why not."""
    rows = await session.execute(_CARDS, {"campaign": campaign_id, "member": member.id})
    return [
        Card(
            ballot,
            Refusal.LEFT_THE_ROLL
            if member.left_at is not None
            else may_register(ballot.electorate, group=group_of(member), standing=standing_of(member)),
            registered_at,
            confirmed_at,
        )
        for ballot, registered_at, confirmed_at in rows
    ]


async def per_group(session: Session, campaign_id: UUID) -> dict[Group, int]:
    """How many ballots a member in good standing of each group has; a group without any is left out."""
    electorates = await session.scalars(select(Ballot.groups).where(Ballot.campaign_id == campaign_id))
    counted = Counter(code for groups in electorates for code in groups)
    return {group: counted[group] for group in Group if counted[group]}


async def register(
    session: Session, *, campaign_id: UUID, member_id: UUID, chosen: Collection[str], confirmed: bool
) -> list[str]:
    """Register a member for ballots, in one statement that checks electorate, closing by the database clock, and
    that they do not vote on paper.

    Returns the codes newly registered: a ballot not the member's, or closed, or already registered, is not among
    them.
    """
    wish = {"campaign": campaign_id, "member": member_id, "chosen": list(chosen), "confirmed": confirmed}
    return list(await session.scalars(_REGISTER, wish))


async def confirm_all(session: Session, campaign_id: UUID, member_id: UUID) -> None:
    """The identity is confirmed, hence every registration made before it."""
    await session.execute(
        update(Registration)
        .where(
            Registration.member_id == member_id,
            Registration.confirmed_at.is_(None),
            Registration.ballot_id.in_(select(Ballot.id).where(Ballot.campaign_id == campaign_id)),
        )
        .values(confirmed_at=func.clock_timestamp())
    )
