"""Everything remembered: all SQL and all objects. Nobody else imports sqlalchemy or minio."""

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
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
    "is_alive",
    "open_database",
    "sessions_of",
]


def open_database(url: str, *, pool_size: int = 10) -> AsyncEngine:
    """An engine whose errors never show a parameter: names and addresses stay out of logs and histories."""
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=5,
        pool_timeout=3,
        pool_pre_ping=True,
        hide_parameters=True,
        echo=False,
        connect_args={
            "connect_timeout": 3,
            "options": "-c timezone=UTC -c statement_timeout=30000 -c lock_timeout=5000",
        },
    )


def sessions_of(engine: AsyncEngine) -> Sessions:
    return async_sessionmaker(engine, expire_on_commit=False)


async def is_alive(session: Session) -> bool:
    return bool(await session.scalar(text("select true")))
