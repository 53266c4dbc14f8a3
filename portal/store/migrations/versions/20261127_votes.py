"""Votes: sealed before they are written, one for each member and ballot, and none outside the window."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "20261127_votes"
down_revision = "20261126_queue_indexes"

GRANTS = (
    "grant insert (ballot_id, member_id, ciphertext) on vote to scrutin_api",
    # Never the ciphertext: what leaves the box leaves it by a function, sorted, and once it is closed.
    "grant select (ballot_id, member_id, digest, cast_at) on vote to scrutin_api",
    "grant select (ballot_id, member_id, cast_at) on vote to scrutin_worker",
)

# Everything that officers agree on, as before, and what votes have brought.
FINGERPRINT = """
create or replace function campaign_fingerprint(of_campaign uuid) returns text language sql stable as $$
    select encode(sha256(convert_to(concat_ws('|',
        (select jsonb_build_array(c.code, c.title_fr, c.title_en, c.time_zone, c.registration_opens, c.opens, c.closes,
            c.ends, c.calendar_version, c.password_cutoff, c.status, c.rehearsal, encode(c.election_key, 'hex'),
            c.trustees, c.sealed_at, c.results_at, c.held_at, c.destroyed_at)
            from campaign c where c.id = of_campaign),
        (select string_agg(jsonb_build_array(b.code, b.position, b.kind, b.title_fr, b.title_en, b.question_fr,
            b.question_en, b.groups, b.members_only, b.choose, b.majority, b.quorum_percent)::text, '|'
            order by b.position, b.code)
            from ballot b where b.campaign_id = of_campaign),
        (select string_agg(jsonb_build_array(b.code, d.position, d.name, d.text_fr, d.text_en, d.member_id)::text, '|'
            order by b.position, b.code, d.position)
            from candidate d join ballot b on b.id = d.ballot_id where b.campaign_id = of_campaign)
    ), 'UTF8')), 'hex')
$$
"""

# A rehearsal may be erased as a whole; its questions stay as they are while it is voted, like any other's.
FROZEN = """
create or replace function refuse_change_of_questions() returns trigger language plpgsql as $$
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
        where b.id = of_ballot and c.status <> 'draft' and c.opens <= clock_timestamp()
        and not (c.rehearsal and tg_op = 'DELETE')
    ) then
        raise exception 'questions stay as they are once voting is open' using errcode = 'check_violation';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end $$
"""

# Two locks, always in this order. Of the campaign: shared by whoever votes or is marked for paper, alone for the seal,
# which waits for those under way; those behind it find the box closed, and other campaigns notice nothing. Then of the
# member: a vote and a mark for paper, made at one moment, must not both be let in. The first has two numbers, the second
# one: PostgreSQL never takes one for the other. Campaigns whose hashes are alike would only wait for each other.
# Everything is read again once the locks are held, and the clock after that: a vote that waited past the close is too
# late. Nothing is raised: a vote that may not be written is not there, and the page asks why. A transaction that reads
# as of its beginning would see nothing of what was written while it waited, hence none of those.
GUARD = """
create function refuse_old_snapshot() returns void language plpgsql as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'votes are taken in read committed' using errcode = 'invalid_transaction_state';
    end if;
end $$;

create function hold_voter(of_campaign uuid, of_member uuid) returns void language plpgsql as $$
begin
    perform refuse_old_snapshot();
    perform pg_advisory_xact_lock_shared(7204994, hashtext(of_campaign::text));
    perform pg_advisory_xact_lock(hashtextextended('vote:' || of_member, 0));
end $$;

create function hold_box(of_campaign uuid) returns void language plpgsql as $$
begin
    perform refuse_old_snapshot();
    perform pg_advisory_xact_lock(7204994, hashtext(of_campaign::text));
end $$;

create function guard_vote() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
    c campaign;
begin
    perform hold_voter(ballot.campaign_id, new.member_id) from ballot where ballot.id = new.ballot_id;
    select campaign.* into strict c from campaign join ballot on ballot.campaign_id = campaign.id
    where ballot.id = new.ballot_id;
    if exists (
        select from paper_voter p
        where p.campaign_id = c.id and p.member_id = new.member_id and p.withdrawn_at is null
    ) then
        return null;
    end if;
    new.cast_at := clock_timestamp();
    if c.status <> 'open' or c.election_key is null or c.sealed_at is not null
        or new.cast_at < c.opens or new.cast_at >= c.closes then
        return null;
    end if;
    return new;
end $$;

create function refuse_changed_vote() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and exists (
        select from ballot b join campaign c on c.id = b.campaign_id where b.id = old.ballot_id and c.rehearsal
    ) then
        return old;
    end if;
    raise exception 'a vote stays as it was cast' using errcode = 'check_violation';
end $$
"""

# The votes of a rehearsal go first; what is not over is refused by the rest, and then nothing has gone.
REHEARSAL = """
alter function drop_rehearsal(uuid) rename to drop_rehearsal_without_votes;
revoke execute on function drop_rehearsal_without_votes(uuid) from scrutin_api;

create function drop_rehearsal(of_campaign uuid) returns void language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    delete from vote v using ballot b, campaign c
    where b.id = v.ballot_id and c.id = b.campaign_id and c.id = of_campaign and c.rehearsal;
    perform drop_rehearsal_without_votes(of_campaign);
end $$;

