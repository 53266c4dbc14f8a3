"""What the end of a renewal does to the records: the address is proven, or nothing happened."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError

from portal.store import Session, Sessions, accounts, journal, renewals
from portal.store.links import Link


@dataclass(frozen=True)
class RenewalOf:
    """Which link: all that a workflow is told."""

    link_id: UUID


@dataclass(frozen=True)
class RenewalState:
    used: bool
    ends_at: datetime
    # Whose file now stands differently.
    member_id: UUID | None = None


class RenewalActivities:
    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    @activity.defn
    async def take_up_renewal(self, order: RenewalOf) -> RenewalState:
        """Read the link; from here on the relay knows that its workflow has heard of it."""
        async with self.sessions.begin() as session:
            link = await _held(session, order.link_id)
            return RenewalState(link.used_at is not None, link.expires_at)

    @activity.defn
    async def close_renewal(self, order: RenewalOf) -> RenewalState:
        """Used, it proves the address; unused, its page offers another, and nobody is written to."""
        async with self.sessions.begin() as session:
            link = await _held(session, order.link_id)
            account = await accounts.by_id(session, link.account_id)
            assert account is not None, "an account is never deleted"
            used = link.used_at is not None
            if link.ended_at is None:
                await renewals.end(session, link)
                if used:
                    await renewals.prove_address(session, link)
                await journal.write(
                    session, "renewal-closed", actor=journal.SYSTEM, member_id=account.member_id,
                    subject_id=link.id, code="used" if used else "superseded" if link.voided_at else "expired",
                    key=f"renewal-closed:{link.id}",
                )  # fmt: skip
            return RenewalState(used, link.expires_at, account.member_id if used else None)


async def _held(session: Session, link_id: UUID) -> Link:
    link = await renewals.take_up(session, link_id)
    if link is None:
        raise ApplicationError("no such link", type="NoSuchLink", non_retryable=True)
    return link
