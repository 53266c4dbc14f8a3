"""Two officers run a vote: its key, its seal, its results, a complaint, and the end of its key."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_running"
down_revision = "20261127_votes"

GRANTS = (
    "grant update (confirmed_with) on campaign_change to scrutin_api",
    # Written by the second signature and by nothing else.
    "grant select on campaign_seal, sealed_ballot, sealed_vote, campaign_result to scrutin_api",
    # Written by a trigger and by nothing else.
    "grant select on roll_before to scrutin_api",
)

# Whose ballot is whose at the close, whatever the roll has become since: whoever was put on it, taken off it or moved
# afterwards makes no quorum larger or smaller. Each change keeps what the entry said until then, and somebody new was not
# on the roll; before the close there is no such change after it, and the roll is as it stands.
ELECTORS = """
create function keep_what_the_roll_said() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        insert into roll_before (member_id, until, on_roll, "group", standing)
        values (new.id, clock_timestamp(), false, new."group", new.standing);
    elsif (old."group", old.standing, old.left_at is null) is distinct from
        (new."group", new.standing, new.left_at is null) then
        insert into roll_before (member_id, until, on_roll, "group", standing)
        values (old.id, clock_timestamp(), old.left_at is null, old."group", old.standing)
        on conflict do nothing;
    end if;
    return null;
end $$;

-- The roll is put together first: joined with the ballots before, each entry would be looked up for each of them.
create function electors_of(of_campaign uuid)
returns table (ballot_id uuid, member_id uuid, "group" text, voted boolean) language sql stable as $$
    with roll as materialized (
        select m.id, coalesce(was."group", m."group")::text as "group", coalesce(was.standing, m.standing) as standing,
            coalesce(was.on_roll, m.left_at is null) as on_roll
        from campaign c join member m on case when c.rehearsal then m.rehearsal_id = c.id else m.rehearsal_id is null end
        left join (
            select distinct on (w.member_id) w.* from roll_before w
            where w.until >= (select closes from campaign where id = of_campaign) order by w.member_id, w.until
        ) was on was.member_id = m.id
        where c.id = of_campaign
    )
    select b.id, r.id, r."group", v.member_id is not null
    from ballot b cross join roll r
    left join vote v on v.ballot_id = b.id and v.member_id = r.id
    where b.campaign_id = of_campaign and (
        (r.on_roll and r."group" = any(b.groups) and (r.standing = 'member' or not b.members_only))
        -- Who voted and left the roll, the group or the union afterwards was an elector.
        or v.member_id is not null
    )
$$
"""

# A key once voted with, a box once sealed, results once out: none of them is ever taken back.
ONE_WAY = """
create function refuse_undoing() returns trigger language plpgsql as $$
begin
    if (old.election_key is not null and old.opens <= clock_timestamp() and old.status = 'open'
            and (new.election_key, new.trustees) is distinct from (old.election_key, old.trustees))
        or (old.sealed_at is not null and new.sealed_at is distinct from old.sealed_at)
        or (old.results_at is not null and new.results_at is distinct from old.results_at)
        or (old.destroyed_at is not null and new.destroyed_at is distinct from old.destroyed_at) then
        raise exception 'what was done of a vote is not undone' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# What follows a vote comes after the end of its campaign as well: who stood in it signs none of that either, its results
# least of all. Of any campaign (no `of_campaign`) as before: until its end a candidate is made no officer.
STANDS = """
create or replace function stands_in(of_account uuid, of_campaign uuid) returns boolean language sql stable as $$
    select exists (
        select from candidate d join ballot b on b.id = d.ballot_id join account a on a.member_id = d.member_id
        join campaign c on c.id = b.campaign_id
        where a.id = of_account and (of_campaign is null or c.id = of_campaign)
        and c.status <> 'cancelled' and (of_campaign is not null or c.ends > clock_timestamp())
    )
$$
"""

