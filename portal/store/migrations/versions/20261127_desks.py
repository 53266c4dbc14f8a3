"""What one person alone did at the desks, and two now do; and what an import, or an approval, meets on its way."""

import sqlalchemy as sa
from alembic import op

revision = "20261127_desks"
down_revision = "20261127_running"

# One person drafts; what two officers have opened is theirs, whatever the date (security-tests.md T68). The second
# signature is written by a trigger, which writes the words: nothing else writes to these tables from within one.
WORDS = """
create function refuse_words_of_one_person() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
    was jsonb := to_jsonb(old);
    is_now jsonb := to_jsonb(new);
    of_campaign uuid := case when tg_table_name = 'campaign' then was->>'id' else was->>'campaign_id' end;
begin
    if pg_trigger_depth() < 2
       and (is_now->'title_fr', is_now->'title_en', is_now->'question_fr', is_now->'question_en')
           is distinct from (was->'title_fr', was->'title_en', was->'question_fr', was->'question_en')
       and exists (select from campaign where id = of_campaign and status <> 'draft') then
        raise exception 'words of an open campaign: two officers' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# An approval is of this name at this address. An import that changed either after they were compared, or after the
# opinion of somebody who compared nothing on a page, leaves nothing to apply: the case waits again.
OLD_ROLL = """
create function of_an_old_roll(of_claim uuid) returns boolean language sql stable as $$
    select exists (
        select from opinion o join claim k on k.id = o.claim_id join submission s on s.id = o.submission_id
        join roll_change c on c.member_id = s.member_id
        where o.claim_id = of_claim and o.verdict = 'approve' and c.applied_at >= coalesce(k.compared_at, o.given_at)
        and string_to_array(c.changes, ',') && array['name', 'address']
    )
$$;
create function rests_on_an_old_roll(of_submission uuid) returns boolean language sql stable as $$
    select exists (
        select from opinion o where o.submission_id = of_submission and o.undone_at is null
        and of_an_old_roll(o.claim_id)
    )
$$;
create function take_back_old_approval(of_submission uuid) returns boolean language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    -- An import that is being applied to this person ends first; one that comes later voids what was confirmed.
    perform 1 from member m join submission s on s.member_id = m.id where s.id = of_submission for no key update of m;
    if not exists (
        select from decision where submission_id = of_submission and undone_at is null and verdict = 'approve'
    ) or not rests_on_an_old_roll(of_submission) then
        return false;
    end if;
    update decision set undone_at = clock_timestamp() where submission_id = of_submission and undone_at is null;
    update opinion set undone_at = clock_timestamp()
    where submission_id = of_submission and undone_at is null and of_an_old_roll(claim_id);
    return true;
end $$;
create function refuse_approval_on_an_old_roll() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    if new.status = 'approved' and old.status <> 'approved' and rests_on_an_old_roll(new.id) then
        raise exception 'compared with what is no longer the roll' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""
# As before; and late, where the roll has changed since.
UNDONE_IN_TIME = """
create or replace function refuse_late_undo() returns trigger language plpgsql as $$
declare
    until timestamptz := to_jsonb(old) ->> tg_argv[0];
begin
    if old.undone_at is not null or not exists (
        select from submission s where s.id = old.submission_id and s.status = 'submitted'
    ) or (now() > until and not case tg_table_name
        when 'opinion' then of_an_old_roll(old.claim_id) else rests_on_an_old_roll(old.submission_id)
    end) then
        raise exception 'too late to undo' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# Whoever can make an officer alone can be two in a day (security-tests.md T62). Whose role or access was taken within
# a day still counts: nobody becomes the only officer by taking it from the others.
OFFICERS = """
create function officer_takes_two() returns boolean language sql stable as $$
    select count(distinct id) >= 2 from (
        select account_id as id from staff_role where role = 'officer'
        union all
        select account_id from staff_act
        where kind = 'revoke' and role = 'officer' and actor_id is not null
        and at > clock_timestamp() - interval '24 hours'
    ) one
$$;
create function refuse_officer_by_one() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    if new.actor_id is null or not (new.kind = 'ask-officer' or (new.kind = 'grant' and new.role = 'officer')) then
        return new;
    end if;
    -- As the act itself: one after the other.
    perform pg_advisory_xact_lock(7204992);
    if new.kind = 'grant' and (not officer_takes_two() or exists (
        select from staff_role where account_id = new.account_id and role = 'officer'
    )) then
        return new;
    end if;
    if new_in_role(new.actor_id, array['officer']) then
        raise exception 'in this role for less than a day' using errcode = 'check_violation';
    end if;
    if new.kind = 'grant' and not exists (
        select from staff_act a
        where a.id = new.confirms and a.kind = 'ask-officer' and a.account_id = new.account_id
        and a.actor_id <> new.actor_id and a.at > clock_timestamp() - interval '24 hours'
        -- Not by two of whom one has lost the role since.
        and exists (
            select from staff_role r join account c on c.id = r.account_id
            where r.account_id = a.actor_id and r.role = 'officer' and c.staff_suspended_at is null
        )
    ) then
        raise exception 'two officers make an officer' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# As before; and one that was confirmed may be stopped, between two batches.
