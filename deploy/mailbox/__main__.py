"""Runs the mailbox: python -m deploy.mailbox --smtp-port 2525 --http-port 8025 --folder mails."""

import argparse
import asyncio
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from aiosmtpd.smtp import SMTP

from deploy.mailbox.mails import Mails
from deploy.mailbox.pages import make_pages
from deploy.mailbox.smtp import Reception
from deploy.processes import LOOPBACK


class _WebServer(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Two servers share this process: its signals are ours to take, not the web server's.
        yield


async def _run(smtp_port: int, http_port: int, folder: Path, staff_codes: bool) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    reception = Reception(Mails(folder))
    smtp = await loop.create_server(
        # A name of its own: asking for the machine's could wait on a name server.
        lambda: SMTP(reception, enable_SMTPUTF8=True, hostname="mailbox.localhost", loop=loop),
        LOOPBACK,
        smtp_port,
    )
    web = _WebServer(
        uvicorn.Config(
            make_pages(reception, staff_codes=staff_codes),
            host=LOOPBACK,
            port=http_port,
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.create_task(web.serve())
    await asyncio.wait({serving, asyncio.create_task(ended.wait())}, return_when=asyncio.FIRST_COMPLETED)
    smtp.close()
    web.should_exit = True
    await serving


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.mailbox", description=__doc__)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--staff-codes", action="store_true", help="show the codes of the demo's staff as well")
    asked = parser.parse_args()
    asyncio.run(_run(asked.smtp_port, asked.http_port, asked.folder, asked.staff_codes))


if __name__ == "__main__":
    main()
