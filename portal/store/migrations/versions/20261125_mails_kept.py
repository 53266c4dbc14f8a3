"""Every mail is kept as it was said; an address that bounces and a wish for no reminders are remembered."""

import sqlalchemy as sa
from alembic import op

revision = "20261125_mails_kept"
down_revision = "20261125_one_live_link"

# A bounce says something of one address: it says nothing of the next.
BOUNCE = """
create function forget_bounce() returns trigger language plpgsql as $$
begin
    if new.email is distinct from old.email then
        new.email_bounced_at := null;
    end if;
    return new;
end $$
"""


def upgrade() -> None:
    op.add_column("outbox", sa.Column("said_subject", sa.Text(), nullable=True))
    op.add_column("outbox", sa.Column("said_text", sa.Text(), nullable=True))
    op.add_column("account", sa.Column("reminders_off_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("account", sa.Column("email_bounced_at", sa.DateTime(timezone=True), nullable=True))
    # The page of reminders, and a renewal link that came through; the relay and whoever reads the bounces.
    op.execute("grant update (reminders_off_at, email_bounced_at) on account to scrutin_api")
    op.execute("grant update (email_bounced_at) on account to scrutin_worker")
    op.execute(BOUNCE)
    op.execute(
        "create trigger bounce_of_this_address before update of email on account"
        " for each row execute function forget_bounce()"
    )
