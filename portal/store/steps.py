"""A step of a member in one statement: what it changes, the journal's entry, the mail, and where the file stands.

One statement is one commit and one answer to wait for: written one after the other, the same rows took a member's
step four times as long (docs/decisions/0009).
"""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import CTE, Boolean, Select, bindparam, select, true

from portal.rules.onboarding import Step
from portal.store import Session, journal, links
from portal.store import mail as outbox
from portal.store.onboarding import FILE, reached_if

Statement = Select[bool]


def _step(act: CTE | None) -> Statement:
    """The statement of a step; whether it happened. Nothing of it is written unless its own act changed a row."""
    happened = true() if act is None else select(act).exists()
    queued = outbox.queued_if(happened & bindparam("mailed", type_=Boolean()))
    file = reached_if(happened, by_member=true())
    return select(happened.label("happened"), select(outbox.bell_of(queued)).scalar_subquery().label("told")).add_cte(
        journal.entry_if(happened).cte("entry"), file.returning(FILE.c.version).cte("file")
    )


VERIFICATION_ASKED = _step(links.MADE)
EMAIL_VERIFIED = _step(links.PROVEN)
# Whatever was changed before in the same transaction.
WRITTEN = _step(None)


async def write(
    session: Session,
    statement: Statement,
    *,
    member_id: UUID,
    campaign_id: UUID,
    action: str,
    key: str,
    reached: Step,
    subject_id: UUID | None = None,
    code: str | None = None,
    mail: outbox.Row | None = None,
    act: Mapping[str, object] | None = None,
) -> bool:
    """Write a step down; False, and nothing changed, when what its `act` asked for was not to be had.

    `key` names the step: the same one again leaves the entry as it is.
    """
    entry = journal.to_write(
        action, actor="member", actor_id=member_id, member_id=member_id, campaign_id=campaign_id,
        subject_id=subject_id, code=code, key=key,
    )  # fmt: skip
    file = {"campaign": campaign_id, "member": member_id, "reached": reached.value}
    return bool(
        await session.scalar(
            statement, {**(act or {}), **entry, **file, **(mail or outbox.NO_MAIL), "mailed": mail is not None}
        )
    )
