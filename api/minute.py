"""What many pages show and a minute does not change: made once, and said again until the minute is over."""

from collections.abc import Awaitable, Callable, Hashable
from time import monotonic
from typing import Any, TypeVar

Made = TypeVar("Made")

KEPT_FOR = 60.0


class Minute:
    """A memory of this process alone. Two who ask at once may both make it: that costs less than a lock."""

    def __init__(self, kept_for: float = KEPT_FOR) -> None:
        self.kept_for = kept_for
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    async def of(self, name: Hashable, make: Callable[[], Awaitable[Made]]) -> Made:
        """What is known under this name, made anew once it is a minute old."""
        known = self._kept.get(name)
        if known is not None and monotonic() - known[0] < self.kept_for:
            found: Made = known[1]
            return found
        made = await make()
        self._kept[name] = (monotonic(), made)
        return made

    def forget(self) -> None:
        self._kept.clear()