# Members see one campaign at a time, the first until its end (campaigns.current, in the same order). A vote that opened
# before then would be hidden behind it. Asked of a calendar that is proposed, and again as it is applied.
ALONE = """
create function hides_another(of_campaign uuid, registers timestamptz, votes timestamptz, over timestamptz)
returns boolean language sql stable as $$
    select exists (
        select from campaign other, campaign c
        where c.id = of_campaign and not c.rehearsal
        and other.id <> c.id and other.status = 'open' and not other.rehearsal and other.ends > clock_timestamp()
        and case when (other.registration_opens, other.opens, other.id) < (registers, votes, c.id)
            then other.ends > votes else over > other.opens end
    )
$$;

create function must_be_alone(of_campaign uuid) returns void language plpgsql as $$
begin
    -- Two that are opened or moved at one moment: the second sees what became of the first.
    perform pg_advisory_xact_lock(hashtext('campaigns seen one at a time'));
    if (select hides_another(id, registration_opens, opens, ends) from campaign where id = of_campaign) then
        raise exception 'members see one campaign' using errcode = 'check_violation';
    end if;
end $$
"""

# What follows a vote. `b64url_bytes` reads what the ceremony writes without padding.
STEPS = """
create function b64url_bytes(given text) returns bytea language sql immutable as $$
    select decode(translate(given, '-_', '+/') || repeat('=', (4 - length(given) % 4) % 4), 'base64')
$$;

create function take_key(c campaign, w jsonb, at timestamptz) returns void language plpgsql as $$
declare
    key bytea := b64url_bytes(w->>'public_key');
begin
    -- Where votes were cast there is a key, and voting is open or over.
    if not (at < c.opens or (c.election_key is null and at < c.closes)) then
        raise exception 'a key comes before the vote' using errcode = 'check_violation';
    end if;
    if key is null or octet_length(key) <> 65 or get_byte(key, 0) <> 4
        or jsonb_typeof(w->'trustees') is distinct from 'array' or jsonb_array_length(w->'trustees') <> 3
        or (select count(distinct t->>'code') from jsonb_array_elements(w->'trustees') t
            where octet_length(b64url_bytes(t->>'sealing')) = 65
            and octet_length(b64url_bytes(t->>'signing')) = 32) <> 3 then
        raise exception 'a key and three who hold it' using errcode = 'check_violation';
    end if;
    update campaign set election_key = key, trustees = w->'trustees' where id = c.id;
end $$;

-- What becomes of each vote is written down at this moment, in the order of the hashes: whatever is decided later of a
-- member, the box that was sealed holds the same votes. One statement, hence one look at the votes.
create function seal_box(c campaign, roll text, lines int, at timestamptz) returns void language plpgsql as $$
declare
    still_open int;
begin
    if c.sealed_at is not null or c.election_key is null or at < c.closes or roll is null then
        raise exception 'a box that cannot be sealed' using errcode = 'check_violation';
    end if;
    -- A vote or a mark for paper that is being written is waited for.
    perform hold_box(c.id);
    insert into campaign_seal (campaign_id, roll_at_opening, roll_at_seal, roll_lines)
    values (c.id, (select manifest from campaign_change
                   where campaign_id = c.id and kind = 'open' and confirmed_at is not null limit 1), roll, lines);
    with settled as materialized (select * from settled_vote where campaign_id = c.id),
    kept as (
        insert into sealed_vote (ballot_id, digest, set_aside)
        select ballot_id, digest, case when state <> 'counts' then coalesce(because, 'none') end
        from settled order by ballot_id, digest
    ),
    who as materialized (
        select o.ballot_id, exists (
            select from paper_voter p
            where p.campaign_id = c.id and p.member_id = o.member_id and p.withdrawn_at is null) as on_paper
        from electors_of(c.id) o
    ),
    ballots as (
        insert into sealed_ballot (ballot_id, electors, on_paper, counted, list_sha256, set_aside, reasons)
        select b.id,
            (select count(*) from who w where w.ballot_id = b.id),
            (select count(*) from who w where w.ballot_id = b.id and w.on_paper),
            (select count(*) from settled s where s.ballot_id = b.id and s.state = 'counts'),
            -- As the urn's readers compute it (docs/vote-formats.md).
            (select encode(sha256(coalesce(string_agg(s.digest, ''::bytea order by s.digest), '')), 'hex')
             from settled s where s.ballot_id = b.id and s.state = 'counts'),
            (select count(*) from settled s where s.ballot_id = b.id and s.state = 'set-aside'),
            (select coalesce(jsonb_object_agg(g.because, g.n), '{}') from (
                select coalesce(s.because, 'none') as because, count(*) as n from settled s
                where s.ballot_id = b.id and s.state = 'set-aside' group by 1) g)
        from ballot b
        where b.campaign_id = c.id
    )
    select count(*) into still_open from settled where state = 'open';
    if still_open > 0 then
        raise exception 'votes are still open' using errcode = 'check_violation';
    end if;
    -- From here on `settled_vote` says what was written down.
    update campaign set sealed_at = clock_timestamp() where id = c.id;
end $$;

create function take_results(c campaign, w jsonb, again text, at timestamptz) returns void language plpgsql as $$
begin
    if c.sealed_at is null or c.results_at is not null then
        raise exception 'results come once, after the seal' using errcode = 'check_violation';
    end if;
    if again is distinct from w->>'sha256'
        or encode(sha256(convert_to(w->>'result', 'UTF8')), 'hex') is distinct from w->>'sha256' then
        raise exception 'two counts that differ' using errcode = 'check_violation';
    end if;
    insert into campaign_result (campaign_id, result, sha256, published_at)
    values (c.id, w->>'result', w->>'sha256', at);
    update campaign set results_at = at, calendar_version = calendar_version + 1 where id = c.id;
end $$
"""

