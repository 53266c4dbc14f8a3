"""One member's way through the real records, the real object store and the real mailbox."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, select
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from portal.rules.accounts import Role
from portal.rules.decisions import Deciding
from portal.rules.identity import Reason, Verdict
from portal.rules.links import hash_of
from portal.rules.mail import MailKind
from portal.rules.onboarding import Step
from portal.rules.refusals import Refusal
from portal.settings import Settings
from portal.store import Sessions, accounts, decisions, identity, journal, links, mail, onboarding, review
from portal.store.campaigns import Campaign
from portal.store.decisions import Given
from portal.store.files import MinioFiles
from portal.store.identity import Claim, Document, Submission
from portal.store.members import Member
from portal.store.sealing import EpochKeys, seal
from tests import builders
from tests.conftest import Running, Servers
from workflows import calls
from workflows.messages import (
    REFUSED,
    Answer,
    ConfirmEmail,
    Register,
    SubmitDocuments,
    WithdrawDocuments,
    workflow_id,
)
from workflows.onboarding import OnboardingWorkflow

Handle = WorkflowHandle[Any, Any]


async def until(true: Callable[[], Awaitable[Any]], within: float = 15.0) -> Any:
    """Look often until the answer is true, and give it back."""
    end = time.monotonic() + within
    while not (answer := await true()):
        assert time.monotonic() < end, f"not within {within:g} s: {true}"
        await asyncio.sleep(0.02)
    return answer


async def refusal_of(update: Awaitable[Answer]) -> Refusal | None:
    """How an update was refused: by the workflow before it began, or by the records."""
    try:
        return (await update).refusal
    except WorkflowUpdateFailedError as error:
        cause = error.cause
        if not isinstance(cause, ApplicationError) or cause.type != REFUSED:
            raise
        return Refusal(cause.message)


async def events_of(handle: Handle) -> int:
    return len((await handle.fetch_history()).events)


@dataclass(frozen=True)
class Counts:
    """What one file costs the server."""

    events: int
    size: int
    transitions: int

    def __str__(self) -> str:
        return f"{self.events} events, {self.size} bytes, {self.transitions} state transitions"


async def counts_of(handle: Handle) -> Counts:
    info = (await handle.describe()).raw_description.workflow_execution_info
    return Counts(info.history_length, info.history_size_bytes, info.state_transition_count)


@dataclass(frozen=True)
class World:
    """The servers as one test sees them."""

    running: Running
    servers: Servers
    sessions: Sessions
    files: MinioFiles
    settings: Settings

    async def member(self, campaign: Campaign | None = None, *, verified: bool = False, group: str = "EC") -> "Journey":
        async with self.sessions.begin() as session:
            campaign = campaign or await builders.a_campaign(session)
            member = await builders.a_member(session, verified=verified, group=group)
            account = await accounts.of_member(session, member.id)
        assert account is not None
        assert account.email is not None
        return Journey(self, campaign, member, account.email)

    async def reviewer(self) -> UUID:
        async with self.sessions.begin() as session:
            return (await builders.a_staff_account(session, Role.REVIEWER)).id

    async def claim(self, reviewer_id: UUID) -> Claim:
        """Open the oldest case."""
        async with self.sessions.begin() as session:
            claim = await review.claim_next(session, reviewer_id)
        assert claim is not None, "there is a case to open"
        return claim

    async def decide(
        self, claim: Claim, verdict: Verdict = Verdict.APPROVE, reason: Reason | None = None
    ) -> Submission | Refusal:
        if verdict is not Verdict.APPROVE and reason is None:
            reason = Reason.UNREADABLE
        given = await self._give(claim, verdict, reason, self.settings.deciding)
        return given if isinstance(given, Refusal) else given.submission

    async def give(
        self, claim: Claim, verdict: Verdict = Verdict.APPROVE, *, undo_for: timedelta = timedelta(0)
    ) -> Given:
        """An opinion that nothing speaks against."""
        reason = None if verdict is Verdict.APPROVE else Reason.UNREADABLE
        given = await self._give(claim, verdict, reason, replace(self.settings.deciding, undo_for=undo_for))
        assert isinstance(given, Given), given
        return given

    async def _give(self, claim: Claim, verdict: Verdict, reason: Reason | None, deciding: Deciding) -> Given | Refusal:
        async with self.sessions.begin() as session:
            return await decisions.give(
                session, claim_id=claim.id, reviewer_id=claim.reviewer_id, verdict=verdict, reason=reason,
                note_fr="", note_en="", deciding=deciding,
            )  # fmt: skip


@dataclass(frozen=True)
class Journey:
    """What one member does, and what becomes of it."""

    world: World
    campaign: Campaign
    who: Member
    email: str

    @property
    def handle(self) -> Handle:
        return self.world.running.client.get_workflow_handle(workflow_id(self.campaign.code, self.who.id))

    # --- what the member does

    async def sign_in(self) -> Answer:
        running = self.world.running
        answer: Answer = await running.client.execute_update_with_start_workflow(
            OnboardingWorkflow.sign_in,
            start_workflow_operation=calls.opening(
                running.task_queue, campaign_id=self.campaign.id, campaign_code=self.campaign.code,
                member_id=self.who.id,
            ),
            id=str(uuid4()),
        )  # fmt: skip
        return answer

    async def send_verification(self, key: str | None = None) -> Answer:
        return await self.handle.execute_update(OnboardingWorkflow.send_verification, id=key or str(uuid4()))

    async def link_in_the_mail(self) -> UUID:
        """What the page does with the link of the verification mail: look its token up."""
        await self.sent(MailKind.VERIFICATION)
        links_sent = [link for message in await self.received() for link in message["links"]]
        token = [found[1] for link in links_sent if (found := re.search(r"jeton=([\w-]+)", link))][-1]
        async with self.world.sessions.begin() as session:
            link = await links.find(session, hash_of(token))
        assert link is not None
        return link.id

    async def confirm_email(self, link_id: UUID, key: str | None = None) -> Answer:
        return await self.handle.execute_update(
            OnboardingWorkflow.confirm_email, ConfirmEmail(link_id), id=key or str(uuid4())
        )

    async def upload(self, *, appeal_of: UUID | None = None) -> UUID:
        """What the page does with a picture before the form is sent: staged, and sealed in the store."""
        keys = EpochKeys(self.world.settings.key_folder)
        document_id, submission_id = uuid4(), uuid4()
        sealed = seal(keys, document_id, b"the pixels of a card", datetime.now(UTC).date())
        async with self.world.sessions.begin() as session:
            await identity.stage(
                session,
                Submission(id=submission_id, campaign_id=self.campaign.id, member_id=self.who.id, appeal_of=appeal_of),
                [
                    Document(
                        id=document_id,
                        submission_id=submission_id,
                        position=0,
                        kind="driving-licence",
                        width=1600,
                        height=1000,
                        epoch=sealed.epoch,
                        wrapped_key=sealed.wrapped_key,
                    )
                ],
            )
        await self.world.files.put(document_id.hex, sealed.ciphertext)
        return submission_id

    async def submit(self, submission_id: UUID, key: str | None = None) -> Answer:
        return await self.handle.execute_update(
            OnboardingWorkflow.submit_documents, SubmitDocuments(submission_id), id=key or str(uuid4())
        )

    async def withdraw(self, submission_id: UUID) -> Answer:
        return await self.handle.execute_update(
            OnboardingWorkflow.withdraw_documents, WithdrawDocuments(submission_id), id=str(uuid4())
        )

    async def register(self, *ballots: str, key: str | None = None) -> Answer:
        return await self.handle.execute_update(
            OnboardingWorkflow.register, Register(list(ballots)), id=key or str(uuid4())
        )

    async def until_submitted(self) -> UUID:
        """Sign in with an address already verified, and send a picture."""
        assert (await self.sign_in()).step is Step.IDENTITY
        submission_id = await self.upload()
        assert (await self.submit(submission_id)).refusal is None
        return submission_id

    # --- what others do

    async def deliver(
        self, submission_id: UUID, claim_id: UUID, verdict: Verdict, effective_at: datetime | None = None
    ) -> None:
        running = self.world.running
        await calls.deliver_decision(
            running.client, running.task_queue,
            campaign_id=self.campaign.id, campaign_code=self.campaign.code, member_id=self.who.id,
            submission_id=submission_id, claim_id=claim_id, verdict=verdict, effective_at=effective_at,
        )  # fmt: skip

    # --- what is found afterwards

    async def idle(self) -> bool:
        """Whether the workflow has nothing left to do until the next deadline."""
        description = (await self.handle.describe()).raw_description
        return not description.pending_activities and not description.HasField("pending_workflow_task")

    async def erasure(self, submission_id: UUID) -> identity.Erasure | None:
        async with self.world.sessions.begin() as session:
            return await identity.erasure_of(session, submission_id)

    async def erased(self, submission_id: UUID) -> identity.Erasure:
        found: identity.Erasure = await until(lambda: self.erasure(submission_id))
        return found

    async def status(self, submission_id: UUID) -> str:
        async with self.world.sessions.begin() as session:
            submission = await identity.by_id(session, submission_id)
        assert submission is not None
        return submission.status

    async def keys_left(self, submission_id: UUID) -> int:
        async with self.world.sessions.begin() as session:
            documents = await identity.documents_of(session, submission_id)
        assert documents, "the row of a document outlives its picture"
        return sum(document.wrapped_key is not None for document in documents)

    async def actions(self) -> dict[str, int]:
        """How often the journal tells of what, for this member."""
        async with self.world.sessions.begin() as session:
            rows = await session.execute(
                select(journal.Entry.action, func.count())
                .where(journal.Entry.member_id == self.who.id)
                .group_by(journal.Entry.action)
            )
        return {row[0]: row[1] for row in rows}

    async def outbox(self) -> dict[str, int]:
        """How many mails of each kind were queued for this member."""
        async with self.world.sessions.begin() as session:
            rows = await session.execute(
                select(mail.Mail.kind, func.count())
                .join(accounts.Account, accounts.Account.id == mail.Mail.account_id)
                .where(accounts.Account.member_id == self.who.id)
                .group_by(mail.Mail.kind)
            )
        return {row[0]: row[1] for row in rows}

    async def file(self) -> onboarding.File:
        async with self.world.sessions.begin() as session:
            file = await onboarding.of_member(session, self.campaign.id, self.who.id)
        assert file is not None
        return file

    async def received(self) -> list[dict[str, Any]]:
        return await asyncio.to_thread(self.world.servers.mailbox.messages, self.email)

    async def sent(self, kind: MailKind) -> None:
        """Until the newest mail of this kind has left."""

        async def look() -> bool:
            async with self.world.sessions.begin() as session:
                rows = await session.scalars(
                    select(mail.Mail.sent_at)
                    .join(accounts.Account, accounts.Account.id == mail.Mail.account_id)
                    .where(accounts.Account.member_id == self.who.id, mail.Mail.kind == kind.value)
                )
            found = list(rows)
            return bool(found) and None not in found

        await until(look)
