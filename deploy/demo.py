"""Starts everything on one machine: `python -m deploy.demo`; `--reset` forgets its data."""

import argparse
import contextlib
import http.client
import os
import signal
import sys
import time
import urllib.parse
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import psycopg
from psycopg import sql

from deploy import announcement, processes, servers, state
from deploy.announcement import Addresses
from deploy.choices import (
    Outside,
    Port,
    Unusable,
    as_chosen,
    choose_ports,
    closes_in_minutes,
    opens_in_minutes,
    state_folder,
    without_demo_variables,
)  # fmt: skip
from deploy.fleet import Fleet, TooManyRestarts
from deploy.processes import LOOPBACK, TUNED_MALLOC, DidNotStart, Process
from deploy.specimens import specimen_card
from deploy.state import CEREMONY, PROJECT

DATABASE = "scrutin"
# As in portal.store.schema, which takes a second to import: Ctrl-C is heard from the first moment.
API_ROLE = "scrutin_api"
WORKER_ROLE = "scrutin_worker"
BUCKET = "identity"
S3_ACCESS_KEY = "demo"

# Without skipping time: a demo keeps the time of the wall.
KNOBS = {name: value for name, value in servers.QUICK_KNOBS.items() if "TimeSkipping" not in name}


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """The person at the keyboard, or the system, asks us to stop."""


def say(line: str) -> None:
    # The terminal may be gone while we still stop our servers.
    with contextlib.suppress(OSError, ValueError):
        print(line, flush=True)


