"""How every process reaches Temporal: one client, one task queue, one converter."""

from datetime import timedelta

from temporalio.client import Client, RetryConfig

# What members wait for: their workflows, with the short SQL of their steps, and erasure.
TASK_QUEUE = "portal"
# What nobody waits for: the calendars, the relay, the sweep. A mail to 25,000 must not slow down one member's step.
BACKGROUND_QUEUE = "portal-background"


async def connect(address: str, namespace: str, *, lazy: bool = False) -> Client:
    """One client per process.

    `lazy` lets the pages start while Temporal is away. The short retry keeps a dead frontend from looking like a
    slow worker: the page must know which within its own deadline.
    """
    return await Client.connect(
        address,
        namespace=namespace,
        lazy=lazy,
        retry_config=RetryConfig(max_elapsed_time_millis=1500),
        connect_timeout=timedelta(seconds=2),
    )
