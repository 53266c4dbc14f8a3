"""Each is one story over time: no I/O, no clock but workflow.now()."""

from datetime import timedelta

from temporalio.common import RetryPolicy

# SQL in a local activity: short, and tried again for as long as the database is away. Above the threshold the
# wait is a timer of the workflow instead of a held task, so that an outage of an hour costs few events.
SQL_TIMEOUT = timedelta(seconds=5)
# An id that leads nowhere never will: it fails its own workflow, which staff can list, and holds up no other.
NOTHING_THERE = ["LookupError"]
SQL_RETRY = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=30),
    non_retryable_error_types=NOTHING_THERE,
)
SQL_HELD = timedelta(seconds=3)

# Deleting an identity document is never given up (brief §4).
ERASE_TIMEOUT = timedelta(seconds=15)
ERASE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=5)
)

# Work of many small steps, resumed from its last heartbeat wherever its worker dies.
LONG_TIMEOUT = timedelta(minutes=10)
HEARTBEAT_TIMEOUT = timedelta(seconds=5)
LONG_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    maximum_interval=timedelta(seconds=30),
    non_retryable_error_types=NOTHING_THERE,
)
