"""What is kept of a mail, what its headers promise, and what a refusal says of the address."""

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_string
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Connection, event, text
from temporalio.testing import ActivityEnvironment

from activities.facts import Addressed
from activities.mail import HEADERS, SmtpServer, envelope
from activities.rendering import Letter, Letters
from activities.sweep import SweepActivities
from deploy.servers import Mailbox
from portal.rules.accounts import Purpose
from portal.rules.links import account_of_reminders, code_of, reminders_token, token_of
from portal.rules.mail import REMINDERS, Lane, MailKind, lane
from portal.store import AsyncEngine, Sessions, accounts, mail
from portal.store.accounts import Account
from portal.store.base import Base
from portal.store.members import Member
from tests import builders
from tests.activities.conftest import Relaying
from tests.activities.mails import MAIL_OF, email_of, eventually, is_sent, queue, queue_verification, row
from tests.conftest import ORIGIN, SECRET
from tests.store.cases import run

HOUR = timedelta(hours=1)


async def account_of(sessions: Sessions, member: Member) -> Account:
    async with sessions.begin() as session:
        account = await accounts.of_member(session, member.id)
        assert account is not None
        return account


def lines(text: str) -> str:
    """As it was before SMTP ended its lines in its own way."""
    return text.replace("\r\n", "\n")


async def every_row(sessions: Sessions) -> str:
    """Every table, as one text."""
    async with sessions.begin() as session:
        tables = [
            list(await session.scalars(text(f'select to_jsonb(t)::text from "{table.name}" t')))
            for table in Base.metadata.sorted_tables
        ]
    return str(tables)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("purpose", MAIL_OF)
async def test_what_is_kept_is_what_was_said_without_its_link_and_code(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox, purpose: Purpose, language: str
) -> None:
    """T14: no token and no code is ever stored, nor anything of them."""
    async with sessions.begin() as session:
        member = await builders.a_member(session, language=language)
        key, link_id = await queue_verification(session, member, purpose=purpose)
    async with relaying(mailbox):
        await eventually(lambda: is_sent(sessions, key))

    (sent,) = mailbox.messages()
    kept = await row(sessions, key)
    assert kept.said_subject == sent["subject"]
    assert kept.said_text is not None
    token, code = token_of(SECRET.encode(), link_id), code_of(SECRET.encode(), link_id)
    spoken = f"{code[:3]} {code[3:]}"
    assert token in sent["text"]
    records = await every_row(sessions)
    assert token not in records
    assert code not in re.sub(r"\s", "", kept.said_text)
    assert spoken not in records
    # Everything else is there, word for word.
    name = "jeton" if language == "fr" else "token"
    assert kept.said_text == lines(sent["text"]).replace(f"?{name}={token}", "").replace(spoken, "••• •••")
    if purpose is Purpose.VERIFICATION:
        assert "••• •••" in kept.said_text


