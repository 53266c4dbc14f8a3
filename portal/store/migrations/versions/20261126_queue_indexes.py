"""Indexes of the desks: what the queue leaves out, and what is not erased yet."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_queue_indexes"
down_revision = "20261126_operations"

STANDS = sa.text("undone_at is null")


def upgrade() -> None:
    op.create_index("ix_opinion_reviewer", "opinion", ["reviewer_id", "submission_id"], postgresql_where=STANDS)
    op.create_index("ix_opinion_undo", "opinion", ["undo_until"], postgresql_where=STANDS)
    op.create_index(
        "ix_opinion_second_look", "opinion", ["given_at"], postgresql_where=sa.text("second_look and undone_at is null")
    )
    op.create_index(
        "ix_submission_unerased", "submission", ["status", "over_at"], postgresql_where=sa.text("erased_at is null")
    )
