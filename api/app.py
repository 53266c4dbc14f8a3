"""Puts the pages together: what they work with, the gate before them, and a page for everything that goes wrong."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_hex

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartParser
from starlette.types import ASGIApp, Scope
from temporalio.client import Client

from api import (
    accounts,
    activation,
    acts,
    ballots,
    calendar,
    campaign_ballots,
    campaign_changes,
    campaign_checks,
    campaign_keys,
    campaign_moves,
    campaign_results,
    campaign_seal,
    campaign_turnout,
    campaigns,
    counter,
    door_desk,
    doors,
    factors,
    guide,
    health,
    holdings,
    identity,
    invitation,
    journal,
    keys,
    lists,
    messages,
    my_votes,
    onboarding,
    operations,
    receipts,
    rehearsals,
    reminders,
    renewal,
    results,
    review,
    review_decisions,
    roll,
    staff,
    temporal_page,
    votes,
)
from api.ask import NotYet, page_of
from api.assets import Assets
from api.gate import Gate, route_of
from api.pages import STATUS, page_of_form, render
from api.passwords import Passwords
from api.portal import Portal, templates
from api.returning import factor_page, kept_form, lost_by, own_page_or_sign_in, sign_in_page, to_factor
from api.routes import ROLL_LIMIT, UPLOAD_LIMIT
from portal.rules.refusals import Refusal, Refused
from portal.settings import Settings
from portal.store import DatabaseUnavailable, autocommit_of, open_database, sessions_of
from portal.store import campaigns as campaign_records
from portal.store.files import FilesUnavailable, MinioFiles
from portal.store.sealing import EpochKeys
from portal.store.sessions import Visitor
from portal.temporal import TASK_QUEUE, connect

PAGES = [
    module.router
    for module in (
        accounts, factors, keys, invitation, activation, renewal, reminders, onboarding, identity, ballots, votes,
        my_votes, receipts, results, holdings, messages, calendar, review, review_decisions, operations, lists, acts,
        roll, temporal_page, campaigns, campaign_ballots, campaign_changes, campaign_moves, campaign_checks,
        campaign_keys, campaign_seal, campaign_results, campaign_turnout, rehearsals, staff, journal, doors, door_desk,
        guide,
        counter, health,
    )
]  # fmt: skip

# A part of an upload must never be rolled to a file: it is an identity document in clear, or everybody's address.
MultiPartParser.spool_max_size = max(UPLOAD_LIMIT, ROLL_LIMIT) + 1


def create_app(settings: Settings, *, client: Client | None = None, task_queue: str = TASK_QUEUE) -> Gate:
    """The portal. Tests give their own client and task queue."""

    assets = Assets()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        portal = await open_portal(settings, client, task_queue, assets)
        booth = portal.beside(open_database(settings.database_url.get_secret_value(), pool_size=5))
        app.state.portal, app.state.booth = portal, booth
        yield
        portal.passwords.close()
        # A count behind a page's back holds a connection, which would be left open.
        await portal.minute.close()
        await portal.engine.dispose()
        await booth.engine.dispose()

    app = FastAPI(
        lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
    )  # fmt: skip
    for router in PAGES:
        app.include_router(router)
    app.router.routes.append(assets.route)
    _say_what_went_wrong(app)
    return Gate(app, origin=settings.origin, error_page=lambda scope, status: _error_page(app, scope, status))


async def open_portal(settings: Settings, client: Client | None, task_queue: str, assets: Assets) -> Portal:
    engine = open_database(settings.database_url.get_secret_value())
    files = MinioFiles(
        settings.s3_endpoint,
        settings.s3_access_key,
        settings.s3_secret_key.get_secret_value(),
        settings.s3_bucket,
        region=settings.s3_region,
        secure=settings.s3_secure,
    )
    try:
        await files.check_policy()
    except FilesUnavailable:
        # Away for now: pages that need no picture work, and an upload checks again before it stores one.
        structlog.get_logger().warning("object-store-away")
    return Portal(
        settings=settings,
        engine=engine,
        sessions=sessions_of(engine),
        autocommit=autocommit_of(engine),
        files=files,
        keys=EpochKeys(settings.key_folder),
        client=client or await connect(settings.temporal_address, settings.temporal_namespace, lazy=True),
        passwords=Passwords(settings.password_min_length),
        templates=templates(assets),
        task_queue=task_queue,
    )


async def _error_page(app: FastAPI, scope: Scope, status: int) -> ASGIApp:
    request = Request({**scope, "app": app})
    if status == 413 and route_of(scope).startswith("identity."):
        return render(request, "errors/refused.html", refusal=Refusal.PICTURE_TOO_HEAVY)
    if status == 413 and route_of(scope).startswith("roll."):
        return render(request, "errors/refused.html", refusal=Refusal.ROLL_FILE_TOO_HEAVY)
    # Elsewhere a body that large is no form of ours.
    code = 422 if status == 413 else status
    return render(request, "errors/error.html", status=status, code=code, reference=scope.get("failure"))


def _say_what_went_wrong(app: FastAPI) -> None:
    """One page per kind of trouble. None of them touches the records."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        if error.refusal is Refusal.SIGN_IN_NEEDED:
            if request.method in ("GET", "HEAD"):
                # Somebody signed in who opens a page of another kind of session is taken to their own.
                return own_page_or_sign_in(request)
            # The session is over: nobody's name at the top of the page.
            request.state.visitor = None
            kept = await kept_form(request)
            back_to = "" if kept else page_of_form(request)
            return sign_in_page(request, refusal=lost_by(request), kept=kept, back_to=back_to)
        refusal = error.refusal
        if refusal is Refusal.FACTOR_NEEDED:
            visitor: Visitor = request.state.visitor
            if request.method in ("GET", "HEAD"):
                return to_factor(request)
            kept = await kept_form(request)
            return await factor_page(
                request, visitor, refusal=refusal, kept=kept, back_to="" if kept else page_of_form(request)
            )
        if refusal is Refusal.NO_CAMPAIGN:
            async with request.app.state.portal.autocommit() as session:
                # Whoever was told of a vote is told that it is not held.
                refusal = Refusal.CAMPAIGN_CANCELLED if await campaign_records.cancelled_lately(session) else refusal
            # Looking is no mistake.
            if request.method in ("GET", "HEAD") and request.state.visitor.member_id:
                return await my_votes.between_votes(request, refusal)
        return render(request, "errors/refused.html", refusal=refusal, status=STATUS.get(refusal, 422))

    @app.exception_handler(NotYet)
    async def not_yet(request: Request, error: NotYet) -> Response:
        return page_of(request, error)

    @app.exception_handler(RequestValidationError)
    async def unreadable_form(request: Request, error: RequestValidationError) -> Response:
        # Never with what was typed: a password may be among it.
        return render(request, "errors/error.html", status=422, code=422, reference=None)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return render(request, "errors/error.html", status=error.status_code, code=error.status_code, reference=None)

    async def records_away(request: Request, error: Exception) -> Response:
        structlog.get_logger().error("records-away", error=type(error).__name__)
        # A vote that was on its way may be there or not: only the records know.
        what = "vote" if route_of(request.scope).startswith("vote-cast.") else "records"
        return render(request, "errors/away.html", status=503, what=what)

    for kind in DatabaseUnavailable:
        app.exception_handler(kind)(records_away)

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        # The gate writes this number down, and where it happened.
        reference = request.scope["failure"] = token_hex(4)
        return render(request, "errors/error.html", status=500, code=500, reference=reference)

    @app.exception_handler(FilesUnavailable)
    async def pictures_away(request: Request, error: Exception) -> Response:
        return render(request, "errors/away.html", status=503, what="pictures")
