"""What the end of a lease does to the records."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from temporalio import activity

from portal.store import Sessions, review


@dataclass(frozen=True)
class LeaseOf:
    """Which claim, and until when it was given: all that a workflow is told."""

    claim_id: UUID
    until: datetime


@dataclass(frozen=True)
class LeaseState:
    """Until when it runs now; None: it is over."""

    until: datetime | None


class LeaseActivities:
    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    @activity.defn
    async def return_lease(self, order: LeaseOf) -> LeaseState:
        """Return the case if its time is over and nothing was said of it; a lease that was prolonged runs on."""
        async with self.sessions.begin() as session:
            await review.give_back(session, order.claim_id, by=None)
            return LeaseState(await review.runs_until(session, order.claim_id))