class Demo:
    """One run, from the first server to the last."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self.env = env
        self.folder = folder
        self.outside = Outside.from_environment(env)
        self.opens_in = opens_in_minutes(env)
        self.closes_in = closes_in_minutes(env)
        self.ports = choose_ports(env, self.outside.ports_needed, say)
        self.secrets = state.secrets_of(folder)
        self.fleet = Fleet(say, changed=self._announce)
        # None when PostgreSQL runs outside.
        self.postgres: servers.Postgres | None = None
        # What every process of the portal is told; what the person at the keyboard said comes first.
        self.told = without_demo_variables(env)
        self.owner_url = self.outside.database_url or ""

    def run(self) -> None:
        # Only while starting: initdb has children of its own, and later an adopted one would stay a zombie.
        processes.adopt_orphans(True)
        self._tell_settings()
        self._start_servers()
        self._prepare()
        state.write_environment(self.folder, {**self.told, "PORTAL_DATABASE_URL": self.owner_url})
        self._start_portal()
        self._announce()
        self._show()
        self._start_ours("opened", ["deploy.opened"], self.owner_url, self.folder / "logs" / "opened.log", lambda: True)
        processes.adopt_orphans(False)
        self.fleet.watch()

    # --- settings -------------------------------------------------------------------------------------------

    def _tell(self, **settings: str) -> None:
        for name, value in settings.items():
            self.told.setdefault(name, value)

    def _tell_settings(self) -> None:
        port = self.ports[Port.PORTAL]
        # What listens where is ours to say: somebody else's portal may be in the environment.
        self.told |= {"PORTAL_API_HOST": LOOPBACK, "PORTAL_API_PORT": str(port), "PYTHONUNBUFFERED": "1"}
        self._tell(
            # Browsers take Secure cookies over plain HTTP from this name.
            PORTAL_ORIGIN=f"http://localhost:{port}",
            PORTAL_SECRET=self.secrets.portal,
            PORTAL_KEY_FOLDER=str(self.folder / "keys"),
            # A visitor wants to see mails whatever the hour, and soon.
            PORTAL_QUIET_FROM="0",
            PORTAL_QUIET_UNTIL="0",
            PORTAL_NOTICE_SPREAD_MINUTES="1",
        )
        if self.outside.temporal_address is None:
            self.told |= {
                "TEMPORAL_ADDRESS": f"{LOOPBACK}:{self.ports[Port.TEMPORAL]}",
                "TEMPORAL_NAMESPACE": "default",
                "PORTAL_TEMPORAL_UI": f"http://{LOOPBACK}:{self.ports[Port.TEMPORAL_UI]}",
            }
        if self.outside.s3_endpoint is None:
            self.told |= {
                "PORTAL_S3_ENDPOINT": f"{LOOPBACK}:{self.ports[Port.S3]}",
                "PORTAL_S3_ACCESS_KEY": S3_ACCESS_KEY,
                "PORTAL_S3_SECRET_KEY": self.secrets.s3,
                "PORTAL_S3_BUCKET": BUCKET,
                "PORTAL_S3_REGION": servers.REGION,
                "PORTAL_S3_SECURE": "false",
            }
        if self.outside.smtp_host is None:
            self.told |= {
                "PORTAL_SMTP_HOST": LOOPBACK,
                "PORTAL_SMTP_PORT": str(self.ports[Port.SMTP]),
                "PORTAL_SMTP_USERNAME": "",
                "PORTAL_SMTP_STARTTLS": "false",
            }

    # --- servers --------------------------------------------------------------------------------------------

    def _launch(self, name: str, start: Callable[[], Process], *, patience: float = 10.0) -> None:
        began = time.monotonic()
        self.fleet.launch(name, start, patience=patience)
        say(f"{name} runs ({time.monotonic() - began:.1f} s)")

    def _start_servers(self) -> None:
        if self.outside.database_url is None:
            self._launch("postgres", lambda: self._start_postgres().process)
        if self.outside.temporal_address is None:
            self._launch("temporal", self._start_temporal)
        if self.outside.s3_endpoint is None:
            self._launch("s3", self._start_s3)
        if self.outside.smtp_host is None:
            self._launch("mailbox", self._start_mailbox)

    def _start_postgres(self) -> servers.Postgres:
        self.postgres = servers.start_postgres(self.folder / "postgres", self.ports[Port.POSTGRES])
        return self.postgres

    def _start_mailbox(self) -> Process:
        ports = self.ports
        return servers.start_mailbox(
            self.folder / "mailbox", smtp_port=ports[Port.SMTP], http_port=ports[Port.MAILBOX], staff_codes=True
        ).process

    def _start_temporal(self) -> Process:
        ports = self.ports
        return servers.start_temporal(
            self.folder / "temporal", ports[Port.TEMPORAL], ui_port=ports[Port.TEMPORAL_UI], knobs=KNOBS
        ).process

    def _start_s3(self) -> Process:
        return servers.start_object_store(
            self.folder / "s3", self.ports[Port.S3], access_key=S3_ACCESS_KEY, secret_key=self.secrets.s3,
            buckets=[BUCKET],
        ).process  # fmt: skip

    # --- the database and the world -------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Bring the database up to date as its owner, and make up a world where nobody lives."""
        began = time.monotonic()
        if self.postgres is not None:
            self.postgres.create_database(DATABASE)
            self.owner_url = self.postgres.url(database=DATABASE)
        self._complete("migrate", "portal", "migrate")
        if self.outside.temporal_address is not None:
            self._complete("attributes", "portal", "temporal", "register")
        if self.postgres is not None:
            with psycopg.connect(_plain(self.owner_url), autocommit=True) as connection:
                for role in (API_ROLE, WORKER_ROLE):
                    connection.execute(sql.SQL("alter role {} login").format(sql.Identifier(role)))
        say(f"database is up to date ({time.monotonic() - began:.1f} s)")
        began = time.monotonic()
        self._complete("world", "deploy.world", *self._asked_of_the_world())
        # Something to send, for whoever has no licence at hand that nobody needs to see.
        specimens = self.folder / "specimens"
        specimens.mkdir(exist_ok=True)
        (specimens / "permis-specimen.jpg").write_bytes(specimen_card())
        say(f"world is there ({time.monotonic() - began:.1f} s)")

    def _asked_of_the_world(self) -> list[str]:
        asked = ["--ceremony", str(self.folder / CEREMONY), "--opens-in-minutes", str(self.opens_in)]
        return asked if self.closes_in is None else [*asked, "--closes-in-minutes", str(self.closes_in)]

    def _complete(self, name: str, module: str, *arguments: str) -> None:
        processes.complete(
            name,
            [sys.executable, "-m", module, *arguments],
            log=self.folder / "logs" / f"{name}.log",
            env={**self.told, "PORTAL_DATABASE_URL": self.owner_url},
            cwd=PROJECT,
        )

    # --- the portal -----------------------------------------------------------------------------------------

    def _url_of(self, role: str) -> str:
        """The database as this role; as its owner where an outside database does not let the role in."""
        parts = urllib.parse.urlsplit(self.owner_url)
        credentials, _, place = parts.netloc.rpartition("@")
        _, colon, password = credentials.partition(":")
        url = parts._replace(netloc=f"{role}{colon}{password}@{place}").geturl()
        try:
            psycopg.connect(_plain(url), connect_timeout=5).close()
        except psycopg.OperationalError:
            if self.outside.database_url is None:
                raise
            say(f"{role} cannot sign in to the given database: its owner is used instead")
            return self.owner_url
        return url

    def _start_portal(self) -> None:
        worker_url, api_url = self._url_of(WORKER_ROLE), self._url_of(API_ROLE)
        # Mail and calendars in a process of their own, as in production: members do not wait behind them.
        self._launch("background", lambda: self._start_worker("background", worker_url), patience=15)
        self._launch("worker", lambda: self._start_worker("worker", worker_url), patience=15)
        self._launch("api", lambda: self._start_api(api_url), patience=15)

    def _start_worker(self, name: str, url: str) -> Process:
        log = self.folder / "logs" / f"{name}.log"
        before = log.stat().st_size if log.exists() else 0

        def ready() -> bool:
            with log.open("rb") as lines:
                lines.seek(before)
                return b"worker-ready" in lines.read()

        part = "members" if name == "worker" else name
        return self._start_ours(name, ["worker", part], url, log, ready)

    def _start_api(self, url: str) -> Process:
        log = self.folder / "logs" / "api.log"
        port = self.ports[Port.PORTAL]
        host = urllib.parse.urlsplit(self.told["PORTAL_ORIGIN"]).netloc

        def ready() -> bool:
            return _status(port, "/healthz", host) == 200 and _status(port, "/", host) in (200, 302, 303, 307)

        return self._start_ours("api", ["api"], url, log, ready, ports=[port])

    def _start_ours(
        self,
        name: str,
        module: Sequence[str],
        url: str,
        log: Path,
        ready: Callable[[], bool],
        ports: Sequence[int] = (),
    ) -> Process:
        return processes.start(
            name,
            [sys.executable, "-m", *module],
            log=log,
            ready=ready,
            ports=ports,
            within=60,
            env={**TUNED_MALLOC, **self.told, "PORTAL_DATABASE_URL": url},
            cwd=PROJECT,
            # They are made to be killed at any moment; being asked politely they would wait for servers that
            # are ending too.
            on_our_death=signal.SIGKILL,
        )

    # --- what is said ---------------------------------------------------------------------------------------

    def _announce(self) -> None:
        """Write demo.json, at the start and whenever a process has another number."""
        accounts, campaign = announcement.read_world(self.owner_url)
        ceremony = announcement.ceremony_of(self.folder / CEREMONY, campaign)
        file = self.folder / state.ANNOUNCEMENT
        announcement.write(file, self._addresses(), accounts, campaign, ceremony, self.fleet.pids)

    def _show(self) -> None:
        accounts, campaign = announcement.read_world(self.owner_url)
        ceremony = announcement.ceremony_of(self.folder / CEREMONY, campaign)
        say("\n" + announcement.table(self._addresses(), accounts, campaign, ceremony, self.fleet.pids))
        file = self.folder / state.ENVIRONMENT
        say(f"\n  For commands in a terminal (`temporal`, `python -m portal doctor`): . {file}\n")

    def _addresses(self) -> Addresses:
        told = self.told
        return Addresses(
            portal=told["PORTAL_ORIGIN"],
            mailbox=None if self.outside.smtp_host else f"http://{LOOPBACK}:{self.ports[Port.MAILBOX]}",
            temporal_ui=told.get("PORTAL_TEMPORAL_UI"),
            temporal_address=told["TEMPORAL_ADDRESS"],
            namespace=told.get("TEMPORAL_NAMESPACE", "default"),
            s3=_s3_address(told),
            database=self.owner_url,
        )


