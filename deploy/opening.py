"""Two officers opened the demo's campaign: their signatures, and the roll that it was opened on."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from deploy.cast import STAFF
from portal.rules.campaign_changes import ChangeKind
from portal.store import Session, campaign_changes
from portal.store.accounts import by_email
from portal.store.campaign_changes import CampaignChange
from portal.store.campaigns import Campaign
from portal.store.journal import Entry


async def signed_opening(session: Session, campaign: Campaign, officers: Sequence[UUID]) -> list[Entry]:
    """Proposed by the first and confirmed by the second, now: the roll is the one that the world begins with."""
    one, other = officers[:2]
    roll = await campaign_changes.manifest(session, campaign.id)
    now = datetime.now(UTC)
    opening = CampaignChange(
        id=uuid4(), campaign_id=campaign.id, kind=ChangeKind.OPEN.value, wanted={}, proposed_by=one,
        confirmed_by=other, confirmed_at=now, manifest=roll.sha256, manifest_lines=roll.lines,
        # A trigger writes these down.
        fits="", proposed_at=now, expires_at=now,
    )  # fmt: skip
    session.add(opening)
    campaign.opened_at = now
    await session.flush()
    return [
        Entry(
            at=now, actor="officer", actor_id=officer, action=action, code=ChangeKind.OPEN.value,
            campaign_id=campaign.id, subject_id=opening.id,
        )
        for officer, action in ((one, "change-proposed"), (other, "change-confirmed"))
    ]  # fmt: skip


async def complete_opening(session: Session, campaign: Campaign) -> None:
    """For a world of an earlier release, in which nobody had signed."""
    accounts = [await by_email(session, one.email) for one in STAFF if one.role == "officer"]
    officers = [account.id for account in accounts if account]
    if len(officers) > 1 and await campaign_changes.opening_manifest(session, campaign.id) is None:
        session.add_all(await signed_opening(session, campaign, officers))
