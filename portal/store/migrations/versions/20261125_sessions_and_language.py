"""Members see their sessions and end one from elsewhere; and they choose the language we write to them in."""

import sqlalchemy as sa
from alembic import op

revision = "20261125_sessions_and_language"
down_revision = "20261125_mails_kept"


def upgrade() -> None:
    # A name for forms: the token's hash, which changes with every step up, is for nobody's eyes.
    op.add_column("sign_in", sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False))
    op.create_unique_constraint(op.f("uq_sign_in_id"), "sign_in", ["id"])
    op.add_column("sign_in", sa.Column("browser", sa.String(), nullable=True))
    op.execute("grant update (language) on member to scrutin_api")
