"""The results, for anybody who has the address; and what this portal can protect and what it cannot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.downloads import attached
from api.guards import Anyone, Lang
from api.pages import render
from api.portal import portal_of
from api.routes import page
from portal.rules.counting import Counted
from portal.rules.refusals import Refusal, Refused
from portal.rules.running import per_mille
from portal.rules.vote_files import read_result
from portal.rules.votes import MIN_GROUP, Majority
from portal.store import Session, health, receipts, results, votes
from portal.store.ballots import Ballot
from portal.store.campaigns import Campaign
from portal.store.results import Published
from portal.text import results as words

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Line:
    """One option: what it is called, how many chose it, and its share of the bar that is longest."""

    label: str
    votes: int
    share: float
    elected: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One ballot of the page."""

    ballot: Ballot
    counted: Counted
    said: str
    # Empty for a ballot with too few votes to be split.
    lines: Sequence[Line]
    # How many of the electors vote by mail: no count of this portal has their ballots.
    on_paper: int

    @property
    def turnout(self) -> int:
        return per_mille(self.counted.votes, self.counted.electors)


async def _held(session: Session, code: str) -> tuple[Campaign, Published | None]:
    campaign = await receipts.public_campaign(session, code)
    if campaign is None:
        raise Refused(Refusal.BALLOT_UNKNOWN)
    return campaign, await results.published(session, campaign.id)


def counted_in(result: str) -> dict[UUID, Counted]:
    """What a result says of each ballot; it was held against the box when it was sent."""
    return {UUID(ballot): counted for ballot, _, counted in read_result("result", result.encode()).ballots}


def _may_leave(ballots: Mapping[UUID, Counted]) -> bool:
    """Whether anybody may have the file: it says what every ballot was made of, the smallest as well (T101)."""
    return not any(counted.small for counted in ballots.values())


@page(router, "results")
async def results_page(request: Request, language: Lang, visitor: Anyone, campaign: str) -> Response:
    portal = portal_of(request)
    async with portal.autocommit() as session:
        held, published = await _held(session, campaign)
        counted = counted_in(published.result) if published else {}
        shown = await all_shown(session, held, counted, language)
        at = await health.now(session)
    return render(
        request, "votes/results.html", visitor=visitor, campaign=held, at=at, published=published, shown=shown,
        file_leaves=_may_leave(counted), least=MIN_GROUP,
        mailbox=portal.settings.mail_reply_to,
    )  # fmt: skip


async def all_shown(
    session: Session, campaign: Campaign, counted: Mapping[UUID, Counted], language: str
) -> list[Shown]:
    """Every ballot of a result in the order of the ballots: to everybody and to officers in the same words."""
    return [
        await _shown(session, campaign, ballot, counted[ballot.id], language)
        for ballot in await receipts.ballots_of(session, campaign.id)
        if ballot.id in counted
    ]


async def _shown(session: Session, campaign: Campaign, ballot: Ballot, counted: Counted, language: str) -> Shown:
    definition = await votes.definition_of(session, campaign.code, ballot)
    labels = {option.id: option.label(language) for option in definition.options}
    majority = Majority(ballot.majority)
    on_paper = await receipts.on_paper(session, ballot.id)
    said = words.outcome(
        counted, majority, ballot.quorum_percent, ballot.choose, labels, language, on_paper=on_paper > 0
    )
    if counted.small:
        return Shown(ballot, counted, said, (), on_paper)
    most = max(1, *counted.options.values(), 1)
    return Shown(
        ballot, counted, said,
        [
            Line(labels.get(option, str(option)), votes, 100 * votes / most, option in counted.elected)
            for option, votes in counted.options.items()
        ],
        on_paper,
    )  # fmt: skip


@page(router, "results-file")
async def results_file(request: Request, visitor: Anyone, campaign: str) -> Response:
    """Byte for byte what was counted: its hash is on the page."""
    async with portal_of(request).autocommit() as session:
        held, published = await _held(session, campaign)
    if published is None:
        raise Refused(Refusal.RESULTS_NOT_YET)
    if not _may_leave(counted_in(published.result)):
        raise Refused(Refusal.RESULT_FILE_WITHHELD)
    return attached(published.result, f"result-{held.code}.json")


@page(router, "protects")
async def protects(request: Request, visitor: Anyone) -> Response:
    """« Ce que nous protégeons, ce que nous ne pouvons pas protéger »."""
    return render(request, "votes/protects.html", visitor=visitor, mailbox=portal_of(request).settings.mail_reply_to)
