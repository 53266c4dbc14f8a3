"""The operators' page of ready queries: what to ask Temporal, how many there are now, and a link that asks it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response
from temporalio.service import RPCError

from api.guards import Lang, OperatorDep
from api.pages import render
from api.portal import Portal, portal_of
from api.routes import page
from api.temporal_links import command_line, temporal_list, temporal_query
from portal.rules.queries import Ready, ReadyQuery, Topic, ready_queries
from portal.store import campaigns
from portal.text.queries import SaidQuery, said_query, said_topic

router = APIRouter()

# For all counts together: the page is about the questions, the figures are a courtesy.
COUNT_SECONDS = 2.0
# The server allows a namespace ten such questions a second by default.
AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One question on the page; without a count where Temporal has not answered."""

    code: Ready
    said: SaidQuery
    query: str
    link: str
    command: str
    count: int | None


@page(router, "temporal")
async def temporal(request: Request, language: Lang, visitor: OperatorDep) -> Response:
    portal = portal_of(request)
    async with portal.autocommit() as session:
        campaign = await campaigns.current(session)
    queries = ready_queries(campaign.code if campaign else None, datetime.now(UTC))
    counts = await _counts(portal, queries)
    rows = {
        topic: [
            Row(
                asked.code, said_query(asked.code, language), asked.query, temporal_query(portal, asked.query),
                command_line(portal, asked.query), counts.get(asked.code),
            )
            for asked in queries
            if asked.topic is topic
        ]
        for topic in Topic
    }  # fmt: skip
    return render(
        request, "operations/temporal.html", visitor=visitor, campaign=campaign, whole=temporal_list(portal),
        topics=[(said_topic(topic, language), rows[topic]) for topic in Topic],
        counted=len(counts) == len(queries),
    )  # fmt: skip


async def _counts(portal: Portal, queries: Sequence[ReadyQuery]) -> Mapping[Ready, int]:
    """As many as are answered in time."""
    found: dict[Ready, int] = {}
    places = asyncio.Semaphore(AT_ONCE)

    async def count(asked: ReadyQuery) -> None:
        async with places:
            found[asked.code] = (await portal.client.count_workflows(asked.query)).count

    try:
        async with asyncio.timeout(COUNT_SECONDS):
            await asyncio.gather(*(count(asked) for asked in queries))
    except (RPCError, RuntimeError, TimeoutError) as error:
        structlog.get_logger().warning("temporal-not-counted", error=type(error).__name__)
    return found
