"""A notice to everybody is queued for the right people, in batches, once however often it is begun again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text
from temporalio.testing import ActivityEnvironment

from activities.campaigns import BATCH, CampaignActivities, NoticeToQueue
from portal.rules.campaigns import NoticeKind
from portal.rules.mail import MOST_REMINDERS, Courtesy
from portal.rules.onboarding import Step
from portal.rules.operations import PaperReason
from portal.store import Sessions, onboarding, paper, running
from portal.store.accounts import Account
from portal.store.campaigns import Campaign
from portal.store.mail import Mail
from portal.store.members import Member
from tests import builders
from tests.store.cases import run


async def queue(
    campaigning: CampaignActivities, campaign: Campaign, kind: NoticeKind, *, after: UUID | None = None
) -> int:
    """Run the activity once; `after` is what the heartbeat of a dead attempt said."""
    env = ActivityEnvironment()
    if after is not None:
        env.info = replace(env.info, heartbeat_details=[str(after)], attempt=2)
    order = NoticeToQueue(campaign.id, kind, kind.value, datetime.now(UTC))
    return await env.run(campaigning.queue_notice, order)


async def told(sessions: Sessions, notice: NoticeKind) -> set[UUID]:
    """The members a notice is queued for."""
    async with sessions.begin() as session:
        found = await session.scalars(
            select(Account.member_id)
            .join(Mail, Mail.account_id == Account.id)
            .where(Mail.facts["notice"].astext == notice.value)
        )
        return {member_id for member_id in found if member_id is not None}


async def at(
    sessions: Sessions, campaign: Campaign, step: Step | None, *, reminders: int = 0, **more: str | None
) -> UUID:
    """A member whose file is at this step; None: never signed in."""
    async with sessions.begin() as session:
        member = await builders.a_member(session, **more)  # type: ignore[arg-type]
        if step is not None:
            await onboarding.open_file(session, campaign, member.id)
            await session.execute(
                text("update onboarding set step = :step, reminders_in_all = :n where member_id = :id"),
                {"step": step.value, "n": reminders, "id": member.id},
            )
        return member.id


@pytest.fixture
async def campaign(sessions: Sessions) -> Campaign:
    async with sessions.begin() as session:
        return await builders.a_campaign(session)


async def test_an_invitation_goes_to_whoever_has_not_signed_in(
    sessions: Sessions, campaigning: CampaignActivities, campaign: Campaign
) -> None:
    new = {await at(sessions, campaign, None, group=group) for group in ("EC", "TR", "BdP")}
    await at(sessions, campaign, Step.EMAIL)
    await at(sessions, campaign, Step.DONE)
    await at(sessions, campaign, None, email=None)
    # Nothing to register for: nothing to be invited to.
    await at(sessions, campaign, None, standing="dues-payer")
    async with sessions.begin() as session:
        other = await builders.a_campaign(session)
    elsewhere = await at(sessions, other, Step.DONE)

    assert await queue(campaigning, campaign, NoticeKind.INVITATION) == 4
    assert await told(sessions, NoticeKind.INVITATION) == new | {elsewhere}


async def test_a_dues_payer_is_told_of_a_vote_that_the_law_gives_him(
    sessions: Sessions, campaigning: CampaignActivities, campaign: Campaign
) -> None:
    await run(sessions, "update ballot set members_only = false where code = 'tr-ratification'")
    of_tr = await at(sessions, campaign, None, standing="dues-payer", group="TR")
    await at(sessions, campaign, None, standing="dues-payer", group="EC")

    await queue(campaigning, campaign, NoticeKind.VOTING_OPEN)

    assert await told(sessions, NoticeKind.VOTING_OPEN) == {of_tr}


@pytest.mark.parametrize("kind", [NoticeKind.CLOSING_MOVED, NoticeKind.RESULTS])
async def test_a_moved_closing_and_the_results_are_for_the_whole_electorate(
    sessions: Sessions, campaigning: CampaignActivities, campaign: Campaign, kind: NoticeKind
) -> None:
    """T83, T85: registered or not, voting on paper or not; who has no address is on the list for the post."""
    everybody = {await at(sessions, campaign, step) for step in (None, Step.EMAIL, Step.REVIEW, Step.DONE, Step.ENDED)}
    by_post = await at(sessions, campaign, Step.EMAIL)
    async with sessions.begin() as session:
        operator = await builders.a_staff_account(session)
        await paper.mark(
            session, campaign_id=campaign.id, member_id=by_post, reason=PaperReason.ASKED, by=operator.id
        )  # fmt: skip
    without = await at(sessions, campaign, None, email=None)
    await at(sessions, campaign, None, standing="dues-payer")

    assert await queue(campaigning, campaign, kind) == 6
    assert await queue(campaigning, campaign, kind) == 0
    assert await told(sessions, kind) == everybody | {by_post}
    async with sessions.begin() as session:
        assert [p.number for p in await running.for_the_post(session, campaign)] == [
            await session.scalar(select(Member.number).where(Member.id == without))
        ]


async def test_the_reminder_before_the_opening_goes_to_whoever_misses_a_step_and_counts(
    sessions: Sessions, campaigning: CampaignActivities, campaign: Campaign
) -> None:
    missing = {
        await at(sessions, campaign, step, reminders=MOST_REMINDERS - 1)
        for step in (Step.EMAIL, Step.IDENTITY, Step.REGISTRATION)
    }
    never = await at(sessions, campaign, None)
    tired = await at(sessions, campaign, Step.EMAIL, reminders=MOST_REMINDERS)
    for step in (Step.REVIEW, Step.DONE, Step.ENDED):
        await at(sessions, campaign, step)

    await queue(campaigning, campaign, NoticeKind.BEFORE_OPENING)
    again = await queue(campaigning, campaign, NoticeKind.BEFORE_OPENING)

    assert again == 0
    assert await told(sessions, NoticeKind.BEFORE_OPENING) == missing | {never}
    async with sessions.begin() as session:
        counts = {
            member_id: (await onboarding.of_member(session, campaign.id, member_id)).reminders_in_all  # type: ignore[union-attr]
            for member_id in missing | {tired}
        }
    assert set(counts.values()) == {MOST_REMINDERS}


@pytest.mark.parametrize("kind", [NoticeKind.VOTING_OPEN, NoticeKind.FOUR_HOURS, NoticeKind.CLOSED])
async def test_everybody_with_a_ballot_and_an_address_hears_of_the_vote_itself(
    sessions: Sessions, campaigning: CampaignActivities, campaign: Campaign, kind: NoticeKind
) -> None:
    everybody = {await at(sessions, campaign, step) for step in (None, *Step)}
    await at(sessions, campaign, None, email=None)

    await queue(campaigning, campaign, kind)

    assert await told(sessions, kind) == everybody


class Died(BaseException):
    """The worker's end, which nothing handles."""


