"""The review desk: leases given back and prolonged once, comparisons, the number of a try, and the order of the queue."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261126_desk"
down_revision = "20261126_opinions_and_appeals"

GRANTS = (
    # The end of a lease is written by its guard alone: a page says that it is given back, prolonged or compared.
    "grant update (returned_at, extended_at, compared_at, differs, roll_shown_at) on claim to scrutin_api",
    "grant update (returned_at) on claim to scrutin_worker",
)

# The database's clock says when; a lease is prolonged once, by as much as it was given for, and given back once.
LEASE = """
create function guard_lease() returns trigger language plpgsql as $$
begin
    if (old.returned_at is not null and new.returned_at is distinct from old.returned_at)
       or (old.extended_at is not null and new.extended_at is distinct from old.extended_at)
       or (old.compared_at is not null and new.compared_at is null)
       or (old.roll_shown_at is not null and new.roll_shown_at is distinct from old.roll_shown_at) then
        raise exception 'what happened to a lease stays' using errcode = 'check_violation';
    end if;
    if new.extended_at is not null and old.extended_at is null then
        if old.expires_at <= clock_timestamp() then
            raise exception 'a lease that is over is not prolonged' using errcode = 'check_violation';
        end if;
        new.extended_at := clock_timestamp();
        new.expires_at := new.extended_at + (old.expires_at - old.claimed_at);
    end if;
    if new.returned_at is not null and old.returned_at is null then
        new.returned_at := clock_timestamp();
        new.expires_at := least(new.expires_at, new.returned_at);
    end if;
    return new;
end $$
"""

# Those who were asked for a better photo have less time left to try again: the queue knows them.
ATTEMPT = """
create function number_attempt() returns trigger language plpgsql as $$
begin
    new.attempt := 1 + (
        select count(*) from submission s
        where s.member_id = new.member_id and s.campaign_id = new.campaign_id and s.status in ('rejected', 'refused')
    );
    return new;
end $$
"""


def upgrade() -> None:
    for name in ("returned_at", "extended_at", "compared_at", "roll_shown_at"):
        op.add_column("claim", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("claim", sa.Column("differs", postgresql.ARRAY(sa.String()), nullable=True))
    op.add_column("submission", sa.Column("attempt", sa.Integer(), server_default="1", nullable=False))
    op.create_index(
        "ix_submission_waiting", "submission", ["submitted_at"], postgresql_where=sa.text("status = 'submitted'")
    )
    # The leases that run, the decisions of today.
    op.create_index(op.f("ix_claim_expires_at"), "claim", ["expires_at"])
    op.create_index(op.f("ix_decision_decided_at"), "decision", ["decided_at"])
    op.create_index(
        "ix_journal_many_cases", "journal", ["at"], postgresql_where=sa.text("action = 'many-cases-opened'")
    )
    op.execute(LEASE)
    op.execute("create trigger lease before update on claim for each row execute function guard_lease()")
    op.execute(ATTEMPT)
    op.execute(
        "create trigger attempt_on_entry before insert on submission for each row"
        " when (new.status = 'submitted') execute function number_attempt()"
    )
    op.execute(
        "create trigger attempt_numbered before update of status on submission for each row"
        " when (new.status = 'submitted' and old.status <> 'submitted') execute function number_attempt()"
    )
    for grant in GRANTS:
        op.execute(grant)
