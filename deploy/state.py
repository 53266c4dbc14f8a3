"""The state folder of a demo: its lock, its secrets, and how it is forgotten."""

import fcntl
import json
import os
import secrets
import shlex
import shutil
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from deploy.choices import STATE_VARIABLE, TERMINAL_VARIABLE, TOLD, Unusable

PROJECT = Path(__file__).resolve().parents[1]
ANNOUNCEMENT = "demo.json"
ENVIRONMENT = "environment"
# The officers' key files, and where their files of the count belong.
CEREMONY = "ceremony"
_LOCK = "demo.lock"
_SECRETS = "secrets.json"
# Everything a demo ever makes in its folder; nothing else is ever removed from it.
_OURS = (
    "specimens",
    "postgres",
    "temporal",
    "s3",
    "mailbox",
    "keys",
    CEREMONY,
    f"{CEREMONY}.draft",
    "logs",
    ANNOUNCEMENT,
    ENVIRONMENT,
    _SECRETS,
    _LOCK,
)
# How long the servers of a killed launcher take to end.
_WINDING_DOWN = 15.0


@dataclass(frozen=True)
class Secrets:
    """Drawn at the first start and kept: links in old mails stay good, old pictures stay reachable."""

    portal: str = field(repr=False)
    s3: str = field(repr=False)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Only one demo at a time in a state folder; the kernel lets go even if we are killed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    strangers = {entry.name for entry in folder.iterdir()} - set(_OURS)
    if strangers and not (folder / _LOCK).exists():
        raise Unusable(f"{folder} is not a demo's state folder: give {STATE_VARIABLE} a new one")
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(descriptor, 20).decode().strip() or "?"
            raise Unusable(
                f"a demo is running with {folder} (process {pid}): stop it first,"
                f" or give {STATE_VARIABLE} another folder"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        _wait_for_the_last_ones(folder)
        yield
    finally:
        os.close(descriptor)


def _wait_for_the_last_ones(folder: Path) -> None:
    """The servers of a launcher that was killed end by themselves, only not at once."""
    try:
        started = json.loads((folder / ANNOUNCEMENT).read_text())["processes"].values()
    except (OSError, ValueError, KeyError, AttributeError):
        return
    deadline = time.monotonic() + _WINDING_DOWN
    while any(_alive(pid) for pid in started) and time.monotonic() < deadline:
        time.sleep(0.1)


def _alive(pid: object) -> bool:
    try:
        return isinstance(pid, int) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def secrets_of(folder: Path) -> Secrets:
    file = folder / _SECRETS
    if not file.exists():
        words = {"portal": secrets.token_urlsafe(48), "s3": secrets.token_hex(24)}
        _write_for_us_alone(file, json.dumps(words))
    return Secrets(**json.loads(file.read_text()))


def _write_for_us_alone(file: Path, text: str) -> None:
    draft = file.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.write(text)
    draft.rename(file)


def write_environment(folder: Path, told: Mapping[str, str]) -> None:
    """What the processes are told, for a terminal: after `. .demo/environment` every command speaks to this demo."""
    ours = {name: value for name, value in sorted(told.items()) if name.startswith(TOLD)}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in {**ours, TERMINAL_VARIABLE: "1"}.items()]
    # Also in the folder of the ceremony, where officers' files are at hand.
    lines.append(f'export PYTHONPATH={shlex.quote(str(PROJECT))}"${{PYTHONPATH:+:$PYTHONPATH}}"')
    # `python` and `temporal` are those of this demo.
    lines.append(f'export PATH={shlex.quote(sysconfig.get_path("scripts"))}:"$PATH"')
    _write_for_us_alone(folder / ENVIRONMENT, "\n".join([*lines, ""]))


def forget(folder: Path) -> None:
    """Remove everything a demo made there."""
    if not folder.exists():
        return
    with held(folder):
        for name in _OURS:
            path = folder / name
            if path.is_dir():
                shutil.rmtree(path)
            elif name != _LOCK:
                path.unlink(missing_ok=True)
        (folder / _LOCK).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
