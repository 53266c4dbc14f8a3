"""The servers of the demo and of the tests, each started from an installed package on a loopback port."""

import json
import os
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy import processes
from deploy.postgres import Postgres, start_postgres
from deploy.processes import LOOPBACK
from portal.rules.attributes import KINDS

__all__ = [
    "Mailbox",
    "ObjectStore",
    "Postgres",
    "Temporal",
    "start_mailbox",
    "start_object_store",
    "start_postgres",
    "start_temporal",
]

# The dev server polls its queues 20 times a second and rounds timers to a second: these knobs make
# a hop cost milliseconds, and allow tests to skip time. Leave them out when measuring throughput.
QUICK_KNOBS = {
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "history.timerProcessorMaxTimeShift": '"10ms"',
    "history.transferProcessorMaxPollRPS": "1000",
    "history.timerProcessorMaxPollRPS": "1000",
}

# A workflow whose task has failed twice in a row is marked, so that operators can list those that stand still.
MARKS_WHAT_IS_BLOCKED = {"system.numConsecutiveWorkflowTaskProblemsToTriggerSearchAttribute": "2"}

# rclone and MinIO's client must agree on one, though nothing depends on it.
REGION = "us-east-1"

# What the workflows of the portal set.
ATTRIBUTES = {attribute.value: kind.value for attribute, kind in KINDS.items()}

_BIN = Path(sysconfig.get_path("scripts"))
_PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Temporal:
    port: int
    ui_port: int | None
    process: processes.Process

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui(self) -> str | None:
        return None if self.ui_port is None else f"http://{LOOPBACK}:{self.ui_port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        self.process.stop()


