"""What registering for ballots does to the records."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from temporalio import activity

from activities.onboarding import Outcome, Policy, Records
from portal.rules.ballots import ready_to_register, registration_open
from portal.rules.mail import MailKind
from portal.rules.onboarding import DOCUMENTS_IN, IdentityState
from portal.rules.refusals import Refusal
from portal.store import Sessions, ballots


@dataclass(frozen=True)
class RegisterFor:
    campaign_id: UUID
    member_id: UUID
    ballots: list[str]
    key: str


class BallotActivities:
    """A member's place in each electorate."""

    def __init__(self, sessions: Sessions, policy: Policy) -> None:
        self.sessions = sessions
        self.records = Records(policy)

    @activity.defn
    async def register(self, order: RegisterFor) -> Outcome:
        """Register for the ballots chosen; one already registered stays as it is."""
        async with self.sessions.begin() as session:
            whole = await self.records.read(session, order.campaign_id, order.member_id)
            standing, campaign = whole.standing, whole.campaign
            refusal = ready_to_register(
                email_verified=standing.email_verified,
                documents_in=standing.identity in DOCUMENTS_IN,
                chosen=order.ballots,
                own=standing.own,
                on_paper=whole.paper_at is not None,
            )
            if refusal is not None:
                return Outcome(refusal)
            new = await ballots.register(
                session,
                campaign_id=campaign.id,
                member_id=order.member_id,
                chosen=order.ballots,
                confirmed=standing.identity is IdentityState.APPROVED,
            )
            if not new:
                if set(order.ballots) <= set(standing.registered):
                    return Outcome()
                late = registration_open(
                    opens=campaign.registration_opens, closes=campaign.closes, at=datetime.now(UTC)
                )
                return Outcome(late or Refusal.REGISTRATION_CLOSED)
            codes = ",".join(new)
            mail = self.records.mail(
                whole, MailKind.REGISTERED, key=f"registered:{order.key}", facts={"ballots": codes}
            )
            await self.records.write(
                session, whole, "registered", key=order.key, code=codes, mail=mail,
                registered=[*standing.registered, *new],
            )  # fmt: skip
            return Outcome()