async def test_a_mail_without_a_link_is_written_once_and_kept_to_the_letter(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[MailKind] = []
    words = Letters.words

    def counted(self: Letters, kind: MailKind, language: str, facts: Any) -> tuple[str, str]:
        rendered.append(kind)
        return words(self, kind, language, facts)

    monkeypatch.setattr(Letters, "words", counted)
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        member = await builders.a_member(session)
        key = await queue(
            session, member, MailKind.REGISTERED, campaign=campaign, facts={"ballots": "pension"}
        )  # fmt: skip
        other, _ = await queue_verification(session, member)
    async with relaying(mailbox):
        await eventually(lambda: is_sent(sessions, key))
        await eventually(lambda: is_sent(sessions, other))
    assert sorted(rendered) == [MailKind.REGISTERED, MailKind.VERIFICATION, MailKind.VERIFICATION]
    sent = next(m for m in mailbox.messages() if "inscription" in m["subject"])
    kept = await row(sessions, key)
    assert (kept.said_subject, kept.said_text) == (sent["subject"], lines(sent["text"]))


@pytest.fixture
def statements(worker_engine: AsyncEngine) -> Iterator[list[str]]:
    """Every statement of the worker that writes to the outbox."""
    seen: list[str] = []

    def note(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        if "UPDATE outbox" in statement:
            seen.append(statement)

    event.listen(worker_engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(worker_engine.sync_engine, "before_cursor_execute", note)


async def test_a_hundred_mails_of_a_notice_are_marked_and_kept_by_one_statement(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox, statements: list[str]
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session, opens=-HOUR)
        people = [await builders.a_member(session, given_name=f"Nom {n}") for n in range(100)]
        keys = [
            await queue(session, member, MailKind.VOTING_OPEN, lane=Lane.BULK, campaign=campaign) for member in people
        ]
    async with relaying(mailbox):

        async def all_sent() -> bool:
            async with sessions.begin() as session:
                return (await mail.counts(session)).sent == 100

        await eventually(all_sent, within=60)
    assert len([statement for statement in statements if "unnest" in statement]) == 1
    # Each keeps its own.
    for n in (0, 37, 99):
        kept = await row(sessions, keys[n])
        assert kept.said_text is not None
        assert f"Bonjour Nom {n}," in kept.said_text


def server(mailbox: Mailbox) -> SmtpServer:
    return SmtpServer(
        "127.0.0.1", mailbox.smtp_port, "", "", False, "Portail <portail@exemple.test>", "Aide <aide@exemple.test>",
        notices_sender="Avis <avis@avis.exemple.test>", bounces="bounces@exemple.test",
    )  # fmt: skip


async def test_only_what_may_be_switched_off_says_how_and_every_mail_has_its_own_return_path(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session, opens=-HOUR)
        member = await builders.a_member(session)
        keys = {
            MailKind.VOTING_OPEN: await queue(session, member, MailKind.VOTING_OPEN, lane=Lane.BULK, campaign=campaign),
            MailKind.NOT_YET_VOTED: await queue(
                session, member, MailKind.NOT_YET_VOTED, lane=Lane.BULK, campaign=campaign, facts={"notice": "half-way"}
            ),
            MailKind.REMINDER: await queue(
                session, member, MailKind.REMINDER, lane=Lane.BULK, campaign=campaign, facts={"step": "email"}
            ),
            MailKind.VERIFICATION: (await queue_verification(session, member))[0],
        }
    shift = relaying(mailbox)
    shift.relay.server = server(mailbox)
    async with shift:
        for key in keys.values():
            await eventually(lambda key=key: is_sent(sessions, key))  # type: ignore[misc]
    account = await account_of(sessions, member)
    sent = {m["headers"]["Feedback-ID"].partition(":")[0]: m for m in mailbox.messages()}
    assert set(sent) == set(keys)
    for kind, key in keys.items():
        headers = sent[kind]["headers"]
        kept = await row(sessions, key)
        assert sent[kind]["envelope_from"] == f"bounces+{kept.id.hex}@exemple.test"
        bulk = lane(kind) is Lane.BULK
        assert headers["From"] == ("Avis <avis@avis.exemple.test>" if bulk else "Portail <portail@exemple.test>")
        assert headers["Auto-Submitted"] == "auto-generated"
        assert headers["Feedback-ID"].endswith(":scrutin")
        named = {name for name in headers if name.startswith("List-")}
        if kind not in REMINDERS:
            assert named == set()
            assert "rappels?" not in sent[kind]["text"]
            continue
        assert named == {"List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"}
        assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        found = re.fullmatch(r"<(https://\S+)>, <mailto:aide@exemple\.test\?subject=STOP>", headers["List-Unsubscribe"])
        assert found is not None, headers["List-Unsubscribe"]
        (token,) = parse_qs(urlsplit(found[1]).query)["jeton"]
        assert account_of_reminders(SECRET.encode(), token) == account.id
        assert found[1] in sent[kind]["text"]
        assert found[1].startswith(ORIGIN + "/fr/rappels?")
        # T14: this token is for good, the more reason to keep it nowhere.
        assert kept.said_text is not None
        assert ORIGIN + "/fr/rappels\n" in kept.said_text
    assert reminders_token(SECRET.encode(), account.id) not in await every_row(sessions)


def test_no_header_is_cut_or_put_in_code_words(mailbox: Mailbox) -> None:
    """A provider reads List-Unsubscribe as it stands."""
    to = Addressed("a@exemple.test", "fr", {}, {}, f"{ORIGIN}/fr/rappels?jeton={'x' * 43}")
    letter = Letter("Votre identité est confirmée", "Bonjour,\n", "<p>Bonjour</p>")
    raw = envelope(server(mailbox), letter, to, key="k", kind=MailKind.REMINDER).as_bytes(policy=HEADERS).decode()
    (line,) = [line for line in raw.splitlines() if line.startswith("List-Unsubscribe:")]
    assert line.endswith("<mailto:aide@exemple.test?subject=STOP>")
    assert "=?" not in line
    head = raw.partition("\n\n")[0]
    assert all(len(line) < 998 and line.isascii() for line in head.splitlines())
    assert message_from_string(raw)["List-Id"] == "<reminders.avis.exemple.test>"


async def test_a_reminder_to_whoever_wants_none_is_not_sent_and_a_notice_is(
    sessions: Sessions, as_api: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session, opens=-HOUR)
        member = await builders.a_member(session)
    account = await account_of(sessions, member)
    async with as_api.begin() as session:
        await accounts.reminders(session, account.id, False)
    off = (await account_of(sessions, member)).reminders_off_at
    assert off is not None
    async with as_api.begin() as session:
        await accounts.reminders(session, account.id, False)
    assert (await account_of(sessions, member)).reminders_off_at == off
    async with sessions.begin() as session:
        reminder = await queue(session, member, MailKind.REMINDER, campaign=campaign, facts={"step": "email"})
        last = await queue(
            session, member, MailKind.NOT_YET_VOTED, campaign=campaign, facts={"notice": "four-hours"}
        )  # fmt: skip
        opened = await queue(session, member, MailKind.VOTING_OPEN, campaign=campaign)
        asked, _ = await queue_verification(session, member)
    async with relaying(mailbox):
        for key in (opened, asked):
            await eventually(lambda key=key: is_sent(sessions, key))  # type: ignore[misc]

        async def both_cancelled() -> bool:
            return not [key for key in (reminder, last) if (await row(sessions, key)).cancelled_at is None]

        await eventually(both_cancelled)
    assert len(mailbox.messages()) == 2
    async with as_api.begin() as session:
        await accounts.reminders(session, account.id, True)
        again = await queue(session, member, MailKind.REMINDER, campaign=campaign, facts={"step": "email"})
    async with relaying(mailbox):
        await eventually(lambda: is_sent(sessions, again))


@pytest.mark.parametrize(("answer", "stage"), [("550", "rcpt"), ("550", "data"), ("451", "rcpt")])
async def test_an_address_that_refuses_for_good_is_marked_and_one_that_is_busy_is_not(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox, answer: str, stage: str
) -> None:
    """A mail refused once its words were read has failed; that the mailbox is there was said before."""
    mailbox.behave(refuse=answer, refuse_at=stage)
    async with sessions.begin() as session:
        member = await builders.a_member(session)
        key, _ = await queue_verification(session, member)
    async with relaying(mailbox):

        async def is_tried() -> bool:
            return (await row(sessions, key)).last_error is not None

        await eventually(is_tried)
    mailbox.behave()
    kept = await row(sessions, key)
    assert (kept.failed_at is not None) == (answer == "550")
    assert kept.last_error == answer
    assert (kept.said_subject, kept.said_text) == (None, None)
    bounced = (await account_of(sessions, member)).email_bounced_at is not None
    assert bounced == ((answer, stage) == ("550", "rcpt"))


HOSTILE = "Marguerite\r\nBcc: evil@exemple.test\r\n\r\n<script>"


async def test_a_line_break_in_a_name_a_title_or_an_address_starts_no_header(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    """T111: whatever the records hold, a header is one line and a mail has one recipient."""
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session, opens=-HOUR)
        member = await builders.a_member(session, given_name=HOSTILE, family_name=HOSTILE)
        odd = await builders.a_member(session, email="a@exemple.test\r\nBcc: evil@exemple.test")
        keys = [
            await queue(session, member, MailKind.VOTING_OPEN, campaign=campaign),
            (await queue_verification(session, member))[0],
        ]
        refused, _ = await queue_verification(session, odd)
    await run(sessions, "update campaign set status = 'draft'")
    await run(sessions, "update campaign set title_fr = :title", title=f"Votes\r\nBcc: evil@exemple.test\n{HOSTILE}")
    await run(sessions, "update campaign set status = 'open'")
    async with relaying(mailbox):
        for key in keys:
            await eventually(lambda key=key: is_sent(sessions, key))  # type: ignore[misc]

        async def is_over() -> bool:
            return (await row(sessions, refused)).failed_at is not None

        await eventually(is_over)
    email = await email_of(sessions, member)
    sent = mailbox.messages()
    assert len(sent) == 2
    for message in sent:
        assert message["envelope_to"] == [email]
        assert "Bcc" not in message["headers"]
        assert message["headers"]["To"] == email
        assert len(message["subject"].splitlines()) == 1
        assert "<script" not in message["html"]
    for key in keys:
        kept = await row(sessions, key)
        assert len((kept.said_subject or "").splitlines()) == 1


async def test_an_address_in_another_script_is_written_as_mail_servers_write_it_or_not_at_all(
    sessions: Sessions, relaying: Relaying, mailbox: Mailbox
) -> None:
    """T113: a look-alike gets no mail meant for another, and holds up nobody."""
    async with sessions.begin() as session:
        punycode = await builders.a_member(session, email="a@xn--xemple-9ua.test")
        lookalike = await builders.a_member(session, email="m\N{CYRILLIC SMALL LETTER A}rguerite@exemple.test")
        good, _ = await queue_verification(session, punycode)
        bad, _ = await queue_verification(session, lookalike)
    async with relaying(mailbox):
        await eventually(lambda: is_sent(sessions, good))

        async def is_over() -> bool:
            return (await row(sessions, bad)).failed_at is not None

        await eventually(is_over)
    (sent,) = mailbox.messages()
    assert sent["envelope_to"] == ["a@xn--xemple-9ua.test"]


async def test_what_a_reviewer_wrote_is_forgotten_in_kept_mails_too_once_the_campaign_is_over(
    sessions: Sessions, sweeping: SweepActivities
) -> None:
    """As in the note itself; everything else stays readable."""
    async with sessions.begin() as session:
        over = await builders.a_campaign(session, closes=-30 * HOUR, opens=-40 * HOUR, ends=-HOUR)
        running = await builders.a_campaign(session)
        member = await builders.a_member(session)
        keys = [
            await queue(session, member, kind, campaign=campaign)
            for campaign in (over, running)
            for kind in (MailKind.REJECTED, MailKind.APPROVED)
        ]
    ids = [(await row(sessions, key)).id for key in keys]
    async with sessions.begin() as session:
        await mail.mark_sent(session, [mail.Said(mail_id, "Objet", "Un chat.") for mail_id in ids])
    await ActivityEnvironment().run(sweeping.sweep)
    assert [(await row(sessions, key)).said_text for key in keys] == [None, "Un chat.", "Un chat.", "Un chat."]
