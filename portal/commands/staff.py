"""`python -m portal staff add | list | suspend | reset`: the first officers, and the way back when none is left.

As the owner of the database: whoever holds it answers for it, and the journal says that it was done from a shell.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

from portal.rules.accounts import INVITATION_VALID, Purpose, Role, canonical_email
from portal.rules.links import hash_of, token_of
from portal.rules.refusals import Refused
from portal.settings import Settings
from portal.store import Session, accounts, links, open_database, sessions_of, staff
from portal.store.staff import Act
from portal.text.addresses import with_token

# What is done in one transaction, and what is said of it.
Deed = Callable[[Session], Awaitable[str]]


def add_to(commands: Any) -> None:
    parser = commands.add_parser("staff", help="accounts of the staff, as the owner of the database")
    parser.set_defaults(run=run)
    acts = parser.add_subparsers(dest="act", required=True)
    acts.add_parser("list", help="everybody, with roles and keys")
    add = acts.add_parser("add", help="give roles to an address and print a one-time link, good for 24 hours")
    add.add_argument("email")
    add.add_argument("--role", action="append", required=True, choices=[role.value for role in Role])
    for name, what in (
        ("suspend", "end all sessions and shut them out"),
        ("reinstate", "let them in again"),
        ("reset", "forget every key, and print a one-time link for a new one"),
    ):
        acts.add_parser(name, help=what).add_argument("email")


def run(asked: argparse.Namespace) -> int:
    settings = Settings()
    url, origin = settings.database_url.get_secret_value(), settings.origin
    secret = settings.secret.get_secret_value().encode()
    deeds: dict[str, Deed] = {
        "list": _list,
        "add": lambda session: _add(session, asked.email, asked.role, secret, origin),
        "suspend": lambda session: _act(session, Act.SUSPEND, asked.email),
        "reinstate": lambda session: _act(session, Act.REINSTATE, asked.email),
        "reset": lambda session: _reset(session, asked.email, secret, origin),
    }
    try:
        print(asyncio.run(_done(url, deeds[asked.act])))
    except Refused as error:
        print(f"staff: refused, {error.refusal.value}")
        return 1
    except LookupError:
        print("staff: nobody of the staff has this address")
        return 1
    return 0


async def _done(url: str, deed: Deed) -> str:
    engine = open_database(url, pool_size=1)
    try:
        async with sessions_of(engine).begin() as session:
            return await deed(session)
    finally:
        await engine.dispose()


async def _list(session: Session) -> str:
    lines = [
        f"{one.code}  {one.email}  {','.join(sorted(one.roles)) or '-'}  "
        f"{'suspended' if one.suspended_at else 'with key' if one.enrolled else 'no key yet'}"
        for one in await staff.everybody(session)
    ]
    return "\n".join(lines) or "nobody yet: python -m portal staff add EMAIL --role officer"


async def _add(session: Session, typed: str, roles: list[str], secret: bytes, origin: str) -> str:
    account_id = await staff.act(session, Act.INVITE, actor_id=None, email=canonical_email(typed))
    for role in roles:
        await staff.act(session, Act.GRANT, actor_id=None, account_id=account_id, role=Role(role))
    whom = await staff.colleague(session, account_id)
    if whom is not None and whom.enrolled:
        return "staff: roles given; this person has a key already"
    return await _link(session, account_id, secret, origin)


async def _act(session: Session, act: Act, typed: str) -> str:
    await staff.act(session, act, actor_id=None, account_id=await _of(session, typed))
    return f"staff: {act.value} done"


async def _reset(session: Session, typed: str, secret: bytes, origin: str) -> str:
    account_id = await _of(session, typed)
    await staff.act(session, Act.RESET, actor_id=None, account_id=account_id)
    return await _link(session, account_id, secret, origin)


async def _of(session: Session, typed: str) -> UUID:
    account = await accounts.by_email(session, canonical_email(typed))
    if account is None or await staff.colleague(session, account.id) is None:
        raise LookupError(typed)
    return account.id


async def _link(session: Session, account_id: UUID, secret: bytes, origin: str) -> str:
    """Printed, not mailed: to be handed over by whoever typed this. It is asked for with the password."""
    account = await accounts.by_id(session, account_id)
    assert account is not None, "it was found a moment ago"
    link_id = uuid4()
    token = token_of(secret, link_id)
    made = await links.make(
        session, link_id=link_id, account=account, purpose=Purpose.INVITATION, token_hash=hash_of(token),
        valid=INVITATION_VALID,
    )  # fmt: skip
    if not made:
        return "staff: done, but this address had too many links within the hour: try again later"
    return f"{origin.rstrip('/')}{with_token('staff-invitation', 'fr', token)}"
