"""Drafts of campaigns, and rehearsals: written by functions of the database, which refuse everything else.

No process may write to a campaign, a ballot or the roll. These functions do, for one person, and only where nobody is
affected: in a draft, among mock members.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from portal.rules.refusals import Refusal
from portal.store import DBAPIError, Session
from portal.store.accounts import Account
from portal.store.ballots import Ballot, Candidate, electors_of
from portal.store.campaigns import Campaign
from portal.store.members import Member

# A key that is taken, and what a check or one of our own guards refused.
_TAKEN, _REFUSED = "23505", "23514"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _json(given: Mapping[str, object]) -> dict[str, object]:
    return {name: _plain(value) for name, value in given.items()}


async def _call(session: Session, function: object, *, taken: Refusal) -> Refusal | None:
    try:
        async with session.begin_nested():
            await session.execute(select(function))  # type: ignore[call-overload]
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state == _TAKEN:
            return taken
        if state != _REFUSED:
            raise
        return Refusal.CANDIDATE_CONFLICT if "candidate" in str(error.orig) else Refusal.NO_LONGER_A_DRAFT
    return None


async def write_campaign(session: Session, given: Mapping[str, object]) -> Refusal | None:
    """A draft as a whole, new or changed."""
    function = func.draft_campaign(type_coerce(_json(given), JSONB))
    return await _call(session, function, taken=Refusal.CAMPAIGN_CODE_TAKEN)


async def write_ballot(
    session: Session, given: Mapping[str, object], candidates: Sequence[Mapping[str, object]]
) -> Refusal | None:
    """A ballot of a draft with its candidates."""
    stand = [_json(candidate) for candidate in candidates]
    function = func.draft_ballot(type_coerce(_json(given), JSONB), type_coerce(stand, JSONB))
    return await _call(session, function, taken=Refusal.BALLOT_CODE_TAKEN)


async def remove_ballot(session: Session, ballot_id: UUID) -> Refusal | None:
    return await _call(session, func.drop_draft_ballot(ballot_id), taken=Refusal.NO_LONGER_A_DRAFT)


async def questions(session: Session, campaign_id: UUID) -> list[tuple[Ballot, list[Candidate]]]:
    """Every ballot in order, each with who stands in it."""
    rows = await session.scalars(select(Ballot).where(Ballot.campaign_id == campaign_id).order_by(Ballot.position))
    found = list(rows)
    stand = await session.scalars(
        select(Candidate).where(Candidate.ballot_id.in_([b.id for b in found])).order_by(Candidate.position)
    )
    standing = list(stand)
    return [(ballot, [c for c in standing if c.ballot_id == ballot.id]) for ballot in found]


async def numbers_of(session: Session, candidates: Sequence[Candidate]) -> dict[UUID, str]:
    """The member numbers of those who stand and are on the roll."""
    ids = [c.member_id for c in candidates if c.member_id is not None]
    rows = await session.execute(select(Member.id, Member.number).where(Member.id.in_(ids)))
    return {row[0]: row[1] for row in rows}


async def electors(session: Session, campaign: Campaign) -> dict[UUID, int]:
    """How many people each ballot is for; one that is for nobody is left out."""
    elector = electors_of(campaign.id)
    rows = await session.execute(select(elector.c.ballot_id, func.count()).group_by(elector.c.ballot_id))
    return {row[0]: row[1] for row in rows}


# --- rehearsals


async def add_mock_members(session: Session, campaign_id: UUID, wanted: int, password_hash: str) -> Refusal | None:
    """So many fictitious members more, who all have the one password that whoever rehearses has chosen."""
    function = func.add_mock_members(campaign_id, wanted, password_hash)
    refused = await _call(session, function, taken=Refusal.BUSY)
    return Refusal.TOO_MANY_MOCK_MEMBERS if refused is Refusal.NO_LONGER_A_DRAFT else refused


async def mock_members(session: Session, campaign_id: UUID) -> list[tuple[str, str, str, str]]:
    """Number, address to sign in with, group and standing of each."""
    rows = await session.execute(
        select(Member.number, Account.email, Member.group, Member.standing)
        .join(Account, Account.member_id == Member.id)
        .where(Member.rehearsal_id == campaign_id)
        .order_by(Member.number)
    )
    return [(number, email or "", group, standing) for number, email, group, standing in rows]


async def throw_away(session: Session, campaign_id: UUID) -> Refusal | None:
    """Everything of a rehearsal that is over: nothing of it is left but the journal."""
    refused = await _call(session, func.drop_rehearsal(campaign_id), taken=Refusal.REHEARSAL_NOT_OVER)
    return Refusal.REHEARSAL_NOT_OVER if refused is Refusal.NO_LONGER_A_DRAFT else refused
