"""The roll is imported: staged, looked at, confirmed and applied; nothing else changes it."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_roll_import"
down_revision = "20261126_desk"

GRANTS = (
    "grant select on roll_import, roll_line, roll_problem, roll_change to scrutin_api, scrutin_worker",
    # Pages: what was uploaded, what is wrong with it, and what somebody confirms; never the roll.
    "grant insert (id, status, live, uploaded_by, lines, wrong) on roll_import to scrutin_api",
    "grant update (status, live, proposed_by, proposed_at, confirmed_by, confirmed_at, planned)"
    " on roll_import to scrutin_api",
    "grant insert on roll_line, roll_problem, roll_change to scrutin_api",
    "grant delete on roll_line to scrutin_api",
    "grant update (language_chosen_at) on member to scrutin_api",
    # The worker: what was confirmed, column by column; the guard below holds it to the plan.
    "grant update (status, live, applied, finished_at) on roll_import to scrutin_worker",
    "grant update (applied_at, told_at, overtaken) on roll_change to scrutin_worker",
    "grant delete on roll_line, roll_problem to scrutin_worker",
    'grant update (given_name, family_name, street, city, province, postal_code, "group", language, left_at)'
    " on member to scrutin_worker",
)

# Two persons where an electorate changes after voting opened, somebody else where it changes the entry of whoever
# confirms, each import decided once (security.md T62, T67).
IMPORT = """
create function guard_roll_import() returns trigger language plpgsql as $$
declare
    gone bigint;
    present bigint;
    two boolean;
begin
    if tg_op = 'INSERT' then
        if new.status not in ('draft', 'faulty') then
            raise exception 'an import begins as a draft' using errcode = 'check_violation';
        end if;
        return new;
    end if;
    if old.proposed_by is not null and new.proposed_by is distinct from old.proposed_by then
        raise exception 'a proposal stays whose it is' using errcode = 'check_violation';
    end if;
    if new.status = old.status then
        return new;
    end if;
    if (old.status, new.status) not in (
        ('draft', 'proposed'), ('draft', 'confirmed'), ('draft', 'abandoned'), ('proposed', 'confirmed'),
        ('proposed', 'abandoned'), ('confirmed', 'done')
    ) then
        raise exception 'an import is decided once' using errcode = 'check_violation';
    end if;
    -- Neither of two persons is somebody whom the other has just given a role (security.md T62).
    if new.status = 'proposed' and new_in_role(new.proposed_by, array['operator', 'officer']) then
        raise exception 'in this role for less than a day' using errcode = 'check_violation';
    end if;
    if new.status = 'confirmed' then
        if current_user = 'scrutin_worker' or new.confirmed_by is null then
            raise exception 'a person confirms an import' using errcode = 'check_violation';
        end if;
        -- The hour before as well: what is confirmed then is applied while people vote.
        two := exists (
            select from campaign
            where opens <= clock_timestamp() + interval '1 hour' and closes > clock_timestamp() and not rehearsal
        ) and exists (select from roll_change where import_id = new.id and electorate);
        if two and (new.proposed_by is null or new.proposed_by = new.confirmed_by) then
            raise exception 'two persons change an electorate' using errcode = 'check_violation';
        end if;
        select count(*) into gone from roll_change where import_id = new.id and kind = 'gone';
        select count(*) into present from member where left_at is null and rehearsal_id is null;
        two := two or (gone > 20 and gone > present * 0.1);
        if gone > 20 and gone > present * 0.1
           and (new.proposed_by is null or new.proposed_by = new.confirmed_by) then
            raise exception 'two persons take a tenth of the roll off it' using errcode = 'check_violation';
        end if;
        if (two or new.proposed_by is not null) and new_in_role(new.confirmed_by, array['operator', 'officer']) then
            raise exception 'in this role for less than a day' using errcode = 'check_violation';
        end if;
        if exists (
            select from roll_change c join account a on a.member_id = c.member_id
            where c.import_id = new.id and a.id = new.confirmed_by and c.kind <> 'same'
        ) then
            raise exception 'nobody confirms what changes their own entry' using errcode = 'check_violation';
        end if;
    end if;
    return new;
end $$
"""

# What was looked at is what is applied.
STAGED = """
create function guard_roll_staging() returns trigger language plpgsql as $$
begin
    if exists (
        select from (select distinct import_id from added) a join roll_import i on i.id = a.import_id
        where not (i.status = 'draft' or (tg_table_name = 'roll_change' and i.status = 'proposed')
                   or (tg_table_name = 'roll_problem' and i.status = 'faulty'))
    ) then
        raise exception 'an import is written down while it is a draft' using errcode = 'check_violation';
    end if;
    return null;
