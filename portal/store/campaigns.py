"""Campaigns and their calendars."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import CheckConstraint, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.campaigns import Calendar
from portal.store import Session
from portal.store.base import Base, NewId


class Campaign(Base):
    """One round of votes. A database trigger refuses a closing that moves earlier."""

    __tablename__ = "campaign"
    __table_args__ = (
        CheckConstraint("registration_opens <= opens and opens < closes and closes <= ends", name="calendar"),
    )

    id: Mapped[NewId]
    code: Mapped[str] = mapped_column(unique=True)
    title_fr: Mapped[str]
    title_en: Mapped[str]
    time_zone: Mapped[str] = mapped_column(default="America/Toronto")
    registration_opens: Mapped[datetime]
    opens: Mapped[datetime]
    closes: Mapped[datetime]
    ends: Mapped[datetime]
    # Grows with every change of an instant; what a workflow holds is older or the same, never newer.
    calendar_version: Mapped[int] = mapped_column(default=1, server_default="1")
    # A password from before this instant must be renewed first.
    password_cutoff: Mapped[datetime | None]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.calendar_version, self.registration_opens, self.opens, self.closes, self.ends)

    def title(self, language: str) -> str:
        return self.title_fr if language == "fr" else self.title_en


async def by_id(session: Session, campaign_id: UUID) -> Campaign | None:
    return await session.get(Campaign, campaign_id)


class Current(NamedTuple):
    """The campaign that is on, for whoever only has to name it."""

    id: UUID
    code: str


_CURRENT = select(Campaign).where(Campaign.ends > func.clock_timestamp()).order_by(Campaign.registration_opens).limit(1)
# Joined where its row is needed beside another.
CURRENT = _CURRENT.with_only_columns(Campaign.id, Campaign.code).subquery("current")


async def current(session: Session) -> Campaign | None:
    """The campaign that members see: the first that has not ended, with registration open or to come."""
    return await session.scalar(_CURRENT)


async def not_ended(session: Session) -> Sequence[Campaign]:
    rows = await session.scalars(select(Campaign).where(Campaign.ends > func.clock_timestamp()))
    return rows.all()


async def move(
    session: Session,
    campaign_id: UUID,
    *,
    opens: datetime | None = None,
    closes: datetime | None = None,
    ends: datetime | None = None,
) -> int:
    """Change instants of a calendar; its new version."""
    values = {name: at for name, at in {"opens": opens, "closes": closes, "ends": ends}.items() if at is not None}
    version: int | None = await session.scalar(
        update(Campaign)
        .where(Campaign.id == campaign_id)
        .values(**values, calendar_version=Campaign.calendar_version + 1)
        .returning(Campaign.calendar_version)
    )
    assert version is not None, "only a campaign that exists is moved"
    return version
