"""docs/ceremony.md, command by command: what officers will type works as it stands there."""

import re
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.__main__ import main
from portal.rules.canonical import b64, canonical, hash_of, instant
from portal.rules.running import KEY_KEPT
from portal.rules.vote_files import Election, read_election, read_result
from portal.rules.votes import BallotKind
from tests.node import executable
from tests.urns import PASSPHRASE, Filled, a_definition, an_urn, seal

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "ceremony.md").read_text()
COMMANDS = [line for block in re.findall(r"^```\n(.*?)^```", DOCUMENT, re.M | re.S) for line in block.splitlines()]
CAMPAIGN = "printemps-2027"


def election() -> Election:
    return read_election("election.json", Path("public/election.json").read_bytes())


def sealed_box() -> bytes:
    """What the portal lets two officers download."""
    key = election().public_key
    budget = a_definition("budget", campaign=CAMPAIGN)
    board = a_definition("bureau", BallotKind.ELECTION, campaign=CAMPAIGN, choose=2, candidates=3)
    return an_urn(
        election(),
        [
            Filled(budget, [seal(key, budget, [one]) for one in (1, 1, 2)], 5),
            Filled(board, [seal(key, board, one) for one in ([1, 2], [1], [3], [])], 5),
        ],
    )


def publication() -> bytes:
    """What it says sixteen days after the results."""
    results_at = datetime.now(UTC) - timedelta(days=16)
    return canonical({
        "format": "scrutin/publication/v1", "campaign": CAMPAIGN, "public_key": b64(election().public_key),
        "result_sha256": hash_of(b""), "results_at": instant(results_at),
        "destroy_after": instant(results_at + KEY_KEPT), "held": False,
    })  # fmt: skip


def test_every_command_of_the_ceremony_works_in_its_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for stick in ("officer-1", "officer-2", "officer-3", "safe-1", "safe-2", "public"):
        Path(stick).mkdir()
    Path("phrase").write_text(PASSPHRASE)
    assert len(COMMANDS) > 15
    for command in COMMANDS:
        program, *words = shlex.split(command)
        urn = Path(f"public/urn-{CAMPAIGN}.json")
        if str(urn) in words and not urn.exists():
            urn.write_bytes(sealed_box())
        if words[:4] == ["-m", "portal", "ceremony", "destroy"]:
            Path(f"public/publication-{CAMPAIGN}.json").write_bytes(publication())
        phrases = ["--passphrase-file", "phrase"] * (words.count("--officer") + words[3:4].count("officer"))
        if program == "python":
            alone = [] if words[3] in ("check", "fingerprint") else ["--rehearsal"]
            assert words[:2] == ["-m", "portal"]
            assert main([*words[2:], *phrases, *alone]) == 0, command
        elif program == "node":
            counter = [executable(), str(ROOT / words[0]), *words[1:], *phrases, "--rehearsal"]
            assert subprocess.run(counter, check=False, capture_output=True).returncode == 0, command
        else:
            assert program in ("cp", "mv", "cmp")
            subprocess.run([program, *words], check=True)
    (_, budget, first), (_, board, second) = read_result(
        "result", Path(f"public/result-{CAMPAIGN}.json").read_bytes()
    ).ballots
    assert (budget, first.outcome.value) == ("budget", "adopted")
    assert (board, second.elected, second.tied) == ("bureau", (1,), (2, 3))
    assert not list(Path("safe-1").iterdir())
    assert not list(Path("safe-2").iterdir())
