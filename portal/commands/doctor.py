"""`python -m portal doctor`: whether everything the portal stands on is as it must be."""

import argparse
import asyncio
import logging
from typing import Any

import structlog
from pydantic import ValidationError

from portal import doctor
from portal.settings import Settings


def add_to(commands: Any) -> None:
    parser = commands.add_parser(
        "doctor", help="say whether everything is as it must be; exit 1 if something is broken"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--dns", type=_host_and_port, metavar="HOST:PORT", help="ask this name server, not the machine's"
    )
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    return asyncio.run(_doctor(asked.dns, as_data=asked.json))


def _host_and_port(said: str) -> tuple[str, int]:
    host, _, port = said.rpartition(":")
    return host, int(port)


async def _doctor(dns: tuple[str, int] | None, *, as_data: bool) -> int:
    try:
        settings = Settings()
    except ValidationError as error:
        # Its own words repeat what was given.
        wrong = sorted({str(part) for problem in error.errors() for part in problem["loc"][:1]})
        print(f"failed  settings: missing or not understood: {', '.join(wrong)} (deploy/env.example)")
        return 1
    # What the libraries have to say is said better below.
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    found = await doctor.examine(settings, dns=dns)
    print(doctor.as_json(found) if as_data else doctor.as_text(found))
    # A script that uses the client may abort while the interpreter ends (sdk-python#300).
    await asyncio.sleep(0.5)
    return 0 if doctor.healthy(found) else 1
