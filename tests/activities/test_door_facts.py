"""What the mails of the doors say, and to whom: written afresh, and never once their cause has vanished."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from activities.facts import Facts
from activities.rendering import Letters
from portal.rules.accounts import Role
from portal.rules.doors import Door, Reason, Status
from portal.rules.mail import Lane, MailKind
from portal.store import Session, Sessions, accounts, mail, members
from portal.store.doors import DoorRequest
from portal.store.mail import Claimed, Mail
from portal.text.addresses import path
from tests import builders
from tests.conftest import ORIGIN

# How each kind's request stands when its mail is due.
STATUS = {
    MailKind.DOOR_PROOF: Status.ASKED,
    MailKind.DOOR_LAPSED: Status.LAPSED,
    MailKind.DOOR_RECEIVED: Status.PROVEN,
    MailKind.DOOR_LATE: Status.PROVEN,
    MailKind.DOOR_REFUSED: Status.REFUSED,
    MailKind.EMAIL_REGISTERED: Status.ACCEPTED,
    MailKind.WELCOME: Status.ACCEPTED,
    MailKind.ALREADY_MEMBER: Status.REFUSED,
    MailKind.ADDRESS_ON_FILE: Status.REFUSED,
    MailKind.STAFF_WAITING: Status.PROVEN,
}
OF_DOORS = set(STATUS)
PASSWORD_HASH = "$argon2id$specimen"


async def queued(session: Session, kind: MailKind, request: DoorRequest, account_id: UUID | None) -> str:
    key = f"{kind}:{request.id}"
    assert await mail.queue(
        session,
        mail.to_queue(
            key=key, kind=kind, lane=Lane.URGENT, account_id=account_id,
            request_id=None if account_id else request.id, campaign_id=None, due_at=datetime.now(UTC),
            facts={"request_id": str(request.id)},
        ),
    )  # fmt: skip
    return key


async def claimed(session: Session, key: str) -> Claimed:
    m = (await session.scalars(select(Mail).where(Mail.key == key))).one()
    return Claimed(m.id, m.key, MailKind(m.kind), m.account_id, None, m.facts, 1, m.queued_at, m.request_id)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("kind", STATUS)
@pytest.mark.parametrize("door", Door)
async def test_every_kind_of_mail_is_written_in_the_language_of_its_reader(
    sessions: Sessions, facts: Facts, letters: Letters, kind: MailKind, door: Door, language: str
) -> None:
    async with sessions.begin() as session:
        member = await builders.a_member(session, language=language)
        staff = await builders.a_staff_account(session, Role.OPERATOR, member_id=None)
        request = await builders.a_request(session, door, status=STATUS[kind], language=language)
        request.reason = Reason.OTHER.value if STATUS[kind] is Status.REFUSED else None
        request.note_fr, request.note_en = "Un mot.", "A word."
        account = await accounts.of_member(session, member.id)
        assert account is not None
        to = account if kind is MailKind.ADDRESS_ON_FILE else staff if kind is MailKind.STAFF_WAITING else None
        key = await queued(session, kind, request, to.id if to else None)
        said = await facts.of(session, await claimed(session, key))
    assert said is not None
    assert said.email == (to.email if to else request.email)
    assert said.language == ("fr" if kind is MailKind.STAFF_WAITING else language)
    letter = letters.render(kind, said.language, said.facts)
    for part in (letter.subject, letter.text, letter.html):
        assert part
        assert "None" not in part
        assert "{" + "{" not in part
    assert f"{ORIGIN}/{said.language}/" in letter.text
    if kind is MailKind.DOOR_REFUSED:
        assert ("Un mot." if language == "fr" else "A word.") in letter.text
    if kind in (MailKind.DOOR_PROOF, MailKind.DOOR_RECEIVED, MailKind.DOOR_LATE):
        assert ("demande/confirmer?jeton=" if language == "fr" else "request/confirm?token=") in letter.text


@pytest.mark.parametrize("password", [None, PASSWORD_HASH])
@pytest.mark.parametrize("identified", [True, False])
async def test_a_welcome_asks_for_nothing_that_was_done(
    sessions: Sessions, facts: Facts, letters: Letters, password: str | None, identified: bool
) -> None:
    """Somebody who paid dues may have an address, a password and a confirmed identity already."""
    async with sessions.begin() as session:
        member = await builders.a_member(session, password_hash=password)
        if identified:
            await members.verify_identity(session, member.id)
            await session.refresh(member)
        request = await builders.a_request(session, Door.JOIN, status=Status.ACCEPTED, member=member)
        key = await queued(session, MailKind.WELCOME, request, None)
        said = await facts.of(session, await claimed(session, key))
    assert said is not None
    words = " ".join(letters.render(MailKind.WELCOME, "fr", said.facts).text.split())
    assert ("pièce d'identité" in words) is not identified
    assert ("mot de passe que vous utilisez déjà" in words) is (password is not None)
    assert f"{ORIGIN}{path('sign-in' if password else 'forgotten', 'fr')} " in words


async def test_staff_are_promised_no_day_that_is_over(sessions: Sessions, facts: Facts, letters: Letters) -> None:
    async with sessions.begin() as session:
        staff = await builders.a_staff_account(session, Role.OPERATOR)
        for days, promised in ((-1, True), (-9, False)):
            request = await builders.a_request(session, asked=timedelta(days=days))
            key = await queued(session, MailKind.STAFF_WAITING, request, staff.id)
            said = await facts.of(session, await claimed(session, key))
            assert said is not None
            letter = letters.render(MailKind.STAFF_WAITING, "fr", said.facts)
            assert ("au plus tard" in letter.text) is promised


@pytest.mark.parametrize("kind", [MailKind.DOOR_PROOF, MailKind.DOOR_RECEIVED, MailKind.DOOR_LATE])
async def test_a_mail_whose_request_has_moved_on_or_is_forgotten_is_never_sent(
    sessions: Sessions, facts: Facts, kind: MailKind
) -> None:
    async with sessions.begin() as session:
        request = await builders.a_request(session, status=STATUS[kind])
        key = await queued(session, kind, request, None)
        assert await facts.of(session, await claimed(session, key)) is not None
        await session.execute(text("update door_request set status = 'decided', verdict = 'refuse'"))
        await session.refresh(request)
        assert await facts.of(session, await claimed(session, key)) is None
        await session.execute(
            text("update door_request set status = 'refused', email = null, said = '{}', ended_at = clock_timestamp()")
        )
        await session.refresh(request)
        assert await facts.of(session, await claimed(session, key)) is None