# As before, with what follows a vote; that may come after the files of the members are closed.
CHANGE = """
create or replace function apply_change() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
declare
    c campaign;
    w jsonb := new.wanted;
    follows boolean := new.kind in ('seal', 'results', 'hold', 'release', 'destroyed');
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
    -- Not `for update`: that would wait for every vote under way, whose mail refers to this row, and one of them for it.
    select * into strict c from campaign where id = new.campaign_id for no key update;
    if new.fits is distinct from campaign_fingerprint(c.id) then
        raise exception 'a proposal that no longer fits' using errcode = 'check_violation';
    end if;
    new.confirmed_at := clock_timestamp();
    if (c.ends <= new.confirmed_at and not follows) or (c.status = 'draft') <> (new.kind = 'open')
        or c.status = 'cancelled' then
        raise exception 'not a change of this campaign' using errcode = 'check_violation';
    end if;
    case new.kind
    when 'open' then
        if new.manifest is null or c.opens <= new.confirmed_at
            or not exists (select from ballot where campaign_id = c.id)
            -- Nobody could count an election in which there is nobody to choose.
            or exists (select from ballot b where b.campaign_id = c.id and b.kind = 'election'
                and b.choose > (select count(*) from candidate d where d.ballot_id = b.id)) then
            raise exception 'a campaign that is not ready' using errcode = 'check_violation';
        end if;
        update campaign set status = 'open', opened_at = new.confirmed_at where id = c.id;
        perform must_be_alone(c.id);
    when 'move' then
        if (w ? 'registration_opens' and c.registration_opens <= new.confirmed_at)
            or (w ? 'opens' and (c.opens <= new.confirmed_at
                or (w->>'opens')::timestamptz <= new.confirmed_at))
            or (w ? 'closes' and c.closes <= new.confirmed_at)
            or (w->>'ends')::timestamptz <= new.confirmed_at
            -- Whoever votes provisionally was told until when that is settled.
            or (c.opens <= new.confirmed_at and (w->>'ends')::timestamptz < c.ends) then
            raise exception 'what has happened is not moved' using errcode = 'check_violation';
        end if;
        -- Everybody is told of a closing that was announced and has moved, and why.
        if w ? 'closes' and c.registration_opens <= new.confirmed_at and (
            coalesce(btrim(w->>'reason_fr'), '') = '' or coalesce(btrim(w->>'reason_en'), '') = ''
            or length(w->>'reason_fr') > 200 or length(w->>'reason_en') > 200
        ) then
            raise exception 'a closing moves for a reason' using errcode = 'check_violation';
        end if;
        update campaign set
            registration_opens = coalesce((w->>'registration_opens')::timestamptz, registration_opens),
            opens = coalesce((w->>'opens')::timestamptz, opens),
            closes = coalesce((w->>'closes')::timestamptz, closes),
            ends = coalesce((w->>'ends')::timestamptz, ends),
            closing_moved_at = case
                when w ? 'closes' and c.registration_opens <= new.confirmed_at then new.confirmed_at
                else closing_moved_at end,
            calendar_version = calendar_version + 1
        where id = c.id;
        -- Where two hide one another already, the close of either may still move.
        if w ?| array['registration_opens', 'opens', 'ends'] then
            perform must_be_alone(c.id);
        end if;
    when 'cancel' then
        if c.sealed_at is not null then
            raise exception 'the box is sealed' using errcode = 'check_violation';
        end if;
        -- Whoever voted is owed the results; those of a rehearsal nobody waits for.
        if c.closes <= new.confirmed_at and not c.rehearsal
            and exists (select from vote v join ballot b on b.id = v.ballot_id where b.campaign_id = c.id) then
            raise exception 'results are owed' using errcode = 'check_violation';
        end if;
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
    when 'key' then
        perform take_key(c, w, new.confirmed_at);
    when 'seal' then
        perform seal_box(c, new.manifest, new.manifest_lines, new.confirmed_at);
    when 'results' then
        perform take_results(c, w, new.confirmed_with, new.confirmed_at);
    when 'hold' then
        if new.confirmed_at < c.closes or c.held_at is not null or c.destroyed_at is not null then
            raise exception 'nothing to hold' using errcode = 'check_violation';
        end if;
        update campaign set held_at = new.confirmed_at where id = c.id;
    when 'release' then
        if c.held_at is null then
            raise exception 'nothing is held' using errcode = 'check_violation';
        end if;
        update campaign set held_at = null where id = c.id;
    when 'destroyed' then
        -- Ten days for an application (FPSLRA, s. 184(2)), and more; KEY_KEPT of portal/rules/running.py.
        if c.destroyed_at is not null or c.held_at is not null or c.results_at is null
            or new.confirmed_at < c.results_at + interval '15 days' or w->>'sha256' !~ '^[0-9a-f]{64}$'
            or w->>'sha256' is null then
            raise exception 'too early to destroy' using errcode = 'check_violation';
        end if;
        update campaign set destroyed_at = new.confirmed_at where id = c.id;
    end case;
    return new;
end $$
"""

