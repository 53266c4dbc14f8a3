"""The worker process: `python -m worker`, or one half of it: `python -m worker members|background`."""

import argparse
import asyncio
import gc
import os
import signal
import sys
from contextlib import AsyncExitStack

import structlog

from portal import logs
from portal.settings import Settings
from portal.store import sessions_of
from portal.temporal import BACKGROUND_QUEUE, TASK_QUEUE, WrongAttributes, connect, require_attributes
from worker.app import BACKGROUND, MEMBERS, build_means, build_worker
from worker.standing import ensure

# How often to look whether something that must always run is missing.
STANDING_EVERY = 60.0
GIVES_WAY = 10
# A script that uses the client may abort while the interpreter ends (sdk-python#300): it is given this long.
ENDS_WITHIN = 0.5


async def main(part: str = "all") -> None:
    settings = Settings()  # from the environment
    logs.configure(settings.log_level)
    if part == "background":
        # On one machine with the rest it takes the processor when nobody who waits needs it.
        os.nice(GIVES_WAY)
    log = structlog.get_logger()
    client = await connect(settings.temporal_address, settings.temporal_namespace)
    # A workflow that sets what the namespace does not know would be tried again for ever.
    try:
        await require_attributes(client)
    except WrongAttributes:
        await asyncio.sleep(ENDS_WITHIN)
        raise
    means = build_means(settings, client, connections=10 if part == "background" else 20)
    # An identity document must never land where deleting does not delete.
    await means.files.check_policy()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    workers = []
    if part != "background":
        workers.append(build_worker(client, means.members, task_queue=TASK_QUEUE, workflows=MEMBERS))
    if part != "members":
        workers.append(build_worker(client, means.background, task_queue=BACKGROUND_QUEUE, workflows=BACKGROUND))
    async with AsyncExitStack() as running:
        for worker in workers:
            await running.enter_async_context(worker)
        # What starting has made stays: each full collection would walk it again, for 100 ms without an answer.
        gc.collect()
        gc.freeze()
        log.info("worker-ready", part=part)
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
        # Both at once: the time to finish is the same for all.
        await asyncio.gather(*(worker.shutdown() for worker in workers))
    await means.close()
    await asyncio.sleep(ENDS_WITHIN)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m worker", description="Runs workflows and activities.")
    arguments.add_argument(
        "part",
        nargs="?",
        choices=["all", "members", "background"],
        default="all",
        help="members: what members wait for; background: calendars, mails, the sweep; all: both (default)",
    )
    try:
        asyncio.run(main(arguments.parse_args().part))
    except WrongAttributes as error:
        sys.exit(f"worker: {error}")
