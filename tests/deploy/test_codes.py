"""Staff of the demo have no telephones: the mailbox shows what their authenticators would."""

import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy import codes, servers
from deploy.cast import STAFF


def test_the_demos_mailbox_shows_the_codes_that_let_its_staff_in(tmp_path: Path) -> None:
    """Only when told to: a mailbox of anything else knows of nobody's."""
    shown = servers.start_mailbox(tmp_path / "shown", staff_codes=True)
    plain = servers.start_mailbox(tmp_path / "plain")
    try:
        with urllib.request.urlopen(f"{shown.url}/codes", timeout=10) as answer:
            page = answer.read().decode()
        known = [one for at in (-30, 0, 30) for one in codes.codes(datetime.now(UTC) + timedelta(seconds=at))]
        for staff in STAFF:
            assert any(f">{one.code}<" in page for one in known if one.email == staff.email)
        with urllib.request.urlopen(f"{shown.url}/", timeout=10) as answer:
            assert "/codes" in answer.read().decode()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{plain.url}/codes", timeout=10)
    finally:
        shown.stop()
        plain.stop()
