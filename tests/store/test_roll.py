"""What a file would change, found in one comparison; and what the database holds an import to."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portal.rules.accounts import Role
from portal.rules.campaigns import NoticeKind
from portal.rules.members import Language
from portal.rules.roll import MANY_GONE, TWO_FROM, Change, Doubt, Kind
from portal.store import Sessions, accounts, ballots, members, notices, onboarding, roll, roll_diff, staff
from portal.store.members import Member
from portal.store.roll_diff import Row
from portal.store.staff import Act
from tests import builders
from tests.roll_files import a_roll_draft, confirmed, line, line_of, written
from tests.store.cases import run

YEARS = timedelta(days=1000)


async def somebody(sessions: Sessions, **more: object) -> tuple[Member, str]:
    async with sessions.begin() as session:
        member = await builders.a_member(session, **more)  # type: ignore[arg-type]
        account = await accounts.of_member(session, member.id)
    assert account is not None
    return member, account.email or ""


async def compared(sessions: Sessions, *lines: dict[str, str]) -> dict[str | None, Row]:
    """What the file makes of each number that it touches."""
    import_id = await a_roll_draft(sessions, written(lines))
    async with sessions.begin() as session:
        rows = await roll_diff.listed(session, import_id)
        summary = await roll_diff.summary(session, import_id)
        listed = {kind: sum(row.kind is kind for row in rows) for kind in Kind if kind is not Kind.SAME}
        assert listed == {kind: summary.kinds[kind] for kind in listed}, "every number is a list"
        entry = await roll.held(session, import_id)
        assert entry is not None
        await roll.abandon(session, entry)
    return {row.number: row for row in rows}


@pytest.mark.parametrize(
    ("more", "changes"),
    [
        ({"given_name": "Armande"}, [Change.NAME]),
        ({"family_name": "Béjart"}, [Change.NAME]),
        ({"street": "9, place X"}, [Change.ADDRESS]),
        ({"city": "Ottawa"}, [Change.ADDRESS]),
        ({"province": "ON"}, [Change.ADDRESS]),
        ({"postal_code": "K1A 0B1"}, [Change.ADDRESS]),
        ({"group": "TR"}, [Change.GROUP]),
        ({"standing": "cotisant"}, [Change.STANDING]),
        ({"language": "en"}, [Change.LANGUAGE]),
        ({"email": "autre@exemple.test"}, [Change.EMAIL]),
    ],
)
async def test_what_differs_is_named(sessions: Sessions, more: dict[str, str], changes: list[Change]) -> None:
    member, email = await somebody(sessions)

    found = await compared(sessions, {**line_of(member, email), **more})

    assert (found[member.number].kind, found[member.number].changes) == (Kind.CHANGED, changes)


async def test_who_is_new_gone_back_or_as_before(sessions: Sessions) -> None:
    same, email = await somebody(sessions)
    gone, _ = await somebody(sessions)
    away, _ = await somebody(sessions)
    back, its_email = await somebody(sessions)
    await run(
        sessions, "update member set left_at = now() where number in (:one, :two)", one=away.number, two=back.number
    )

    found = await compared(sessions, line(), line_of(same, email), line_of(back, its_email))

    assert {number: row.kind for number, row in found.items()} == {
        "990001": Kind.NEW, gone.number: Kind.GONE, back.number: Kind.BACK,
    }  # fmt: skip
    assert found["990001"].line == 2


async def test_a_language_that_the_member_chose_is_left_alone(sessions: Sessions) -> None:
    member, email = await somebody(sessions)
    async with sessions.begin() as session:
        assert not await members.choose_language(session, member.id, Language.FR), "it was already"

    assert await compared(sessions, line_of(member, email, language="en")) == {}


@pytest.mark.parametrize(
    ("more", "doubt"), [({"verified": True}, Doubt.EMAIL_KEPT), ({"password_hash": "x"}, Doubt.EMAIL_KEPT)]
)
async def test_an_address_that_its_owner_uses_is_reported_and_left_alone(
    sessions: Sessions, more: dict[str, object], doubt: Doubt
) -> None:
    """T18: proven, or signed in with."""
    member, _ = await somebody(sessions, **more)

    found = await compared(sessions, line_of(member, "autre@exemple.test"))

    row = found[member.number]
    assert (row.kind, row.changes, row.doubts) == (Kind.SAME, [], [doubt])


async def test_an_address_of_somebody_else_is_left_alone(sessions: Sessions) -> None:
    """T113: and none is taken away because a file does not know it."""
    member, _ = await somebody(sessions)
    other, email = await somebody(sessions)

    found = await compared(sessions, line_of(member, email.upper()), line_of(other))

    assert {number: row.doubts for number, row in found.items()} == {member.number: [Doubt.EMAIL_TAKEN]}


async def test_what_should_be_looked_at_twice(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    moved, email = await somebody(sessions)
    twin, its = await somebody(sessions, given_name="Marie", family_name="Rollet")
    await run(
        sessions,
        "update member set street = '4, RUE DU FORT', postal_code = 'G1R 4S9' where number = :n",
        n=twin.number,
    )
    async with sessions.begin() as session:
        twin = (await members.by_number(session, twin.number)) or twin

    found = await compared(
        sessions, line(email="x@exemple.test"), line_of(twin, its),
        line_of(moved, email, group="TR", given_name="Armande", city="Ottawa"),
    )  # fmt: skip

    assert found["990001"].doubts == [Doubt.SAME_PERSON]
    assert found[moved.number].doubts == [Doubt.GROUP_MOVED, Doubt.NAME_AND_ADDRESS]


async def test_whoever_left_has_no_ballot_and_hears_nothing_until_they_are_back(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session, verified=True)
        await session.execute(text("update member set left_at = now()"))
        await session.refresh(member)
        whole = await onboarding.read(session, campaign.id, member.id, valid_for=YEARS)
        assert whole is not None
        assert whole.standing.own == []
        assert (
            await ballots.register(
                session, campaign_id=campaign.id, member_id=member.id, chosen=["pension"], confirmed=True
            )
            == []
        )
        cards = await ballots.cards(session, campaign.id, member)
        assert {card.refusal for card in cards} == {"left-the-roll"}
        assert await notices.concerned(session, campaign.id, NoticeKind.INVITATION, after=None, most=9) == []
        await session.execute(text("update member set left_at = null"))
        assert len(await notices.concerned(session, campaign.id, NoticeKind.INVITATION, after=None, most=9)) == 1


# --- what no program may do


async def test_one_import_is_under_way_at_a_time(sessions: Sessions, as_api: Sessions) -> None:
    await a_roll_draft(sessions, written([line()]))
    async with sessions.begin() as session:
        operator = await builders.a_staff_account(session)
    async with as_api.begin() as session:
        assert not await roll.begin(session, uuid4(), operator.id, lines=1, wrong=0, problems=[], ignored=[])
        assert await roll.begin(session, uuid4(), operator.id, lines=1, wrong=1, problems=[], ignored=[]), (
            "kept nowhere"
        )


async def test_the_roll_changes_by_an_import_that_was_confirmed_and_as_it_was_planned(
    sessions: Sessions, as_worker: Sessions
) -> None:
    """T67: not by whoever holds the worker's rights."""
    touched, email = await somebody(sessions)
    other, its = await somebody(sessions)
    for member in (touched, other):
        with pytest.raises(IntegrityError, match="the roll changes by an import"):
            await run(as_worker, "update member set family_name = 'X' where id = :id", id=member.id)
    import_id = await a_roll_draft(sessions, written([line_of(touched, email, city="Ottawa"), line_of(other, its)]))
    with pytest.raises(IntegrityError, match="the roll changes by an import"):
        await run(as_worker, "update member set family_name = 'X' where id = :id", id=touched.id)
    await confirmed(sessions, import_id)
    await run(as_worker, "update member set city = 'Ottawa' where id = :id", id=touched.id)
    with pytest.raises(IntegrityError, match="the roll changes by an import"):
        await run(as_worker, "update member set family_name = 'X' where id = :id", id=other.id)


