"""What the worker is made of; also what the tests start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.accounts import AccountActivities
from activities.ballots import BallotActivities
from activities.campaigns import CampaignActivities
from activities.doors import DoorActivities
from activities.facts import Facts
from activities.identity import IdentityActivities
from activities.leases import LeaseActivities
from activities.mail import SmtpServer
from activities.onboarding import OnboardingActivities, Policy
from activities.relay import Lost, RelayActivities
from activities.rendering import Letters
from activities.renewals import RenewalActivities
from activities.sweep import SweepActivities
from portal.rules.mail import Courtesy
from portal.settings import Settings
from portal.store import AsyncEngine, autocommit_of, doors, open_database, renewals, sessions_of
from portal.store.files import Files, MinioFiles
from portal.store.sealing import EpochKeys
from portal.temporal import TASK_QUEUE
from workflows import calls
from workflows.campaigns import CampaignWorkflow
from workflows.doors import JoinWorkflow, RegisterEmailWorkflow, RenewalWorkflow
from workflows.leases import LeaseWorkflow
from workflows.onboarding import OnboardingWorkflow
from workflows.relay import RelayWorkflow
from workflows.sweep import SweepWorkflow

MEMBERS: list[type[Any]] = [OnboardingWorkflow, RenewalWorkflow, RegisterEmailWorkflow, JoinWorkflow, LeaseWorkflow]
BACKGROUND: list[type[Any]] = [CampaignWorkflow, RelayWorkflow, SweepWorkflow]
WORKFLOWS = [*MEMBERS, *BACKGROUND]

# Workflow files import only the standard library, temporalio and our own modules: passed through, a new
# workflow costs a third of the processor and memory it costs when every instance imports them again.
RUNNER = SandboxedWorkflowRunner(
    restrictions=SandboxRestrictions.default.with_passthrough_modules("portal", "activities", "workflows")
)


@dataclass(frozen=True)
class Means:
    """What the activities work with; `close` gives it back."""

    engine: AsyncEngine
    files: Files
    # Of the members' workflows, and of the others.
    members: list[Callable[..., Any]]
    background: list[Callable[..., Any]]

    @property
    def activities(self) -> list[Callable[..., Any]]:
        return [*self.members, *self.background]

    async def close(self) -> None:
        await self.engine.dispose()


def object_store(settings: Settings) -> MinioFiles:
    return MinioFiles(
        settings.s3_endpoint,
        settings.s3_access_key,
        settings.s3_secret_key.get_secret_value(),
        settings.s3_bucket,
        region=settings.s3_region,
        secure=settings.s3_secure,
    )


def smtp_server(settings: Settings) -> SmtpServer:
    return SmtpServer(
        settings.smtp_host, settings.smtp_port, settings.smtp_username,
        settings.smtp_password.get_secret_value(), settings.smtp_starttls, settings.mail_from,
        settings.mail_reply_to, notices_sender=settings.mail_from_notices, bounces=settings.mail_bounces,
    )  # fmt: skip


def build_means(settings: Settings, client: Client, task_queue: str = TASK_QUEUE, *, connections: int = 20) -> Means:
    """Everything the activities need, and every activity there is."""
    engine = open_database(settings.database_url.get_secret_value(), pool_size=connections)
    sessions = sessions_of(engine)
    files = object_store(settings)
    secret = settings.secret.get_secret_value().encode()
    policy = Policy(
        timedelta(days=settings.identity_valid_days),
        Courtesy(settings.quiet_from, settings.quiet_until, settings.notice_spread),
    )

    async def tell(campaign_code: str, member_id: UUID, version: int) -> bool:
        return await calls.tell_calendar(client, campaign_code, member_id, version)

    async def deliver(lost: Lost) -> None:
        if isinstance(lost, doors.Unheard):
            await calls.open_request(client, task_queue, door=lost.door, request_id=lost.request_id, told=lost.told)
        elif isinstance(lost, renewals.Unheard):
            await calls.open_renewal(client, task_queue, lost.link_id, used=lost.used)
        else:
            await calls.deliver_decision(
                client, task_queue, campaign_id=lost.campaign_id, campaign_code=lost.campaign_code,
                member_id=lost.member_id, submission_id=lost.submission_id, claim_id=lost.claim_id,
                verdict=lost.verdict,
            )  # fmt: skip

    async def look(campaign_code: str, member_id: UUID) -> None:
        await calls.look_again(client, campaign_code, member_id)

    identity = IdentityActivities(sessions, files, policy)
    relay = RelayActivities(
        sessions,
        engine,
        Facts(settings.origin, secret, policy.identity_valid_for),
        Letters(settings.origin, settings.mail_reply_to),
        smtp_server(settings),
        deliver,
    )
    keys = EpochKeys(settings.key_folder)
    members: list[object] = [
        OnboardingActivities(sessions, policy),
        AccountActivities(autocommit_of(engine), policy, secret),
        BallotActivities(sessions, policy),
        DoorActivities(sessions, policy, secret, look),
        RenewalActivities(sessions),
        LeaseActivities(sessions),
        identity,
    ]
    background: list[object] = [
        CampaignActivities(sessions, policy.courtesy, tell),
        relay,
        SweepActivities(sessions, files, keys, identity),
    ]
    return Means(
        engine,
        files,
        [a for owner in members for a in activities_of(owner)],
        [a for owner in background for a in activities_of(owner)],
    )


def activities_of(owner: object) -> list[Callable[..., Any]]:
    """The methods of an activity class that are activities."""
    methods = (getattr(owner, name) for name in dir(owner) if not name.startswith("_"))
    return [m for m in methods if hasattr(m, "__temporal_activity_definition")]


def build_worker(
    client: Client,
    activities: list[Callable[..., Any]],
    *,
    task_queue: str = TASK_QUEUE,
    workflows: Sequence[type[Any]] = WORKFLOWS,
    max_cached_workflows: int = 5000,
) -> Worker:
    return Worker(
        client,
        task_queue=task_queue,
        workflows=workflows,
        activities=activities,
        workflow_runner=RUNNER,
        # Workflow code holds the interpreter's lock: more at once would only wait.
        max_concurrent_workflow_tasks=20,
        max_cached_workflows=max_cached_workflows,
        graceful_shutdown_timeout=timedelta(seconds=10),
        # How long a member waits after a worker crash before another takes over.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=3),
        identity="portal-worker",
    )
