"""Every page of the portal in a real browser, as everybody it has something to say to, in both languages."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser

from portal.text import LANGUAGES
from portal.text.addresses import path
from tests.api.looking import name_of, routes, takes
from tests.journeys.axe import wrong_with
from tests.journeys.people import Somebody, Town
from tests.journeys.tab import visiting

MEMBER = ("home", "profile", "identity", "votes")

# Who looks at what. A new page is added here; nobody has to see a page that says the same to somebody else.
SEES = {
    "stranger": (
        "entrance", "sign-in", "signed-out", "forgotten", "new-password", "register-email", "join", "request-sent",
        "guide", "counter",
    ),
    "stranger, after the vote": ("receipts", "results", "protects"),
    "voter": ("my-votes",),
    "opening a mail": ("confirm-email",),
    "confirming": ("confirm-email",),
    "newcomer": ("first-password",),
    "newcomer, verified": ("first-password",),
    "unverified": MEMBER,
    "verified": MEMBER,
    "picked": ("check-documents",),
    "waiting": (*MEMBER, "register", "register-all", "file", "messages", "message"),
    "registered": ("home", "votes"),
    "rejected": (*MEMBER, "appeal"),
    "voting": ("vote", "votes"),
    "voted": ("vote-done", "votes"),
    "erased": ("home", "profile", "identity"),
    "done": ("home", "votes"),
    "dues-payer": MEMBER,
    "bounced": ("home", "profile", "message"),
    "reminded": ("reminders",),
    "asking": ("prove-request",),
    "reviewer": ("review", "review-case", "review-document"),
    "reviewer, done": ("review-decided",),
    "operator": (
        "operations", "list", "member-desk", "paper", "temporal", "requests", "request-case", "roll", "roll-import",
    ),
    "on paper": ("home", "votes"),
    "operator, corrected": ("roll-import",),
    "officer": (
        "campaigns", "campaign-new", "campaign", "campaign-draft", "ballot-new", "ballot-edit", "campaign-open",
        "campaign-move", "campaign-cancel", "campaign-change", "campaign-checks", "campaign-key", "campaign-turnout",
        "campaign-post", "campaign-seal", "campaign-result", "campaign-hold", "campaign-destroyed",
        "staff", "colleague", "keys", "factor",
    ),
    "auditor": ("journal", "authenticator"),
    "staff, by password": ("factor",),
    "staff, invited": ("staff-invitation",),
}  # fmt: skip

# Not pages: pictures, a fragment, files, the bare address that leads to the entrance, and what machines ask.
NO_PAGE = {
    "picture", "review-picture", "status", "votes-status",
    "file-data", "list-file", "requests-file", "receipts-file", "results-file", "journal-data", "calendar",
    "roll-model", "roll-progress", "roll-report", "campaign-turnout-file", "campaign-post-file", "campaign-urn",
    "campaign-receipts", "campaign-publication", "bare", "healthz", "readyz",
}  # fmt: skip


def test_every_page_is_looked_at_by_somebody() -> None:
    pages = {name_of(route) for route in routes() if takes(route, "GET")}
    assert pages - NO_PAGE == {name for seen in SEES.values() for name in seen}


def addresses(who: Somebody, name: str) -> Iterator[tuple[str, str]]:
    for language in LANGUAGES:
        address = path(name, language, **{"code": "pension", **who.where})
        yield language, f"{address}?jeton={who.token}" if who.token else address


@pytest.mark.parametrize("name", SEES)
async def test_a_page_is_accessible_at_every_size(
    town: Town, people: dict[str, Somebody], chromium: Browser, name: str
) -> None:
    """WCAG 2.2 AA by axe; nothing in the console, nothing from elsewhere, no sideways scroll down to 320 px."""
    wrong: list[str] = []
    titles = set()
    async with visiting(chromium, town.stack.origin, "fr") as visitor:
        await visitor.become(people[name].cookie)
        tab = await visitor.tab()
        for seen in SEES[name]:
            for language, address in addresses(people[name], seen):
                answer = await tab.page.goto(town.stack.origin + address)
                assert answer is not None
                assert (answer.status, tab.page.url) == (200, town.stack.origin + address)
                titles.add(await tab.page.title())
                wrong += [f"{address}: {what}" for what in await wrong_with(tab.page, language)]
    assert wrong == []
    assert len(titles) == len(SEES[name]) * len(LANGUAGES), titles
