"""A roll file is read in a process of its own, so that nobody's page waits while 25,000 lines are understood."""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import structlog

from portal.rules.roll import Problem, Trouble
from portal.rules.roll_file import Reading

# The longest file takes some ten seconds on a busy machine.
WALL_SECONDS = 60.0
_ROOT = Path(__file__).resolve().parents[2]
log = structlog.get_logger()


class NotRead(Exception):
    """The process that reads a file gave no answer; it says nothing of the file."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was found, and the good lines in the format of COPY, the import's id in the first column."""

    found: Reading
    copied: bytes


async def read_apart(content: bytes, import_id: UUID) -> Read:
    """Read an uploaded file in a child process, which is gone afterwards whatever happens."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-B", "-m", "portal.rolls.child", str(import_id), stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
        env={"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1"}, cwd=str(_ROOT), start_new_session=True, limit=1024 * 1024,
    )  # fmt: skip
    try:
        async with asyncio.timeout(WALL_SECONDS):
            said, _ = await child.communicate(content)
    except TimeoutError:
        said = b""
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode != 0:
        log.warning("roll.child-failed", status=child.returncode)
        raise NotRead
    head, _, copied = said.partition(b"\n")
    told = json.loads(head)
    problems = [Problem(line, Trouble(code), column, other) for line, code, column, other in told["problems"]]
    return Read(Reading(told["lines"], told["delimiter"], told["ignored"], problems, told["wrong"]), copied)
