"""Submissions of identity documents, their review and the proof of their erasure; never the bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, String, and_, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.rules.identity import LIST_VERSION, OVER, Reason, SubmissionStatus
from portal.rules.refusals import Refusal
from portal.store import Session, journal
from portal.store.base import Base, NewId
from portal.store.campaigns import REHEARSALS


class Submission(Base):
    """One or two documents sent together."""

    __tablename__ = "submission"
    __table_args__ = (
        CheckConstraint(
            "status in ('staged', 'submitted', 'approved', 'rejected', 'refused', 'replaced', 'withdrawn', 'expired',"
            " 'abandoned')",
            name="status",
        ),
        # One live submission per member and campaign, whatever the processes do at once.
        Index(
            "uq_submission_live",
            "campaign_id",
            "member_id",
            unique=True,
            postgresql_where=text("status = 'submitted'"),
        ),
        # One appeal per decision; one that was taken back or replaced does not count.
        Index(
            "uq_submission_appeal",
            "appeal_of",
            unique=True,
            postgresql_where=text("status in ('submitted', 'approved', 'rejected', 'refused')"),
        ),
        Index(None, "status", "submitted_at"),
        Index("ix_submission_waiting", "submitted_at", postgresql_where=text("status = 'submitted'")),
        # What is over and not certified gone: asked for by every look at the desk, and nearly always empty.
        Index("ix_submission_unerased", "status", "over_at", postgresql_where=text("erased_at is null")),
        Index(None, "member_id"),
    )

    id: Mapped[NewId]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"))
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id"))
    status: Mapped[str] = mapped_column(default=SubmissionStatus.STAGED.value)
    list_version: Mapped[str] = mapped_column(default=LIST_VERSION)
    # The submission whose decision it contests: somebody else looks at it.
    appeal_of: Mapped[UUID | None] = mapped_column(ForeignKey("submission.id"))
    staged_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    submitted_at: Mapped[datetime | None]
    # When it stopped being needed, whatever the reason: the promise of deletion counts from here.
    over_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    # Which try it is: one more than those that were answered by «send a better photo»; numbered by a trigger.
    attempt: Mapped[int] = mapped_column(server_default="1")


class Document(Base):
    """One picture. Its object is named by the id; once `wrapped_key` is gone nothing can open it."""

    __tablename__ = "document"

    id: Mapped[NewId]
    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submission.id"), index=True)
    position: Mapped[int]
    kind: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    epoch: Mapped[date]
    wrapped_key: Mapped[bytes | None]

    @property
    def object_key(self) -> str:
        return object_key(self.id)


class Claim(Base):
    """A reviewer has this case open until the lease ends; its end is moved by a trigger alone."""

    __tablename__ = "claim"
    __table_args__ = (Index(None, "expires_at"),)

    id: Mapped[NewId]
    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submission.id"), index=True)
    reviewer_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    claimed_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    expires_at: Mapped[datetime]
    extended_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    # Of what was typed from the picture only the codes of the fields that differ.
    compared_at: Mapped[datetime | None]
    differs: Mapped[list[str] | None] = mapped_column(ARRAY(String))
    roll_shown_at: Mapped[datetime | None]


class Recusal(Base):
    """A reviewer knows this person and is handed no case of theirs again; only added to."""

    __tablename__ = "recusal"

    reviewer_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    # Goes with the mock members of a rehearsal.
    member_id: Mapped[UUID] = mapped_column(ForeignKey("member.id", ondelete="CASCADE"), primary_key=True, index=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class Decision(Base):
    """The truth about a submission, written under the claim that settled it; a signal only wakes the workflow up.

    It takes effect at `effective_at`; until then its reviewer may undo it, and another may be written.
    """

    __tablename__ = "decision"
    __table_args__ = (
        CheckConstraint("verdict in ('approve', 'reject', 'refuse')", name="verdict"),
        CheckConstraint("(verdict <> 'approve') = (reason is not null)", name="reason"),
        # One decision that stands, whatever the processes do at once.
        Index("uq_decision_standing", "submission_id", unique=True, postgresql_where=text("undone_at is null")),
        Index(None, "decided_at"),
    )

    claim_id: Mapped[UUID] = mapped_column(ForeignKey("claim.id"), primary_key=True)
    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submission.id"))
    reviewer_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    verdict: Mapped[str]
    reason: Mapped[str | None]
    decided_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    effective_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    undone_at: Mapped[datetime | None]


class DecisionNote(Base):
    """What the reviewer wrote for «other», in both languages; purged with the campaign."""

    __tablename__ = "decision_note"

    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    fr: Mapped[str]
    en: Mapped[str]


# The decision that a note belongs to.
NOTED = and_(
    DecisionNote.submission_id == Decision.submission_id,
    Decision.reason == Reason.OTHER.value,
    Decision.undone_at.is_(None),
)


class Erasure(Base):
    """The certificate that a submission's pictures are gone. Nothing in it tells whose they were."""

    __tablename__ = "erasure"

    certificate: Mapped[str] = mapped_column(primary_key=True)
    submission_id: Mapped[UUID] = mapped_column(unique=True)
    outcome: Mapped[str]
    documents: Mapped[int]
    versions_removed: Mapped[int]
    versions_left: Mapped[int]
    received_at: Mapped[datetime]
    over_at: Mapped[datetime]
    erased_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


