"""A step of a member is one statement: all of it is written, or nothing."""

import asyncio
import importlib
import pkgutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest_asyncio
from sqlalchemy import BindParameter, ClauseElement, Table, Update, func, select
from sqlalchemy.sql import visitors

from portal import store
from portal.rules.accounts import LINKS_AN_HOUR, Purpose
from portal.rules.links import hash_of, token_of
from portal.rules.mail import Lane, MailKind
from portal.rules.onboarding import Step
from portal.store import Sessions, accounts, autocommit_of, links, mail, onboarding, steps
from portal.store.accounts import Account
from portal.store.campaigns import Campaign
from portal.store.journal import Entry
from portal.store.links import Link
from portal.store.mail import Mail
from portal.store.onboarding import File
from tests import builders
from tests.store.cases import SECRET, run

HOUR = timedelta(hours=1)


@dataclass
class Case:
    """A member with a file, and what has been written of them."""

    sessions: Sessions
    autocommit: Sessions
    campaign: Campaign
    account: Account

    @property
    def member_id(self) -> UUID:
        assert self.account.member_id is not None
        return self.account.member_id

    def mail(self, key: str) -> mail.Row:
        return mail.to_queue(
            key=key, kind=MailKind.VERIFICATION, lane=Lane.URGENT, account_id=self.account.id,
            campaign_id=self.campaign.id, due_at=datetime.now(UTC), facts={"link_id": "x"},
        )  # fmt: skip

    async def ask(self, key: str, link_id: UUID | None = None, purpose: Purpose = Purpose.VERIFICATION) -> bool:
        """Ask for a verification mail."""
        link_id = link_id or uuid4()
        async with self.autocommit() as session:
            return await steps.write(
                session, steps.VERIFICATION_ASKED, member_id=self.member_id, campaign_id=self.campaign.id,
                action="verification-asked", key=key, reached=Step.EMAIL, subject_id=link_id,
                mail=self.mail(f"verification:{link_id}"),
                act=links.to_make(
                    link_id=link_id, account=self.account, purpose=purpose,
                    token_hash=hash_of(token_of(SECRET, link_id)), valid=HOUR,
                ),
            )  # fmt: skip

    async def prove(self, key: str, link_id: UUID) -> bool:
        async with self.autocommit() as session:
            return await steps.write(
                session, steps.EMAIL_VERIFIED, member_id=self.member_id, campaign_id=self.campaign.id,
                action="email-verified", key=key, reached=Step.IDENTITY, subject_id=link_id,
                act=links.to_use(link_id, Purpose.VERIFICATION, self.account.id),
            )  # fmt: skip

    async def count(self, entity: type[Entry] | type[Mail] | type[Link]) -> int:
        async with self.sessions.begin() as session:
            return await session.scalar(select(func.count()).select_from(entity)) or 0

    async def written(self) -> tuple[int, int, int]:
        return await self.count(Link), await self.count(Entry), await self.count(Mail)

    async def file(self) -> File:
        async with self.sessions.begin() as session:
            file = await onboarding.of_member(session, self.campaign.id, self.member_id)
        assert file is not None
        return file

    async def now(self) -> Account:
        async with self.sessions.begin() as session:
            account = await accounts.by_id(session, self.account.id)
        assert account is not None
        return account


@pytest_asyncio.fixture
async def case(sessions: Sessions, as_worker: Sessions) -> Case:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session, verified=False)
        account = await accounts.of_member(session, member.id)
        assert account is not None
        await onboarding.open_file(session, campaign, member.id)
    engine = as_worker.kw["bind"]
    return Case(sessions, autocommit_of(engine), campaign, account)


async def test_a_step_writes_its_act_the_journal_the_mail_and_the_file(case: Case) -> None:
    before = await case.file()
    link_id = uuid4()

    assert await case.ask("asked-1", link_id)

    assert await case.written() == (1, 1, 1)
    async with case.sessions.begin() as session:
        entry = (await session.scalars(select(Entry))).one()
        queued = (await session.scalars(select(Mail))).one()
    assert (entry.action, entry.actor, entry.actor_id, entry.member_id, entry.subject_id, entry.key) == (
        "verification-asked", "member", case.member_id, case.member_id, link_id, "asked-1",
    )  # fmt: skip
    assert (queued.key, queued.kind, queued.account_id, queued.facts) == (
        f"verification:{link_id}", "verification", case.account.id, {"link_id": "x"},
    )  # fmt: skip
    after = await case.file()
    assert after.version == before.version + 1
    assert after.last_step_at > before.last_step_at


