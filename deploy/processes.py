"""Starts a server as a child process, waits until it answers, and stops it without touching any other."""

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"

# For api and worker: a large block that is freed stays theirs. Else the hash of a password, or a picture, begins with
# thousands of page faults each time.
TUNED_MALLOC = {"MALLOC_MMAP_THRESHOLD_": "268435456", "MALLOC_TRIM_THRESHOLD_": "1073741824"}

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
# Loaded before any fork: between fork and exec a child must not load libraries.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

_handed_out: set[int] = set()
# Its own, so that tests that run side by side with the same seed do not draw the same ports.
_CHANCE = random.SystemRandom()


class DidNotStart(RuntimeError):
    """A server ended, or stayed silent, before it was ready; the message ends with its last log lines."""


@dataclass
class Process:
    """One running child."""

    name: str
    log: Path
    stop_signal: signal.Signals
    _child: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self._child.poll()
        if code is None:
            return "still running"
        return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"

    def stop(self, patience: float = 5.0) -> None:
        """Ask it to end, then insist. Safe to call twice."""
        if self.running:
            self._child.send_signal(self.stop_signal)
            try:
                self._child.wait(patience)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it as a power cut would; tests use this to prove that data is kept."""
        self._child.kill()
        self._child.wait()


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    ready: Callable[[], bool],
    ports: Sequence[int] = (),
    within: float = 30.0,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    user: str | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    on_our_death: signal.Signals = signal.SIGTERM,
) -> Process:
    """Start `command` and return once `ready()` is true; it dies with us, even if we are killed with -9."""
    if threading.current_thread() is not threading.main_thread():
        # The kernel ties the death signal to the thread that forked, so a child of a
        # passing thread would be ended with that thread, seemingly at random.
        raise RuntimeError(f"{name} must be started from the main thread")
    for port in ports:
        # Otherwise whoever holds it would answer for the server that cannot start.
        if taken(port):
            raise DidNotStart(f"{name} needs port {port}, which is taken")
    child = _spawn(command, log=log, env=env, cwd=cwd, user=user, on_our_death=on_our_death)
    process = Process(name, log, stop_signal, child)
    try:
        _wait_until_ready(process, ready, within)
    except BaseException:
        process.kill()
        raise
    return process


def complete(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    within: float = 120.0,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run a command to its end; it dies with us like the servers."""
    child = _spawn(command, log=log, env=env, cwd=cwd, user=None, on_our_death=signal.SIGKILL)
    try:
        code = child.wait(within)
    except BaseException:
        child.kill()
        child.wait()
        raise
    if code != 0:
        raise DidNotStart(f"{name} failed\n{_last_lines(log)}")


def _spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None,
    cwd: Path | None,
    user: str | None,
    on_our_death: signal.Signals,
) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            # A session of its own: Ctrl-C in the terminal reaches us alone, and we stop all in order.
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            preexec_fn=_dying_with(os.getpid(), on_our_death),
        )


def _wait_until_ready(process: Process, ready: Callable[[], bool], within: float) -> None:
    deadline = time.monotonic() + within
    while process.running:
        if ready():
            return
        if time.monotonic() > deadline:
            raise DidNotStart(f"{process.name} was not ready within {within:g} s\n{_last_lines(process.log)}")
        time.sleep(0.02)
    raise DidNotStart(f"{process.name} ended before it was ready\n{_last_lines(process.log)}")


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-20:])


def _dying_with(parent: int, death_signal: signal.Signals) -> Callable[[], None] | None:
    libc = _LIBC
    if libc is None:
        return None

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        # The parent may have died between the fork and the line above.
        if os.getppid() != parent:
            os._exit(1)

    return arrange


def adopt_orphans(wanted: bool) -> None:
    """Whether what a child of ours leaves behind becomes our child, and so is found when we stop."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


def free_port() -> int:
    """A loopback port nothing listens on, never the same twice in one process.

    Not one of those that the kernel gives to outgoing connections: until the server listens there, seconds
    later, any client on this machine could get it.
    """
    while True:
        port = _CHANCE.randrange(10_000, 32_000)
        if port not in _handed_out and not taken(port):
            _handed_out.add(port)
            return port


def taken(port: int) -> bool:
    """Whether somebody else listens on this loopback port."""
    with socket.socket() as probe:
        # As servers do: a connection of the last run that is still winding down is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


def answers(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False
