"""Mails to the staff about cases that wait: an appeal that is late, a case that nobody who is there may look at."""

from datetime import UTC, datetime
from uuid import UUID

from portal.rules.accounts import Role
from portal.rules.mail import Courtesy, MailKind, send_at
from portal.store import Session, accounts, mail
from portal.text import TORONTO

KIND = MailKind.REVIEW_WAITING


async def tell_staff(session: Session, courtesy: Courtesy, submission_id: UUID, occasion: str) -> None:
    """One mail to each operator; the same occasion is one mail."""
    for account_id in await accounts.with_role(session, Role.OPERATOR):
        await mail.queue(
            session,
            mail.to_queue(
                key=f"{KIND}:{submission_id}:{occasion}:{account_id}", kind=KIND,
                account_id=account_id, campaign_id=None,
                due_at=send_at(KIND, due=datetime.now(UTC), to=str(account_id), courtesy=courtesy, zone=TORONTO),
                facts={"submission_id": str(submission_id), "occasion": occasion.partition(":")[0]},
            ),
        )  # fmt: skip