def _plain(url: str) -> str:
    """The same address without the name of a driver."""
    return url.replace("postgresql+psycopg", "postgresql", 1)


def _s3_address(told: dict[str, str]) -> str:
    secure = told.get("PORTAL_S3_SECURE", "true").lower() in ("1", "true", "yes", "on")
    return f"{'https' if secure else 'http'}://{told['PORTAL_S3_ENDPOINT']}"


def _status(port: int, path: str, host: str) -> int | None:
    """The status of a page, or None while nobody answers."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", path, headers={"host": host})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _stop_on_signal() -> Callable[[], None]:
    """The first signal stops us wherever we are; from then on none does. Returns what says so ourselves."""
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            say("stopping already, a moment")
            return
        stopping = True
        raise Stopped

    def begin() -> None:
        nonlocal stopping
        stopping = True

    for name in SIGNALS:
        signal.signal(name, stop)
    return begin


def _run(env: dict[str, str], folder: Path) -> int:
    no_more_signals = _stop_on_signal()
    demo: Demo | None = None
    code = 0
    try:
        with state.held(folder):
            try:
                (folder / state.ANNOUNCEMENT).unlink(missing_ok=True)
                demo = Demo(env, folder)
                demo.run()
            except (DidNotStart, TooManyRestarts, psycopg.Error) as error:
                say(f"{error}")
                code = 1
            finally:
                no_more_signals()
                if demo is not None:
                    demo.fleet.stop()
                    (folder / state.ANNOUNCEMENT).unlink(missing_ok=True)
    except Stopped:
        say("stopped; the data are kept")
    for name in SIGNALS:
        # The interpreter gives signals back while it ends: one pressed late would look like a crash.
        signal.signal(name, signal.SIG_IGN)
    return code


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=__doc__)
    parser.add_argument("--reset", action="store_true", help="forget the data of the last demo, and start nothing")
    reset = parser.parse_args(arguments).reset
    env = as_chosen(os.environ)
    folder = state_folder(env)
    try:
        if reset:
            state.forget(folder)
            say(f"{folder} is forgotten")
            return 0
        return _run(env, folder)
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
