"""What the relay does when the mail server refuses, hangs up, or is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from activities.mail import message_id
from activities.relay import MOST_IN_A_ROW, MOST_TRIES, wait_before
from deploy.servers import Mailbox, start_mailbox
from portal.store import Sessions
from portal.store.decisions import Undelivered
from portal.store.mail import TRIED_FOR
from tests import builders
from tests.activities.conftest import Relaying
from tests.activities.mails import eventually, is_sent, queue_verification, row
from tests.store.cases import a_submission, earlier, run


async def a_mail(sessions: Sessions) -> str:
    async with sessions.begin() as session:
        return (await queue_verification(session, await builders.a_member(session)))[0]


async def make_due(sessions: Sessions) -> None:
    """As if a minute had passed, and the relay looked again."""
    await earlier(sessions, "outbox", timedelta(minutes=1), "due_at")
    await run(sessions, "select pg_notify('outbox', 'urgent')")


async def says(sessions: Sessions, key: str, error: str | None) -> bool:
    return (await row(sessions, key)).last_error == error


async def count(sessions: Sessions, statement: str) -> int:
    async with sessions.begin() as session:
        return await session.scalar(text(statement)) or 0


@pytest.mark.parametrize("stage", ["rcpt", "data"])
async def test_a_mail_refused_for_now_is_postponed_and_later_sent_once(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox, stage: str
) -> None:
    mailbox.behave(refuse="451", refuse_at=stage)
    key = await a_mail(sessions)
    async with relaying(mailbox):
        await eventually(lambda: says(sessions, key, "451"))
        waiting = await row(sessions, key)
        assert waiting.due_at > datetime.now(UTC)
        assert (waiting.failed_at, waiting.claimed_until, waiting.attempts) == (None, None, 1)
        mailbox.behave()
        await make_due(sessions)
        await eventually(lambda: is_sent(sessions, key))

    assert len(mailbox.messages()) == 1
    sent = await row(sessions, key)
    assert (sent.attempts, sent.last_error) == (2, None)


@pytest.mark.parametrize("stage", ["rcpt", "data"])
async def test_an_address_that_refuses_for_good_is_told_to_the_operators(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox, stage: str
) -> None:
    mailbox.behave(refuse="550", refuse_at=stage)
    key = await a_mail(sessions)
    async with relaying(mailbox):
        await eventually(lambda: says(sessions, key, "550"))
        mailbox.behave()
        # The connection serves the next mail as if nothing had been.
        good = await a_mail(sessions)
        await eventually(lambda: is_sent(sessions, good))

    failed = await row(sessions, key)
    assert failed.failed_at is not None
    assert failed.sent_at is None
    assert len(mailbox.messages()) == 1


async def test_a_day_of_trying_is_enough(sessions: Sessions, relaying: Relaying, mailbox: Mailbox) -> None:
    mailbox.behave(refuse="451")
    key = await a_mail(sessions)
    await earlier(sessions, "outbox", TRIED_FOR, "queued_at")
    await run(sessions, f"update outbox set attempts = {MOST_TRIES}")
    async with relaying(mailbox):
        await eventually(lambda: says(sessions, key, "451"))

    assert (await row(sessions, key)).failed_at is not None


async def test_a_server_that_hangs_up_after_the_mail_gets_it_again_under_the_same_message_id(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    mailbox.behave(drop_after_data=True)
    key = await a_mail(sessions)
    async with relaying(mailbox):

        async def is_in_doubt() -> bool:
            return (await row(sessions, key)).last_error is not None

        await eventually(is_in_doubt)
        mailbox.behave()
        await make_due(sessions)
        await eventually(lambda: is_sent(sessions, key))

    assert [kept["message_id"] for kept in mailbox.messages()] == [message_id(key, "exemple.test")] * 2


async def test_a_server_that_is_away_costs_no_mail_an_attempt_and_gets_all_when_it_is_back(
    sessions: Sessions, relaying: Relaying, tmp_path: Path
) -> None:
    mailbox = start_mailbox(tmp_path / "mailbox")
    first = await a_mail(sessions)
    async with relaying(mailbox):
        await eventually(lambda: is_sent(sessions, first))
        mailbox.stop()
        keys = [await a_mail(sessions) for _ in range(3)]
        await asyncio.sleep(1)
        for key in keys:
            waiting = await row(sessions, key)
            assert (waiting.attempts, waiting.last_error, waiting.failed_at) == (0, None, None)
        again = start_mailbox(tmp_path / "mailbox", mailbox.smtp_port, mailbox.http_port)
        try:
            for key in keys:
                await eventually(lambda key=key: is_sent(sessions, key))  # type: ignore[misc]
            assert len(again.messages()) == 4
        finally:
            again.stop()

    assert {(await row(sessions, key)).attempts for key in keys} == {1}


@asynccontextmanager
async def a_server_that_answers(**answers: str) -> AsyncIterator[SimpleNamespace]:
    """An SMTP server with one answer per command, else 250."""
    heard: list[str] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            command = line.decode().split()[0].upper()
            heard.append(command)
            writer.write(answers.get(command, "250 ok").encode() + b"\r\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    try:
        yield SimpleNamespace(smtp_port=server.sockets[0].getsockname()[1], heard=heard)
    finally:
        server.close()


@pytest.mark.parametrize(
    "answer", ["550 5.7.1 Not from you", "530 5.7.0 Authentication required", "421 4.3.2 Going down"]
)
async def test_a_server_that_refuses_us_fails_no_mail(sessions: Sessions, relaying: Relaying, answer: str) -> None:
    key = await a_mail(sessions)
    async with a_server_that_answers(MAIL=answer) as server, relaying(server):

        async def has_refused() -> bool:
            return "MAIL" in server.heard and (await row(sessions, key)).claimed_until is None

        await eventually(has_refused)

    waiting = await row(sessions, key)
    assert (waiting.failed_at, waiting.last_error, waiting.attempts) == (None, None, 0)


@pytest.mark.parametrize(
    ("answer", "blamed"),
    [
        ("550 5.1.1 No such mailbox", 1),
        ("550 No such mailbox", 1),
        ("554 5.7.1 Listed", 0),
        ("552 Mailbox full", 0),
        ("550 5.2.2 Full", 0),
    ],
)
async def test_an_address_is_blamed_only_for_a_mailbox_that_is_not_there(
    sessions: Sessions, relaying: Relaying, answer: str, blamed: int
) -> None:
    key = await a_mail(sessions)
    async with a_server_that_answers(RCPT=answer) as server, relaying(server):
        await eventually(lambda: says(sessions, key, answer[:3]))

    assert (await row(sessions, key)).failed_at is not None
    assert await count(sessions, "select count(*) from account where email_bounced_at is not null") == blamed


async def test_when_all_are_refused_alike_it_is_no_fault_of_theirs(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    """A server that was set up badly knows nobody: all but the first few are tried again, and sent."""
    mailbox.behave(refuse="550")
    keys = [await a_mail(sessions) for _ in range(MOST_IN_A_ROW + 7)]
    refused = "select count(*) from outbox where last_error = '550'"

    async with relaying(mailbox):

        async def all_refused() -> bool:
            return await count(sessions, refused) == len(keys)

        await eventually(all_refused)
        assert await count(sessions, f"{refused} and failed_at is not null") == MOST_IN_A_ROW
        assert await count(sessions, "select count(*) from account where email_bounced_at is not null") == MOST_IN_A_ROW
        mailbox.behave()
        await make_due(sessions)

        async def the_rest_is_sent() -> bool:
            return len(mailbox.messages()) == 7

        await eventually(the_rest_is_sent)


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 10), (3, 20), (7, 320), (8, 600), (9, 600), (1000, 600)])
def test_the_wait_doubles_up_to_ten_minutes(attempts: int, seconds: int) -> None:
    assert wait_before(attempts) == timedelta(seconds=seconds)


async def a_lost_decision(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        submission = await a_submission(session, campaign, await builders.a_member(session))
        staff = await builders.a_staff_account(session)
    await run(
        sessions,
        "with c as (insert into claim (id, submission_id, reviewer_id, expires_at)"
        " values (gen_random_uuid(), :s, :r, clock_timestamp()) returning id)"
        " insert into decision (submission_id, claim_id, reviewer_id, verdict, decided_at)"
        " select :s, id, :r, 'approve', clock_timestamp() - interval '1 minute' from c",
        s=submission.id, r=staff.id,
    )  # fmt: skip


async def test_a_decision_whose_signal_was_lost_is_delivered(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    await a_lost_decision(sessions)
    delivered: list[Undelivered] = []

    async def deliver(lost: Undelivered) -> None:
        delivered.append(lost)

    async def is_delivered() -> bool:
        return bool(delivered)

    async with relaying(mailbox, deliver=deliver):
        await eventually(is_delivered)

    async with sessions.begin() as session:
        from portal.store import identity

        decision = await identity.decision_of(session, delivered[0].submission_id)
    assert decision is not None
    assert delivered[0].claim_id == decision.claim_id


async def test_a_decision_that_cannot_be_delivered_stops_no_mail(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    await a_lost_decision(sessions)
    tries: list[Undelivered] = []

    async def deliver(lost: Undelivered) -> None:
        tries.append(lost)
        raise ConnectionError("Temporal is away")

    async def is_tried() -> bool:
        return bool(tries)

    async with relaying(mailbox, deliver=deliver):
        await eventually(is_tried)
        key = await a_mail(sessions)
        await eventually(lambda: is_sent(sessions, key))
