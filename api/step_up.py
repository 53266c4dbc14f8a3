"""Who is signed in proves once more that it is them, before an act that others feel."""

import secrets

from api.accounts import renewed_session
from api.portal import Portal
from portal.rules.accounts import STEP_UP_TRIES
from portal.rules.refusals import Refusal, Refused
from portal.store import accounts, journal, sessions
from portal.store.sessions import Visitor


async def stepped_up(portal: Portal, visitor: Visitor, password: str) -> str | Refusal:
    """The password once more: a new token for the session, or why not. Five wrong ones end it.

    Only a password counts here, never a member number; and it stays in this process.
    """
    async with portal.autocommit() as session:
        account = await accounts.by_id(session, visitor.account_id)
    try:
        with portal.passwords.place(inside=True) as place:
            same = account is not None and await place.matches(password[:129], account.password_hash)
    except Refused as full:
        return full.refusal
    if same:
        token = secrets.token_urlsafe(32)
        async with portal.autocommit() as session:
            await renewed_session(session, token, visitor)
        return token
    async with portal.sessions.begin() as session:
        failures = await sessions.count_step_up_failure(session, visitor.token_hash)
        await journal.write(
            session, "re-entry-refused", actor="member" if visitor.member_id else "staff", actor_id=visitor.account_id,
            member_id=visitor.member_id,
        )  # fmt: skip
        if failures >= STEP_UP_TRIES:
            await sessions.end(session, visitor.token_hash)
    if failures >= STEP_UP_TRIES:
        raise Refused(Refusal.SIGN_IN_NEEDED)
    return Refusal.WRONG_PASSWORD
