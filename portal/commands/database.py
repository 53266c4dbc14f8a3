"""`python -m portal migrate | check`: whether the database is the one this code was made for."""

import argparse
from typing import Any

from portal.settings import Settings
from portal.store import schema


def add_to(commands: Any) -> None:
    commands.add_parser(
        "migrate", help="bring the database of PORTAL_DATABASE_URL up to date, as its owner"
    ).set_defaults(run=migrate)
    commands.add_parser("check", help="say whether the database is up to date; exit 1 if not").set_defaults(run=check)


def migrate(asked: argparse.Namespace) -> int:
    schema.upgrade(Settings().database_url.get_secret_value())
    return 0


def check(asked: argparse.Namespace) -> int:
    found, wanted = schema.current(Settings().database_url.get_secret_value()), schema.heads()
    print(f"database at {found}, code at {', '.join(wanted)}")
    return 0 if [found] == wanted else 1
