"""What the doors do to the records, as the worker's role: each once, whatever is repeated."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.doors import DoorActivities, FileToLookAt, MomentOf, RequestOf, RequestState
from activities.facts import Facts
from activities.renewals import RenewalActivities, RenewalOf
from activities.sweep import SweepActivities
from portal.rules.accounts import Role
from portal.rules.doors import Door, Moment, Reason, Status, Verdict
from portal.rules.links import token_of
from portal.rules.mail import MailKind
from portal.rules.refusals import Refusal
from portal.store import Sessions, accounts, doors, links, members, onboarding
from portal.store.doors import Decision, DoorRequest
from portal.store.mail import Claimed, Mail
from portal.store.members import Member
from tests import builders
from tests.activities.conftest import POLICY
from tests.conftest import SECRET
from tests.store.cases import run

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def looked() -> list[tuple[str, UUID]]:
    return []


@pytest.fixture
def acting(as_worker: Sessions, looked: list[tuple[str, UUID]]) -> DoorActivities:
    async def look(campaign_code: str, member_id: UUID) -> None:
        looked.append((campaign_code, member_id))

    return DoorActivities(as_worker, POLICY, SECRET.encode(), look)


async def state(acting: DoorActivities, request: DoorRequest) -> RequestState:
    return await ActivityEnvironment().run(acting.take_up_request, RequestOf(request.id))


async def meet(acting: DoorActivities, request: DoorRequest, moment: Moment) -> None:
    await ActivityEnvironment().run(acting.meet_moment, MomentOf(request.id, moment))


async def apply(acting: DoorActivities, request: DoorRequest) -> RequestState:
    await ActivityEnvironment().run(acting.apply_request_decision, RequestOf(request.id))
    return await state(acting, request)


async def mails(sessions: Sessions) -> list[str]:
    async with sessions.begin() as session:
        return list(await session.scalars(select(Mail.kind).order_by(Mail.queued_at, Mail.kind)))


async def decided(sessions: Sessions, request: DoorRequest, made: Decision) -> DoorRequest | Refusal:
    async with sessions.begin() as session:
        staff = await builders.a_staff_account(session, Role.OPERATOR)
        return await doors.decide(session, request.id, staff.id, made)


def accepting(member: Member) -> Decision:
    """As somebody at the desk does who has compared the request with this entry."""
    return Decision(Verdict.ACCEPT, compared=member.id)


async def unheard(sessions: Sessions) -> list[tuple[UUID, str]]:
    async with sessions.begin() as session:
        found = await doors.unheard(session, overdue=timedelta(seconds=10), asleep=DAY)
    return [(one.request_id, one.told) for one in found]


async def test_what_time_brings_about_happens_once_and_only_while_it_still_fits(
    sessions: Sessions, acting: DoorActivities
) -> None:
    async with sessions.begin() as session:
        asked = await builders.a_request(session, status=Status.ASKED)
        proven = await builders.a_request(session)
        await builders.a_staff_account(session, Role.OPERATOR)
        await builders.a_staff_account(session, Role.OPERATOR, Role.REVIEWER)
        await builders.a_staff_account(session, Role.REVIEWER)
    for _ in range(2):
        for moment in (Moment.RECEIVED, Moment.STAFF_REMINDER, Moment.LATE, Moment.PROOF_REMINDER):
            await meet(acting, asked, moment)
    assert await mails(sessions) == ["door-proof"]
    for _ in range(2):
        await meet(acting, asked, Moment.LAPSE)
    assert (await state(acting, asked)).status is Status.LAPSED
    assert await mails(sessions) == ["door-proof", "door-lapsed"]
    for _ in range(2):
        for moment in (Moment.PROOF_REMINDER, Moment.LAPSE, Moment.RECEIVED, Moment.STAFF_REMINDER, Moment.LATE):
            await meet(acting, proven, moment)
    for turn in (1, 2, 2):
        await ActivityEnvironment().run(acting.meet_moment, MomentOf(proven.id, Moment.STILL_WAITING, turn))
    later = (await mails(sessions))[2:]
    assert sorted(later) == ["door-late", "door-received", *["staff-waiting"] * 8]
    assert (await state(acting, proven)).status is Status.PROVEN


async def test_many_forms_with_one_address_are_one_reminder_and_one_end(
    sessions: Sessions, acting: DoorActivities
) -> None:
    """T114: somebody who types the address of another person fills no mailbox, now or a week later."""
    async with sessions.begin() as session:
        asked = [
            await builders.a_request(
                session, status=Status.ASKED, number=f"90010{n}", email="victime@exemple.test", asked=n * -HOUR
            )
            for n in range(5)
        ]
        other = await builders.a_request(session, status=Status.ASKED)
    for moment in (Moment.PROOF_REMINDER, Moment.LAPSE):
        for request in (*reversed(asked), other):
            await meet(acting, request, moment)
    async with sessions.begin() as session:
        sent = await session.execute(select(Mail.kind, Mail.request_id).order_by(Mail.kind))
        of_whom = {(kind, request_id) for kind, request_id in sent}
    assert of_whom == {(kind, of.id) for kind in ("door-proof", "door-lapsed") for of in (asked[0], other)}
    for request in asked:
        assert (await state(acting, request)).status is Status.LAPSED


async def test_a_request_that_is_not_there_is_not_looked_for_again(acting: DoorActivities, as_worker: Sessions) -> None:
    renewing = RenewalActivities(as_worker)
    with pytest.raises(ApplicationError, match="no such request") as failed:
        await ActivityEnvironment().run(acting.take_up_request, RequestOf(uuid4()))
    assert failed.value.non_retryable
    with pytest.raises(ApplicationError, match="no such link") as failed:
        await ActivityEnvironment().run(renewing.take_up_renewal, RenewalOf(uuid4()))
    assert failed.value.non_retryable


async def test_an_accepted_address_is_on_file_proven_and_its_mail_leads_to_a_password(
    sessions: Sessions, acting: DoorActivities, facts: Facts
) -> None:
    """However often it is applied; the link lives for three days and is the records' own."""
    async with sessions.begin() as session:
        member = await builders.a_member(session, email=None)
        request = await builders.a_request(session, member=member)
    await decided(sessions, request, accepting(member))
    for _ in range(2):
        assert (await apply(acting, request)).member_id == member.id
    async with sessions.begin() as session:
        account = await accounts.of_member(session, member.id)
        assert account is not None
        assert account.email == request.email
        assert account.email_verified_at is not None
        (mail,) = await session.scalars(select(Mail))
        found = await links.by_id(session, UUID(mail.facts["link_id"]))
        assert found is not None and found.refusal is None
        assert timedelta(hours=71) < found.expires_at - datetime.now(UTC) <= timedelta(hours=72)
        said = await facts.of(session, as_claimed(mail))
    assert said is not None
    assert said.email == request.email
    assert str(said.facts["link"]).endswith(token_of(SECRET.encode(), found.id))