@dataclass(frozen=True, slots=True)
class Counter:
    """The public count of submissions; `oldest` is when the oldest one still stored arrived."""

    received: int
    erased: int
    remaining: int
    oldest: datetime | None


def object_key(document_id: UUID) -> str:
    return document_id.hex


async def stage(session: Session, submission: Submission, documents: Sequence[Document]) -> None:
    """Write down an upload before its bytes are stored, so that the sweep can always find them."""
    session.add(submission)
    await session.flush()
    session.add_all(documents)
    await session.flush()


async def by_id(session: Session, submission_id: UUID) -> Submission | None:
    return await session.get(Submission, submission_id)


async def documents_of(session: Session, submission_id: UUID) -> Sequence[Document]:
    rows = await session.scalars(
        select(Document).where(Document.submission_id == submission_id).order_by(Document.position)
    )
    return rows.all()


async def live(session: Session, campaign_id: UUID, member_id: UUID) -> Submission | None:
    """The submission under review, if any."""
    return await session.scalar(
        select(Submission).where(
            Submission.campaign_id == campaign_id,
            Submission.member_id == member_id,
            Submission.status == SubmissionStatus.SUBMITTED.value,
        )
    )


async def newest(session: Session, campaign_id: UUID, member_id: UUID) -> Submission | None:
    """The last submission that reached us, whatever became of it."""
    return await session.scalar(
        select(Submission)
        .where(
            Submission.campaign_id == campaign_id,
            Submission.member_id == member_id,
            Submission.submitted_at.is_not(None),
        )
        .order_by(Submission.submitted_at.desc())
        .limit(1)
    )


async def attempts(session: Session, campaign_id: UUID, member_id: UUID) -> int:
    """How often this member has sent documents in this campaign."""
    found = await session.scalar(
        select(func.count()).where(
            Submission.campaign_id == campaign_id,
            Submission.member_id == member_id,
            Submission.submitted_at.is_not(None),
        )
    )
    return found or 0


