"""What a page begins and does not wait for: a signal that the records do not depend on."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog
from temporalio.service import RPCError

# Kept until it is done: a task that nobody holds may vanish.
_under_way: set[asyncio.Task[None]] = set()


def begin(told: Coroutine[Any, Any, None], *, within: float, otherwise: str) -> None:
    """Tell Temporal something while the page answers; `otherwise` is what the log says when it did not arrive."""
    task = asyncio.create_task(_tell(told, within, otherwise))
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)


async def _tell(told: Coroutine[Any, Any, None], within: float, otherwise: str) -> None:
    try:
        async with asyncio.timeout(within):
            await told
    except (RPCError, TimeoutError, RuntimeError) as error:
        structlog.get_logger().warning(otherwise, error=type(error).__name__)
