"""Mail that came back: marked once, blamed on the address it went to, and read from what a mail server hands over."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import select

from activities.mail import message_id
from portal.rules.bounces import return_path
from portal.rules.mail import Lane, MailKind
from portal.settings import Settings
from portal.store import Sessions, accounts, bounces, mail, onboarding
from portal.store.accounts import Account
from portal.store.mail import Mail
from portal.store.members import Member
from tests import builders
from tests.conftest import ORIGIN, SECRET
from tests.rules.test_bounces import DELAYED, EXCHANGE, MESSAGE_ID, OURS, POSTFIX, VACATION, WHO
from tests.store.cases import run


async def a_sent_mail(sessions: Sessions, email: str = WHO, key: str = "") -> tuple[Member, UUID]:
    async with sessions.begin() as session:
        member = await builders.a_member(session, email=email, family_name=f"Bourgeoys {email[:2]}")
        account = await accounts.of_member(session, member.id)
        assert account is not None
        sent = Mail(
            id=uuid4(), key=key or f"k:{uuid4()}", kind=MailKind.REGISTERED.value, lane=Lane.URGENT.value,
            account_id=account.id, campaign_id=None, facts={}, due_at=now(),
        )  # fmt: skip
        session.add(sent)
        await session.flush()
        await mail.mark_sent(session, [mail.Said(sent.id, "Objet", "Texte")])
    return member, sent.id


def now() -> datetime:
    return datetime.now(UTC)


async def account_of(sessions: Sessions, member: Member) -> Account:
    async with sessions.begin() as session:
        account = await accounts.of_member(session, member.id)
        assert account is not None
        return account


async def mail_row(sessions: Sessions, mail_id: UUID) -> Mail:
    async with sessions.begin() as session:
        return (await session.scalars(select(Mail).where(Mail.id == mail_id))).one()


async def test_a_mail_that_came_back_marks_itself_its_address_and_the_open_page(
    sessions: Sessions, as_worker: Sessions
) -> None:
    member, mail_id = await a_sent_mail(sessions)
    async with sessions.begin() as session:
        campaign = await builders.a_campaign(session)
        before = (await onboarding.open_file(session, campaign, member.id)).version
    async with as_worker.begin() as session:
        await bounces.came_back(session, mail_id, "5.1.1", [WHO, "autre@exemple.test"])
    first = (await account_of(sessions, member)).email_bounced_at
    assert first is not None
    kept = await mail_row(sessions, mail_id)
    assert (kept.sent_at is None, kept.failed_at is None, kept.last_error) == (False, False, "5.1.1")
    async with sessions.begin() as session:
        file = await onboarding.of_member(session, campaign.id, member.id)
    assert file is not None
    assert file.version == before + 1
    # The same report again: the first moment stands.
    async with as_worker.begin() as session:
        await bounces.came_back(session, mail_id, "5.1.1", [WHO])
    assert (await account_of(sessions, member)).email_bounced_at == first
    assert (await mail_row(sessions, mail_id)).failed_at == kept.failed_at


async def test_an_address_given_since_has_done_nothing_wrong(sessions: Sessions, as_worker: Sessions) -> None:
    member, mail_id = await a_sent_mail(sessions)
    await run(sessions, "update account set email = 'nouveau@exemple.test' where member_id = :id", id=member.id)
    async with as_worker.begin() as session:
        await bounces.came_back(session, mail_id, "5.1.1", [WHO])
    assert (await account_of(sessions, member)).email_bounced_at is None
    assert (await mail_row(sessions, mail_id)).failed_at is not None


async def test_a_new_address_forgets_the_bounce_of_the_old_one(sessions: Sessions, as_worker: Sessions) -> None:
    member, mail_id = await a_sent_mail(sessions)
    async with as_worker.begin() as session:
        await bounces.came_back(session, mail_id, "5.1.1", [WHO])
    await run(sessions, "update account set number_tries = 1, email = email where member_id = :id", id=member.id)
    assert (await account_of(sessions, member)).email_bounced_at is not None
    await run(sessions, "update account set email = 'nouveau@exemple.test' where member_id = :id", id=member.id)
    assert (await account_of(sessions, member)).email_bounced_at is None


async def test_operators_see_what_failed_newest_first_in_the_campaign_or_in_all(
    sessions: Sessions, as_worker: Sessions, as_api: Sessions
) -> None:
    first, first_mail = await a_sent_mail(sessions, "a@exemple.test")
    second, second_mail = await a_sent_mail(sessions, "b@exemple.test")
    await a_sent_mail(sessions, "c@exemple.test")
    async with sessions.begin() as session:
        this, other = await builders.a_campaign(session), await builders.a_campaign(session)
    await run(sessions, "update outbox set campaign_id = :c where id = :id", c=other.id, id=second_mail)
    for mail_id, code in ((first_mail, "5.1.1"), (second_mail, "550")):
        async with as_worker.begin() as session:
            await bounces.came_back(session, mail_id, code, [])
    async with as_api.begin() as session:
        every = await bounces.failed(session)
        of_this = await bounces.failed(session, this.id)
        one = await bounces.failed(session, most=1)
    assert [(f.kind, f.code, f.member and f.member.id) for f in every] == [
        (MailKind.REGISTERED, "550", second.id),
        (MailKind.REGISTERED, "5.1.1", first.id),
    ]
    assert [f.code for f in of_this] == ["5.1.1"]
    assert len(one) == 1


async def test_the_message_centre_reads_what_was_sent_or_failed_and_only_ones_own(
    sessions: Sessions, as_api: Sessions, as_worker: Sessions
) -> None:
    member, sent = await a_sent_mail(sessions)
    _, not_theirs = await a_sent_mail(sessions, "autre@exemple.test")
    account = await account_of(sessions, member)
    async with as_worker.begin() as session:
        for key in ("waiting", "refused", "cancelled"):
            await mail.queue(
                session,
                mail.to_queue(
                    key=key, kind=MailKind.APPROVED, lane=Lane.URGENT, account_id=account.id, campaign_id=None,
                    due_at=now() + timedelta(days=1), facts={},
                ),
            )  # fmt: skip
        ids = {m.key: m.id for m in await session.scalars(select(Mail).where(Mail.account_id == account.id))}
        await mail.mark_failed(session, ids["refused"], "550")
        await mail.mark_cancelled(session, [ids["cancelled"]])
    async with as_api.begin() as session:
        kept = await mail.sent_to(session, account.id, 10)
        newest = await mail.sent_to(session, account.id, 1)
        one = await mail.sent_one(session, account.id, sent)
        hers = await mail.sent_one(session, account.id, not_theirs)
        waiting = await mail.sent_one(session, account.id, ids["waiting"])
    assert [(k.id, k.kind) for k in kept] == [(ids["refused"], MailKind.APPROVED), (sent, MailKind.REGISTERED)]
    assert (kept[0].sent_at, kept[0].said_subject, kept[0].said_text) == (None, None, None)
    assert (kept[1].failed_at, kept[1].said_subject, kept[1].said_text) == (None, "Objet", "Texte")
    assert [k.id for k in newest] == [ids["refused"]]
    assert one == kept[1]
    assert (hers, waiting) == (None, None)


def bounce(settings: Settings, message: bytes, *, url: str = "") -> "subprocess.CompletedProcess[bytes]":
    """As a mail server pipes it."""
    environment = {
        **os.environ,
        "PORTAL_ORIGIN": ORIGIN,
        "PORTAL_SECRET": SECRET,
        "PORTAL_DATABASE_URL": url or settings.database_url.get_secret_value(),
        "PORTAL_KEY_FOLDER": str(settings.key_folder),
        "PORTAL_S3_ACCESS_KEY": "none",
        "PORTAL_S3_SECRET_KEY": "none",
    }
    return subprocess.run(
        [sys.executable, "-m", "portal", "bounce"], input=message, env=environment, capture_output=True, timeout=60
    )


async def test_the_command_takes_a_report_from_standard_input(sessions: Sessions, worker_settings: Settings) -> None:
    """By the address it was sent to, and by the Message-ID when that was the plain sender."""
    member, mail_id = await a_sent_mail(sessions)
    path = return_path("bounces@portail.exemple.test", mail_id)
    done = bounce(worker_settings, DELAYED.replace(OURS, path).encode())
    assert (done.returncode, done.stdout.decode()) == (0, f"bounce: {mail_id} delayed 4.4.1\n")
    assert (await mail_row(sessions, mail_id)).last_error == "4.4.1"
    assert (await account_of(sessions, member)).email_bounced_at is None
    done = bounce(worker_settings, POSTFIX.replace(OURS, path).encode())
    assert (done.returncode, done.stdout.decode()) == (0, f"bounce: {mail_id} failed 5.1.1\n")
    assert WHO.encode() not in done.stdout + done.stderr
    assert (await account_of(sessions, member)).email_bounced_at is not None

    other, by_id = await a_sent_mail(sessions, "autre@exemple.test", key="verification:9")
    plain = EXCHANGE.replace(OURS, "portail@exemple.test").replace(WHO.upper(), "Autre@Exemple.test")
    plain = plain.replace(MESSAGE_ID, message_id("verification:9", "exemple.test"))
    done = bounce(worker_settings, plain.encode())
    assert (done.returncode, done.stdout.decode()) == (0, f"bounce: {by_id} failed 5.7.1\n")
    # Somebody's policy: the mail has failed, and nothing is wrong with the address.
    assert (await mail_row(sessions, by_id)).failed_at is not None
    assert (await account_of(sessions, other)).email_bounced_at is None
    bounce(worker_settings, plain.replace("Status: 5.7.1", "Status: 5.1.1").encode())
    assert (await account_of(sessions, other)).email_bounced_at is not None


async def test_a_zero_byte_in_a_report_loses_neither_the_report_nor_the_command(
    sessions: Sessions, worker_settings: Settings
) -> None:
    """The records take no such byte, and a mail server would send back what ends badly."""
    member, mail_id = await a_sent_mail(sessions)
    raw = POSTFIX.replace(OURS, return_path("bounces@portail.exemple.test", mail_id))
    raw = raw.replace("Original-Recipient: rfc822;", "Original-Recipient: rfc822;a\0b@exemple.test ")
    done = bounce(worker_settings, raw.encode())
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, f"bounce: {mail_id} failed 5.1.1\n", b"")
    assert (await account_of(sessions, member)).email_bounced_at is not None


async def test_the_command_lets_everything_else_go(sessions: Sessions, worker_settings: Settings) -> None:
    member, mail_id = await a_sent_mail(sessions)
    for message, said in (
        (VACATION.encode(), "no report of a failure"),
        (b"\0\xff" * 500, "no report of a failure"),
        (POSTFIX.encode() + b"x" * (10 * 1024 * 1024), "no report of a failure"),
        # A report on a mail that we never sent.
        (POSTFIX.encode(), "no mail of ours"),
    ):
        done = bounce(worker_settings, message)
        assert (done.returncode, done.stdout.decode(), done.stderr) == (0, f"bounce: ignored, {said}\n", b"")
    assert (await mail_row(sessions, mail_id)).failed_at is None
    assert (await account_of(sessions, member)).email_bounced_at is None


def test_a_report_is_kept_by_the_mail_server_while_the_records_are_away(worker_settings: Settings) -> None:
    done = bounce(worker_settings, POSTFIX.encode(), url="postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    assert done.returncode == os.EX_TEMPFAIL
    assert done.stdout.startswith(b"bounce: kept for later")
    assert done.stderr == b""
