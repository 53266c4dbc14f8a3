"""The operator's commands on the database: `python -m portal migrate | check | bounce | roll`."""

import argparse
import asyncio
import os
import sys

from portal.rolls.check import check as check_roll
from portal.rules import bounces as reports
from portal.settings import Settings
from portal.store import DatabaseUnavailable, bounces, open_database, schema, sessions_of


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m portal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the database of PORTAL_DATABASE_URL up to date, as its owner")
    commands.add_parser("check", help="say whether the database is up to date; exit 1 if not")
    commands.add_parser("bounce", help="take one report of delivery from standard input, as the worker's role")
    roll = commands.add_parser("roll", help="files of the union's own system").add_subparsers(
        dest="roll", required=True
    )
    checked = roll.add_parser("check", help="say what is wrong with a CSV file, line by line; writes nothing")
    checked.add_argument("file", metavar="FILE")
    checked.add_argument("--json", action="store_true", help="the same for a program to read")
    given = parser.parse_args(arguments)
    command = given.command
    if command == "roll":
        # By the rules alone: no settings are read, no database is asked.
        answer = check_roll(given.file, as_json=given.json)
        if answer.err:
            print(answer.err, file=sys.stderr)
        if answer.out:
            print(answer.out)
        return answer.status

    url = Settings().database_url.get_secret_value()  # from the environment
    if command == "migrate":
        schema.upgrade(url)
        return 0
    if command == "bounce":
        raw = sys.stdin.buffer.read(reports.LONGEST + 1)
        try:
            print(asyncio.run(_bounce(url, raw)))
        except DatabaseUnavailable as error:
            print(f"bounce: kept for later, {type(error).__name__}")
            # The mail server keeps the report and tries again.
            return os.EX_TEMPFAIL
        return 0
    found, wanted = schema.current(url), schema.heads()
    print(f"database at {found}, code at {', '.join(wanted)}")
    return 0 if [found] == wanted else 1


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


if __name__ == "__main__":
    sys.exit(main())
