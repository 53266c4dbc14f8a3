"""Staff: second factors, accounts that officers keep, and the journal as a chain that is only added to."""

import sqlalchemy as sa
from alembic import op

revision = "20261126_staff"
down_revision = "20261126_opinions_and_appeals"

GRANTS = (
    # Pages: factors of whoever is signed in. The worker has no business with them.
    "grant select, insert, delete on passkey, authenticator to scrutin_api",
    "grant update (sign_count, used_at) on passkey to scrutin_api",
    "grant update (secret, offered, last_step, confirmed_at) on authenticator to scrutin_api",
    "grant select, insert on known_browser to scrutin_api",
    # What officers do to staff is asked for here, and done by the trigger or not at all: roles stay out of reach.
    "grant select on staff_act to scrutin_api, scrutin_worker",
    "grant insert (id, kind, actor_id, account_id, role, email, confirms) on staff_act to scrutin_api",
    # The worker chains, everybody may look.
    "grant select on journal_link to scrutin_api, scrutin_worker",
    "grant insert on journal_link to scrutin_worker",
)

# Four keys are enough for one person; and whoever removes their own keeps one (security.md T62).
FACTORS = """
create function refuse_fifth_passkey() returns trigger language plpgsql as $$
begin
    perform 1 from account where id = new.account_id for no key update;
    if (select count(*) from passkey where account_id = new.account_id) >= 4 then
        raise exception 'four keys are enough' using errcode = 'check_violation';
    end if;
    return new;
end $$;
create function refuse_last_factor() returns trigger language plpgsql as $$
begin
    perform 1 from account where id = old.account_id for no key update;
    if current_user = 'scrutin_api'
        and not exists (
            -- An authenticator has no id of its own.
            select from passkey
            where account_id = old.account_id and cast(id as text) is distinct from to_jsonb(old) ->> 'id'
        )
        and not exists (
            select from authenticator
            where account_id = old.account_id and secret is not null and tg_table_name <> 'authenticator'
        )
    then
        raise exception 'the last factor stays' using errcode = 'check_violation';
    end if;
    return old;
end $$
"""

# The owner's rights, for exactly these acts: who asks is an officer, not suspended, and never the person it is about.
ACTS = """
create function refuse_nameless_act() returns trigger language plpgsql as $$
begin
    if new.actor_id is null and current_user = 'scrutin_api' then
        raise exception 'an act has an author' using errcode = 'check_violation';
    end if;
    return new;
end $$;
-- Whoever was given every role of these within a day: an invented colleague is no second person (security.md T62).
create function new_in_role(of_account uuid, of_roles text[]) returns boolean language sql stable as $$
    select exists (select from staff_role where account_id = of_account and role = any(of_roles))
    and not exists (
        select from staff_role r where r.account_id = of_account and r.role = any(of_roles)
        and not exists (
            select from staff_act a
            where a.account_id = r.account_id and a.kind = 'grant' and a.role = r.role
            -- From a shell whoever holds the database answers for it.
            and a.actor_id is not null and a.at > clock_timestamp() - interval '24 hours'
        )
    )
$$;
create function do_staff_act() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
    -- One after the other: of two officers who remove each other, one stays.
    perform pg_advisory_xact_lock(7204992);
    if new.kind = 'invite' then
        select id into new.account_id from account where email = new.email;
        if new.account_id is null then
            insert into account (id, email) values (gen_random_uuid(), new.email) returning id into new.account_id;
        end if;
    end if;
    new.email := null;
    if new.actor_id is not null then
        if new.actor_id = new.account_id then
            raise exception 'nobody acts on their own account' using errcode = 'check_violation';
        end if;
        if not exists (
            select from staff_role r join account a on a.id = r.account_id
            where a.id = new.actor_id and r.role = 'officer' and a.staff_suspended_at is null
        ) then
            raise exception 'only an officer acts on staff' using errcode = 'check_violation';
        end if;
        if new.kind in ('ask-reset', 'reset') and new_in_role(new.actor_id, array['officer']) then
            raise exception 'in this role for less than a day' using errcode = 'check_violation';
        end if;
    end if;
    case new.kind
        when 'grant' then
            insert into staff_role (account_id, role) values (new.account_id, new.role) on conflict do nothing;
        when 'revoke' then
            delete from staff_role where account_id = new.account_id and role = new.role;
        when 'suspend' then
            update account set staff_suspended_at = coalesce(staff_suspended_at, clock_timestamp())
            where id = new.account_id;
            delete from sign_in where account_id = new.account_id;
        when 'reinstate' then
            update account set staff_suspended_at = null where id = new.account_id;
        when 'end-sessions' then
            delete from sign_in where account_id = new.account_id;
        when 'reset' then
            -- From a shell whoever holds the database answers for it alone.
            if new.actor_id is not null and not exists (
                select from staff_act a
                where a.id = new.confirms and a.kind = 'ask-reset' and a.account_id = new.account_id
                and a.actor_id <> new.actor_id and a.at > clock_timestamp() - interval '24 hours'
            ) then
                raise exception 'another officer asks first' using errcode = 'check_violation';
            end if;
            delete from passkey where account_id = new.account_id;
            delete from authenticator where account_id = new.account_id;
            delete from sign_in where account_id = new.account_id;
            -- No mail gives a key back, one sent before the keys were lost included.
            update link set voided_at = clock_timestamp()
            where account_id = new.account_id and purpose = 'invitation' and used_at is null and voided_at is null;
        else null;
    end case;
    if new.kind in ('revoke', 'suspend') and not exists (
        select from staff_role r join account a on a.id = r.account_id
        where r.role = 'officer' and a.staff_suspended_at is null
    ) then
        raise exception 'the last officer stays' using errcode = 'check_violation';
    end if;
    return new;
end $$;
revoke execute on function do_staff_act() from public
"""

