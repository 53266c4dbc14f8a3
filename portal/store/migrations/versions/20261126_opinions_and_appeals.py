"""Opinions of reviewers, of which decisions are made; decisions that may be undone; refusals; appeals."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_opinions_and_appeals"
down_revision = "20261125_mails_of_requests"

GRANTS = (
    "grant select on opinion, opinion_note to scrutin_api, scrutin_worker",
    "grant insert on opinion, opinion_note to scrutin_api",
    # Taken back, and nothing else of it.
    "grant update (undone_at) on opinion, decision to scrutin_api",
    "grant update (fr, en) on decision_note to scrutin_api",
    "grant delete on opinion_note to scrutin_worker",
)

# Somebody else looks: at the same case again, and at what is contested (security.md T48, T62).
SECOND_PERSON = """
create function refuse_same_reviewer() returns trigger language plpgsql as $$
begin
    if exists (
        select from opinion o join submission s on s.id = new.submission_id
        where o.reviewer_id = new.reviewer_id and o.undone_at is null
        and o.submission_id in (new.submission_id, s.appeal_of)
    ) then
        raise exception 'somebody else looks a second time' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# An opinion is of whoever had the case open.
UNDER_CLAIM = """
create function refuse_opinion_without_claim() returns trigger language plpgsql as $$
begin
    if not exists (
        select from claim c
        where (c.id, c.submission_id, c.reviewer_id) = (new.claim_id, new.submission_id, new.reviewer_id)
    ) then
        raise exception 'an opinion needs a claim' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# Nobody is refused by one person alone, whatever a program believes.
REFUSAL_BY_TWO = """
create function refuse_refusal_by_one() returns trigger language plpgsql as $$
begin
    if new.verdict = 'refuse' and (
        select count(distinct o.reviewer_id) from opinion o
        where o.submission_id = new.submission_id and o.verdict = 'refuse' and o.undone_at is null
    ) < 2 then
        raise exception 'a refusal takes two reviewers' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# What was given is taken back once, in time, and never rewritten.
UNDONE_IN_TIME = """
create function refuse_late_undo() returns trigger language plpgsql as $$
declare
    until timestamptz := to_jsonb(old) ->> tg_argv[0];
begin
    if old.undone_at is not null or now() > until or not exists (
        select from submission s where s.id = old.submission_id and s.status = 'submitted'
    ) then
        raise exception 'too late to undo' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# A note is replaced only after its decision was undone.
NOTE = """
create function refuse_rewritten_note() returns trigger language plpgsql as $$
begin
    if exists (select from decision d where d.submission_id = old.submission_id and d.undone_at is null) then
        raise exception 'the note of a decision stays' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# An appeal is of the same member, in the same campaign, and of something that was decided.
