"""The results of a campaign, once two officers who counted on their own have published the same."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from portal.store import Session
from portal.store.base import Base


class CampaignResult(Base):
    """Written by the second signature on the results, and never again."""

    __tablename__ = "campaign_result"

    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"), primary_key=True)
    # The file of the count, byte for byte.
    result: Mapped[str]
    sha256: Mapped[str]
    published_at: Mapped[datetime]


@dataclass(frozen=True, slots=True)
class Published:
    """result-<campaign>.json as it was published, its hash, and when."""

    result: str
    sha256: str
    published_at: datetime


async def published(session: Session, campaign_id: UUID) -> Published | None:
    """None until they are out."""
    row = await session.get(CampaignResult, campaign_id)
    return None if row is None else Published(row.result, row.sha256, row.published_at)
