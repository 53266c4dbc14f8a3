"""A small S3 server that keeps versions and locks, as the bucket we must refuse or clean would."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

DATE = "2017-02-20T05:00:00.000Z"


@dataclass
class Version:
    key: str
    id: str
    data: bytes
    marker: bool = False


@dataclass
class Peer:
    """One bucket, and what it answers."""

    port: int = 0
    versioning: str = ""
    lock: str = ""
    # Each list is newest first, as S3 has it.
    versions: list[Version] = field(default_factory=list)
    page: int = 1000
    # Version ids that the server will not delete, and ids it says it deleted but did not.
    held: set[str] = field(default_factory=set)
    feigned: set[str] = field(default_factory=set)
    failing: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def newest(self, key: str) -> Version | None:
        return next((version for version in self.versions if version.key == key), None)

    def add(self, key: str, data: bytes, *, marker: bool = False) -> None:
        kept = self.versioning in ("Enabled", "Suspended")
        if not kept:
            self.versions = [version for version in self.versions if version.key != key]
        name = f"v{len(self.versions) + 1}" if kept else "null"
        self.versions.insert(0, Version(key, name, data, marker))


def _listing(peer: Peer, query: dict[str, list[str]]) -> str:
    prefix = query.get("prefix", [""])[0]
    chosen = [version for version in peer.versions if version.key.startswith(prefix)]
    chosen.sort(key=lambda version: version.key)
    after = (query.get("key-marker", [""])[0], query.get("version-id-marker", [""])[0])
    if after != ("", ""):
        places = [number for number, version in enumerate(chosen) if (version.key, version.id) == after]
        # What was deleted between two pages is passed over by name.
        chosen = chosen[places[0] + 1 :] if places else [v for v in chosen if v.key > after[0]]
    page, rest = chosen[: peer.page], chosen[peer.page :]
    entries = "".join(
        f"<{tag}><Key>{v.key}</Key><VersionId>{v.id}</VersionId><LastModified>{DATE}</LastModified></{tag}>"
        for v in page
        for tag in ("DeleteMarker" if v.marker else "Version",)
    )
    more = (
        f"<IsTruncated>true</IsTruncated><NextKeyMarker>{page[-1].key}</NextKeyMarker>"
        f"<NextVersionIdMarker>{page[-1].id}</NextVersionIdMarker>"
        if rest
        else "<IsTruncated>false</IsTruncated>"
    )
    return f"<ListVersionsResult><Name>identity</Name>{more}{entries}</ListVersionsResult>"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peer: Peer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def say(self, status: int, body: bytes = b"", kind: str = "application/xml") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Last-Modified", "Mon, 20 Feb 2017 05:00:00 GMT")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status: int, code: str) -> None:
        self.say(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode())

    def answer(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        key = url.path.removeprefix("/identity").lstrip("/")
        length = int(self.headers.get("Content-Length") or 0)
        data = self.rfile.read(length)
        for question, (status, code) in self.peer.failing.items():
            if question in query or question == self.command:
                return self.refuse(status, code)
        if key:
            return self.of_object(key, query, data)
        return self.of_bucket(query)

    def of_bucket(self, query: dict[str, list[str]]) -> None:
        if "versioning" in query:
            status = f"<Status>{self.peer.versioning}</Status>" if self.peer.versioning else ""
            return self.say(200, f"<VersioningConfiguration>{status}</VersioningConfiguration>".encode())
        if "object-lock" in query:
            if not self.peer.lock:
                return self.refuse(404, "ObjectLockConfigurationNotFoundError")
            return self.say(200, self.peer.lock.encode())
        if "versions" in query:
            return self.say(200, _listing(self.peer, query).encode())
        return self.say(200)

    def of_object(self, key: str, query: dict[str, list[str]], data: bytes) -> None:
        peer, wanted = self.peer, query.get("versionId", [None])[0]
        if self.command == "PUT":
            peer.add(key, data)
            return self.say(200)
        if self.command == "DELETE":
            if wanted is None:
                peer.add(key, b"", marker=True)
            elif wanted in peer.held:
                return self.refuse(403, "AccessDenied")
            elif wanted not in peer.feigned:
                peer.versions = [v for v in peer.versions if (v.key, v.id) != (key, wanted)]
            return self.say(204)
        found = next((v for v in peer.versions if v.key == key and wanted in (None, v.id)), None)
        if found is None or found.marker:
            return self.refuse(404, "NoSuchKey")
        return self.say(200, found.data, "application/octet-stream")

    do_GET = do_HEAD = do_PUT = do_DELETE = answer


@contextmanager
def a_peer(**state: object) -> Iterator[Peer]:
    """Serve one bucket in this state."""
    peer = Peer(**state)  # type: ignore[arg-type]
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"peer": peer}))
    server.daemon_threads = True
    peer.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
