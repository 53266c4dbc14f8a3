"""What the mails about identity documents say, read from the records at the moment each is sent."""

from uuid import UUID

from portal.rules.decisions import appeal_answered_by
from portal.rules.identity import ERASURE_TARGET, SubmissionStatus
from portal.rules.mail import MailKind
from portal.store import Session, appeals, ballots, campaigns, decisions, identity, settling
from portal.store.appeals import Contestable
from portal.store.campaigns import Campaign
from portal.store.identity import Submission
from portal.store.mail import Claimed
from portal.store.members import Member
from portal.text import Explanation, answer, not_decided_in_time
from portal.text.addresses import path

ABOUT_DOCUMENTS = frozenset(
    {
        MailKind.DOCUMENTS_RECEIVED, MailKind.APPEAL_RECEIVED, MailKind.APPROVED, MailKind.REJECTED,
        MailKind.IDENTITY_REFUSED, MailKind.APPEAL_LATE, MailKind.EXPIRED,
    }
)  # fmt: skip


class IdentityFacts:
    """To the member about what was sent, and to the staff about what waits."""

    def __init__(self, origin: str) -> None:
        self.origin = origin

    async def of(
        self, session: Session, mail: Claimed, language: str, member: Member, campaign: Campaign
    ) -> dict[str, object] | None:
        submission = await identity.by_id(session, UUID(mail.facts["submission_id"]))
        newest = await identity.newest(session, campaign.id, member.id)
        if submission is None or newest is None or newest.id != submission.id:
            # A newer submission has arrived: what was to be said of this one no longer helps.
            return None
        erasure = await identity.erasure_of(session, submission.id)
        facts: dict[str, object] = {
            "erased_at": erasure.erased_at if erasure else None,
            "certificate": erasure.certificate if erasure else None,
        }
        if mail.kind in (MailKind.DOCUMENTS_RECEIVED, MailKind.APPEAL_RECEIVED, MailKind.APPEAL_LATE):
            return await self._under_review(session, mail, submission, campaign, facts)
        if mail.kind is MailKind.APPROVED:
            cards = await ballots.cards(session, campaign.id, member)
            registered = [c.ballot.title(language) for c in cards if c.registered_at is not None]
            return {**facts, "registrations": registered}
        if mail.kind is MailKind.EXPIRED:
            why = not_decided_in_time(language)
            until = await settling.open_until(session, campaign.id, member.id)
            return {**facts, "reason": why.reason, "remedy": why.remedy, "vote_settled_by": until}
        facts |= await self._contestable(session, mail, language, member, campaign)
        facts["vote_settled_by"] = await settling.open_until(session, campaign.id, member.id)
        remediable = mail.kind is MailKind.REJECTED or facts["appeal_until"] is not None
        why = await why_of(session, submission, language, remediable=remediable)
        return {**facts, "reason": why.reason, "remedy": why.remedy}

    async def _under_review(
        self, session: Session, mail: Claimed, submission: Submission, campaign: Campaign, facts: dict[str, object]
    ) -> dict[str, object] | None:
        if mail.kind is MailKind.APPEAL_LATE and submission.status != SubmissionStatus.SUBMITTED.value:
            # Answered after all: nobody waits any more.
            return None
        documents = await identity.documents_of(session, submission.id)
        at = submission.submitted_at
        return {
            **facts,
            "received_at": at,
            "documents_count": len(documents),
            "erase_within_minutes": int(ERASURE_TARGET.total_seconds() // 60),
            "answer_by": appeal_answered_by(at, campaign.closes, campaign.ends)
            if at and submission.appeal_of
            else None,
        }

    async def _contestable(
        self, session: Session, mail: Claimed, language: str, member: Member, campaign: Campaign
    ) -> dict[str, object]:
        """Where and until when the decision may be contested, if it still may."""
        found = await appeals.contestable(session, campaign, member.id, mail.queued_at)
        until = found.until if isinstance(found, Contestable) else None
        return {"appeal_until": until, "appeal_url": self.origin + path("appeal", language)}

    async def waiting(self, session: Session, mail: Claimed, language: str) -> dict[str, object] | None:
        """For the staff: no member is named; None once the case waits no more."""
        submission = await identity.by_id(session, UUID(mail.facts["submission_id"]))
        if submission is None or submission.status != SubmissionStatus.SUBMITTED.value:
            return None
        if await identity.decision_of(session, submission.id) is not None or submission.submitted_at is None:
            return None
        campaign = await campaigns.by_id(session, submission.campaign_id)
        assert campaign is not None, "a campaign is never deleted"
        late = mail.facts["occasion"] == "appeal-late"
        return {
            "late": late,
            "since": submission.submitted_at if late else await decisions.last_opinion_at(session, submission.id),
            "answer_by": appeal_answered_by(submission.submitted_at, campaign.closes, campaign.ends),
            "desk_url": self.origin + path("operations", language),
        }


async def why_of(session: Session, submission: Submission, language: str, *, remediable: bool) -> Explanation:
    """Reason and remedy in the reader's language; for «other», what the reviewer wrote."""
    decision = await identity.decision_of(session, submission.id)
    note = await identity.note_of(session, submission.id)
    return answer(
        None if decision is None else identity.reason_of(decision), language,
        refused=submission.status == SubmissionStatus.REFUSED.value,
        note="" if note is None else note.fr if language == "fr" else note.en, remediable=remediable,
    )  # fmt: skip
