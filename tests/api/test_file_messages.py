"""The message centre: every mail to the member as it was sent, and none that opens anything."""

from uuid import UUID, uuid4

import pytest

from portal.rules.doors import Door, Status
from portal.store import Sessions
from portal.text.addresses import path
from tests import builders
from tests.api.conftest import Visit
from tests.api.looking import Known, a_world, change, known, signed_in
from tests.api.person import Person
from tests.api.test_file_data import data_of
from tests.conftest import ORIGIN


async def a_mail(sessions: Sessions, who: Known, **more: object) -> UUID:
    """A mail of the outbox, sent a while ago unless said otherwise."""
    mail_id = uuid4()
    row = {"id": mail_id, "who": who.account.id, "kind": "registered", "subject": None, "text": None, "ago": 5} | more
    await change(
        sessions,
        "insert into outbox (id, key, kind, lane, account_id, facts, due_at, sent_at, said_subject, said_text)"
        " values (:id, cast(:id as text), :kind, 'urgent', :who, '{}', now(), now() - :ago * interval '1 minute',"
        " :subject, :text)",
        **row,
    )
    return mail_id


async def a_reader(visit: Visit, sessions: Sessions, language: str = "fr") -> tuple[Person, Known]:
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    return await signed_in(sessions, visit, language)


async def test_mails_are_listed_newest_first_with_what_became_of_them(visit: Visit, sessions: Sessions) -> None:
    """Brief §6: what waits or was never needed is not among them."""
    person, who = await a_reader(visit, sessions)
    await person.get("/fr/messages")
    assert person.page.h1 == ["Mes messages"]
    assert "Nous ne vous avons encore rien envoyé." in person.page.text
    await a_mail(sessions, who, subject="Le plus vieux", text="x", ago=30)
    failed = await a_mail(sessions, who, kind="approved", ago=2)
    # It had left, and came back.
    await change(sessions, "update outbox set failed_at = now() where id = :id", id=failed)
    await a_mail(sessions, who, kind="closed", ago=10)
    waiting = await a_mail(sessions, who, subject="En attente")
    await change(
        sessions, "update outbox set sent_at = null, due_at = now() + interval '1 day' where id = :id", id=waiting
    )
    await person.get("/fr/messages")
    words = person.page.text
    assert words.index("Identité confirmée") < words.index("Clôture du vote") < words.index("Le plus vieux")
    assert "Identité confirmée N'a pas pu être remis" in words
    assert words.count("Envoyé le") == 2
    assert "En attente" not in words
    await person.get("/en/messages")
    assert person.page.h1 == ["My messages"]
    assert "Identity confirmed Could not be delivered" in person.page.text
    await person.get("/en/messages/" + str(failed))
    assert person.page.h1 == ["Identity confirmed"]
    assert "Your mailbox did not accept it." in person.page.text
    assert "The text of this email is not kept here" in person.page.text


async def test_a_mail_is_words_and_leads_to_us_only(visit: Visit, sessions: Sessions) -> None:
    """T30: escaped, whatever it holds; an address is a link only if it is ours."""
    person, who = await a_reader(visit, sessions)
    said = f"Bonjour <b>{{{{7*191}}}}</b>\n\n{ORIGIN}/fr/votes\nhttps://evil.test/x\n{ORIGIN}.evil.test/y\n"
    mail_id = await a_mail(sessions, who, subject="<script>alert(1)</script>", text=said)
    await person.get(path("message", "fr", mail_id=mail_id))
    assert person.page.h1 == ["<script>alert(1)</script>"]
    assert "<script>alert" not in person.page.html
    assert "Bonjour <b>{{7*191}}</b>" in person.page.text
    assert f"{ORIGIN}/fr/votes" in person.page.links
    assert not any("evil" in link for link in person.page.links)
    assert "https://evil.test/x" in person.page.text


@pytest.mark.parametrize("kind", ["verification", "renewal"])
async def test_a_mail_that_opens_something_is_shown_without_what_opens(
    visit: Visit, sessions: Sessions, kind: str
) -> None:
    """T14: a session left open neither proves an address nor renews a password."""
    person, who = await a_reader(visit, sessions)
    said = f"Ouvrez\n\n{ORIGIN}/fr/mot-de-passe/nouveau?jeton=abcDEF_-123456789\n\n    482\u00a0913\n\n{ORIGIN}\n"
    mail_id = await a_mail(sessions, who, kind=kind, subject="Objet", text=said)
    await person.get(path("message", "fr", mail_id=mail_id))
    assert "ils ne se lisent que dans votre boîte" in person.page.text
    for secret in ("abcDEF", "jeton", "482", "913"):
        assert secret not in person.page.html
    assert ORIGIN in person.page.links


