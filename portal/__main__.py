"""The operator's commands on the database: `python -m portal migrate | check | bounce | campaign`."""

import argparse
import asyncio
import os
import sys

from portal.rules import bounces as reports
from portal.settings import Settings
from portal.store import (
    DatabaseUnavailable,
    bounces,
    campaign_changes,
    campaigns,
    open_database,
    schema,
    sessions_of,
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m portal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the database of PORTAL_DATABASE_URL up to date, as its owner")
    commands.add_parser("check", help="say whether the database is up to date; exit 1 if not")
    commands.add_parser("bounce", help="take one report of delivery from standard input, as the worker's role")
    campaign = commands.add_parser("campaign", help="compare the roll of a campaign with the one it was opened on")
    campaign.add_argument("question", choices=["manifest"])
    campaign.add_argument("code")
    given = parser.parse_args(arguments)
    command = given.command

    url = Settings().database_url.get_secret_value()  # from the environment
    if command == "migrate":
        schema.upgrade(url)
        return 0
    if command == "bounce":
        raw = sys.stdin.buffer.read(reports.LONGEST + 1)
        try:
            print(asyncio.run(_bounce(url, raw)))
        except DatabaseUnavailable as error:
            print(f"bounce: kept for later, {type(error).__name__}")
            # The mail server keeps the report and tries again.
            return os.EX_TEMPFAIL
        return 0
    if command == "campaign":
        return asyncio.run(_manifest(url, given.code))
    found, wanted = schema.current(url), schema.heads()
    print(f"database at {found}, code at {', '.join(wanted)}")
    return 0 if [found] == wanted else 1


async def _bounce(url: str, raw: bytes) -> str:
    """Write down what a report says; one line of what was done with it, which names nobody.

    Anybody may write to this address: what is no report is let go in silence, for an answer would be mail as well.
    """
    report = reports.read(raw)
    if report is None:
        return "bounce: ignored, no report of a failure"
    engine = open_database(url, pool_size=1)
    try:
        async with sessions_of(engine).begin() as session:
            mail_id = await bounces.mail_of(session, report.mail_id, report.message_digest)
            if mail_id is None:
                return "bounce: ignored, no mail of ours"
            if not report.final:
                await bounces.delayed(session, mail_id, report.status)
                return f"bounce: {mail_id} delayed {report.status}"
            blamed = report.addresses if report.blames_address else ()
            await bounces.came_back(session, mail_id, report.status, blamed)
            return f"bounce: {mail_id} failed {report.status}"
    finally:
        await engine.dispose()


async def _manifest(url: str, code: str) -> int:
    """Hash the roll again: 0 if it is the one that two officers opened the campaign on, 1 if not, 2 if unknown."""
    engine = open_database(url, pool_size=1)
    try:
        async with sessions_of(engine).begin() as session:
            campaign = await campaigns.by_code(session, code)
            opened_on = await campaign_changes.opening_manifest(session, campaign.id) if campaign else None
            if campaign is None or opened_on is None:
                print(f"campaign: {code} was not opened by two officers")
                return 2
            now = await campaign_changes.manifest(session, campaign.id)
    finally:
        await engine.dispose()
    then, at = opened_on
    print(f"opened {at:%Y-%m-%d %H:%M} UTC  {then.sha256}  {then.lines} entries")
    print(f"now                      {now.sha256}  {now.lines} entries")
    print("the roll is the same" if now == then else "the roll has changed since")
    return 0 if now == then else 1


if __name__ == "__main__":
    sys.exit(main())
