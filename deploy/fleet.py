"""The processes of the demo: started in order, started again when one ends by itself, stopped in reverse."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from deploy.processes import DidNotStart, Process

MOST_RESTARTS = 20
# Between two tries to start again what will not start, in seconds.
_PATIENCE = 1.0
_LOOK_EVERY = 0.2


class TooManyRestarts(Exception):
    """Something ends again and again; the message says what, and where its log is."""


@dataclass
class Vessel:
    """One process, and how to start it again."""

    name: str
    start: Callable[[], Process]
    process: Process
    # How long it may take to end when asked, in seconds.
    patience: float
    restarts: int = 0


class Fleet:
    """All processes. Started and watched from the main thread only."""

    def __init__(self, say: Callable[[str], None], changed: Callable[[], None] = lambda: None) -> None:
        self._say = say
        # Called after a process was started again.
        self._changed = changed
        self._vessels: list[Vessel] = []

    def launch(self, name: str, start: Callable[[], Process], *, patience: float = 10.0) -> None:
        self._vessels.append(Vessel(name, start, start(), patience))

    @property
    def pids(self) -> dict[str, int]:
        return {vessel.name: vessel.process.pid for vessel in self._vessels}

    def watch(self) -> None:
        """Until interrupted; what ends by itself is started again, the servers before those who need them."""
        while True:
            time.sleep(_LOOK_EVERY)
            for vessel in self._vessels:
                if not vessel.process.running:
                    self._start_again(vessel)

    def _start_again(self, vessel: Vessel) -> None:
        vessel.restarts += 1
        ending = f"{vessel.name} (process {vessel.process.pid}) ended, {vessel.process.ending}"
        if vessel.restarts > MOST_RESTARTS:
            raise TooManyRestarts(f"{ending}: given up after {MOST_RESTARTS} restarts, see {vessel.process.log}")
        try:
            vessel.process = vessel.start()
        except DidNotStart as error:
            reason = str(error).partition("\n")[0]
            self._say(f"{ending}, and does not start yet ({reason}), {vessel.restarts} of {MOST_RESTARTS} tries")
            time.sleep(_PATIENCE)
            return
        self._say(f"{ending}: started again as process {vessel.process.pid}, {vessel.restarts} of {MOST_RESTARTS}")
        self._changed()

    def stop(self) -> None:
        """Stop all, the last started first; whatever else is a child of ours ends too."""
        for vessel in reversed(self._vessels):
            if vessel.process.running:
                self._say(f"stopping {vessel.name}")
                vessel.process.stop(vessel.patience)
        # A signal may have come after a fork and before the child was noted, or have ended initdb, which
        # leaves children of its own.
        while lost := psutil.Process().children(recursive=True):
            for child in lost:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
            psutil.wait_procs(lost, timeout=5)
