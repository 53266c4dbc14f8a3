"""An import of the roll, from its confirmation to its report."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.roll import BatchOf, ImportOf, RollActivities
    from portal.rules.roll import BATCH
    from workflows import LONG_RETRY

# A batch takes less than a second; that of a worker that died is taken up again this soon.
BATCH_TIMEOUT = timedelta(seconds=15)
# A member's workflow that does not answer reads the records when it is next asked for anything.
TELL_TIMEOUT = timedelta(minutes=5)
TELL_RETRY = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_attempts=3)


@workflow.defn
class RollImportWorkflow:
    """A batch of people after the other; whatever dies on the way, each is done once."""

    @workflow.run
    async def run(self, order: ImportOf) -> None:
        plan = await workflow.execute_activity_method(
            RollActivities.read_roll_plan, order, start_to_close_timeout=BATCH_TIMEOUT, retry_policy=LONG_RETRY,
            summary="read the plan",
        )  # fmt: skip
        batches = -(-plan.rows // BATCH)
        for batch in range(batches):
            workflow.set_current_details(f"**Import of the roll**: batch {batch + 1} of {batches}")
            await self._apply(BatchOf(order.import_id, batch))
        await workflow.execute_activity_method(
            RollActivities.finish_roll_import, order, start_to_close_timeout=BATCH_TIMEOUT, retry_policy=LONG_RETRY,
            summary="write the report",
        )  # fmt: skip
        workflow.set_current_details(f"**Import of the roll**: done, {plan.rows} rows")

    async def _apply(self, order: BatchOf) -> None:
        applied = await workflow.execute_activity_method(
            RollActivities.apply_roll_batch, order, start_to_close_timeout=BATCH_TIMEOUT, retry_policy=LONG_RETRY,
            summary=f"apply batch {order.batch + 1}",
        )  # fmt: skip
        if not applied.to_tell:
            return
        try:
            await workflow.execute_activity_method(
                RollActivities.tell_roll_batch, order, start_to_close_timeout=TELL_TIMEOUT, retry_policy=TELL_RETRY,
                heartbeat_timeout=timedelta(seconds=30), summary=f"let the files of batch {order.batch + 1} look again",
            )  # fmt: skip
        except ActivityError:
            workflow.logger.warning("files left")
