"""Campaigns are drafted, opened, moved and cancelled: by two officers, by the records themselves."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261126_campaigns"
down_revision = "20261126_roll_import"

GRANTS = (
    "grant select on candidate, campaign_change to scrutin_api, scrutin_worker",
    "grant insert (id, campaign_id, kind, wanted, reason, proposed_by) on campaign_change to scrutin_api",
    "grant update (confirmed_by, withdrawn_by, manifest, manifest_lines) on campaign_change to scrutin_api",
    # The version that a campaign's own workflow has taken up; nothing else of a campaign is a process's to write.
    "grant update (heard_version) on campaign to scrutin_worker",
)

# What was announced stays announced; a draft was not.
CLOSING = """
create or replace function refuse_earlier_closing() returns trigger language plpgsql as $$
begin
    if old.status <> 'draft' and new.closes < old.closes then
        raise exception 'a closing may only move later' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# Everything a proposal was made about, in one word: should any of it change, the proposal no longer fits.
FINGERPRINT = """
create function campaign_fingerprint(of_campaign uuid) returns text language sql stable as $$
    select encode(sha256(convert_to(concat_ws('|',
        (select jsonb_build_array(c.code, c.title_fr, c.title_en, c.time_zone, c.registration_opens, c.opens, c.closes,
            c.ends, c.calendar_version, c.password_cutoff, c.status, c.rehearsal)
            from campaign c where c.id = of_campaign),
        (select string_agg(jsonb_build_array(b.code, b.position, b.kind, b.title_fr, b.title_en, b.question_fr,
            b.question_en, b.groups, b.members_only, b.choose)::text, '|' order by b.position, b.code)
            from ballot b where b.campaign_id = of_campaign),
        (select string_agg(jsonb_build_array(b.code, d.position, d.name, d.text_fr, d.text_en, d.member_id)::text, '|'
            order by b.position, b.code, d.position)
            from candidate d join ballot b on b.id = d.ballot_id where b.campaign_id = of_campaign)
    ), 'UTF8')), 'hex')
$$
"""

# The questions of a campaign may not change under those who answer them, whoever asks.
FROZEN = """
create function refuse_change_of_questions() returns trigger language plpgsql as $$
declare
    of_ballot uuid;
begin
    if tg_table_name = 'ballot' then
        of_ballot := old.id;
    elsif tg_op = 'INSERT' then
        of_ballot := new.ballot_id;
    else
        of_ballot := old.ballot_id;
    end if;
    if exists (
        select from ballot b join campaign c on c.id = b.campaign_id
        where b.id = of_ballot and c.status <> 'draft' and not c.rehearsal and c.opens <= clock_timestamp()
    ) then
        raise exception 'questions stay as they are once voting is open' using errcode = 'check_violation';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end $$
"""

# Officers run votes and keep their own; nobody runs the vote they stand in (security.md T70).
STANDS = """
create function stands_in(of_account uuid, of_campaign uuid) returns boolean language sql stable as $$
    select exists (
        select from candidate d join ballot b on b.id = d.ballot_id join account a on a.member_id = d.member_id
        join campaign c on c.id = b.campaign_id
        where a.id = of_account and (of_campaign is null or c.id = of_campaign)
        and c.status <> 'cancelled' and c.ends > clock_timestamp()
    )
$$
"""
OFFICER = """
create function refuse_candidate_as_officer() returns trigger language plpgsql as $$
begin
    if new.role = 'officer' and stands_in(new.account_id, null) then
        raise exception 'a candidate runs no vote' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""
CANDIDATE = """
create function refuse_officer_as_candidate() returns trigger language plpgsql as $$
begin
    if exists (
        select from staff_role r join account a on a.id = r.account_id
        where r.role = 'officer' and a.member_id = new.member_id
    ) then
        raise exception 'a candidate runs no vote' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# One officer proposes, another confirms, and only that changes a campaign: no process may write to it.
