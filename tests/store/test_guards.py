"""What no program may do, and what no error may say."""

import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from portal.rules.doors import Status
from portal.store import Session, Sessions, accounts, campaigns, journal, members
from portal.store.accounts import Account
from portal.store.identity import Claim, Decision
from tests import builders
from tests.store.cases import a_submission, run

CANARY = "canari-confidentiel"

LATER = timedelta(hours=1)


async def test_a_closing_moves_later_and_its_version_grows(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        announced = campaign.closes
        version = await campaigns.move(session, campaign.id, closes=announced + LATER)
    async with sessions.begin() as session:
        moved = await campaigns.by_id(session, campaign.id)

    assert moved is not None
    assert (version, moved.calendar.version) == (2, 2)
    assert moved.calendar.closes == announced + LATER


@pytest.mark.parametrize("change", ["closes - interval '1 microsecond'", "clock_timestamp()", "opens + interval '1 s'"])
async def test_a_closing_never_moves_earlier_not_even_for_the_owner(sessions: Sessions, change: str) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session, opens=timedelta(hours=-1))

    with pytest.raises(IntegrityError, match="a closing may only move later"):
        await run(sessions, f"update campaign set closes = {change}")


@pytest.mark.parametrize("change", ["opens = closes", "ends = closes - interval '1 s'", "registration_opens = closes"])
async def test_a_calendar_is_always_in_order(sessions: Sessions, change: str) -> None:
    async with sessions.begin() as session:
        await builders.a_campaign(session)

    with pytest.raises(IntegrityError):
        await run(sessions, f"update campaign set {change}")


@pytest.mark.parametrize(
    ("change", "forgotten"),
    [
        ("given_name = 'Armande'", True),
        ("family_name = 'Béjart'", True),
        ("street = '1, place Ailleurs'", True),
        ("city = 'Ottawa'", True),
        ("province = 'ON'", True),
        ("postal_code = 'K1A 0A9'", True),
        ("language = 'en'", False),
        ("\"group\" = 'TR'", False),
        ("standing = 'dues-payer'", False),
        ("given_name = given_name, street = street", False),
    ],
)
async def test_a_confirmed_identity_is_of_this_name_at_this_address(
    sessions: Sessions, change: str, forgotten: bool
) -> None:
    async with sessions.begin() as session:
        member = await builders.a_member(session)
        await members.verify_identity(session, member.id)
    await run(sessions, f"update member set {change} where id = :id", id=member.id)
    async with sessions.begin() as session:
        found = await members.by_id(session, member.id)

    assert found is not None
    assert (found.identity_verified_at is None) == forgotten


async def test_nobody_claims_or_decides_their_own_file_whatever_the_program_does(
    sessions: Sessions, as_api: Sessions
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session)
        own = await accounts.of_member(session, member.id)
        colleague = await builders.a_staff_account(session)
        submission = await a_submission(session, campaign, member)
        claim = Claim(
            id=uuid4(),
            submission_id=submission.id,
            reviewer_id=colleague.id,
            expires_at=datetime.now(UTC) + LATER,
        )
        session.add(claim)
    assert own is not None

    with pytest.raises(IntegrityError, match="nobody acts on their own file"):
        async with as_api.begin() as session:
            session.add(Claim(submission_id=submission.id, reviewer_id=own.id, expires_at=datetime.now(UTC) + LATER))
    with pytest.raises(IntegrityError, match="nobody acts on their own file"):
        async with as_api.begin() as session:
            session.add(Decision(submission_id=submission.id, claim_id=claim.id, reviewer_id=own.id, verdict="approve"))


async def test_pages_leave_a_form_as_it_was_proven_and_decide_it_once(sessions: Sessions, as_api: Sessions) -> None:
    async with sessions.begin() as session:
        await builders.a_request(session, status=Status.ASKED)
    await run(as_api, "update door_request set said = '{}', status = 'proven'")
    with pytest.raises(IntegrityError, match="a form stays as it was proven"):
        await run(as_api, """update door_request set said = '{"number": "900001"}'""")
    await run(as_api, "update door_request set status = 'decided', verdict = 'refuse'")
    with pytest.raises(IntegrityError, match="a request is decided once"):
        await run(as_api, "update door_request set verdict = 'accept'")


async def test_a_member_has_one_live_submission_whatever_the_processes_do_at_once(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session)
        await a_submission(session, campaign, member)

    with pytest.raises(IntegrityError, match="uq_submission_live"):
        async with sessions.begin() as session:
            await a_submission(session, campaign, member)


async def test_a_repeated_act_finds_itself_in_the_journal(sessions: Sessions, as_worker: Sessions) -> None:
    member_id = uuid4()
    answers = []
    for key in ("update-1", "update-1", None, None, "update-2"):
        async with as_worker.begin() as session:
            answers.append(await journal.write(session, "registered", actor="member", member_id=member_id, key=key))
    async with as_worker.begin() as session:
        trail = await journal.of_member(session, member_id)
        assert await journal.holds(session, "update-1")
        assert not await journal.holds(session, "update-3")

    assert answers == [True, False, True, True, True]
    assert [entry.key for entry in trail] == ["update-2", None, None, "update-1"]


async def test_an_act_that_is_rolled_back_may_be_done_again(as_worker: Sessions) -> None:
    async with as_worker() as session:
        assert await journal.write(session, "registered", actor="member", key="update-1")
        await session.rollback()
    async with as_worker.begin() as session:
        assert await journal.write(session, "registered", actor="member", key="update-1")


async def _twice(session: Session) -> None:
    await builders.a_member(session, email=f"{CANARY}@exemple.test")
    await builders.a_member(session, email=f"{CANARY}@exemple.test")


async def _against_a_check(session: Session) -> None:
    await builders.a_member(session, family_name=CANARY, group="XX")


async def _missing(session: Session) -> None:
    session.add(Account(id=uuid4(), email=f"{CANARY}@exemple.test", member_id=uuid4()))
    await session.flush()


async def _wrong_type(session: Session) -> None:
    await session.execute(text("select cast(cast(:it as text) as uuid)"), {"it": CANARY})


async def _wrong_moment(session: Session) -> None:
    await session.execute(text("select cast(cast(:it as text) as timestamptz)"), {"it": CANARY})


@pytest.mark.parametrize(
    ("mistake", "kind"),
    [
        (_twice, IntegrityError),
        (_against_a_check, IntegrityError),
        (_wrong_type, DataError),
        (_wrong_moment, DataError),
    ],
)
async def test_no_error_repeats_what_a_person_typed(
    sessions: Sessions, mistake: Callable[[Session], Awaitable[None]], kind: type[DBAPIError]
) -> None:
    """T109: a failure ends up in logs and in histories, with its causes: none may carry a name or an address."""
    with pytest.raises(kind) as failed:
        async with sessions.begin() as session:
            await mistake(session)

    said = "".join(traceback.format_exception(failed.value))
    for error in (failed.value, failed.value.orig, failed.value.__cause__):
        said += str(error) + repr(error)
    assert CANARY not in said.replace(f'CANARY = "{CANARY}"', "")


async def test_an_error_shows_no_parameter_of_its_statement(sessions: Sessions) -> None:
    with pytest.raises(IntegrityError) as failed:
        async with sessions.begin() as session:
            await _missing(session)

    assert CANARY not in str(failed.value)
    assert "fk_account_member_id" in str(failed.value)
