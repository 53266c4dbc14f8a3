"""One durable timer, at the nearest deadline."""

import asyncio
from datetime import datetime

from temporalio import workflow


class Alarm:
    """A timer that is moved only when a deadline comes nearer.

    Armed early enough it stays: it rings, and its owner looks again. Moving it at every step of a member who
    finishes in one sitting would cost two events each time.
    """

    def __init__(self) -> None:
        self._timer: asyncio.Task[None] | None = None
        self._at: datetime | None = None

    def arm(self, at: datetime, summary: str) -> None:
        if self.early_enough_for(at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._at = at
        self._timer = asyncio.create_task(workflow.sleep(at - workflow.now(), summary=summary))

    def early_enough_for(self, at: datetime) -> bool:
        """Whether it will ring by then; one that has rung will not."""
        return self._timer is not None and not self._timer.done() and self._at is not None and self._at <= at