CHANGE = """
create function must_run_votes(of_account uuid, of_campaign uuid) returns void language plpgsql as $$
begin
    if not exists (
        select from staff_role r join account a on a.id = r.account_id
        where a.id = of_account and r.role = 'officer' and a.staff_suspended_at is null
    ) then
        raise exception 'only officers run votes' using errcode = 'check_violation';
    end if;
    if stands_in(of_account, of_campaign) then
        raise exception 'a candidate runs no vote' using errcode = 'check_violation';
    end if;
end $$;

create function must_sign(of_account uuid, of_campaign uuid) returns void language plpgsql as $$
begin
    perform must_run_votes(of_account, of_campaign);
    -- Neither of the two is somebody whom the other has just made an officer.
    if new_in_role(of_account, array['officer']) then
        raise exception 'in this role for less than a day' using errcode = 'check_violation';
    end if;
end $$;

create function guard_proposal() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    perform must_sign(new.proposed_by, new.campaign_id);
    new.proposed_at := clock_timestamp();
    new.expires_at := new.proposed_at + interval '7 days';
    new.fits := campaign_fingerprint(new.campaign_id);
    return new;
end $$;

create function apply_change() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
    c campaign;
    w jsonb := new.wanted;
begin
    if old.confirmed_at is not null or old.withdrawn_at is not null then
        raise exception 'a proposal is answered once' using errcode = 'check_violation';
    end if;
    if (new.id, new.campaign_id, new.kind, new.wanted, new.reason, new.fits, new.proposed_by, new.proposed_at)
        is distinct from
        (old.id, old.campaign_id, old.kind, old.wanted, old.reason, old.fits, old.proposed_by, old.proposed_at) then
        raise exception 'a proposal stays as it was made' using errcode = 'check_violation';
    end if;
    if new.withdrawn_by is not null then
        perform must_run_votes(new.withdrawn_by, new.campaign_id);
        new.withdrawn_at := clock_timestamp();
        return new;
    end if;
    if new.confirmed_by is null then
        return new;
    end if;
    perform must_run_votes(new.proposed_by, new.campaign_id);
    perform must_sign(new.confirmed_by, new.campaign_id);
    if new.confirmed_by = new.proposed_by or exists (
        select from account one join account other on other.member_id = one.member_id
        where one.id = new.proposed_by and other.id = new.confirmed_by
    ) then
        raise exception 'another officer confirms' using errcode = 'check_violation';
    end if;
    if new.expires_at <= clock_timestamp() then
        raise exception 'a proposal holds for seven days' using errcode = 'check_violation';
    end if;
    select * into strict c from campaign where id = new.campaign_id for update;
    if new.fits is distinct from campaign_fingerprint(c.id) then
        raise exception 'a proposal that no longer fits' using errcode = 'check_violation';
    end if;
    new.confirmed_at := clock_timestamp();
    if c.ends <= new.confirmed_at or (c.status = 'draft') <> (new.kind = 'open') or c.status = 'cancelled' then
        raise exception 'not a change of this campaign' using errcode = 'check_violation';
    end if;
    case new.kind
    when 'open' then
        if new.manifest is null or c.opens <= new.confirmed_at
            or not exists (select from ballot where campaign_id = c.id) then
            raise exception 'a campaign that is not ready' using errcode = 'check_violation';
        end if;
        update campaign set status = 'open', opened_at = new.confirmed_at where id = c.id;
    when 'move' then
        if (w ? 'registration_opens' and c.registration_opens <= new.confirmed_at)
            or (w ? 'opens' and (c.opens <= new.confirmed_at
                or (w->>'opens')::timestamptz <= new.confirmed_at))
            or (w ? 'closes' and c.closes <= new.confirmed_at)
            or (w->>'ends')::timestamptz <= new.confirmed_at then
            raise exception 'what has happened is not moved' using errcode = 'check_violation';
        end if;
        update campaign set
            registration_opens = coalesce((w->>'registration_opens')::timestamptz, registration_opens),
            opens = coalesce((w->>'opens')::timestamptz, opens),
            closes = coalesce((w->>'closes')::timestamptz, closes),
            ends = coalesce((w->>'ends')::timestamptz, ends),
            calendar_version = calendar_version + 1
        where id = c.id;
    when 'cancel' then
        update campaign set status = 'cancelled', cancelled_at = new.confirmed_at,
            calendar_version = calendar_version + 1
        where id = c.id;
    when 'words' then
        update ballot set title_fr = coalesce(w->>'title_fr', title_fr), title_en = coalesce(w->>'title_en', title_en),
            question_fr = coalesce(w->>'question_fr', question_fr),
            question_en = coalesce(w->>'question_en', question_en)
        where campaign_id = c.id and id = (w->>'ballot')::uuid;
        if not found then
            raise exception 'no such ballot' using errcode = 'check_violation';
        end if;
    end case;
    return new;
end $$
"""

