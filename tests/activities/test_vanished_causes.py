"""No mail is sent whose cause has vanished."""

from sqlalchemy import text

from deploy.servers import Mailbox
from portal.rules.campaigns import NoticeKind
from portal.rules.identity import SubmissionStatus
from portal.rules.mail import MailKind
from portal.store import Sessions
from tests.activities.conftest import Relaying
from tests.activities.mails import MAIL_OF, eventually, queue_verification, row
from tests.activities.stories import CLOSED, HOUR, OF_A_SUBMISSION, OF_AN_APPEAL, OPEN, a_story, a_vote
from tests.activities.test_door_facts import OF_DOORS


async def test_a_mail_whose_cause_has_vanished_is_cancelled_and_never_sent(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    vanished: dict[str, str] = {}
    async with sessions.begin() as session:
        for name, change in (("used", "used_at"), ("voided", "voided_at"), ("expired", "expires_at")):
            for purpose in MAIL_OF:
                story = await a_story(session)
                key, link_id = await queue_verification(session, story.member, purpose=purpose)
                vanished[f"{purpose} link {name}"] = key
                await session.execute(
                    text(f"update link set {change} = clock_timestamp() where id = :id"), {"id": link_id}
                )
        gone = await a_story(session)
        await gone.documents(SubmissionStatus.SUBMITTED)
        vanished["registered, address gone"] = await gone.mail(MailKind.REGISTERED, ballots="pension")
        await session.execute(text("update account set email = null where member_id = :id"), {"id": gone.member.id})
        for kind in (*OF_A_SUBMISSION, *OF_AN_APPEAL):
            story = await a_story(session)
            older = await story.documents(SubmissionStatus.REPLACED, HOUR)
            await story.documents(SubmissionStatus.SUBMITTED)
            vanished[f"{kind} of older documents"] = await story.mail(kind, submission_id=older)
        erased = await a_story(session)
        gone_since = await erased.documents(SubmissionStatus.APPROVED)
        await session.execute(
            text("update submission set erased_at = clock_timestamp() where id = :id"), {"id": gone_since}
        )
        vanished["alarm of a picture that is gone"] = await erased.mail(MailKind.STAFF_ALARM, submission_id=gone_since)
        answered = await a_story(session)
        answer = await answered.documents(SubmissionStatus.REJECTED)
        vanished["sorry for an answer that was given"] = await answered.mail(
            MailKind.APPEAL_LATE, submission_id=answer
        )  # fmt: skip
        vanished["a case that waits no more"] = await answered.mail(
            MailKind.REVIEW_WAITING, submission_id=answer, occasion="another-reviewer"
        )
        signed_in = await a_story(session)
        vanished["invitation, signed in meanwhile"] = await signed_in.mail(MailKind.INVITATION)
        vanished["reminder of another step"] = await signed_in.mail(MailKind.REMINDER, step="email")
        done = await a_story(session)
        await done.documents(SubmissionStatus.SUBMITTED)
        await done.register()
        vanished["reminder, nothing missing"] = await done.mail(MailKind.REMINDER, step="registration")
        vanished["before opening, nothing missing"] = await done.mail(MailKind.REMINDER, notice="before-opening")
        after = await a_story(session, open_file=False, calendar=CLOSED)
        vanished["invitation after the close"] = await after.mail(MailKind.INVITATION)
        vanished["reminder after the close"] = await after.mail(MailKind.REMINDER, step="identity")
        vanished["open after the close"] = await after.mail(MailKind.VOTING_OPEN, notice="voting-open")
        for notice in (NoticeKind.HALF_WAY, NoticeKind.TWO_DAYS, NoticeKind.FOUR_HOURS):
            vanished[f"{notice} after the close"] = await after.mail(MailKind.NOT_YET_VOTED, notice=notice.value)
        complete = await a_vote(session)
        vanished["has voted in all meanwhile"] = await complete.mail(
            MailKind.NOT_YET_VOTED, notice=NoticeKind.FOUR_HOURS.value
        )
        nowhere = await a_story(session, calendar=OPEN)
        vanished["on paper, but taken back"] = await nowhere.mail(MailKind.ON_PAPER)
        vanished["no vote to tell of"] = await nowhere.mail(MailKind.PARTICIPATION)
        vanished["set aside, but open again"] = await after.mail(MailKind.VOTE_SETTLED, state="set-aside")
        before = await a_story(session)
        vanished["open, but moved later"] = await before.mail(MailKind.VOTING_OPEN, notice="voting-open")
        vanished["cancelled, but is held"] = await before.mail(MailKind.CAMPAIGN_CANCELLED, notice="cancelled")
        vanished["moved, without anybody who did"] = await before.mail(MailKind.CLOSING_MOVED, notice="closing-moved")
        vanished["results that are not out"] = await after.mail(MailKind.RESULTS, notice="results")
        vanished["closed, but moved later"] = await before.mail(MailKind.CLOSED, notice="closed")
    async with relaying(mailbox):
        for key in vanished.values():

            async def is_settled(key: str = key) -> bool:
                mail = await row(sessions, key)
                return (mail.cancelled_at or mail.sent_at or mail.last_error) is not None

            await eventually(is_settled)

    settled = {name: await row(sessions, key) for name, key in vanished.items()}
    assert {name for name, mail in settled.items() if mail.cancelled_at is None} == set()
    # That a password was changed, or somebody signed in, stays true.
    vanish = set(MailKind) - OF_DOORS - {MailKind.PASSWORD_CHANGED, MailKind.STAFF_SIGNED_IN}
    assert {MailKind(mail.kind) for mail in settled.values()} == vanish
    assert mailbox.messages() == []
