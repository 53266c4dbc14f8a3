"""Whether this machine is connected: a ceremony is held on one that is not (security.md T94)."""

from pathlib import Path

from portal.rules.ceremony import Fault, Wrong

INTERFACES = Path("/sys/class/net")
_UP, _LOOPBACK = 0x1, 0x8


def connected(interfaces: Path = INTERFACES) -> list[str]:
    """Every interface but loopback that is switched on, with or without a cable."""
    try:
        return sorted(one.name for one in interfaces.iterdir() if one.is_dir() and _is_on(one))
    except (OSError, ValueError):
        raise Wrong(Fault.MACHINE_UNKNOWN, folder=str(interfaces)) from None


def _is_on(interface: Path) -> bool:
    flags = int((interface / "flags").read_text(), 16)
    if flags & _LOOPBACK:
        return False
    return bool(flags & _UP) or (interface / "operstate").read_text().strip() == "up"


def must_be_alone(interfaces: Path = INTERFACES) -> None:
    names = connected(interfaces)
    if names:
        raise Wrong(Fault.CONNECTED, names=", ".join(names))