def as_claimed(mail: Mail) -> Claimed:
    return Claimed(
        mail.id, mail.key, MailKind(mail.kind), mail.account_id, mail.campaign_id, mail.facts, 1, mail.queued_at,
        mail.request_id,
    )  # fmt: skip


async def test_a_dues_payer_keeps_address_and_password_and_is_a_member(
    sessions: Sessions, acting: DoorActivities
) -> None:
    async with sessions.begin() as session:
        member = await builders.a_member(session, standing="dues-payer", password_hash="x", verified=False)
        request = await builders.a_request(session, Door.JOIN, member=member)
        before = await accounts.of_member(session, member.id)
    await decided(sessions, request, accepting(member))
    await apply(acting, request)
    async with sessions.begin() as session:
        now = await members.by_id(session, member.id)
        account = await accounts.of_member(session, member.id)
    assert now is not None and now.standing == "member"
    assert before is not None and account is not None
    assert account.email == before.email != request.email
    assert account.email_verified_at is None, "another address was proven"
    assert await mails(sessions) == ["welcome"]


async def test_a_stranger_is_on_the_roll_once_with_the_number_that_was_typed(
    sessions: Sessions, acting: DoorActivities
) -> None:
    async with sessions.begin() as session:
        request = await builders.a_request(session, Door.JOIN)
    assert await decided(sessions, request, Decision(Verdict.ACCEPT)) is Refusal.ROLL_NUMBER_NEEDED
    nowhere = Decision(Verdict.ACCEPT, compared=uuid4())
    assert await decided(sessions, request, nowhere) is Refusal.ROLL_ENTRY_NEEDED
    await decided(sessions, request, Decision(Verdict.ACCEPT, roll_number="987000", roll_group="TR"))
    for _ in range(2):
        await apply(acting, request)
    async with sessions.begin() as session:
        rows = (await session.scalars(select(Member))).all()
        assert [(m.number, m.group, m.standing, m.street) for m in rows] == [
            ("987000", "TR", "member", "4, rue du Fort")
        ]
        account = await accounts.of_member(session, rows[0].id)
    assert account is not None and account.email == request.email


