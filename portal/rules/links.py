"""The secret part of a one-time link and of its typed code, derived so that neither is ever stored."""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from uuid import UUID


def token_of(secret: bytes, link_id: UUID) -> str:
    """The 256-bit token of a link, 43 characters; the same at every try of its mail."""
    digest = hmac.digest(secret, b"link|" + link_id.bytes, "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def code_of(secret: bytes, link_id: UUID) -> str:
    """The six digits that may be typed instead, on the page left open."""
    digest = hmac.digest(secret, b"code|" + link_id.bytes, "sha256")
    return f"{int.from_bytes(digest[:8]) % 1_000_000:06d}"


def hash_of(token: str) -> bytes:
    """What the records keep of a token: enough to recognise it, useless to whoever reads it."""
    return sha256(token.encode()).digest()


def keyed(secret: bytes, purpose: str, value: str) -> str:
    """A name for a counter that tells nobody what it counts."""
    return f"{purpose}:{hmac.digest(secret, f'{purpose}|{value}'.encode(), 'sha256').hex()[:40]}"
