"""Whom a notice to everybody concerns, asked at the moment it is queued."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, and_, exists, func, literal, or_, select, update

from portal.rules.campaigns import NOT_YET_VOTED, NoticeKind
from portal.rules.mail import MOST_REMINDERS
from portal.rules.onboarding import MEMBERS_TURN
from portal.store import Session, mail
from portal.store.accounts import Account
from portal.store.ballots import OF_GROUP, OF_STANDING, Ballot
from portal.store.mail import Mail
from portal.store.members import Member, of_campaign
from portal.store.onboarding import File
from portal.store.paper import on_paper
from portal.store.voters import ballot_left

# What also concerns whoever votes on paper.
TOLD_ON_PAPER_TOO = frozenset({NoticeKind.CLOSED, NoticeKind.CLOSING_MOVED, NoticeKind.RESULTS})


@dataclass(frozen=True, slots=True)
class Person:
    member_id: UUID
    account_id: UUID


def _concerned(campaign_id: UUID, kind: NoticeKind) -> Select[UUID, UUID]:
    """Who has an address and at least one ballot."""
    # Whoever has left the roll is told of a vote that is cancelled.
    has_ballot = exists().where(Ballot.campaign_id == campaign_id, OF_GROUP, OF_STANDING)
    statement = (
        select(Member.id, Account.id)
        .join(Account, Account.member_id == Member.id)
        .outerjoin(File, and_(File.member_id == Member.id, File.campaign_id == campaign_id))
        .where(Account.email.is_not(None), of_campaign(campaign_id))
    )
    if kind is NoticeKind.CANCELLED:
        # Whoever was told of the vote, or has begun, is told that it is not held.
        invited = exists().where(
            Mail.account_id == Account.id, Mail.campaign_id == campaign_id, Mail.sent_at.is_not(None)
        )
        return statement.where(or_(File.member_id.is_not(None), invited))
    statement = statement.where(has_ballot, Member.left_at.is_(None))
    if kind not in TOLD_ON_PAPER_TOO:
        statement = statement.where(~on_paper(literal(campaign_id), Member.id))
    if kind in NOT_YET_VOTED:
        statement = statement.where(ballot_left(campaign_id))
    if kind is NoticeKind.INVITATION:
        statement = statement.where(File.member_id.is_(None))
    if kind is NoticeKind.BEFORE_OPENING:
        statement = statement.where(
            or_(File.step.is_(None), File.step.in_([step.value for step in MEMBERS_TURN])),
            func.coalesce(File.reminders_in_all, 0) < MOST_REMINDERS,
        )
    return statement


async def concerned(
    session: Session, campaign_id: UUID, kind: NoticeKind, *, after: UUID | None, most: int
) -> list[Person]:
    """A page of the people it concerns, in the order of their ids."""
    statement = _concerned(campaign_id, kind)
    if after is not None:
        statement = statement.where(Member.id > after)
    rows = await session.execute(statement.order_by(Member.id).limit(most))
    return [Person(member_id, account_id) for member_id, account_id in rows]


async def count(session: Session, campaign_id: UUID, kind: NoticeKind) -> int:
    """How many people it would concern now."""
    people = _concerned(campaign_id, kind).subquery()
    return await session.scalar(select(func.count()).select_from(people)) or 0


async def queue(session: Session, kind: NoticeKind, campaign_id: UUID, rows: Sequence[Mapping[str, object]]) -> int:
    """Queue one page of a notice; a reminder among them counts towards the cap. How many are new."""
    new = await mail.queue_many(session, rows)
    if kind is NoticeKind.BEFORE_OPENING and new:
        reminded = select(Account.member_id).where(Account.id.in_(new))
        await session.execute(
            update(File)
            .where(File.campaign_id == campaign_id, File.member_id.in_(reminded))
            .values(reminders_in_all=File.reminders_in_all + 1)
        )
    return len(new)