# One person drafts, and before registration opens mends the words: nobody has read them.
DRAFT = """
create function draft_campaign(given jsonb) returns void language plpgsql security definer
set search_path = public, pg_temp
as $$
declare
    n campaign := jsonb_populate_record(null::campaign, given);
    c campaign;
begin
    select * into c from campaign where id = n.id for update;
    if c.id is null then
        insert into campaign (id, code, title_fr, title_en, time_zone, registration_opens, opens, closes, ends,
                              password_cutoff, status, rehearsal, rehearsal_to)
        values (n.id, n.code, n.title_fr, n.title_en, n.time_zone, n.registration_opens, n.opens, n.closes, n.ends,
                n.password_cutoff, 'draft', coalesce(n.rehearsal, false), n.rehearsal_to);
    elsif c.status = 'draft' then
        update campaign set title_fr = n.title_fr, title_en = n.title_en, time_zone = n.time_zone,
            registration_opens = n.registration_opens, opens = n.opens, closes = n.closes, ends = n.ends,
            password_cutoff = n.password_cutoff, rehearsal_to = n.rehearsal_to
        where id = c.id;
    elsif c.status = 'open' and c.registration_opens > clock_timestamp() then
        update campaign set title_fr = n.title_fr, title_en = n.title_en where id = c.id;
    else
        raise exception 'registration is open: two officers' using errcode = 'check_violation';
    end if;
end $$;

create function draft_ballot(given jsonb, stand jsonb) returns void language plpgsql security definer
set search_path = public, pg_temp as $$
declare
    n ballot := jsonb_populate_record(null::ballot, given);
    c campaign;
begin
    select * into strict c from campaign where id = n.campaign_id for update;
    if exists (select from ballot where id = n.id and campaign_id <> c.id) then
        raise exception 'a ballot stays in its campaign' using errcode = 'check_violation';
    end if;
    if c.status = 'draft' then
        insert into ballot (id, campaign_id, code, position, kind, title_fr, title_en, question_fr, question_en,
                            groups, members_only, choose)
        values (n.id, n.campaign_id, n.code, n.position, n.kind, n.title_fr, n.title_en, n.question_fr, n.question_en,
                n.groups, n.members_only, n.choose)
        on conflict (id) do update set code = n.code, position = n.position, kind = n.kind, title_fr = n.title_fr,
            title_en = n.title_en, question_fr = n.question_fr, question_en = n.question_en, groups = n.groups,
            members_only = n.members_only, choose = n.choose;
        delete from candidate where ballot_id = n.id;
        insert into candidate (id, ballot_id, position, name, text_fr, text_en, member_id)
        select gen_random_uuid(), n.id, s.position, s.name, s.text_fr, s.text_en, s.member_id
        from jsonb_populate_recordset(null::candidate, stand) s;
    elsif c.status = 'open' and c.registration_opens > clock_timestamp() then
        update ballot set title_fr = n.title_fr, title_en = n.title_en, question_fr = n.question_fr,
            question_en = n.question_en
        where id = n.id;
    else
        raise exception 'registration is open: two officers' using errcode = 'check_violation';
    end if;
end $$;

create function drop_draft_ballot(of_ballot uuid) returns void language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    if not exists (
        select from ballot b join campaign c on c.id = b.campaign_id where b.id = of_ballot and c.status = 'draft'
    ) then
        raise exception 'only a draft loses a ballot' using errcode = 'check_violation';
    end if;
    delete from candidate where ballot_id = of_ballot;
    delete from ballot where id = of_ballot;
end $$
"""