def start_temporal(
    folder: Path,
    port: int | None = None,
    *,
    ui_port: int | None = None,
    ui_codec_endpoint: str | None = None,
    namespace: str = "default",
    search_attributes: Mapping[str, str] | None = None,
    knobs: Mapping[str, str] = QUICK_KNOBS,
) -> Temporal:
    """Start the dev server on the file in `folder`; without `ui_port` it has no web interface.

    It knows the portal's search attributes unless others, or none, are asked for.
    """
    chosen = port or processes.free_port()
    http_port = processes.free_port()
    folder.mkdir(parents=True, exist_ok=True)
    attributes = dict(ATTRIBUTES if search_attributes is None else search_attributes)
    command: list[str | Path] = [
        *(_BIN / "temporal", "server", "start-dev"),
        *("--db-filename", folder / "temporal.db"),
        *("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=off"),
        *("--ip", LOOPBACK, "--port", str(chosen)),
        *("--http-port", str(http_port), "--metrics-port", str(processes.free_port())),
        *("--namespace", namespace, "--log-level", "error"),
    ]
    for knob, value in {**MARKS_WHAT_IS_BLOCKED, **knobs}.items():
        command += ["--dynamic-config-value", f"{knob}={value}"]
    for attribute, kind in attributes.items():
        command += ["--search-attribute", f"{attribute}={kind}"]
    if ui_port is None:
        command.append("--headless")
    else:
        # No news: the interface must not call anyone outside.
        command += ["--ui-ip", LOOPBACK, "--ui-port", str(ui_port), "--ui-disable-news-fetch"]
        if ui_codec_endpoint is not None:
            command += ["--ui-codec-endpoint", ui_codec_endpoint]
    process = processes.start(
        "temporal",
        command,
        log=folder / "temporal.log",
        ready=lambda: (
            _known_attributes(http_port, namespace) is not None and (ui_port is None or processes.answers(ui_port))
        ),
        ports=[chosen] if ui_port is None else [chosen, ui_port],
        # No configuration of the person at the keyboard may leak in.
        env={name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")},
        cwd=folder,
    )
    server = Temporal(chosen, ui_port, process)
    known = _known_attributes(http_port, namespace) or set()
    for attribute in attributes.keys() - known:
        _add_attribute(server, namespace, attribute, attributes[attribute])
    return server


def _known_attributes(http_port: int, namespace: str) -> set[str] | None:
    """The namespace's search attributes, or None until the frontend serves it: the port opens before."""
    base = f"http://{LOOPBACK}:{http_port}/api/v1/namespaces/{namespace}"
    if _get_json(base) is None:
        return None
    found = _get_json(f"{base}/search-attributes")
    return None if found is None else set(found.get("customAttributes", {}))


def _add_attribute(server: Temporal, namespace: str, attribute: str, kind: str) -> None:
    # The option of start-dev counts only while the file is new; a later release may need one more.
    added = subprocess.run(
        [
            *(_BIN / "temporal", "operator", "search-attribute", "create"),
            *("--address", server.address, "--namespace", namespace),
            *("--name", attribute, "--type", kind),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if added.returncode != 0:
        server.stop()
        raise processes.DidNotStart(f"temporal refused the search attribute {attribute}\n{added.stderr}")


@dataclass(frozen=True)
class ObjectStore:
    """An S3 server over a folder: each bucket is a folder in it, each object a file."""

    port: int
    folder: Path
    access_key: str
    secret_key: str = field(repr=False)
    process: processes.Process

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        self.process.stop()


def start_object_store(
    folder: Path,
    port: int | None = None,
    *,
    access_key: str = "demo",
    secret_key: str = "demo-secret",
    buckets: Sequence[str] = (),
) -> ObjectStore:
    """Start rclone's S3 server on `folder`/objects, with these buckets in it."""
    chosen = port or processes.free_port()
    objects = folder / "objects"
    for bucket in ("", *buckets):
        (objects / bucket).mkdir(parents=True, exist_ok=True)
    for unfinished in objects.rglob(".rclone_temp_*"):
        # Half an upload, left by a server killed meanwhile; no client can see it, so none would remove it.
        unfinished.unlink()
    env = {name: value for name, value in os.environ.items() if not name.startswith("RCLONE_")}
    # In the environment rather than on the command line, where any user of the machine could read it.
    env["RCLONE_AUTH_KEY"] = f'"{access_key},{secret_key}"'
    process = processes.start(
        "rclone",
        [
            *(_BIN / "rclone", "serve", "s3", objects),
            *("--addr", f"{LOOPBACK}:{chosen}", "--config", "", "--cache-dir", folder / "cache"),
            # No file is cached: what is written is there at once, what is deleted leaves no bytes. The
            # listing of folders is, for a second only; with none at all every call costs 50 ms and more.
            *("--vfs-cache-mode", "off", "--dir-cache-time", "1s", "--poll-interval", "0s"),
            # Its errors are also the client's, but name the objects; only what ends the server belongs here.
            *("--log-level", "CRITICAL"),
        ],
        log=folder / "rclone.log",
        ready=lambda: _speaks_http(chosen),
        ports=[chosen],
        env=env,
        cwd=folder,
    )
    return ObjectStore(chosen, objects, access_key, secret_key, process)


@dataclass(frozen=True)
class Mailbox:
    """An SMTP server that keeps every mail, and the page that shows them."""

    smtp_port: int
    http_port: int
    process: processes.Process

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.smtp_port}"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.http_port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self) -> None:
        self.process.stop()

    def messages(self, to: str | None = None) -> list[dict[str, Any]]:
        """The mails kept, oldest first, all or those sent to one address."""
        query = "" if to is None else "?" + urllib.parse.urlencode({"to": to})
        found: list[dict[str, Any]] = self._ask("GET", f"/messages.json{query}")
        return found

    def empty(self) -> None:
        self._ask("DELETE", "/messages.json")

    def behave(self, **control: Any) -> None:
        """Have bad days: refuse, refuse_at, delay_seconds, drop_after_data; without any, good ones again."""
        self._ask("POST", "/control.json", control)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        with _OPENER.open(request, timeout=10) as answer:
            return json.load(answer)


def start_mailbox(
    folder: Path, smtp_port: int | None = None, http_port: int | None = None, *, staff_codes: bool = False
) -> Mailbox:
    smtp = smtp_port or processes.free_port()
    http = http_port or processes.free_port()
    process = processes.start(
        "mailbox",
        [
            *(sys.executable, "-m", "deploy.mailbox", "--folder", folder / "mails"),
            *("--smtp-port", str(smtp), "--http-port", str(http)),
            *(["--staff-codes"] if staff_codes else []),
        ],
        log=folder / "mailbox.log",
        ready=lambda: processes.answers(smtp) and processes.answers(http),
        ports=[smtp, http],
        cwd=_PROJECT,
    )
    return Mailbox(smtp, http, process)


# A proxy of the person at the keyboard must not stand between us and our own loopback servers.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _get_json(url: str) -> dict[str, Any] | None:
    try:
        with _OPENER.open(url, timeout=2) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (OSError, ValueError):
        return None


def _speaks_http(port: int) -> bool:
    try:
        _OPENER.open(f"http://{LOOPBACK}:{port}/", timeout=2).close()
    except urllib.error.HTTPError:
        return True  # Any answer will do: without a signature it is a refusal.
    except OSError:
        return False
    return True
