"""The bell of the outbox: wakes the relay the moment a mail is committed."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from portal.rules.mail import Lane
from portal.store import AsyncEngine
from portal.store.mail import CHANNEL


class Bell:
    """Wakes the relay the moment a mail is committed (PostgreSQL LISTEN).

    One urgent mail wakes one of those who wait for it; bulk wakes all.
    """

    def __init__(self, engine: AsyncEngine, connections: Mapping[Lane, int]) -> None:
        self._engine = engine
        self._strokes = {lane: asyncio.Queue[None](maxsize=most) for lane, most in connections.items()}
        self._for_good = False

    async def listen(self) -> None:
        """Ring for every commit until cancelled or until the connection breaks, which raises."""
        async with self._engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            assert driver is not None, "a connection that is open has its driver's"
            await driver.set_autocommit(True)
            try:
                await driver.execute(f"listen {CHANNEL}")
                # Whatever was committed before LISTEN took hold is looked for once.
                self.ring()
                async for notify in driver.notifies():
                    lane = Lane(notify.payload)
                    self._strike(lane, 1 if lane is Lane.URGENT else self._strokes[lane].maxsize)
            finally:
                # It still listens: never back into the pool.
                await connection.invalidate()

    def ring(self, *, for_good: bool = False) -> None:
        """Wake everybody; for good, so that who comes to wait later does not."""
        self._for_good = for_good
        for lane, strokes in self._strokes.items():
            self._strike(lane, strokes.maxsize)

    def _strike(self, lane: Lane, times: int) -> None:
        """Whoever is busy looks again before waiting: more strokes than connections are worth nothing."""
        for _ in range(times):
            with suppress(asyncio.QueueFull):
                self._strokes[lane].put_nowait(None)

    async def wait(self, lane: Lane, timeout: float) -> None:
        """Until something was committed for this lane, or the time is over."""
        if self._for_good:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._strokes[lane].get()