APPEAL = """
create function refuse_other_appeal() returns trigger language plpgsql as $$
begin
    if new.appeal_of is not null and not exists (
        select from submission s
        where s.id = new.appeal_of and s.status in ('rejected', 'refused') and s.appeal_of is null
        and (s.member_id, s.campaign_id) = (new.member_id, new.campaign_id)
    ) then
        raise exception 'nothing to appeal' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

STATUSES = "'staged', 'submitted', 'approved', 'rejected', 'refused', 'replaced', 'withdrawn', 'expired', 'abandoned'"
STEPS = "'email', 'identity', 'registration', 'review', 'refused', 'done', 'ended'"


def upgrade() -> None:
    op.create_table(
        "opinion",
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("submission_id", sa.Uuid(), nullable=False),
        sa.Column("reviewer_id", sa.Uuid(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("second_look", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("undo_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("verdict in ('approve', 'reject', 'refuse')", name=op.f("ck_opinion_verdict")),
        sa.CheckConstraint("(verdict <> 'approve') = (reason is not null)", name=op.f("ck_opinion_reason")),
        sa.ForeignKeyConstraint(["claim_id"], ["claim.id"], name=op.f("fk_opinion_claim_id_claim")),
        sa.ForeignKeyConstraint(["reviewer_id"], ["account.id"], name=op.f("fk_opinion_reviewer_id_account")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_opinion_submission_id_submission")),
        sa.PrimaryKeyConstraint("claim_id", name=op.f("pk_opinion")),
    )
    op.create_index(
        "uq_opinion_standing", "opinion", ["submission_id", "reviewer_id"], unique=True,
        postgresql_where=sa.text("undone_at is null"),
    )  # fmt: skip
    op.create_index(op.f("ix_opinion_given_at"), "opinion", ["given_at"])
    op.create_table(
        "opinion_note",
        sa.Column("claim_id", sa.Uuid(), nullable=False),
        sa.Column("fr", sa.String(), nullable=False),
        sa.Column("en", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["claim_id"], ["opinion.claim_id"], name=op.f("fk_opinion_note_claim_id_opinion")),
        sa.PrimaryKeyConstraint("claim_id", name=op.f("pk_opinion_note")),
    )
    _decisions()
    _submissions()
    # What was decided so far was one person's opinion.
    op.execute(
        "insert into opinion (claim_id, submission_id, reviewer_id, verdict, reason, given_at, undo_until)"
        " select claim_id, submission_id, reviewer_id, verdict, reason, decided_at, decided_at from decision"
    )
    for grant in GRANTS:
        op.execute(grant)
    _guards()


def _decisions() -> None:
    op.add_column("decision", sa.Column("effective_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("update decision set effective_at = decided_at")
    op.alter_column("decision", "effective_at", nullable=False, server_default=sa.text("clock_timestamp()"))
    op.add_column("decision", sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f("pk_decision"), "decision")
    op.drop_constraint(op.f("uq_decision_claim_id"), "decision")
    op.create_primary_key(op.f("pk_decision"), "decision", ["claim_id"])
    op.create_index(
        "uq_decision_standing", "decision", ["submission_id"], unique=True,
        postgresql_where=sa.text("undone_at is null"),
    )  # fmt: skip
    _check("decision", "verdict", "verdict in ('approve', 'reject', 'refuse')")
    _check("decision", "reason", "(verdict <> 'approve') = (reason is not null)")


def _submissions() -> None:
    op.add_column("submission", sa.Column("appeal_of", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_submission_appeal_of_submission"), "submission", "submission", ["appeal_of"], ["id"])
    op.create_index(
        "uq_submission_appeal", "submission", ["appeal_of"], unique=True,
        postgresql_where=sa.text("status in ('submitted', 'approved', 'rejected', 'refused')"),
    )  # fmt: skip
    _check("submission", "status", f"status in ({STATUSES})")
    _check("onboarding", "step", f"step in ({STEPS})")


def _check(table: str, name: str, condition: str) -> None:
    """The same rule, a little wider than before."""
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def _guards() -> None:
    for function in (SECOND_PERSON, UNDER_CLAIM, REFUSAL_BY_TWO, UNDONE_IN_TIME, NOTE, APPEAL):
        op.execute(function)
    for name, when, table, function in (
        ("not_their_own", "before insert", "opinion", "refuse_own_file()"),
        ("second_person", "before insert", "claim", "refuse_same_reviewer()"),
        ("second_person", "before insert", "opinion", "refuse_same_reviewer()"),
        ("under_claim", "before insert", "opinion", "refuse_opinion_without_claim()"),
        ("refusal_by_two", "before insert", "decision", "refuse_refusal_by_one()"),
        ("undone_in_time", "before update of undone_at", "opinion", "refuse_late_undo('undo_until')"),
        ("undone_in_time", "before update of undone_at", "decision", "refuse_late_undo('effective_at')"),
        ("note_stays", "before update", "decision_note", "refuse_rewritten_note()"),
        ("appeal_of_own", "before insert or update of appeal_of", "submission", "refuse_other_appeal()"),
    ):
        op.execute(f"create trigger {name} {when} on {table} for each row execute function {function}")
