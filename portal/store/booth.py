"""What the voter's pages read: how far the window is, a page left open asks that often; and who stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, func, select

from portal.store import Session
from portal.store.ballots import Ballot, Candidate
from portal.store.campaigns import Campaign
from portal.store.votes import Vote


@dataclass(frozen=True, slots=True)
class Window:
    """The calendar as the database's clock sees it now, and how many votes of this member are in the box."""

    calendar_version: int
    opens: datetime
    closes: datetime
    at: datetime
    ready: bool
    cast: int

    @property
    def mark(self) -> str:
        """Changes when what is said of the window does."""
        phase = "before" if self.at < self.opens else "open" if self.at < self.closes else "closed"
        return f"{self.calendar_version}-{phase}-{int(self.ready)}-{self.cast}"

    @property
    def left(self) -> float:
        """Seconds until the close; none are left once it is past."""
        return (self.closes - self.at).total_seconds()

    @property
    def due(self) -> float | None:
        """Seconds until the next instant at which a page is to look again."""
        return next(
            (wait for end in (self.opens, self.closes) if (wait := (end - self.at).total_seconds()) > 0), None
        )  # fmt: skip


_WINDOW = select(
    Campaign.calendar_version,
    Campaign.opens,
    Campaign.closes,
    func.clock_timestamp().label("at"),
    (Campaign.election_key.is_not(None) & Campaign.sealed_at.is_(None)).label("ready"),
    select(func.count())
    .select_from(Vote)
    .join(Ballot, Ballot.id == Vote.ballot_id)
    .where(Vote.member_id == bindparam("voter"), Ballot.campaign_id == Campaign.id)
    .scalar_subquery()
    .label("cast"),
).where(Campaign.id == bindparam("campaign"))


async def window(session: Session, campaign_id: UUID, member_id: UUID) -> Window:
    row = (await session.execute(_WINDOW, {"campaign": campaign_id, "voter": member_id})).one()
    return Window(row.calendar_version, row.opens, row.closes, row.at, row.ready, row.cast)


_CANDIDATES = select(Candidate).where(Candidate.ballot_id == bindparam("ballot")).order_by(Candidate.position)


async def candidates(session: Session, ballot_id: UUID) -> Sequence[Candidate]:
    """Who stands, in the order of the ballot, with what they say of themselves."""
    return (await session.scalars(_CANDIDATES, {"ballot": ballot_id})).all()
