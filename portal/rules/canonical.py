"""JSON in the one way that ceremonies write it, and fields of it that are what their format says."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from portal.rules.ceremony import Fault, Wrong

CODE = re.compile(r"[a-z0-9][a-z0-9-]*")
# A campaign names files.
CAMPAIGN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
# Numbers that every language holds exactly, and no electorate reaches.
MOST = 10**9

Json = dict[str, Any]


def canonical(content: object) -> bytes:
    """The one way to write it: sorted names, no spaces, UTF-8. In a file a line feed follows."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def written(content: object) -> bytes:
    return canonical(content) + b"\n"


def b64(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def unb64(text: str) -> bytes | None:
    """The bytes, if this is how they are written and no other way."""
    try:
        content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return content if b64(content) == text else None


def instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def hash_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def fingerprint(public_key: bytes) -> str:
    """What officers read to one another: the hash of the key in groups of four."""
    code = sha256(public_key).hexdigest()
    return " ".join(code[at : at + 4] for at in range(0, 64, 4))


def load(name: str, content: bytes, *formats: str) -> Json:
    """A file of one of these formats; Wrong if a byte of it is not as it was written."""
    try:
        found = json.loads(content.decode())
        whole = isinstance(found, dict) and canonical(found) == content.removesuffix(b"\n")
    except (ValueError, RecursionError):
        raise Wrong(Fault.DAMAGED, file=name) from None
    if not whole:
        raise Wrong(Fault.DAMAGED, file=name)
    if found.get("format") not in formats:
        raise Wrong(Fault.ANOTHER_FORMAT, file=name, wanted=", ".join(formats), found=str(found.get("format"))[:40])
    return dict(found)


class Fields:
    """The fields of one object, each of its type; whatever else stands in it is refused."""

    def __init__(self, name: str, content: object, names: Collection[str], *, more: bool = False) -> None:
        self.name = name
        if not isinstance(content, dict):
            raise Wrong(Fault.FIELD_WRONG, file=name, field=min(names))
        for field in sorted(set(names) - set(content)) + ([] if more else sorted(set(content) - set(names))):
            raise Wrong(Fault.FIELD_WRONG, file=name, field=field)
        self.content: Json = content

    def wrong(self, field: str) -> Wrong:
        return Wrong(Fault.FIELD_WRONG, file=self.name, field=field)

    def text(self, field: str, pattern: re.Pattern[str] | None = None) -> str:
        value = self.content[field]
        if not isinstance(value, str) or (pattern is not None and not pattern.fullmatch(value)):
            raise self.wrong(field)
        return value

    def number(self, field: str, *, least: int = 0, most: int = MOST) -> int:
        value = self.content[field]
        if type(value) is not int or not least <= value <= most:
            raise self.wrong(field)
        return value

    def data(self, field: str, size: int | None = None) -> bytes:
        value = unb64(self.text(field))
        if value is None or (size is not None and len(value) != size):
            raise self.wrong(field)
        return value

    def hash(self, field: str) -> str:
        return self.text(field, re.compile("[0-9a-f]{64}"))

    def moment(self, field: str) -> datetime:
        try:
            return datetime.fromisoformat(self.text(field, _INSTANT))
        except ValueError:
            raise self.wrong(field) from None

    def list(self, field: str) -> list[Any]:
        value = self.content[field]
        if not isinstance(value, list):
            raise self.wrong(field)
        return value
