"""Stories of a vote that two officers run, against the records: used by the tests of the store and of the pages."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from portal.rules.accounts import Role
from portal.rules.campaign_changes import ChangeKind
from portal.rules.canonical import written
from portal.rules.counting import count
from portal.rules.refusals import Refusal
from portal.rules.urns import Box
from portal.store import Session, Sessions, campaign_changes, running, votes
from portal.store.ballots import Ballot, Registration
from portal.store.campaigns import Campaign
from portal.store.members import Member
from tests import builders, keys_of_votes
from tests.store.cases import run
from tests.voting import sealed

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


async def open_for_votes(session: Session, **more: Any) -> Campaign:
    """A campaign that is voted in now."""
    return await builders.a_campaign(
        session, opens=-HOUR, closes=HOUR, election_key=keys_of_votes.PUBLIC, candidates=True, **more
    )


async def a_vote(
    session: Session, campaign: Campaign, code: str = "president", *choices: int, group: str = "EC",
    confirmed: bool = True,
) -> Member:  # fmt: skip
    """Somebody who has voted; with `confirmed=False` their identity was looked at and not confirmed yet."""
    member = await builders.a_member(session, group=group, verified=True)
    ballot = (await session.scalars(select(Ballot).where(Ballot.campaign_id == campaign.id, Ballot.code == code))).one()
    session.add(Registration(ballot_id=ballot.id, member_id=member.id))
    await session.flush()
    await session.execute(
        text("update registration set confirmed_at = clock_timestamp() where member_id = :m"), {"m": member.id}
    )
    taken = await votes.cast(
        session, campaign_id=campaign.id, ballot_id=ballot.id, member_id=member.id,
        ciphertext=await sealed(session, campaign, ballot, *(choices or (1,))),
    )  # fmt: skip
    assert taken is not None
    if not confirmed:
        await session.execute(
            text("update registration set confirmed_at = null where member_id = :m"), {"m": member.id}
        )
    return member


async def close(sessions: Sessions, campaign: Campaign, ago: timedelta = timedelta(minutes=1)) -> None:
    """Let the closing have been so long ago: by the owner of the database, around the rule that it moves only later.

    Whatever has been done to the roll was done before it.
    """
    async with sessions.begin() as session:
        await session.execute(text("set local session_replication_role = replica"))
        await session.execute(
            text(
                "update campaign set closes = clock_timestamp() - cast(:ago as interval),"
                " opens = least(opens, clock_timestamp() - cast(:ago as interval) - interval '1 hour'),"
                " registration_opens = registration_opens - cast(:ago as interval) where id = :id"
            ),
            {"ago": ago, "id": campaign.id},
        )
        await session.execute(text("update roll_before set until = until - cast(:ago as interval)"), {"ago": ago})


async def end(sessions: Sessions, campaign: Campaign) -> None:
    """Let the files of the members have been closed by now."""
    await run(sessions, "update campaign set ends = greatest(closes, clock_timestamp() - interval '1 minute')")


async def officer(sessions: Sessions) -> UUID:
    async with sessions.begin() as session:
        return (await builders.a_staff_account(session, Role.OFFICER)).id


async def signed(
    as_api: Sessions, campaign_id: UUID, kind: ChangeKind, one: UUID, other: UUID, *,
    wanted: Mapping[str, Any] | None = None, counted: str | None = None, reason: str = "parce que",
) -> Refusal | None:  # fmt: skip
    """Proposed by one, confirmed by the other."""
    async with as_api.begin() as session:
        change_id = await campaign_changes.propose(
            session, campaign_id, kind, by=one, wanted=wanted or {}, reason=reason
        )
    async with as_api.begin() as session:
        proposal = await campaign_changes.one(session, campaign_id, change_id)
        assert proposal is not None
        manifest = await campaign_changes.manifest(session, campaign_id) if kind is ChangeKind.SEAL else None
        return await campaign_changes.confirm(session, proposal, by=other, manifest=manifest, counted=counted)


async def campaign_of(sessions: Sessions, campaign: Campaign) -> Campaign:
    async with sessions.begin() as session:
        found = await session.get(Campaign, campaign.id)
        assert found is not None
        return found


async def the_box(sessions: Sessions, campaign: Campaign) -> Box:
    async with sessions.begin() as session:
        found = await session.get(Campaign, campaign.id)
        assert found is not None
        box = await running.box(session, found)
        assert box is not None
        return box


def a_result(box: Box, *, answer: int = 0, **more: object) -> str:
    """A count of this box as the ceremony writes it: every vote for one answer, the first unless told otherwise."""
    ballots = []
    for ballot in box.ballots:
        asked = ballot.asked(box.campaign)
        counted = count(asked, ballot.electors, [asked.options[answer : answer + 1]] * ballot.votes)
        ballots.append(
            {
                "ballot": ballot.id, "code": ballot.code, "kind": asked.kind.value, "electors": counted.electors,
                "votes": counted.votes, "invalid": 0, "blank": 0,
                "options": [{"id": i, "votes": n} for i, n in counted.options.items()],
                "outcome": counted.outcome.value, "elected": list(counted.elected), "tied": list(counted.tied), **more,
            }
        )  # fmt: skip
    return written({
        "format": "scrutin/result/v1", "campaign": box.campaign, "manifest_sha256": box.manifest_sha256,
        "ballots": ballots,
    }).decode()  # fmt: skip
