"""Where a ceremony is held: on a machine that is connected to nothing."""

import subprocess
from pathlib import Path

import pytest

from portal.ceremony.machine import INTERFACES, connected, must_be_alone
from portal.rules.ceremony import ONLINE, Fault, Wrong
from tests.ceremony.conftest import Ceremony
from tests.ceremony.test_two_counts import COUNTER
from tests.node import executable
from tests.urns import Made


def interface(folder: Path, name: str, flags: int, state: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "flags").write_text(f"{flags:#x}\n")
    (folder / name / "operstate").write_text(f"{state}\n")


def test_loopback_and_interfaces_that_are_off_are_no_network(tmp_path: Path) -> None:
    interface(tmp_path, "lo", 0x9, "unknown")
    interface(tmp_path, "wlan0", 0x1002, "down")
    (tmp_path / "bonding_masters").write_text("")
    assert connected(tmp_path) == []
    must_be_alone(tmp_path)


@pytest.mark.parametrize(
    ("flags", "state"), [(0x1003, "up"), (0x1003, "down"), (0x1003, "dormant"), (0x91, "unknown"), (0x1002, "up")]
)
def test_an_interface_that_is_on_stops_the_ceremony(tmp_path: Path, flags: int, state: str) -> None:
    """T94: with or without a cable, a tunnel too."""
    interface(tmp_path, "lo", 0x9, "unknown")
    interface(tmp_path, "net7", flags, state)
    with pytest.raises(Wrong) as wrong:
        must_be_alone(tmp_path)
    assert (wrong.value.fault, wrong.value.where, wrong.value.status) == (Fault.CONNECTED, {"names": "net7"}, ONLINE)


def test_a_machine_that_does_not_tell_is_none_for_a_ceremony(tmp_path: Path) -> None:
    """T94."""
    interface(tmp_path, "net7", 0x1002, "down")
    (tmp_path / "net7" / "flags").write_text("?")
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(Wrong) as wrong:
            must_be_alone(folder)
        assert wrong.value.fault is Fault.MACHINE_UNKNOWN


def test_whatever_touches_a_private_key_refuses_on_this_machine_unless_it_is_a_rehearsal(
    made: Made, ceremony: Ceremony, capsys: pytest.CaptureFixture[str]
) -> None:
    """T94: nothing is read, asked or written; what only checks may run anywhere, and a rehearsal says so loudly."""
    before = {file: file.read_bytes() for file in made.folder.iterdir()}
    acts: list[list[object]] = [
        ["officer", "officer-7", "--out", "."],
        ["key", "--campaign", "x", "--officers", "a", "b", "c", "--out", "."],
        ["try", "--officer", made.key(1), "--officer", made.key(2)],
        ["sign", "urn.json", "--officer", made.key(2)],
        ["open", "--urn", "urn.json", "--signatures", "a", "--officer", made.key(1), "--out", "r.json"],
        ["destroy", "--publication", "p.json", "--shares", "shares.json", "--record", "d.json"],
    ]
    if connected(INTERFACES):
        assert (
            subprocess.run(
                [executable(), COUNTER, "--urn", "u", "--out", "o", "--officer", "a", "--officer", "b"],
                check=False,
                capture_output=True,
            ).returncode
            == ONLINE
        )
        for act in acts:
            assert ceremony(*act, rehearsal=False) == ONLINE, act
        assert {file: file.read_bytes() for file in made.folder.iterdir()} == before
    capsys.readouterr()
    assert ceremony("check", "urn.json", rehearsal=False) == 0
    assert ceremony("sign", "urn.json", "--officer", made.key(2)) == 0
    assert "RÉPÉTITION" in capsys.readouterr().err
