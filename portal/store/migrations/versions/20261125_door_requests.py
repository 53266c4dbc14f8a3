"""The doors beside the entrance: their requests, mails to people without an account, and what a renewal remembers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261125_door_requests"
down_revision = "20261125_sessions_and_language"

GRANTS = (
    "grant select on door_request to scrutin_api, scrutin_worker",
    # Pages: the form, its proof, and the decision of the desk.
    "grant insert (id, kind, language, email, number, said, member_id, token_hash) on door_request to scrutin_api",
    "grant update (said, language, member_id, status, proven_at, decided_at, decided_by, verdict, reason, note_fr,"
    " note_en, compared_id, roll_number, roll_group) on door_request to scrutin_api",
    # The worker: what an accepted request brings about, and no more of the roll than that.
    "grant update on door_request to scrutin_worker",
    "grant update (email) on account to scrutin_worker",
    "grant update (standing) on member to scrutin_worker",
    'grant insert (id, number, given_name, family_name, street, city, province, postal_code, "group", standing,'
    " language) on member to scrutin_worker",
    "grant insert (id, member_id) on account to scrutin_worker",
)

# Whatever a program forgets: nobody decides on their own request, pages decide once and take it as it was proven.
DECISION = """
create function guard_door_request() returns trigger language plpgsql as $$
begin
    if new.decided_by is not null and exists (
        select from account a left join member m on m.id = a.member_id
        where a.id = new.decided_by
        and (a.member_id in (new.member_id, new.compared_id) or a.email = new.email or m.number = new.number)
    ) then
        raise exception 'nobody acts on their own file' using errcode = 'check_violation';
    end if;
    if current_user <> 'scrutin_api' then
        return new;
    end if;
    if tg_op = 'INSERT' then
        if new.status <> 'asked' or new.verdict is not null then
            raise exception 'a request begins undecided' using errcode = 'check_violation';
        end if;
    elsif old.verdict is not null then
        raise exception 'a request is decided once' using errcode = 'check_violation';
    elsif old.status <> 'asked' and (old.said, old.language, old.member_id)
        is distinct from (new.said, new.language, new.member_id) then
        raise exception 'a form stays as it was proven' using errcode = 'check_violation';
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
        sa.Column("compared_id", sa.Uuid(), nullable=True),
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
        sa.ForeignKeyConstraint(["compared_id"], ["member.id"], name=op.f("fk_door_request_compared_id")),
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
        "create trigger guarded before insert or update on door_request"
        " for each row execute function guard_door_request()"
    )
    op.execute(ADDRESS)
    op.execute(
        "create trigger first_address_only before update on account"
        " for each row execute function refuse_other_address()"
    )
