"""One link lives for each account and purpose: held by an index, not by a lock that everybody must remember."""

from alembic import op
from sqlalchemy import text

revision = "20261125_one_live_link"
down_revision = "20261123_roles_and_guards"


def upgrade() -> None:
    op.create_index(
        "uq_link_live",
        "link",
        ["account_id", "purpose"],
        unique=True,
        postgresql_where=text("used_at is null and voided_at is null"),
    )
