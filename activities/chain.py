"""Links the journal, entry after entry, beside the relay: no mail and no step waits for it."""

import asyncio

import structlog

from portal.store import Sessions, chain

# Between two looks; after a full step there is no wait.
LOOK_EVERY = 3.0
# How often the head is said in the log, which lives elsewhere, and the whole journal is searched for what was missed.
SAY_EVERY = 3600.0


class Chainer:
    """Remembers when it last said the head: a new process says it at once."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.said_at: float | None = None

    async def run(self, over: asyncio.Event) -> None:
        """Until `over`. What goes wrong is tried again at the next look."""
        while not over.is_set():
            linked = 0
            try:
                linked = await self.step()
            except Exception as error:
                structlog.get_logger().warning("journal-not-chained", error=type(error).__name__)
            if linked < chain.STEP:
                await self._pause(over)

    async def step(self) -> int:
        """Link at most so many entries, and say the head when its hour has come; how many."""
        now = asyncio.get_running_loop().time()
        full = self.said_at is None or now >= self.said_at + SAY_EVERY
        async with self.sessions.begin() as session:
            linked = await chain.extend(session, everything=full)
            head = await chain.head(session) if full and linked < chain.STEP else None
        if full and linked < chain.STEP:
            self.said_at = now
            if head is not None:
                structlog.get_logger().info("journal-head", seq=head.seq, hash=head.hash.hex())
        return linked

    @staticmethod
    async def _pause(over: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(LOOK_EVERY):
                await over.wait()
        except TimeoutError:
            pass
