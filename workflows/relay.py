"""The relay's workflow: one shift after another, for ever, on whichever worker is alive."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.relay import RelayActivities
    from workflows import HEARTBEAT_TIMEOUT, LONG_RETRY, details

SHIFT_TIMEOUT = timedelta(minutes=15)


@workflow.defn
class RelayWorkflow:
    """Only keeps the activity alive: what is sent, and what is left, is in the records."""

    @workflow.run
    async def run(self) -> None:
        workflow.set_current_details(details.ON_SHIFT)
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.execute_activity_method(
                RelayActivities.relay,
                start_to_close_timeout=SHIFT_TIMEOUT,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=LONG_RETRY,
                summary="send what is due",
            )
        workflow.continue_as_new()
