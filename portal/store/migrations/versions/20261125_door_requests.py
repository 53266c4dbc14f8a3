"""The doors beside the entrance: their requests, mails to people without an account, and what a renewal remembers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261125_door_requests"
down_revision = "20261125_sessions_and_language"

GRANTS = (
    "grant select on door_request to scrutin_api, scrutin_worker",
    # Pages: the form, its proof, and the decision of the desk.
    "grant insert on door_request to scrutin_api",
    "grant update (status, member_id, proven_at, decided_at, decided_by, verdict, reason, note_fr, note_en,"
    " roll_number, roll_group) on door_request to scrutin_api",
    # The worker: what an accepted request brings about, and no more of the roll than that.
    "grant update on door_request to scrutin_worker",
    "grant update (email) on account to scrutin_worker",
    "grant update (standing) on member to scrutin_worker",
    "grant insert on member, account to scrutin_worker",
)

# Whatever a program forgets: nobody decides on their own request, and pages decide once.
DECISION = """
create function refuse_own_request() returns trigger language plpgsql as $$
begin
    if new.decided_by is not null and exists (
        select from account a where a.id = new.decided_by and (a.member_id = new.member_id or a.email = new.email)
    ) then
        raise exception 'nobody acts on their own file' using errcode = 'check_violation';
    end if;
    if old.verdict is not null and current_user = 'scrutin_api' then
        raise exception 'a request is decided once' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# The worker may give an account its first address, never another (security.md T18).
ADDRESS = """
create function refuse_other_address() returns trigger language plpgsql as $$
begin
    if old.email is not null and new.email is distinct from old.email and current_user = 'scrutin_worker' then
        raise exception 'an address on file is not replaced' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""


def upgrade() -> None:
    op.create_table(
        "door_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), server_default="asked", nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("said", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("taken_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proven_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("note_fr", sa.String(), nullable=True),
        sa.Column("note_en", sa.String(), nullable=True),
        sa.Column("roll_number", sa.String(), nullable=True),
        sa.Column("roll_group", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('register-email', 'join')", name=op.f("ck_door_request_kind")),
        sa.CheckConstraint(
            "status in ('asked', 'proven', 'decided', 'accepted', 'refused', 'lapsed')",
            name=op.f("ck_door_request_status"),
        ),
        sa.CheckConstraint("language in ('fr', 'en')", name=op.f("ck_door_request_language")),
        sa.CheckConstraint("verdict in ('accept', 'refuse')", name=op.f("ck_door_request_verdict")),
        sa.CheckConstraint("email is not null or ended_at is not null", name=op.f("ck_door_request_email")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_door_request_member_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name=op.f("fk_door_request_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_door_request")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_door_request_token_hash")),
    )
    live = sa.text("ended_at is null")
    op.create_index(
        "uq_door_request_live",
        "door_request",
        ["kind", "email", "number"],
        unique=True,
        postgresql_where=live,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_door_request_waiting", "door_request", ["status", "proven_at"], postgresql_where=live)

    op.alter_column("outbox", "account_id", nullable=True)
    op.add_column("outbox", sa.Column("request_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_outbox_request_id"), "outbox", "door_request", ["request_id"], ["id"])
    op.create_check_constraint(op.f("ck_outbox_reader"), "outbox", "num_nonnulls(account_id, request_id) = 1")

    op.add_column("link", sa.Column("taken_up_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("link", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    # Links from before had no workflow, and nobody waits for one.
    op.execute("update link set ended_at = clock_timestamp()")
    op.create_index(
        "ix_link_renewal_open",
        "link",
        ["created_at"],
        postgresql_where=sa.text("purpose = 'renewal' and ended_at is null"),
    )

    for grant in GRANTS:
        op.execute(grant)
    op.execute(DECISION)
    op.execute(
        "create trigger not_their_own before update on door_request for each row execute function refuse_own_request()"
    )
    op.execute(ADDRESS)
    op.execute(
        "create trigger first_address_only before update on account"
        " for each row execute function refuse_other_address()"
    )
