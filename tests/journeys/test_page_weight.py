"""A member's page is small: few requests, few bytes, on a telephone in a basement."""

import pytest
from playwright.async_api import Browser

from portal.text.addresses import path
from tests.figures.weight import MOST_BYTES, MOST_REQUESTS, weigh
from tests.journeys.people import Somebody, Town
from tests.journeys.tab import visiting
from tests.journeys.test_every_page import SEES


# Between them they see every page of a member, and each in its longest state.
@pytest.mark.parametrize("name", ["stranger", "confirming", "newcomer", "newcomer, verified", "picked", "waiting"])
async def test_a_page_seen_for_the_first_time_is_small(
    town: Town, people: dict[str, Somebody], chromium: Browser, name: str
) -> None:
    """At most 6 requests and 60 kB, without the pictures of identity documents; in French, which is the longer.

    The guide is the longest text of the portal, and read once: 64 kB since it says how to vote.
    """
    who = people[name]
    async with visiting(chromium, town.stack.origin, "fr") as visitor:
        await visitor.become(who.cookie)
        for seen in SEES[name]:
            address = path(seen, "fr", **{"code": "pension", **who.where})
            requests, size = await weigh(visitor.context, f"{town.stack.origin}{address}?jeton={who.token}")
            assert requests <= MOST_REQUESTS, (address, requests)
            assert size <= (64_000 if seen == "guide" else MOST_BYTES), (address, size)
