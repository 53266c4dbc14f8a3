"""Every server starts from its package, keeps its data through a kill, and leaves nothing behind."""

import asyncio
import io
import os
import signal
import smtplib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import psutil
import psycopg
import pytest
from minio import Minio
from minio.error import S3Error
from temporalio.client import Client

from deploy import processes, servers
from deploy.postgres import QUICK

PROJECT = Path(__file__).resolve().parents[2]


def eventually(condition: Callable[[], bool], within: float = 10) -> bool:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def assert_nothing_left(pid: int, *ports: int) -> None:
    assert not psutil.pid_exists(pid)
    for port in ports:
        assert not processes.answers(port)


def ask(server: servers.Postgres, database: str, statement: str) -> list[tuple[object, ...]]:
    url = server.url(database=database).replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


# PostgreSQL


def test_postgres_keeps_its_data_through_a_kill_and_stops_without_a_trace(tmp_path: Path) -> None:
    server = servers.start_postgres(tmp_path / "postgres", settings=QUICK)
    server.create_database("portal")
    server.create_database("portal")
    ask(server, "portal", "CREATE TABLE roll (name text)")
    ask(server, "portal", "INSERT INTO roll VALUES ('Molière')")
    server.create_database("copy", template="portal")
    server.process.kill()

    server = servers.start_postgres(tmp_path / "postgres", server.port, settings=QUICK)
    try:
        assert ask(server, "portal", "SELECT upper(name) FROM roll") == [("MOLIÈRE",)]
        assert ask(server, "copy", "SELECT name FROM roll") == [("Molière",)]
        server.drop_database("copy")
        with pytest.raises(psycopg.OperationalError):
            ask(server, "copy", "SELECT 1")
    finally:
        server.stop()
    assert_nothing_left(server.pid, server.port)
    server.stop()


