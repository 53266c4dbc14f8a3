"""Takes every picture anew, or says with `--check` whether the pages still say what their pictures show."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import async_playwright

from api.guide import SCALE
from deploy.servers import start_temporal
from tests.conftest import running_servers
from tests.guide import words
from tests.guide.camera import PICTURES
from tests.guide.story import Story
from tests.journeys.browser import launch
from tests.journeys.stack import Stack

DATABASE = "guide"


async def told(folder: Path, scale: float | None) -> words.Words:
    """The story through servers, worker and pages of its own."""
    async with AsyncExitStack() as around:
        servers = around.enter_context(running_servers(folder / "servers"))
        servers.postgres.create_database(DATABASE, template="template_scrutin")
        stack = Stack(servers, start_temporal(folder / "temporal"), folder / "portal", DATABASE)
        around.push_async_callback(stack.close)
        playwright = await around.enter_async_context(async_playwright())
        browser = await launch(playwright)
        around.push_async_callback(browser.close)
        return await Story(stack, browser, scale).tell()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.guide", description=__doc__)
    parser.add_argument("--check", action="store_true", help="take nothing; fail if a picture is no longer true")
    check = parser.parse_args().check
    folder = Path(tempfile.mkdtemp(prefix="scrutin-guide-"))
    try:
        # PostgreSQL does not run as root.
        folder.chmod(0o755)
        (folder / "servers").mkdir()
        if not check:
            shutil.rmtree(PICTURES, ignore_errors=True)
        seen = asyncio.run(told(folder, None if check else SCALE))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not check:
        words.store(seen)
        return 0
    moved = words.difference(seen)
    sys.stdout.write(f"{moved}\nThe pages have moved on: run `make guide`.\n" if moved else "Every picture is true.\n")
    return 1 if moved else 0


if __name__ == "__main__":
    sys.exit(main())