# A rehearsal has members of its own, who are on no roll: their numbers end in a letter, which no member's does.
REHEARSAL = """
create function add_mock_members(of_campaign uuid, wanted int, hash text) returns int language plpgsql security definer
set search_path = public, pg_temp as $$
declare
    c campaign;
    here int;
    first int;
begin
    select * into strict c from campaign where id = of_campaign for update;
    if not c.rehearsal or c.status = 'cancelled' or c.ends <= clock_timestamp() then
        raise exception 'mock members are for rehearsals' using errcode = 'check_violation';
    end if;
    select count(*) into here from member where rehearsal_id = c.id;
    if wanted < 1 or here + wanted > 500 then
        raise exception 'at most 500 mock members' using errcode = 'check_violation';
    end if;
    -- One rehearsal after another: two would take the same numbers.
    perform pg_advisory_xact_lock(7204992);
    select coalesce(max(substr(number, 2, 4)::int), 0) into first from member where rehearsal_id is not null;
    insert into member (id, number, given_name, family_name, street, city, province, postal_code, "group", standing,
                        language, rehearsal_id)
    select gen_random_uuid(), '9' || lpad(n::text, 4, '0') || 'R', 'Répétition', 'Fictif-' || n, n || ', rue Fictive',
           'Gatineau', 'QC', 'J8X 0A0', (array['EC', 'TR', 'BdP'])[1 + n % 3],
           case when n % 20 = 0 then 'dues-payer' else 'member' end, (array['fr', 'en'])[1 + n % 2], c.id
    from generate_series(first + 1, first + wanted) n;
    insert into account (id, member_id, email, email_verified_at, password_hash, password_set_at)
    select gen_random_uuid(), m.id, 'repetition-' || substr(m.number, 2, 4) || '@repetition.invalid',
           -- Without an address for their mails nobody could open the link that verifies this one.
           case when c.rehearsal_to is null then clock_timestamp() end, hash, clock_timestamp()
    from member m left join account a on a.member_id = m.id where m.rehearsal_id = c.id and a.id is null;
    return wanted;
end $$;

create function drop_rehearsal(of_campaign uuid) returns void language plpgsql security definer
set search_path = public, pg_temp as $$
declare
    c campaign;
    people uuid[];
    users uuid[];
    sent uuid[];
    asked uuid[];
begin
    select * into strict c from campaign where id = of_campaign for update;
    people := array(select id from member where rehearsal_id = c.id);
    users := array(select id from account where member_id = any(people));
    if not c.rehearsal or (c.status = 'open' and c.ends > clock_timestamp())
        or exists (select from onboarding where campaign_id = c.id and ended_at is null)
        or exists (select from submission where member_id = any(people) and erased_at is null) then
        raise exception 'a rehearsal goes when it is over' using errcode = 'check_violation';
    end if;
    sent := array(select id from submission where member_id = any(people) or campaign_id = c.id);
    asked := array(select id from door_request where member_id = any(people) or compared_id = any(people));
    delete from decision_note where submission_id = any(sent);
    delete from decision where submission_id = any(sent);
    delete from opinion_note where claim_id in (select claim_id from opinion where submission_id = any(sent));
    delete from opinion where submission_id = any(sent);
    delete from claim where submission_id = any(sent);
    delete from document where submission_id = any(sent);
    delete from erasure where submission_id = any(sent);
    delete from submission where id = any(sent);
    delete from paper_voter where member_id = any(people) or campaign_id = c.id;
    delete from registration
    where member_id = any(people) or ballot_id in (select id from ballot where campaign_id = c.id);
    delete from onboarding where member_id = any(people) or campaign_id = c.id;
    delete from outbox where account_id = any(users) or campaign_id = c.id or request_id = any(asked);
    delete from door_request where id = any(asked);
    delete from roll_change where member_id = any(people);
    delete from link where account_id = any(users);
    delete from sign_in where account_id = any(users);
    delete from passkey where account_id = any(users);
    delete from authenticator where account_id = any(users);
    delete from known_browser where account_id = any(users);
    delete from campaign_change where campaign_id = c.id;
    delete from candidate
    where member_id = any(people) or ballot_id in (select id from ballot where campaign_id = c.id);
    delete from ballot where campaign_id = c.id;
    delete from account where id = any(users);
    delete from member where id = any(people);
    delete from campaign where id = c.id;
end $$
"""

