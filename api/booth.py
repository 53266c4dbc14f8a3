"""What a page of the booth shows: one question, whose turn it is to be answered, and what there is of it already."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from uuid import UUID

from api.onboarding import whole_of
from api.portal import Portal
from portal.rules.onboarding import IdentityState
from portal.rules.refusals import Refusal, Refused
from portal.rules.votes import BallotKind, Definition
from portal.store import ballots, booth, votes
from portal.store.ballots import Ballot, Candidate, Card
from portal.store.campaigns import Campaign
from portal.store.onboarding import Whole
from portal.store.sessions import Visitor
from portal.store.votes import Cast


@dataclass(frozen=True)
class Booth:
    """Everything about one question and one member, read at one moment."""

    whole: Whole
    card: Card
    # The member's own questions, in the order of the ballots.
    mine: list[Card]
    definition: Definition
    # Of an election, by the number of the option.
    candidates: Mapping[int, Candidate]
    # The member's votes in this campaign, by ballot.
    casts: Mapping[UUID, Cast]

    @property
    def campaign(self) -> Campaign:
        return self.whole.campaign

    @property
    def ballot(self) -> Ballot:
        return self.card.ballot

    @property
    def cast(self) -> Cast | None:
        return self.casts.get(self.ballot.id)

    @property
    def number(self) -> int:
        return [c.ballot.id for c in self.mine].index(self.ballot.id) + 1

    @property
    def left(self) -> float:
        """Seconds until the close, by the database."""
        return (self.campaign.closes - self.whole.at).total_seconds()

    @property
    def election(self) -> bool:
        return self.definition.kind is BallotKind.ELECTION

    @property
    def key(self) -> str:
        """What a browser seals to."""
        assert self.campaign.election_key is not None, "without a key nobody is let in"
        return urlsafe_b64encode(self.campaign.election_key).decode().rstrip("=")

    @property
    def fingerprint(self) -> str:
        """The same for people, to be compared with what the officers published."""
        assert self.campaign.election_key is not None, "without a key nobody is let in"
        return in_fours(sha256(self.campaign.election_key).hexdigest())

    def why_not(self, card: Card | None = None) -> Refusal | None:
        """Why this member cannot vote here now, by the records; the statement that takes a vote decides."""
        card = card or self.card
        campaign, at = self.campaign, self.whole.at
        if card.refusal is not None:
            return card.refusal
        if self.whole.paper_at is not None:
            return Refusal.VOTES_ON_PAPER
        if at < campaign.opens:
            return Refusal.VOTING_NOT_OPEN
        if at >= campaign.closes or campaign.sealed_at is not None:
            return Refusal.VOTING_CLOSED
        if campaign.election_key is None:
            return Refusal.VOTING_NOT_READY
        if card.registered_at is None:
            return Refusal.REGISTRATION_NEEDED
        if card.confirmed_at is None and self.whole.standing.identity is not IdentityState.SUBMITTED:
            return Refusal.IDENTITY_NEEDED
        return None

    @cached_property
    def next(self) -> Card | None:
        """The next question of theirs that waits for an answer; after the last the first again."""
        later, earlier = self.mine[self.number :], self.mine[: self.number]
        return next((c for c in later + earlier if c.ballot.id not in self.casts and self.why_not(c) is None), None)


async def booth_of(portal: Portal, visitor: Visitor, code: str) -> Booth:
    """The question with this code; Refused if there is none, or if it is somebody else's."""
    async with portal.autocommit() as session:
        whole = await whole_of(session, portal, visitor)
        cards = await ballots.cards(session, whole.campaign.id, whole.member)
        casts = await votes.of_member(session, whole.campaign.id, whole.member.id)
        card = next((c for c in cards if c.ballot.code == code), None)
        if card is None:
            raise Refused(Refusal.BALLOT_UNKNOWN)
        # Whoever has voted keeps the receipt, whatever the roll says today.
        if card.refusal is not None and card.ballot.id not in casts:
            raise Refused(card.refusal)
        definition = await votes.definition_of(session, whole.campaign.code, card.ballot)
        standing = await booth.candidates(session, card.ballot.id)
    return Booth(
        whole=whole, card=card, mine=[c for c in cards if c.refusal is None or c is card], definition=definition,
        candidates={candidate.position: candidate for candidate in standing}, casts=casts,
    )  # fmt: skip


def in_fours(text: str) -> str:
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))
