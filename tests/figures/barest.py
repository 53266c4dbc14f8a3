"""The barest page that could do a step: one select, the bare update, a redirect. Between the floor and the portal."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import uvicorn
from fastapi import FastAPI, Form
from fastapi.responses import RedirectResponse
from sqlalchemy import text
from temporalio.client import Client

from portal.store import autocommit_of, open_database
from tests.figures.floor import FloorWorkflow, Step

# As little as a session costs: a row by its key.
WHO = text("select account_id from sign_in where token_hash = :token")


def barest(address: str, database: str, workflow_id: str) -> FastAPI:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = open_database(database)
        app.state.autocommit = autocommit_of(engine)
        app.state.client = await Client.connect(address)
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.get("/")
    async def alive() -> str:
        return "alive"

    @app.post("/step")
    async def step(key: Annotated[str, Form()]) -> RedirectResponse:
        async with app.state.autocommit() as session:
            (await session.execute(WHO, {"token": b"nobody"})).first()
        await app.state.client.get_workflow_handle(workflow_id).execute_update(FloorWorkflow.step, Step(key), id=key)
        return RedirectResponse("/", status_code=303)

    return app


if __name__ == "__main__":
    uvicorn.run(barest(*sys.argv[1:4]), port=int(sys.argv[4]), access_log=False, log_level="warning")
