"""What a page of the booth shows: one question, whose turn it is to be answered, and what there is of it already."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from api.member_view import whole_of
from api.portal import Portal
from portal.rules.canonical import b64, fingerprint
from portal.rules.onboarding import IdentityState
from portal.rules.refusals import Refusal, Refused
from portal.rules.votes import BallotKind, Definition
from portal.store import Session, ballots, booth, holdings, my_votes, votes
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
    # Why this member cannot vote here now, by the records; the statement that takes a vote decides.
    why_not: Refusal | None
    over: bool = False

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
        return b64(self.campaign.election_key)

    @property
    def fingerprint(self) -> str:
        """The same for people, to be compared with what the officers published."""
        assert self.campaign.election_key is not None, "without a key nobody is let in"
        return fingerprint(self.campaign.election_key)

    @property
    def next(self) -> Card | None:
        """The next question of theirs that waits for an answer; after the last the first again."""
        if not self.campaign.opens <= self.whole.at < self.campaign.closes or self.whole.paper_at is not None:
            return None
        later, earlier = self.mine[self.number :], self.mine[: self.number]
        return next((card for card in later + earlier if self._waits(card)), None)

    def _waits(self, card: Card) -> bool:
        identified = card.confirmed_at is not None or self.whole.standing.identity is IdentityState.SUBMITTED
        return card.ballot.id not in self.casts and card.registered_at is not None and identified


@dataclass(frozen=True)
class Kept:
    """A receipt of a campaign that is over: as much of a booth as its page needs."""

    campaign: Campaign
    ballot: Ballot
    cast: Cast
    next: None = None
    over: bool = True


async def receipt_of(portal: Portal, visitor: Visitor, code: str) -> "Booth | Kept":
    """The booth, or once nobody can vote any more what the records keep of it: a receipt is good for ever."""
    try:
        return await booth_of(portal, visitor, code)
    except Refused as refused:
        if refused.refusal not in (Refusal.NO_CAMPAIGN, Refusal.BALLOT_UNKNOWN):
            raise
        async with portal.autocommit() as session:
            member, _ = await holdings.person(session, visitor.account_id)
            kept = await my_votes.receipt(session, member, code)
        if kept is None:
            raise
        return Kept(*kept)


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
        # Nobody stands but in an election, and this is read again for every vote.
        standing = await booth.candidates(session, card.ballot.id) if definition.kind is BallotKind.ELECTION else ()
        refusal = await why_not(session, whole, card)
    return Booth(
        whole=whole, card=card, mine=[c for c in cards if c.refusal is None or c is card], definition=definition,
        candidates={candidate.position: candidate for candidate in standing}, casts=casts,
        why_not=refusal,
    )  # fmt: skip


async def why_not(session: Session, whole: Whole, card: Card, ciphertext: bytes = b"") -> Refusal | None:
    """What is in the way of a vote by the records, if anything; `ciphertext` is one that was not taken."""
    found = await votes.why_not(
        session, campaign_id=whole.campaign.id, ballot_id=card.ballot.id, member_id=whole.member.id,
        ciphertext=ciphertext,
    )  # fmt: skip
    return None if found.refusal is Refusal.VOTE_NOT_TAKEN else found.refusal
