"""The demo world is whole, agrees with itself, and is obviously made up."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from email_validator import validate_email

from api.passwords import Passwords
from deploy import codes
from deploy.cast import CROWD, MOLIERE, SIZE, STAFF, State, cast
from deploy.people import DOMAIN
from deploy.questions import QUESTIONS, ballots_of
from deploy.world import CODE, is_empty, seed
from portal.rules.doors import ANSWER_WITHIN
from portal.rules.links import keyed
from portal.rules.onboarding import Step, nearest_deadline
from portal.rules.operations import Stuck
from portal.store import (
    Sessions,
    accounts,
    ballots,
    campaign_changes,
    campaigns,
    chain,
    doors,
    factors,
    identity,
    journal,
    leftovers,
    mail,
    members,
    onboarding,
    operations,
    review,
    watch,
)
from portal.store.campaigns import Campaign
from portal.store.files import MinioFiles
from portal.store.operations import Where
from portal.store.sealing import EpochKeys, unseal
from tests.conftest import SECRET, Servers

FOR_YEARS = timedelta(days=3 * 365)


@pytest.fixture
def keys(tmp_path: Path) -> EpochKeys:
    return EpochKeys(tmp_path / "keys")


@pytest.fixture
async def campaign(sessions: Sessions, files: MinioFiles, keys: EpochKeys) -> Campaign:
    return await seed(sessions, files, keys, secret=SECRET.encode())


def test_two_hundred_members_in_every_state_of_all_groups() -> None:
    people = cast()
    assert len(people) == SIZE == len({p.number for p in people}) == len({p.name.email for p in people})
    states = Counter(p.state for p in people)
    assert {state: states[state] for state in CROWD} == CROWD
    assert {p.group for p in people} == {"EC", "TR", "BdP"}
    assert {p.name.language for p in people} == {"fr", "en"}
    assert people[0].email == MOLIERE.email == "moliere@membres.example"


def test_addresses_are_well_formed_and_lead_nowhere() -> None:
    assert DOMAIN.endswith(".example")
    for address in [*(p.email for p in cast() if p.email), *(s.email for s in STAFF)]:
        assert validate_email(address, check_deliverability=False).normalized == address


def test_printed_passwords_are_ones_the_portal_would_accept() -> None:
    passwords = Passwords(15)
    for person in cast():
        if person.password is not None:
            known = [person.name.given, person.name.family, person.number, person.name.email]
            assert passwords.weakness(person.password, known) is None, person.name
            assert person.password.isascii()
    for staff in STAFF:
        assert passwords.weakness(staff.password, [staff.email]) is None, staff.role
    passwords.close()


def test_an_ec_member_has_seven_ballots_a_tr_member_six_a_bdp_member_five() -> None:
    assert [len(ballots_of(group)) for group in ("EC", "TR", "BdP")] == [7, 6, 5]
    assert all(q.title_fr != q.title_en and q.question_fr != q.question_en for q in QUESTIONS)


async def test_the_vote_opens_in_a_moment_and_closes_at_four_in_ottawa(campaign: Campaign) -> None:
    now = datetime.now(UTC)
    assert timedelta(minutes=9) < campaign.opens - now <= timedelta(minutes=10)
    closes = campaign.closes.astimezone(campaign.zone)
    assert (closes.hour, closes.minute) == (16, 0)
    assert campaign.registration_opens < now < campaign.opens < campaign.closes < campaign.ends


async def test_every_file_stands_where_the_records_say(sessions: Sessions, campaign: Campaign) -> None:
    """A workflow that takes a file up reads the records anew: it must find what the pages showed before."""
    counts = Counter(p.state for p in cast())
    async with sessions.begin() as session:
        by_step: Counter[Step] = Counter()
        for step in Step:
            for file, member in await onboarding.at_step(session, campaign.id, step, most=SIZE):
                by_step[step] += 1
                whole = await onboarding.read(session, campaign.id, member.id, valid_for=FOR_YEARS)
                assert whole is not None
                assert whole.standing.step.value == file.step, member.name
                assert file.waiting_since <= datetime.now(UTC)
                assert not await identity.to_erase(session, campaign.id, member.id)
                assert await journal.of_member(session, member.id)
    assert by_step == {
        Step.EMAIL: counts[State.EMAIL],
        Step.IDENTITY: counts[State.IDENTITY] + counts[State.REJECTED],
        Step.REGISTRATION: counts[State.WAITING] + counts[State.APPROVED],
        Step.REVIEW: counts[State.REVIEW] + counts[State.APPEAL],
        Step.REFUSED: counts[State.REFUSED],
        Step.DONE: counts[State.DONE],
    }


async def test_nobody_is_reminded_of_old_days_at_the_next_sign_in(sessions: Sessions, campaign: Campaign) -> None:
    now = datetime.now(UTC)
    async with sessions.begin() as session:
        for step in (Step.EMAIL, Step.IDENTITY, Step.REGISTRATION, Step.REVIEW):
            for file, member in await onboarding.at_step(session, campaign.id, step, most=SIZE):
                live = await identity.live(session, campaign.id, member.id)
                deadline = nearest_deadline(
                    step=Step(file.step), last_step_at=file.last_step_at, reminded=file.reminded,
                    reminders_in_all=file.reminders_in_all, closes=campaign.closes, ends=campaign.ends,
                    submitted_at=live.submitted_at if live else None,
                )  # fmt: skip
                assert deadline.at > now, member.name


async def test_every_waiting_case_can_be_reviewed(
    sessions: Sessions, campaign: Campaign, files: MinioFiles, keys: EpochKeys
) -> None:
    async with sessions.begin() as session:
        reviewer = await accounts.by_email(session, STAFF[0].email)
        assert reviewer is not None
        assert (await review.queue(session)).waiting == CROWD[State.WAITING] + CROWD[State.REVIEW] + CROWD[State.APPEAL]
        claim = await review.claim_next(session, reviewer.id)
        assert claim is not None
        case = await review.case_of(session, claim.id, reviewer.id)
        assert case is not None
        stored = {file.key for file in await files.stored()}
        assert stored == await leftovers.live_object_keys(session)
        for document in await identity.documents_of(session, case.submission.id):
            jpeg = unseal(
                keys, document.id, ciphertext=await files.get(document.object_key),
                wrapped_key=document.wrapped_key, epoch=document.epoch,
            )  # fmt: skip
            assert jpeg.startswith(b"\xff\xd8")
        counter = await identity.counter(session)
    assert counter.remaining == CROWD[State.WAITING] + CROWD[State.REVIEW] + CROWD[State.APPEAL]
    assert counter.erased == sum(
        CROWD[s] for s in (State.REJECTED, State.REFUSED, State.APPEAL, State.APPROVED, State.DONE)
    )


async def test_a_registration_is_confirmed_once_the_identity_is(sessions: Sessions, campaign: Campaign) -> None:
    async with sessions.begin() as session:
        for person in cast():
            member = await members.by_number(session, person.number)
            assert member is not None
            cards = await ballots.cards(session, campaign.id, member)
            for card in cards:
                if card.registered_at is not None:
                    assert card.refusal is None
                    confirmed = person.state in (State.APPROVED, State.DONE)
                    assert (card.confirmed_at is not None) == confirmed


async def test_the_printed_passwords_open_the_accounts(sessions: Sessions, campaign: Campaign) -> None:
    hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
    printed = {p.name.email: p for p in cast() if p.password is not None}
    async with sessions.begin() as session:
        for email, person in printed.items():
            account = await accounts.by_email(session, email)
            assert account is not None
            assert account.password_hash is not None
            assert account.password_set_at is not None
            assert hasher.verify(account.password_hash, person.password or "")
            assert not hasher.check_needs_rehash(account.password_hash)
            assert campaign.password_cutoff is not None
            assert (account.password_set_at < campaign.password_cutoff) == person.old_password
        moliere = await accounts.by_email(session, MOLIERE.email)
        assert moliere is not None
        assert moliere.password_hash is None
        for staff in STAFF:
            account = await accounts.by_email(session, staff.email)
            assert account is not None
            assert {role.value for role in await accounts.roles(session, account.id)} == {staff.role}
            # The code that the mailbox shows lets them in.
            code = codes.code_of(staff.email)
            assert await factors.try_code(session, account.id, code, secret=SECRET.encode()) is None


async def test_its_journal_is_whole(campaign: Campaign, sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await chain.extend(session, everything=True, most=5000)
    assert (await chain.verify(sessions)).fault is None


async def test_a_world_is_made_up_only_where_nobody_lives(
    sessions: Sessions, servers: Servers, database: str, files: MinioFiles, keys: EpochKeys
) -> None:
    url = servers.postgres.url("postgres", database)
    assert is_empty(url)
    await seed(sessions, files, keys, secret=SECRET.encode())
    assert not is_empty(url)
    async with sessions.begin() as session:
        found = await campaigns.current(session)
        assert found is not None
        assert found.code == CODE


async def test_the_desk_of_the_doors_has_something_to_answer_and_something_late(
    campaign: Campaign, sessions: Sessions
) -> None:
    """With the mails that were sent by now: the workflows that start find them done."""
    async with sessions.begin() as session:
        waiting = await doors.waiting(session)
        case = await doors.case_of(session, waiting[1], await doors.suggestion(session, waiting[1]))
        unsent = await mail.counts(session)
    assert [one.kind for one in waiting] == ["join", "register-email"]
    now = datetime.now(UTC)
    late, new = (one.proven_at + ANSWER_WITHIN < now for one in waiting if one.proven_at)
    assert (late, new) == (True, False)
    assert case.member is not None and case.account is not None and case.account.email is None
    assert unsent.waiting == 0


async def test_the_operations_desk_has_something_on_most_of_its_lists(campaign: Campaign, sessions: Sessions) -> None:
    where = Where(campaign.id, timedelta(days=3 * 365))
    async with sessions.begin() as session:
        _, stuck = await operations.counts(session, where)
        lists = [watch.failed(campaign.id), watch.cases(campaign.id), watch.on_paper(campaign.id)]
        lengths = [await one.count(session) for one in lists]
        slow = await watch.slowed_down(session, lambda email: keyed(SECRET.encode(), "sign-in", email))
        flow = await watch.flow(session, campaign.id)
    assert {Stuck.NO_ADDRESS, Stuck.BOUNCED, Stuck.UNCONFIRMED, Stuck.REJECTED} <= set(stuck)
    assert min(lengths) > 1
    assert len(slow) == 1
    assert flow.waiting > 0 and flow.decided_week > 0


async def test_two_officers_have_opened_the_campaign_on_the_roll_that_the_box_is_compared_with(
    sessions: Sessions, campaign: Campaign
) -> None:
    async with sessions.begin() as session:
        opened = await campaign_changes.opening_manifest(session, campaign.id)
        assert opened is not None
        assert opened[0] == await campaign_changes.manifest(session, campaign.id)
        (opening,) = await campaign_changes.proposals(session, campaign.id)
    assert {opening.proposed_by, opening.confirmed_by} < {s.email for s in STAFF if s.role == "officer"}
    assert opening.proposed_by != opening.confirmed_by
