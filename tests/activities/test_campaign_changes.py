"""A calendar that moved or was called off: who is told, from where a new attempt goes on, and what never leaves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.campaigns import AT_ONCE, CalendarToTell, CampaignActivities, NoticeToQueue
from activities.facts import Facts
from activities.rendering import Letters
from deploy.servers import Mailbox
from portal.rules.campaigns import NoticeKind, notices
from portal.rules.mail import Courtesy, MailKind
from portal.store import Sessions, campaigns, onboarding
from portal.store.campaigns import Campaign
from portal.store.members import Member
from tests import builders
from tests.activities.conftest import Relaying
from tests.activities.mails import eventually, is_sent, queue, queue_verification, row
from tests.activities.stories import written
from tests.store.cases import run

DAY = timedelta(days=1)
COURTESY = Courtesy(0, 0, timedelta(0))


@pytest.fixture
async def campaign(sessions: Sessions) -> Campaign:
    async with sessions.begin() as session:
        return await builders.a_campaign(session)


async def files(sessions: Sessions, campaign: Campaign, many: int) -> list[UUID]:
    """So many open files, in the order of their members' ids."""
    async with sessions.begin() as session:
        members = [await builders.a_member(session) for _ in range(many)]
        for member in members:
            await onboarding.open_file(session, campaign, member.id)
    return sorted(member.id for member in members)


def an_order(campaign: Campaign, **more: datetime) -> CalendarToTell:
    return CalendarToTell(campaign.id, campaign.code, replace(campaign.calendar, version=2, **more))


async def test_an_attempt_after_a_dead_worker_goes_on_from_the_last_member_told(
    sessions: Sessions, as_worker: Sessions, campaign: Campaign
) -> None:
    members = await files(sessions, campaign, AT_ONCE + 5)
    told: list[UUID] = []

    async def tell(code: str, member_id: UUID, version: int) -> bool:
        told.append(member_id)
        return True

    said: list[str] = []
    env = ActivityEnvironment()
    env.on_heartbeat = lambda *details: said.append(str(details[0]))
    activities = CampaignActivities(as_worker, COURTESY, tell)
    await env.run(activities.tell_calendar, an_order(campaign))
    assert said == [str(members[AT_ONCE - 1]), str(members[-1])]
    told.clear()
    again = ActivityEnvironment()
    again.info = replace(again.info, heartbeat_details=[said[0]], attempt=2)
    # Whoever has not noted it by now is counted all the same, wherever this attempt began.
    assert await again.run(activities.tell_calendar, an_order(campaign)) == len(members)
    assert sorted(told) == members[AT_ONCE:]


async def test_no_more_than_so_many_signals_are_on_their_way_at_once(
    sessions: Sessions, as_worker: Sessions, campaign: Campaign
) -> None:
    import asyncio

    await files(sessions, campaign, 2 * AT_ONCE)
    on_their_way = most = 0

    async def tell(code: str, member_id: UUID, version: int) -> bool:
        nonlocal on_their_way, most
        on_their_way += 1
        most = max(most, on_their_way)
        await asyncio.sleep(0.01)
        on_their_way -= 1
        return True

    await ActivityEnvironment().run(CampaignActivities(as_worker, COURTESY, tell).tell_calendar, an_order(campaign))
    assert most == AT_ONCE


async def test_one_that_cannot_be_told_holds_up_no_other_and_when_none_can_it_is_tried_again(
    sessions: Sessions, as_worker: Sessions, campaign: Campaign
) -> None:
    members = await files(sessions, campaign, 3)
    told: list[UUID] = []

    async def deaf(code: str, member_id: UUID, version: int) -> bool:
        if member_id == members[0]:
            raise ConnectionError("away")
        told.append(member_id)
        return True

    async def away(code: str, member_id: UUID, version: int) -> bool:
        raise ConnectionError("away")

    activities = CampaignActivities(as_worker, COURTESY, deaf)
    assert await ActivityEnvironment().run(activities.tell_calendar, an_order(campaign)) == 3
    assert sorted(told) == members[1:]
    with pytest.raises(ConnectionError):
        await ActivityEnvironment().run(CampaignActivities(as_worker, COURTESY, away).tell_calendar, an_order(campaign))


async def test_a_file_of_a_cancelled_campaign_without_a_workflow_is_closed(
    sessions: Sessions, campaigning: CampaignActivities, campaign: Campaign
) -> None:
    (member_id,) = await files(sessions, campaign, 1)
    order = an_order(campaign, cancelled_at=datetime.now(UTC))
    assert await ActivityEnvironment().run(campaigning.tell_calendar, order) == 0
    async with sessions.begin() as session:
        file = await onboarding.of_member(session, campaign.id, member_id)
        assert file is not None and file.ended_at is not None


async def test_the_version_that_a_campaigns_workflow_goes_by_is_written_down(
    sessions: Sessions, campaigning: CampaignActivities, campaign: Campaign
) -> None:
    async with sessions.begin() as session:
        await campaigns.move(session, campaign.id, closes=campaign.closes + DAY)
    await ActivityEnvironment().run(campaigning.read_calendar, campaign.id)
    async with sessions.begin() as session:
        found = await campaigns.by_id(session, campaign.id)
        assert found is not None and found.heard_version == 2