async def test_nobody_reads_somebody_elses_mail(visit: Visit, sessions: Sessions) -> None:
    """T47: a guessed id is as unknown as one that never was; staff have no way in either."""
    world = await a_world(sessions, visit)
    other = await known(sessions)
    mail_id = await a_mail(sessions, other, subject="Pour une autre personne", text="secret")
    for person in world.people.values():
        for language in ("fr", "en"):
            answer = await person.client.get(path("message", language, mail_id=mail_id), follow_redirects=True)
            assert "Pour une autre personne" not in answer.text
            assert "secret" not in answer.text
    member = world.people["member"]
    for guessed, status in ((mail_id, 404), (uuid4(), 404), ("1", 422), ("x" * 300, 422)):
        await member.get(f"/fr/messages/{guessed}")
        assert member.response.status_code == status
    await member.get("/fr/messages")
    assert "Pour une autre personne" not in member.page.text


async def a_request(sessions: Sessions, who: Known, email: str, status: str, ended: bool = True) -> tuple[str, UUID]:
    """A request that names this member, with the mail that answered it; and what its writer called herself."""
    writer = f"Nom {uuid4().hex[:8]}"
    async with sessions.begin() as session:
        request = await builders.a_request(session, Door.JOIN, status=Status.ASKED, member=who.member, email=email)
    await change(
        sessions,
        "update door_request set status = :status, said = jsonb_build_object('given_name', cast(:writer as text)),"
        " ended_at = case when :ended then clock_timestamp() end where id = :id",
        id=request.id, status=status, writer=writer, ended=ended,
    )  # fmt: skip
    mail_id = uuid4()
    await change(
        sessions,
        "insert into outbox (id, key, kind, lane, request_id, facts, due_at, sent_at, said_subject, said_text) values"
        " (:id, cast(:id as text), 'welcome', 'urgent', :request, '{}', now(), now(), :subject, :text)",
        id=mail_id, request=request.id, subject=f"Bienvenue {writer}",
        text=f"Choisissez\n\n{ORIGIN}/fr/mot-de-passe/nouveau?jeton=abcDEF_-123456789\n",
    )  # fmt: skip
    return writer, mail_id


async def test_what_a_member_asked_for_at_a_door_and_was_given_is_theirs_to_read(
    visit: Visit, sessions: Sessions
) -> None:
    """T14, brief §6: in the file, in the download and among the messages; its key is not."""
    person, who = await a_reader(visit, sessions)
    await person.get("/fr/dossier")
    assert "Aucune demande acceptée pour le moment." in person.page.text
    writer, mail_id = await a_request(sessions, who, who.email, "accepted")
    await person.get("/fr/dossier")
    words = person.page.text.replace("\u00a0", " ")
    assert "Je veux devenir membre Demandé le" in words
    assert "nous l'oublions 30 jours après la réponse" in words
    assert "1 courriel " in words
    await person.get("/fr/messages")
    assert f"Bienvenue {writer}" in person.page.text
    await person.get(path("message", "fr", mail_id=mail_id))
    assert person.page.h1 == [f"Bienvenue {writer}"]
    assert "abcDEF" not in person.page.html
    data = await data_of(person)
    (asked,) = data["requests"]
    assert (asked["door"], asked["status"], asked["email"]) == ("join", "accepted", who.email)
    assert asked["typed"] == {"given_name": writer}
    assert [mail["kind"] for mail in data["mails"]] == ["welcome"]
    assert "abcDEF" not in str(data)
    # Thirty days later: that it was made, and how it ended.
    await change(sessions, "update door_request set email = null, number = null, said = '{}'")
    (asked,) = (await data_of(person))["requests"]
    assert (asked["email"], asked["typed"], asked["status"]) == (None, {}, "accepted")


@pytest.mark.parametrize(
    ("status", "own_address"),
    [("accepted", False), ("refused", True), ("lapsed", True), ("asked", True), ("proven", False)],
)
async def test_what_somebody_typed_in_a_members_name_is_shown_to_nobody(
    visit: Visit, sessions: Sessions, status: str, own_address: bool
) -> None:
    """T18: who knows a number writes nothing into that member's file."""
    person, who = await a_reader(visit, sessions)
    email = who.email if own_address else f"x{uuid4().hex[:8]}@exemple.test"
    writer, mail_id = await a_request(sessions, who, email, status, ended=status not in ("asked", "proven"))
    for address in ("/fr/dossier", "/fr/messages"):
        await person.get(address)
        assert person.response.status_code == 200
        assert writer not in person.page.html
    await person.get(path("message", "fr", mail_id=mail_id))
    assert person.response.status_code == 404
    data = await data_of(person)
    assert (data["requests"], data["mails"]) == ([], [])
    assert writer not in str(data)