# Nobody who was made up acts on real people, nor stays in the records for it.
NO_MOCK_STAFF = """
create function refuse_mock_staff() returns trigger language plpgsql as $$
begin
    if exists (
        select from account a join member m on m.id = a.member_id
        where a.id = new.account_id and m.rehearsal_id is not null
    ) then
        raise exception 'nobody of a rehearsal is staff' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# Words of both languages, or of none: a blank one is one that is missing.
TWO_LANGUAGES = {
    "campaign": "btrim(title_fr) <> '' and btrim(title_en) <> ''",
    "ballot": "btrim(title_fr) <> '' and btrim(title_en) <> '' and btrim(question_fr) <> '' and btrim(question_en) <> ''",
}


def upgrade() -> None:
    op.add_column("campaign", sa.Column("status", sa.String(), server_default="open", nullable=False))
    op.add_column("campaign", sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("campaign", sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("campaign", sa.Column("heard_version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("campaign", sa.Column("rehearsal", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("campaign", sa.Column("rehearsal_to", sa.String(), nullable=True))
    op.create_check_constraint(op.f("ck_campaign_status"), "campaign", "status in ('draft', 'open', 'cancelled')")
    op.create_check_constraint(
        op.f("ck_campaign_cancelled"), "campaign", "(status = 'cancelled') = (cancelled_at is not null)"
    )
    for table, both in TWO_LANGUAGES.items():
        op.create_check_constraint(op.f(f"ck_{table}_two_languages"), table, both)

    op.add_column("ballot", sa.Column("choose", sa.Integer(), server_default="1", nullable=False))
    op.create_check_constraint(op.f("ck_ballot_choose"), "ballot", "choose between 1 and 50")
    op.create_table(
        "candidate",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ballot_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text_fr", sa.String(), nullable=True),
        sa.Column("text_en", sa.String(), nullable=True),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("(text_fr is null) = (text_en is null)", name=op.f("ck_candidate_two_languages")),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballot.id"], name=op.f("fk_candidate_ballot_id")),
        sa.ForeignKeyConstraint(["member_id"], ["member.id"], name=op.f("fk_candidate_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_candidate")),
        sa.UniqueConstraint("ballot_id", "position", name=op.f("uq_candidate_ballot_id_position")),
    )
    op.create_index(op.f("ix_candidate_member_id"), "candidate", ["member_id"])

    op.create_table(
        "campaign_change",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("fits", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("manifest", sa.String(), nullable=True),
        sa.Column("manifest_lines", sa.Integer(), nullable=True),
        sa.CheckConstraint("kind in ('open', 'move', 'cancel', 'words')", name=op.f("ck_campaign_change_kind")),
        sa.CheckConstraint("confirmed_by <> proposed_by", name=op.f("ck_campaign_change_two_officers")),
        sa.CheckConstraint(
            "(confirmed_by is null) = (confirmed_at is null) and (withdrawn_by is null) = (withdrawn_at is null)"
            " and num_nonnulls(confirmed_at, withdrawn_at) <= 1",
            name=op.f("ck_campaign_change_answered"),
        ),
        sa.CheckConstraint(
            "kind <> 'open' or confirmed_at is null or manifest is not null", name=op.f("ck_campaign_change_manifest")
        ),
        sa.CheckConstraint(
            "kind not in ('cancel', 'words') or reason is not null", name=op.f("ck_campaign_change_reason")
        ),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_change_campaign_id")),
        sa.ForeignKeyConstraint(["proposed_by"], ["account.id"], name=op.f("fk_campaign_change_proposed_by")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["account.id"], name=op.f("fk_campaign_change_confirmed_by")),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["account.id"], name=op.f("fk_campaign_change_withdrawn_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_change")),
    )
    op.create_index(op.f("ix_campaign_change_campaign_id"), "campaign_change", ["campaign_id"])

    op.add_column("member", sa.Column("rehearsal_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_member_rehearsal_id"), "member", "campaign", ["rehearsal_id"], ["id"])
    op.create_index(
        "ix_member_rehearsal", "member", ["rehearsal_id"], postgresql_where=sa.text("rehearsal_id is not null")
    )
    op.drop_constraint(op.f("ck_member_number"), "member", type_="check")
    op.create_check_constraint(
        op.f("ck_member_number"),
        "member",
        "case when rehearsal_id is null then number ~ '^9[0-9]{5}$' else number ~ '^9[0-9]{4}R$' end",
    )

    for function in (CLOSING, FINGERPRINT, FROZEN, STANDS, OFFICER, CANDIDATE, CHANGE, DRAFT, REHEARSAL):
        op.execute(function)
    for table, when, function in (
        ("ballot", "before update or delete", "refuse_change_of_questions"),
        ("candidate", "before insert or update or delete", "refuse_change_of_questions"),
        ("candidate", "before insert or update", "refuse_officer_as_candidate"),
        ("staff_role", "before insert or update", "refuse_candidate_as_officer"),
        ("campaign_change", "before insert", "guard_proposal"),
        ("campaign_change", "before update", "apply_change"),
    ):
        op.execute(f"create trigger {function} {when} on {table} for each row execute function {function}()")
    for signature in (
        "draft_campaign(jsonb)", "draft_ballot(jsonb, jsonb)", "drop_draft_ballot(uuid)",
        "add_mock_members(uuid, int, text)", "drop_rehearsal(uuid)",
    ):  # fmt: skip
        op.execute(f"revoke execute on function {signature} from public")
        op.execute(f"grant execute on function {signature} to scrutin_api")
    for grant in GRANTS:
        op.execute(grant)
    op.execute(NO_MOCK_STAFF)
    for table in ("staff_role", "staff_act"):
        op.execute(
            f"create trigger nobody_of_a_rehearsal after insert on {table} for each row"
            " execute function refuse_mock_staff()"
        )
