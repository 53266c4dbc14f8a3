"""Which Node runs the second counter: `python -m tests.node` finds one, or gets one."""

import os
import re
import shutil
import subprocess
import sys

VARIABLE = "SCRUTIN_NODE"
# What Debian 12 has; what the counter needs came with 18.14.
OLDEST = (18, 14)
NONE = (
    f"There is no Node {OLDEST[0]}.{OLDEST[1]} or newer to count a second time with: give its path in {VARIABLE}, or "
    "install it with `apt-get install nodejs`."
)


def executable() -> str:
    """The one that was named, else the one on the PATH; a sentence that says what to do if there is none."""
    found = os.environ.get(VARIABLE) or shutil.which("node") or shutil.which("nodejs")
    if not found:
        raise FileNotFoundError(NONE)
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"v(\d+)\.(\d+)", told)
    if version is None or (int(version[1]), int(version[2])) < OLDEST:
        raise FileNotFoundError(f"{found} is {told.strip()}. {NONE}")
    return found


def main() -> int:
    """Debian's if there is none and we are root."""
    try:
        executable()
    except FileNotFoundError:
        if os.geteuid() == 0 and shutil.which("apt-get"):
            for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "nodejs"]):
                subprocess.run(command, check=False)
    try:
        executable()
    except FileNotFoundError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
