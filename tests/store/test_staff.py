"""What officers do to staff, as PostgreSQL allows it: whatever a page forgets."""

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.rules.accounts import INVITATION_VALID, Purpose, Role, SessionKind
from portal.rules.links import hash_of
from portal.rules.refusals import Refusal, Refused
from portal.store import Sessions, accounts, factors, links, staff
from portal.store import sessions as sign_ins
from portal.store.staff import Act
from tests import builders
from tests.store.cases import SECRET, run


async def hired(sessions: Sessions, *roles: Role) -> UUID:
    async with sessions.begin() as session:
        return (await builders.a_staff_account(session, *roles)).id


async def does(sessions: Sessions, kind: Act, actor: UUID | None, whom: UUID, role: Role | None = None) -> None:
    async with sessions.begin() as session:
        await staff.act(session, kind, actor_id=actor, account_id=whom, role=role)


async def refused(sessions: Sessions, kind: Act, actor: UUID | None, whom: UUID, role: Role | None = None) -> Refusal:
    with pytest.raises(Refused) as no:
        await does(sessions, kind, actor, whom, role)
    return no.value.refusal


async def roles_of(sessions: Sessions, account_id: UUID) -> set[Role]:
    async with sessions.begin() as session:
        return set(await accounts.roles(session, account_id))


async def sign_in(sessions: Sessions, account_id: UUID) -> None:
    async with sessions.begin() as session:
        await sign_ins.begin(
            session, token_hash=hash_of(str(account_id)), account_id=account_id, kind=SessionKind.STAFF,
            form_token="x", stepped_up=False,
        )  # fmt: skip


async def count(sessions: Sessions, table: str, account_id: UUID) -> int:
    async with sessions.begin() as session:
        statement = text(f"select count(*) from {table} where account_id = :id")
        return int(await session.scalar(statement, {"id": account_id}) or 0)


async def test_an_officer_gives_and_takes_roles_and_it_is_written_down(as_api: Sessions, sessions: Sessions) -> None:
    boss, other = await hired(sessions, Role.OFFICER), await hired(sessions)
    await does(as_api, Act.GRANT, boss, other, Role.REVIEWER)
    await does(as_api, Act.GRANT, boss, other, Role.AUDITOR)
    await does(as_api, Act.REVOKE, boss, other, Role.REVIEWER)
    assert await roles_of(sessions, other) == {Role.AUDITOR}
    async with sessions.begin() as session:
        entries = await session.execute(
            text("select action, code, actor, actor_id, subject_id from journal order by id")
        )
        assert [tuple(row) for row in entries] == [
            ("staff-role-given", "reviewer", "officer", boss, other),
            ("staff-role-given", "auditor", "officer", boss, other),
            ("staff-role-taken", "reviewer", "officer", boss, other),
        ]


@pytest.mark.parametrize("kind", [a for a in Act if a not in (Act.INVITE, Act.RESET)])
async def test_nobody_acts_on_their_own_account(as_api: Sessions, sessions: Sessions, kind: Act) -> None:
    """T62: refused at the level of SQL, for every act; their rows stay as they were."""
    boss = await hired(sessions, Role.OFFICER)
    await hired(sessions, Role.OFFICER)
    role = Role.AUDITOR if kind is Act.GRANT else Role.OFFICER if kind is Act.REVOKE else None
    with pytest.raises(IntegrityError, match="nobody acts on their own account"):
        await run(
            as_api,
            "insert into staff_act (id, kind, actor_id, account_id, role)"
            " values (gen_random_uuid(), :kind, :me, :me, :role)",
            kind=kind.value, me=boss, role=role,
        )  # fmt: skip
    assert await refused(as_api, kind, boss, boss, role) is Refusal.OWN_ACCOUNT
    assert await roles_of(sessions, boss) == {Role.OFFICER}


