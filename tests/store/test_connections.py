"""A connection that has ended is replaced before it is used: nobody sees that the server was away."""

import asyncio

import pytest
from sqlalchemy import text

from portal.settings import Settings
from portal.store import Sessions, autocommit_of, open_database, sessions_of

WHO = text("select pg_backend_pid()")


@pytest.mark.parametrize("factory", [sessions_of, autocommit_of])
async def test_connections_ended_by_the_server_are_replaced(
    sessions: Sessions, api_settings: Settings, factory: object
) -> None:
    """As at a restart, or after an idle timeout: the server says so first, then hangs up."""
    engine = open_database(api_settings.database_url.get_secret_value(), pool_size=3)
    open_session = factory(engine)  # type: ignore[operator]

    async def who() -> int:
        async with open_session() as session:
            pid: int = await session.scalar(WHO)
            # Long enough for the three to be open together.
            await asyncio.sleep(0.1)
            return pid

    try:
        before = set(await asyncio.gather(*(who() for _ in range(3))))
        assert len(before) == 3
        async with sessions.begin() as session:
            for pid in before:
                await session.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})

        after = set(await asyncio.gather(*(who() for _ in range(3))))
    finally:
        await engine.dispose()
    assert len(after) == 3
    assert not after & before
