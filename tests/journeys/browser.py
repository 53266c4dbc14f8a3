"""Which Chromium the journeys use: `python -m tests.journeys.browser` finds one, or gets one."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.async_api import Browser, Playwright, async_playwright

VARIABLE = "SCRUTIN_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")

# It speaks to the portal and to nobody else.
FLAGS = (
    "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-quic",
)  # fmt: skip

NONE = (
    f"There is no Chromium to walk the journeys with: give its path in {VARIABLE}, or install one with "
    "`apt-get install chromium` or `python -m playwright install chromium`."
)


def installed() -> str | None:
    """The one that was named, else the one on the PATH."""
    named = os.environ.get(VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise FileNotFoundError(f"{VARIABLE}={named} is not a program that can be run.")
        return named
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def executable(playwright: Playwright) -> str:
    """The installed one, else Playwright's own; a sentence that says what to do if there is none."""
    found = installed() or playwright.chromium.executable_path
    if not Path(found).exists():
        raise FileNotFoundError(NONE)
    return found


async def launch(playwright: Playwright) -> Browser:
    # Chromium's sandbox needs a user other than root.
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    return await playwright.chromium.launch(
        executable_path=executable(playwright),
        args=flags,
        # What the Back button shows is ours to see.
        ignore_default_args=["--disable-back-forward-cache"],
    )


async def _present() -> bool:
    async with async_playwright() as playwright:
        try:
            executable(playwright)
        except FileNotFoundError:
            return False
    return True


def main() -> int:
    """Playwright's own if none is installed, else Debian's when we are root."""
    if installed() or asyncio.run(_present()):
        return 0
    tries = [[[sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"]]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        tries.append([["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "chromium"]])
    for commands in tries:
        if all(subprocess.run(command, check=False).returncode == 0 for command in commands):
            return 0
    sys.stderr.write(f"{NONE}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