async def _ready(sessions: Sessions, opens: timedelta = timedelta(days=-1), **more: Any) -> tuple[UUID, UUID, UUID]:
    """A draft that brings somebody new while voting is open, and two operators."""
    async with sessions.begin() as session:
        await builders.a_campaign(session, opens=opens, **more)
        one = await builders.a_staff_account(session)
        two = await builders.a_staff_account(session)
    return await a_roll_draft(sessions, written([line()])), one.id, two.id


async def test_after_voting_opened_two_persons_change_an_electorate(sessions: Sessions, as_api: Sessions) -> None:
    """T67: whatever the program asks for, the database compares the two."""
    import_id, one, two = await _ready(sessions)
    async with as_api.begin() as session:
        planned = await roll_diff.plan(session, import_id)
    async with sessions.begin() as session:
        entry = await roll.by_id(session, import_id)
    assert entry is not None

    async def confirm(by: UUID) -> None:
        async with as_api.begin() as session:
            await roll.confirm(session, entry, by, planned)

    with pytest.raises(IntegrityError, match="two persons change an electorate"):
        await confirm(one)
    async with as_api.begin() as session:
        await roll.propose(session, entry, one)
    with pytest.raises(IntegrityError, match="two persons change an electorate"):
        await confirm(one)
    with pytest.raises(IntegrityError, match="a proposal stays whose it is"):
        await run(as_api, "update roll_import set proposed_by = :two", two=two)
    with pytest.raises(IntegrityError, match="an import is written down while it is a draft"):
        await run(as_api, "insert into roll_line select import_id, 9, '990009', given_name, family_name, email, street,"
                  ' city, province, postal_code, "group", standing, language from roll_line')  # fmt: skip
    await confirm(two)
    with pytest.raises(IntegrityError, match="whoever stops an import says so"):
        await run(as_api, "update roll_import set status = 'abandoned', live = null")


