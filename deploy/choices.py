"""What the person at the keyboard chose: the demo's folder, its ports, and servers that run elsewhere."""

import errno
import socket
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from deploy import processes

STATE_VARIABLE = "SCRUTIN_DEMO_STATE"
OPENS_VARIABLE = "SCRUTIN_DEMO_OPENS_IN_MINUTES"
CLOSES_VARIABLE = "SCRUTIN_DEMO_CLOSES_IN_MINUTES"
# Set by the environment file of a demo: what is set beside it names the servers of that demo.
TERMINAL_VARIABLE = "SCRUTIN_DEMO_TERMINAL"
# What a demo tells its processes.
TOLD = ("PORTAL_", "TEMPORAL_")
_TRIED = 100


class Unusable(Exception):
    """A choice that cannot be followed; the message says what to do instead."""


class Port(Enum):
    """A port of the demo: what listens there, the variable that chooses it, and where it is otherwise."""

    PORTAL = ("the portal", "SCRUTIN_DEMO_PORT", 8000)
    MAILBOX = ("the mailbox", "SCRUTIN_DEMO_MAILBOX_PORT", 8025)
    SMTP = ("SMTP", "SCRUTIN_DEMO_SMTP_PORT", 2525)
    TEMPORAL = ("Temporal", "SCRUTIN_DEMO_TEMPORAL_PORT", 7233)
    TEMPORAL_UI = ("the Temporal UI", "SCRUTIN_DEMO_TEMPORAL_UI_PORT", 8233)
    S3 = ("the object store", "SCRUTIN_DEMO_S3_PORT", 9000)
    POSTGRES = ("PostgreSQL", "SCRUTIN_DEMO_POSTGRES_PORT", 5433)

    def __init__(self, what: str, variable: str, default: int) -> None:
        self.what = what
        self.variable = variable
        self.default = default


@dataclass(frozen=True)
class Outside:
    """Servers that run elsewhere; for each one given none is started here."""

    database_url: str | None
    temporal_address: str | None
    s3_endpoint: str | None
    smtp_host: str | None

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "Outside":
        return cls(
            database_url=env.get("PORTAL_DATABASE_URL") or None,
            temporal_address=env.get("TEMPORAL_ADDRESS") or None,
            s3_endpoint=env.get("PORTAL_S3_ENDPOINT") or None,
            smtp_host=env.get("PORTAL_SMTP_HOST") or None,
        )

    @property
    def ports_needed(self) -> list[Port]:
        """The ports of what is started here."""
        unneeded: set[Port] = set()
        if self.database_url:
            unneeded |= {Port.POSTGRES}
        if self.temporal_address:
            unneeded |= {Port.TEMPORAL, Port.TEMPORAL_UI}
        if self.s3_endpoint:
            unneeded |= {Port.S3}
        if self.smtp_host:
            unneeded |= {Port.SMTP, Port.MAILBOX}
        return [port for port in Port if port not in unneeded]


def state_folder(env: Mapping[str, str]) -> Path:
    return Path(env.get(STATE_VARIABLE) or ".demo").expanduser().resolve()


def opens_in_minutes(env: Mapping[str, str]) -> float:
    return _minutes(OPENS_VARIABLE, env.get(OPENS_VARIABLE) or "10")


def closes_in_minutes(env: Mapping[str, str]) -> float | None:
    """When the vote closes, if not after eleven days: somebody rehearses a whole vote at one sitting."""
    text = env.get(CLOSES_VARIABLE)
    if not text:
        return None
    minutes = _minutes(CLOSES_VARIABLE, text)
    if minutes <= opens_in_minutes(env):
        raise Unusable(f"{CLOSES_VARIABLE}={text}: a vote closes after it has opened, see {OPENS_VARIABLE}")
    return minutes


def _minutes(variable: str, text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = -1
    if not 0 <= minutes <= 10_000:
        raise Unusable(f"{variable} is a number of minutes, not {text!r}")
    return minutes


def choose_ports(env: Mapping[str, str], needed: Collection[Port], say: Callable[[str], None]) -> dict[Port, int]:
    """A port for each server: as asked or not at all, otherwise the first free one from its default on."""
    chosen: dict[Port, int] = {}
    # First those that were asked for, so that no default gives way onto them.
    for port in sorted(needed, key=lambda port: not env.get(port.variable)):
        asked = env.get(port.variable)
        number = _asked_for(port, asked) if asked else _from_default(port, chosen.values())
        if number in chosen.values():
            raise Unusable(f"{port.variable}={number} is the port of another server of this demo")
        chosen[port] = number
        if not asked and number != port.default:
            say(f"port {port.default} is taken: {port.what} uses {number} ({port.variable} chooses another)")
    return chosen


def _asked_for(port: Port, asked: str) -> int:
    if not asked.isascii() or not asked.isdigit() or int(asked) > 65535:
        raise Unusable(f"{port.variable} is a port number, not {asked!r}")
    number = int(asked)
    if number == 0:
        return processes.free_port()
    if _taken(number):
        raise Unusable(f"port {number} for {port.what} is taken: give {port.variable} another, or 0 for any free one")
    return number


def _from_default(port: Port, used: Collection[int]) -> int:
    for number in range(port.default, port.default + _TRIED):
        if number not in used and not _taken(number):
            return number
    raise Unusable(f"no port from {port.default} on is free for {port.what}: set {port.variable}")


def _taken(number: int) -> bool:
    """Also by a server that listens on ::1 only, to which a browser would go when it is told localhost."""
    if processes.taken(number):
        return True
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("::1", number))
    except OSError as error:
        # Anything else: this machine speaks no IPv6.
        return error.errno in (errno.EADDRINUSE, errno.EACCES)
    return False


def without_demo_variables(env: Mapping[str, str]) -> dict[str, str]:
    """The environment for children: what chooses the demo's ports means nothing to them."""
    return {name: value for name, value in env.items() if not name.startswith("SCRUTIN_DEMO_")}


def as_chosen(env: Mapping[str, str]) -> dict[str, str]:
    """What the person chose. In a terminal that speaks to a demo, its servers are not servers that run elsewhere."""
    return {name: value for name, value in env.items() if TERMINAL_VARIABLE not in env or not name.startswith(TOLD)}
