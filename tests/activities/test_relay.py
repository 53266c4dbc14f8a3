"""The relay carries mails from the records to a real SMTP server: soon, once, to one recipient."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import func, select

from activities.mail import message_id
from deploy.servers import Mailbox
from portal.rules.accounts import Purpose
from portal.rules.links import code_of, hash_of
from portal.rules.mail import Lane, MailKind
from portal.store import Sessions, links, mail
from portal.store.mail import Mail
from tests import builders
from tests.activities.conftest import Relaying
from tests.activities.mails import email_of, eventually, is_sent, queue, queue_verification, row
from tests.conftest import SECRET
from tests.store.cases import run


async def test_a_verification_mail_leaves_when_its_step_is_committed(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    async with relaying(mailbox):
        async with sessions.begin() as session:
            member = await builders.a_member(session)
            key, _ = await queue_verification(session, member)
            await asyncio.sleep(0.3)
            # Not yet: the step could still be undone.
            assert mailbox.messages() == []
        committed = datetime.now(UTC)
        await eventually(lambda: is_sent(sessions, key))

    (kept,) = mailbox.messages()
    # About a second is promised; five is a generous bound for a busy machine.
    assert (datetime.fromisoformat(kept["received_at"]) - committed).total_seconds() < 5


async def test_a_mail_has_one_recipient_its_headers_and_three_parts(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    async with sessions.begin() as session:
        member = await builders.a_member(session)
        key, _ = await queue_verification(session, member)
    async with relaying(mailbox):
        await eventually(lambda: is_sent(sessions, key))

    (kept,) = mailbox.messages()
    email = await email_of(sessions, member)
    headers = kept["headers"]
    assert (kept["envelope_from"], kept["envelope_to"]) == ("portail@exemple.test", [email])
    assert headers["To"] == email
    assert headers["From"] == "Portail des membres <portail@exemple.test>"
    assert headers["Reply-To"] == "aide@exemple.test"
    assert kept["message_id"] == message_id(key, "exemple.test")
    assert headers["Auto-Submitted"] == "auto-generated"
    assert kept["language"] == "fr-CA"
    assert headers["Content-Type"].startswith("multipart/alternative")
    assert kept["subject"] == "Confirmez votre courriel"
    assert kept["text"]
    assert kept["html"]


@pytest.mark.parametrize(("purpose", "page"), [(Purpose.VERIFICATION, "verify"), (Purpose.RENEWAL, "new")])
async def test_the_link_of_a_mail_is_the_one_the_records_know(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox, purpose: Purpose, page: str
) -> None:
    async with sessions.begin() as session:
        member = await builders.a_member(session, language="en")
        key, link_id = await queue_verification(session, member, purpose=purpose)
    async with relaying(mailbox):
        await eventually(lambda: is_sent(sessions, key))

    (kept,) = mailbox.messages()
    addresses = {urlsplit(found) for found in kept["links"] if "token=" in found}
    (address,) = addresses
    assert address.path.endswith(f"/{page}")
    (token,) = parse_qs(address.query)["token"]
    async with sessions.begin() as session:
        found = await links.find(session, hash_of(token))
    assert found is not None
    assert (found.id, found.purpose, found.refusal) == (link_id, purpose, None)
    if purpose is Purpose.VERIFICATION:
        code = code_of(SECRET.encode(), link_id)
        assert code in re.sub(r"\s", "", kept["text"])


async def test_a_mail_speaks_the_language_its_reader_has_chosen_by_then(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    async with sessions.begin() as session:
        member = await builders.a_member(session, language="fr")
        key, _ = await queue_verification(session, member)
    await run(sessions, "update member set language = 'en' where id = :id", id=member.id)
    async with relaying(mailbox):
        await eventually(lambda: is_sent(sessions, key))

    (kept,) = mailbox.messages()
    assert kept["language"] == "en-CA"
    assert "/en/" in " ".join(kept["links"])
    assert "/fr/" not in " ".join(link for link in kept["links"] if "token" in link)


@pytest.mark.parametrize(
    "address",
    [
        "a@exemple.test, evil@exemple.test",
        "a@exemple.test,evil@exemple.test",
        "a@exemple.test evil@exemple.test",
        "a@exemple.test\r\nBcc: evil@exemple.test",
        "<a@exemple.test>",
        "é@exemple.test",
        "pas-une-adresse",
        "",
    ],
)
async def test_what_is_not_one_address_gets_nothing_and_holds_up_nobody(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox, address: str
) -> None:
    """T112: a comma in an address sent the link to both."""
    async with sessions.begin() as session:
        odd = await builders.a_member(session)
        bad, _ = await queue_verification(session, odd)
    await run(sessions, "update account set email = :email where member_id = :id", email=address, id=odd.id)
    await run(sessions, "update link set email = :email", email=address)
    async with sessions.begin() as session:
        good, _ = await queue_verification(session, await builders.a_member(session))
    async with relaying(mailbox):
        await eventually(lambda: is_sent(sessions, good))

        async def is_over() -> bool:
            return (await row(sessions, bad)).failed_at is not None

        await eventually(is_over)

    (kept,) = mailbox.messages()
    assert len(kept["envelope_to"]) == 1
    assert "evil" not in str(kept["envelope_to"])
    assert (await row(sessions, bad)).last_error == "bad-address"


async def test_a_mail_that_cannot_be_written_holds_up_nobody_and_is_tried_again(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    async with sessions.begin() as session:
        member = await builders.a_member(session)
        # Facts from a release that never was.
        broken = await queue(session, member, MailKind.VERIFICATION, facts={})
        good, _ = await queue_verification(session, member)
    async with relaying(mailbox):
        await eventually(lambda: is_sent(sessions, good))

        async def is_postponed() -> bool:
            return (await row(sessions, broken)).last_error == "KeyError"

        await eventually(is_postponed)

    waiting = await row(sessions, broken)
    assert (waiting.sent_at, waiting.cancelled_at, waiting.failed_at) == (None, None, None)
    assert waiting.due_at > datetime.now(UTC)


async def test_two_relays_at_once_send_everything_once(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    async with sessions.begin() as session:
        people = [await builders.a_member(session) for _ in range(30)]
    async with relaying(mailbox), relaying(mailbox):
        keys = []
        for member in people:
            async with sessions.begin() as session:
                keys.append((await queue_verification(session, member))[0])
        for key in keys:
            await eventually(lambda key=key: is_sent(sessions, key))  # type: ignore[misc]

    assert sorted(kept["message_id"] for kept in mailbox.messages()) == sorted(
        message_id(key, "exemple.test") for key in keys
    )


async def a_crowd(sessions: Sessions, size: int) -> list[str]:
    """The keys of a notice to so many people, all due now."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session, opens=timedelta(hours=-1))
        people = [await builders.a_member(session) for _ in range(size)]
        return [
            await queue(session, member, MailKind.VOTING_OPEN, lane=Lane.BULK, campaign=campaign) for member in people
        ]