async def lock(session: Session, submission_id: UUID) -> Submission | None:
    """The submission, held until the end of the transaction against another decision or replacement."""
    return await session.scalar(
        select(Submission)
        .where(Submission.id == submission_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


async def contests_refusal(session: Session, submission: Submission) -> bool:
    """Whether two have refused already what is looked at again here."""
    contested = await session.get(Submission, submission.appeal_of) if submission.appeal_of else None
    return contested is not None and contested.status == SubmissionStatus.REFUSED.value


async def decision_of(session: Session, submission_id: UUID) -> Decision | None:
    """The decision that stands; one that was undone is none."""
    return await session.scalar(
        select(Decision)
        .where(Decision.submission_id == submission_id, Decision.undone_at.is_(None))
        .execution_options(populate_existing=True)
    )


async def note_of(session: Session, submission_id: UUID) -> DecisionNote | None:
    """What was written with the decision that stands; a note whose decision was undone is none."""
    return await session.scalar(
        select(DecisionNote).join(Decision, NOTED).where(Decision.submission_id == submission_id)
    )


async def erasure_of(session: Session, submission_id: UUID) -> Erasure | None:
    return await session.scalar(select(Erasure).where(Erasure.submission_id == submission_id))


async def close(session: Session, submission: Submission, status: SubmissionStatus) -> None:
    """The submission is over; its pictures are to be erased."""
    assert status in OVER, "only an ending closes a submission"
    submission.status = status.value
    submission.over_at = await session.scalar(select(func.clock_timestamp()))
    await session.flush()


async def submit(session: Session, submission: Submission) -> datetime:
    """Put a staged submission before the reviewers."""
    at: datetime | None = await session.scalar(select(func.clock_timestamp()))
    assert at is not None, "the database knows the time"
    submission.status = SubmissionStatus.SUBMITTED.value
    submission.submitted_at = at
    await session.flush()
    return at


async def close_drafts(session: Session, sent: Submission) -> list[UUID]:
    """What its member uploaded before it, looked at and did not send is over."""
    rows = await session.scalars(
        update(Submission)
        .where(
            Submission.campaign_id == sent.campaign_id,
            Submission.member_id == sent.member_id,
            Submission.status == SubmissionStatus.STAGED.value,
            Submission.staged_at < sent.staged_at,
        )
        .values(status=SubmissionStatus.ABANDONED.value, over_at=func.clock_timestamp())
        .returning(Submission.id)
    )
    return list(rows)


async def to_erase(session: Session, campaign_id: UUID, member_id: UUID) -> list[UUID]:
    """Submissions of a member that are over and not yet certified gone."""
    rows = await session.scalars(
        select(Submission.id).where(
            Submission.campaign_id == campaign_id,
            Submission.member_id == member_id,
            Submission.status.in_([s.value for s in OVER]),
            Submission.erased_at.is_(None),
        )
    )
    return list(rows)


async def certify(
    session: Session, submission: Submission, *, certificate: str, versions_removed: int
) -> Erasure | None:
    """Destroy the keys and write the certificate; None if that was done before."""
    documents = await session.scalar(select(func.count()).where(Document.submission_id == submission.id))
    written = await session.scalar(
        insert(Erasure)
        .values(
            certificate=certificate,
            submission_id=submission.id,
            outcome=submission.status,
            documents=documents,
            versions_removed=versions_removed,
            versions_left=0,
            received_at=submission.submitted_at or submission.staged_at,
            over_at=submission.over_at,
        )
        .on_conflict_do_nothing()
        .returning(Erasure.certificate)
    )
    if written is None:
        return None
    await session.execute(update(Document).where(Document.submission_id == submission.id).values(wrapped_key=None))
    erasure = await session.get(Erasure, certificate)
    assert erasure is not None, "it was written a moment ago"
    submission.erased_at = erasure.erased_at
    await session.flush()
    return erasure


async def counter(session: Session) -> Counter:
    row = (
        await session.execute(
            select(
                func.count().label("received"),
                func.count().filter(Submission.erased_at.is_not(None)).label("erased"),
                func.min(Submission.staged_at).filter(Submission.erased_at.is_(None)).label("oldest"),
            )
            .select_from(Submission)
            .where(Submission.campaign_id.not_in(REHEARSALS))
        )
    ).one()
    return Counter(row.received, row.erased, row.received - row.erased, row.oldest)


def reason_of(decision: Decision) -> Reason | None:
    return Reason(decision.reason) if decision.reason is not None else None


_RETURNED = {"taken-back": Refusal.CLAIM_TAKEN_BACK, "given-back": Refusal.CLAIM_GIVEN_BACK, "recused": Refusal.RECUSED}


async def lease_over(session: Session, claim_id: UUID) -> Refusal:
    """Why a claim is no longer open: who gave the case back wrote that down."""
    how = await session.scalar(select(journal.Entry.code).where(journal.Entry.key == f"lease-returned:{claim_id}"))
    return _RETURNED.get(how or "", Refusal.CLAIM_EXPIRED)
