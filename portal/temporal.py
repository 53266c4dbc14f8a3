"""How every process reaches Temporal: one client, one task queue, one converter."""

from datetime import timedelta

from temporalio.client import Client, RetryConfig

# Workflows and short SQL; erasure and the relay live here too while one process runs all.
TASK_QUEUE = "portal"


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