def test_postgres_logs_no_statement_parameter_or_row_and_no_one_can_make_it(tmp_path: Path) -> None:
    server = servers.start_postgres(tmp_path, settings={**QUICK, "log_statement": "all"})
    try:
        ask(server, "postgres", "ALTER SYSTEM SET log_statement = 'all'")
        ask(server, "postgres", "SELECT pg_reload_conf()")
        ask(server, "postgres", "CREATE TABLE roll (name text UNIQUE)")
        url = server.url().replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("INSERT INTO roll VALUES (%s)", ["Molière"])
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute("INSERT INTO roll VALUES (%s)", ["Molière"])
        for name, value in {
            "log_statement": "none",
            "log_parameter_max_length": "0",
            "log_parameter_max_length_on_error": "0",
            "log_min_duration_statement": "-1",
            "track_commit_timestamp": "off",
            "TimeZone": "UTC",
            "listen_addresses": "127.0.0.1",
        }.items():
            assert ask(server, "postgres", f"SHOW {name}") == [(value,)], name
    finally:
        server.stop()
    log = (tmp_path / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "Molière" not in log


def test_postgres_is_not_fooled_by_a_stale_lock_that_names_a_stranger(tmp_path: Path) -> None:
    servers.start_postgres(tmp_path, settings=QUICK).stop()
    # Ours, alive, and no PostgreSQL.
    (tmp_path / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path / 'data'}\n")
    server = servers.start_postgres(tmp_path, settings=QUICK)
    server.stop()


# Temporal


def test_temporal_keeps_its_workflows_through_a_kill_and_stops_without_a_trace(tmp_path: Path) -> None:
    async def start_one(address: str) -> None:
        client = await Client.connect(address)
        await client.start_workflow("Onboarding", id="member-1", task_queue="nobody")

    async def find_it(address: str) -> str:
        client = await Client.connect(address)
        description = await client.get_workflow_handle("member-1").describe()
        return description.workflow_type

    server = servers.start_temporal(tmp_path, search_attributes={"Step": "Keyword"})
    assert server.ui is None
    asyncio.run(start_one(server.address))
    server.process.kill()

    ui_port = processes.free_port()
    server = servers.start_temporal(
        tmp_path, server.port, ui_port=ui_port, search_attributes={"Step": "Keyword", "Ballot": "Int"}
    )
    try:
        assert asyncio.run(find_it(server.address)) == "Onboarding"
        with urllib.request.urlopen(f"http://127.0.0.1:{ui_port}/", timeout=5) as page:
            assert page.status == 200
    finally:
        server.stop()
    assert_nothing_left(server.pid, server.port, ui_port)


# The object store


def test_an_object_is_there_at_once_and_its_bytes_are_gone_once_removed(tmp_path: Path) -> None:
    server = servers.start_object_store(tmp_path, buckets=["id-intake"])
    try:
        client = Minio(
            server.address,
            access_key=server.access_key,
            secret_key=server.secret_key,
            secure=False,
            region=servers.REGION,
        )
        assert client.get_bucket_versioning("id-intake").status is None
        specimen = os.urandom(100_000)
        client.put_object("id-intake", "a/card", io.BytesIO(specimen), len(specimen))
        assert client.stat_object("id-intake", "a/card").size == len(specimen)
        client.remove_object("id-intake", "a/card")
        with pytest.raises(S3Error) as refusal:
            client.stat_object("id-intake", "a/card")
        assert refusal.value.code == "NoSuchKey"
        assert [path for path in server.folder.rglob("*") if path.is_file()] == []
    finally:
        server.stop()
    assert_nothing_left(server.pid, server.port)


def test_half_an_upload_does_not_outlive_the_next_start(tmp_path: Path) -> None:
    half = tmp_path / "objects" / "id-intake" / ".rclone_temp_put_1"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half a card")
    servers.start_object_store(tmp_path).stop()
    assert not half.exists()


def test_a_wrong_secret_opens_nothing(tmp_path: Path) -> None:
    server = servers.start_object_store(tmp_path, buckets=["id-intake"])
    try:
        stranger = Minio(
            server.address,
            access_key=server.access_key,
            secret_key="guessed",
            secure=False,
            region=servers.REGION,
        )
        with pytest.raises(S3Error) as refusal:
            stranger.stat_object("id-intake", "card")
        assert refusal.value.code == "AccessDenied"
    finally:
        server.stop()


# The mailbox


def mail_to(recipient: str, subject: str = "Votre compte") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "portail@exemple.test"
    mail["To"] = recipient
    mail["Subject"] = subject
    mail["Message-ID"] = "<1@exemple.test>"
    mail.set_content("Bonjour,\n\nOuvrez http://127.0.0.1:8000/fr/activer/abc.\n")
    mail.add_alternative(
        '<html><head></head><body><a href="http://127.0.0.1:8000/fr/compte">Compte</a>'
        '<a href="javascript:alert(1)">x</a><script>alert(2)</script></body></html>',
        subtype="html",
    )
    # Last: set_content and add_alternative take away headers on content that are there before.
    mail["Content-Language"] = "fr"
    return mail


def send(server: servers.Mailbox, mail: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", server.smtp_port, timeout=5) as connection:
        connection.send_message(mail)


def page(server: servers.Mailbox, path: str) -> tuple[str, str]:
    with urllib.request.urlopen(server.url + path, timeout=5) as answer:
        return answer.read().decode(), answer.headers["content-security-policy"]


def test_the_mailbox_keeps_mails_through_a_kill_and_empties_on_request(tmp_path: Path) -> None:
    server = servers.start_mailbox(tmp_path)
    send(server, mail_to("moliere@exemple.test"))
    send(server, mail_to("colette@exemple.test"))
    server.process.kill()

    server = servers.start_mailbox(tmp_path, server.smtp_port, server.http_port)
    try:
        assert [mail["envelope_to"] for mail in server.messages()] == [
            ["moliere@exemple.test"],
            ["colette@exemple.test"],
        ]
        (mail,) = server.messages(to="Moliere@Exemple.test")
        assert mail["envelope_from"] == "portail@exemple.test"
        assert mail["subject"] == "Votre compte"
        assert mail["language"] == "fr"
        assert mail["message_id"] == "<1@exemple.test>"
        assert mail["text"].startswith("Bonjour,")
        assert mail["links"] == [
            "http://127.0.0.1:8000/fr/activer/abc",
            "http://127.0.0.1:8000/fr/compte",
        ]
        server.empty()
        assert server.messages() == []
        assert list((tmp_path / "mails").iterdir()) == []
    finally:
        server.stop()
    assert_nothing_left(server.pid, server.smtp_port, server.http_port)


def test_the_pages_of_the_mailbox_escape_what_they_show(tmp_path: Path) -> None:
    server = servers.start_mailbox(tmp_path)
    try:
        send(server, mail_to("moliere@exemple.test", "<b>Éloïse & co</b>"))
        (mail,) = server.messages()
        newest, _ = page(server, "/")
        assert "&lt;b&gt;Éloïse &amp; co&lt;/b&gt;" in newest
        one, _ = page(server, f"/messages/{mail['id']}")
        assert "<script" not in one
        assert "javascript:" not in one.split("<details>")[0]
        html, policy = page(server, f"/messages/{mail['id']}/html")
        assert '<head><base target="_blank">' in html
        assert policy.startswith("sandbox ")
        assert "allow-scripts" not in policy
        for path in ("/messages/../../etc/passwd/source", "/messages/nothing"):
            with pytest.raises(urllib.error.HTTPError):
                page(server, path)
        strange = urllib.request.Request(server.url, headers={"host": "mailbox.example"})
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(strange, timeout=5)
    finally:
        server.stop()


def test_the_mailbox_has_bad_days_when_told_to(tmp_path: Path) -> None:
    server = servers.start_mailbox(tmp_path)
    mail = mail_to("moliere@exemple.test")
    try:
        for code in (451, 550):
            server.behave(refuse=str(code))
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
                send(server, mail)
            assert refusal.value.recipients["moliere@exemple.test"][0] == code
            server.behave(refuse=str(code), refuse_at="data")
            with pytest.raises(smtplib.SMTPDataError):
                send(server, mail)
        assert server.messages() == []

        server.behave(drop_after_data=True)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send(server, mail)
        assert len(server.messages()) == 1

        server.behave(delay_seconds=0.3)
        began = time.monotonic()
        send(server, mail)
        assert time.monotonic() - began >= 0.3

        with pytest.raises(urllib.error.HTTPError):
            server.behave(refuse="whenever")
        server.behave()
        send(server, mail)
        assert len(server.messages()) == 3
    finally:
        server.stop()


# Processes


def test_servers_die_with_us_even_when_we_are_killed(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from deploy import servers
folder = Path({str(tmp_path)!r})
started = [servers.start_postgres(folder / "postgres"), servers.start_temporal(folder / "temporal"),
           servers.start_object_store(folder / "objects"), servers.start_mailbox(folder / "mailbox")]
print(*(server.pid for server in started), flush=True)
time.sleep(60)
"""
    starter = subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    with starter.stdout:
        pids = [int(pid) for pid in starter.stdout.readline().split()]
    assert len(pids) == 4
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    assert eventually(lambda: all(gone(pid) for pid in pids))


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(processes.DidNotStart, match="the reason"):
        processes.start(
            "broken",
            [sys.executable, "-c", "raise SystemExit('the reason')"],
            log=tmp_path / "log",
            ready=lambda: False,
        )


def test_whoever_holds_the_port_is_not_taken_for_our_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        with pytest.raises(processes.DidNotStart, match=f"port {port}, which is taken"):
            servers.start_object_store(tmp_path, port)


def test_a_server_that_never_answers_is_ended(tmp_path: Path) -> None:
    with pytest.raises(processes.DidNotStart, match="not ready within"):
        processes.start(
            "silent",
            [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"],
            log=tmp_path / "log",
            ready=lambda: False,
            within=0.5,
        )
    assert gone(int((tmp_path / "log").read_text()))


def test_a_server_deaf_to_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('ok', flush=True); time.sleep(60)"
    process = processes.start(
        "deaf",
        [sys.executable, "-c", deaf],
        log=tmp_path / "log",
        ready=lambda: "ok" in (tmp_path / "log").read_text(),
    )
    process.stop(patience=0.2)
    assert_nothing_left(process.pid)