# The only way that a sealed vote leaves the portal: of a box that is closed for good, sorted by its hash.
URN = """
create function sealed_votes(of_ballot uuid) returns table (digest bytea, ciphertext bytea)
language sql stable security definer set search_path = public, pg_temp as $$
    select s.digest, v.ciphertext
    from sealed_vote s join vote v on v.ballot_id = s.ballot_id and v.digest = s.digest
    join ballot b on b.id = s.ballot_id join campaign c on c.id = b.campaign_id
    where s.ballot_id = of_ballot and s.set_aside is null and c.sealed_at is not null
    order by s.digest
$$;

revoke execute on function sealed_votes(uuid) from public;
grant execute on function sealed_votes(uuid) to scrutin_api
"""

# What becomes of a vote: until the seal by the identity of its voter, afterwards by what the seal wrote down, and by
# nothing that is decided later.
AS_SEALED = """
create view settled_vote as
select ballot_id, member_id, digest, cast_at, campaign_id, state, because, settled_by from vote_by_identity
union all
select v.ballot_id, v.member_id, v.digest, v.cast_at, b.campaign_id,
    case when s.set_aside is null then 'counts' else 'set-aside' end, nullif(s.set_aside, 'none'), c.sealed_at
from sealed_vote s
join vote v on v.ballot_id = s.ballot_id and v.digest = s.digest
join ballot b on b.id = v.ballot_id
join campaign c on c.id = b.campaign_id and c.sealed_at is not null;

grant select on settled_vote to scrutin_api, scrutin_worker
"""

# With what it takes to be adopted, and a quorum.
DRAFT = """
create or replace function draft_ballot(given jsonb, stand jsonb) returns void language plpgsql security definer
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
                            groups, members_only, choose, majority, quorum_percent)
        values (n.id, n.campaign_id, n.code, n.position, n.kind, n.title_fr, n.title_en, n.question_fr, n.question_en,
                n.groups, n.members_only, n.choose, coalesce(n.majority, 'half'), n.quorum_percent)
        on conflict (id) do update set code = n.code, position = n.position, kind = n.kind, title_fr = n.title_fr,
            title_en = n.title_en, question_fr = n.question_fr, question_en = n.question_en, groups = n.groups,
            members_only = n.members_only, choose = n.choose, majority = coalesce(n.majority, 'half'),
            quorum_percent = n.quorum_percent;
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
end $$
"""

