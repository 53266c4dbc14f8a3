"""How every workflow writes to the records: one transaction, run inside the workflow task."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import workflow

from workflows import SQL_HELD, SQL_RETRY, SQL_TIMEOUT

Param = TypeVar("Param")
Result = TypeVar("Result")


async def write(step: Callable[[Any, Param], Awaitable[Result]], order: Param, summary: str) -> Result:
    """One local activity: one event instead of six, and no state transition of its own."""
    return await workflow.execute_local_activity_method(
        step,
        order,
        start_to_close_timeout=SQL_TIMEOUT,
        retry_policy=SQL_RETRY,
        local_retry_threshold=SQL_HELD,
        summary=summary,
    )