async def sent_count(sessions: Sessions) -> int:
    async with sessions.begin() as session:
        return (await mail.counts(session)).sent


async def held(sessions: Sessions) -> int:
    """How many rows are in the hands of a relay."""
    async with sessions.begin() as session:
        return await session.scalar(select(func.count()).where(Mail.claimed_until.is_not(None))) or 0


async def test_a_bulk_run_never_delays_what_somebody_waits_for(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    keys = await a_crowd(sessions, 500)
    # Four connections: the crowd takes three seconds at the least.
    mailbox.behave(delay_seconds=0.02)
    async with relaying(mailbox):

        async def has_begun() -> bool:
            return await held(sessions) >= 400

        await eventually(has_begun)
        async with sessions.begin() as session:
            urgent, _ = await queue_verification(session, await builders.a_member(session))
        await eventually(lambda: is_sent(sessions, urgent))

        async def all_sent() -> bool:
            return await sent_count(sessions) == len(keys) + 1

        await eventually(all_sent, within=60)

    arrived = [kept["message_id"] for kept in mailbox.messages()]
    assert len(arrived) == len(set(arrived)) == 501
    assert arrived.index(message_id(urgent, "exemple.test")) < 400


async def test_a_relay_killed_in_the_middle_leaves_the_rest_to_the_next_and_nothing_twice(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    keys = await a_crowd(sessions, 80)
    mailbox.behave(delay_seconds=0.02)
    first = relaying(mailbox)
    async with first:

        async def some_arrived() -> bool:
            return len(mailbox.messages()) >= 10

        await eventually(some_arrived)
        await first.kill()
    before = len(mailbox.messages())
    assert before < 80
    async with relaying(mailbox):

        async def all_sent() -> bool:
            return await sent_count(sessions) == len(keys)

        await eventually(all_sent)

    arrived = [kept["message_id"] for kept in mailbox.messages()]
    assert set(arrived) == {message_id(key, "exemple.test") for key in keys}
    # At most the mail in each connection's hands was in doubt, and it came again under its own Message-ID.
    assert len(arrived) <= len(keys) + 4


async def test_a_shift_that_ends_sends_nothing_twice_and_leaves_no_row_held(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    keys = await a_crowd(sessions, 80)
    mailbox.behave(delay_seconds=0.05)
    first = relaying(mailbox)
    async with first:

        async def some_arrived() -> bool:
            return len(mailbox.messages()) >= 8

        await eventually(some_arrived)
        await first.end()
    arrived = len(mailbox.messages())
    assert arrived < len(keys)
    assert await sent_count(sessions) == arrived
    async with sessions.begin() as session:
        tried = await session.scalar(select(func.sum(Mail.attempts)))
    assert (await held(sessions), tried) == (0, arrived)
