"""The doors beside the entrance, each one story that ends with an answer: a new password, an address, a member."""

from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.doors import DoorActivities, FileToLookAt, MomentOf, RequestOf, RequestState
    from activities.renewals import RenewalActivities, RenewalOf
    from portal.rules.doors import OVER, Due, Moment, Status, next_due, next_reminder
    from workflows import LONG_RETRY, details, records
    from workflows.attributes import show_step

LOOK_TIMEOUT = timedelta(seconds=15)


class _Request:
    """What the two doors have in common that a person decides.

    The records are the truth: a signal only wakes this up, and whatever it then finds there is what happens next.
    """

    def __init__(self) -> None:
        self.woken = False
        self.met: set[Moment] = set()
        self.turn = 0

    @workflow.signal
    def proven(self) -> None:
        """The link of the mail was used."""
        self.woken = True

    @workflow.signal
    def decided(self) -> None:
        """Somebody at the desk has decided."""
        self.woken = True

    async def _until_answered(self, order: RequestOf) -> None:
        while True:
            self.woken = False
            state = await records.write(DoorActivities.take_up_request, order, "take up the request")
            self._tell(state)
            if state.status in OVER:
                break
            if state.status is Status.DECIDED:
                await records.write(DoorActivities.apply_request_decision, order, "apply the decision")
            else:
                await self._next(order, state)
        await _look_again(state.member_id)

    def _tell(self, state: RequestState) -> None:
        since = state.proven_at or state.asked_at
        due = None if state.status in OVER else next_due(state.status, state.asked_at, state.proven_at, self.met)
        workflow.set_current_details(details.of_request(state.status, since, due))
        show_step(state.status, since)

    async def _next(self, order: RequestOf, state: RequestState) -> None:
        """Meet the moment that is due, or wait for it; a request that waits for a person is never forgotten."""
        due = self._due(state)
        if due is not None and due.at <= workflow.now():
            self.met.add(due.moment)
            self.turn = due.turn
            moment = MomentOf(order.request_id, due.moment, due.turn)
            await records.write(DoorActivities.meet_moment, moment, f"{due.moment}")
        elif due is not None:
            await _wait(self, due.at, f"next moment: {due.moment}")
        else:
            await workflow.wait_condition(lambda: self.woken)

    def _due(self, state: RequestState) -> Due | None:
        due = next_due(state.status, state.asked_at, state.proven_at, self.met)
        # Requests that were late before this existed went on waiting in silence.
        if due is None and state.proven_at is not None and workflow.patched("staff-reminded-until-decided"):
            return next_reminder(state.proven_at, workflow.now(), self.turn)
        return due


@workflow.defn
class RegisterEmailWorkflow(_Request):
    """« Enregistrer mon courriel »: proof, decision, then the account has its first address."""

    @workflow.run
    async def run(self, order: RequestOf) -> None:
        await self._until_answered(order)


@workflow.defn
class JoinWorkflow(_Request):
    """« Je veux devenir membre »: proof, decision, then the roll has a member more."""

    @workflow.run
    async def run(self, order: RequestOf) -> None:
        await self._until_answered(order)


@workflow.defn
class RenewalWorkflow:
    """« Renouveler mon mot de passe »: from the link to its use or its end."""

    def __init__(self) -> None:
        self.woken = False

    @workflow.signal
    def used(self) -> None:
        """A new password was chosen by this link."""
        self.woken = True

    @workflow.run
    async def run(self, order: RenewalOf) -> None:
        state = await records.write(RenewalActivities.take_up_renewal, order, "take up the link")
        workflow.set_current_details(details.of_renewal(state.ends_at))
        while not state.used and state.ends_at > workflow.now():
            await _wait(self, state.ends_at, "the link ends")
            self.woken = False
            state = await records.write(RenewalActivities.take_up_renewal, order, "take up the link")
        closed = await records.write(RenewalActivities.close_renewal, order, "close the renewal")
        await _look_again(closed.member_id)


async def _wait(story: _Request | RenewalWorkflow, until: datetime, summary: str) -> None:
    """Until a signal, or that moment."""
    with suppress(TimeoutError):
        await workflow.wait_condition(lambda: story.woken, timeout=until - workflow.now(), timeout_summary=summary)


async def _look_again(member_id: UUID | None) -> None:
    """The member's onboarding goes on at the right step."""
    if member_id is not None:
        await workflow.execute_activity_method(
            DoorActivities.look_again_at_file,
            FileToLookAt(member_id),
            start_to_close_timeout=LOOK_TIMEOUT,
            retry_policy=LONG_RETRY,
            summary="let the member's file look again",
        )
