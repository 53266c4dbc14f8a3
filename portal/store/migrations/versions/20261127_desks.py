"""What one person alone did at the desks, and two now do; and what an import, or an approval, meets on its way."""

from alembic import op

revision = "20261127_desks"
down_revision = "20261127_votes"

# One person drafts; what two officers have opened is theirs, whatever the date (security.md T68). The second
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


def upgrade() -> None:
    op.execute(WORDS)
    for table in ("campaign", "ballot"):
        op.execute(
            f"create trigger words_by_two before update on {table} for each row"
            " execute function refuse_words_of_one_person()"
        )
