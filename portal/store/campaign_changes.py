"""What two officers change in a campaign, what it would change for others, and the roll it was opened on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import CheckConstraint, ForeignKey, Index, ScalarSelect, func, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from portal.rules.accounts import Role
from portal.rules.campaign_changes import ChangeKind, applies_before
from portal.rules.manifests import Line, Manifest, manifest_of
from portal.rules.refusals import Refusal
from portal.store import DBAPIError, Session, ballots, staff
from portal.store.accounts import Account, StaffRole
from portal.store.base import Base, NewId
from portal.store.campaigns import Campaign
from portal.store.members import Member, of_campaign


class CampaignChange(Base):
    """One officer's proposal and another's answer, written once each. A trigger checks both and applies it."""

    __tablename__ = "campaign_change"
    __table_args__ = (
        CheckConstraint(
            "kind in ('open', 'move', 'cancel', 'words', 'key', 'seal', 'results', 'hold', 'release', 'destroyed')",
            name="kind",
        ),
        CheckConstraint("confirmed_by <> proposed_by", name="two_officers"),
        CheckConstraint(
            "(confirmed_by is null) = (confirmed_at is null) and (withdrawn_by is null) = (withdrawn_at is null)"
            " and num_nonnulls(confirmed_at, withdrawn_at) <= 1",
            name="answered",
        ),
        CheckConstraint(
            "kind not in ('open', 'seal') or confirmed_at is null or manifest is not null", name="manifest"
        ),
        CheckConstraint("kind not in ('cancel', 'words', 'hold', 'release') or reason is not null", name="reason"),
        Index(None, "campaign_id"),
    )

    id: Mapped[NewId]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("campaign.id"))
    kind: Mapped[str]
    # Instants by their names, the words of a ballot, a key and who holds it, or the results and their hash.
    wanted: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    reason: Mapped[str | None]
    # What the campaign was when it was proposed, as a hash.
    fits: Mapped[str]
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    proposed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    confirmed_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    withdrawn_at: Mapped[datetime | None]
    # The roll that a campaign was opened on, or its box sealed: the hash of its lines, and how many.
    manifest: Mapped[str | None]
    manifest_lines: Mapped[int | None]
    # What the second officer counted on their own, as a hash: it is the first one's, or nothing is published.
    confirmed_with: Mapped[str | None]


# What the trigger says, and what that is for an officer.
_SAID = {
    "votes are still open": Refusal.VOTES_STILL_OPEN,
    "two counts that differ": Refusal.COUNTS_DIFFER,
    "too early to destroy": Refusal.TOO_EARLY_TO_DESTROY,
    "results are owed": Refusal.RESULTS_OWED,
    "members see one campaign": Refusal.OTHER_CAMPAIGN_HIDDEN,
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change as officers see it."""

    change: CampaignChange
    # By whom, as their sign-in names: staff are known to each other.
    proposed_by: str
    confirmed_by: str | None
    withdrawn_by: str | None
    fits: bool
    expired: bool
    # Until when it may be confirmed, and whether that has passed before the seven days have.
    until: datetime
    overtaken: bool

    @property
    def kind(self) -> ChangeKind:
        return ChangeKind(self.change.kind)

    @property
    def pending(self) -> bool:
        return self.change.confirmed_at is None and self.change.withdrawn_at is None

    @property
    def lapsed(self) -> bool:
        return self.expired or self.overtaken

    @property
    def refusal(self) -> Refusal | None:
        """Why it can no longer be confirmed."""
        if not self.pending:
            return Refusal.PROPOSAL_OVER
        if self.expired:
            return Refusal.PROPOSAL_EXPIRED
        return Refusal.PROPOSAL_STALE if self.overtaken or not self.fits else None


async def may_run_votes(session: Session, account_id: UUID, campaign_id: UUID) -> Refusal | None:
    """An officer, not suspended, who does not stand in this campaign; the records ask again."""
    officer = await session.scalar(
        select(StaffRole.role)
        .join(Account, Account.id == StaffRole.account_id)
        .where(
            StaffRole.account_id == account_id,
            StaffRole.role == Role.OFFICER.value,
            Account.staff_suspended_at.is_(None),
        )
    )
    if officer is None:
        return Refusal.NOT_ALLOWED
    return Refusal.CANDIDATE_CONFLICT if await stands_in(session, account_id, campaign_id) else None


async def stands_in(session: Session, account_id: UUID, campaign_id: UUID) -> bool:
    return bool(await session.scalar(select(func.stands_in(account_id, campaign_id))))


async def may_sign(session: Session, account_id: UUID, campaign_id: UUID) -> Refusal | None:
    """Who may be one of the two: neither was made an officer within a day (security-tests.md T62)."""
    if (no := await may_run_votes(session, account_id, campaign_id)) is not None:
        return no
    return Refusal.ROLE_TOO_NEW if await staff.new_in_role(session, account_id, Role.OFFICER) else None


async def propose(
    session: Session, campaign_id: UUID, kind: ChangeKind, *, by: UUID, wanted: Mapping[str, Any], reason: str | None
) -> UUID:
    change_id = uuid4()
    await session.execute(
        insert(CampaignChange).values(
            id=change_id, campaign_id=campaign_id, kind=kind.value, wanted=dict(wanted), reason=reason, proposed_by=by
        )
    )
    return change_id


