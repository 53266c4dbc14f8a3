"""The child that draws an upload anew: what becomes of it when it dies, lies, or is left alone."""

import asyncio
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from portal import pictures
from portal.pictures import Picture, rebuild
from portal.rules.refusals import Refusal, Refused
from tests.pictures import uploads
from tests.pictures.test_pictures import CARD, refusal_of


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


async def test_a_child_killed_while_it_draws_costs_one_member_one_more_try() -> None:
    """T42."""
    photo = uploads.saved(uploads.photo(7296, 5472), progressive=True)
    before = set(children())
    with capture_logs() as logs:
        drawing = asyncio.ensure_future(rebuild(photo))
        while not (born := set(children()) - before):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.005)
        born.pop().kill()
        with pytest.raises(Refused) as caught:
            await drawing

    assert caught.value.refusal is Refusal.PICTURE_DAMAGED
    assert logs == [{"event": "picture.child-failed", "cause": "signal-9", "log_level": "warning"}]
    assert (await rebuild(CARD)).width == 1600


MISBEHAVIOURS = {
    "import os; os.abort()": "signal-6",
    "raise SystemExit(3)": "status-3",
    "import time; time.sleep(60)": "too-long",
    "import sys\nwhile True: sys.stdout.buffer.write(bytes(1 << 20))": "too-much",
    "print('nonsense')": "odd-answer",
    "print('[]')": "odd-answer",
    "pass": "odd-answer",
    'print(\'{"refusal": "wrong-pair"}\')': "odd-refusal",
    'print(\'{"refusal": "<script>"}\')': "odd-answer",
    'print(\'{"width": 9, "height": 9, "length": 6}\\n<html>\', end=\'\')': "odd-answer",
    'print(\'{"width": 99999, "height": 9, "length": 0}\')': "odd-answer",
}


@pytest.mark.parametrize("code", MISBEHAVIOURS)
async def test_a_subverted_child_is_not_believed(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """T42."""
    (tmp_path / "child.py").write_text(code)
    monkeypatch.setattr(pictures, "CHILD", tmp_path / "child.py")
    monkeypatch.setattr(pictures, "WALL_SECONDS", 1.0)
    before = set(children())

    with capture_logs() as logs:
        assert await refusal_of(CARD) is Refusal.PICTURE_DAMAGED

    assert [log["cause"] for log in logs] == [MISBEHAVIOURS[code]]
    assert set(children()) == before


async def test_a_reader_who_goes_away_leaves_no_child_behind() -> None:
    before = set(children())
    drawing = asyncio.ensure_future(rebuild(uploads.saved(uploads.photo(7296, 5472), progressive=True)))
    while set(children()) == before:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.005)

    drawing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawing

    assert set(children()) == before


async def test_no_more_than_two_children_draw_at_once() -> None:
    """T40: a crowd of uploads waits, and the portal stays free."""
    before = set(children())
    most = 0
    drawing = asyncio.gather(*(rebuild(CARD) for _ in range(6)))
    while not drawing.done():
        most = max(most, len(set(children()) - before))
        await asyncio.sleep(0.002)

    assert all(isinstance(picture, Picture) for picture in await drawing)
    assert 1 <= most <= 2


PROBE = """
import os, runpy, socket, sys
child = runpy.run_path(sys.argv[1])
child["renounce"]()
def tried(name, act):
    try:
        act()
    except (OSError, ValueError):
        return
    print(name)
tried("open", lambda: open("/etc/hostname"))
tried("write", lambda: open("/tmp/scrutin-probe", "w"))
tried("socket", socket.socket)
tried("fork", lambda: os.fork() or os._exit(0))
tried("pipe", os.pipe)
tried("raise", lambda: __import__("resource").setrlimit(7, (64, 64)))
print("uid", os.getuid() != 0, sorted(os.environ))
"""


def test_the_child_can_open_nothing_reach_nobody_and_start_nothing() -> None:
    """T42: files, sockets, processes, limits; and it is not root even where the portal is."""
    command = [sys.executable, "-I", "-B", "-c", PROBE, str(pictures.CHILD)]

    found = subprocess.run(command, env={}, cwd="/", capture_output=True, check=True, text=True)

    assert found.stdout.splitlines()[-1].startswith("uid True")
    assert found.stdout.count("\n") == 1, found.stdout


def test_the_parent_never_loads_the_picture_library() -> None:
    code = "import sys, portal.pictures; sys.exit(any(name.split('.')[0] == 'PIL' for name in sys.modules))"

    subprocess.run([sys.executable, "-c", code], check=True)