# --- what never leaves


async def test_a_notice_of_an_instant_that_moved_after_it_was_queued_never_leaves(
    sessions: Sessions, facts: Facts, letters: Letters
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session, opens=-5 * DAY, closes=DAY)
        member = await builders.a_member(session)
        mark = next(n.mark for n in notices(campaign.calendar) if n.kind is NoticeKind.TWO_DAYS)
        key = await queue(
            session, member, MailKind.NOT_YET_VOTED, campaign=campaign, facts={"notice": "two-days"},
            key=f"{mark}:{campaign.id}:{member.id}",
        )  # fmt: skip
    assert await written(sessions, facts, letters, key) is not None
    async with sessions.begin() as session:
        await campaigns.move(session, campaign.id, closes=campaign.closes + 3 * DAY)
    assert await written(sessions, facts, letters, key) is None


async def test_of_a_cancelled_campaign_only_the_cancelling_is_said(
    sessions: Sessions, facts: Facts, letters: Letters, campaign: Campaign
) -> None:
    async with sessions.begin() as session:
        member = await builders.a_member(session)
        invitation = await queue(session, member, MailKind.INVITATION, campaign=campaign)
        cancelled = await queue(session, member, MailKind.CAMPAIGN_CANCELLED, campaign=campaign)
    assert await written(sessions, facts, letters, invitation) is not None
    assert await written(sessions, facts, letters, cancelled) is None
    await run(sessions, "update campaign set status = 'cancelled', cancelled_at = now()")
    assert await written(sessions, facts, letters, invitation) is None
    assert "Le vote n'aura pas lieu" in (await written(sessions, facts, letters, cancelled) or "")


async def test_a_cancelling_is_told_to_whoever_was_invited_or_has_begun_and_to_nobody_else(
    sessions: Sessions, campaigning: CampaignActivities, campaign: Campaign
) -> None:
    (begun,) = await files(sessions, campaign, 1)
    async with sessions.begin() as session:
        invited, _ = await builders.a_member(session), await builders.a_member(session)
        key = await queue(session, invited, MailKind.INVITATION, campaign=campaign)
    await run(sessions, "update outbox set sent_at = now() where key = :key", key=key)
    order = NoticeToQueue(campaign.id, NoticeKind.CANCELLED, "cancelled", datetime.now(UTC))
    assert await ActivityEnvironment().run(campaigning.queue_notice, order) == 2
    async with sessions.begin() as session:
        told = await session.scalars(
            text("select member_id from outbox join account a on a.id = account_id where kind = 'campaign-cancelled'")
        )
        assert set(told) == {begun, invited.id}


# --- rehearsals


async def a_mock_member(sessions: Sessions, to: str | None) -> tuple[Campaign, Member]:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session)
    await run(
        sessions, "update campaign set rehearsal = true, rehearsal_to = :to where id = :id", to=to, id=campaign.id
    )
    await run(
        sessions, "update member set rehearsal_id = :campaign, number = '90001R' where id = :id", campaign=campaign.id,
        id=member.id,
    )  # fmt: skip
    return campaign, member


async def test_the_mail_of_a_mock_member_goes_to_the_staff_and_says_what_it_is(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    _, member = await a_mock_member(sessions, "equipe@exemple.test")
    async with sessions.begin() as session:
        key, _ = await queue_verification(session, member)
    async with relaying(mailbox):
        await eventually(lambda: is_sent(sessions, key))
    (kept,) = mailbox.messages()
    assert kept["envelope_to"] == ["equipe@exemple.test"]
    assert kept["subject"] == "[Répétition] Confirmez votre courriel"


async def test_without_an_address_it_never_leaves_and_stands_in_the_message_centre(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    campaign, member = await a_mock_member(sessions, None)
    async with sessions.begin() as session:
        key = await queue(session, member, MailKind.INVITATION, campaign=campaign)
    async with relaying(mailbox):
        await eventually(lambda: is_sent(sessions, key))
    assert mailbox.messages() == []
    assert (await row(sessions, key)).said_subject.startswith("[Répétition] ")  # type: ignore[union-attr]


async def test_a_notice_never_leaves_its_world(sessions: Sessions, campaigning: CampaignActivities) -> None:
    rehearsal, mock = await a_mock_member(sessions, None)
    async with sessions.begin() as session:
        real = await builders.a_campaign(session)
        member = await builders.a_member(session)
    for campaign in (rehearsal, real):
        order = NoticeToQueue(campaign.id, NoticeKind.INVITATION, "invitation", datetime.now(UTC))
        assert await ActivityEnvironment().run(campaigning.queue_notice, order) == 1
    async with sessions.begin() as session:
        rows = await session.execute(
            text("select campaign_id, member_id from outbox join account a on a.id = account_id")
        )
        assert set(rows.all()) == {(rehearsal.id, mock.id), (real.id, member.id)}
