"""`python -m portal campaign manifest CODE`: the roll of a campaign beside the one it was opened on."""

import argparse
import asyncio
from typing import Any

from portal.settings import Settings
from portal.store import campaign_changes, campaigns, open_database, sessions_of


def add_to(commands: Any) -> None:
    campaign = commands.add_parser("campaign", help="compare the roll of a campaign with the one it was opened on")
    campaign.add_argument("question", choices=["manifest"])
    campaign.add_argument("code")
    campaign.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    return asyncio.run(_manifest(Settings().database_url.get_secret_value(), asked.code))


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
