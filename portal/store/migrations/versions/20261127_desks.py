"""What one person alone did at the desks, and two now do; and what an import, or an approval, meets on its way."""

from alembic import op

revision = "20261127_desks"
down_revision = "20261127_votes"

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


def upgrade() -> None:
    op.execute(WORDS)
    for table in ("campaign", "ballot"):
        op.execute(
            f"create trigger words_by_two before update on {table} for each row"
            " execute function refuse_words_of_one_person()"
        )
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
