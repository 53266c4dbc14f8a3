"""Files of a ceremony on a disk: read whole, written for their owner only and never over another, and ended."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from portal.rules.ceremony import Fault, Wrong


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise Wrong(Fault.NOT_THERE, file=str(path)) from None
    except OSError as error:
        raise Wrong(Fault.UNREADABLE, file=str(path), why=error.strerror or "") from None


def must_be_free(*paths: Path) -> None:
    """Asked before any work is done: nobody types passphrases for a file that cannot be written."""
    for path in paths:
        if path.exists() or path.is_symlink():
            raise Wrong(Fault.THERE_ALREADY, file=str(path))
        if not path.parent.is_dir():
            raise Wrong(Fault.NOT_THERE, file=str(path.parent))


def write(path: Path, content: bytes) -> None:
    """A new file, for its owner only, on the device before this returns."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise Wrong(Fault.THERE_ALREADY, file=str(path)) from None
    except OSError as error:
        raise Wrong(Fault.NOT_WRITTEN, file=str(path), why=error.strerror or "") from None


def to_end(paths: Sequence[Path]) -> list[Path]:
    """The files themselves, each of its own and each one that can be ended: asked before the first of them is."""
    found: list[Path] = []
    for path in paths:
        if not path.is_file():
            raise Wrong(Fault.NOT_THERE, file=str(path))
        if any(path.samefile(other) for other in found):
            raise Wrong(Fault.COPY_TWICE, file=str(path))
        found.append(path.resolve())
        if not os.access(found[-1], os.W_OK) or not os.access(found[-1].parent, os.W_OK):
            raise Wrong(Fault.NOT_WRITTEN, file=str(path), why="read-only")
    return found


def destroy(path: Path) -> None:
    """Overwrite and unlink, which is what a program can do.

    On flash, and in a copy that somebody made, the old bytes may stay: the stick itself is broken before witnesses,
    and officers bring every copy (docs/ceremony.md).
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            os.write(descriptor, secrets.token_bytes(os.fstat(descriptor).st_size))
            os.fsync(descriptor)
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)
        path.unlink()
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Wrong(Fault.NOT_WRITTEN, file=str(path), why=error.strerror or "") from None
