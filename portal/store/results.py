"""The result of a campaign, once two officers have published it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.store import Session
from portal.store.base import Base


class CampaignResult(Base):
    """The file that both counts agree on, byte for byte as it was counted, and its hash."""

    __tablename__ = "campaign_result"

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    result: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str]
    published_at: Mapped[datetime]


async def published(session: Session, campaign_id: UUID) -> CampaignResult | None:
    return await session.get(CampaignResult, campaign_id)
