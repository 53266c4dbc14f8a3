"""Passphrases at a keyboard: asked, typed unseen, and twice where a slip would lose a key."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

from tests.ceremony.test_two_counts import COUNTER
from tests.node import executable
from tests.urns import PASSPHRASE, Made

ROOT = Path(__file__).resolve().parents[2]


def typed(command: list[object], *answers: str) -> tuple[int, str]:
    """Run it at a terminal; each answer is typed once one more question has been asked."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [str(word) for word in command], stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, start_new_session=True
    )
    os.close(theirs)
    seen, waiting, deadline = "", list(answers), time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    seen += os.read(ours, 4096).decode(errors="replace")
                except OSError:
                    break
            asked = seen.count(" : ") if "assphrase" in seen else 0
            if waiting and seen.rstrip(" ").endswith(":") and asked:
                # Not before the terminal has stopped showing what is typed.
                time.sleep(0.3)
                os.write(ours, waiting.pop(0).encode() + b"\n")
                seen += "\n"
        return child.wait(10), seen
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def test_a_new_passphrase_is_typed_twice_and_never_shown(tmp_path: Path) -> None:
    officer: list[object] = [sys.executable, "-m", "portal", "ceremony", "officer", "officer-1", "--rehearsal", "--out"]
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    status, seen = typed([*officer, one], PASSPHRASE, PASSPHRASE)
    assert status == 0, seen
    assert PASSPHRASE not in seen
    assert (one / "officer-1.key.pem").exists()
    status, seen = typed([*officer, other], PASSPHRASE, PASSPHRASE + "s")
    assert status == 2, seen
    assert "not the same" in seen
    assert list(other.iterdir()) == []


def test_two_officers_type_theirs_at_either_counter(made: Made) -> None:
    """T99: each their own; what they type is not shown by either program."""
    words: list[object] = [
        "--urn", made.folder / "urn.json", "--election", made.folder / "election.json", "--shares",
        made.folder / "shares.json", "--officer", made.key(3), "--officer", made.key(2), "--rehearsal",
    ]  # fmt: skip
    signatures = ["--signatures", *sorted(made.folder.glob("urn.sig-*"))]
    results = []
    programs: list[list[object]] = [[sys.executable, "-m", "portal", "ceremony", "open"], [executable(), COUNTER]]
    for number, program in enumerate(programs):
        out = made.folder / f"result-{number}.json"
        status, seen = typed([*program, *words, "--out", out, *signatures], PASSPHRASE, PASSPHRASE)
        assert status == 0, seen
        assert PASSPHRASE not in seen
        results.append(out.read_bytes())
        status, seen = typed([*program, *words, "--out", f"{out}.2", *signatures], PASSPHRASE, "the wrong words")
        assert status == 1, seen
        assert "damaged" in seen
    assert results[0] == results[1]