async def test_inviting_ones_own_address_is_acting_on_oneself(as_api: Sessions, sessions: Sessions) -> None:
    """T62."""
    async with sessions.begin() as session:
        account = await builders.a_staff_account(session, Role.OFFICER)
    with pytest.raises(Refused) as no:
        async with as_api.begin() as session:
            await staff.act(session, Act.INVITE, actor_id=account.id, email=account.email)
    assert no.value.refusal is Refusal.OWN_ACCOUNT


async def test_an_invitation_makes_an_account_and_keeps_no_address_in_the_act(
    as_api: Sessions, sessions: Sessions
) -> None:
    boss = await hired(sessions, Role.OFFICER)
    async with as_api.begin() as session:
        new = await staff.act(session, Act.INVITE, actor_id=boss, email="nouveau@exemple.test")
    async with as_api.begin() as session:
        again = await staff.act(session, Act.INVITE, actor_id=boss, email="nouveau@exemple.test")
        assert (await accounts.by_email(session, "nouveau@exemple.test")) is not None
    assert again == new
    async with sessions.begin() as session:
        assert await session.scalar(text("select count(*) from staff_act where email is not null")) == 0


async def test_only_an_officer_who_is_not_suspended_acts(as_api: Sessions, sessions: Sessions) -> None:
    boss, reviewer = await hired(sessions, Role.OFFICER), await hired(sessions, Role.REVIEWER, Role.OPERATOR)
    former, other = await hired(sessions, Role.OFFICER), await hired(sessions)
    await does(as_api, Act.SUSPEND, boss, former)
    for actor in (reviewer, former, other):
        assert await refused(as_api, Act.GRANT, actor, boss, Role.AUDITOR) is Refusal.NOT_ALLOWED
    with pytest.raises(IntegrityError, match="an act has an author"):
        await does(as_api, Act.SUSPEND, None, other)
    await does(as_api, Act.REINSTATE, boss, former)
    await does(as_api, Act.GRANT, former, other, Role.REVIEWER)


async def test_the_last_officer_stays(as_api: Sessions, sessions: Sessions) -> None:
    boss, second = await hired(sessions, Role.OFFICER), await hired(sessions, Role.OFFICER)
    await does(as_api, Act.SUSPEND, boss, second)
    # From a shell too.
    for kind, role in ((Act.REVOKE, Role.OFFICER), (Act.SUSPEND, None)):
        assert await refused(sessions, kind, None, boss, role) is Refusal.LAST_OFFICER
    assert await roles_of(sessions, boss) == {Role.OFFICER}


async def test_of_two_officers_who_remove_each_other_one_stays(as_api: Sessions, sessions: Sessions) -> None:
    boss, second = await hired(sessions, Role.OFFICER), await hired(sessions, Role.OFFICER)
    done = await asyncio.gather(
        does(as_api, Act.SUSPEND, boss, second), does(as_api, Act.SUSPEND, second, boss), return_exceptions=True
    )
    assert sum(isinstance(one, Refused) for one in done) == 1
    assert len(await roles_of(sessions, boss) | await roles_of(sessions, second)) == 1


async def test_whoever_is_suspended_is_out_at_once_and_has_no_role(as_api: Sessions, sessions: Sessions) -> None:
    boss, other = await hired(sessions, Role.OFFICER), await hired(sessions, Role.REVIEWER)
    await sign_in(sessions, other)
    await does(as_api, Act.SUSPEND, boss, other)
    assert await roles_of(sessions, other) == set()
    assert await count(sessions, "sign_in", other) == 0
    async with sessions.begin() as session:
        assert other not in await accounts.with_role(session, Role.REVIEWER)
    await does(as_api, Act.REINSTATE, boss, other)
    assert await roles_of(sessions, other) == {Role.REVIEWER}


