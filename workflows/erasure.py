"""The deletion of identity documents: in the background of a member's file, and never given up."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.identity import Erased, IdentityActivities
    from workflows import ERASE_RETRY, ERASE_TIMEOUT, records


class Erasures:
    """The submissions whose pictures are being deleted; nothing else waits for the object store."""

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told
        self._under_way: dict[UUID, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def begin(self, submission_id: UUID) -> None:
        if submission_id not in self._under_way:
            self._under_way[submission_id] = asyncio.create_task(self._erase(submission_id))

    async def finish(self) -> None:
        await asyncio.gather(*self._under_way.values())

    async def _erase(self, submission_id: UUID) -> None:
        # A normal activity: operators must see it pending, and see why it is tried again.
        erased: Erased = await workflow.execute_activity_method(
            IdentityActivities.erase_documents,
            submission_id,
            start_to_close_timeout=ERASE_TIMEOUT,
            retry_policy=ERASE_RETRY,
            summary="delete the pictures and prove that they are gone",
        )
        await records.write(IdentityActivities.certify_erasure, erased, "write the certificate of deletion")
        del self._under_way[submission_id]
        self._told()
