"""A browser whose every page is looked at: quiet console, nothing from elsewhere, fits the screen."""

import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request

from api.guards import COOKIE
from tests.api.person import FACTOR, Person
from tests.keys import Key

# Reads what a page is without changing it; works where the page's own scripts are switched off.
LOOK = """() => ({
  lang: document.documentElement.lang,
  h1: document.querySelectorAll('h1').length,
  needs: document.documentElement.scrollWidth,
  has: Math.min(document.documentElement.clientWidth, window.outerWidth || Infinity),
  broken: [...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src),
})"""

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}


class Visitor:
    """One person's browser: a context of its own, and everything that went wrong in any of its pages."""

    def __init__(self, context: BrowserContext, origin: str, language: str, viewport: dict[str, int]) -> None:
        self.context = context
        self.origin = origin
        self.language = language
        self.viewport = viewport
        self.complaints: list[str] = []
        self.abroad: list[str] = []
        self.looked_at: list[str] = []
        context.on("console", self._said)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        # A broken policy is said here as well, whether or not the page may run scripts.
        if message.type in ("error", "warning"):
            where = message.page.url if message.page else "?"
            self.complaints.append(f"{where}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "blob:", "data:")):
            self.abroad.append(request.url)

    async def become(self, cookie: str | None) -> None:
        """Whoever this session belongs to; None: nobody signed in."""
        await self.context.clear_cookies()
        if cookie is not None:
            # Such a cookie is planted for an address with TLS only; a browser sends it to localhost as well.
            await self.context.add_cookies([
                {"name": COOKIE, "value": cookie, "url": "https://localhost", "secure": True, "httpOnly": True}
            ])  # fmt: skip

    async def tab(self) -> "Tab":
        return Tab(self, await self.context.new_page())

    def check(self) -> None:
        assert self.complaints == [], self.complaints
        assert self.abroad == []


class Tab:
    """One page at a time; each is looked at once it is there."""

    def __init__(self, visitor: Visitor, page: Page) -> None:
        self.visitor = visitor
        self.page = page

    async def go(self, path: str) -> None:
        address = path if path.startswith("http") else self.visitor.origin + path
        await self.page.goto(address)
        await self.look()

    async def press(self, name: str | re.Pattern[str], role: str = "button", nth: int = 0) -> None:
        """A button or link that leads to a page; its exact words."""
        exact = isinstance(name, str)
        target = self.page.get_by_role(role, name=name, exact=exact).nth(nth)  # type: ignore[arg-type]
        async with self.page.expect_navigation(timeout=15_000):
            await target.click()
        await self.look()

    async def follow(self, name: str | re.Pattern[str], nth: int = 0) -> None:
        await self.press(name, "link", nth)

    async def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            await self.page.locator(f"input[name={name}]").fill(value)

    async def sign_in(self, email: str, password: str) -> None:
        french = self.visitor.language == "fr"
        await self.go("/fr/connexion" if french else "/en/sign-in")
        await self.fill(email=email, password=password)
        await self.press("Entrez" if french else "Sign in")
        if self.page.url.endswith(FACTOR):
            await self.show_key()

    async def show_key(self) -> None:
        """One of the tests' keys (tests/keys.py), beside the page: a browser without scripts has none."""
        cookies = await self.visitor.context.cookies()
        mine = next(one["value"] for one in cookies if one["name"] == COOKIE)
        async with httpx.AsyncClient(base_url=self.visitor.origin, trust_env=False, timeout=30) as client:
            client.headers["Cookie"] = f"{COOKIE}={mine}"
            person = Person(client, self.visitor.language)
            await person.get(self.page.url.removeprefix(self.visitor.origin))
            form = next(f for f in person.page.forms if f.action.endswith(FACTOR) and "answer" in f.fields)
            told = await person.challenge(form.action, form.fields["form_token"])
            answer = await client.post(
                form.action, data={**form.fields, "answer": Key().sign(told, self.visitor.origin)},
                headers={"Sec-Fetch-Site": "same-origin"},
            )  # fmt: skip
        assert answer.status_code == 303, answer.text
        await self.visitor.become(answer.cookies[COOKIE])
        await self.go(answer.headers["location"])

    async def look(self) -> None:
        """What holds of every page."""
        await self.page.wait_for_load_state("load")
        found: dict[str, Any] = await self.page.evaluate(LOOK)
        where = self.page.url
        assert found["lang"] == ("fr-CA" if self.visitor.language == "fr" else "en-CA"), where
        assert found["h1"] == 1, where
        assert found["needs"] <= found["has"] <= self.visitor.viewport["width"], f"{where} is too wide: {found}"
        assert not found["broken"], f"{where} has pictures that cannot be seen: {found['broken']}"
        self.visitor.check()
        self.visitor.looked_at.append(where)
        await self._keep()

    async def _keep(self) -> None:
        folder = os.environ.get("SCRUTIN_SCREENSHOTS")
        if folder:
            path = self.page.url.removeprefix(self.visitor.origin).partition("?")[0]
            number = f"{self.visitor.viewport['width']}-{len(self.visitor.looked_at):02d}"
            name = number + re.sub(r"[^a-z0-9]+", "-", path) + ".png"
            await self.page.screenshot(path=Path(folder, name), full_page=True)

    async def words(self) -> str:
        return " ".join((await self.page.locator("body").inner_text()).split())

    async def shows(self, words: str | re.Pattern[str], within: float = 15.0) -> None:
        """The page comes to show these words, by itself if it must."""
        await self.page.get_by_text(words).first.wait_for(timeout=within * 1000)

    async def picture_width(self, selector: str = "#identification img") -> int:
        picture = self.page.locator(selector).first
        await picture.scroll_into_view_if_needed()
        width: int = await picture.evaluate("async i => { await i.decode(); return i.naturalWidth }")
        return width


@asynccontextmanager
async def visiting(
    browser: Browser, origin: str, language: str, *, phone: bool = False, scripts: bool = True, scale: float = 1
) -> AsyncIterator[Visitor]:
    viewport = PHONE if phone else DESK
    context = await browser.new_context(
        viewport=viewport,  # type: ignore[arg-type]
        is_mobile=phone,
        has_touch=phone,
        java_script_enabled=scripts,
        device_scale_factor=scale,
        locale="fr-CA" if language == "fr" else "en-CA",
    )
    visitor = Visitor(context, origin, language, viewport)
    try:
        yield visitor
        visitor.check()
    finally:
        await context.close()


def links_of(mail: dict[str, Any], path: str) -> Sequence[str]:
    """The links of a mail that lead to this page."""
    return [link for link in mail["links"] if path in link]
