"""Opinions of reviewers, each written once; and the decision, once enough of them agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import (
    ARRAY,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import ColumnElement

from portal.rules.decisions import ANOTHER_LOOK_WITHIN, Deciding, settled
from portal.rules.identity import CLAIM_LEASE, Reason, SubmissionStatus, Verdict
from portal.rules.refusals import Refusal
from portal.rules.roll import Change
from portal.store import Session, identity, journal
from portal.store.accounts import Account
from portal.store.campaigns import REHEARSALS, Campaign
from portal.store.identity import Claim, Decision, DecisionNote, Recusal, Submission, decision_of, lock
from portal.store.opinions import Opinion, OpinionNote
from portal.store.roll import RollChange


@dataclass(frozen=True, slots=True)
class Given:
    """What became of an opinion.

    Of a case that waits for a second look its reviewer is told no more than of any other: pages say until when it
    may be undone, and nothing of `settled` unless the opinion is a refusal, which everybody knows to need two. What
    another thought is told to nobody who could still change their own opinion.
    """

    submission: Submission
    settled: bool
    # It may be undone until then; what was settled takes effect at the same moment.
    undo_until: datetime
    # What was decided, if it was settled.
    verdict: Verdict | None


# --- which cases wait for whom --------------------------------------------------------------------------------------


def undecided() -> ColumnElement[bool]:
    """Of a submission: it waits for an opinion, a first or another one."""
    return and_(
        Submission.status == SubmissionStatus.SUBMITTED.value,
        ~exists().where(Decision.submission_id == Submission.id, Decision.undone_at.is_(None)),
    )


def may_take(reviewer_id: UUID, reviewer_member: object) -> ColumnElement[bool]:
    """Of a submission: this reviewer may open it, unless somebody has it open (`leased`).

    `reviewer_member` is the member whose account the reviewer's is, or an expression for it.
    """
    now = func.clock_timestamp()
    theirs, fresh = aliased(Opinion), aliased(Opinion)
    return and_(
        undecided(),
        # Nobody acts on their own file (brief §3.7) or on that of somebody they know, nor looks twice, nor at an appeal
        # against themselves.
        Submission.member_id.is_distinct_from(reviewer_member),
        ~exists().where(Recusal.reviewer_id == reviewer_id, Recusal.member_id == Submission.member_id),
        ~exists().where(
            theirs.reviewer_id == reviewer_id,
            theirs.undone_at.is_(None),
            or_(theirs.submission_id == Submission.id, theirs.submission_id == Submission.appeal_of),
        ),
        # What may still be undone is not looked at again yet.
        ~exists().where(
            fresh.submission_id == Submission.id, fresh.undone_at.is_(None), fresh.undo_until > now
        ),
    )  # fmt: skip


def open_claim(claim: type[Claim] = Claim) -> ColumnElement[bool]:
    """Of a claim: its lease runs and nobody has said anything under it."""
    return and_(claim.expires_at > func.clock_timestamp(), ~exists().where(Opinion.claim_id == claim.id))


def compared_with_old_roll() -> ColumnElement[bool]:
    """Of a claim and its submission: an import has changed the member's name or address since they were compared."""
    return exists().where(
        RollChange.member_id == Submission.member_id,
        RollChange.applied_at >= Claim.compared_at,
        func.string_to_array(RollChange.changes, ",").op("&&")(cast([Change.NAME, Change.ADDRESS], ARRAY(Text))),
    )


