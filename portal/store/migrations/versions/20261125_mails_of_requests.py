"""The message centre reads the mails of a request: by an index, like those of an account."""

from alembic import op

revision = "20261125_mails_of_requests"
down_revision = "20261125_door_requests"


def upgrade() -> None:
    op.create_index(op.f("ix_outbox_request_id"), "outbox", ["request_id"])
