"""The secret part of a one-time link and of its typed code, derived so that neither is ever stored."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
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


def reminders_token(secret: bytes, account_id: UUID) -> str:
    """The token of the page that switches reminders off: it names its account, and nobody can make another's.

    For good: a mail of long ago must still unsubscribe. It opens that one page and nothing else.
    """
    seal = hmac.digest(secret, b"reminders|" + account_id.bytes, "sha256")[:16]
    return urlsafe_b64encode(account_id.bytes + seal).rstrip(b"=").decode()


def account_of_reminders(secret: bytes, token: str) -> UUID | None:
    """Whose reminders this token is about; None if we did not make it."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii") + b"=")
    except ValueError:
        return None
    if len(raw) != 32:
        return None
    account_id = UUID(bytes=raw[:16])
    right = reminders_token(secret, account_id)
    return account_id if hmac.compare_digest(right.encode(), token.encode()) else None


def hash_of(token: str) -> bytes:
    """What the records keep of a token: enough to recognise it, useless to whoever reads it."""
    return sha256(token.encode()).digest()


def keyed(secret: bytes, purpose: str, value: str) -> str:
    """A name for a counter that tells nobody what it counts."""
    return f"{purpose}:{hmac.digest(secret, f'{purpose}|{value}'.encode(), 'sha256').hex()[:40]}"
