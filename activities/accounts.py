"""What proving an address does to the records."""

from dataclasses import dataclass
from uuid import NAMESPACE_OID, UUID, uuid5

from temporalio import activity

from activities.onboarding import Outcome, Policy, Records, StepOrder
from portal.rules.accounts import VERIFICATION_VALID, Purpose
from portal.rules.links import hash_of, token_of
from portal.rules.mail import MailKind
from portal.rules.refusals import Refusal
from portal.store import Sessions, accounts, journal, links


@dataclass(frozen=True)
class UseLink:
    campaign_id: UUID
    member_id: UUID
    link_id: UUID
    key: str


class AccountActivities:
    """The address of a member: a link is sent to it, and comes back."""

    def __init__(self, sessions: Sessions, policy: Policy, link_secret: bytes) -> None:
        self.sessions = sessions
        self.records = Records(policy)
        self.link_secret = link_secret

    @activity.defn
    async def send_verification(self, order: StepOrder) -> Outcome:
        """Make a link and queue its mail; the token is derived when the mail is written, and stored nowhere."""
        # The same update gives the same link, however often this runs.
        link_id = uuid5(NAMESPACE_OID, f"verification:{order.key}")
        async with self.sessions.begin() as session:
            whole = await self.records.read(session, order.campaign_id, order.member_id)
            if whole.account is None or whole.account.email is None:
                return Outcome(Refusal.NO_EMAIL_ON_FILE)
            if whole.standing.email_verified:
                return Outcome(Refusal.EMAIL_ALREADY_VERIFIED)
            if await journal.holds(session, order.key):
                return Outcome()
            made = await links.make(
                session,
                link_id=link_id,
                account=whole.account,
                purpose=Purpose.VERIFICATION,
                token_hash=hash_of(token_of(self.link_secret, link_id)),
                valid=VERIFICATION_VALID,
            )
            if not made:
                return Outcome(Refusal.MAIL_JUST_SENT)
            await journal.write(
                session, "verification-asked", actor="member", actor_id=order.member_id,
                member_id=order.member_id, campaign_id=order.campaign_id, subject_id=link_id, key=order.key,
            )  # fmt: skip
            await self.records.write_to(
                session,
                whole,
                MailKind.VERIFICATION,
                key=f"verification:{link_id}",
                facts={"link_id": str(link_id)},
            )
            await self.records.moved_on(session, whole, by_member=True)
            return Outcome()

    @activity.defn
    async def confirm_email(self, order: UseLink) -> Outcome:
        """Use the link, once; the address it went to is proven."""
        async with self.sessions.begin() as session:
            whole = await self.records.read(session, order.campaign_id, order.member_id)
            if whole.account is None:
                return Outcome(Refusal.NO_EMAIL_ON_FILE)
            email = await links.use(session, order.link_id, Purpose.VERIFICATION, whole.account.id)
            if email is None or not await accounts.verify_email(session, whole.account.id, email):
                # A repeat of this very step finds the address proven, which is what was asked.
                return Outcome(None if whole.standing.email_verified else Refusal.LINK_SUPERSEDED)
            await journal.write(
                session, "email-verified", actor="member", actor_id=order.member_id,
                member_id=order.member_id, campaign_id=order.campaign_id, subject_id=order.link_id,
                key=order.key,
            )  # fmt: skip
            await self.records.moved_on(session, whole, by_member=True, email_verified=True)
            return Outcome()
