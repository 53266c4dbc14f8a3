"""How long the count of 175,000 votes takes in each of the two programs: `python -m tests.figures.opening`."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from portal.rules.votes import BallotKind, Definition
from tests.node import executable
from tests.urns import Filled, Made, a_definition, an_urn, make_election, seal, signed

ROOT = Path(__file__).resolve().parents[2]
BALLOTS, VOTERS = 7, 25_000


def sealed(public_key: bytes, definition: Definition, first: int, last: int) -> list[bytes]:
    """The votes of some of the voters: yes, no, abstain and blank in turn."""
    choices: tuple[list[int], ...] = ([1], [1], [2], [3], [])
    return [seal(public_key, definition, choices[number % len(choices)]) for number in range(first, last)]


def fill(made: Made, voters: int) -> Path:
    """An urn of seven ballots, signed."""
    key, piece = made.election.public_key, 5_000
    filled = []
    with ProcessPoolExecutor() as pool:
        for number in range(BALLOTS):
            definition = a_definition(f"vote-{number}", BallotKind.RESOLUTION)
            parts = [
                pool.submit(sealed, key, definition, first, min(first + piece, voters))
                for first in range(0, voters, piece)
            ]
            filled.append(Filled(definition, [one for part in parts for one in part.result()], voters))
    path = made.folder / "urn.json"
    path.write_bytes(an_urn(made.election, filled))
    signed(made, path, 1, 2)
    return path


def counted(made: Made, urn: Path, name: str, command: list[str]) -> tuple[float, bytes]:
    out = made.folder / f"{name}.json"
    words = ["--urn", urn, "--election", made.folder / "election.json", "--shares", made.folder / "shares.json"]
    words += ["--officer", made.key(2), "--officer", made.key(3), "--out", out, "--rehearsal"]
    words += ["--passphrase-file", made.passphrase_file] * 2
    words += ["--signatures", *sorted(made.folder.glob("urn.sig-*"))]
    began = time.perf_counter()
    subprocess.run(
        [*command, *(str(word) for word in words)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - began, out.read_bytes()


def cpu() -> float:
    """What children have used so far, on all cores: what the time would be on a quiet machine with one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(voters: int = VOTERS) -> None:
    print(f"Machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as folder:
        made = make_election(Path(folder) / "ceremony")
        urn = fill(made, voters)
        print(f"\n{BALLOTS} ballots × {voters:,} votes, an urn of {urn.stat().st_size / 1e6:.0f} MB")
        found = {}
        for name, command in (
            ("Python", [sys.executable, "-m", "portal", "ceremony", "open"]),
            ("Node", [executable(), "deploy/count.mjs"]),
        ):
            before = cpu()
            took, found[name] = counted(made, urn, name, command)
            print(f"  {name:<7} {took:6.1f} s, of which {cpu() - before:.1f} s at work; load {os.getloadavg()[0]:.2f}")
        print(f"  the same bytes: {'yes' if len(set(found.values())) == 1 else 'NO'}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else VOTERS)
