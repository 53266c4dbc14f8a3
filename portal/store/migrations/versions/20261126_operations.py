"""Votes on paper, and what lets operators look: indexes, and a guard against acting on one's own file."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_operations"
down_revision = "20261126_campaigns"

GRANTS = (
    "grant select on paper_voter to scrutin_api, scrutin_worker",
    "grant insert (id, campaign_id, member_id, reason, by_id) on paper_voter to scrutin_api",
    "grant update (withdrawn_by) on paper_voter to scrutin_api",
)

# Marked once, taken back at most once and before the opening only, by nobody for themselves, after the end by nobody.
PAPER = """
create function guard_paper_voter() returns trigger language plpgsql as $$
begin
    if exists (
        select from account a where a.id in (new.by_id, new.withdrawn_by) and a.member_id = new.member_id
    ) then
        raise exception 'nobody acts on their own file' using errcode = 'check_violation';
    end if;
    if tg_op = 'INSERT' then
        if new.withdrawn_by is not null or new.withdrawn_at is not null then
            raise exception 'a vote on paper begins marked' using errcode = 'check_violation';
        end if;
        if (select c.closes <= clock_timestamp() from campaign c where c.id = new.campaign_id) then
            raise exception 'the vote is over' using errcode = 'check_violation';
        end if;
        return new;
    end if;
    if (old.id, old.campaign_id, old.member_id, old.reason, old.by_id, old.at)
        is distinct from (new.id, new.campaign_id, new.member_id, new.reason, new.by_id, new.at)
        or old.withdrawn_by is not null or new.withdrawn_by is null then
        raise exception 'a vote on paper is only taken back, once' using errcode = 'check_violation';
    end if;
    if (select c.opens <= clock_timestamp() from campaign c where c.id = new.campaign_id) then
        raise exception 'the vote has opened' using errcode = 'check_violation';
    end if;
    new.withdrawn_at := clock_timestamp();
    return new;
end $$
"""

# Whatever a program forgets: what an operator does for somebody is written down first, and never for themselves.
OWN_FILE = """
create function refuse_own_act() returns trigger language plpgsql as $$
begin
    if exists (select from account a where a.id = new.actor_id and a.member_id = new.member_id) then
        raise exception 'nobody acts on their own file' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""


def upgrade() -> None:
    op.create_table(
        "paper_voter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "reason in ('asked', 'no-email', 'no-device', 'accessibility', 'locked-out')",
            name=op.f("ck_paper_voter_reason"),
        ),
        sa.CheckConstraint("(withdrawn_by is null) = (withdrawn_at is null)", name=op.f("ck_paper_voter_withdrawn")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_paper_voter_campaign_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_paper_voter_member_id")),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_paper_voter_by_id")),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["account.id"], name=op.f("fk_paper_voter_withdrawn_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_voter")),
    )
    op.create_index(
        "uq_paper_voter_stands",
        "paper_voter",
        ["campaign_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at is null"),
    )
    op.create_index(op.f("ix_paper_voter_member_id"), "paper_voter", ["member_id"])
    # What the desk asks of two long tables, of a few rows each.
    op.create_index("ix_outbox_failed", "outbox", ["failed_at"], postgresql_where=sa.text("failed_at is not null"))
    op.create_index(
        "ix_journal_doors",
        "journal",
        ["action", "at"],
        postgresql_where=sa.text("action in ('sign-in-refused', 'number-path-closed')"),
    )
    for grant in GRANTS:
        op.execute(grant)
    op.execute(PAPER)
    op.execute(
        "create trigger guarded before insert or update on paper_voter"
        " for each row execute function guard_paper_voter()"
    )
    op.execute(OWN_FILE)
    op.execute(
        "create trigger not_their_own before insert on journal for each row"
        " when (new.actor = 'operator' and new.member_id is not null) execute function refuse_own_act()"
    )
