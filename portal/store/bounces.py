"""Mail that came back: which of ours it was, whose address does not work, and what operators see of it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, func, select, update

from portal.rules.mail import MailKind
from portal.store import Session
from portal.store.accounts import Account
from portal.store.base import table_of
from portal.store.mail import Mail
from portal.store.members import Member
from portal.store.onboarding import FILE

_MAIL = table_of(Mail)
_ACCOUNT = table_of(Account)
_NOW = func.clock_timestamp()

_FAILED = (
    update(_MAIL)
    .where(_MAIL.c.id == bindparam("mail"))
    .values(
        failed_at=func.coalesce(_MAIL.c.failed_at, _NOW), claimed_until=None,
        last_error=bindparam("code", type_=_MAIL.c.last_error.type),
    )
    .returning(_MAIL.c.account_id)
    .cte("failed")
)  # fmt: skip
# Not if the member has given another address since: that one has done nothing wrong.
_MARKED = (
    update(_ACCOUNT)
    .where(
        _ACCOUNT.c.id == _FAILED.c.account_id,
        _ACCOUNT.c.email == func.any(bindparam("addresses", type_=ARRAY(Text))),
    )
    .values(email_bounced_at=func.coalesce(_ACCOUNT.c.email_bounced_at, _NOW))
    .returning(_ACCOUNT.c.member_id)
    .cte("marked")
)
# A page left open shows it.
_SHOWN = (
    update(FILE)
    .where(FILE.c.member_id == _MARKED.c.member_id, FILE.c.ended_at.is_(None))
    .values(version=FILE.c.version + 1)
    .returning(FILE.c.member_id)
    .cte("shown")
)
_CAME_BACK = select(_FAILED.c.account_id).add_cte(_MARKED, _SHOWN)


async def came_back(session: Session, mail_id: UUID, code: str, addresses: Collection[str]) -> None:
    """This mail was not delivered and never will be; if its address is among these, mail to it comes back.

    `code` is digits or the class of a failure, never a server's words.
    """
    await session.execute(_CAME_BACK, {"mail": mail_id, "code": code, "addresses": list(addresses)})


async def delayed(session: Session, mail_id: UUID, code: str) -> None:
    """Somewhere on its way it waits: noted, and nothing else."""
    await session.execute(update(Mail).where(Mail.id == mail_id, Mail.failed_at.is_(None)).values(last_error=code))


async def mail_of(session: Session, mail_id: UUID | None, message_digest: str | None) -> UUID | None:
    """Our mail with this id or, failing that, with this in its Message-ID; None if neither is ours."""
    if mail_id is not None:
        found: UUID | None = await session.scalar(select(Mail.id).where(Mail.id == mail_id))
        if found is not None:
            return found
    if message_digest is None:
        return None
    digest = func.encode(func.sha256(func.convert_to(Mail.key, "UTF8")), "hex")
    found = await session.scalar(select(Mail.id).where(func.left(digest, len(message_digest)) == message_digest))
    return found


@dataclass(frozen=True, slots=True)
class Failed:
    """A mail that could not be delivered, for operators."""

    kind: MailKind
    code: str | None
    at: datetime
    member: Member | None


async def failed(session: Session, campaign_id: UUID | None = None, *, most: int = 100) -> list[Failed]:
    """Mails that could not be delivered, the newest first; of one campaign, or all.

    A campaign's list holds what belongs to none as well: verification and renewal are sent outside of campaigns.
    """
    statement = (
        select(Mail.kind, Mail.last_error, Mail.failed_at, Member)
        .outerjoin(Account, Account.id == Mail.account_id)
        .outerjoin(Member, Member.id == Account.member_id)
        .where(Mail.failed_at.is_not(None))
    )
    if campaign_id is not None:
        statement = statement.where((Mail.campaign_id == campaign_id) | Mail.campaign_id.is_(None))
    rows = await session.execute(statement.order_by(Mail.failed_at.desc()).limit(most))
    return [Failed(MailKind(kind), code, at, member) for kind, code, at, member in rows if at is not None]