@pytest.mark.parametrize("what", ["address", "number", "standing"])
async def test_a_decision_that_no_longer_fits_goes_back_to_the_desk(
    sessions: Sessions, acting: DoorActivities, what: str
) -> None:
    """Between the decision and its application somebody else was quicker: nothing is written, staff hear of it."""
    door = Door.REGISTER_EMAIL if what == "address" else Door.JOIN
    async with sessions.begin() as session:
        member = None
        if what != "number":
            member = await builders.a_member(session, email=None if what == "address" else "", standing="dues-payer")
        request = await builders.a_request(session, door, member=member)
    made = accepting(member) if member else Decision(Verdict.ACCEPT, roll_number="987001", roll_group="EC")
    assert not isinstance(await decided(sessions, request, made), Refusal)
    async with sessions.begin() as session:
        if what == "address":
            await builders.a_member(session, email=request.email)
        elif what == "number":
            other = await builders.a_member(session)
            await session.execute(text("update member set number = '987001' where id = :id"), {"id": other.id})
        else:
            await session.execute(text("update member set standing = 'member'"))
    assert (await apply(acting, request)).status is Status.PROVEN
    assert await mails(sessions) == ["staff-waiting"]
    async with sessions.begin() as session:
        back = await doors.by_id(session, request.id)
    assert back is not None and back.compared_id is None, "whom it comes from is decided anew"
    refused = await decided(sessions, request, Decision(Verdict.REFUSE, Reason.OTHER, "Un mot", "A word"))
    assert not isinstance(refused, Refusal)
    assert (await apply(acting, request)).status is Status.REFUSED


@pytest.mark.parametrize("reason", [Reason.ADDRESS_ON_FILE, Reason.NAME_DIFFERS])
async def test_whoever_is_on_file_hears_of_another_address_and_the_worker_could_not_write_it(
    sessions: Sessions, acting: DoorActivities, as_worker: Sessions, facts: Facts, reason: Reason
) -> None:
    """T18: held by the database as well: the worker gives a first address, never another."""
    async with sessions.begin() as session:
        member = await builders.a_member(session, verified=True)
        request = await builders.a_request(session, member=member)
        account = await accounts.of_member(session, member.id)
    assert account is not None
    assert await decided(sessions, request, accepting(member)) is Refusal.ADDRESS_ON_FILE
    await decided(sessions, request, Decision(Verdict.REFUSE, reason))
    await apply(acting, request)
    async with sessions.begin() as session:
        found: Sequence[Mail] = (await session.scalars(select(Mail))).all()
        said = [await facts.of(session, as_claimed(mail)) for mail in found]
    assert {(mail.kind, one.email) for mail, one in zip(found, said, strict=True) if one} == {
        ("door-refused", request.email), ("address-on-file", account.email),
    }  # fmt: skip
    with pytest.raises(IntegrityError):
        await run(as_worker, "update account set email = 'x@exemple.test' where email is not null")


