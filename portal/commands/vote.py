"""Whether a box can be believed: `python -m portal vote verify CODE` compares every vote with its entry in the journal,
`vote sample CODE --count 30` draws people to be asked whether they have voted.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from portal.settings import Settings
from portal.store import Session, campaigns, journal, open_database, sessions_of, voters
from portal.store.campaigns import Campaign
from portal.store.staff import SHELL
from portal.store.voters import Agreement, Gap, Sample

WHOLE, GAPS, UNKNOWN = 0, 1, 2

SAID = {
    Gap.VOTE_GONE: "the journal has it, the box has not: it was taken out",
    Gap.VOTE_INVENTED: "the box has it, the journal has not: it was put in beside the portal",
    Gap.VOTE_REPLACED: "it is not of the moment that the journal says: another was put in its place",
    Gap.OUT_OF_TIME: "it was cast before the opening or after the closing",
    Gap.ON_PAPER_TOO: "its voter is marked as voting on paper",
}


def add_to(commands: Any) -> None:
    vote = commands.add_parser(
        "vote", help="compare the votes of a campaign with the journal, or draw people to be asked"
    )
    vote.add_argument("question", choices=["verify", "sample"])
    vote.add_argument("code", metavar="CODE", help="of the campaign")
    vote.add_argument("--count", type=int, default=30, metavar="N", help="how many people to draw (default: 30)")
    vote.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    url = Settings().database_url.get_secret_value()
    if asked.question == "sample":
        return asyncio.run(_of(url, asked.code, lambda session, campaign: _sample(session, campaign, asked.count)))
    return asyncio.run(_of(url, asked.code, _verify))


async def _of(url: str, code: str, ask: Callable[[Session, Campaign], Awaitable[int]]) -> int:
    """2 if there is no such campaign."""
    engine = open_database(url, pool_size=1)
    try:
        async with sessions_of(engine).begin() as session:
            campaign = await campaigns.by_code(session, code)
            if campaign is None:
                print(f"vote: there is no campaign {code}")
                return UNKNOWN
            return await ask(session, campaign)
    finally:
        await engine.dispose()


async def _verify(session: Session, campaign: Campaign) -> int:
    """0 if they agree, 1 if not, each gap on a line of its own."""
    found = await voters.verify(session, campaign.id)
    print(said(found))
    return GAPS if found.gaps else WHOLE


async def _sample(session: Session, campaign: Campaign, most: int) -> int:
    """Each person drawn is written down, where they read it themselves: somebody knows now that they have voted."""
    drawn = await voters.sample(session, campaign.id, most)
    if drawn is None:
        print("vote: voting is not over; nobody is told before who has voted")
        return UNKNOWN
    for member_id, _, _ in drawn.people:
        await journal.write(session, "vote-sampled", actor=SHELL, member_id=member_id, campaign_id=campaign.id)
    print(said_of(drawn))
    return WHOLE


def said_of(drawn: Sample) -> str:
    lines = [f"{number:<12} {', '.join(codes)}" for _, number, codes in drawn.people]
    lines.append(f"{len(drawn.people)} drawn of {drawn.voters} people with a vote; ask whether they voted, never what")
    return "\n".join(lines)


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
