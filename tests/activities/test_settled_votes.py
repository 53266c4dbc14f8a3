"""No vote is refused in silence: every way in which a provisional vote may end, by the activities and the mails."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from temporalio.testing import ActivityEnvironment

from activities.facts import Addressed, Facts
from activities.identity import ApplyDecision, CloseSubmission, IdentityActivities, SubmissionOf
from activities.rendering import Letters
from activities.sweep import SweepActivities
from portal.rules.accounts import Role
from portal.rules.decisions import Deciding
from portal.rules.identity import Reason, SubmissionStatus, Verdict
from portal.rules.mail import Lane, MailKind
from portal.rules.refusals import Refusal
from portal.rules.votes import VoteState
from portal.store import Sessions, decisions, mail, review, running
from portal.store.campaigns import Campaign
from portal.store.decisions import Given
from portal.store.identity import Submission
from portal.store.mail import Claimed, Mail
from portal.store.members import Member
from tests import builders
from tests.store.ballot_box import DAY, HOUR, a_provisional_voter, an_open_campaign, later, the_vote
from tests.store.cases import a_submission

DECIDING = Deciding(b"a key of the tests", second_looks=0, undo_for=timedelta(0))
OPEN, COUNTS, ASIDE = VoteState.OPEN, VoteState.COUNTS, VoteState.SET_ASIDE


@dataclass(frozen=True)
class Opinion:
    """What a reviewer has said, and what it settled."""

    claim_id: UUID
    submission_id: UUID
    verdict: Verdict | None


@dataclass
class Story:
    """One provisional voter, three days after the close: what the reviewers and they do, and what becomes of it."""

    sessions: Sessions
    activities: IdentityActivities
    sweeping: SweepActivities
    facts: Facts
    letters: Letters
    campaign: Campaign
    member: Member
    submission: Submission

    async def decide(self, verdict: Verdict, *, by: int = 1) -> None:
        """So many reviewers say the same."""
        for _ in range(by):
            settled = await self._opinion(verdict)
        assert settled.verdict is verdict
        signal = Verdict.APPROVE if verdict is Verdict.APPROVE else Verdict.REJECT
        done = await self.activities.apply_decision(
            ApplyDecision(self.campaign.id, self.member.id, settled.submission_id, settled.claim_id, signal)
        )
        assert done.applied

    async def _opinion(self, verdict: Verdict) -> "Opinion":
        async with self.sessions.begin() as session:
            reviewer = await builders.a_staff_account(session, Role.REVIEWER, key=False)
            claim = await review.claim_next(session, reviewer.id)
            assert claim is not None
            given = await decisions.give(
                session, claim_id=claim.id, reviewer_id=reviewer.id, verdict=verdict,
                reason=None if verdict is Verdict.APPROVE else Reason.UNREADABLE, note_fr="", note_en="",
                deciding=DECIDING,
            )  # fmt: skip
            assert isinstance(given, Given)
            return Opinion(claim.id, given.submission.id, given.verdict)

    async def send(self, appeal_of: UUID | None = None) -> Refusal | None:
        async with self.sessions.begin() as session:
            sent = await a_submission(
                session, self.campaign, self.member, status=SubmissionStatus.STAGED, wrapped_key=None,
                appeal_of=appeal_of,
            )  # fmt: skip
        order = SubmissionOf(self.campaign.id, self.member.id, sent.id, f"submit-{uuid4()}")
        refusal = (await self.activities.submit_documents(order)).refusal
        if refusal is None:
            self.submission = sent
        return refusal

    async def appeal(self) -> Refusal | None:
        return await self.send(appeal_of=self.submission.id)

    async def state(self) -> VoteState:
        async with self.sessions.begin() as session:
            return (await the_vote(session, self.campaign, self.member)).state

    async def mails(self) -> list[str]:
        """What was queued about the vote, in which state."""
        async with self.sessions.begin() as session:
            rows = await session.scalars(
                select(Mail).where(Mail.kind == MailKind.VOTE_SETTLED.value).order_by(Mail.queued_at)
            )
            return [row.facts["state"] for row in rows]

    async def letter(self, kind: MailKind) -> str:
        """The last mail of a kind, as it is sent."""
        async with self.sessions.begin() as session:
            row = (
                await session.scalars(
                    select(Mail).where(Mail.kind == kind.value).order_by(Mail.queued_at.desc()).limit(1)
                )
            ).one()
            claimed = Claimed(row.id, row.key, kind, row.account_id, row.campaign_id, row.facts, 0, row.queued_at)
            addressed = await self.facts.of(session, claimed)
        assert isinstance(addressed, Addressed)
        said = self.letters.render(kind, "fr", addressed.facts)
        return " ".join(f"{said.subject} {said.text}".replace("\N{NO-BREAK SPACE}", " ").split())

    async def sweep(self) -> None:
        await ActivityEnvironment().run(self.sweeping.sweep)

    async def end(self) -> None:
        """The file ends with the campaign: whatever is under review is abandoned."""
        await later(self.sessions, 30 * DAY)
        await self.activities.close_submission(
            CloseSubmission(self.campaign.id, self.member.id, self.submission.id, SubmissionStatus.ABANDONED)
        )


@pytest.fixture
def telling(
    sessions: Sessions, identity_activities: IdentityActivities, sweeping: SweepActivities, facts: Facts,
    letters: Letters,
) -> Callable[[], Awaitable[Story]]:  # fmt: skip
    async def begin() -> Story:
        async with sessions.begin() as session:
            campaign = await an_open_campaign(session)
            member, sent = await a_provisional_voter(session, campaign)
        story = Story(sessions, identity_activities, sweeping, facts, letters, campaign, member, sent)
        await later(sessions, 3 * DAY)
        assert await story.state() is OPEN
        return story

    return begin


Telling = Callable[[], Awaitable[Story]]


async def test_approved_after_the_close_it_counts_and_its_voter_is_told(telling: Telling) -> None:
    story = await telling()
    await story.decide(Verdict.APPROVE)
    assert (await story.state(), await story.mails()) == (COUNTS, ["counts"])
    said = await story.letter(MailKind.VOTE_SETTLED)
    assert "Votre vote provisoire compte" in said
    assert "Vote president" in said


async def test_without_a_better_photo_it_is_set_aside_and_the_mail_says_why_and_what_can_be_done(
    telling: Telling,
) -> None:
    story = await telling()
    await story.decide(Verdict.REJECT)
    assert (await story.state(), await story.mails()) == (OPEN, [])
    asked = await story.letter(MailKind.REJECTED)
    assert "Votre vote est provisoire" in asked
    assert "même après la fin du vote" in asked
    await later(story.sessions, 8 * DAY)
    assert await story.send() is Refusal.REGISTRATION_CLOSED, "nothing opens it again"
    for _ in range(2):
        await story.sweep()
    assert (await story.state(), await story.mails()) == (ASIDE, ["set-aside"])
    said = await story.letter(MailKind.VOTE_SETTLED)
    assert "mis de côté" in said
    assert "Nous n'arrivons pas à lire votre pièce d'identité" in said
    assert "à qui adresser une plainte" in said


async def test_a_better_photo_after_the_close_is_looked_at_and_then_it_counts(telling: Telling) -> None:
    story = await telling()
    await story.decide(Verdict.REJECT)
    assert await story.send() is None
    assert await story.state() is OPEN
    await story.decide(Verdict.APPROVE)
    assert (await story.state(), await story.mails()) == (COUNTS, ["counts"])


async def test_refused_and_not_contested_it_is_set_aside_when_its_week_is_over(telling: Telling) -> None:
    story = await telling()
    await story.decide(Verdict.REFUSE, by=2)
    assert (await story.state(), await story.mails()) == (OPEN, [])
    asked = await story.letter(MailKind.IDENTITY_REFUSED)
    assert "sans contestation avant le" in asked
    assert "Vous pouvez contester cette décision au plus tard le" in asked
    assert await story.send() is Refusal.IDENTITY_REFUSED
    await later(story.sessions, 8 * DAY)
    assert await story.appeal() is Refusal.REGISTRATION_CLOSED
    await story.sweep()
    assert (await story.state(), await story.mails()) == (ASIDE, ["set-aside"])


async def test_an_appeal_that_is_won_makes_it_count(telling: Telling) -> None:
    story = await telling()
    await story.decide(Verdict.REFUSE, by=2)
    assert await story.appeal() is None
    assert (await story.state(), await story.mails()) == (OPEN, [])
    received = await story.letter(MailKind.APPEAL_RECEIVED)
    assert "au plus tard" in received
    await story.decide(Verdict.APPROVE)
    assert (await story.state(), await story.mails()) == (COUNTS, ["counts"])


async def test_an_appeal_that_is_lost_sets_it_aside_at_once_and_says_whom_to_write_to(telling: Telling) -> None:
    story = await telling()
    await story.decide(Verdict.REFUSE, by=2)
    assert await story.appeal() is None
    await story.decide(Verdict.REFUSE)
    assert (await story.state(), await story.mails()) == (ASIDE, ["set-aside"])
    said = await story.letter(MailKind.VOTE_SETTLED)
    assert "une personne qui n'y avait pas pris part a répondu" in said
    await story.sweep()
    assert await story.mails() == ["set-aside"], "told once"


async def test_what_nobody_decided_before_the_end_is_set_aside_with_an_apology(telling: Telling) -> None:
    story = await telling()
    await story.end()
    assert (await story.state(), await story.mails()) == (ASIDE, ["set-aside"])
    assert "La faute est la nôtre" in await story.letter(MailKind.VOTE_SETTLED)


async def test_where_no_workflow_lives_the_sweep_closes_the_file_and_the_box_can_be_sealed(telling: Telling) -> None:
    """T85: a vote under review is open past its day, and never past the end of the campaign."""
    story = await telling()
    await later(story.sessions, 10 * DAY)
    await story.sweep()
    assert await story.state() is OPEN, "late, and not decided: the reviewers may still answer"
    await later(story.sessions, 10 * DAY)
    await story.sweep()
    assert (await story.state(), await story.mails()) == (ASIDE, ["set-aside"])
    async with story.sessions.begin() as session:
        assert await running.still_open(session, story.campaign.id) == []
    said = await story.letter(MailKind.VOTE_SETTLED)
    assert "La faute est la nôtre" in said
    assert "à qui adresser une plainte" in said


async def test_what_its_voter_took_back_stays_open_for_a_week_and_is_set_aside_then(telling: Telling) -> None:
    story = await telling()
    order = SubmissionOf(story.campaign.id, story.member.id, story.submission.id, f"withdraw-{uuid4()}")
    assert (await story.activities.withdraw_documents(order)).refusal is None
    assert (await story.state(), await story.mails()) == (OPEN, [])
    await later(story.sessions, 8 * DAY)
    await story.sweep()
    assert (await story.state(), await story.mails()) == (ASIDE, ["set-aside"])
    assert "Vous avez retiré votre pièce d'identité" in await story.letter(MailKind.VOTE_SETTLED)


async def test_nobody_without_a_provisional_vote_is_written_to_or_may_send_documents_after_the_close(
    sessions: Sessions, identity_activities: IdentityActivities, sweeping: SweepActivities
) -> None:
    async with sessions.begin() as session:
        campaign = await an_open_campaign(session)
        member = await builders.a_member(session, verified=True)
        staged = await a_submission(session, campaign, member, status=SubmissionStatus.STAGED)
    await later(sessions, 2 * DAY + HOUR)
    sent = await identity_activities.submit_documents(SubmissionOf(campaign.id, member.id, staged.id, "k"))
    assert sent.refusal is Refusal.REGISTRATION_CLOSED
    await ActivityEnvironment().run(sweeping.sweep)
    async with sessions.begin() as session:
        assert await session.scalar(text("select count(*) from outbox")) == 0


async def test_neither_receipt_nor_choice_is_in_a_mail_in_the_outbox_or_in_the_journal(telling: Telling) -> None:
    """T98: of what this part writes; a receipt is nowhere but in the table of votes."""
    story = await telling()
    await story.decide(Verdict.REFUSE, by=2)
    await story.appeal()
    await story.decide(Verdict.APPROVE)
    async with story.sessions.begin() as session:
        vote = await the_vote(session, story.campaign, story.member)
        said = await story.letter(MailKind.VOTE_SETTLED)
        rows = [
            str(row) for table in ("journal", "outbox") for row in await session.execute(text(f"select * from {table}"))
        ]
        claimed = await mail.claim(session, Lane.URGENT, 100)
    for where in (said, *rows, *map(str, claimed)):
        assert vote.receipt not in where
        assert vote.receipt.replace("-", "") not in where
        assert vote.digest.hex() not in where
