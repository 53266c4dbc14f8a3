"""The worker process: `python -m worker`."""

import asyncio
import signal

import structlog

from portal.settings import Settings
from portal.store import sessions_of
from portal.temporal import connect
from worker.app import build_means, build_worker
from worker.standing import ensure

# How often to look whether something that must always run is missing.
STANDING_EVERY = 60.0


async def main() -> None:
    settings = Settings()  # from the environment
    log = structlog.get_logger()
    client = await connect(settings.temporal_address, settings.temporal_namespace)
    means = build_means(settings, client)
    # An identity document must never land where deleting does not delete.
    await means.files.check_policy()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with build_worker(client, means.activities):
        log.info("worker-ready")
        while not stop.is_set():
            try:
                await ensure(client, sessions_of(means.engine))
            except Exception as error:  # the next look will do
                log.warning("standing-not-ensured", error=type(error).__name__)
            try:
                async with asyncio.timeout(STANDING_EVERY):
                    await stop.wait()
            except TimeoutError:
                pass
    await means.close()
    # A script that uses the client may abort while the interpreter ends (sdk-python#300).
    await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(main())
