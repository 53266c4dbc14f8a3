"""Least privilege: what the pages and the worker may do to the records, and what neither may."""

from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from portal.store import Sessions
from tests import builders
from tests.store.cases import a_submission, run

BOTH = ("api", "worker")

# Nobody rewrites what was done, decided or erased; nobody but the owner changes the calendar. The worker changes the
# roll, held to an import that somebody confirmed (tests/store/test_roll.py).
FORBIDDEN_TO_BOTH = (
    "update journal set action = 'nothing'",
    "delete from journal",
    "truncate journal",
    "update decision set verdict = 'approve'",
    "delete from decision",
    "update decision set reason = 'other'",
    "update decision set effective_at = clock_timestamp()",
    "update opinion set verdict = 'approve'",
    "update opinion set undo_until = clock_timestamp()",
    "delete from opinion",
    "update opinion_note set fr = 'x'",
    "update erasure set outcome = 'approved'",
    "delete from erasure",
    "delete from submission",
    "delete from document",
    "delete from registration",
    "delete from onboarding",
    "delete from outbox",
    "delete from link",
    "delete from account",
    "delete from member",
    "delete from door_request",
    "update campaign set closes = closes + interval '1 day'",
    "insert into campaign select * from campaign",
    "update ballot set groups = '{EC}'",
    "update member set number = '900001'",
    "delete from roll_import",
    "delete from roll_change",
    "update roll_line set number = '900001'",
    "update roll_change set member_id = gen_random_uuid()",
    "update roll_import set uploaded_by = gen_random_uuid()",
    "update account set member_id = null",
    "insert into staff_role select id, 'reviewer' from account",
    "delete from paper_voter",
    "update paper_voter set reason = 'asked'",
    "update paper_voter set member_id = member_id",
    "update paper_voter set withdrawn_at = clock_timestamp()",
    "insert into paper_voter (at) values (clock_timestamp())",
    "update claim set expires_at = clock_timestamp()",
    "update claim set claimed_at = clock_timestamp()",
    "update claim set reviewer_id = reviewer_id",
    "delete from claim",
    "delete from staff_role",
    "update staff_role set role = 'officer'",
    "update account set staff_suspended_at = null",
    "update staff_act set actor_id = null",
    "delete from staff_act",
    "insert into staff_act (id, at, kind, account_id) select id, now(), 'suspend', id from account",
    "update journal_link set hash = 'x'",
    "delete from journal_link",
    "truncate journal_link",
    "update passkey set public_key = 'x'",
    "update passkey set account_id = account_id",
    "update known_browser set browser = 'x'",
    # The outer envelope: neither opens it, changes it or takes it out.
    "select ciphertext from vote",
    "select * from vote",
    "select count(*) from vote where ciphertext is null",
    "update vote set ciphertext = ciphertext",
    "update vote set member_id = member_id",
    "update vote set cast_at = clock_timestamp()",
    "delete from vote",
    "truncate vote",
    "insert into vote (cast_at) values (clock_timestamp())",
    # What the roll said at a close.
    "insert into roll_before select * from roll_before",
    "update roll_before set until = clock_timestamp()",
    "delete from roll_before",
    "update campaign set election_key = null",
    "update campaign set sealed_at = clock_timestamp()",
    "create table mine (id int)",
    "drop table journal",
    "alter table journal disable trigger all",
    "update alembic_version set version_num = 'x'",
)
FORBIDDEN_TO_API = (
    "insert into journal_link select * from journal_link",
    "update member set standing = 'member'",
    "update member set family_name = 'X'",
    "update member set left_at = clock_timestamp()",
    "update roll_import set applied = 1",
    "update roll_change set applied_at = clock_timestamp()",
    "delete from roll_problem",
    "insert into member select * from member",
    "update account set email = 'x@exemple.test'",
    "insert into account select * from account",
    "insert into door_request (status) values ('decided')",
    "insert into door_request (verdict, decided_by) values ('accept', gen_random_uuid())",
    "insert into door_request (compared_id) values (gen_random_uuid())",
    "update door_request set email = 'x@exemple.test'",
    "update door_request set number = '900001'",
    "update door_request set token_hash = 'x'",
    "update door_request set ended_at = clock_timestamp()",
    "update submission set status = 'approved'",
    "update submission set erased_at = clock_timestamp()",
    "update submission set member_id = member_id",
    "insert into erasure select * from erasure",
    "insert into onboarding select * from onboarding",
    "update onboarding set step = 'done'",
    "insert into registration select * from registration",
    "update registration set confirmed_at = clock_timestamp()",
    "update account set email_verified_at = clock_timestamp()",
    "update member set identity_verified_at = clock_timestamp()",
    "update document set wrapped_key = null",
    "update outbox set sent_at = clock_timestamp()",
    "update outbox set said_text = 'x'",
    "delete from decision_note",
    "delete from opinion_note",
)
FORBIDDEN_TO_WORKER = (
    "insert into vote (ballot_id, member_id, ciphertext) values (gen_random_uuid(), gen_random_uuid(), 'x')",
    "select digest from vote",
    "select * from passkey",
    "select * from authenticator",
    "delete from passkey",
    "insert into staff_act (kind) values ('suspend')",
    "insert into paper_voter (id) values (gen_random_uuid())",
    "update paper_voter set withdrawn_by = by_id",
    "insert into door_request select * from door_request",
    "insert into member (identity_verified_at) values (clock_timestamp())",
    "insert into account (password_hash) values ('x')",
    "insert into account (password_set_at) values (clock_timestamp())",
    "insert into account (email) values ('x@exemple.test')",
    "insert into decision select * from decision",
    "insert into decision_note select * from decision_note",
    "update decision set undone_at = clock_timestamp()",
    "insert into opinion select * from opinion",
    "update opinion set undone_at = clock_timestamp()",
    "insert into opinion_note select * from opinion_note",
    "update decision_note set fr = 'x'",
    "insert into claim select * from claim",
    "update claim set compared_at = clock_timestamp()",
    "update claim set extended_at = clock_timestamp()",
    "insert into submission select * from submission",
    "insert into document select * from document",
    "update document set epoch = epoch",
    "update account set password_hash = 'x'",
    "update account set number_tries = 0",
    "update account set reminders_off_at = clock_timestamp()",
    "insert into sign_in select * from sign_in",
    "update sign_in set expires_at = clock_timestamp()",
    "insert into attempt select * from attempt",
    "update member set language_chosen_at = clock_timestamp()",
    "insert into roll_import select * from roll_import",
    "insert into roll_line select * from roll_line",
    "insert into roll_change select * from roll_change",
    "update roll_import set confirmed_by = gen_random_uuid()",
)
ALLOWED_TO_API = (
    "select ballot_id, member_id, digest, cast_at from vote",
    "select * from settled_vote",
    "update passkey set sign_count = 1, used_at = clock_timestamp()",
    "update authenticator set last_step = 1",
    "delete from roll_line",
    "update roll_import set status = status, live = live, planned = 0",
    "update member set language_chosen_at = clock_timestamp()",
    "update member set language = 'en'",
    "update account set password_hash = 'x', password_set_at = clock_timestamp()",
    "update account set number_tries = number_tries + 1",
    "update account set reminders_off_at = clock_timestamp()",
    "update account set email_bounced_at = null",
    "select id from account for no key update",
    "select id from submission for update skip locked",
    "update claim set returned_at = clock_timestamp(), compared_at = clock_timestamp(), differs = '{}'",
    "delete from sign_in",
    "delete from attempt",
    "update link set voided_at = clock_timestamp()",
    "insert into journal (actor, action) values ('member', 'signed-in')",
    "select count(*) from onboarding",
    "update door_request set said = '{}', language = 'en', member_id = null",
    "update door_request set proven_at = clock_timestamp(), verdict = 'refuse', decided_at = clock_timestamp()",
)
ALLOWED_TO_WORKER = (
    "select ballot_id, member_id, cast_at from vote",
    "select * from settled_vote",
    "delete from roll_line",
    "delete from roll_problem",
    "update roll_change set applied_at = clock_timestamp(), overtaken = true",
    "update roll_import set applied = 1",
    "update member set family_name = family_name, left_at = left_at",
    "update account set email_verified_at = clock_timestamp()",
    "update account set email_bounced_at = clock_timestamp()",
    "update member set identity_verified_at = clock_timestamp()",
    "update member set standing = 'member'",
    "update account set email = 'x@exemple.test' where email is null",
    "update door_request set said = '{}', taken_up_at = clock_timestamp()",
    "select id from account for no key update",
    "select id from submission for update",
    "update submission set status = 'withdrawn', over_at = clock_timestamp()",
    "update document set wrapped_key = null",
    "update outbox set sent_at = clock_timestamp(), said_subject = 'x', said_text = 'x'",
    "update onboarding set step = 'done'",
    "update registration set confirmed_at = clock_timestamp()",
    "insert into journal (actor, action) values ('system', 'swept')",
    "delete from sign_in",
    "delete from attempt",
    "delete from decision_note",
)


