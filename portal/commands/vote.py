"""`python -m portal vote verify CODE`: whether every vote has its entry in the journal, and every entry its vote."""

import argparse
import asyncio
from typing import Any

from portal.settings import Settings
from portal.store import campaigns, open_database, sessions_of, voters
from portal.store.voters import Agreement, Gap

WHOLE, GAPS, UNKNOWN = 0, 1, 2

SAID = {
    Gap.VOTE_GONE: "the journal has it, the box has not: it was taken out",
    Gap.VOTE_INVENTED: "the box has it, the journal has not: it was put in beside the portal",
    Gap.VOTE_REPLACED: "it is not of the moment that the journal says: another was put in its place",
    Gap.OUT_OF_TIME: "it was cast before the opening or after the closing",
    Gap.ON_PAPER_TOO: "its voter is marked as voting on paper",
}


def add_to(commands: Any) -> None:
    vote = commands.add_parser("vote", help="compare the votes of a campaign with the journal")
    vote.add_argument("question", choices=["verify"])
    vote.add_argument("code", metavar="CODE", help="of the campaign")
    vote.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    return asyncio.run(_verify(Settings().database_url.get_secret_value(), asked.code))


async def _verify(url: str, code: str) -> int:
    """0 if they agree, 1 if not, each gap on a line of its own; 2 if there is no such campaign."""
    engine = open_database(url, pool_size=1)
    try:
        async with sessions_of(engine).begin() as session:
            campaign = await campaigns.by_code(session, code)
            if campaign is None:
                print(f"vote: there is no campaign {code}")
                return UNKNOWN
            found = await voters.verify(session, campaign.id)
    finally:
        await engine.dispose()
    print(said(found))
    return GAPS if found.gaps else WHOLE


def said(found: Agreement) -> str:
    lines = [f"{code:<24} {votes:>7} votes {entries:>7} entries" for code, (votes, entries) in found.counts.items()]
    for one in found.gaps:
        entry = "no entry" if one.entry_id is None else f"entry {one.entry_id}"
        lines.append(f"{one.gap}: ballot {one.ballot}, member {one.member_id}, {entry}: {SAID[one.gap]}")
    votes = sum(votes for votes, _ in found.counts.values())
    lines.append(f"votes NOT whole: {len(found.gaps)} gaps" if found.gaps else f"votes whole: {votes} votes")
    # The journal has no receipts (0021): a sealed vote that was replaced in the database has its entry all the same.
    lines.append("whether each is the vote that was cast, its voter's receipt alone can tell")
    return "\n".join(lines)
