"""Provisional votes for tests, and days that pass in a moment."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select, text

from portal.rules.identity import SubmissionStatus
from portal.rules.votes import encode
from portal.store import Session, Sessions, votes
from portal.store.ballots import Ballot, Registration
from portal.store.campaigns import Campaign
from portal.store.identity import Submission
from portal.store.members import Member
from portal.store.sealing import seal_vote
from portal.store.votes import Cast
from tests import builders, keys_of_votes
from tests.store.cases import a_submission

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PRESIDENT = "president"

# What tells the time in the records.
INSTANTS = {
    "campaign": ("registration_opens", "opens", "closes", "ends"),
    "submission": ("staged_at", "submitted_at", "over_at"),
    "registration": ("registered_at", "confirmed_at"),
    "vote": ("cast_at",),
    "roll_before": ("until",),
    "onboarding": ("last_step_at", "waiting_since", "started_at"),
}


async def an_open_campaign(session: Session, *, closes: timedelta = 2 * DAY, ends: timedelta = 16 * DAY) -> Campaign:
    return await builders.a_campaign(
        session, opens=-DAY, closes=closes, ends=ends, election_key=keys_of_votes.PUBLIC
    )  # fmt: skip


async def ballot_of(session: Session, campaign: Campaign, code: str = PRESIDENT) -> Ballot:
    return (await session.scalars(select(Ballot).where(Ballot.campaign_id == campaign.id, Ballot.code == code))).one()


async def registered(session: Session, campaign: Campaign, member: Member, *codes: str) -> None:
    for code in codes:
        session.add(Registration(ballot_id=(await ballot_of(session, campaign, code)).id, member_id=member.id))
    await session.flush()


async def vote(session: Session, campaign: Campaign, member: Member, code: str = PRESIDENT, *choices: int) -> None:
    """By the statement that takes votes, as a page would."""
    ballot = await ballot_of(session, campaign, code)
    definition = await votes.definition_of(session, campaign.code, ballot)
    taken = await votes.cast(
        session, campaign_id=campaign.id, ballot_id=ballot.id, member_id=member.id,
        ciphertext=seal_vote(keys_of_votes.PUBLIC, encode(choices or (1,)), definition.info),
    )  # fmt: skip
    assert taken is not None, "the vote is taken"


async def a_provisional_voter(session: Session, campaign: Campaign, **more: object) -> tuple[Member, Submission]:
    """Somebody who voted while their documents were under review."""
    member = await builders.a_member(session, **({"verified": True} | more))  # type: ignore[arg-type]
    sent = await a_submission(session, campaign, member, since=HOUR, wrapped_key=None)
    await registered(session, campaign, member, PRESIDENT)
    await vote(session, campaign, member)
    return member, sent


async def answered(
    session: Session, submission: Submission, status: SubmissionStatus, *, ago: timedelta = timedelta(0)
) -> None:
    """As if a decision had taken effect so long ago."""
    await session.execute(
        text(
            "update submission set status = :status, over_at = clock_timestamp() - cast(:ago as interval)"
            " where id = :id"
        ),
        {"status": status.value, "ago": ago, "id": submission.id},
    )


async def the_vote(session: Session, campaign: Campaign, member: Member) -> Cast:
    return next(iter((await votes.of_member(session, campaign.id, member.id)).values()))


async def later(sessions: Sessions, period: timedelta) -> None:
    """So much time passes: everything in the records is that much older."""
    async with sessions.begin() as session:
        await session.execute(text("set local session_replication_role = replica"))
        for table, columns in INSTANTS.items():
            moved = ", ".join(f"{column} = {column} - cast(:period as interval)" for column in columns)
            await session.execute(text(f"update {table} set {moved}"), {"period": period})


async def sealed(sessions: Sessions, campaign_id: UUID) -> None:
    """As two officers do."""
    async with sessions.begin() as session:
        await session.execute(text("set local session_replication_role = replica"))
        await written_down(session, campaign_id)
        await session.execute(
            text("update campaign set sealed_at = clock_timestamp() where id = :id"), {"id": campaign_id}
        )


async def written_down(session: Session, campaign_id: UUID) -> None:
    """What a seal keeps of the votes of a campaign."""
    for kept in (
        "insert into sealed_vote select ballot_id, digest,"
        " case when state <> 'counts' then coalesce(because, 'none') end from settled_vote where campaign_id = :id",
        "insert into sealed_ballot select b.id, 0, 0, count(*) filter (where s.state = 'counts'), '',"
        " count(*) filter (where s.state = 'set-aside'), '{}'"
        " from ballot b left join settled_vote s on s.ballot_id = b.id"
        " where b.campaign_id = :id group by b.id",
    ):
        await session.execute(text(kept), {"id": campaign_id})
