"""Everything remembered: all SQL and all objects. Nobody else imports sqlalchemy or minio."""

from typing import Any

import psycopg
from sqlalchemy import event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.ext.asyncio import AsyncSession as Session

# A session factory; `async with sessions.begin() as session` is one transaction, committed at the edge only.
Sessions = async_sessionmaker[Session]

# What a page or an activity sees when PostgreSQL is away.
DatabaseUnavailable = (OperationalError, InterfaceError, PoolTimeout, ConnectionError)

__all__ = [
    "AsyncEngine",
    "DBAPIError",
    "DatabaseUnavailable",
    "Session",
    "Sessions",
    "autocommit_of",
    "is_alive",
    "open_database",
    "sessions_of",
]


def open_database(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine whose errors never show a parameter: names and addresses stay out of logs and histories."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=5,
        pool_timeout=3,
        # The connection used last is warm: its statements are prepared, its catalogue is cached.
        pool_use_lifo=True,
        hide_parameters=True,
        echo=False,
        connect_args={
            "connect_timeout": 3,
            "prepare_threshold": 2,
            "options": "-c timezone=UTC -c statement_timeout=30000 -c lock_timeout=5000",
        },
    )
    event.listen(engine.sync_engine, "handle_error", _silence)
    event.listen(engine.sync_engine, "checkout", _still_connected)
    return engine


def _still_connected(connection: Any, record: object, lent: object) -> None:
    """A connection whose server is gone is replaced before it is used.

    Its socket is asked, not the server: nobody waits for the answer to a ping. Twice, because a server that ends a
    connection says so first: the first look reads its words, the second finds the end behind them.
    """
    try:
        for _ in range(2):
            connection.driver_connection.pgconn.consume_input()
    except psycopg.OperationalError:
        raise InvalidatePoolError from None


def _silence(context: ExceptionContext) -> None:
    """PostgreSQL repeats values in its own words («Key (email)=(…)», «invalid input: …»): keep the code alone."""
    original = context.original_exception
    if not isinstance(original, psycopg.Error) or original.sqlstate is None:
        return
    state = original.sqlstate
    # Class 22 is data, class 23 integrity: the two that quote what was sent.
    if state[:2] not in ("22", "23"):
        return
    diag = original.diag
    # What our own triggers raise are our own words.
    ours = diag.message_primary if diag.source_function == "exec_stmt_raise" else diag.constraint_name
    said = f"{state} {ours}" if ours else state
    original.args = (said,)
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (f"({type(original).__name__}) {said}",)


def sessions_of(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, expire_on_commit=False)


def autocommit_of(engine: AsyncEngine) -> Sessions:
    """Each statement by itself, committed when it is done: for pages that only look, and for what one statement does.

    Looking twice sees no less than inside a transaction, which is READ COMMITTED here.
    """
    return async_sessionmaker(engine.execution_options(isolation_level="AUTOCOMMIT"), expire_on_commit=False)


async def is_alive(session: Session) -> bool:
    return bool(await session.scalar(text("select true")))
