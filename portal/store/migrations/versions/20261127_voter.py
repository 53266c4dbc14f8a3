"""The published result of a campaign."""

import sqlalchemy as sa
from alembic import op

revision = "20261127_voter"
down_revision = "20261127_votes"


def upgrade() -> None:
    op.create_table(
        "campaign_result",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_result_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_result")),
    )
    op.execute("grant select on campaign_result to scrutin_api, scrutin_worker")
