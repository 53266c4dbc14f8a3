"""The hourly sweep, started by a schedule; it needs no member's workflow."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.sweep import SweepActivities, Swept
    from workflows import HEARTBEAT_TIMEOUT, LONG_RETRY, LONG_TIMEOUT, details


@workflow.defn
class SweepWorkflow:
    @workflow.run
    async def run(self) -> Swept:
        workflow.set_current_details(details.SWEEPING)
        return await workflow.execute_activity_method(
            SweepActivities.sweep,
            start_to_close_timeout=LONG_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT * 6,
            retry_policy=LONG_RETRY,
            summary="delete whatever has no open case",
        )
