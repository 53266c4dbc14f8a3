"""`python -m portal journal verify | head`: whether the journal is as it was written."""

import argparse
import asyncio
from datetime import timedelta
from typing import Any

from portal.settings import Settings
from portal.store import chain, open_database, sessions_of
from portal.store.chain import Fault, Verified

SAID = {
    Fault.ALTERED: "entry {entry} is not as it was when it was linked (link {seq})",
    Fault.DELETED: "entry {entry} was deleted (link {seq})",
    Fault.INSERTED_LATE: "entry {entry} was inserted late: it claims a moment before entries that were there first"
    " (link {seq})",
    Fault.UNLINKED: "entry {entry} has no link: it was inserted beside the portal, or nobody makes links",
    Fault.BROKEN: "link {seq} does not follow the one before: a link was removed or altered",
    Fault.ANOTHER_HEAD: "no link has the hash that was expected: this is another journal",
}


def add_to(commands: Any) -> None:
    parser = commands.add_parser("journal", help="the chain that seals the journal")
    parser.set_defaults(run=run)
    acts = parser.add_subparsers(dest="act", required=True)
    verify = acts.add_parser("verify", help="recompute the chain; exit 1 and name the first entry that is wrong")
    verify.add_argument("--from", dest="first", type=int, default=1, metavar="SEQ", help="the first link to recompute")
    verify.add_argument("--expect", metavar="HASH", help="a head that was written down: one of the links must be it")
    verify.add_argument("--minutes", type=float, default=chain.LINKED_WITHIN / timedelta(minutes=1))
    acts.add_parser("head", help="the newest link: its number and its hash, to be kept elsewhere")


def run(asked: argparse.Namespace) -> int:
    url = Settings().database_url.get_secret_value()
    return asyncio.run(_head(url) if asked.act == "head" else _verify(asked, url))


async def _head(url: str) -> int:
    engine = open_database(url, pool_size=1)
    try:
        async with sessions_of(engine)() as session:
            head = await chain.head(session)
    finally:
        await engine.dispose()
    print(head or "no link yet")
    return 0


async def _verify(asked: argparse.Namespace, url: str) -> int:
    engine = open_database(url, pool_size=1)
    try:
        found = await chain.verify(
            sessions_of(engine), first=max(1, asked.first), expect=asked.expect and asked.expect.strip().lower(),
            within=timedelta(minutes=asked.minutes),
        )  # fmt: skip
    finally:
        await engine.dispose()
    print(said(found))
    return 0 if found.fault is None else 1


def said(found: Verified) -> str:
    if found.fault is None:
        return f"journal whole: {found.links} links recomputed, head {found.head or 'none yet'}"
    return "journal NOT whole: " + SAID[found.fault].format(entry=found.entry_id, seq=found.seq)