async def test_a_step_whose_act_is_not_to_be_had_leaves_nothing(case: Case) -> None:
    for n in range(LINKS_AN_HOUR):
        assert await case.ask(f"asked-{n}")
    written, before = await case.written(), await case.file()

    assert not await case.ask("one too many")
    assert not await case.prove("no such link", uuid4())

    assert await case.written() == written
    after = await case.file()
    assert (after.version, after.step, after.last_step_at) == (before.version, before.step, before.last_step_at)
    assert (await case.now()).email_verified_at is None


async def test_of_ten_of_the_same_step_at_once_one_is_written(case: Case) -> None:
    link_id = uuid4()

    happened = await asyncio.gather(*(case.ask("asked", link_id) for _ in range(10)))

    assert sum(happened) == 1
    assert not await case.ask("asked", link_id), "nor once more afterwards"
    assert await case.written() == (1, 1, 1)
    async with case.sessions.begin() as session:
        link = (await session.scalars(select(Link))).one()
    assert link.voided_at is None, "a repeat leaves the link alive"


async def test_an_address_is_proven_once_and_the_file_moves_on(case: Case) -> None:
    first, second = uuid4(), uuid4()
    await case.ask("asked-1", first)
    assert await case.prove("proven-1", first)
    proven = await case.now()
    assert proven.email_verified_at is not None
    assert (await case.file()).step == Step.IDENTITY

    assert not await case.prove("proven-1", first), "a link is used once"
    await case.ask("asked-2", second)
    assert await case.prove("proven-2", second)
    assert (await case.now()).email_verified_at == proven.email_verified_at, "proven again is proven since the first"


async def test_a_link_to_an_address_that_has_changed_proves_nothing(case: Case) -> None:
    link_id = uuid4()
    await case.ask("asked", link_id)
    await run(case.sessions, "update account set email = 'another@exemple.test' where id = :id", id=case.account.id)

    assert not await case.prove("proven", link_id)
    assert (await case.now()).email_verified_at is None


async def test_a_step_inside_a_transaction_goes_with_it(case: Case, as_worker: Sessions) -> None:
    async with as_worker() as session:
        assert await steps.write(
            session, steps.WRITTEN, member_id=case.member_id, campaign_id=case.campaign.id, action="registered",
            key="registered", reached=Step.DONE, code="pension", mail=case.mail("registered"),
        )  # fmt: skip
        await session.rollback()

    assert await case.written() == (0, 0, 0)
    assert (await case.file()).step == Step.EMAIL


async def test_a_step_without_a_mail_queues_none_and_an_ended_file_stays_ended(case: Case, as_worker: Sessions) -> None:
    async with as_worker.begin() as session:
        await onboarding.end_file(session, case.campaign.id, case.member_id)
    async with as_worker.begin() as session:
        assert await steps.write(
            session, steps.WRITTEN, member_id=case.member_id, campaign_id=case.campaign.id, action="withdrawn",
            key="withdrawn", reached=Step.IDENTITY,
        )  # fmt: skip

    assert await case.written() == (0, 1, 0)
    assert (await case.file()).step == Step.ENDED


def test_no_parameter_of_a_prepared_update_is_named_like_a_column() -> None:
    """Such a parameter would be written into the column, silently."""
    updates = 0
    for module in pkgutil.iter_modules(store.__path__, "portal.store."):
        for name, statement in vars(importlib.import_module(module.name)).items():
            if not isinstance(statement, ClauseElement):
                continue
            parts = list(visitors.iterate(statement))
            changed = [part.table for part in parts if isinstance(part, Update)]
            columns = {column.key for table in changed if isinstance(table, Table) for column in table.c}
            given = {part.key for part in parts if isinstance(part, BindParameter) and not part.unique}
            assert not columns & given, (module.name, name)
            updates += len(changed)
    assert updates >= 6