async def test_keys_are_erased_by_two_officers_neither_of_whom_they_belong_to(
    as_api: Sessions, sessions: Sessions
) -> None:
    """T62: one asks, another confirms, once and within a day."""
    first, second = await hired(sessions, Role.OFFICER), await hired(sessions, Role.OFFICER)
    lost = await hired(sessions, Role.OFFICER)
    await sign_in(sessions, lost)

    async def reset(actor: UUID, asked: UUID | None) -> None:
        async with as_api.begin() as session:
            await staff.act(session, Act.RESET, actor_id=actor, account_id=lost, confirms=asked)

    async def asked() -> UUID:
        await does(as_api, Act.ASK_RESET, first, lost)
        async with as_api.begin() as session:
            question = await staff.asked(session, lost, Act.ASK_RESET)
        assert question is not None
        return question.id

    question = await asked()
    for actor, which in ((first, question), (second, None), (lost, question)):
        with pytest.raises(Refused) as no:
            await reset(actor, which)
        assert no.value.refusal in (Refusal.RESET_NEEDS_ANOTHER, Refusal.OWN_ACCOUNT)
    await run(sessions, "set session_replication_role = replica; update staff_act set at = at - interval '25 hours'")
    with pytest.raises(Refused):
        await reset(second, question)
    assert await count(sessions, "passkey", lost) == 1
    async with sessions.begin() as session:
        await builders.an_authenticator(session, lost, secret=SECRET)
    question = await asked()
    await reset(second, question)
    for table in ("passkey", "authenticator", "sign_in"):
        assert await count(sessions, table, lost) == 0, table
    # One question is answered once: keys chosen since stay.
    async with sessions.begin() as session:
        await builders.a_passkey(session, lost)
    with pytest.raises(Refused):
        await reset(second, question)
    async with sessions.begin() as session:
        assert (await factors.held(session, lost)).count == 1


async def test_whom_an_officer_has_just_made_an_officer_is_no_second_person(
    as_api: Sessions, sessions: Sessions
) -> None:
    """T62: an invented colleague neither asks for a reset nor confirms one, for a day; from a shell they may."""
    boss, invented, lost = await hired(sessions, Role.OFFICER), await hired(sessions), await hired(sessions)
    await does(as_api, Act.GRANT, boss, invented, Role.OFFICER)
    assert await refused(as_api, Act.ASK_RESET, invented, lost) is Refusal.ROLE_TOO_NEW
    await does(as_api, Act.ASK_RESET, boss, lost)

    async def confirm(actor: UUID) -> None:
        async with as_api.begin() as session:
            question = await staff.asked(session, lost, Act.ASK_RESET)
            assert question is not None
            await staff.act(session, Act.RESET, actor_id=actor, account_id=lost, confirms=question.id)

    with pytest.raises(Refused) as no:
        await confirm(invented)
    assert no.value.refusal is Refusal.ROLE_TOO_NEW
    assert await count(sessions, "passkey", lost) == 1
    from_the_shell = await hired(sessions)
    await does(sessions, Act.GRANT, None, from_the_shell, Role.OFFICER)
    await confirm(from_the_shell)
    await run(
        sessions,
        "set session_replication_role = replica;"
        " update staff_act set at = at - interval '25 hours' where kind = 'grant'",
    )
    await does(as_api, Act.ASK_RESET, invented, lost)


async def makes_an_officer(sessions: Sessions, actor: UUID, whom: UUID) -> Refusal | None:
    """As the page does: with the proposal there is, if any."""
    try:
        async with sessions.begin() as session:
            proposed = await staff.asked(session, whom, Act.ASK_OFFICER)
            await staff.act(
                session, Act.GRANT, actor_id=actor, account_id=whom, role=Role.OFFICER,
                confirms=None if proposed is None else proposed.id,
            )  # fmt: skip
    except Refused as no:
        return no.refusal
    return None


