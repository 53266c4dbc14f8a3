"""The authenticator apps that staff of the demo would have on their telephones: anybody may look at their codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import pyotp

from deploy.cast import STAFF

# How long a code is shown (RFC 6238).
STEP = 30


@dataclass(frozen=True, slots=True)
class Code:
    role: str
    email: str
    code: str


def shared_with(email: str) -> str:
    """What the app shares with the portal: the same in every demo, hence a secret of nobody."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    return "".join(letters[byte % 32] for byte in sha256(f"demo|{email}".encode()).digest())


def code_of(email: str, at: datetime | None = None) -> str:
    return pyotp.TOTP(shared_with(email)).at(at or datetime.now(UTC))


def codes(at: datetime | None = None) -> list[Code]:
    return [Code(staff.role, staff.email, code_of(staff.email, at)) for staff in STAFF]


def left(at: datetime | None = None) -> int:
    """For how many seconds these codes are good."""
    return STEP - int((at or datetime.now(UTC)).timestamp()) % STEP


def by_email() -> Mapping[str, str]:
    return {staff.email: shared_with(staff.email) for staff in STAFF}
