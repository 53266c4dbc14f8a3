"""No weak chance, no broken hash, no cryptography of our own: the linter refuses them, and this shows that it does."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BANNED = {
    "import random": "TID251",
    "from random import choice": "TID251",
    "import random as chance": "TID251",
    "import hashlib\nhashlib.md5(b'')": "S324",
    "import hashlib\nhashlib.sha1(b'')": "S324",
    "import hashlib\nhashlib.new('md5')": "S324",
    "from hashlib import md5": "TID251",
    "from hashlib import sha1 as digest": "TID251",
    "from cryptography.hazmat.primitives.ciphers import Cipher": "TID251",
    "from cryptography.hazmat.primitives import ciphers\nciphers.Cipher(1, 2)": "TID251",
    "from cryptography.hazmat.primitives.ciphers import algorithms": "TID251",
    "from cryptography.hazmat.primitives.ciphers.modes import ECB": "TID251",
    "from cryptography.hazmat.primitives.hashes import MD5": "TID251",
    "from cryptography.hazmat.primitives.asymmetric import rsa": "TID251",
    "from cryptography.hazmat.bindings.openssl import binding": "TID251",
}
ALLOWED = [
    "import secrets\nsecrets.token_bytes(16)",
    "from hashlib import sha256\nsha256(b'')",
    "from cryptography.hazmat.primitives.ciphers.aead import AESGCM\nAESGCM(b'')",
    "from cryptography.hazmat.primitives.hpke import Suite\nSuite",
]
PLACES = ["portal/ceremony/new.py", "portal/store/new.py", "api/new.py", "activities/new.py"]


def codes_of(source: str, place: str) -> set[str]:
    """What `make lint` says of such a file."""
    ruff = Path(sys.executable).with_name("ruff")
    told = subprocess.run(
        [ruff, "check", "--no-cache", "--output-format", "json", "--stdin-filename", ROOT / place, "-"],
        input=source, capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert told.returncode in (0, 1), told.stderr
    return {found["code"] for found in json.loads(told.stdout)}


@pytest.mark.parametrize("source", BANNED)
def test_weak_chance_and_raw_cryptography_are_refused(source: str) -> None:
    """T104: in the code that seals and counts as in every other."""
    for place in PLACES:
        assert BANNED[source] in codes_of(source + "\n", place), place


@pytest.mark.parametrize("source", ALLOWED)
def test_what_we_use_is_not(source: str) -> None:
    """T104: the library's own constructions, and chance that is meant for secrets."""
    assert not codes_of(source + "\n", "portal/ceremony/new.py") & {"TID251", "S324", "S311"}


def test_nobody_has_let_themselves_off() -> None:
    """T104: no exception for a file of the product, and none beside a line; the demo draws its people by chance."""
    ignored = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]["per-file-ignores"]
    assert {path for path, codes in ignored.items() if "TID251" in codes} == {"tests/**", "deploy/**"}
    for package in ("portal", "api", "activities", "workflows", "worker"):
        for path in (ROOT / package).rglob("*.py"):
            assert "noqa: TID" not in path.read_text(), path
