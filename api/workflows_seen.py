"""Which members' workflows Temporal says are running, beside the files that are open."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import structlog
from temporalio.service import RPCError

from api.ask import Away
from api.portal import Portal
from portal.store import Session, operations
from portal.store.campaigns import Campaign
from workflows import calls

# Temporal lists a thousand at a time: enough for everybody, short enough for whoever waits.
LISTED_WITHIN = 20.0
COUNTED_WITHIN = 1.0


async def missing(portal: Portal, campaign: Campaign) -> Sequence[UUID]:
    """Members whose file is open and whose workflow does not run. Raises Away when Temporal does not say.

    No connection to the records is held meanwhile.
    """

    async def made() -> Sequence[UUID]:
        # The records first: what is opened in between has a workflow as well.
        async with portal.autocommit() as session:
            opened = await operations.open_files(session, campaign.id)
        try:
            async with asyncio.timeout(LISTED_WITHIN):
                running = await calls.running(portal.client, campaign.code)
        except (RPCError, TimeoutError, RuntimeError) as error:
            structlog.get_logger().warning("workflows-not-listed", error=type(error).__name__)
            raise Away("operations", {}, {}) from None
        return [member_id for member_id in opened if member_id not in running]

    return await portal.minute.of(("missing", campaign.id), made)


async def how_many_missing(portal: Portal, session: Session, campaign: Campaign) -> int | None:
    """By two counts; None when Temporal does not answer at once: the desk does not wait for it."""

    async def made() -> int | None:
        opened = len(await operations.open_files(session, campaign.id))
        try:
            async with asyncio.timeout(COUNTED_WITHIN):
                running = await calls.count_running(portal.client, campaign.code)
        except (RPCError, TimeoutError, RuntimeError) as error:
            structlog.get_logger().warning("workflows-not-counted", error=type(error).__name__)
            return None
        return max(0, opened - running)

    return await portal.minute.of(("how-many-missing", campaign.id), made)
