"""What a mail says, read from the records at the moment it is sent; and whether its cause still stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from activities.door_facts import DoorFacts
from activities.identity_facts import ABOUT_DOCUMENTS, IdentityFacts
from activities.vote_facts import VoteFacts
from portal.rules.accounts import Purpose
from portal.rules.browsers import names
from portal.rules.campaigns import NoticeKind, still_true
from portal.rules.links import code_of, reminders_token, token_of
from portal.rules.mail import REMINDERS, MailKind
from portal.rules.onboarding import MEMBERS_TURN, Step
from portal.rules.votes import VoteState
from portal.store import Session, ballots, campaign_changes, campaigns, identity, links, onboarding, voters
from portal.store import mail as outbox
from portal.store.campaigns import Campaign
from portal.store.mail import Claimed
from portal.store.members import Member
from portal.text.addresses import path, with_token


@dataclass(frozen=True)
class Addressed:
    """One mail, ready to be rendered: to whom, in which language, saying what."""

    email: str
    language: str
    facts: dict[str, object]
    # What is kept of the mail says these instead: no token and no code is ever stored.
    blanked: Mapping[str, str] = field(default_factory=dict)
    # The page that switches off what this mail is one of; None if it is owed to its reader.
    unsubscribe: str | None = None
    # To a mock member: marked as such, and sent nowhere unless somebody of the staff reads it.
    rehearsed: bool = False


# What stands in a kept mail where a code stood.
BLANK_CODE = "••••••"


class Facts:
    """Looks everything up afresh: what was true when the mail was queued may not be true now."""

    def __init__(self, origin: str, link_secret: bytes, identity_valid_for: timedelta) -> None:
        self.origin = origin.rstrip("/")
        self.link_secret = link_secret
        self.identity_valid_for = identity_valid_for
        self.doors = DoorFacts(self.origin, link_secret)
        self.identity = IdentityFacts(self.origin)
        self.votes = VoteFacts(self.origin)

    async def of(self, session: Session, mail: Claimed) -> Addressed | None:
        """The facts of a mail, or None when its cause has vanished: then it is never sent."""
        if mail.request_id is not None:
            return await self._of_request(session, mail)
        reader = await outbox.reader(session, mail)
        if reader is None:
            return None
        account, member, campaign = reader
        rehearsal = await self._rehearsal(session, member)
        if account.email is None or (account.reminders_off_at is not None and mail.kind in REMINDERS):
            return None
        language = member.language if member else "fr"
        facts: dict[str, object] = {
            "given_name": member.given_name if member else "",
            "family_name": member.family_name if member else "",
            "home_url": self._url("home", language),
            "votes_url": self._url("votes", language),
            "profile_url": self._url("profile", language),
            "campaign": campaign and {
                "title": campaign.title(language), "opens": campaign.opens, "closes": campaign.closes,
                "zone": campaign.zone,
            },
        }  # fmt: skip
        more = await self._particular(session, mail, language, member, campaign)
        if more is None:
            return None
        blanked = self._without_token(more, "link")
        if "code" in more:
            blanked["code"] = BLANK_CODE
        # A mock member has no mailbox: what they are written goes to whoever rehearses, or is kept only.
        email = account.email if rehearsal is None else rehearsal.rehearsal_to or ""
        rehearsed = rehearsal is not None
        if mail.kind not in REMINDERS:
            return Addressed(email, language, {**facts, **more}, blanked, rehearsed=rehearsed)
        address = self.origin + with_token("reminders", language, reminders_token(self.link_secret, account.id))
        more["unsubscribe"] = address
        blanked.update(self._without_token(more, "unsubscribe"))
        return Addressed(email, language, {**facts, **more}, blanked, address, rehearsed=rehearsed)

    @staticmethod
    async def _rehearsal(session: Session, member: Member | None) -> Campaign | None:
        if member is None or member.rehearsal_id is None:
            return None
        return await campaigns.by_id(session, member.rehearsal_id)

    async def _of_request(self, session: Session, mail: Claimed) -> Addressed | None:
        """To somebody who may have no account: the request says who they are."""
        reader = await self.doors.reader(session, mail)
        more = await self.doors.of(session, mail, reader[1]) if reader else None
        if reader is None or more is None:
            return None
        email, language, facts = reader
        blanked = {**self._without_token(more, "proof_url"), **self._without_token(more, "link")}
        return Addressed(email, language, {**facts, **more}, blanked)

    def _url(self, page: str, language: str) -> str:
        return self.origin + path(page, language)

    @staticmethod
    def _without_token(facts: Mapping[str, object], name: str) -> dict[str, str]:
        return {name: str(facts[name]).partition("?")[0]} if facts.get(name) else {}

    async def _particular(
        self, session: Session, mail: Claimed, language: str, member: Member | None, campaign: Campaign | None
    ) -> dict[str, object] | None:
        if mail.kind is MailKind.VERIFICATION:
            return await self._link(session, mail, language, Purpose.VERIFICATION, "confirm-email")
        if mail.kind is MailKind.RENEWAL:
            return await self._link(session, mail, language, Purpose.RENEWAL, "new-password")
        if mail.kind is MailKind.STAFF_INVITATION:
            return await self._link(session, mail, language, Purpose.INVITATION, "staff-invitation")
        if mail.kind is MailKind.STAFF_SIGNED_IN:
            return {
                "signed_in_at": mail.queued_at, "browser": names(mail.facts["browser"]),
                "keys_url": self._url("keys", language),
            }  # fmt: skip
        if mail.kind is MailKind.PASSWORD_CHANGED:
            return {"changed_at": mail.queued_at, "renew_url": self._url("forgotten", language)}
        if mail.kind in (MailKind.ADDRESS_ON_FILE, MailKind.STAFF_WAITING):
            return await self.doors.of(session, mail, language)
        if mail.kind is MailKind.REVIEW_WAITING:
            return await self.identity.waiting(session, mail, language)
        if mail.kind is MailKind.STAFF_ALARM:
            return await self._overdue(session, mail, language)
        if member is None or campaign is None:
            return None
        if mail.kind in ABOUT_DOCUMENTS:
            return await self.identity.of(session, mail, language, member, campaign)
        if mail.kind is MailKind.PARTICIPATION:
            return await self._participation(session, language, member, campaign)
        if mail.kind is MailKind.VOTE_SETTLED:
            return await self.votes.settled(session, mail, language, member, campaign)
        if mail.kind is MailKind.REGISTERED:
            return await self._registered(session, mail, language, member, campaign)
        return await self._notice(session, mail, language, member, campaign)

    async def _link(
        self, session: Session, mail: Claimed, language: str, purpose: Purpose, page: str
    ) -> dict[str, object] | None:
        """The token exists here only: on its way from the link's id into the mail."""
        link_id = UUID(mail.facts["link_id"])
        link = await links.by_id(session, link_id)
        if link is None or link.refusal is not None:
            return None
        token = token_of(self.link_secret, link_id)
        return {
            "link": self.origin + with_token(page, language, token),
            "code": code_of(self.link_secret, link_id) if purpose is Purpose.VERIFICATION else None,
            "expires": link.expires_at,
        }

    async def _overdue(self, session: Session, mail: Claimed, language: str) -> dict[str, object] | None:
        """Of the picture it was written for, unless that is gone by now."""
        submission = await identity.by_id(session, UUID(mail.facts["submission_id"]))
        if submission is None or submission.erased_at is not None:
            return None
        return {"over_at": submission.over_at, "desk_url": self._url("operations", language)}

    async def _registered(
        self, session: Session, mail: Claimed, language: str, member: Member, campaign: Campaign
    ) -> dict[str, object]:
        codes = mail.facts["ballots"].split(",")
        mine = [c for c in await ballots.cards(session, campaign.id, member) if c.ballot.code in codes]
        return {
            "ballots": [card.ballot.title(language) for card in mine],
            "provisional": any(card.confirmed_at is None for card in mine),
        }

    async def _participation(
        self, session: Session, language: str, member: Member, campaign: Campaign
    ) -> dict[str, object] | None:
        """In which ballots a vote is recorded, as it stands now; neither what it says nor the receipt is read."""
        parts = await voters.of_member(session, campaign.id, member.id)
        voted = [part.ballot.title(language) for part in parts if part.state is not None]
        if campaign.cancelled or not voted:
            return None
        return {
            "ballots": voted,
            "left": sum(part.left for part in parts),
            "provisional": any(part.state is VoteState.OPEN for part in parts),
        }

    async def _notice(
        self, session: Session, mail: Claimed, language: str, member: Member, campaign: Campaign
    ) -> dict[str, object] | None:
        whole = await onboarding.read(session, campaign.id, member.id, valid_for=self.identity_valid_for)
        assert whole is not None, "both were read a moment ago"
        if whole.member.left_at is not None:
            # No vote of this campaign is theirs any more: there is nothing to remind of or to announce.
            return None
        standing, file = whole.standing, whole.file
        missing = standing.step.value if standing.step is not Step.DONE else None
        # The clock by which the mail was due: by another, a moment behind, it would be cancelled for ever.
        at = whole.at
        closed = at >= campaign.closes
        if mail.kind is MailKind.CAMPAIGN_CANCELLED:
            return {"cancelled_at": campaign.cancelled_at} if campaign.cancelled else None
        # Queued for an instant that has moved since, or for a vote that is not held: it says what is no longer true.
        mark = mail.key.partition(":")[0]
        if campaign.cancelled or ("@" in mark and not still_true(mark, campaign.calendar)):
            return None
        if mail.kind is MailKind.RESULTS:
            if campaign.results_at is None:
                return None
            results = self.origin + path("results", language, campaign=campaign.code)
            return {"results_at": campaign.results_at, "results_url": results}
        if mail.kind is MailKind.CLOSING_MOVED:
            # As it was said when two officers moved it; of the last move that was made.
            why = await campaign_changes.why_closing_moved(session, campaign.id, language)
            return None if closed or why is None else {"why": why}
        if mail.kind is MailKind.ON_PAPER:
            # Taken back since: it closes nothing to them.
            return None if whole.paper_at is None else {
                "marked_at": whole.paper_at, "revocable": at < campaign.opens,
            }  # fmt: skip
        if whole.paper_at is not None and mail.kind is not MailKind.CLOSED:
            # Whoever votes on paper is not asked to do online what is closed to them.
            return None
        if mail.kind is MailKind.INVITATION:
            return None if closed or file is not None else {"ballots_count": len(standing.own)}
        if mail.kind is MailKind.REMINDER:
            # The step it was written for is done: nothing to remind of. The campaign's own names whatever is missing.
            if closed or standing.step not in MEMBERS_TURN:
                return None
            if mail.facts.get("step", standing.step.value) != standing.step.value:
                return None
            return {
                "step": standing.step.value,
                "nth": file.reminders_in_all if file else 1,
                "opens": campaign.opens,
            }
        if mail.kind is MailKind.VOTING_OPEN:
            if closed or at < campaign.opens:
                return None
            return {"ballots_count": len(standing.registered), "missing": missing}
        if mail.kind is MailKind.NOT_YET_VOTED:
            moment = NoticeKind(mail.facts["notice"]).value
            parts = await voters.of_member(session, campaign.id, member.id)
            left = [part.ballot.title(language) for part in parts if part.left]
            # They have voted in all of theirs since it was queued: nothing to remind of.
            return None if closed or not left else {"moment": moment, "missing": missing, "ballots": left}
        # Once the results are out the mail that says so says more. For when is not promised: the count waits for the
        # last provisional vote.
        return None if not closed or campaign.results_at is not None else {}