async def test_an_officer_is_made_by_two_where_there_are_two(as_api: Sessions, sessions: Sessions) -> None:
    """T62: whoever can make an officer alone can be two in a day."""
    boss = await hired(sessions, Role.OFFICER)
    second, third, other = await hired(sessions), await hired(sessions), await hired(sessions, Role.OPERATOR)
    assert await makes_an_officer(as_api, boss, second) is None, "there was one only"
    assert await makes_an_officer(as_api, boss, third) is Refusal.OFFICER_NEEDS_ANOTHER
    await does(as_api, Act.ASK_OFFICER, boss, third)
    assert await makes_an_officer(as_api, boss, third) is Refusal.OFFICER_NEEDS_ANOTHER
    # The one whom the first has just made.
    assert await makes_an_officer(as_api, second, third) is Refusal.ROLE_TOO_NEW
    assert await refused(as_api, Act.ASK_OFFICER, second, third) is Refusal.ROLE_TOO_NEW
    assert await makes_an_officer(as_api, other, third) is Refusal.NOT_ALLOWED
    # Alone by taking the role or the access from the others is not alone.
    await does(as_api, Act.SUSPEND, boss, second)
    assert await makes_an_officer(as_api, boss, third) is Refusal.OFFICER_NEEDS_ANOTHER
    await does(as_api, Act.REVOKE, boss, second, Role.OFFICER)
    assert await makes_an_officer(as_api, boss, third) is Refusal.OFFICER_NEEDS_ANOTHER
    # From a shell whoever holds the database answers for it.
    colleague = await hired(sessions)
    await does(sessions, Act.GRANT, None, colleague, Role.OFFICER)
    assert await makes_an_officer(as_api, colleague, third) is None
    assert Role.OFFICER in await roles_of(sessions, third)


async def test_whoever_proposed_an_officer_must_still_be_one(as_api: Sessions, sessions: Sessions) -> None:
    """T62."""
    one, two, new = await hired(sessions, Role.OFFICER), await hired(sessions, Role.OFFICER), await hired(sessions)
    await does(as_api, Act.ASK_OFFICER, one, new)
    await does(as_api, Act.SUSPEND, two, one)
    assert await makes_an_officer(as_api, two, new) is Refusal.OFFICER_NEEDS_ANOTHER


async def test_a_role_held_for_long_counts_whatever_was_given_since(as_api: Sessions, sessions: Sessions) -> None:
    boss, other = await hired(sessions, Role.OFFICER), await hired(sessions, Role.OPERATOR)
    await does(as_api, Act.GRANT, boss, other, Role.OFFICER)
    async with as_api.begin() as session:
        assert await staff.new_in_role(session, other, Role.OFFICER)
        assert not await staff.new_in_role(session, other, Role.OPERATOR, Role.OFFICER)
        assert not await staff.new_in_role(session, boss, Role.OFFICER)


async def test_what_was_done_to_staff_is_only_added_to_even_by_the_owner(sessions: Sessions) -> None:
    """T71."""
    await hired(sessions, Role.OFFICER)
    for statement in ("update staff_act set actor_id = null", "delete from staff_act", "truncate staff_act cascade"):
        with pytest.raises(IntegrityError, match="staff_act is only added to"):
            await run(sessions, statement)


async def test_an_invitation_sent_before_the_keys_were_erased_gives_none_back(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T20: a mail alone restores no key."""
    one, two, lost = [await hired(sessions, Role.OFFICER) for _ in range(3)]
    async with as_api.begin() as session:
        account = await accounts.by_id(session, lost)
        assert account is not None
        assert await links.make(
            session, link_id=uuid4(), account=account, purpose=Purpose.INVITATION, token_hash=hash_of("token"),
            valid=INVITATION_VALID,
        )  # fmt: skip
        asked = await staff.act(session, Act.ASK_RESET, actor_id=one, account_id=lost)
    async with as_api.begin() as session:
        question = await staff.asked(session, lost, Act.ASK_RESET)
        assert question is not None and asked == lost
        await staff.act(session, Act.RESET, actor_id=two, account_id=lost, confirms=question.id)
    async with as_api.begin() as session:
        link = await links.find(session, hash_of("token"))
        assert link is not None and link.refusal is Refusal.LINK_SUPERSEDED
        assert await links.use(session, link.id, Purpose.INVITATION, lost) is None
