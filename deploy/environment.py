"""Writes deploy/env.example from the settings themselves: `python -m deploy.environment [--check]`."""

import argparse
import sys
import textwrap
from pathlib import Path
from typing import get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from portal.settings import Settings

EXAMPLE = Path(__file__).with_name("env.example")

_HEAD = """\
# The settings of the portal's processes: api, worker and `python -m portal`.
# Written by `python -m deploy.environment` from portal/settings.py: change them there.
# NEEDED has no default and must be set. What is commented out shows its default.
# SECRET: give it through the service manager's credentials, never in a file that is committed.
"""


def name_of(field: str, info: FieldInfo) -> str:
    """The environment variable of a setting."""
    if isinstance(info.validation_alias, str):
        return info.validation_alias
    return f"{Settings.model_config['env_prefix']}{field}".upper()


def _is_secret(info: FieldInfo) -> bool:
    return info.annotation is SecretStr or SecretStr in get_args(info.annotation)


def _default(info: FieldInfo) -> str:
    value = info.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    # Quoted as both a shell and systemd's EnvironmentFile read it.
    return f"'{text}'" if set(text) & set(" <>&;$") else text


def _entry(field: str, info: FieldInfo) -> str:
    needed = info.default is PydanticUndefined
    marks = [*(["NEEDED"] if needed else []), *(["SECRET"] if _is_secret(info) else [])]
    words = f"{', '.join(marks)}: {info.description}" if marks else str(info.description)
    comment = textwrap.fill(words, 110, initial_indent="# ", subsequent_indent="# ")
    line = f"{name_of(field, info)}=" if needed else f"#{name_of(field, info)}={_default(info)}"
    return f"{comment}\n{line}\n"


def example() -> str:
    """The whole file."""
    return "\n".join([_HEAD, *(_entry(field, info) for field, info in Settings.model_fields.items())])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.environment", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if the file is out of date")
    if not parser.parse_args(arguments).check:
        EXAMPLE.write_text(example())
        return 0
    if EXAMPLE.exists() and EXAMPLE.read_text() == example():
        return 0
    print("deploy/env.example is out of date: run `python -m deploy.environment`", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
