"""Mails in every kind, with what they speak of; and how a test waits for one."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from portal.rules.accounts import VERIFICATION_VALID, Purpose
from portal.rules.links import hash_of, token_of
from portal.rules.mail import Lane, MailKind
from portal.store import Session, Sessions, accounts, links, mail
from portal.store.campaigns import Campaign
from portal.store.mail import Mail
from portal.store.members import Member
from tests.conftest import SECRET

# The mail that carries a link; a recovery's is handed over in person.
MAIL_OF = {
    Purpose.VERIFICATION: MailKind.VERIFICATION,
    Purpose.RENEWAL: MailKind.RENEWAL,
    Purpose.INVITATION: MailKind.STAFF_INVITATION,
}


async def eventually(holds: Callable[[], Awaitable[object]], within: float = 15.0) -> None:
    """Wait until something is so; generous, since it only ends a test that has failed."""
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110  (what is awaited is in another process)
            await asyncio.sleep(0.02)


async def queue(
    session: Session,
    member: Member,
    kind: MailKind,
    *,
    lane: Lane = Lane.URGENT,
    campaign: Campaign | None = None,
    facts: dict[str, str] | None = None,
    key: str = "",
    due: timedelta = timedelta(0),
) -> str:
    """The key of a mail to a member, now waiting for the relay."""
    account = await accounts.of_member(session, member.id)
    assert account is not None
    key = key or f"{kind}:{uuid4()}"
    assert await mail.queue(
        session,
        mail.to_queue(
            key=key,
            kind=kind,
            lane=lane,
            account_id=account.id,
            campaign_id=campaign.id if campaign else None,
            due_at=datetime.now(UTC) + due,
            facts=facts or {},
        ),
    )
    return key


async def queue_verification(
    session: Session,
    member: Member,
    *,
    campaign: Campaign | None = None,
    purpose: Purpose = Purpose.VERIFICATION,
) -> tuple[str, UUID]:
    """A verification or renewal mail, as its step writes it: link and mail in one commit."""
    account = await accounts.of_member(session, member.id)
    assert account is not None
    link_id = uuid4()
    assert await links.make(
        session,
        link_id=link_id,
        account=account,
        purpose=purpose,
        token_hash=hash_of(token_of(SECRET.encode(), link_id)),
        valid=VERIFICATION_VALID,
    )
    return await queue(session, member, MAIL_OF[purpose], campaign=campaign, facts={"link_id": str(link_id)}), link_id


async def row(sessions: Sessions, key: str) -> Mail:
    from sqlalchemy import select

    async with sessions.begin() as session:
        return (await session.scalars(select(Mail).where(Mail.key == key))).one()


async def is_sent(sessions: Sessions, key: str) -> bool:
    return (await row(sessions, key)).sent_at is not None


async def email_of(sessions: Sessions, member: Member) -> str:
    async with sessions.begin() as session:
        account = await accounts.of_member(session, member.id)
        assert account is not None
        assert account.email is not None
        return account.email
