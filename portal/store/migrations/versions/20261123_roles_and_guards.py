"""Roles that own nothing, and the rules that no program may break."""

from alembic import op

revision = "20261123_roles_and_guards"
down_revision = "20261123_first_schema"

ROLES = """
do $$
declare r text;
begin
    foreach r in array array['scrutin_api', 'scrutin_worker'] loop
        if not exists (select from pg_roles where rolname = r) then
            -- Who may connect as it, and how it proves that, is the installation's business.
            execute format('create role %I nologin', r);
        end if;
    end loop;
end $$
"""

GRANTS = (
    "revoke create on schema public from public",
    "grant usage on schema public to scrutin_api, scrutin_worker",
    "grant select on all tables in schema public to scrutin_api, scrutin_worker",
    # Append only for both: nobody rewrites what was done, decided or erased.
    "grant insert on journal to scrutin_api, scrutin_worker",
    # Pages: sign-in, links, uploads before they are submitted, claims and decisions.
    "grant update (password_hash, password_set_at, number_tries) on account to scrutin_api",
    "grant insert, update, delete on sign_in, attempt to scrutin_api",
    "grant insert, update on link to scrutin_api",
    "grant insert on outbox, submission, document, claim, decision, decision_note to scrutin_api",
    # FOR UPDATE asks for the right to update at least one column: this one decides nothing.
    "grant update (list_version) on submission to scrutin_api",
    # The worker: everything that a step of a member, a decision or the calendar changes.
    "grant update (email_verified_at) on account to scrutin_worker",
    "grant update (identity_verified_at) on member to scrutin_worker",
    "grant insert, update on link, outbox, onboarding, registration to scrutin_worker",
    "grant update on submission to scrutin_worker",
    "grant update (wrapped_key) on document to scrutin_worker",
    "grant insert on erasure to scrutin_worker",
    "grant delete on sign_in, attempt, decision_note to scrutin_worker",
)

# A closing is announced to everybody: it may only move later, whoever asks (brief §5).
CLOSING = """
create function refuse_earlier_closing() returns trigger language plpgsql as $$
begin
    if new.closes < old.closes then
        raise exception 'a closing may only move later' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""

# An identity was confirmed for this name at this address.
IDENTITY = """
create function forget_identity() returns trigger language plpgsql as $$
begin
    if (new.given_name, new.family_name, new.street, new.city, new.province, new.postal_code)
       is distinct from
       (old.given_name, old.family_name, old.street, old.city, old.province, old.postal_code) then
        new.identity_verified_at := null;
    end if;
    return new;
end $$
"""

# The same person may hold a staff account: still nobody decides on their own documents.
OWN_FILE = """
create function refuse_own_file() returns trigger language plpgsql as $$
begin
    if exists (
        select from submission s join account a on a.member_id = s.member_id
        where s.id = new.submission_id and a.id = new.reviewer_id
    ) then
        raise exception 'nobody acts on their own file' using errcode = 'check_violation';
    end if;
    return new;
end $$
"""


def upgrade() -> None:
    op.execute(ROLES)
    for grant in GRANTS:
        op.execute(grant)
    op.execute(CLOSING)
    op.execute(
        "create trigger closing_only_later before update on campaign"
        " for each row execute function refuse_earlier_closing()"
    )
    op.execute(IDENTITY)
    op.execute(
        "create trigger identity_of_this_address before update on member"
        " for each row execute function forget_identity()"
    )
    op.execute(OWN_FILE)
    for table in ("claim", "decision"):
        op.execute(
            f"create trigger not_their_own before insert on {table} for each row execute function refuse_own_file()"
        )