def _name_of(account: InstrumentedAttribute[Any]) -> ScalarSelect[str | None]:
    return select(Account.email).where(Account.id == account).scalar_subquery()


async def proposals(session: Session, campaign_id: UUID) -> list[Proposal]:
    """Every proposal about a campaign, the newest first."""
    rows = await session.execute(
        select(
            CampaignChange,
            _name_of(CampaignChange.proposed_by),
            _name_of(CampaignChange.confirmed_by),
            _name_of(CampaignChange.withdrawn_by),
            CampaignChange.fits == func.campaign_fingerprint(campaign_id),
            Campaign,
            func.clock_timestamp(),
        )
        .join(Campaign, Campaign.id == CampaignChange.campaign_id)
        .where(CampaignChange.campaign_id == campaign_id)
        .order_by(CampaignChange.proposed_at.desc())
    )
    found = []
    for change, by, confirmed, withdrawn, fits, campaign, at in rows:
        last = applies_before(
            ChangeKind(change.kind), change.wanted, campaign.calendar, has_key=campaign.election_key is not None
        )
        until = change.expires_at if last is None else min(change.expires_at, last)
        expired = change.expires_at <= at
        overtaken = until <= at and not expired
        found.append(Proposal(change, by or "", confirmed or None, withdrawn or None, fits, expired, until, overtaken))
    return found


async def one(session: Session, campaign_id: UUID, change_id: UUID) -> Proposal | None:
    return next((p for p in await proposals(session, campaign_id) if p.change.id == change_id), None)


async def confirm(
    session: Session, proposal: Proposal, *, by: UUID, manifest: Manifest | None = None, counted: str | None = None
) -> Refusal | None:
    """The second signature: the trigger applies it, or refuses what was overtaken meanwhile."""
    change = proposal.change
    if (no := proposal.refusal or await may_sign(session, by, change.campaign_id)) is not None:
        return no
    if by == change.proposed_by or await _same_person(session, by, change.proposed_by):
        return Refusal.SECOND_OFFICER_NEEDED
    values: dict[str, object] = {"confirmed_by": by}
    if manifest is not None:
        values |= {"manifest": manifest.sha256, "manifest_lines": manifest.lines}
    if counted is not None:
        values["confirmed_with"] = counted
    try:
        async with session.begin_nested():
            await session.execute(update(CampaignChange).where(CampaignChange.id == change.id).values(**values))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != "23514":
            raise
        # Answered, moved on or expired between the page and this moment; or what it asks for is not there yet.
        return next((no for said, no in _SAID.items() if said in str(error.orig)), Refusal.PROPOSAL_STALE)
    return None


async def withdraw(session: Session, proposal: Proposal, *, by: UUID) -> Refusal | None:
    if not proposal.pending:
        return Refusal.PROPOSAL_OVER
    if (no := await may_run_votes(session, by, proposal.change.campaign_id)) is not None:
        return no
    await session.execute(update(CampaignChange).where(CampaignChange.id == proposal.change.id).values(withdrawn_by=by))
    return None


async def _same_person(session: Session, one: UUID, other: UUID) -> bool:
    """Two accounts of one member are one person."""
    people = await session.scalars(select(Account.member_id).where(Account.id.in_([one, other])))
    known = [person for person in people if person is not None]
    return len(known) == 2 and known[0] == known[1]


async def why_closing_moved(session: Session, campaign_id: UUID, language: str) -> str | None:
    """What everybody is told of the last move of an announced closing."""
    name = "reason_fr" if language == "fr" else "reason_en"
    return await session.scalar(
        select(CampaignChange.wanted[name].astext)
        .where(
            CampaignChange.campaign_id == campaign_id,
            CampaignChange.kind == ChangeKind.MOVE.value,
            CampaignChange.confirmed_at.is_not(None),
            CampaignChange.wanted.has_key("closes"),
            CampaignChange.wanted.has_key(name),
        )
        .order_by(CampaignChange.confirmed_at.desc())
        .limit(1)
    )


# --- the roll


async def manifest(session: Session, campaign_id: UUID) -> Manifest:
    """The roll of a campaign as it stands now: who has which ballots."""
    electorates = [
        (ballot.code, ballot.electorate)
        for ballot in await session.scalars(
            select(ballots.Ballot).where(ballots.Ballot.campaign_id == campaign_id).order_by(ballots.Ballot.code)
        )
    ]
    rows = await session.execute(
        select(Member.number, Member.group, Member.standing).where(of_campaign(campaign_id)).order_by(Member.number)
    )
    return manifest_of((Line(number, group, standing) for number, group, standing in rows), electorates)


async def opening_manifest(session: Session, campaign_id: UUID) -> tuple[Manifest, datetime] | None:
    """What the roll was when two officers opened the campaign, and when; None for one opened before this was kept."""
    row = (
        await session.execute(
            select(CampaignChange.manifest, CampaignChange.manifest_lines, CampaignChange.confirmed_at).where(
                CampaignChange.campaign_id == campaign_id,
                CampaignChange.kind == ChangeKind.OPEN.value,
                CampaignChange.confirmed_at.is_not(None),
            )
        )
    ).one_or_none()
    return None if row is None else (Manifest(row.manifest, row.manifest_lines or 0), row.confirmed_at)