def leased() -> ColumnElement[bool]:
    """Of a submission: somebody has it open."""
    other = aliased(Claim)
    return exists().where(other.submission_id == Submission.id, open_claim(other))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case that somebody else must look at, since when, and after how many opinions."""

    submission_id: UUID
    campaign_id: UUID
    member_id: UUID
    since: datetime
    opinions: int
    # An appeal waits for somebody who has no part in what it contests; what is neither an appeal nor was looked at, for
    # somebody who does not know the person.
    appeal: bool


async def waiting_for_another(session: Session, *, longer_than: timedelta = ANOTHER_LOOK_WITHIN) -> list[Waiting]:
    """Cases that have waited this long for another reviewer, the longest wait first: who is there cannot take them."""
    since = func.coalesce(func.max(Opinion.given_at), Submission.submitted_at)
    opinions = func.count(Opinion.claim_id)
    known = Submission.member_id.in_(select(Recusal.member_id))
    rows = await session.execute(
        select(Submission, since.label("since"), opinions.label("opinions"))
        .outerjoin(Opinion, and_(Opinion.submission_id == Submission.id, Opinion.undone_at.is_(None)))
        .where(undecided(), Submission.campaign_id.not_in(REHEARSALS))
        .group_by(Submission.id)
        .having(
            or_(opinions > 0, Submission.appeal_of.is_not(None), known), since <= func.clock_timestamp() - longer_than
        )
        .order_by(since)
    )  # fmt: skip
    return [Waiting(s.id, s.campaign_id, s.member_id, at, n, s.appeal_of is not None) for s, at, n in rows]


async def agreement(session: Session, since: datetime) -> tuple[int, int]:
    """Of the cases of the sample that two have looked at since then: in how many they agreed; and of how many."""
    looks = (
        select(
            Opinion.verdict,
            func.lag(Opinion.verdict)
            .over(partition_by=Opinion.submission_id, order_by=Opinion.given_at)
            .label("first"),
            func.row_number().over(partition_by=Opinion.submission_id, order_by=Opinion.given_at).label("nth"),
        )
        .join(Submission, Submission.id == Opinion.submission_id)
        .where(
            Opinion.second_look,
            Opinion.undone_at.is_(None),
            Opinion.given_at >= since,
            Submission.campaign_id.not_in(REHEARSALS),
        )
        .subquery()
    )
    row = (
        await session.execute(
            select(func.count().filter(looks.c.verdict == looks.c.first), func.count()).where(looks.c.nth == 2)
        )
    ).one()
    return row[0], row[1]


# --- giving one's opinion, and taking it back -----------------------------------------------------------------------


async def give(
    session: Session,
    *,
    claim_id: UUID,
    reviewer_id: UUID,
    verdict: Verdict,
    reason: Reason | None,
    note_fr: str,
    note_en: str,
    deciding: Deciding,
) -> Given | Refusal:
    """Write an opinion down, once, under the claim, and the decision if this one settles it; journalled here."""
    # Whatever the form still holds, an approval has no reason.
    why = None if verdict is Verdict.APPROVE else reason
    claim = await session.get(Claim, claim_id)
    if claim is None or claim.reviewer_id != reviewer_id:
        return Refusal.CLAIM_NEEDED
    submission = await lock(session, claim.submission_id)
    if submission is None:
        return Refusal.CLAIM_NEEDED
    opinions = await _standing(session, submission.id)
    mine = await session.get(Opinion, claim_id, populate_existing=True)
    if mine is not None:
        same = mine.undone_at is None and (mine.verdict, mine.reason) == (verdict.value, why)
        # The same form sent twice is one opinion.
        return await _given(session, submission, mine) if same else Refusal.ALREADY_DECIDED
    refusal = await _may_not_give(session, submission, claim, opinions)
    if refusal is None and verdict is Verdict.APPROVE:
        refusal = await _compare_again(session, claim)
    if refusal is not None:
        return refusal
    opinion = Opinion(
        claim_id=claim_id, submission_id=submission.id, reviewer_id=reviewer_id, verdict=verdict.value,
        reason=why, second_look=deciding.looked_at_twice(submission.id),
        undo_until=func.clock_timestamp() + deciding.undo_for,
    )  # fmt: skip
    session.add(opinion)
    await session.flush()
    await session.refresh(opinion)
    if why is Reason.OTHER:
        session.add(OpinionNote(claim_id=claim_id, fr=note_fr.strip(), en=note_en.strip()))
        await session.flush()
    await _settle(session, submission, [*opinions, opinion])
    return await _given(session, submission, opinion)


async def _standing(session: Session, submission_id: UUID) -> Sequence[Opinion]:
    rows = await session.scalars(
        select(Opinion)
        .where(Opinion.submission_id == submission_id, Opinion.undone_at.is_(None))
        .order_by(Opinion.given_at)
    )
    return rows.all()


async def _may_not_give(
    session: Session, submission: Submission, claim: Claim, opinions: Sequence[Opinion]
) -> Refusal | None:
    if await decision_of(session, submission.id) is not None:
        return Refusal.ALREADY_DECIDED
    if submission.status != SubmissionStatus.SUBMITTED.value:
        return Refusal.NEWER_SUBMISSION
    own = await session.scalar(select(Account.member_id).where(Account.id == claim.reviewer_id))
    if own is not None and own == submission.member_id:
        return Refusal.OWN_FILE
    contested = await _standing(session, submission.appeal_of) if submission.appeal_of else ()
    if claim.reviewer_id in {o.reviewer_id for o in (*opinions, *contested)}:
        return Refusal.ANOTHER_REVIEWER_NEEDED
    alive = await session.scalar(
        select(Claim.id).where(Claim.id == claim.id, Claim.expires_at > func.clock_timestamp())
    )
    return await identity.lease_over(session, claim.id) if alive is None else None


async def _compare_again(session: Session, claim: Claim) -> Refusal | None:
    """What was compared is no longer the roll. Without a comparison (from a shell) there is nothing to make again."""
    of_claim = select(Claim.id).join(Submission, Submission.id == Claim.submission_id).where(Claim.id == claim.id)
    return None if await session.scalar(of_claim.where(compared_with_old_roll())) is None else Refusal.COMPARISON_NEEDED


async def _settle(session: Session, submission: Submission, opinions: Sequence[Opinion]) -> None:
    """Write the decision if these opinions make one; it quotes the last of those that won."""
    last = opinions[-1]
    twice, contests = any(o.second_look for o in opinions), await identity.contests_refusal(session, submission)
    verdict = settled([Verdict(o.verdict) for o in opinions], looked_at_twice=twice, contests_refusal=contests)
    if verdict is not None:
        quoted = [o for o in opinions if o.verdict == verdict.value][-1]
        await _quote(session, quoted)
        await session.execute(
            insert(Decision).values(
                submission_id=submission.id, claim_id=last.claim_id, reviewer_id=last.reviewer_id,
                verdict=verdict.value, reason=quoted.reason, effective_at=last.undo_until,
            )
        )  # fmt: skip
    await journal.write(
        session, "opinion-given" if verdict is None else "decided", actor="reviewer", actor_id=last.reviewer_id,
        member_id=submission.member_id, campaign_id=submission.campaign_id, subject_id=submission.id,
        # What one person alone thinks is written in their opinion, and in nobody's trail.
        code=None if verdict is None else verdict.value, key=f"opinion:{last.claim_id}",
    )  # fmt: skip


async def _quote(session: Session, opinion: Opinion) -> None:
    """Let what its reviewer wrote be the note of the decision, in place of that of one that was undone."""
    note = await session.get(OpinionNote, opinion.claim_id)
    if note is not None:
        words = {"fr": note.fr, "en": note.en}
        statement = insert(DecisionNote).values(submission_id=opinion.submission_id, **words)
        await session.execute(
            statement.on_conflict_do_update(index_elements=[DecisionNote.submission_id], set_=words)
        )  # fmt: skip


async def _given(session: Session, submission: Submission, mine: Opinion) -> Given:
    decision = await decision_of(session, submission.id)
    return Given(
        submission, decision is not None, mine.undo_until, None if decision is None else Verdict(decision.verdict)
    )


async def undo(session: Session, *, claim_id: UUID, reviewer_id: UUID) -> Refusal | None:
    """Take an opinion back, and the decision that it settled; the case is open again to its reviewer, anew."""
    opinion = await session.get(Opinion, claim_id)
    if opinion is None or opinion.reviewer_id != reviewer_id:
        return Refusal.CLAIM_NEEDED
    submission = await lock(session, opinion.submission_id)
    await session.refresh(opinion)
    if opinion.undone_at is not None:
        # The same form sent twice.
        return None
    if submission is None or submission.status != SubmissionStatus.SUBMITTED.value:
        return Refusal.UNDO_TOO_LATE
    now = func.clock_timestamp()
    undone = await session.scalar(
        update(Opinion)
        .where(Opinion.claim_id == claim_id, Opinion.undone_at.is_(None), Opinion.undo_until > now)
        .values(undone_at=now)
        .returning(Opinion.claim_id)
        .execution_options(synchronize_session=False)
    )
    if undone is None:
        return Refusal.UNDO_TOO_LATE
    await session.execute(
        update(Decision)
        .where(Decision.claim_id == claim_id, Decision.undone_at.is_(None))
        .values(undone_at=now)
        .execution_options(synchronize_session=False)
    )
    await session.execute(
        insert(Claim).values(
            id=uuid4(), submission_id=submission.id, reviewer_id=reviewer_id, expires_at=now + CLAIM_LEASE
        )
    )  # fmt: skip
    await journal.write(
        session, "opinion-undone", actor="reviewer", actor_id=reviewer_id, member_id=submission.member_id,
        campaign_id=submission.campaign_id, subject_id=submission.id, key=f"undone:{claim_id}",
    )  # fmt: skip
    return None


async def last_opinion_at(session: Session, submission_id: UUID) -> datetime | None:
    return await session.scalar(
        select(func.max(Opinion.given_at)).where(Opinion.submission_id == submission_id, Opinion.undone_at.is_(None))
    )


async def takes_effect(session: Session, decision: Decision) -> bool:
    """Whether its moment has come, by the clock that wrote it."""
    return bool(await session.scalar(select(literal(decision.effective_at) <= func.clock_timestamp())))


async def was_undone(session: Session, claim_id: UUID) -> bool:
    opinion, decision = await session.get(Opinion, claim_id), await session.get(Decision, claim_id)
    return any(one is not None and one.undone_at is not None for one in (opinion, decision))


async def taken_back(session: Session, submission: Submission, decision: Decision) -> bool:
    """Whether an approval no longer holds, since the roll has changed; then it waits to be looked at, journalled here.

    Asked under the submission's lock, in the transaction that would let the approval take effect.
    """
    if not await session.scalar(select(func.take_back_old_approval(submission.id))):
        return False
    await journal.write(
        session, "approval-taken-back", actor=journal.SYSTEM, member_id=submission.member_id,
        campaign_id=submission.campaign_id, subject_id=submission.id, key=f"taken-back:{decision.claim_id}",
    )  # fmt: skip
    return True


# --- what lost its way ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A decision its workflow has not applied yet."""

    campaign_id: UUID
    campaign_code: str
    member_id: UUID
    submission_id: UUID
    claim_id: UUID
    verdict: Verdict


async def undelivered(session: Session, *, older_than_seconds: float, most: int = 100) -> list[Undelivered]:
    """Decisions whose moment has come and gone: a lost or ignored signal has left them waiting."""
    rows = await session.execute(
        select(
            Submission.campaign_id,
            Campaign.code,
            Submission.member_id,
            Decision.submission_id,
            Decision.claim_id,
            Decision.verdict,
        )
        .join(Submission, Submission.id == Decision.submission_id)
        .join(Campaign, Campaign.id == Submission.campaign_id)
        .where(
            Submission.status == SubmissionStatus.SUBMITTED.value,
            Decision.undone_at.is_(None),
            Decision.effective_at
            < func.clock_timestamp() - func.make_interval(0, 0, 0, 0, 0, 0, literal(older_than_seconds)),
        )
        .order_by(Decision.effective_at)
        .limit(most)
    )
    return [
        Undelivered(r.campaign_id, r.code, r.member_id, r.submission_id, r.claim_id, Verdict(r.verdict)) for r in rows
    ]
