"""What proving an address does to the records."""

from dataclasses import dataclass
from uuid import NAMESPACE_OID, UUID, uuid5

from temporalio import activity

from activities.onboarding import Outcome, Policy, Records, StepOrder
from portal.rules.accounts import VERIFICATION_VALID, Purpose
from portal.rules.links import hash_of, token_of
from portal.rules.mail import MailKind
from portal.rules.refusals import Refusal
from portal.store import Sessions, journal, links, steps


@dataclass(frozen=True)
class UseLink:
    campaign_id: UUID
    member_id: UUID
    link_id: UUID
    key: str


class AccountActivities:
    """The address of a member: a link is sent to it, and comes back."""

    def __init__(self, autocommit: Sessions, policy: Policy, link_secret: bytes) -> None:
        # One statement writes a whole step: there is nothing to hold together.
        self.autocommit = autocommit
        self.records = Records(policy)
        self.link_secret = link_secret

    @activity.defn
    async def send_verification(self, order: StepOrder) -> Outcome:
        """Make a link and queue its mail; the token is derived when the mail is written, and stored nowhere."""
        # The same update gives the same link, however often this runs.
        link_id = uuid5(NAMESPACE_OID, f"verification:{order.key}")
        async with self.autocommit() as session:
            whole = await self.records.read(session, order.campaign_id, order.member_id, key=order.key)
            if whole.account is None or whole.account.email is None:
                return Outcome(Refusal.NO_EMAIL_ON_FILE)
            if whole.standing.email_verified:
                return Outcome(Refusal.EMAIL_ALREADY_VERIFIED)
            if whole.done:
                return Outcome()
            asked = await self.records.write(
                session,
                whole,
                "verification-asked",
                statement=steps.VERIFICATION_ASKED,
                act=links.to_make(
                    link_id=link_id,
                    account=whole.account,
                    purpose=Purpose.VERIFICATION,
                    token_hash=hash_of(token_of(self.link_secret, link_id)),
                    valid=VERIFICATION_VALID,
                ),
                key=order.key,
                subject_id=link_id,
                mail=self.records.mail(
                    whole, MailKind.VERIFICATION, key=f"verification:{link_id}", facts={"link_id": str(link_id)}
                ),
            )
            # Not asked, but written: by a try that ended in this very moment and could not report it.
            if asked or await journal.holds(session, order.key):
                return Outcome()
            return Outcome(Refusal.MAIL_JUST_SENT)

    @activity.defn
    async def confirm_email(self, order: UseLink) -> Outcome:
        """Use the link, once; the address it went to is proven."""
        async with self.autocommit() as session:
            whole = await self.records.read(session, order.campaign_id, order.member_id)
            if whole.account is None:
                return Outcome(Refusal.NO_EMAIL_ON_FILE)
            proven = await self.records.write(
                session,
                whole,
                "email-verified",
                statement=steps.EMAIL_VERIFIED,
                act=links.to_use(order.link_id, Purpose.VERIFICATION, whole.account.id),
                key=order.key,
                subject_id=order.link_id,
                email_verified=True,
            )
            # A repeat of this very step finds the address proven, which is what was asked.
            return Outcome(None if proven or whole.standing.email_verified else Refusal.LINK_SUPERSEDED)
