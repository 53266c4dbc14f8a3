"""Pictures of identity documents, rebuilt from their pixels before anything else is done with them."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

import structlog

from portal.rules.refusals import Refusal, Refused

log = structlog.get_logger(__name__)

MOST_BYTES = 8 * 1024 * 1024
MOST_SCANS = 64
# Of all segments: a telephone's photo has some thirty, one with a depth map a few hundred.
MOST_SEGMENTS = 1_000

AT_ONCE = 2
WALL_SECONDS = 10.0
CHILD = Path(__file__).with_name("child.py")
# What a child may answer: a picture of 2,400 pixels is under 2 MiB, and even noise is under 8.
MOST_ANSWER = MOST_BYTES + 1024
MOST_SIDE = 2_400

# A marker that libjpeg would act on: neither a stuffed FF 00, nor fill, nor a restart inside a scan.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_SOI, _EOI, _SOS, _TEM = 0xD8, 0xD9, 0xDA, 0x01

_SAID_BY_CHILD = frozenset(
    {
        Refusal.PICTURE_TOO_MANY_PIXELS,
        Refusal.PICTURE_DAMAGED,
        Refusal.PICTURE_TOO_SMALL,
        Refusal.PICTURE_TOO_DARK,
        Refusal.PICTURE_TOO_BRIGHT,
        Refusal.PICTURE_TOO_BLURRED,
    }
)

_places: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@dataclass(frozen=True)
class Picture:
    """A JPEG of ours: upright, at most 2,400 pixels, and nothing of the member's file but its pixels."""

    jpeg: bytes
    width: int
    height: int


class _ChildFailed(Exception):
    """Why a child gave no picture, as a code for the log; never anything of the upload."""


async def rebuild(upload: bytes) -> Picture:
    """The picture in this upload, or the reason why the union cannot take it."""
    photo = first_photo(upload)
    async with _place():
        try:
            head, body = await _ask_child(photo)
            return _read(head, body)
        except _ChildFailed as failure:
            log.warning("picture.child-failed", cause=str(failure))
    # A crash says nothing that the member could use, except that another photo is needed.
    raise Refused(Refusal.PICTURE_DAMAGED)


async def marked(jpeg: bytes, mark: str) -> Picture:
    """A picture of ours with who looks at it and when: in a strip of its own below, and faintly across it."""
    async with _place():
        try:
            head, body = await _ask_child(jpeg, mark)
            return _read(head, body, MOST_SIDE + strip_height(MOST_SIDE))
        except _ChildFailed as failure:
            log.warning("picture.child-failed", cause=str(failure))
    raise PictureNotMarked


class PictureNotMarked(Exception):
    """The child that should have marked a picture failed: the picture is not shown."""


def strip_height(width: int) -> int:
    """How much higher a marked picture is; the child says the same."""
    return max(20, width // 60)


def first_photo(upload: bytes) -> bytes:
    """The upload up to the end of its first picture, once it has passed the checks that need no decoder.

    Segments are stepped over by their length, so that a thumbnail inside EXIF counts for nothing; and what
    follows the first picture (more pictures, a telephone's little film, an archive) is cut off, so that no
    decoder reads what was not counted here.
    """
    if not upload:
        raise Refused(Refusal.PICTURE_MISSING)
    if len(upload) > MOST_BYTES:
        raise Refused(Refusal.PICTURE_TOO_HEAVY)
    if not upload.startswith(b"\xff\xd8\xff"):
        raise Refused(Refusal.PICTURE_NOT_JPEG)
    at, scans = 2, 0
    for _ in range(MOST_SEGMENTS):
        found = _MARKER.search(upload, at)
        if found is None:
            return upload
        marker, at = upload[found.end() - 1], found.end()
        if marker == _EOI:
            return upload[:at]
        if marker in (_SOI, _TEM):
            continue
        if marker == _SOS:
            scans += 1
            if scans > MOST_SCANS:
                raise Refused(Refusal.PICTURE_TOO_INTRICATE)
        at += max(2, int.from_bytes(upload[at : at + 2], "big"))
    raise Refused(Refusal.PICTURE_TOO_INTRICATE)


def _place() -> asyncio.Semaphore:
    """The two places for children in this process; a semaphore belongs to one event loop."""
    loop = asyncio.get_running_loop()
    return _places.setdefault(loop, asyncio.Semaphore(AT_ONCE))


def _command() -> list[str]:
    # -I: no environment, no user folder, no current folder; -B: no compiled file is written.
    return [sys.executable, "-I", "-B", str(CHILD)]


async def _ask_child(photo: bytes, *mark: str) -> tuple[bytes, bytes]:
    """The head line and the bytes of the child's answer; whatever happens, the child is gone afterwards."""
    child = await asyncio.create_subprocess_exec(
        *_command(), *mark, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env={}, cwd="/", start_new_session=True
    )
    feeding = asyncio.create_task(_feed(child, photo))
    try:
        async with asyncio.timeout(WALL_SECONDS):
            said = await _listen(child)
            status = await child.wait()
    except TimeoutError:
        raise _ChildFailed("too-long") from None
    finally:
        feeding.cancel()
        await _end(child)
    if status != 0:
        raise _ChildFailed(f"signal-{-status}" if status < 0 else f"status-{status}")
    head, _, body = said.partition(b"\n")
    return head, body


async def _feed(child: Process, photo: bytes) -> None:
    assert child.stdin is not None
    # A child that stopped reading has its reason, and its exit status tells it.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(photo)
        await child.stdin.drain()
    child.stdin.close()


async def _listen(child: Process) -> bytes:
    assert child.stdout is not None
    said = bytearray()
    while piece := await child.stdout.read(256 * 1024):
        said += piece
        if len(said) > MOST_ANSWER:
            raise _ChildFailed("too-much")
    return bytes(said)


async def _end(child: Process) -> None:
    """Leave no child behind, nor anything that it could have started."""
    if child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    # asyncio notices the end of a process only once its pipes are read to their end.
    assert child.stdout is not None
    while await child.stdout.read(256 * 1024):
        pass
    await child.wait()


def _read(head: bytes, body: bytes, most_height: int = MOST_SIDE) -> Picture:
    """Believe nothing that a subverted child could have made up."""
    try:
        said = json.loads(head)
        if "refusal" in said:
            refusal = Refusal(said["refusal"])
            if refusal in _SAID_BY_CHILD:
                raise Refused(refusal)
            raise _ChildFailed("odd-refusal")
        width, height, length = int(said["width"]), int(said["height"]), int(said["length"])
    except (ValueError, TypeError, KeyError):
        raise _ChildFailed("odd-answer") from None
    if not (0 < width <= MOST_SIDE and 0 < height <= most_height and length == len(body)):
        raise _ChildFailed("odd-answer")
    if not (body.startswith(b"\xff\xd8\xff") and body.endswith(b"\xff\xd9") and first_photo_is_all(body)):
        raise _ChildFailed("odd-answer")
    return Picture(body, width, height)


def first_photo_is_all(jpeg: bytes) -> bool:
    """Whether nothing follows the end of the picture."""
    try:
        return len(first_photo(jpeg)) == len(jpeg)
    except Refused:
        return False
