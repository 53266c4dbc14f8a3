"""A mail is kept as it was sent, for the message centre."""

import sqlalchemy as sa
from alembic import op

revision = "20261125_mails_as_sent"
down_revision = "20261125_sessions_and_language"


def upgrade() -> None:
    op.add_column("outbox", sa.Column("said_subject", sa.String(), nullable=True))
    op.add_column("outbox", sa.Column("said_text", sa.String(), nullable=True))
