"""JSON in the one way that ceremonies write it, and what stands in it in the one spelling that it has."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from portal.rules.ceremony import Fault, Wrong

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
    """The one spelling of an instant: a whole second in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def hash_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def fingerprint(public_key: bytes) -> str:
    """What officers read to one another: the hash of the key in groups of four."""
    code = sha256(public_key).hexdigest()
    return " ".join(code[at : at + 4] for at in range(0, 64, 4))


def parsed(content: bytes) -> Json | None:
    """An object that is written in the one way; None for whatever else."""
    try:
        found = json.loads(content.decode())
        return found if isinstance(found, dict) and canonical(found) == content else None
    except (ValueError, RecursionError):
        return None


def load(name: str, content: bytes, *formats: str) -> Json:
    """A file of one of these formats; Wrong if a byte of it is not as it was written."""
    found = parsed(content.removesuffix(b"\n"))
    if found is None:
        raise Wrong(Fault.DAMAGED, file=name)
    if found.get("format") not in formats:
        raise Wrong(Fault.ANOTHER_FORMAT, file=name, wanted=", ".join(formats), found=str(found.get("format"))[:40])
    return found
