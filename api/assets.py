"""What browsers fetch beside a page: read, compressed and named by its content once, when the process starts."""

import gzip
import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256, sha384
from mimetypes import guess_type
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

FOLDER = Path(__file__).parent / "static"

# The address changes whenever a file does, hence it may be kept for ever.
FOR_EVER = "public, max-age=31536000, immutable"
# Pictures are compressed already.
COMPRESSED = frozenset({".css", ".js", ".svg"})
TYPES = {".js": "text/javascript", ".css": "text/css", ".webp": "image/webp"}


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    # None where compressing gains nothing.
    compressed: bytes | None
    kind: str


class Assets:
    """Pages themselves are not compressed: the token of a form stands there beside words that a stranger may choose."""

    def __init__(self, folder: Path = FOLDER) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        self.files = {path.relative_to(folder).as_posix(): _read(path) for path in paths}
        together = sha256()
        for name, file in self.files.items():
            together.update(name.encode() + b"\0" + file.content)
        # One for all of them: a module finds its neighbour by a plain relative name.
        self.version = together.hexdigest()[:12]

    def address(self, name: str) -> str:
        """Where a page finds the file of this name; KeyError for one that is not there."""
        self.files[name]
        return f"/static/{self.version}/{name}"

    def integrity(self, name: str) -> str:
        """What a page lets its browser hold the file to: the hash of the bytes that are served (security.md T95)."""
        return f"sha384-{b64encode(sha384(self.files[name].content).digest()).decode()}"

    def fingerprint(self, name: str) -> str:
        """The same for people, who compare it with what was published."""
        return sha256(self.files[name].content).hexdigest()

    @property
    def route(self) -> Mount:
        return Mount(f"/static/{self.version}", app=self._serve, name="static")

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Starlette leaves the whole path in place and says how much of it led here.
        name = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
        file = self.files.get(name)
        await _answer(file, Headers(scope=scope), scope["method"])(scope, receive, send)


# In our own module each stands on a line of its own.
_COMMENTS = re.compile(rb"^ *//.*\n", re.MULTILINE)


def _read(path: Path) -> File:
    content = path.read_bytes()
    if path.suffix == ".js":
        # They are for whoever reads the source.
        content = _COMMENTS.sub(b"", content)
    kind = TYPES.get(path.suffix) or guess_type(path.name)[0] or "text/plain"
    return File(content, gzip.compress(content, 9, mtime=0) if path.suffix in COMPRESSED else None, kind)


def _answer(file: File | None, asked: Headers, method: str) -> Response:
    if file is None:
        return Response(status_code=404)
    if method not in ("GET", "HEAD"):
        return Response(status_code=405)
    headers = {"Cache-Control": FOR_EVER, "Vary": "Accept-Encoding"}
    content = file.content
    if file.compressed is not None and "gzip" in asked.get("accept-encoding", ""):
        content, headers["Content-Encoding"] = file.compressed, "gzip"
    return Response(content, headers=headers, media_type=file.kind)