revoke execute on function drop_rehearsal(uuid) from public;
grant execute on function drop_rehearsal(uuid) to scrutin_api
"""

# Who has voted online does not vote on paper as well: nobody could tell the two votes apart afterwards.
PAPER = """
create function refuse_paper_after_vote() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    perform hold_voter(new.campaign_id, new.member_id);
    if exists (
        select from vote v join ballot b on b.id = v.ballot_id
        where b.campaign_id = new.campaign_id and v.member_id = new.member_id
    ) then
        raise exception 'has voted online' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# What becomes of each vote of a box that is not sealed; afterwards `settled_vote` says it by what was written down then.
# One whose voter's identity was confirmed counts; before the close, and for a week after the last answer and after what
# was sent since, anything may still change; an answer to an appeal is the last. An upload that was never sent says
# nothing of anybody, nor does one that was replaced; when an appeal is taken back, what it contested stands. At the end
# of the campaign whatever is still under review is over (`abandoned`), by the member's workflow or, without it, by the
# hourly sweep: nothing stays open for ever.
SETTLED = """
create view vote_by_identity as
select v.ballot_id, v.member_id, v.digest, v.cast_at, b.campaign_id,
    case
        when r.confirmed_at is not null then 'counts'
        when live.id is not null then 'open'
        when last.status = 'refused' and last.appeal_of is not null then 'set-aside'
        when clock_timestamp() < latest.at then 'open'
        else 'set-aside'
    end as state,
    case when live.id is null and r.confirmed_at is null then last.status end as because,
    latest.at as settled_by
from vote v
join ballot b on b.id = v.ballot_id
join campaign c on c.id = b.campaign_id and c.sealed_at is null
join registration r on r.ballot_id = v.ballot_id and r.member_id = v.member_id
left join submission live
    on live.campaign_id = c.id and live.member_id = v.member_id and live.status = 'submitted'
left join lateral (
    select s.status, s.over_at, s.appeal_of from submission s
    where s.campaign_id = c.id and s.member_id = v.member_id and s.submitted_at is not null and s.over_at is not null
        and s.status in ('approved', 'rejected', 'refused', 'expired', 'withdrawn', 'abandoned')
        and not (s.status = 'withdrawn' and s.appeal_of is not null)
    order by s.over_at desc limit 1
) last on true
cross join lateral (
    select least(c.ends, greatest(
        c.closes, coalesce(last.over_at, c.closes) + interval '7 days', live.submitted_at + interval '7 days'
    )) as at
) latest
"""


def upgrade() -> None:
    for name, kind in (
        ("election_key", sa.LargeBinary()),
        ("trustees", postgresql.JSONB(astext_type=sa.Text())),
        ("sealed_at", sa.DateTime(timezone=True)),
        ("results_at", sa.DateTime(timezone=True)),
        ("held_at", sa.DateTime(timezone=True)),
        ("destroyed_at", sa.DateTime(timezone=True)),
        ("closing_moved_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("campaign", sa.Column(name, kind, nullable=True))
    op.create_check_constraint(
        op.f("ck_campaign_election_key"),
        "campaign",
        "octet_length(election_key) = 65 and get_byte(election_key, 0) = 4",
    )
    op.create_check_constraint(op.f("ck_campaign_trustees"), "campaign", "(election_key is null) = (trustees is null)")
    op.add_column("ballot", sa.Column("majority", sa.String(), server_default="half", nullable=False))
    op.add_column("ballot", sa.Column("quorum_percent", sa.Integer(), nullable=True))
    op.drop_constraint(op.f("ck_ballot_kind"), "ballot", type_="check")
    for name, condition in (
        ("kind", "kind in ('resolution', 'ratification', 'election', 'strike', 'last-offer')"),
        ("mandated", "kind not in ('strike', 'last-offer') or not members_only"),
        ("majority", "majority in ('half', 'two-thirds')"),
        ("quorum_percent", "quorum_percent between 1 and 100"),
        # As many as a vote has room for (portal/rules/votes.py).
        ("fits", "choose <= 31"),
    ):
        op.create_check_constraint(op.f(f"ck_ballot_{name}"), "ballot", condition)

    op.create_table(
        "vote",
        sa.Column("ballot_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), sa.Computed("sha256(ciphertext)", persisted=True), nullable=False),
        sa.Column("cast_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        # One length whatever was chosen (portal/rules/votes.py).
        sa.CheckConstraint("octet_length(ciphertext) = 145", name=op.f("ck_vote_length")),
        # No vote without a place in the electorate. A row of the voter's own: thousands of voters, each with a share lock
        # on the one row of their ballot, would wait for each other.
        sa.ForeignKeyConstraint(
            ["ballot_id", "member_id"],
            ["registration.ballot_id", "registration.member_id"],
            name=op.f("fk_vote_ballot_id_member_id"),
        ),
        sa.PrimaryKeyConstraint("ballot_id", "member_id", name=op.f("pk_vote")),
        # The same sealed vote handed in by somebody else is a copy.
        sa.UniqueConstraint("ballot_id", "digest", name=op.f("uq_vote_ballot_id_digest")),
    )
    op.create_index(op.f("ix_vote_member_id"), "vote", ["member_id"])

    for statement in (FINGERPRINT, FROZEN, GUARD, REHEARSAL, PAPER, SETTLED):
        op.execute(statement)
    op.execute("create trigger guard_vote before insert on vote for each row execute function guard_vote()")
    op.execute(
        "create trigger as_it_was_cast before update or delete on vote"
        " for each row execute function refuse_changed_vote()"
    )
    op.execute(
        "create trigger never_emptied before truncate on vote for each statement execute function refuse_changed_vote()"
    )
    op.execute(
        "create trigger not_voted_online before insert on paper_voter"
        " for each row execute function refuse_paper_after_vote()"
    )
    for grant in GRANTS:
        op.execute(grant)
