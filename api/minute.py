"""What many pages show and a minute does not change: made once, and said again until the minute is over."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from time import monotonic
from typing import Any, TypeVar

import structlog

Made = TypeVar("Made")

KEPT_FOR = 60.0
# A count takes less than a second; no statement takes longer than half a minute.
ENDS_WITHIN = 10.0
# For so many times longer it is better than waiting, where a page says from when its numbers are.
STALE_FOR = 10


class Minute:
    """A memory of this process alone. Two who ask at once may both make it: that costs less than a lock."""

    def __init__(self, kept_for: float = KEPT_FOR) -> None:
        self.kept_for = kept_for
        self._kept: dict[Hashable, tuple[float, Any]] = {}
        self._making: dict[Hashable, asyncio.Task[Any]] = {}
        self._under_way: set[asyncio.Task[Any]] = set()

    async def of(self, name: Hashable, make: Callable[[], Awaitable[Made]]) -> Made:
        """What is known under this name, made anew once it is a minute old."""
        known = self._kept.get(name)
        if known is not None and monotonic() - known[0] < self.kept_for:
            found: Made = known[1]
            return found
        made = await make()
        self._kept[name] = (monotonic(), made)
        return made

    async def behind(self, name: Hashable, make: Callable[[], Coroutine[Any, Any, Made]]) -> Made:
        """For what takes long: made by one for all who ask meanwhile, and anew behind the back of whoever asks late.

        It may outlive the page that asked, so that `make` uses nothing of that page.
        """
        known = self._kept.get(name)
        age = monotonic() - known[0] if known is not None else 0.0
        if known is not None and age < self.kept_for:
            found: Made = known[1]
            return found
        making: asyncio.Task[Made] | None = self._making.get(name)
        if making is None:
            making = self._making[name] = asyncio.create_task(self._make(name, make))
            making.add_done_callback(_say_failure)
            self._under_way.add(making)
            making.add_done_callback(self._under_way.discard)
        if known is not None and age < self.kept_for * STALE_FOR:
            found = known[1]
            return found
        return await asyncio.shield(making)

    async def _make(self, name: Hashable, make: Callable[[], Coroutine[Any, Any, Made]]) -> Made:
        own = asyncio.current_task()
        try:
            made = await make()
            # Not what was counted before somebody said that it has changed.
            if self._making.get(name) is own:
                self._kept[name] = (monotonic(), made)
            return made
        finally:
            if self._making.get(name) is own:
                del self._making[name]

    def forget(self) -> None:
        self._kept.clear()
        self._making.clear()

    async def close(self) -> None:
        """Wait for what is being made: it gives back what it has of the records."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=ENDS_WITHIN)


def _say_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        structlog.get_logger().warning("not-counted", error=type(error).__name__)
