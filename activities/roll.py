"""What a confirmed import of the roll does to the records, and to the files of those it touches."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.doors import LookAgain
from portal.store import Sessions, journal, roll, roll_apply

# Members' workflows woken up at once, and how long each may take to look.
AT_ONCE = 10
LOOK_SECONDS = 5.0


@dataclass(frozen=True)
class ImportOf:
    """Which import: all that a workflow is told."""

    import_id: UUID


@dataclass(frozen=True)
class BatchOf:
    import_id: UUID
    batch: int


@dataclass(frozen=True)
class Planned:
    rows: int


@dataclass(frozen=True)
class BatchApplied:
    # Open files that must look again.
    to_tell: int


class RollActivities:
    """Each batch is one transaction that finds by itself whether it was done before."""

    def __init__(self, sessions: Sessions, look: LookAgain) -> None:
        self.sessions = sessions
        self.look = look

    @activity.defn
    async def read_roll_plan(self, order: ImportOf) -> Planned:
        async with self.sessions.begin() as session:
            found = await roll_apply.planned(session, order.import_id)
        if found is None:
            raise ApplicationError("not confirmed", non_retryable=True)
        return Planned(found[0])

    @activity.defn
    async def apply_roll_batch(self, order: BatchOf) -> BatchApplied:
        async with self.sessions.begin() as session:
            return BatchApplied(await roll_apply.apply(session, order.import_id, order.batch))

    @activity.defn
    async def tell_roll_batch(self, order: BatchOf) -> None:
        """Let every open file of this batch be taken up from the records again; those that heard are not asked twice.

        A workflow that does not answer holds up nobody else's: whoever is left makes this fail, and be tried again.
        """
        async with self.sessions.begin() as session:
            waiting = await roll_apply.to_tell(session, order.import_id, order.batch)
        places = asyncio.Semaphore(AT_ONCE)

        async def heard(one: roll_apply.ToTell) -> bool:
            async with places:
                activity.heartbeat()
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        await self.look(one.campaign_code, one.member_id)
                except Exception:
                    return False
            return True

        answers = await asyncio.gather(*(heard(one) for one in waiting))
        done = [one.position for one, ok in zip(waiting, answers, strict=True) if ok]
        async with self.sessions.begin() as session:
            await roll_apply.told(session, order.import_id, done)
        if len(done) < len(waiting):
            raise ApplicationError("files left")

    @activity.defn
    async def finish_roll_import(self, order: ImportOf) -> None:
        """The report stands; names and addresses of the file go."""
        async with self.sessions.begin() as session:
            if await roll.finish(session, order.import_id):
                await journal.write(
                    session, "roll-imported", actor=journal.SYSTEM, subject_id=order.import_id,
                    key=f"roll-imported:{order.import_id}",
                )  # fmt: skip
