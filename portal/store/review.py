"""The reviewers' queue: one case at a time, under a lease, never one's own, decided once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, select

from portal.rules.identity import CLAIM_LEASE
from portal.rules.refusals import Refusal
from portal.store import Session, decisions, journal
from portal.store import queue as urgency
from portal.store.accounts import Account
from portal.store.campaigns import Campaign
from portal.store.identity import Claim, Recusal, Submission, lock
from portal.store.members import Member
from portal.store.opinions import Opinion
from portal.store.queue import alerts, is_many, opened

__all__ = [
    "Case", "Queue", "alerts", "carry_over", "case_of", "claim_next", "claim_of", "current_claim", "give_back",
    "note_comparison", "note_shell", "opened", "prolong", "queue", "runs_until", "show_roll", "watch",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """What a reviewer sees of one submission."""

    claim: Claim
    submission: Submission
    member: Member
    # What was read on the pictures was compared with the roll as it is now.
    compared: bool


@dataclass(frozen=True, slots=True)
class Queue:
    waiting: int
    oldest: datetime | None


async def queue(session: Session) -> Queue:
    row = (
        await session.execute(
            select(func.count(), func.min(Submission.submitted_at)).where(decisions.undecided(), urgency.real())
        )
    ).one()
    return Queue(row[0], row[1])


async def current_claim(session: Session, reviewer_id: UUID) -> Claim | None:
    """The case this reviewer has open."""
    return await session.scalar(
        select(Claim)
        .join(Submission, Submission.id == Claim.submission_id)
        .where(
            Claim.reviewer_id == reviewer_id,
            decisions.open_claim(),
            decisions.undecided(),
        )
        .order_by(Claim.claimed_at.desc())
        .limit(1)
    )


async def claim_next(session: Session, reviewer_id: UUID) -> Claim | None:
    """The case already open, else a lease on the most urgent that nobody has open; None when none is left."""
    # One reviewer, one case: a second click waits here and finds the first one's.
    await session.execute(select(Account.id).where(Account.id == reviewer_id).with_for_update(key_share=True))
    mine = await current_claim(session, reviewer_id)
    if mine is not None:
        return mine
    own_member = select(Account.member_id).where(Account.id == reviewer_id).scalar_subquery()
    passed: list[UUID] = []
    while True:
        submission_id = await session.scalar(
            select(Submission.id)
            .join(Campaign, Campaign.id == Submission.campaign_id)
            .where(urgency.may_take(reviewer_id), urgency.free(), Submission.id.not_in(passed))
            .order_by(*urgency.order(reviewer_id))
            .limit(1)
            .with_for_update(of=Submission, skip_locked=True)
        )
        if submission_id is None:
            return None
        # Asked again now that it is held: a colleague's claim or opinion may have been committed after the look above.
        free = await session.scalar(
            select(Submission.id).where(
                Submission.id == submission_id, decisions.may_take(reviewer_id, own_member), ~decisions.leased()
            )
        )
        if free is not None:
            break
        passed.append(submission_id)
    return await _lease(session, submission_id, reviewer_id)


async def claim_of(session: Session, reviewer_id: UUID, number: str, *, most_a_day: int) -> Claim | Refusal:
    """A lease on the case of one member, on the terms of `claim_next`; why not, if it is not to be had."""
    await session.execute(select(Account.id).where(Account.id == reviewer_id).with_for_update(key_share=True))
    member_id = await session.scalar(select(Member.id).where(Member.number == number))
    if member_id is None:
        return Refusal.MEMBER_UNKNOWN
    own_member = await session.scalar(select(Account.member_id).where(Account.id == reviewer_id))
    if own_member == member_id:
        return Refusal.OWN_FILE
    submission = await session.scalar(
        select(Submission)
        .where(Submission.member_id == member_id, decisions.undecided())
        .order_by(Submission.submitted_at.desc())
        .limit(1)
        .with_for_update()
    )
    if submission is None:
        return Refusal.NO_CASE
    mine = await current_claim(session, reviewer_id)
    if mine is not None:
        return mine if mine.submission_id == submission.id else Refusal.ONE_CASE_AT_A_TIME
    if await opened(session, reviewer_id, timedelta(days=1)) >= most_a_day:
        return Refusal.TOO_MANY_CASES
    ours = select(Submission.id).where(Submission.id == submission.id)
    if await session.scalar(ours.where(~decisions.may_take(reviewer_id, own_member))):
        # Their own opinion, or one on what this contests; else one that may still be taken back.
        looked = select(Opinion.claim_id).where(
            Opinion.reviewer_id == reviewer_id, Opinion.undone_at.is_(None),
            Opinion.submission_id.in_([one for one in (submission.id, submission.appeal_of) if one is not None]),
        )  # fmt: skip
        if await session.get(Recusal, (reviewer_id, member_id)) is not None:
            return Refusal.RECUSED
        return Refusal.ANOTHER_REVIEWER_NEEDED if await session.scalar(looked) else Refusal.CASE_HELD
    if await session.scalar(ours.where(decisions.leased())):
        return Refusal.CASE_HELD
    return await _lease(session, submission.id, reviewer_id)


async def note_shell(session: Session, claim: Claim, case: Submission, how: str) -> None:
    """That a case was opened and judged without the pages, and how it was looked at."""
    whose = {"member_id": case.member_id, "campaign_id": case.campaign_id, "subject_id": case.id}
    by = claim.reviewer_id
    await journal.write(
        session, "case-opened", actor="reviewer", actor_id=by, code="shell", key=f"claim:{claim.id}", **whose
    )
    await journal.write(
        session, "opinion-from-shell", actor="reviewer", actor_id=by, code=how, key=f"shell:{claim.id}", **whose
    )


async def _lease(session: Session, submission_id: UUID, reviewer_id: UUID) -> Claim:
    # Who has looked at the roll without comparing has seen it, however often they take the case.
    seen = select(func.min(Claim.roll_shown_at)).where(
        Claim.submission_id == submission_id, Claim.reviewer_id == reviewer_id
    )
    claim = Claim(
        id=uuid4(), submission_id=submission_id, reviewer_id=reviewer_id, roll_shown_at=await session.scalar(seen),
        expires_at=func.clock_timestamp() + CLAIM_LEASE,
    )  # fmt: skip
    session.add(claim)
    await session.flush()
    await session.refresh(claim)
    return claim


async def case_of(session: Session, claim_id: UUID, reviewer_id: UUID) -> Case | None:
    """The case of a claim, for the reviewer who holds it and while the lease runs; else None."""
    row = (
        await session.execute(
            select(Claim, Submission, Member, decisions.compared_with_old_roll())
            .join(Submission, Submission.id == Claim.submission_id)
            .join(Member, Member.id == Submission.member_id)
            .where(
                Claim.id == claim_id,
                Claim.reviewer_id == reviewer_id,
                decisions.open_claim(),
            )
        )
    ).one_or_none()
    if row is None:
        return None
    claim, submission, member, outdated = row
    return Case(claim, submission, member, claim.compared_at is not None and not outdated)


async def give_back(session: Session, claim_id: UUID, *, by: UUID | None, knows: bool = False) -> Claim | Refusal:
    """The case is free again: its reviewer gave it back, an operator took it from them, or (None) its time is over.

    Its reviewer `knows` the person: no case of theirs is handed to them again.
    """
    claim = await session.get(Claim, claim_id)
    # Held as for an opinion: of both at once only one happens.
    submission = None if claim is None else await lock(session, claim.submission_id)
    if claim is None or submission is None:
        return Refusal.CLAIM_NEEDED
    await session.refresh(claim)
    decided = await session.scalar(select(Opinion.claim_id).where(Opinion.claim_id == claim_id))
    now = await session.scalar(select(func.clock_timestamp()))
    assert now is not None, "the database knows the time"
    # A timer that rings early, because the lease was prolonged meanwhile, returns nothing.
    over = claim.expires_at <= now
    if decided is not None or claim.returned_at is not None or over is (by is not None):
        return Refusal.CLAIM_EXPIRED
    if by is not None and submission.member_id == await session.scalar(
        select(Account.member_id).where(Account.id == by)
    ):
        return Refusal.OWN_FILE
    claim.returned_at = func.clock_timestamp()
    await session.flush()
    await session.refresh(claim)
    mine = by == claim.reviewer_id
    if mine and knows:
        session.add(Recusal(reviewer_id=claim.reviewer_id, member_id=submission.member_id))
        await session.flush()
    await journal.write(
        session, "lease-returned", actor=journal.SYSTEM if by is None else "reviewer" if mine else "operator",
        actor_id=by, member_id=submission.member_id, campaign_id=submission.campaign_id, subject_id=submission.id,
        code="expired" if by is None else "taken-back" if not mine else "recused" if knows else "given-back",
        key=f"lease-returned:{claim_id}",
    )  # fmt: skip
    return claim


async def runs_until(session: Session, claim_id: UUID) -> datetime | None:
    """The end of a lease that runs and under which nothing was said; None when it is over."""
    return await session.scalar(select(Claim.expires_at).where(Claim.id == claim_id, decisions.open_claim()))


async def watch(session: Session, reviewer_id: UUID) -> None:
    """Write down once an hour that somebody opens more cases than work explains; operators see it."""
    if is_many(await opened(session, reviewer_id, urgency.HOUR)):
        hour = await session.scalar(select(func.to_char(func.date_trunc("hour", urgency.NOW), "YYYY-MM-DD-HH24")))
        await journal.write(
            session, "many-cases-opened", actor="reviewer", actor_id=reviewer_id, key=f"many-cases:{reviewer_id}:{hour}"
        )


async def prolong(session: Session, claim_id: UUID, reviewer_id: UUID) -> Claim | Refusal:
    """The lease runs anew, once, while its reviewer works."""
    found = await case_of(session, claim_id, reviewer_id)
    if found is None or found.claim.extended_at is not None:
        return Refusal.CLAIM_EXPIRED
    found.claim.extended_at = func.clock_timestamp()
    await session.flush()
    await session.refresh(found.claim)
    return found.claim


async def note_comparison(session: Session, claim: Claim, differs: Sequence[str]) -> None:
    """That a comparison was made under this claim, and the codes of the fields that differ; nothing that was typed."""
    claim.compared_at = func.clock_timestamp()
    claim.differs = list(differs)
    await session.flush()


async def show_roll(session: Session, claim: Claim) -> None:
    """The roll is looked at without comparing: nothing is approved under this claim any more."""
    if claim.roll_shown_at is None:
        claim.roll_shown_at = func.clock_timestamp()
        await session.flush()


async def carry_over(session: Session, undone_id: UUID, reviewer_id: UUID) -> Claim | None:
    """After an opinion was taken back: its case again, under a new lease, with what was compared a moment ago."""
    undone, anew = await session.get(Claim, undone_id), await current_claim(session, reviewer_id)
    if undone is None or anew is None or anew.submission_id != undone.submission_id:
        return anew
    anew.compared_at, anew.differs, anew.roll_shown_at = undone.compared_at, undone.differs, undone.roll_shown_at
    await session.flush()
    return anew