# What was sealed goes before the votes; what is not over is refused by the rest, and then nothing has gone.
REHEARSAL = """
create or replace function drop_rehearsal(of_campaign uuid) returns void language plpgsql security definer
set search_path = public, pg_temp as $$
declare
    gone uuid[] := array(select b.id from ballot b join campaign c on c.id = b.campaign_id
                         where c.id = of_campaign and c.rehearsal);
begin
    delete from sealed_vote where ballot_id = any(gone);
    delete from sealed_ballot where ballot_id = any(gone);
    delete from campaign_seal s using campaign c where c.id = s.campaign_id and c.id = of_campaign and c.rehearsal;
    delete from campaign_result r using campaign c where c.id = r.campaign_id and c.id = of_campaign and c.rehearsal;
    delete from vote where ballot_id = any(gone);
    perform drop_rehearsal_without_votes(of_campaign);
end $$
"""


def upgrade() -> None:
    op.add_column("campaign_change", sa.Column("confirmed_with", sa.String(), nullable=True))
    for name, condition in (
        (
            "kind",
            "kind in ('open', 'move', 'cancel', 'words', 'key', 'seal', 'results', 'hold', 'release', 'destroyed')",
        ),
        ("manifest", "kind not in ('open', 'seal') or confirmed_at is null or manifest is not null"),
        ("reason", "kind not in ('cancel', 'words', 'hold', 'release') or reason is not null"),
    ):
        op.drop_constraint(op.f(f"ck_campaign_change_{name}"), "campaign_change", type_="check")
        op.create_check_constraint(op.f(f"ck_campaign_change_{name}"), "campaign_change", condition)

    op.create_table(
        "campaign_seal",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("roll_at_opening", sa.String(), nullable=True),
        sa.Column("roll_at_seal", sa.String(), nullable=False),
        sa.Column("roll_lines", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_seal_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_seal")),
    )
    op.create_table(
        "sealed_ballot",
        sa.Column("ballot_id", sa.Uuid(), nullable=False),
        sa.Column("electors", sa.Integer(), nullable=False),
        sa.Column("on_paper", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Integer(), nullable=False),
        sa.Column("list_sha256", sa.String(), nullable=False),
        sa.Column("set_aside", sa.Integer(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["ballot_id"], ["ballot.id"], name=op.f("fk_sealed_ballot_ballot_id")),
        sa.PrimaryKeyConstraint("ballot_id", name=op.f("pk_sealed_ballot")),
    )
    op.create_table(
        "sealed_vote",
        sa.Column("ballot_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("set_aside", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["ballot_id", "digest"], ["vote.ballot_id", "vote.digest"], name=op.f("fk_sealed_vote_ballot_id_digest")
        ),
        sa.PrimaryKeyConstraint("ballot_id", "digest", name=op.f("pk_sealed_vote")),
    )
    op.create_table(
        "campaign_result",
        sa.Column("campaign_id", sa.Uuid(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_result_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_result")),
    )
    op.create_table(
        "roll_before",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("on_roll", sa.Boolean(), nullable=False),
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_roll_before_member_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("member_id", "until", name=op.f("pk_roll_before")),
    )
    for statement in (ELECTORS, ONE_WAY, STANDS, ALONE, STEPS, CHANGE, URN, AS_SEALED, DRAFT, REHEARSAL):
        op.execute(statement)
    op.execute(
        'create trigger as_it_was after insert or update of "group", standing, left_at on member'
        " for each row execute function keep_what_the_roll_said()"
    )
    op.execute("create trigger done_is_done before update on campaign for each row execute function refuse_undoing()")
    # Steps of the trigger, which runs as the owner; nobody else takes them.
    for function in (
        "must_be_alone(uuid)", "take_key(campaign, jsonb, timestamptz)", "seal_box(campaign, text, int, timestamptz)",
        "take_results(campaign, jsonb, text, timestamptz)",
    ):  # fmt: skip
        op.execute(f"revoke execute on function {function} from public")
    for grant in GRANTS:
        op.execute(grant)
