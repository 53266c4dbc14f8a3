"""What the doctor says of the mail server, and of what was sent."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import SecretStr

from portal.doctor.findings import State
from portal.doctor.post import Post
from portal.settings import Settings
from portal.store import Sessions
from tests import builders
from tests.doctor.conftest import said
from tests.store.cases import run


async def test_a_server_that_answers_on_this_machine_is_well(worker_settings: Settings, as_worker: Sessions) -> None:
    found = await said(Post(worker_settings, as_worker).server)
    assert found.state is State.OK, found


async def test_a_server_without_starttls_is_told_where_it_is_required(
    worker_settings: Settings, as_worker: Sessions
) -> None:
    strict = worker_settings.model_copy(update={"smtp_starttls": True})
    found = await said(Post(strict, as_worker).server)
    assert found.state is State.FAILED
    assert "offers no STARTTLS" in found.said


async def test_a_server_that_is_away_is_told(worker_settings: Settings, as_worker: Sessions) -> None:
    away = worker_settings.model_copy(update={"smtp_port": 1})
    found = await said(Post(away, as_worker).server)
    assert (found.state, found.said) == (State.FAILED, "127.0.0.1:1 cannot be used: ConnectionRefusedError")


class Talker(socketserver.StreamRequestHandler):
    """As much of SMTP as a greeting takes; whoever signs in is refused, and STARTTLS is no TLS."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            verb = line.split()[0].upper()
            if verb == b"EHLO":
                self.wfile.write(b"250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")
            elif verb == b"STARTTLS":
                self.wfile.write(b"220 go\r\nthis is no TLS\r\n" * 3)
                return
            else:
                self.wfile.write(b"535 no\r\n" if verb == b"AUTH" else b"221 bye\r\n")


@contextmanager
def talker() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talker) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


async def test_a_wrong_password_and_a_false_certificate_are_told_and_never_said(
    worker_settings: Settings, as_worker: Sessions
) -> None:
    with talker() as port:
        told = worker_settings.model_copy(
            update={"smtp_port": port, "smtp_username": "portail", "smtp_password": SecretStr("un-secret")}
        )
        found = await said(Post(told, as_worker).server)
        assert found.state is State.FAILED
        assert "refuses the name and password (535)" in found.said
        assert "un-secret" not in str(found)
        found = await said(Post(told.model_copy(update={"smtp_starttls": True}), as_worker).server)
    assert found.state is State.FAILED
    assert "certificate that nobody vouches for" in found.said


async def test_a_mail_that_leads_elsewhere_is_told(
    worker_settings: Settings, as_worker: Sessions, sessions: Sessions
) -> None:
    """T115: the links of what was sent lead to the portal alone."""
    async with sessions.begin() as session:
        await builders.a_member(session)
    sent = (
        "insert into outbox (id, key, kind, lane, account_id, facts, due_at, sent_at, said_text) select"
        " gen_random_uuid(), '{0}', 'renewal', 'urgent', id, '{{}}', clock_timestamp(), clock_timestamp(), '{1}'"
        " from account limit 1"
    )
    await run(sessions, sent.format("ours", f"Voici : {worker_settings.origin}/fr/accueil."))
    found = await said(Post(worker_settings, as_worker).links)
    assert (found.state, found.said) == (State.OK, "every link of the last 1 mails leads to the portal")
    await run(sessions, sent.format("theirs", "Voir https://portail.exemple.test.ailleurs.ca/fr/accueil"))
    found = await said(Post(worker_settings, as_worker).links)
    assert found.state is State.WARNING
    assert "1 of the last 2 mails" in found.said