async def test_in_the_hour_before_voting_opens_two_persons_change_an_electorate_as_well(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T67: what is confirmed a minute before is applied while people vote."""
    import_id, one, _ = await _ready(sessions, opens=TWO_FROM - timedelta(minutes=2))
    async with as_api.begin() as session:
        assert await roll.voting_near(session)
        planned = await roll_diff.plan(session, import_id)
        entry = await roll.by_id(session, import_id)
    assert entry is not None
    with pytest.raises(IntegrityError, match="two persons change an electorate"):
        async with as_api.begin() as session:
            await roll.confirm(session, entry, one, planned)
    await run(sessions, "update campaign set opens = clock_timestamp() + interval '62 minutes'")
    async with as_api.begin() as session:
        assert not await roll.voting_near(session)
        await roll.confirm(session, entry, one, planned)


async def test_whoever_was_given_their_role_today_is_no_second_person_of_an_import(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T62, T67: an officer who invites themselves as an operator is still one person."""
    import_id, one, _ = await _ready(sessions)
    async with sessions.begin() as session:
        boss = await builders.a_staff_account(session, Role.OFFICER)
    async with as_api.begin() as session:
        invented = await staff.act(session, Act.INVITE, actor_id=boss.id, email="moi-aussi@exemple.test")
        await staff.act(session, Act.GRANT, actor_id=boss.id, account_id=invented, role=Role.OPERATOR)
        planned = await roll_diff.plan(session, import_id)
        entry = await roll.by_id(session, import_id)
    assert entry is not None
    with pytest.raises(IntegrityError, match="in this role for less than a day"):
        async with as_api.begin() as session:
            await roll.propose(session, entry, invented)
    async with as_api.begin() as session:
        await roll.propose(session, entry, one)
    with pytest.raises(IntegrityError, match="in this role for less than a day"):
        async with as_api.begin() as session:
            await roll.confirm(session, entry, invented, planned)


async def test_nobody_confirms_an_import_that_only_changes_the_language_they_are_written_to_in(
    sessions: Sessions, as_api: Sessions
) -> None:
    """T62: the journal takes no act on one's own file, and an import it refuses would never come to its end."""
    member, email = await somebody(sessions)
    async with sessions.begin() as session:
        account = await accounts.of_member(session, member.id)
        assert account is not None
        await builders.a_role(session, account.id, Role.OPERATOR)
    import_id = await a_roll_draft(sessions, written([line_of(member, email, language="en")]))
    async with as_api.begin() as session:
        assert await roll_diff.changes_entry_of(session, import_id, member.id)
        planned = await roll_diff.plan(session, import_id)
        entry = await roll.by_id(session, import_id)
        assert entry is not None
    with pytest.raises(IntegrityError, match="their own entry"):
        async with as_api.begin() as session:
            await roll.confirm(session, entry, account.id, planned)


async def test_of_a_finished_import_all_are_counted_and_so_many_listed_as_asked_for(sessions: Sessions) -> None:
    import_id, _, _ = await _ready(sessions)
    await run(
        sessions,
        "insert into roll_change (import_id, position, member_id, kind, changes, doubts, electorate, overtaken,"
        " applied_at) select i.id, n, gen_random_uuid(), case when n <= 4 then 'new' else 'gone' end, '',"
        " case when n % 2 = 0 then 'same-person' else '' end, true, n = 1, now() from roll_import i,"
        " generate_series(1, 9) n",
    )
    async with sessions.begin() as session:
        counted = await roll_diff.done(session, import_id)
        assert (counted[Kind.NEW], counted[Kind.GONE], counted[Kind.BACK]) == (3, 5, 0)
        assert [bool(row.doubts) for row in await roll_diff.left(session, import_id, 3)] == [False, True, True]
        assert len(await roll_diff.left(session, import_id, 50)) == 5


async def test_no_single_person_takes_a_tenth_of_the_roll_off_it(sessions: Sessions, as_api: Sessions) -> None:
    """T67: half a file is easily sent, and easily confirmed."""
    async with sessions.begin() as session:
        one = await builders.a_staff_account(session)
        two = await builders.a_staff_account(session)
        for _ in range(MANY_GONE + 1):
            await builders.a_member(session)
    import_id = await a_roll_draft(sessions, written([line()]))
    async with as_api.begin() as session:
        assert (await roll_diff.summary(session, import_id)).takes_two
        planned = await roll_diff.plan(session, import_id)
    async with sessions.begin() as session:
        entry = await roll.by_id(session, import_id)
    assert entry is not None
    with pytest.raises(IntegrityError, match="two persons take a tenth of the roll off it"):
        async with as_api.begin() as session:
            await roll.confirm(session, entry, one.id, planned)
    async with as_api.begin() as session:
        await roll.propose(session, entry, one.id)
    async with as_api.begin() as session:
        await roll.confirm(session, entry, two.id, planned)


async def test_the_worker_confirms_nothing(sessions: Sessions, as_worker: Sessions) -> None:
    await a_roll_draft(sessions, written([line()]))
    with pytest.raises(IntegrityError, match="a person confirms an import"):
        await run(as_worker, "update roll_import set status = 'confirmed'")


@pytest.mark.parametrize(
    ("more", "allowed"), [({}, True), ({"verified": True}, False), ({"password_hash": "x"}, False)]
)
async def test_the_worker_replaces_no_address_that_its_owner_uses(
    sessions: Sessions, as_worker: Sessions, more: dict[str, object], allowed: bool
) -> None:
    """T18: one that nobody has proven, nor chosen a password with, may still be a slip of the pen."""
    await somebody(sessions, **more)
    if allowed:
        await run(as_worker, "update account set email = 'autre@exemple.test' where member_id is not null")
        with pytest.raises(IntegrityError, match="an address on file is not replaced"):
            await run(as_worker, "update account set email = null where member_id is not null")
        return
    with pytest.raises(IntegrityError, match="an address on file is not replaced"):
        await run(as_worker, "update account set email = 'autre@exemple.test' where member_id is not null")
