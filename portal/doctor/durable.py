"""Does Temporal know what the workflows say, does somebody work, and does what must always run?"""

from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import NamespaceState, TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from portal.doctor.findings import Check, Finding, failed, ok, warning
from portal.rules.queries import Ready, ready_queries
from portal.rules.standing import RELAY, SWEEP, campaign_workflow
from portal.store import Sessions, campaigns
from portal.temporal import BACKGROUND_QUEUE, REGISTER, TASK_QUEUE, WrongAttributes, require_attributes

ASKED = timedelta(seconds=4)
POLLED = timedelta(seconds=90)
SWEEP_LATE = timedelta(hours=2)
# Long enough to look into a complaint.
RETENTION = timedelta(days=30)
START_WORKER = "python -m worker; it starts what is missing within a minute"
KINDS = {
    TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW: "workflows",
    TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY: "activities",
}


class Durable:
    """The checks of Temporal; none of them needs a worker."""

    def __init__(self, client: Client, sessions: Sessions) -> None:
        self.client = client
        self.sessions = sessions

    def checks(self) -> dict[str, Check]:
        return {
            "temporal: namespace": self.namespace,
            "temporal: search attributes": self.attributes,
            "temporal: members' worker": lambda: self.pollers(TASK_QUEUE),
            "temporal: background worker": lambda: self.pollers(BACKGROUND_QUEUE),
            "temporal: relay": self.relay,
            "temporal: sweep": self.sweep,
            "temporal: calendars": self.calendars,
            "temporal: trouble": self.trouble,
        }

    async def namespace(self) -> Finding:
        name = self.client.namespace
        try:
            found = await self.client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=name), timeout=ASKED
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return failed(f"there is no namespace {name}", f"temporal operator namespace create -n {name}")
            return failed(f"Temporal does not answer: {error.status.name}", "start the server, or see TEMPORAL_ADDRESS")
        except RuntimeError:
            return failed("Temporal cannot be reached", "start the server, or see TEMPORAL_ADDRESS")
        if found.namespace_info.state != NamespaceState.NAMESPACE_STATE_REGISTERED:
            return failed(f"namespace {name} is not in use", "see who has deprecated it")
        kept = found.config.workflow_execution_retention_ttl.ToTimedelta()
        said = f"namespace {name} is there and keeps closed workflows for {kept.days} days"
        if kept < RETENTION:
            return warning(said, f"temporal operator namespace update -n {name} --retention 90d")
        return ok(said)

    async def attributes(self) -> Finding:
        try:
            await require_attributes(self.client)
        except WrongAttributes as error:
            return failed(str(error), REGISTER)
        return ok("all are registered")

    async def pollers(self, queue: str) -> Finding:
        idle = []
        for kind, what in KINDS.items():
            found = await self.client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=self.client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
                ),
                timeout=ASKED,
            )
            # The server remembers for minutes whoever has gone; a worker that lives asks once a minute.
            alive = [p for p in found.pollers if datetime.now(UTC) - _utc(p.last_access_time.ToDatetime()) < POLLED]
            if not alive:
                idle.append(what)
        if not idle:
            return ok(f"somebody works on the queue {queue}")
        return failed(f"nobody takes {' or '.join(idle)} from the queue {queue}", START_WORKER)

    async def relay(self) -> Finding:
        if await self._runs(RELAY):
            return ok("it runs: mails leave as long as a background worker does")
        return failed("no relay is running: no mail leaves", START_WORKER)

    async def sweep(self) -> Finding:
        try:
            described = await self.client.get_schedule_handle(SWEEP).describe(rpc_timeout=ASKED)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return failed("there is no hourly sweep", START_WORKER)
        if described.schedule.state.paused:
            return failed("the hourly sweep is paused", f"temporal schedule toggle -s {SWEEP} --unpause --reason …")
        recent = described.info.recent_actions
        last = recent[-1].started_at if recent else None
        if last is None or datetime.now(UTC) - last > SWEEP_LATE:
            since = "ever" if last is None else f"since {last:%Y-%m-%d %H:%M} UTC"
            return warning(f"no sweep has been started {since}", "see the schedule sweep in the Temporal UI")
        return ok(f"the last one was started at {last:%Y-%m-%d %H:%M} UTC")

    async def calendars(self) -> Finding:
        async with self.sessions.begin() as session:
            codes = [campaign.code for campaign in await campaigns.to_run(session)]
        idle = [code for code in codes if not await self._runs(campaign_workflow(code))]
        if idle:
            return failed(f"nobody keeps the calendar of {', '.join(idle)}", START_WORKER)
        return ok(f"{len(codes)} campaigns, each with a workflow for its calendar")

    async def trouble(self) -> Finding:
        queries = {asked.code: asked.query for asked in ready_queries(None, datetime.now(UTC))}
        blocked = (await self.client.count_workflows(queries[Ready.BLOCKED], rpc_timeout=ASKED)).count
        failures = (await self.client.count_workflows(queries[Ready.FAILED], rpc_timeout=ASKED)).count
        if blocked:
            return failed(
                f"{blocked} workflows stand still by a mistake of the program",
                "release a worker that can read them (docs/releases.md); list: /en/operations/temporal#blocked",
            )
        if failures:
            return warning(f"{failures} workflows have failed for good", "list: /en/operations/temporal#failed")
        return ok("nothing is blocked and nothing has failed")

    async def _runs(self, workflow_id: str) -> bool:
        try:
            described = await self.client.get_workflow_handle(workflow_id).describe(rpc_timeout=ASKED)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return described.status is WorkflowExecutionStatus.RUNNING


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)
