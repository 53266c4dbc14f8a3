"""`python -m portal bounce`: what a mail server reports of a mail that did not arrive."""

import argparse
import asyncio
import os
import sys
from typing import Any

from portal.rules import bounces as reports
from portal.settings import Settings
from portal.store import DatabaseUnavailable, bounces, open_database, sessions_of


def add_to(commands: Any) -> None:
    commands.add_parser(
        "bounce", help="take one report of delivery from standard input, as the worker's role"
    ).set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    url = Settings().database_url.get_secret_value()
    raw = sys.stdin.buffer.read(reports.LONGEST + 1)
    try:
        print(asyncio.run(_bounce(url, raw)))
    except DatabaseUnavailable as error:
        print(f"bounce: kept for later, {type(error).__name__}")
        # The mail server keeps the report and tries again.
        return os.EX_TEMPFAIL
    return 0


async def _bounce(url: str, raw: bytes) -> str:
    """Write down what a report says; one line of what was done with it, which names nobody.

    Anybody may write to this address: what is no report is let go in silence, for an answer would be mail as well.
    """
    report = reports.read(raw)
    if report is None:
        return "bounce: ignored, no report of a failure"
    engine = open_database(url, pool_size=1)
    try:
        async with sessions_of(engine).begin() as session:
            mail_id = await bounces.mail_of(session, report.mail_id, report.message_digest)
            if mail_id is None:
                return "bounce: ignored, no mail of ours"
            if not report.final:
                await bounces.delayed(session, mail_id, report.status)
                return f"bounce: {mail_id} delayed {report.status}"
            blamed = report.addresses if report.blames_address else ()
            await bounces.came_back(session, mail_id, report.status, blamed)
            return f"bounce: {mail_id} failed {report.status}"
    finally:
        await engine.dispose()
