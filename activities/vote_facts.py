"""What the mail about a settled vote says, read from the records at the moment it is sent."""

from activities.identity_facts import why_of
from portal.rules.identity import SubmissionStatus
from portal.rules.votes import VoteState
from portal.store import Session, appeals, ballots, votes
from portal.store.campaigns import Campaign
from portal.store.mail import Claimed
from portal.store.members import Member
from portal.text.addresses import path


class VoteFacts:
    """Which ballots, what became of the votes, and why. Neither the receipt nor, of course, any choice."""

    def __init__(self, origin: str) -> None:
        self.origin = origin

    async def settled(
        self, session: Session, mail: Claimed, language: str, member: Member, campaign: Campaign
    ) -> dict[str, object] | None:
        state = VoteState(mail.facts["state"])
        mine = {
            ballot_id: cast
            for ballot_id, cast in (await votes.of_member(session, campaign.id, member.id)).items()
            if cast.state is state
        }
        if not mine or campaign.cancelled:
            # A closing that was moved has opened them again: they are not settled.
            return None
        titles = [
            card.ballot.title(language)
            for card in await ballots.cards(session, campaign.id, member)
            if card.ballot.id in mine
        ]
        facts: dict[str, object] = {
            "counts": state is VoteState.COUNTS, "ballots": titles, "because": None, "reason": "",
            "my_votes_url": self.origin + path("my-votes", language),
        }  # fmt: skip
        if state is VoteState.COUNTS:
            return facts
        because = next(iter(mine.values())).because
        answered = await appeals.answered(session, campaign.id, member.id)
        if answered is not None and because in ANSWERED:
            facts["reason"] = (await why_of(session, answered, language, remediable=False)).reason
        return {**facts, "because": because, "appealed": answered is not None and answered.appeal_of is not None}


# What an answer of the reviewers, or the lack of one, has left open.
ANSWERED = frozenset(
    {SubmissionStatus.REJECTED.value, SubmissionStatus.REFUSED.value, SubmissionStatus.EXPIRED.value}
)  # fmt: skip
