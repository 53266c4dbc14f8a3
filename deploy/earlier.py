"""What the demo world of an earlier release lacks, added at the next start: officers, candidates and the key."""

from datetime import UTC, datetime
from pathlib import Path

from deploy import ceremony
from deploy.cast import STAFF, Staff
from deploy.opening import complete_opening
from deploy.questions import QUESTIONS, candidates_of
from portal.rules.campaigns import CampaignStatus
from portal.store import Session, campaigns, drafts
from portal.store.accounts import by_email
from portal.store.campaigns import Campaign


async def staff_missing(session: Session) -> list[Staff]:
    return [staff for staff in STAFF if await by_email(session, staff.email) is None]


async def complete_vote(session: Session, code: str, folder: Path) -> None:
    """Only before the vote opens: from then on its questions and its key stay as they are."""
    campaign = await campaigns.by_code(session, code)
    now = datetime.now(UTC)
    if campaign is None or campaign.status != CampaignStatus.OPEN.value or campaign.opens <= now:
        return
    await _complete_questions(session, campaign)
    if campaign.election_key is None:
        election = ceremony.hold(folder, code, now)
        campaign.election_key = election.public_key
        campaign.trustees = [one.json() for one in election.trustees]
    await session.flush()
    await complete_opening(session, campaign)


async def _complete_questions(session: Session, campaign: Campaign) -> None:
    """An election was asked without candidates, in a world that had no votes."""
    asked = {question.code: question for question in QUESTIONS}
    for ballot, standing in await drafts.questions(session, campaign.id):
        question = asked.get(ballot.code)
        if question is not None and not standing:
            ballot.choose, ballot.majority = question.choose, question.majority.value
            session.add_all(candidates_of(ballot))
