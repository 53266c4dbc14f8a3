"""For machines: does the process live, and could it serve."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, RedirectResponse

from api.guards import Anyone
from api.pages import preferred_language
from api.portal import portal_of
from portal.store import DatabaseUnavailable, is_alive
from portal.text.addresses import path

router = APIRouter()


@router.api_route("/healthz", methods=["GET", "HEAD"], include_in_schema=False, name="healthz")
async def healthz(request: Request, _: Anyone) -> PlainTextResponse:
    return PlainTextResponse("alive")


@router.api_route("/readyz", methods=["GET", "HEAD"], include_in_schema=False, name="readyz")
async def readyz(request: Request, _: Anyone) -> PlainTextResponse:
    """Ready when the records answer; the rest has pages that say what is away."""
    portal = portal_of(request)
    try:
        async with asyncio.timeout(2), portal.sessions() as session:
            await is_alive(session)
    except (*DatabaseUnavailable, TimeoutError):
        return PlainTextResponse("records away", status_code=503)
    return PlainTextResponse("ready")


@router.api_route("/", methods=["GET", "HEAD"], include_in_schema=False, name="bare")
async def bare(request: Request, _: Anyone) -> RedirectResponse:
    """The bare address leads to the entrance in the language the browser asks for."""
    return RedirectResponse(path("entrance", preferred_language(request)), status_code=303)
