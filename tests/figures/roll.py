"""An import of 25,000 lines: `python -m tests.figures.roll`; wanted are a minute and 300 MB at most."""

import asyncio
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from portal.rules.accounts import Role
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH
from tests.figures.crowd import let_in
from tests.figures.ground import Ground, ground
from tests.keys import Key
from tests.roll_files import HEADER

LINES = 25_000
WANTED_SECONDS, WANTED_MB = 60, 300


def file_of(lines: int, *, moved: int = 0, gone: int = 0) -> bytes:
    """Everybody of a union, the first of them moved, the last of them gone."""
    rows = (
        f"{910_000 + n};Prénom{n};Nom de famille {n};m{910_000 + n}@exemple.test;"
        f'"{n}, rue du Théâtre{" prolongée" if n < moved else ""}";Gatineau;QC;J8X 1A1;{("EC", "TR", "BdP")[n % 3]};'
        f"{'cotisant' if n % 20 == 0 else 'membre'};{('fr', 'en')[n % 2]}"
        for n in range(lines - gone)
    )
    return "\n".join([HEADER, *rows, ""]).encode()


def processes() -> Iterator[tuple[str, int]]:
    """The portal's own, children of this one: name and number."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                said = (entry / "cmdline").read_bytes().decode().split("\0")
                parent = re.search(r"PPid:\s+(\d+)", (entry / "status").read_text())
            except OSError:
                continue
            if parent and int(parent[1]) == os.getpid() and "-m" in said and said[2] in ("api", "worker"):
                yield " ".join(said[2:4]).strip(), int(entry.name)


def peaks() -> dict[str, float]:
    """The most memory each has ever had, in MB."""
    found = {}
    for name, number in processes():
        most = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{number}/status").read_text())
        found[name] = int(most[1]) / 1024 if most else 0.0
    return found


def check(file: Path) -> None:
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "portal", "roll", "check", str(file)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    said = child.stdout.read().decode().strip()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - began
    busy = used.ru_utime + used.ru_stime
    most, what = used.ru_maxrss / 1024, said.rpartition("/")[2]
    print(f"  roll check {took:.1f} s ({busy:.1f} s of processor), {most:.0f} MB: {what}")


class Operator:
    """Somebody at the desk, over HTTP."""

    def __init__(self, there: Ground) -> None:
        self.there = there
        self.cookie = ""

    async def post(self, path: str, data: dict[str, str], **more: object) -> str:
        headers = {"Sec-Fetch-Site": "same-origin", "Cookie": self.cookie}
        answer = await self.there.http.post(path, data=data, headers=headers, timeout=120, **more)  # type: ignore[arg-type]
        assert answer.status_code == 303, (path, answer.status_code, answer.text[:2000])
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].split(";")[0]
        return str(answer.headers["location"])

    async def sign_in(self, email: str) -> None:
        """The password, then one of the tests' keys."""
        factor = await self.post("/fr/connexion", {"email": email, "password": PASSWORD})
        token = await self.field(await self.get(factor), "form_token")
        headers = {"Sec-Fetch-Site": "same-origin", "Cookie": self.cookie}
        told = await self.there.http.post(f"{factor}/defi", data={"form_token": token}, headers=headers)
        await self.post(factor, {"form_token": token, "answer": Key().sign(told.json(), self.there.origin)})

    async def get(self, path: str) -> str:
        answer = await self.there.http.get(path, headers={"Cookie": self.cookie}, timeout=120)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    async def field(self, page: str, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]+)"', page)
        assert found, name
        return found[1]

    async def upload(self, content: bytes) -> tuple[str, str]:
        """Upload and preview; the page, and where it is."""
        token = await self.field(await self.get("/fr/liste"), "form_token")
        began = time.perf_counter()
        where = await self.post("/fr/liste", {"form_token": token}, files={"file": ("liste.csv", content, "text/csv")})
        uploaded = time.perf_counter()
        page = await self.get(where)
        seen = time.perf_counter()
        print(f"  upload {uploaded - began:.1f} s, preview {seen - uploaded:.1f} s: {counts(page)}")
        return page, where

    async def confirm(self, page: str, where: str) -> None:
        form = {
            "form_token": await self.field(page, "form_token"), "seen": await self.field(page, "seen"),
            "doubts": "yes",
        }  # fmt: skip
        began = time.perf_counter()
        await self.post(f"{where}/confirmation", form)
        confirmed = time.perf_counter()
        while "Import terminé le" not in (page := await self.get(where)):
            assert time.perf_counter() - began < 300, "it never ended"
            await asyncio.sleep(0.2)
        done = time.perf_counter()
        print(
            f"  confirm {confirmed - began:.1f} s, import {done - began:.1f} s in all"
            f" (≤ {WANTED_SECONDS}): {counts(page)}"
        )


def counts(page: str) -> str:
    return ", ".join(f"{what} {count}" for what, count in re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page))


async def looked_at(there: Ground, token: str, until: asyncio.Event) -> list[float]:
    """A member's home page, again and again, while something else goes on."""
    took = []
    while not until.is_set():
        answer = await asyncio.to_thread(
            there.get, "/fr/accueil", {"Cookie": f"__Host-session={token}", "Host": there.host}
        )
        assert answer[1] == 200
        took.append(answer[0])
        await asyncio.sleep(random.uniform(0.01, 0.04))
    return sorted(took)


async def rolls(there: Ground, folder: Path) -> None:
    print(f"\nAn import of {LINES:,} lines")
    file = folder / "liste.csv"
    file.write_bytes(file_of(LINES))
    check(file)
    async with there.sessions.begin() as session:
        account = await builders.a_staff_account(session, Role.OPERATOR, password_hash=PASSWORD_HASH)
        await builders.a_member(session, email="m9@exemple.test", password_hash=PASSWORD_HASH)
    assert account.email is not None
    desk = Operator(there)
    await desk.sign_in(account.email)
    at_rest = peaks()
    tokens = await let_in(there.sessions, 1)
    for title, content in (
        ("everybody new", file_of(LINES)),
        ("1,000 moved, 100 gone", file_of(LINES, moved=1000, gone=100)),
        ("the same again", file_of(LINES, moved=1000, gone=100)),
    ):
        print(f" {title}")
        over = asyncio.Event()
        looking = asyncio.create_task(looked_at(there, tokens[0], over))
        page, where = await desk.upload(content)
        if "rien à importer" not in page:
            await desk.confirm(page, where)
        over.set()
        took = await looking
        p95 = took[int(len(took) * 0.95)]
        print(f"  a member's home meanwhile: p50 {statistics.median(took):.0f} ms, p95 {p95:.0f} ms")
    for name, most in peaks().items():
        print(f"  {name:<20} {most:.0f} MB at most (≤ {WANTED_MB}), {at_rest[name]:.0f} MB before")


async def main() -> None:
    print(f"Machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        async with ground(folder) as there:
            async with there.sessions.begin() as session:
                await builders.a_campaign(session)
            await rolls(there, folder)
    print(f"Load at the end {os.getloadavg()[0]:.2f}")
    await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(main())