@pytest.fixture
def as_role(as_api: Sessions, as_worker: Sessions) -> Callable[[str], Sessions]:
    return lambda name: {"api": as_api, "worker": as_worker}[name]


@pytest.mark.parametrize(
    ("role", "statements"),
    [
        ("api", FORBIDDEN_TO_BOTH + FORBIDDEN_TO_API),
        ("worker", FORBIDDEN_TO_BOTH + FORBIDDEN_TO_WORKER),
    ],
)
async def test_what_a_process_has_no_business_with_is_refused_by_the_database(
    as_role: Callable[[str], Sessions], sessions: Sessions, role: str, statements: tuple[str, ...]
) -> None:
    for statement in statements:
        with pytest.raises(ProgrammingError) as refused:
            await run(as_role(role), statement)
        code = getattr(refused.value.orig, "sqlstate", None)
        assert code == "42501", f"{statement}: {refused.value.orig}"


@pytest.mark.parametrize(("role", "statements"), [("api", ALLOWED_TO_API), ("worker", ALLOWED_TO_WORKER)])
async def test_what_a_process_needs_is_granted(
    as_role: Callable[[str], Sessions], sessions: Sessions, role: str, statements: tuple[str, ...]
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session)
        await a_submission(session, campaign, member)
    for statement in statements:
        await run(as_role(role), statement)


@pytest.mark.parametrize("role", BOTH)
async def test_a_process_owns_nothing_and_is_nobody_special(as_role: Callable[[str], Sessions], role: str) -> None:
    async with as_role(role).begin() as session:
        owned = await session.scalar(
            text("select count(*) from pg_class c where pg_get_userbyid(relowner) = current_user")
        )
        row = (
            await session.execute(
                text(
                    "select rolsuper, rolcreatedb, rolcreaterole, rolbypassrls, rolreplication"
                    " from pg_roles where rolname = current_user"
                )
            )
        ).one()

    assert owned == 0
    assert not any(row)