async def a_crowd(sessions: Sessions, size: int) -> None:
    async with sessions.begin() as session:
        ids = [uuid4() for _ in range(size)]
        session.add_all(
            Member(
                id=member_id,
                number=str(910_000 + n),
                given_name="Armande",
                family_name="Béjart",
                street="1, rue Neuve",
                city="Ottawa",
                province="ON",
                postal_code="K1A 0A9",
                group="EC",
                standing="member",
                language="fr",
            )
            for n, member_id in enumerate(ids)
        )
        await session.flush()
        session.add_all(Account(member_id=member_id, email=f"{member_id.hex}@exemple.test") for member_id in ids)


async def commits(sessions: Sessions) -> int:
    async with sessions.begin() as session:
        await session.execute(text("select pg_stat_force_next_flush()"))
        await session.execute(text("select pg_stat_clear_snapshot()"))
        return (
            await session.scalar(text("select xact_commit from pg_stat_database where datname = current_database()"))
            or 0
        )


async def rows(sessions: Sessions) -> tuple[int, int]:
    """Mails queued, and people they are for."""
    async with sessions.begin() as session:
        row = (await session.execute(select(func.count(), func.count(Mail.account_id.distinct())))).one()
        return row[0], row[1]


async def test_a_crowd_costs_a_commit_a_batch_and_nobody_is_told_twice(
    sessions: Sessions, campaigning: CampaignActivities, campaign: Campaign
) -> None:
    size = 1200
    await a_crowd(sessions, size)
    before = await commits(sessions)
    assert await queue(campaigning, campaign, NoticeKind.VOTING_OPEN) == size
    spent = await commits(sessions) - before

    # Three batches; the rest are this test's own looks and whatever the server does by itself.
    assert -(-size // BATCH) == 3
    assert spent < 40
    assert await rows(sessions) == (size, size)
    assert await queue(campaigning, campaign, NoticeKind.VOTING_OPEN) == 0
    assert await rows(sessions) == (size, size)


async def test_an_attempt_after_a_dead_worker_goes_on_where_its_heartbeat_was(
    sessions: Sessions, campaigning: CampaignActivities, campaign: Campaign
) -> None:
    await a_crowd(sessions, 1100)
    beats: list[UUID] = []

    def die(*details: object) -> None:
        beats.append(UUID(str(details[0])))
        raise Died

    env = ActivityEnvironment()
    env.on_heartbeat = die
    with pytest.raises(Died):
        await env.run(
            campaigning.queue_notice,
            NoticeToQueue(campaign.id, NoticeKind.VOTING_OPEN, NoticeKind.VOTING_OPEN.value, datetime.now(UTC)),
        )
    assert await rows(sessions) == (BATCH, BATCH)

    assert await queue(campaigning, campaign, NoticeKind.VOTING_OPEN, after=beats[0]) == 600
    assert await rows(sessions) == (1100, 1100)


async def test_an_attempt_that_lost_its_heartbeat_begins_anew_and_doubles_nothing(
    sessions: Sessions, campaigning: CampaignActivities, campaign: Campaign
) -> None:
    await a_crowd(sessions, 600)
    env = ActivityEnvironment()

    def die(*details: object) -> None:
        raise Died

    env.on_heartbeat = die
    with pytest.raises(Died):
        await env.run(
            campaigning.queue_notice,
            NoticeToQueue(campaign.id, NoticeKind.VOTING_OPEN, NoticeKind.VOTING_OPEN.value, datetime.now(UTC)),
        )

    assert await queue(campaigning, campaign, NoticeKind.VOTING_OPEN) == 100
    assert await rows(sessions) == (600, 600)


async def test_a_crowd_is_spread_over_the_half_hour(
    sessions: Sessions, as_worker: Sessions, campaign: Campaign
) -> None:
    await a_crowd(sessions, 300)

    async def nobody(code: str, member_id: UUID, calendar: object) -> bool:
        return False

    spread = CampaignActivities(as_worker, Courtesy(0, 0, timedelta(minutes=30)), nobody)
    begun = datetime.now(UTC)
    await queue(spread, campaign, NoticeKind.VOTING_OPEN)
    async with sessions.begin() as session:
        due = sorted(await session.scalars(select(Mail.due_at)))

    assert begun - timedelta(seconds=5) < due[0]
    assert due[-1] < datetime.now(UTC) + timedelta(minutes=30)
    assert due[-1] - due[0] > timedelta(minutes=25)


async def test_an_unknown_campaign_has_no_calendar(campaigning: CampaignActivities, campaign: Campaign) -> None:
    env = ActivityEnvironment()

    assert await env.run(campaigning.read_calendar, campaign.id) == campaign.calendar
    with pytest.raises(LookupError):
        await env.run(campaigning.read_calendar, uuid4())


async def test_open_files_hear_of_a_moved_calendar_until_none_is_left(
    sessions: Sessions, as_worker: Sessions, campaign: Campaign
) -> None:
    from activities.campaigns import CalendarToTell

    deaf = await at(sessions, campaign, Step.EMAIL)
    alive = {await at(sessions, campaign, Step.EMAIL) for _ in range(3)}
    gone = await at(sessions, campaign, Step.ENDED)
    await run(sessions, "update onboarding set ended_at = clock_timestamp() where member_id = :id", id=gone)
    heard: list[UUID] = []

    async def tell(code: str, member_id: UUID, calendar: object) -> bool:
        assert code == campaign.code
        heard.append(member_id)
        return member_id != deaf

    activities = CampaignActivities(as_worker, Courtesy(0, 0, timedelta(0)), tell)
    order = CalendarToTell(campaign.id, campaign.code, replace(campaign.calendar, version=2))

    left = await ActivityEnvironment().run(activities.tell_calendar, order)

    # A file without a workflow is noted at once; the others note it themselves when they have taken it up.
    assert (set(heard), left) == (alive | {deaf}, 3)
    async with sessions.begin() as session:
        for member_id in alive:
            await onboarding.note_calendar(session, campaign.id, member_id, 2)
    assert await ActivityEnvironment().run(activities.tell_calendar, order) == 0


@pytest.mark.parametrize("kind", NoticeKind)
async def test_whoever_votes_on_paper_is_told_of_the_end_and_of_nothing_else(
    sessions: Sessions, campaigning: CampaignActivities, kind: NoticeKind
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        operator = await builders.a_staff_account(session)
    step = None if kind is NoticeKind.INVITATION else Step.EMAIL
    online, by_post = await at(sessions, campaign, step), await at(sessions, campaign, step)
    async with sessions.begin() as session:
        await paper.mark(session, campaign_id=campaign.id, member_id=by_post, reason=PaperReason.ASKED, by=operator.id)
    await queue(campaigning, campaign, kind)
    # A closing that moves and the results are everybody's (security.md T83).
    over = (NoticeKind.CLOSED, NoticeKind.CANCELLED, NoticeKind.CLOSING_MOVED, NoticeKind.RESULTS)
    assert await told(sessions, kind) == ({online, by_post} if kind in over else {online})