# A temporary table comes first in every search path that does not say otherwise: the processes need none.
NO_TEMPORARY = """
do $$ begin
    execute format('revoke temporary on database %I from public', current_database());
end $$
"""

# Whoever owns the tables included; a superuser who goes around it is found by the chain.
ADDED_TO = """
create function refuse_rewriting() returns trigger language plpgsql as $$
begin
    raise exception '% is only added to', tg_table_name using errcode = 'check_violation';
end $$
"""


def upgrade() -> None:
    op.create_table(
        "passkey",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_passkey_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
    )
    op.create_index(op.f("ix_passkey_account_id"), "passkey", ["account_id"])
    op.create_table(
        "authenticator",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("offered", sa.LargeBinary(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_authenticator_account_id_account")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_authenticator")),
    )
    op.create_table(
        "known_browser",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("browser", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_known_browser_account_id_account")),
        sa.PrimaryKeyConstraint("account_id", "browser", name=op.f("pk_known_browser")),
    )
    op.create_table(
        "staff_act",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("confirms", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind in ('invite', 'grant', 'revoke', 'suspend', 'reinstate', 'end-sessions', 'ask-reset', 'reset')",
            name=op.f("ck_staff_act_kind"),
        ),
        sa.CheckConstraint("(kind in ('grant', 'revoke')) = (role is not null)", name=op.f("ck_staff_act_role")),
        sa.CheckConstraint("email is null", name=op.f("ck_staff_act_email")),
        sa.ForeignKeyConstraint(["actor_id"], ["account.id"], name=op.f("fk_staff_act_actor_id_account")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_staff_act_account_id_account")),
        sa.ForeignKeyConstraint(["confirms"], ["staff_act.id"], name=op.f("fk_staff_act_confirms_staff_act")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_act")),
        sa.UniqueConstraint("confirms", name=op.f("uq_staff_act_confirms")),
    )
    op.create_index(op.f("ix_staff_act_account_id_at"), "staff_act", ["account_id", "at"])
    op.create_table(
        "journal_link",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("prev", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_journal_link")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_journal_link_entry_id")),
        sa.UniqueConstraint("prev", name=op.f("uq_journal_link_prev")),
    )
    op.add_column("account", sa.Column("staff_suspended_at", sa.DateTime(timezone=True), nullable=True))
    for column in (
        sa.Column("factor_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("challenge", sa.LargeBinary(), nullable=True),
        sa.Column("challenge_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("may_enrol", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("ended", sa.String(), nullable=True),
    ):
        op.add_column("sign_in", column)
    op.drop_constraint(op.f("ck_sign_in_kind"), "sign_in")
    op.create_check_constraint(
        op.f("ck_sign_in_kind"), "sign_in", "kind in ('activation', 'member', 'staff-pending', 'staff')"
    )
    op.drop_constraint(op.f("ck_link_purpose"), "link")
    op.create_check_constraint(
        op.f("ck_link_purpose"), "link", "purpose in ('verification', 'renewal', 'invitation', 'recovery')"
    )
    for function in (FACTORS, ACTS, NO_TEMPORARY, ADDED_TO):
        op.execute(function)
    op.execute(
        "create trigger four_at_most before insert on passkey for each row execute function refuse_fifth_passkey()"
    )
    for table in ("passkey", "authenticator"):
        op.execute(
            f"create trigger one_stays before delete on {table} for each row execute function refuse_last_factor()"
        )
    op.execute("create trigger a_named before insert on staff_act for each row execute function refuse_nameless_act()")
    op.execute("create trigger b_done before insert on staff_act for each row execute function do_staff_act()")
    for table in ("journal", "journal_link", "staff_act"):
        op.execute(
            f"create trigger only_added_to before update or delete or truncate on {table}"
            " for each statement execute function refuse_rewriting()"
        )
    for grant in GRANTS:
        op.execute(grant)
