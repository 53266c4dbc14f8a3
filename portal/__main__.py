"""What is done from a shell, beside the pages: `python -m portal --help`."""

import argparse
import sys

from portal.commands import (
    bounces,
    campaign,
    ceremony,
    database,
    doctor,
    journal,
    review,
    roll,
    staff,
    temporal,
    vote,
)

# One module for each noun: `add_to` says what it understands, and sets what runs it.
NOUNS = (database, doctor, temporal, bounces, roll, campaign, staff, review, journal, vote, ceremony)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m portal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for noun in NOUNS:
        noun.add_to(commands)
    asked = parser.parse_args(arguments)
    done: int = asked.run(asked)
    return done


if __name__ == "__main__":
    sys.exit(main())
