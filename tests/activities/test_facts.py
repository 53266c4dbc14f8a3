"""Every mail can be written in both languages from the records."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from activities.facts import Facts
from activities.rendering import Letters
from portal.rules.accounts import Purpose, Role
from portal.rules.campaigns import NoticeKind
from portal.rules.identity import Reason, SubmissionStatus
from portal.rules.mail import MailKind
from portal.rules.votes import VoteState
from portal.store import Session, Sessions, ballots, identity
from tests import builders
from tests.activities.mails import MAIL_OF, queue_verification, row
from tests.activities.stories import CLOSED, HOUR, OF_A_SUBMISSION, OF_AN_APPEAL, OPEN, Story, a_story, a_vote, written
from tests.activities.test_door_facts import OF_DOORS
from tests.store.ballot_box import a_provisional_voter, an_open_campaign, answered
from tests.store.cases import a_submission, run


async def a_decided(session: Session, submission_id: UUID, reason: Reason) -> None:
    staff = await builders.a_staff_account(session)
    claim = identity.Claim(
        id=uuid4(),
        submission_id=submission_id,
        reviewer_id=staff.id,
        expires_at=staff.password_set_at or staff.email_verified_at,
    )
    session.add(claim)
    await session.flush()
    session.add(
        identity.Decision(
            submission_id=submission_id,
            claim_id=claim.id,
            reviewer_id=staff.id,
            verdict="reject",
            reason=reason.value,
        )
    )
    if reason is Reason.OTHER:
        session.add(identity.DecisionNote(submission_id=submission_id, fr="Un chat.", en="A cat."))
    await session.flush()


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_every_kind_of_mail_can_be_written(
    sessions: Sessions, facts: Facts, letters: Letters, language: str
) -> None:
    keys: dict[str, str] = {}
    async with sessions.begin() as session:
        story = await a_story(session, language)
        for purpose in MAIL_OF:
            keys[f"link, {purpose}"] = (
                await queue_verification(session, story.member, campaign=story.campaign, purpose=purpose)
            )[0]
        keys["new browser"] = await story.mail(MailKind.STAFF_SIGNED_IN, browser="firefox-windows")
        overdue = await (await a_story(session, language)).documents(SubmissionStatus.APPROVED)
        keys["alarm"] = await story.mail(MailKind.STAFF_ALARM, submission_id=overdue)
        keys["password changed"] = await story.mail(MailKind.PASSWORD_CHANGED)
        invited = await a_story(session, language, open_file=False)
        keys["invitation"] = await invited.mail(MailKind.INVITATION)
        keys["reminder"] = await story.mail(MailKind.REMINDER, step="identity")
        keys["before-opening"] = await story.mail(MailKind.REMINDER, notice="before-opening")
        keys["before-opening, no file"] = await invited.mail(MailKind.REMINDER, notice="before-opening")
        for kind, status in OF_A_SUBMISSION.items():
            other = await a_story(session, language)
            submission = await other.documents(status)
            await other.register()
            keys[kind.value] = await other.mail(kind, submission_id=submission)
            keys[f"registered when {status}"] = await other.mail(MailKind.REGISTERED, ballots="ec-directors,pension")
            during = await a_story(session, language, calendar=OPEN)
            keys[f"voting-open {kind}"] = await during.mail(MailKind.VOTING_OPEN, notice="voting-open")
        for kind in OF_AN_APPEAL:
            other = await a_story(session, language)
            appeal = await other.appeal()
            keys[kind.value] = await other.mail(kind, submission_id=appeal)
        for occasion in ("appeal-late", "another-reviewer"):
            keys[f"waiting, {occasion}"] = await other.mail(
                MailKind.REVIEW_WAITING, submission_id=appeal, occasion=occasion
            )
        for notice in (NoticeKind.HALF_WAY, NoticeKind.TWO_DAYS, NoticeKind.FOUR_HOURS):
            during = await a_story(session, language, calendar=OPEN)
            keys[notice.value] = await during.mail(MailKind.NOT_YET_VOTED, notice=notice.value)
        by_mail = await a_story(session, language)
        await by_mail.on_paper()
        keys["on paper"] = await by_mail.mail(MailKind.ON_PAPER)
        keys["voted"] = await (await a_vote(session, language)).mail(MailKind.PARTICIPATION)
        after = await a_story(session, language, calendar=CLOSED)
        keys["closed"] = await after.mail(MailKind.CLOSED, notice="closed")
        box = await an_open_campaign(session)
        for state in (VoteState.COUNTS, VoteState.SET_ASIDE):
            voter, sent = await a_provisional_voter(session, box, language=language)
            if state is VoteState.COUNTS:
                await ballots.confirm_all(session, box.id, voter.id)
            else:
                await a_decided(session, sent.id, Reason.UNREADABLE)
                await answered(session, sent, SubmissionStatus.REFUSED, ago=HOUR)
                await a_submission(session, box, voter, status=SubmissionStatus.REFUSED, appeal_of=sent.id)
            keys[state.value] = await Story(session, box, voter).mail(MailKind.VOTE_SETTLED, state=state.value)
        off = await a_story(session, language)
        off.campaign.status, off.campaign.cancelled_at = "cancelled", datetime.now(UTC)
        keys["cancelled"] = await off.mail(MailKind.CAMPAIGN_CANCELLED, notice="cancelled")
        longer = await a_story(session, language, calendar=OPEN)
        await a_closing_moved(session, longer.campaign.id)
        keys["closing moved"] = await longer.mail(MailKind.CLOSING_MOVED, notice="closing-moved")
        counted = await a_story(session, language, calendar=CLOSED)
        counted.campaign.results_at = datetime.now(UTC)
        keys["results"] = await counted.mail(MailKind.RESULTS, notice="results")

    letters_written = {name: await written(sessions, facts, letters, key) for name, key in keys.items()}

    assert {name for name, letter in letters_written.items() if letter is None} == set()
    assert {MailKind((await row(sessions, key)).kind) for key in keys.values()} == set(MailKind) - OF_DOORS


async def a_closing_moved(session: Session, campaign_id: UUID) -> None:
    """As two officers have moved it; the records look at how, not at what a mail says."""
    one, other = [(await builders.a_staff_account(session, Role.OFFICER)).id for _ in range(2)]
    await session.execute(text("set local session_replication_role = replica"))
    await session.execute(
        text(
            "insert into campaign_change (id, campaign_id, kind, wanted, fits, proposed_by, proposed_at, expires_at,"
            " confirmed_by, confirmed_at) values (gen_random_uuid(), :campaign, 'move',"
            """ '{"closes": "2017-03-04", "reason_fr": "Une panne", "reason_en": "An outage"}', 'f', :one, now(),"""
            " now(), :other, now())"
        ),
        {"campaign": campaign_id, "one": one, "other": other},
    )
    await session.execute(text("set local session_replication_role = origin"))


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("reason", Reason)
async def test_every_reason_of_a_rejection_is_said_with_its_remedy(
    sessions: Sessions, facts: Facts, letters: Letters, reason: Reason, language: str
) -> None:
    from portal.text import reason as explanation

    async with sessions.begin() as session:
        story = await a_story(session, language)
        submission = await story.documents(SubmissionStatus.REJECTED)
        await a_decided(session, UUID(submission), reason)
        key = await story.mail(MailKind.REJECTED, submission_id=submission)

    text = " ".join((await written(sessions, facts, letters, key) or "").split())

    said = explanation(reason, language)
    remedy = said.remedy if reason is not Reason.OTHER else {"fr": "Un chat.", "en": "A cat."}[language]
    assert " ".join(said.reason.split()) in text
    assert " ".join(remedy.split()) in text


async def test_a_certificate_is_quoted_once_there_is_one(sessions: Sessions, facts: Facts, letters: Letters) -> None:
    async with sessions.begin() as session:
        story = await a_story(session)
        submission = await story.documents(SubmissionStatus.APPROVED)
        key = await story.mail(MailKind.APPROVED, submission_id=submission)
    before = await written(sessions, facts, letters, key)
    async with sessions.begin() as session:
        mine = await identity.lock(session, UUID(submission))
        assert mine is not None
        await identity.certify(session, mine, certificate="S-0123-4567-89AB", versions_removed=2)
    after = await written(sessions, facts, letters, key)

    assert before is not None
    assert "S-0123" not in before
    assert after is not None
    assert "S-0123-4567-89AB" in after.replace("\N{NON-BREAKING HYPHEN}", "-")


async def test_an_account_of_staff_alone_can_renew_its_password(
    sessions: Sessions, facts: Facts, letters: Letters
) -> None:
    from portal.rules.links import hash_of, token_of
    from portal.rules.mail import Lane
    from portal.store import links, mail
    from tests.conftest import SECRET

    link_id = uuid4()
    async with sessions.begin() as session:
        staff = await builders.a_staff_account(session)
        await links.make(
            session,
            link_id=link_id,
            account=staff,
            purpose=Purpose.RENEWAL,
            valid=HOUR,
            token_hash=hash_of(token_of(SECRET.encode(), link_id)),
        )
        await mail.queue(
            session,
            mail.to_queue(
                key="renewal",
                kind=MailKind.RENEWAL,
                lane=Lane.URGENT,
                account_id=staff.id,
                campaign_id=None,
                due_at=datetime.now(UTC),
                facts={"link_id": str(link_id)},
            ),
        )

    text = await written(sessions, facts, letters, "renewal")

    assert text is not None
    assert token_of(SECRET.encode(), link_id) in text


async def test_a_registration_is_said_to_be_provisional_until_the_identity_is_confirmed(
    sessions: Sessions, facts: Facts, letters: Letters
) -> None:
    async with sessions.begin() as session:
        story = await a_story(session)
        await story.documents(SubmissionStatus.SUBMITTED)
        await story.register()
        key = await story.mail(MailKind.REGISTERED, ballots="ec-directors,pension")
    provisional = await written(sessions, facts, letters, key)
    await run(sessions, "update registration set confirmed_at = clock_timestamp()")
    confirmed = await written(sessions, facts, letters, key)

    assert provisional is not None
    assert confirmed is not None
    assert "sous réserve" in " ".join(provisional.split())
    assert "sous réserve" not in " ".join(confirmed.split())
    for said in (provisional, confirmed):
        assert "Vote ec-directors" in said
        assert "Vote ec-ratification" not in said
