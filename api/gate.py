"""What every request passes first: the right host, the same origin, and the headers of every answer."""

from collections.abc import Awaitable, Callable
from secrets import token_hex
from time import perf_counter
from traceback import extract_tb
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal.text import LANGUAGES
from portal.text.addresses import path

# No page needs anything from elsewhere; nothing inline, hence no nonce and one constant string.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
    # The name of the portal and never an address of it. Without it a form bears no origin either (`Origin: null`), and
    # a browser that knows no Sec-Fetch-Site, as Safari before 16.4, could send none.
    "referrer-policy": "strict-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "x-robots-tag": "noindex",
}
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Mail providers unsubscribe their readers by a POST of their own, which no browser signs (RFC 8058). The token in it is
# its whole authority: it needs no cookie, and does the one thing a stranger who holds it may do.
FROM_ANYWHERE = frozenset(path("reminders", language) for language in LANGUAGES)

# Turns a status into the page that says it; given by the application.
ErrorPage = Callable[[Scope, int], Awaitable[ASGIApp]]


class Gate:
    """Pure ASGI, outermost: what it refuses never reaches a page, and what any part answers leaves by it."""

    def __init__(self, app: ASGIApp, *, origin: str, error_page: ErrorPage) -> None:
        self.app = app
        self.origin = origin.rstrip("/")
        self.host = urlsplit(self.origin).netloc
        self.error_page = error_page
        self.log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self._refused(scope)
        if refused is not None:
            page = await self.error_page(scope, refused)
            await page(scope, receive, self._dressed(send))
            return
        await self._guarded(scope, receive, self._too_large_as_page(scope, receive, self._dressed(send)))

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A bug becomes a page with a number to quote; what is logged is where, never with what."""
        started = finished = False
        began = perf_counter()
        status = 500

        async def sending(message: Message) -> None:
            nonlocal started, finished, status
            if message["type"] == "http.response.start":
                started, status = True, message["status"]
            elif message["type"] == "http.response.body":
                finished = not message.get("more_body", False)
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception as error:
            self.log.error(
                "page-failed", reference=scope.setdefault("failure", token_hex(4)), route=route_of(scope),
                error=type(error).__name__,
                at=[f"{f.filename.rpartition('/')[2]}:{f.lineno}" for f in extract_tb(error.__traceback__)][-6:],
            )  # fmt: skip
            if not started:
                page = await self.error_page(scope, 500)
                await page(scope, receive, sending)
            elif not finished:
                raise
        # The template of the route, never its address: a token may stand in that.
        self.log.info(
            "page", route=route_of(scope), method=scope["method"], status=status,
            ms=round((perf_counter() - began) * 1000, 1),
        )  # fmt: skip

    def _refused(self, scope: Scope) -> int | None:
        headers = Headers(scope=scope)
        # Probes come from the machine itself, under whatever name.
        if scope["path"] in ("/healthz", "/readyz"):
            return None
        if headers.get("host") != self.host:
            return 400
        if headers.get("x-forwarded-host", self.host) != self.host:
            return 400
        if scope["path"] in FROM_ANYWHERE and scope["method"] == "POST":
            return None
        if scope["method"] in UNSAFE and not self._same_origin(headers):
            return 403
        return None

    def _same_origin(self, headers: Headers) -> bool:
        """The browser's own word for where a form was sent from; a browser that says nothing is refused."""
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        return headers.get("origin") == self.origin

    def _dressed(self, send: Send) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        return dressed

    def _too_large_as_page(self, scope: Scope, receive: Receive, send: Send) -> Send:
        """The framework refuses a large body with a bare line: say it as a page instead."""
        replaced = False

        async def sending(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == 413 and not _is_page(message):
                replaced = True
                page = await self.error_page(scope, 413)
                await page(scope, receive, send)
            if not replaced:
                await send(message)

        return sending


def route_of(scope: Scope) -> str:
    """The name of the page asked for, never its address."""
    return str(getattr(scope.get("route"), "name", "none"))


def _is_page(answer: Message) -> bool:
    return Headers(raw=answer["headers"]).get("content-type", "").startswith("text/html")
