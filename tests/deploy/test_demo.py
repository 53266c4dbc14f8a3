"""The launcher of the demo: its choices, what it says, and that it leaves nothing running."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from deploy import announcement, demo, environment, fleet, processes, state
from deploy.cast import cast
from deploy.choices import Outside, Port, Unusable, as_chosen, choose_ports, closes_in_minutes, opens_in_minutes
from portal.store import schema
from tests.deploy.test_servers import PROJECT, eventually, gone

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


# Choices


def test_a_port_that_was_asked_for_and_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        with pytest.raises(Unusable, match=f"{taken} for the object store is taken"):
            choose_ports({"SCRUTIN_DEMO_S3_PORT": str(taken)}, [Port.S3], print)


def test_one_port_is_not_given_to_two_servers() -> None:
    free = str(processes.free_port())
    with pytest.raises(Unusable, match="another server of this demo"):
        choose_ports({"SCRUTIN_DEMO_S3_PORT": free, "SCRUTIN_DEMO_PORT": free}, [Port.S3, Port.PORTAL], print)


def test_a_default_port_that_is_taken_gives_way_and_says_so() -> None:
    said: list[str] = []
    first = choose_ports({}, list(Port), said.append)
    held = [socket.create_server(("127.0.0.1", port)) for port in first.values()]
    second = choose_ports({}, list(Port), said.append)
    for server in held:
        server.close()
    assert not set(first.values()) & set(second.values())
    told = "\n".join(said)
    assert all(port.variable in told for port in Port)


def test_the_portal_avoids_a_port_that_somebody_holds_on_ipv6_only() -> None:
    try:
        holder = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 here")
    with holder, pytest.raises(Unusable, match="is taken"):
        choose_ports({"SCRUTIN_DEMO_PORT": str(holder.getsockname()[1])}, [Port.PORTAL], print)


@pytest.mark.parametrize("port", ["eighty", "-1", "70000", "8 0"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(Unusable, match="SCRUTIN_DEMO_PORT is a port number"):
        choose_ports({"SCRUTIN_DEMO_PORT": port}, [Port.PORTAL], print)


def test_an_outside_server_needs_no_port() -> None:
    outside = Outside.from_environment({"TEMPORAL_ADDRESS": "temporal:7233", "PORTAL_SMTP_HOST": "mail"})
    assert set(outside.ports_needed) == {Port.PORTAL, Port.S3, Port.POSTGRES}


def test_minutes_are_a_number() -> None:
    assert opens_in_minutes({}) == 10
    assert opens_in_minutes({"SCRUTIN_DEMO_OPENS_IN_MINUTES": "0.5"}) == 0.5
    for wrong in ("soon", "-1", "nan"):
        with pytest.raises(Unusable):
            opens_in_minutes({"SCRUTIN_DEMO_OPENS_IN_MINUTES": wrong})


def test_a_vote_can_be_made_to_close_within_minutes_but_not_before_it_opens() -> None:
    assert closes_in_minutes({}) is None
    soon = {"SCRUTIN_DEMO_OPENS_IN_MINUTES": "1", "SCRUTIN_DEMO_CLOSES_IN_MINUTES": "6"}
    assert closes_in_minutes(soon) == 6
    for wrong in ("1", "0.5", "never"):
        with pytest.raises(Unusable, match="SCRUTIN_DEMO_CLOSES_IN_MINUTES"):
            closes_in_minutes(soon | {"SCRUTIN_DEMO_CLOSES_IN_MINUTES": wrong})


# The state folder


def test_a_folder_serves_one_demo_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with state.held(folder):
        with pytest.raises(Unusable, match="a demo is running"), state.held(folder):
            pass
        with pytest.raises(Unusable, match="a demo is running"):
            state.forget(folder)
    state.forget(folder)
    assert not folder.exists()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    with pytest.raises(Unusable, match="not a demo's state folder"):
        state.forget(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["letters"]


def test_secrets_are_drawn_once_and_readable_by_us_alone(tmp_path: Path) -> None:
    first = state.secrets_of(tmp_path)
    assert state.secrets_of(tmp_path) == first
    assert len(first.portal) >= 32
    assert first.portal not in repr(first)
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_terminal_is_told_what_the_processes_are_told_and_nobody_else_is(tmp_path: Path) -> None:
    state.write_environment(tmp_path, {"PORTAL_ORIGIN": "http://localhost:1", "PORTAL_SECRET": "it's", "HOME": "/"})
    file = tmp_path / "environment"
    assert file.stat().st_mode & 0o077 == 0
    said = subprocess.run(
        ["sh", "-c", f'. {file}; echo "$PORTAL_ORIGIN $PORTAL_SECRET"; command -v temporal'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.splitlines()[0] == "http://localhost:1 it's"
    assert said.stdout.splitlines()[1] == str(Path(sys.executable).parent / "temporal")
    assert "HOME" not in file.read_text()


def test_a_demo_that_is_started_from_such_a_terminal_starts_its_own_servers(tmp_path: Path) -> None:
    state.write_environment(tmp_path, {"PORTAL_S3_ENDPOINT": "localhost:1", "TEMPORAL_ADDRESS": "localhost:2"})
    said = subprocess.run(
        ["sh", "-c", f". {tmp_path}/environment; env"], capture_output=True, text=True, check=True, env={"HOME": "/"},
    )  # fmt: skip
    sourced = dict(line.split("=", 1) for line in said.stdout.splitlines())
    assert sourced["TEMPORAL_ADDRESS"] == "localhost:2"
    assert Outside.from_environment(as_chosen(sourced)) == Outside(None, None, None, None)
    assert Outside.from_environment(as_chosen({"TEMPORAL_ADDRESS": "localhost:2"})).temporal_address == "localhost:2"


# What is said

CAMPAIGN = {
    "code": "acep-2017",
    "opens": "2026-11-23T07:46:00+00:00",
    "closes": "2026-12-04T21:00:00+00:00",
    "ends": "2026-12-18T21:00:00+00:00",
    "key": None,
}


def test_accounts_of_every_role_and_kind_are_announced() -> None:
    logins = announcement.logins()
    assert {login.role for login in logins} == {"member", "dues-payer", "reviewer", "operator", "officer", "auditor"}
    members = [login for login in logins if login.role == "member"]
    assert {(m.group, m.password is None) for m in members} >= {("EC", True), ("TR", True), ("BdP", True)}
    assert {m.language for m in members} == {"fr", "en"}
    assert all(len(login.password) >= 15 for login in logins if login.password)
    assert sum("cut-off" in login.note for login in logins) == 1
    states = {person.state for person in cast()}
    assert len({m.note for m in members}) == len(states) + 1


def test_demo_json_has_the_agreed_shape(tmp_path: Path) -> None:
    addresses = announcement.Addresses(
        "http://localhost:8000", "http://m", "http://ui", "127.0.0.1:7233", "default", "http://s3", "db"
    )
    file = tmp_path / "demo.json"
    announcement.write(file, addresses, announcement.logins(), CAMPAIGN, None, {"worker": 7})
    said = json.loads(file.read_text())
    places = {"portal", "mailbox", "temporal_ui", "temporal_address", "namespace", "s3", "database"}
    assert set(said) == places | {"accounts", "campaign", "ceremony", "processes"}
    wanted = {"role", "email", "password", "member_number", "group", "language"}
    assert all(wanted <= set(account) for account in said["accounts"])
    table = announcement.table(addresses, announcement.logins(), CAMPAIGN, None, {"worker": 7})
    assert "kill -9 7" in table
    assert all(login.email in table for login in announcement.logins())
    assert "nobody can vote" in table


def test_env_example_is_fresh() -> None:
    assert environment.EXAMPLE.read_text() == environment.example(), "run python -m deploy.environment"
    assert environment.main(["--check"]) == 0


def test_env_example_marks_what_is_needed_and_what_is_secret() -> None:
    text = environment.example()
    assert "# NEEDED, SECRET: signs one-time links" in text
    assert "\nPORTAL_SECRET=\n" in text
    assert "\n#TEMPORAL_ADDRESS=127.0.0.1:7233\n" in text


def test_the_roles_are_those_of_the_schema() -> None:
    assert (demo.API_ROLE, demo.WORKER_ROLE) == (schema.API_ROLE, schema.WORKER_ROLE)


# The fleet


def sleeper(folder: Path) -> processes.Process:
    return processes.start("sleeper", SLEEPER, log=folder / "sleeper.log", ready=lambda: True)


def test_what_ends_by_itself_is_started_again_but_not_for_ever(tmp_path: Path) -> None:
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        # What was just started again is killed again.
        os.kill(ships.pids["sleeper"], signal.SIGKILL)

    ships = fleet.Fleet(say)
    ships.launch("sleeper", lambda: sleeper(tmp_path))
    os.kill(ships.pids["sleeper"], signal.SIGKILL)
    with pytest.raises(fleet.TooManyRestarts, match="killed by SIGKILL"):
        ships.watch()
    assert len(said) == fleet.MOST_RESTARTS
    assert "1 of 20" in said[0]
    assert gone(ships.pids["sleeper"])


def test_a_command_that_fails_says_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(processes.DidNotStart, match="no such world"):
        processes.complete("world", [sys.executable, "-c", "raise SystemExit('no such world')"], log=tmp_path / "l")


# The whole


class Launcher:
    """A demo as its own process, with a folder and free ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PORTAL_", "TEMPORAL_"))}
        env |= {port.variable: "0" for port in Port}
        env["SCRUTIN_DEMO_STATE"] = str(folder)
        self.output = folder.with_suffix(".log")
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.demo"], cwd=PROJECT, env=env, stdout=output, stderr=output
            )

    def wait(self) -> dict[str, Any]:
        file = self.folder / "demo.json"
        assert eventually(lambda: file.exists() or self.process.poll() is not None, within=90), self.said()
        assert self.process.poll() is None, self.said()
        said: dict[str, Any] = json.loads(file.read_text())
        return said

    def said(self) -> str:
        return self.output.read_text()

    def children(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.process.pid).children(recursive=True)]

    def end(self, *signals: signal.Signals) -> int:
        for number in signals:
            self.process.send_signal(number)
            time.sleep(0.1)
        return self.process.wait(60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # PostgreSQL runs as another user when we are root.
    for step in (tmp_path, *tmp_path.parents[:2]):
        step.chmod(step.stat().st_mode | 0o011)
    return tmp_path / "state"


def status(url: str) -> int:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        return int(answer.status)


def password_of(said: dict[str, Any], email: str) -> object:
    with psycopg.connect(said["database"].replace("+psycopg", "")) as connection:
        row = connection.execute("select password_hash from account where email = %s", [email]).fetchone()
        return row[0] if row else None


@pytest.mark.timeout(300)
def test_a_demo_starts_heals_stops_and_remembers(folder: Path) -> None:
    first_run = Launcher(folder)
    said = first_run.wait()
    children = first_run.children()
    try:
        assert set(said["processes"]) == {"postgres", "temporal", "s3", "mailbox", "background", "worker", "api"}
        assert status(f"{said['portal']}/healthz") == 200
        assert status(f"{said['portal']}/") == 200
        assert status(said["mailbox"]) == 200
        assert status(said["temporal_ui"]) == 200
        assert len(said["accounts"]) == len(announcement.logins())
        assert said["campaign"]["code"] == "acep-2017"

        # Invitations reach the mailbox: worker, relay and SMTP work together.
        def invited() -> bool:
            with urllib.request.urlopen(f"{said['mailbox']}/messages.json", timeout=10) as answer:
                return bool(json.load(answer))

        assert eventually(invited, within=60)

        os.kill(said["processes"]["worker"], signal.SIGKILL)
        file = folder / "demo.json"
        assert eventually(
            lambda: json.loads(file.read_text())["processes"]["worker"] != said["processes"]["worker"], 60
        ), first_run.said()
        assert "worker (process" in first_run.said()
        children += first_run.children()
        first = password_of(said, "argan.lemalade@membres.example")
        assert first is not None

        again = subprocess.run(
            [sys.executable, "-m", "deploy.demo", "--reset"],
            cwd=PROJECT, env={**os.environ, "SCRUTIN_DEMO_STATE": str(folder)}, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        assert again.returncode == 2
        assert "a demo is running" in again.stderr
        # The ceremony was held: its files are for us alone, and the table says how to count with them.
        ceremony = said["ceremony"]
        assert [one["code"] for one in ceremony["officers"]] == ["officer-1", "officer-2", "officer-3"]
        assert ceremony["fingerprint"] == said["campaign"]["key"]
        assert (folder / "ceremony").stat().st_mode & 0o077 == 0
        assert all(command in first_run.said() for command in ceremony["commands"])
    finally:
        # Pressed twice, as people do.
        code = first_run.end(signal.SIGINT, signal.SIGINT)
    assert code == 0, first_run.said()
    assert all(gone(pid) for pid in children)
    order = [line.removeprefix("stopping ") for line in first_run.said().splitlines() if line.startswith("stopping ")]
    names = [line for line in order if "already" not in line]
    assert names == ["api", "worker", "background", "mailbox", "s3", "temporal", "postgres"]

    second = Launcher(folder)
    said = second.wait()
    children = second.children()
    try:
        assert password_of(said, "argan.lemalade@membres.example") == first
        assert said["ceremony"] == ceremony
    finally:
        # As a power cut would: nobody is left to stop the others.
        second.end(signal.SIGKILL)
    assert eventually(lambda: all(gone(pid) for pid in children), within=30)
    state.forget(folder)
    assert not folder.exists()
