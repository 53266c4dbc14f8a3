"""Runs migrations on the connection it is given, with short time limits so that nothing waits behind one."""

from alembic import context
from sqlalchemy import text

from portal.store.base import Base

connection = context.config.attributes["connection"]
assert connection is not None, "migrations are run by `python -m portal migrate`"
context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True)
with context.begin_transaction():
    connection.execute(text("set local lock_timeout = '5s'"))
    connection.execute(text("set local statement_timeout = '60s'"))
    context.run_migrations()
