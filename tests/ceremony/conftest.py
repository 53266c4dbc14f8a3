"""One election for all tests of the ceremony; none of them changes its files, each works in a folder of its own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.__main__ import main
from tests.urns import Filled, Made, a_definition, an_urn, make_election, seal, seal_raw, signed

Ceremony = Callable[..., int]


@pytest.fixture(scope="session")
def elected(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_election(tmp_path_factory.mktemp("election"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Another election, with other officers of the same codes."""
    return make_election(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def made(elected: Made, tmp_path: Path) -> Made:
    """The election in a folder of this test's own, with a small urn that officers 1 and 3 have signed."""
    folder = tmp_path / "stick"
    shutil.copytree(elected.folder, folder)
    budget = a_definition("budget")
    sealed = [seal(elected.election.public_key, budget, choice) for choice in ([1], [1], [2], [3], [])]
    sealed.append(seal_raw(elected.election.public_key, budget, b"\xff" * 64))
    (folder / "urn.json").write_bytes(an_urn(elected.election, [Filled(budget, sealed, electors=9)]))
    own = Made(folder, elected.election, elected.shares)
    signed(own, folder / "urn.json", 1, 3)
    return own


@pytest.fixture
def ceremony(made: Made, monkeypatch: pytest.MonkeyPatch) -> Ceremony:
    """The command, in that folder, with the passphrase of as many officers as are named."""
    monkeypatch.chdir(made.folder)

    def run(*words: object, rehearsal: bool | None = None, phrases: int | None = None) -> int:
        given = [str(word) for word in words]
        number = given.count("--officer") if phrases is None else phrases
        given += ["--passphrase-file", str(made.passphrase_file)] * number
        # Whatever only checks runs anywhere.
        alone = rehearsal is False or given[0] in ("check", "fingerprint")
        return main(["ceremony", *given, *([] if alone else ["--rehearsal"])])

    return run
