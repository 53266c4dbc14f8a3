"""What is done from a shell, beside the pages: `python -m portal --help`."""

import argparse
import asyncio
import logging
import os
import sys

import structlog
from pydantic import ValidationError
from temporalio.service import RPCError

from portal import doctor
from portal.commands import journal, staff
from portal.rolls.check import check as check_roll
from portal.rules import bounces as reports
from portal.settings import Settings
from portal.store import (
    DatabaseUnavailable,
    bounces,
    campaign_changes,
    campaigns,
    open_database,
    schema,
    sessions_of,
)  # fmt: skip
from portal.temporal import WrongAttributes, connect, register_attributes


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m portal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the database of PORTAL_DATABASE_URL up to date, as its owner")
    commands.add_parser("check", help="say whether the database is up to date; exit 1 if not")
    commands.add_parser("bounce", help="take one report of delivery from standard input, as the worker's role")
    temporal = commands.add_parser("temporal", help="prepare the namespace of TEMPORAL_NAMESPACE")
    temporal.add_argument("what", choices=["register"], help="register: the search attributes, where they are missing")
    examined = commands.add_parser(
        "doctor", help="say whether everything is as it must be; exit 1 if something is broken"
    )
    examined.add_argument("--json", action="store_true", help="for programs")
    examined.add_argument(
        "--dns", type=_host_and_port, metavar="HOST:PORT", help="ask this name server, not the machine's"
    )
    staff.add_to(commands)
    journal.add_to(commands)
    roll = commands.add_parser("roll", help="files of the union's own system").add_subparsers(
        dest="roll", required=True
    )
    checked = roll.add_parser("check", help="say what is wrong with a CSV file, line by line; writes nothing")
    checked.add_argument("file", metavar="FILE")
    checked.add_argument("--json", action="store_true", help="the same for a program to read")
    campaign = commands.add_parser("campaign", help="compare the roll of a campaign with the one it was opened on")
    campaign.add_argument("question", choices=["manifest"])
    campaign.add_argument("code")
    asked = parser.parse_args(arguments)
    command = asked.command
    if command == "roll":
        # By the rules alone: no settings are read, no database is asked.
        answer = check_roll(asked.file, as_json=asked.json)
        if answer.err:
            print(answer.err, file=sys.stderr)
        if answer.out:
            print(answer.out)
        return answer.status

    if command == "doctor":
        return asyncio.run(_doctor(asked.dns, as_data=asked.json))
    settings = Settings()  # from the environment
    url = settings.database_url.get_secret_value()
    if command == "temporal":
        return asyncio.run(_register(settings))
    if command == "staff":
        return staff.run(asked, url, secret=settings.secret.get_secret_value().encode(), origin=settings.origin)
    if command == "journal":
        return journal.run(asked, url)
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
    if command == "campaign":
        return asyncio.run(_manifest(url, asked.code))
    found, wanted = schema.current(url), schema.heads()
    print(f"database at {found}, code at {', '.join(wanted)}")
    return 0 if [found] == wanted else 1


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


async def _register(settings: Settings) -> int:
    """Prepare the namespace; asked twice it changes nothing."""
    try:
        client = await connect(settings.temporal_address, settings.temporal_namespace)
        new = await register_attributes(client)
    except WrongAttributes as error:
        print(f"temporal: {error}", file=sys.stderr)
        return 1
    except (RPCError, RuntimeError, TimeoutError) as error:
        print(f"temporal: {settings.temporal_address} cannot be asked, {type(error).__name__}", file=sys.stderr)
        return 1
    finally:
        # A script that uses the client may abort while the interpreter ends (sdk-python#300).
        await asyncio.sleep(0.5)
    print(f"registered: {', '.join(a.value for a in new)}" if new else "registered before: nothing to do")
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


async def _manifest(url: str, code: str) -> int:
    """Hash the roll again: 0 if it is the one that two officers opened the campaign on, 1 if not, 2 if unknown."""
    engine = open_database(url, pool_size=1)
    try:
        async with sessions_of(engine).begin() as session:
            campaign = await campaigns.by_code(session, code)
            opened_on = await campaign_changes.opening_manifest(session, campaign.id) if campaign else None
            if campaign is None or opened_on is None:
                print(f"campaign: {code} was not opened by two officers")
                return 2
            now = await campaign_changes.manifest(session, campaign.id)
    finally:
        await engine.dispose()
    then, at = opened_on
    print(f"opened {at:%Y-%m-%d %H:%M} UTC  {then.sha256}  {then.lines} entries")
    print(f"now                      {now.sha256}  {now.lines} entries")
    print("the roll is the same" if now == then else "the roll has changed since")
    return 0 if now == then else 1


if __name__ == "__main__":
    sys.exit(main())
