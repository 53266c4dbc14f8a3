"""The booth in a real browser: what is sealed there, what leaves it, and what happens to whoever presses twice."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Request

from deploy.servers import start_temporal
from tests.api.booths import said_by
from tests.conftest import Servers
from tests.journeys.polls import Polls, unlock
from tests.journeys.stack import Stack
from tests.journeys.tab import Tab

HOUR = timedelta(hours=1)
RECEIPT = re.compile(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){4}")


@pytest_asyncio.fixture(scope="module")
async def polls(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Polls]:
    """One portal for every test of the booth; each has voters of its own."""
    name, folder = f"t_{uuid4().hex[:12]}", tmp_path_factory.mktemp("polls")
    servers.postgres.create_database(name, template="template_scrutin")
    stack = Stack(servers, start_temporal(folder / "temporal"), folder / "portal", name)
    yield await Polls.of(stack)
    await stack.close()
    servers.postgres.drop_database(name)


async def read_again(tab: Tab, *labels: str) -> None:
    """Choose these answers and go on to the page that reads them again."""
    for label in labels:
        await tab.page.get_by_label(label, exact=True).check()
    await tab.page.get_by_role("button", name=re.compile("^(Continuer|Continue)$")).click()
    await tab.page.locator("#relecture h2").wait_for(state="visible")


@pytest.mark.parametrize(("language", "yes"), [("fr", "Oui"), ("en", "Yes")])
async def test_what_is_chosen_never_leaves_the_browser(
    polls: Polls, chromium: Browser, language: str, yes: str
) -> None:
    """T95: no request holds an option; and the two languages mean the same (T88)."""
    member_id, cookie = await polls.a_voter(language=language)
    async with polls.tab(chromium, cookie, language=language) as tab:
        sent: list[Request] = []
        tab.page.on("request", lambda request: sent.append(request))
        await unlock(tab)
        del sent[:]
        await read_again(tab, yes)
        assert await tab.page.locator("[data-chosen]").inner_text() == yes
        assert sent == [], "reading it again asks nothing of anybody"
        await tab.press("Déposer mon vote" if language == "fr" else "Cast my vote")
        assert RECEIPT.search(await tab.words())
        posts = [request for request in sent if request.method == "POST"]
        assert len(posts) == 1
        assert set(re.findall(r"(?:^|&)(\w+)=", posts[0].post_data or "")) == {"form_token", "definition", "sealed"}
        for request in sent:
            assert "choice" not in request.url + (request.post_data or "")
        assert yes not in await tab.words()
    ((code, sealed),) = await polls.votes_of(member_id)
    assert len(sealed) == 145
    assert await said_by(polls.stack.sessions, code, sealed) == (1,)