end $$
"""

# The worker may write to these columns, and only what an import under way plans for this very person.
ROLL = """
create function guard_roll() returns trigger language plpgsql as $$
begin
    if current_user = 'scrutin_worker' and (
        new.given_name, new.family_name, new.street, new.city, new.province, new.postal_code, new."group",
        new.language, new.left_at
    ) is distinct from (
        old.given_name, old.family_name, old.street, old.city, old.province, old.postal_code, old."group",
        old.language, old.left_at
    ) and not exists (
        select from roll_change c join roll_import i on i.id = c.import_id
        where c.member_id = new.id and c.applied_at is null and i.status = 'confirmed'
    ) then
        raise exception 'the roll changes by an import that was confirmed' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# The worker may give an account its first address, or one more while nobody has proven the first nor chosen a
# password; never replace one that its owner uses (security.md T18).
ADDRESS = """
create or replace function refuse_other_address() returns trigger language plpgsql as $$
begin
    if current_user = 'scrutin_worker' and old.email is not null and new.email is distinct from old.email
       and (new.email is null or old.email_verified_at is not null or old.password_hash is not null) then
        raise exception 'an address on file is not replaced' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""


def upgrade() -> None:
    op.add_column("member", sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("member", sa.Column("language_chosen_at", sa.DateTime(timezone=True), nullable=True))
    # Whoever chose before this was remembered left a line in the journal.
    op.execute(
        "update member m set language_chosen_at = j.at"
        " from (select member_id, max(at) as at from journal where action = 'language-chosen' group by 1) j"
        " where j.member_id = m.id"
    )
    op.create_table(
        "roll_import",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=True),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("wrong", sa.Integer(), nullable=False),
        sa.Column(
            "uploaded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("uploaded_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("planned", sa.Integer(), server_default="0", nullable=False),
        sa.Column("applied", sa.Integer(), server_default="0", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "status in ('faulty', 'draft', 'proposed', 'confirmed', 'done', 'abandoned')",
            name=op.f("ck_roll_import_status"),
        ),
        sa.CheckConstraint(
            "(live is true) = (status in ('draft', 'proposed', 'confirmed')) and live is not false",
            name=op.f("ck_roll_import_live"),
        ),
        sa.ForeignKeyConstraint(["uploaded_by"], ["account.id"], name=op.f("fk_roll_import_uploaded_by")),
        sa.ForeignKeyConstraint(["proposed_by"], ["account.id"], name=op.f("fk_roll_import_proposed_by")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["account.id"], name=op.f("fk_roll_import_confirmed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roll_import")),
        sa.UniqueConstraint("live", name=op.f("uq_roll_import_live")),
    )
    op.create_table(
        "roll_line",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("given_name", sa.String(), nullable=False),
        sa.Column("family_name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("street", sa.String(), nullable=False),
        sa.Column("city", sa.String(), nullable=False),
        sa.Column("province", sa.String(), nullable=False),
        sa.Column("postal_code", sa.String(), nullable=False),
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["roll_import.id"], name=op.f("fk_roll_line_import_id")),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_roll_line")),
        sa.UniqueConstraint("import_id", "number", name=op.f("uq_roll_line_import_id_number")),
    )
    op.create_table(
        "roll_problem",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.Column("column", sa.String(), nullable=False),
        sa.Column("other", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["import_id"], ["roll_import.id"], name=op.f("fk_roll_problem_import_id")),
        sa.PrimaryKeyConstraint("import_id", "position", name=op.f("pk_roll_problem")),
    )
    op.create_table(
        "roll_change",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("changes", sa.String(), nullable=False),
        sa.Column("doubts", sa.String(), nullable=False),
        sa.Column("electorate", sa.Boolean(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overtaken", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint("kind in ('new', 'changed', 'gone', 'back', 'same')", name=op.f("ck_roll_change_kind")),
        sa.ForeignKeyConstraint(["import_id"], ["roll_import.id"], name=op.f("fk_roll_change_import_id")),
        sa.PrimaryKeyConstraint("import_id", "position", name=op.f("pk_roll_change")),
    )
    op.create_index(op.f("ix_roll_change_member_id"), "roll_change", ["member_id"], unique=False)
    for grant in GRANTS:
        op.execute(grant)
    op.execute(IMPORT)
    op.execute(
        "create trigger guarded before insert or update on roll_import"
        " for each row execute function guard_roll_import()"
    )
    op.execute(STAGED)
    for table in ("roll_line", "roll_problem", "roll_change"):
        op.execute(
            f"create trigger while_a_draft after insert on {table} referencing new table as added"
            " for each statement execute function guard_roll_staging()"
        )
    op.execute(ROLL)
    op.execute("create trigger by_an_import before update on member for each row execute function guard_roll()")
    op.execute(ADDRESS)
