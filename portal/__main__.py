"""The operator's commands on the database: `python -m portal migrate | check`."""

import argparse
import sys

from portal.settings import Settings
from portal.store import schema


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m portal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("migrate", help="bring the database of PORTAL_DATABASE_URL up to date, as its owner")
    commands.add_parser("check", help="say whether the database is up to date; exit 1 if not")
    command = parser.parse_args(arguments).command

    url = Settings().database_url.get_secret_value()  # from the environment
    if command == "migrate":
        schema.upgrade(url)
        return 0
    found, wanted = schema.current(url), schema.heads()
    print(f"database at {found}, code at {', '.join(wanted)}")
    return 0 if [found] == wanted else 1


if __name__ == "__main__":
    sys.exit(main())