IMPORT = """
create or replace function guard_roll_import() returns trigger language plpgsql as $$
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
        ('proposed', 'abandoned'), ('confirmed', 'done'), ('confirmed', 'abandoned')
    ) then
        raise exception 'an import is decided once' using errcode = 'check_violation';
    end if;
    if old.status = 'confirmed' then
        -- What the worker has done is done; a person may stop it, and only what has changed nothing is abandoned.
        if current_user <> 'scrutin_worker' and session_user in ('scrutin_api', 'scrutin_worker') and (
            new.stopped_by is null or new.stopped_at is null
        ) then
            raise exception 'whoever stops an import says so' using errcode = 'check_violation';
        end if;
        if (new.status = 'abandoned') = exists (
            select from roll_change where import_id = new.id and applied_at is not null
        ) and new.stopped_by is not null then
            raise exception 'an import is abandoned that has changed nothing' using errcode = 'check_violation';
        end if;
        if new.status = 'abandoned' and new.stopped_by is null then
            raise exception 'whoever stops an import says so' using errcode = 'check_violation';
        end if;
        return new;
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

# Whoever knows a person is handed no case of theirs (security-tests.md T48).
RECUSED = """
create function refuse_recused() returns trigger language plpgsql as $$
begin
    if exists (
        select from recusal r join submission s on s.member_id = r.member_id
        where s.id = new.submission_id and r.reviewer_id = new.reviewer_id
    ) then
        raise exception 'somebody who does not know this person looks' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# Nobody is refused by one person alone; where a refusal is contested, those who refused count with who looks again.
REFUSAL_BY_TWO = """
create or replace function refuse_refusal_by_one() returns trigger language plpgsql as $$
begin
    if new.verdict = 'refuse' and (
        select count(distinct o.reviewer_id) from opinion o
        where o.verdict = 'refuse' and o.undone_at is null and o.submission_id in (
            select new.submission_id
            union all
            select r.id from submission a join submission r on r.id = a.appeal_of and r.status = 'refused'
            where a.id = new.submission_id
        )
    ) < 2 then
        raise exception 'a refusal takes two reviewers' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""


def upgrade() -> None:
    op.create_table(
        "recusal",
        sa.Column("reviewer_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["reviewer_id"], ["account.id"], name=op.f("fk_recusal_reviewer_id_account")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_recusal_member_id_member"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("reviewer_id", "member_id", name=op.f("pk_recusal")),
    )
    op.create_index(op.f("ix_recusal_member_id"), "recusal", ["member_id"])
    op.execute("grant select, insert (reviewer_id, member_id) on recusal to scrutin_api")
    op.execute("grant select on recusal to scrutin_worker")
    op.execute(RECUSED)
    op.execute("create trigger not_recused before insert on claim for each row execute function refuse_recused()")
    op.execute(WORDS)
    for table in ("campaign", "ballot"):
        op.execute(
            f"create trigger words_by_two before update on {table} for each row"
            " execute function refuse_words_of_one_person()"
        )
    op.execute(REFUSAL_BY_TWO)
    op.execute(OLD_ROLL)
    op.execute(UNDONE_IN_TIME)
    op.execute(
        "create trigger on_the_roll_of_today before update of status on submission for each row"
        " execute function refuse_approval_on_an_old_roll()"
    )
    op.execute("revoke execute on function take_back_old_approval(uuid) from public")
    op.execute("grant execute on function take_back_old_approval(uuid) to scrutin_worker")
    op.drop_constraint(op.f("ck_staff_act_kind"), "staff_act", type_="check")
    op.create_check_constraint(
        op.f("ck_staff_act_kind"),
        "staff_act",
        "kind in ('invite', 'grant', 'revoke', 'suspend', 'reinstate', 'end-sessions', 'ask-reset', 'reset',"
        " 'ask-officer')",
    )
    op.execute(OFFICERS)
    # After the one that asks for an author, before the one that does it.
    op.execute(
        "create trigger ab_two_for_an_officer before insert on staff_act for each row"
        " execute function refuse_officer_by_one()"
    )
    op.add_column("roll_import", sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("roll_import", sa.Column("stopped_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_roll_import_stopped_by"), "roll_import", "account", ["stopped_by"], ["id"])
    op.create_check_constraint(
        op.f("ck_roll_import_stopped"), "roll_import", "(stopped_at is null) = (stopped_by is null)"
    )
    op.execute("grant update (stopped_at, stopped_by, finished_at) on roll_import to scrutin_api")
    op.execute(IMPORT)