async def test_the_first_mail_says_nothing_that_a_stranger_typed(
    sessions: Sessions, acting: DoorActivities, facts: Facts
) -> None:
    """T111: until the address is proven, nobody writes to it through us."""
    async with sessions.begin() as session:
        request = await builders.a_request(session, Door.JOIN, status=Status.ASKED)
    await meet(acting, request, Moment.PROOF_REMINDER)
    async with sessions.begin() as session:
        (mail,) = await session.scalars(select(Mail))
        said = await facts.of(session, as_claimed(mail))
    assert said is not None
    assert said.facts["given_name"] == said.facts["family_name"] == ""
    assert "Rollet" not in str(said.facts)


async def test_a_mail_whose_request_stands_differently_is_not_sent(
    sessions: Sessions, acting: DoorActivities, facts: Facts
) -> None:
    async with sessions.begin() as session:
        request = await builders.a_request(session, status=Status.ASKED)
    await meet(acting, request, Moment.PROOF_REMINDER)
    async with sessions.begin() as session:
        assert await doors.prove(session, request.id)
        assert not await doors.prove(session, request.id)
        (mail,) = await session.scalars(select(Mail))
        assert await facts.of(session, as_claimed(mail)) is None


async def test_only_a_file_that_is_open_looks_again(
    sessions: Sessions, acting: DoorActivities, looked: list[tuple[str, UUID]]
) -> None:
    async def look(member: Member) -> None:
        await ActivityEnvironment().run(acting.look_again_at_file, FileToLookAt(member.id))

    async with sessions.begin() as session:
        member, other = await builders.a_member(session), await builders.a_member(session)
    await look(member)
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        await onboarding.open_file(session, campaign, member.id)
    await look(other)
    assert looked == []
    await look(member)
    assert looked == [(campaign.code, member.id)]
    await run(sessions, "update onboarding set ended_at = clock_timestamp()")
    await look(member)
    assert len(looked) == 1


async def test_the_relay_finds_what_no_workflow_has_heard_of_and_nothing_else(
    sessions: Sessions, acting: DoorActivities
) -> None:
    async with sessions.begin() as session:
        request = await builders.a_request(session, status=Status.ASKED)
    woken = [(request.id, "proven")]
    assert await unheard(sessions) == woken
    await state(acting, request)
    assert await unheard(sessions) == []
    async with sessions.begin() as session:
        await doors.prove(session, request.id)
    assert await unheard(sessions) == [], "its signal is on its way"
    await run(sessions, "update door_request set proven_at = proven_at - interval '1 minute',"
              " taken_up_at = taken_up_at - interval '2 minutes'")  # fmt: skip
    assert await unheard(sessions) == woken
    await state(acting, request)
    await run(sessions, "update door_request set taken_up_at = taken_up_at - interval '2 days'")
    assert await unheard(sessions) == woken, "asleep: its workflow may have been ended by hand"
    await meet(acting, request, Moment.LAPSE)
    await run(sessions, "update door_request set ended_at = clock_timestamp()")
    assert await unheard(sessions) == []


async def test_what_was_typed_is_forgotten_a_month_after_the_end_and_not_before(
    sessions: Sessions, sweeping: SweepActivities
) -> None:
    async with sessions.begin() as session:
        live = await builders.a_request(session, asked=-60 * DAY)
        ended = await builders.a_request(session, Door.JOIN, number="900555")
        fresh = await builders.a_request(session)
        for request, days in ((ended, 31), (fresh, 29)):
            request.status = Status.REFUSED.value
            request.note_fr = request.note_en = "un mot"
            request.ended_at = datetime.now(UTC) - days * DAY
    await ActivityEnvironment().run(sweeping.sweep)
    async with sessions.begin() as session:
        found = {row.id: row for row in await session.scalars(select(DoorRequest))}
    gone = found[ended.id]
    assert (gone.email, gone.number, gone.said, gone.note_fr, gone.note_en) == (None, None, {}, None, None)
    assert gone.status == "refused"
    for kept in (found[live.id], found[fresh.id]):
        assert kept.email and kept.said["family_name"]
