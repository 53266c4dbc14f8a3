"""Whether mail can be sent to an address, by the standard."""

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

# What nearly everybody's looks like before the @: nothing in it to argue about.
_PLAIN = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*\Z")


def valid_email(said: str) -> str | None:
    """The address as it is written to; None if no mail could ever arrive."""
    local, _, domain = said.rpartition("@")
    if len(local) <= 64 and _PLAIN.match(local):
        # 25,000 people have a few hundred domains: each is looked at once.
        known = _domain(domain)
        return f"{local}@{known}" if known is not None and len(local) + len(known) < 254 else None
    return _whole(said)


@lru_cache(maxsize=4096)
def _domain(domain: str) -> str | None:
    found = _whole(f"a@{domain}")
    return None if found is None else found.rpartition("@")[2]


def _whole(said: str) -> str | None:
    try:
        # «.test» reaches nobody: the demo lives there.
        found = validate_email(said, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        return None
    return found.normalized if "." in found.ascii_domain else None
