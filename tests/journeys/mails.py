"""What arrived in the mailbox."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from deploy.servers import Mailbox


async def until(look: Callable[[], Awaitable[bool]], within: float = 15.0, *, what: str = "it") -> None:
    """Wait for something that happens by itself."""
    end = asyncio.get_running_loop().time() + within
    while not await look():
        assert asyncio.get_running_loop().time() < end, f"{what} never happened"
        await asyncio.sleep(0.1)


async def mail_to(mailbox: Mailbox, email: str, subject: str, within: float = 15.0) -> dict[str, Any]:
    """The newest mail to this address with these words in its subject."""
    found: list[dict[str, Any]] = []

    async def arrived() -> bool:
        found[:] = [m for m in await asyncio.to_thread(mailbox.messages, email) if subject in str(m["subject"])]
        return bool(found)

    await until(arrived, within, what=f"the mail «{subject}»")
    return found[-1]


def code_in(mail: dict[str, Any]) -> str:
    """The six digits, as they are printed."""
    code = re.search(r"\b\d{3}\s\d{3}\b", str(mail["text"]))
    assert code is not None, "a verification mail without a code"
    return code.group(0)
