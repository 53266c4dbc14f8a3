"""Campaigns and their calendars."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import CheckConstraint, and_, false, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.campaigns import SAID_FOR, Calendar, CampaignStatus
from portal.store import Session
from portal.store.base import Base, NewId


class Campaign(Base):
    """One round of votes. A database trigger refuses a closing that moves earlier."""

    __tablename__ = "campaign"
    __table_args__ = (
        CheckConstraint("registration_opens <= opens and opens < closes and closes <= ends", name="calendar"),
        CheckConstraint("status in ('draft', 'open', 'cancelled')", name="status"),
        CheckConstraint("(status = 'cancelled') = (cancelled_at is not null)", name="cancelled"),
        CheckConstraint("btrim(title_fr) <> '' and btrim(title_en) <> ''", name="two_languages"),
        CheckConstraint("octet_length(election_key) = 65 and get_byte(election_key, 0) = 4", name="election_key"),
        CheckConstraint("(election_key is null) = (trustees is null)", name="trustees"),
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
    # A draft is seen by staff only; what opens and cancels one is a change that two officers made.
    status: Mapped[str] = mapped_column(default=CampaignStatus.OPEN.value, server_default=CampaignStatus.OPEN.value)
    opened_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    # The calendar that the campaign's own workflow has taken up: an older one is told again.
    heard_version: Mapped[int] = mapped_column(default=0, server_default="0")
    # Held for its own mock members, whose mails go to this address of the staff, or nowhere.
    rehearsal: Mapped[bool] = mapped_column(default=False, server_default=false())
    rehearsal_to: Mapped[str | None]
    # What votes are sealed to, a point of P-256, and the public keys of the officers who hold its other half.
    election_key: Mapped[bytes | None]
    trustees: Mapped[list[dict[str, str]] | None] = mapped_column(JSONB(none_as_null=True))
    # The box is closed for good; the results are out; a complaint is open; the key is destroyed.
    sealed_at: Mapped[datetime | None]
    results_at: Mapped[datetime | None]
    held_at: Mapped[datetime | None]
    destroyed_at: Mapped[datetime | None]
    # When a closing that was announced was moved.
    closing_moved_at: Mapped[datetime | None]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def calendar(self) -> Calendar:
        """As its workflows go by it. A cancelled campaign ends with its cancelling: files close, pictures go."""
        ends = self.ends if self.cancelled_at is None else min(self.ends, self.cancelled_at)
        return Calendar(
            self.calendar_version, self.registration_opens, self.opens, self.closes, ends, self.cancelled_at,
            results_at=self.results_at, closing_moved_at=self.closing_moved_at,
        )  # fmt: skip

    @property
    def cancelled(self) -> bool:
        return self.cancelled_at is not None

    def title(self, language: str) -> str:
        return self.title_fr if language == "fr" else self.title_en


async def by_id(session: Session, campaign_id: UUID) -> Campaign | None:
    return await session.get(Campaign, campaign_id)


# When everything of a campaign is over, by the records.
OVER_AT = func.least(Campaign.ends, Campaign.cancelled_at)
# What happens in them is counted nowhere else.
REHEARSALS = select(Campaign.id).where(Campaign.rehearsal).correlate(None)


class Current(NamedTuple):
    """The campaign that is on, for whoever only has to name it."""

    id: UUID
    code: str


_ON = and_(Campaign.status == CampaignStatus.OPEN.value, Campaign.ends > func.clock_timestamp())
# A function of the database, hides_another, goes by this order as well.
_FIRST = (Campaign.registration_opens, Campaign.opens, Campaign.id)
_CURRENT = select(Campaign).where(_ON, Campaign.rehearsal.is_(False)).order_by(*_FIRST).limit(1)
# Joined where its row is needed beside another; who rehearses has a campaign of their own.
CURRENT = _CURRENT.with_only_columns(Campaign.id, Campaign.code).subquery("current")
REHEARSED = (
    select(Campaign.id, Campaign.code).where(_ON, Campaign.rehearsal.is_(True)).subquery("rehearsed")
)  # fmt: skip


async def current(session: Session, rehearsal_id: UUID | None = None) -> Campaign | None:
    """The campaign that members see: the first that has not ended, with registration open or to come.

    A mock member sees the rehearsal they were made for, and no other campaign.
    """
    if rehearsal_id is not None:
        return await session.scalar(select(Campaign).where(_ON, Campaign.id == rehearsal_id))
    return await session.scalar(_CURRENT)


async def hides_another(session: Session, campaign_id: UUID, calendar: Calendar) -> bool:
    """Whether members would not see a campaign whose vote is open, were this the calendar of this one."""
    c = calendar
    return bool(await session.scalar(select(func.hides_another(campaign_id, c.registration_opens, c.opens, c.ends))))


async def cancelled_lately(session: Session) -> Campaign | None:
    """The campaign that members were told of and that is not held, until the day on which it would have ended."""
    return await session.scalar(
        select(Campaign)
        .where(
            Campaign.status == CampaignStatus.CANCELLED.value,
            Campaign.rehearsal.is_(False),
            Campaign.ends > func.clock_timestamp(),
        )
        .order_by(Campaign.cancelled_at.desc())
        .limit(1)
    )


async def by_code(session: Session, code: str) -> Campaign | None:
    return await session.scalar(select(Campaign).where(Campaign.code == code))


async def all_of_them(session: Session) -> Sequence[Campaign]:
    """For the staff: drafts and rehearsals as well, the latest first."""
    rows = await session.scalars(select(Campaign).order_by(Campaign.registration_opens.desc(), Campaign.code))
    return rows.all()


# A file that a cancelling has not closed yet. By name: the table's module comes after this one.
_OPEN_FILE = text("exists (select from onboarding o where o.campaign_id = campaign.id and o.ended_at is null)")


async def to_run(session: Session) -> Sequence[Campaign]:
    """Every campaign that needs its workflow: it is on, was cancelled and not everybody is done with it, or has
    results that nobody was told of when it was over."""
    unheard = or_(Campaign.heard_version < Campaign.calendar_version, _OPEN_FILE)
    cancelled = and_(Campaign.status == CampaignStatus.CANCELLED.value, unheard)
    counted = and_(
        Campaign.results_at > func.clock_timestamp() - SAID_FOR, Campaign.heard_version < Campaign.calendar_version
    )
    rows = await session.scalars(select(Campaign).where(or_(_ON, cancelled, counted)))
    return rows.all()


async def heard(session: Session, campaign_id: UUID, version: int) -> None:
    """Its workflow goes by this calendar; an older one said late changes nothing."""
    await session.execute(
        update(Campaign)
        .where(Campaign.id == campaign_id, Campaign.heard_version < version)
        .values(heard_version=version)
    )


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
