"""A vote on paper: marked once, taken back at most once and before the opening, and by nobody for themselves."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from portal.rules.ballots import ready_to_register
from portal.rules.operations import PaperReason
from portal.rules.refusals import Refusal
from portal.store import Session, Sessions, ballots, onboarding, paper
from portal.store.campaigns import Campaign
from tests import builders
from tests.store.cases import run

HOUR = timedelta(hours=1)
VALID = timedelta(days=1)


async def some_people(session: Session, **calendar: timedelta) -> tuple[Campaign, UUID, UUID]:
    """A campaign, a member, an operator."""
    campaign = await builders.a_campaign(session, **calendar)  # type: ignore[arg-type]
    member = await builders.a_member(session, verified=True)
    operator = await builders.a_staff_account(session)
    return campaign, member.id, operator.id


async def mark(session: Session, campaign: Campaign, member_id: UUID, by: UUID) -> UUID | Refusal | None:
    return await paper.mark(session, campaign_id=campaign.id, member_id=member_id, reason=PaperReason.ASKED, by=by)


async def test_it_closes_registering_in_the_statement_that_writes(sessions: Sessions, as_api: Sessions) -> None:
    """Whatever page, workflow or worker asks; and opens it again when it is taken back."""
    async with sessions.begin() as session:
        campaign, member, operator = await some_people(session)
    async with as_api.begin() as session:
        marked = await mark(session, campaign, member, operator)
        assert isinstance(marked, UUID)
        assert await mark(session, campaign, member, operator) is None
    wish = {"campaign_id": campaign.id, "member_id": member, "chosen": ["pension"], "confirmed": False}
    async with sessions.begin() as session:
        assert await ballots.register(session, **wish) == []  # type: ignore[arg-type]
        whole = await onboarding.read(session, campaign.id, member, valid_for=VALID)
        assert whole is not None and whole.paper_at is not None
    async with as_api.begin() as session:
        assert await paper.take_back(session, marked, by=operator)
        assert not await paper.take_back(session, marked, by=operator)
    async with sessions.begin() as session:
        assert await ballots.register(session, **wish) == ["pension"]  # type: ignore[arg-type]
        assert await paper.standing_of(session, campaign.id, member) is None


async def test_it_is_of_one_campaign_only(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign, member, operator = await some_people(session)
        other = await builders.a_campaign(session)
        await mark(session, campaign, member, operator)
        whole = await onboarding.read(session, other.id, member, valid_for=VALID)
    assert whole is not None and whole.paper_at is None


async def test_it_stands_once_the_vote_has_opened_even_for_the_owner(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign, member, operator = await some_people(session, opens=-HOUR)
        marked = await mark(session, campaign, member, operator)
    assert isinstance(marked, UUID)
    with pytest.raises(IntegrityError, match="the vote has opened"):
        await run(sessions, "update paper_voter set withdrawn_by = by_id")
    for change in ("reason = 'no-email'", "at = clock_timestamp()", "withdrawn_at = clock_timestamp()"):
        with pytest.raises(IntegrityError, match="only taken back"):
            await run(sessions, f"update paper_voter set {change}")


async def test_none_is_marked_once_the_vote_is_over(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign, member, operator = await some_people(session, opens=-2 * HOUR, closes=-HOUR)
    with pytest.raises(IntegrityError, match="the vote is over"):
        async with sessions.begin() as session:
            await mark(session, campaign, member, operator)


async def test_nobody_marks_or_takes_back_their_own(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign, member, operator = await some_people(session)
        mine = (await onboarding.read(session, campaign.id, member, valid_for=VALID)).account.id  # type: ignore[union-attr]
    with pytest.raises(IntegrityError, match="nobody acts on their own file"):
        async with sessions.begin() as session:
            await mark(session, campaign, member, mine)
    async with sessions.begin() as session:
        marked = await mark(session, campaign, member, operator)
    assert isinstance(marked, UUID)
    with pytest.raises(IntegrityError, match="nobody acts on their own file"):
        async with sessions.begin() as session:
            await paper.take_back(session, marked, by=mine)


def test_the_rule_says_so_before_anything_else() -> None:
    refusal = ready_to_register(email_verified=False, documents_in=False, chosen=[], own=[], on_paper=True)
    assert refusal is Refusal.VOTES_ON_PAPER
