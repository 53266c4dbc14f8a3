"""The roll: who they are, where they live, in which group and standing."""

from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, case, func, insert, select, text, update
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.elements import ColumnElement

from portal.rules.members import Group, Language, Standing
from portal.store import Session
from portal.store.base import Base, NewId
from portal.store.campaigns import Campaign


class Member(Base):
    """One person on the roll. A database trigger forgets `identity_verified_at` when name or address change."""

    __tablename__ = "member"
    __table_args__ = (
        # A mock member's number ends in a letter: it is nobody's on the roll, now or later.
        CheckConstraint(
            "case when rehearsal_id is null then number ~ '^9[0-9]{5}$' else number ~ '^9[0-9]{4}R$' end",
            name="number",
        ),
        Index("ix_member_rehearsal", "rehearsal_id", postgresql_where=text("rehearsal_id is not null")),
        CheckConstraint("\"group\" in ('EC', 'TR', 'BdP')", name="group"),
        CheckConstraint("standing in ('member', 'dues-payer')", name="standing"),
        CheckConstraint("language in ('fr', 'en')", name="language"),
    )

    id: Mapped[NewId]
    number: Mapped[str] = mapped_column(unique=True)
    given_name: Mapped[str]
    family_name: Mapped[str]
    street: Mapped[str]
    city: Mapped[str]
    province: Mapped[str]
    postal_code: Mapped[str]
    group: Mapped[str]
    standing: Mapped[str]
    language: Mapped[str]
    identity_verified_at: Mapped[datetime | None]
    # Missing from the newest file of the union's system: no ballot is theirs until they are in one again.
    left_at: Mapped[datetime | None]
    # The member chose the language themselves: no file changes it.
    language_chosen_at: Mapped[datetime | None]
    # The rehearsal this mock member was made for; None for everybody on the roll.
    rehearsal_id: Mapped[UUID | None] = mapped_column(ForeignKey("campaign.id"))

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"


class RollBefore(Base):
    """What an entry of the roll said until it changed; of somebody new, that they were not on it.

    Written by a trigger, so that `electors_of` knows the electors of a vote at its close whatever changes later.
    """

    __tablename__ = "roll_before"

    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), primary_key=True)
    until: Mapped[datetime] = mapped_column(primary_key=True)
    on_roll: Mapped[bool]
    group: Mapped[str]
    standing: Mapped[str]


def of_campaign(campaign_id: UUID | ColumnElement[UUID]) -> ColumnElement[bool]:
    """Who a campaign is held for: the whole roll, or the mock members of a rehearsal."""
    world = select(case((Campaign.rehearsal, Campaign.id))).where(Campaign.id == campaign_id).scalar_subquery()
    return Member.rehearsal_id.is_not_distinct_from(world)


async def by_id(session: Session, member_id: UUID) -> Member | None:
    return await session.get(Member, member_id)


async def by_number(session: Session, number: str) -> Member | None:
    return await session.scalar(select(Member).where(Member.number == number))


async def enrol(
    session: Session, *, number: str, given_name: str, family_name: str, street: str, city: str, province: str,
    postal_code: str, group: str, standing: str, language: str,
) -> UUID:  # fmt: skip
    """One entry more; of the columns that a role may write, and no other."""
    member_id = uuid4()
    await session.execute(
        insert(Member).values(
            id=member_id, number=number, given_name=given_name, family_name=family_name, street=street, city=city,
            province=province, postal_code=postal_code, group=group, standing=standing, language=language,
        )
    )  # fmt: skip
    return member_id


async def verify_identity(session: Session, member_id: UUID) -> None:
    """A reviewer has confirmed who this is; by the database clock."""
    await session.execute(
        update(Member).where(Member.id == member_id).values(identity_verified_at=func.clock_timestamp())
    )


async def choose_language(session: Session, member_id: UUID, language: Language) -> bool:
    """The language this person is written to in; False if it already was."""
    changed = await session.scalar(
        update(Member)
        .where(Member.id == member_id, Member.language != language.value)
        .values(language=language.value)
        .returning(Member.id)
    )
    await session.execute(
        update(Member).where(Member.id == member_id).values(language_chosen_at=func.clock_timestamp())
    )
    return changed is not None


def group_of(member: Member) -> Group:
    return Group(member.group)


def standing_of(member: Member) -> Standing:
    return Standing(member.standing)


def language_of(member: Member) -> Language:
    return Language(member.language)
