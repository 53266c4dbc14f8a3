"""What an operator of the demo finds to do: mail that came back, votes on paper, a sign-in that is slowed down."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from deploy.cast import Person, State
from portal.rules.accounts import NUMBER_TRIES
from portal.rules.links import keyed
from portal.rules.mail import MailKind, lane
from portal.rules.members import Standing
from portal.rules.operations import PaperReason
from portal.rules.refusals import Refusal
from portal.store.accounts import Account, Attempt
from portal.store.base import Base
from portal.store.campaigns import Campaign
from portal.store.journal import Entry
from portal.store.mail import Mail
from portal.store.paper import PaperVoter

_BOUNCED = 3
# As many wrong passwords in a row as slow somebody down for a quarter of an hour.
_TRIES = 2 * NUMBER_TRIES


def some_troubles(
    people: Sequence[tuple[Person, UUID]], accounts: Sequence[Account], campaign: Campaign, operator_id: UUID,
    secret: bytes, now: datetime,
) -> list[Sequence[Base]]:  # fmt: skip
    """Rows to be written, one kind after the other; the accounts whose mail came back are marked."""
    of_member = {account.member_id: account for account in accounts}
    crowd = [(p, of_member[i]) for p, i in people if p.password is None and p.standing is Standing.MEMBER]
    waiting = [account for person, account in crowd if person.state is State.EMAIL and account.email]
    nameless = [account for person, account in crowd if not account.email]
    for account in waiting[:_BOUNCED]:
        account.email_bounced_at = now - timedelta(hours=5)
    return [
        [_lost(account, campaign, now - timedelta(hours=5)) for account in waiting[:_BOUNCED]],
        _on_paper(nameless[:2], campaign, operator_id, now - timedelta(days=1)),
        *_slowed_down(waiting[_BOUNCED], secret, now),
    ]


def _lost(account: Account, campaign: Campaign, at: datetime) -> Mail:
    return Mail(
        id=uuid4(), key=f"lost:{account.id}", kind=MailKind.REMINDER.value, lane=lane(MailKind.REMINDER).value,
        account_id=account.id, campaign_id=campaign.id, facts={}, queued_at=at, due_at=at, failed_at=at,
        last_error="5.1.1", attempts=1,
    )  # fmt: skip


def _on_paper(accounts: Sequence[Account], campaign: Campaign, operator_id: UUID, at: datetime) -> list[PaperVoter]:
    reasons = (PaperReason.NO_EMAIL, PaperReason.ASKED)
    return [
        PaperVoter(
            id=uuid4(), campaign_id=campaign.id, member_id=account.member_id, reason=reason.value, by_id=operator_id,
            at=at,
        )
        for account, reason in zip(accounts, reasons, strict=False)
    ]  # fmt: skip


def _slowed_down(account: Account, secret: bytes, now: datetime) -> list[Sequence[Base]]:
    assert account.email is not None
    key = keyed(secret, "sign-in", account.email)
    tried = Attempt(key=key, since=now - timedelta(minutes=4), last_at=now, count=_TRIES)
    refused = Entry(
        at=now, actor="unknown", action="sign-in-refused", code=Refusal.TOO_MANY_TRIES.value,
        member_id=account.member_id, subject_id=account.id,
    )  # fmt: skip
    return [[tried], [refused]]
