"""A member in a campaign and the mails of their story, for the tests of what mails say."""

from datetime import timedelta
from uuid import UUID, uuid4

from activities.facts import Facts
from activities.rendering import Letters
from portal.rules.identity import SubmissionStatus
from portal.rules.mail import MailKind
from portal.rules.operations import PaperReason
from portal.store import Session, Sessions, ballots, identity, onboarding, paper
from portal.store.campaigns import Campaign
from portal.store.mail import Claimed
from portal.store.members import Member
from portal.store.opinions import Opinion
from tests import builders, voting
from tests.activities.mails import queue, row
from tests.conftest import ORIGIN
from tests.store.cases import a_submission

HOUR = timedelta(hours=1)
BEFORE = {"opens": 24 * HOUR, "closes": 288 * HOUR}
OPEN = {"opens": -HOUR, "closes": 288 * HOUR}
CLOSED = {"opens": -3 * HOUR, "closes": -HOUR}

OF_A_SUBMISSION = {
    MailKind.DOCUMENTS_RECEIVED: SubmissionStatus.SUBMITTED,
    MailKind.APPROVED: SubmissionStatus.APPROVED,
    MailKind.REJECTED: SubmissionStatus.REJECTED,
    MailKind.IDENTITY_REFUSED: SubmissionStatus.REFUSED,
    MailKind.EXPIRED: SubmissionStatus.EXPIRED,
}
OF_AN_APPEAL = (MailKind.APPEAL_RECEIVED, MailKind.APPEAL_LATE)


async def written(sessions: Sessions, facts: Facts, letters: Letters, key: str) -> str | None:
    """The letter that would be sent now."""
    mail = await row(sessions, key)
    claimed = Claimed(
        mail.id,
        mail.key,
        MailKind(mail.kind),
        mail.account_id,
        mail.campaign_id,
        mail.facts,
        1,
        mail.queued_at,
    )
    async with sessions.begin() as session:
        to = await facts.of(session, claimed)
    if to is None:
        return None
    letter = letters.render(claimed.kind, to.language, to.facts)
    assert letter.subject
    assert ORIGIN in letter.text
    assert ORIGIN in letter.html
    for part in (letter.subject, letter.text, letter.html):
        assert "None" not in part
        assert "{" + "{" not in part
    return letter.subject + letter.text


class Story:
    """A member in a campaign, whose mails are queued one by one."""

    def __init__(self, session: Session, campaign: Campaign, member: Member) -> None:
        self.session, self.campaign, self.member = session, campaign, member

    async def mail(self, kind: MailKind, **facts: str) -> str:
        return await queue(self.session, self.member, kind, campaign=self.campaign, facts=facts)

    async def on_paper(self) -> None:
        """An operator has noted that they vote by mail."""
        staff = await builders.a_staff_account(self.session)
        await paper.mark(
            self.session, campaign_id=self.campaign.id, member_id=self.member.id, reason=PaperReason.ASKED, by=staff.id
        )

    async def documents(self, status: SubmissionStatus, since: timedelta = timedelta(0)) -> str:
        submission = await a_submission(
            self.session, self.campaign, self.member, status=status, since=since, documents=2
        )
        return str(submission.id)

    async def appeal(self) -> str:
        """What was refused an hour ago, contested now and looked at by one person."""
        refused = await self.documents(SubmissionStatus.REFUSED, HOUR)
        appeal = await a_submission(self.session, self.campaign, self.member, appeal_of=UUID(refused))
        staff = await builders.a_staff_account(self.session)
        claim = identity.Claim(
            id=uuid4(), submission_id=appeal.id, reviewer_id=staff.id, expires_at=appeal.staged_at
        )  # fmt: skip
        self.session.add(claim)
        await self.session.flush()
        self.session.add(
            Opinion(
                claim_id=claim.id, submission_id=appeal.id, reviewer_id=staff.id, verdict="approve",
                undo_until=appeal.staged_at,
            )
        )  # fmt: skip
        return str(appeal.id)

    async def register(self) -> None:
        await ballots.register(
            self.session,
            campaign_id=self.campaign.id,
            member_id=self.member.id,
            confirmed=False,
            chosen=builders.ballots_of("EC"),
        )


async def a_story(
    session: Session, language: str = "fr", *, open_file: bool = True, calendar: dict[str, timedelta] = BEFORE
) -> Story:
    campaign = await builders.a_campaign(session, opens=calendar["opens"], closes=calendar["closes"])
    member = await builders.a_member(session, language=language, verified=True)
    if open_file:
        await onboarding.open_file(session, campaign, member.id)
    return Story(session, campaign, member)


async def a_vote(session: Session, language: str = "fr") -> Story:
    """Somebody who has voted in every ballot of theirs."""
    campaign = await voting.an_open_vote(session)
    member = await builders.a_member(session, language=language, verified=True)
    await onboarding.open_file(session, campaign, member.id)
    await voting.registered(session, campaign, member, *builders.ballots_of("EC"))
    for code in builders.ballots_of("EC"):
        assert await voting.vote(session, campaign, member, await voting.ballot_of(session, campaign, code))
    return Story(session, campaign, member)
