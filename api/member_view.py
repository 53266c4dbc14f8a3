"""Where a member stands, as all their pages show it: read from the records in one transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from api.forecast import forecast_of
from api.guards import campaign_of
from api.portal import Portal
from portal.rules.decisions import appeal_answered_by
from portal.rules.identity import SubmissionStatus, undecided_until
from portal.rules.onboarding import DOCUMENTS_IN, IdentityState, Step
from portal.rules.refusals import Refusal
from portal.rules.votes import VoteState
from portal.store import Session, appeals, ballots, booth, identity, onboarding, votes
from portal.store.accounts import Account
from portal.store.booth import Window
from portal.store.campaigns import Campaign
from portal.store.members import Member
from portal.store.sessions import Visitor
from portal.store.votes import Cast
from portal.text import Explanation, answer

SENT_BACK = frozenset({SubmissionStatus.REJECTED.value, SubmissionStatus.REFUSED.value, SubmissionStatus.EXPIRED.value})


@dataclass(frozen=True)
class View:
    """Everything a member's pages show, read from the records in one transaction."""

    member: Member
    account: Account
    campaign: Campaign
    file: onboarding.File | None
    standing: onboarding.Standing
    newest: identity.Submission | None
    documents: list[identity.Document]
    erasure: identity.Erasure | None
    why: Explanation | None
    answer_by: datetime | None
    # The documents under review contest a decision.
    appeal: bool
    # Until when the last decision may be contested; None if it may not.
    appeal_until: datetime | None
    cards: list[ballots.Card]
    # The time by the database.
    at: datetime
    # Since when they vote on paper; until when documents are surely answered before the closing.
    paper_at: datetime | None = None
    guaranteed_until: datetime | None = None
    # The member's own votes in this campaign, by ballot.
    votes: Mapping[UUID, Cast] = field(default_factory=dict)

    @property
    def provisional_until(self) -> datetime | None:
        """When a vote of theirs that is provisional is settled; None if none is."""
        return max((cast.settled_by for cast in self.votes.values() if cast.state is VoteState.OPEN), default=None)

    @property
    def may_vote(self) -> bool:
        """Now, in some ballot that they are registered for and have not voted in."""
        return (
            self.campaign.opens <= self.at < self.campaign.closes
            and self.campaign.election_key is not None
            and self.paper_at is None
            and self.standing.identity in DOCUMENTS_IN
            and bool(self.standing.registered)
            and not self.has_voted
        )

    @property
    def has_voted(self) -> bool:
        """In every ballot they are registered for."""
        registered = [card for card in self.cards if card.refusal is None and card.registered_at is not None]
        return bool(registered) and all(card.ballot.id in self.votes for card in registered)

    @property
    def set_aside(self) -> bool:
        return any(cast.state is VoteState.SET_ASIDE for cast in self.votes.values())

    @property
    def documents_until(self) -> datetime:
        """Until when documents can still serve a vote."""
        return max(self.campaign.closes, self.provisional_until or self.campaign.closes)

    @property
    def step(self) -> Step:
        return self.standing.step

    @property
    def version(self) -> int:
        return self.file.version if self.file else 0


async def whole_of(session: Session, portal: Portal, visitor: Visitor) -> onboarding.Whole:
    """Where the member stands, by the records."""
    assert visitor.member_id is not None, "the guard lets members in only"
    whole = await onboarding.read(
        session, campaign_of(visitor).id, visitor.member_id, valid_for=portal.identity_valid_for
    )
    assert whole is not None, "whoever is signed in is on the roll"
    return whole


async def seen(session: Session, visitor: Visitor) -> tuple[str, Window]:
    """What changes when anything does that the member's pages show, and where the window of the vote is.

    Asked before a page is read: what changes in between is then seen at the next look.
    """
    campaign, member_id = campaign_of(visitor), visitor.member_id
    assert member_id is not None, "the guard lets members in only"
    file = await onboarding.of_member(session, campaign.id, member_id)
    window = await booth.window(session, campaign.id, member_id)
    return f'"{visitor.kind}-{file.version if file else 0}-{window.mark}"', window


async def view_of(session: Session, portal: Portal, visitor: Visitor, language: str) -> View:
    whole = await whole_of(session, portal, visitor)
    assert whole.account is not None, "whoever is signed in has an account"
    newest = await identity.newest(session, whole.campaign.id, whole.member.id)
    live = newest is not None and newest.status == SubmissionStatus.SUBMITTED.value
    answered = None if newest is None or live else await _answered(session, whole, newest)
    appeal_until = None if answered is None else await _appeal_until(session, whole)
    remediable = appeal_until is not None or whole.standing.identity is not IdentityState.REFUSED
    opened = whole.at >= whole.campaign.opens
    mine = await votes.of_member(session, whole.campaign.id, whole.member.id) if opened else {}
    return View(
        member=whole.member,
        account=whole.account,
        campaign=whole.campaign,
        file=whole.file,
        standing=whole.standing,
        newest=newest,
        documents=list(await identity.documents_of(session, newest.id)) if newest and live else [],
        erasure=await identity.erasure_of(session, newest.id) if newest else None,
        why=None if answered is None else await _why(session, answered, language, remediable=remediable),
        answer_by=_answer_by(newest, whole.campaign, mine.values()) if newest and live else None,
        appeal=newest is not None and live and newest.appeal_of is not None,
        appeal_until=appeal_until,
        cards=await ballots.cards(session, whole.campaign.id, whole.member),
        at=whole.at,
        paper_at=whole.paper_at,
        # While an answer is still to come: what is there already is in time by the same reckoning.
        guaranteed_until=(await forecast_of(portal, session, whole.campaign)).guaranteed_until
        if whole.standing.identity is not IdentityState.APPROVED and whole.standing.own
        else None,
        votes=mine,
    )


async def _answered(
    session: Session, whole: onboarding.Whole, newest: identity.Submission
) -> identity.Submission | None:
    """What was sent back to the member and still is to be answered; a refusal stands when an appeal is taken back."""
    if newest.status in SENT_BACK:
        return newest
    if whole.standing.identity is not IdentityState.REFUSED:
        return None
    return await appeals.answered(session, whole.campaign.id, whole.member.id)


def _answer_by(sent: identity.Submission, campaign: Campaign, cast: Iterable[Cast]) -> datetime | None:
    """Nothing is promised for after the close, when an answer comes too late to vote; unless it settles one."""
    if sent.submitted_at is None:
        return None
    if sent.appeal_of is not None:
        return appeal_answered_by(sent.submitted_at, campaign.closes, campaign.ends)
    settled_by = [one.settled_by for one in cast if one.state is VoteState.OPEN]
    return min(undecided_until(sent.submitted_at), max(settled_by, default=campaign.closes))


async def _appeal_until(session: Session, whole: onboarding.Whole) -> datetime | None:
    found = await appeals.contestable(session, whole.campaign, whole.member.id, whole.at)
    return None if isinstance(found, Refusal) else found.until


async def _why(session: Session, answered: identity.Submission, language: str, *, remediable: bool) -> Explanation:
    """Why a better photo is asked for, or an identity was not confirmed, in the reader's language."""
    decision = await identity.decision_of(session, answered.id)
    note = await identity.note_of(session, answered.id)
    return answer(
        identity.reason_of(decision) if decision else None, language,
        refused=answered.status == SubmissionStatus.REFUSED.value,
        note="" if note is None else note.fr if language == "fr" else note.en, remediable=remediable,
    )  # fmt: skip
