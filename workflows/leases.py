"""A lease: a reviewer has a case open until its timer returns it."""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.leases import LeaseActivities, LeaseOf
    from workflows import records

# The clock of the records may be behind Temporal's: asked too early, they are asked again no sooner than this.
ASKED_AGAIN = timedelta(seconds=1)


@workflow.defn
class LeaseWorkflow:
    """One timer and one look at the records, whose clock alone says whether a lease runs."""

    def __init__(self) -> None:
        self.woken = False

    @workflow.signal
    def returned(self) -> None:
        """Given back, taken back, prolonged or decided: the records know which."""
        self.woken = True

    @workflow.run
    async def run(self, order: LeaseOf) -> None:
        until = order.until
        while True:
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self.woken, timeout=until - workflow.now(), timeout_summary="the lease ends"
                )
            self.woken = False
            state = await records.write(LeaseActivities.return_lease, order, "return the case")
            if state.until is None:
                return
            until = max(state.until, workflow.now() + ASKED_AGAIN)
