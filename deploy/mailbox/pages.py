"""The web side of the mailbox: a page to read mails in a browser, and JSON for tests."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from deploy.codes import codes, left
from deploy.mailbox.mails import Envelope, Mails
from deploy.mailbox.smtp import Behaviour, NoSuchBehaviour, Reception

_SHOWN = 200
_HEAD = re.compile(r"<head[^>]*>|\A(?!.*<head[ >])", re.IGNORECASE | re.DOTALL)

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; base-uri 'none'"
# The mail's own HTML: no script, no outside picture, nothing of ours in reach; its links open beside it.
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; "
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'"
)


def make_pages(reception: Reception, *, staff_codes: bool = False) -> Starlette:
    """`staff_codes`: also a page with the codes of the demo's staff."""
    pages = Pages(reception, staff_codes)
    return Starlette(
        routes=[
            Route("/", pages.newest),
            *([Route("/codes", pages.codes)] if staff_codes else []),
            Route("/messages.json", pages.messages, methods=["GET"]),
            Route("/messages.json", pages.empty, methods=["DELETE"]),
            Route("/control.json", pages.control, methods=["GET", "POST"]),
            Route("/messages/{id}", pages.one),
            Route("/messages/{id}/html", pages.html),
            Route("/messages/{id}/source", pages.source),
        ],
        # A strange site could otherwise give its name our address and read mails from a browser here.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
    )


class Pages:
    def __init__(self, reception: Reception, staff_codes: bool) -> None:
        self._reception = reception
        self._staff_codes = staff_codes

    @property
    def _mails(self) -> Mails:
        return self._reception.mails

    async def newest(self, request: Request) -> Response:
        to = request.query_params.get("to", "")
        found = self._mails.sent_to(to)
        shown = [self._mails.read(envelope) for envelope in reversed(found[-_SHOWN:])]
        return _page("list.html", mails=shown, to=to, total=len(found), staff_codes=self._staff_codes)

    async def codes(self, request: Request) -> Response:
        return _page("codes.html", codes=codes(), left=left())

    async def one(self, request: Request) -> Response:
        envelope = self._asked(request)
        return _page(
            "one.html",
            mail=self._mails.read(envelope),
            source=self._mails.raw(envelope).decode("utf-8", "replace"),
        )

    async def html(self, request: Request) -> Response:
        html = self._mails.read(self._asked(request))["html"]
        if html is None:
            raise HTTPException(404)
        # Links leave the frame: the portal refuses, rightly, to be shown inside one.
        framed = _HEAD.sub(r'\g<0><base target="_blank">', html, count=1)
        return HTMLResponse(framed, headers=_headers(_MAIL_POLICY))

    async def source(self, request: Request) -> Response:
        raw = self._mails.raw(self._asked(request))
        return PlainTextResponse(raw, headers=_headers(_PAGE_POLICY))

    async def messages(self, request: Request) -> Response:
        found = self._mails.sent_to(request.query_params.get("to"))
        return JSONResponse([self._mails.read(envelope) for envelope in found])

    async def empty(self, request: Request) -> Response:
        return JSONResponse({"emptied": self._mails.empty()})

    async def control(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                asked: dict[str, Any] = json.loads(await request.body())
                # What is not said is as on a good day.
                self._reception.behaviour = Behaviour(**asked)
            except (NoSuchBehaviour, TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, status_code=422)
        return JSONResponse(asdict(self._reception.behaviour))

    def _asked(self, request: Request) -> Envelope:
        envelope = self._mails.find(request.path_params["id"])
        if envelope is None:
            raise HTTPException(404)
        return envelope


def _page(name: str, **values: Any) -> Response:
    return HTMLResponse(_TEMPLATES.get_template(name).render(values), headers=_headers(_PAGE_POLICY))


def _headers(policy: str) -> dict[str, str]:
    return {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
