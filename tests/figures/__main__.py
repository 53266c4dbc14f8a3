"""Prints the figures of docs/figures.md: counts that are exact, and ratios within this one run."""

import argparse
import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

from playwright.async_api import async_playwright
from sqlalchemy import text

from api.passwords import Passwords
from deploy.specimens import specimen_card
from portal.rules.accounts import Purpose, Role
from portal.rules.links import code_of
from portal.store import accounts, links
from tests import builders
from tests.api.conftest import PASSWORD, PASSWORD_HASH
from tests.figures import calendar, crowd, opening, votes
from tests.figures import desk as review_desk
from tests.figures.floor import QUEUE as FLOOR_QUEUE
from tests.figures.floor import WORKFLOW_ID, FloorWorkflow, one_step
from tests.figures.ground import Ground, ground
from tests.figures.weight import table
from tests.journeys.browser import launch
from tests.keys import Key
from workflows.messages import workflow_id

SECRET = ("figures" * 6).encode()
PAIRS = 7
MEMBERS_PAGES = (
    "/fr/accueil", "/fr/profil", "/fr/votes", "/fr/profil/identite", "/fr/dossier", "/fr/messages", "/fr/guide",
    "/fr/profil/etat",
)  # fmt: skip
# What a person takes at the very least between two pages.
PAUSE = 0.3
FORM = "application/x-www-form-urlencoded"


async def timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return (time.perf_counter() - began) * 1000


class Member:
    """A member on the ground, signed in over HTTP."""

    def __init__(self, there: Ground, member_id: object, email: str) -> None:
        self.there = there
        self.member_id = member_id
        self.email = email
        self.cookie = ""

    async def post(self, path: str, data: dict[str, str], **more: object) -> object:
        answer = await self.there.http.post(
            path,
            data=data,
            headers={"Sec-Fetch-Site": "same-origin", "Cookie": self.cookie},
            **more,  # type: ignore[arg-type]
        )
        assert answer.status_code == 303, (path, answer.status_code, answer.text[-800:])
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].split(";")[0]
        return answer

    async def page(self, path: str) -> str:
        answer = await self.there.http.get(path, headers={"Cookie": self.cookie})
        return answer.text

    async def sign_in(self) -> None:
        answer = await self.post("/fr/connexion", {"email": self.email, "password": PASSWORD})
        factor = "/fr/connexion/cle"
        if answer.headers["location"] != factor:  # type: ignore[attr-defined]
            return
        # Of the staff: with one of the tests' keys.
        found = re.search(r'name="form_token" value="([^"]+)"', await self.page(factor))
        assert found, "asked for a key"
        told = await self.there.http.post(
            f"{factor}/defi", data={"form_token": found[1]},
            headers={"Sec-Fetch-Site": "same-origin", "Cookie": self.cookie},
        )  # fmt: skip
        signed = Key().sign(told.json(), self.there.origin)
        await self.post(factor, {"form_token": found[1], "answer": signed})

    async def token(self) -> str:
        found = re.search(r'name="form_token" value="([^"]+)"', await self.page("/fr/profil"))
        assert found, "signed in"
        return found.group(1)


async def step(one: Member, path: str, data: dict[str, str]) -> float:
    """One form of a member sent, and how long its answer took."""
    headers = {"Sec-Fetch-Site": "same-origin", "Cookie": one.cookie, "Host": one.there.host}
    took, cookie = posted(one.there.wire, path, data, headers)
    if cookie is not None:
        one.cookie = cookie.split(";")[0]
    return took


def posted(wire: HTTPConnection, path: str, data: dict[str, str], headers: dict[str, str]) -> tuple[float, str | None]:
    """How long a form's answer took, in ms, and its cookie.

    Over a bare connection that is open, as a browser's is: a client that takes milliseconds to write a request would
    be measured with the page.
    """
    body = urlencode(data)
    # The server hangs up on whoever is silent for long.
    wire.close()
    wire.connect()
    began = time.perf_counter()
    wire.request("POST", path, body, {**headers, "Content-Type": FORM})
    answer = wire.getresponse()
    answer.read()
    took = (time.perf_counter() - began) * 1000
    assert answer.status == 303, (path, answer.status)
    return took, answer.headers.get("set-cookie")


async def a_member(there: Ground, *, verified: bool = False) -> Member:
    async with there.sessions.begin() as session:
        member = await builders.a_member(session, password_hash=PASSWORD_HASH, verified=verified)
        account = await accounts.of_member(session, member.id)
        assert account is not None and account.email is not None
        # Everybody here signs in from one address, more often than sixty times in ten minutes.
        await session.execute(text("delete from attempt"))
    signed = Member(there, member.id, account.email)
    await signed.sign_in()
    return signed


async def confirm(there: Ground, one: Member, token: str) -> float:
    """Ask for the mail, and time typing its code: one update, one local activity, one commit."""
    await one.post("/fr/profil/courriel", {"form_token": token, "key": str(uuid4())})
    async with there.sessions.begin() as session:
        account = await accounts.of_member(session, one.member_id)  # type: ignore[arg-type]
        assert account is not None
        link = await links.newest(session, account.id, Purpose.VERIFICATION)
        assert link is not None
    code = code_of(SECRET, link.id)
    # Nobody types the code of a mail that is still being written.
    await asyncio.sleep(PAUSE)
    return await step(one, "/fr/profil/code", {"form_token": token, "code": code})


async def steps(there: Ground) -> None:
    """A member's step over HTTP beside a bare update, alternating; and the same with a password."""
    await there.client.start_workflow(FloorWorkflow.run, id=WORKFLOW_ID, task_queue=FLOOR_QUEUE)
    for _ in range(10):
        await one_step(there.client, WORKFLOW_ID)
    hashing = Passwords(15)
    bare, sent, confirmed, registered, argon2 = [], [], [], [], []
    for _ in range(PAIRS):
        floor, barest, hashes, mails, codes, rights = [], [], [], [], [], []
        for _ in range(5):
            one = await a_member(there)
            token = await one.token()
            # The floor in the same rhythm: after a pause and other work, as a member comes.
            floor.append(await timed(lambda: one_step(there.client, WORKFLOW_ID)))
            await asyncio.sleep(PAUSE)
            with hashing.place() as place:
                hashes.append(await timed(partial(place.matches, PASSWORD, PASSWORD_HASH)))
            await asyncio.sleep(PAUSE)
            barest.append(posted(there.barest, "/step", {"key": str(uuid4())}, {})[0])
            await asyncio.sleep(PAUSE)
            mails.append(await step(one, "/fr/profil/courriel", {"form_token": token, "key": str(uuid4())}))
            two = await a_member(there)
            codes.append(await confirm(there, two, await two.token()))
            await upload(two)
            token = await two.token()
            await asyncio.sleep(PAUSE)
            form = {"form_token": token, "key": str(uuid4()), "password": PASSWORD}
            rights.append(await step(two, "/fr/votes/pension/inscription", form))
        low, hashed = statistics.median(floor), statistics.median(hashes)
        argon2.append(hashed)
        bare.append((statistics.median(barest), low))
        sent.append((statistics.median(mails), low))
        confirmed.append((statistics.median(codes), low))
        registered.append((statistics.median(rights), low + hashed))
    print(
        "\nA member's step through HTTP, p50 in ms, beside a bare update + local activity"
        f" (argon2: {statistics.median(argon2):.0f} ms)"
    )
    for name, pairs in (
        ("the barest page", bare),
        ("send verification", sent),
        ("type the code", confirmed),
        ("register, with password", registered),
    ):
        ratios = sorted(a / b for a, b in pairs)
        product = statistics.median(a for a, _ in pairs)
        floor_ms = statistics.median(b for _, b in pairs)
        print(
            f"  {name:<26} {product:6.1f} against {floor_ms:6.1f}   ratio {statistics.median(ratios):.2f}"
            f"  (from {ratios[0]:.2f} to {ratios[-1]:.2f}, {len(pairs)} pairs)"
        )


async def upload(one: Member) -> None:
    answer = await one.post(
        "/fr/profil/identite", {"form_token": await one.token(), "kind1": "driving-licence", "kind2": ""},
        files={"file1": ("a.jpg", specimen_card(), "image/jpeg")},
    )  # fmt: skip
    draft = answer.headers["location"].rpartition("/")[2]  # type: ignore[attr-defined]
    await one.post("/fr/profil/identite/envoi", {"form_token": await one.token(), "submission_id": draft})


async def whole(there: Ground, campaign_code: str) -> None:
    """Whole onboardings: counts from the server, and the time from the decision to the certificate on the page."""
    async with there.sessions.begin() as session:
        reviewer = await builders.a_staff_account(session, Role.REVIEWER, password_hash=PASSWORD_HASH)
        assert reviewer.email is not None
    desk = Member(there, None, reviewer.email)
    await desk.sign_in()
    waits = []
    for _ in range(5):
        one = await a_member(there)
        await confirm(there, one, await one.token())
        await upload(one)
        await one.post(
            "/fr/votes/inscription", {"form_token": await one.token(), "key": str(uuid4()), "password": PASSWORD}
        )
        waits.append(await decide(desk, one))
    print("\nDecision to «supprimée le…» on the member's page, in ms")
    print(f"  median {statistics.median(waits):.0f}, longest {max(waits):.0f} (target 2000)")
    handle = there.client.get_workflow_handle(workflow_id(campaign_code, one.member_id))  # type: ignore[arg-type]
    described = await handle.describe()
    info = described.raw_description.workflow_execution_info
    print("\nA complete onboarding with 7 ballots, registered with one password")
    print(
        f"  {info.history_length} events (≤ 80), {info.history_size_bytes} bytes (≤ 16384), "
        f"{info.state_transition_count} state transitions (≤ 22)"
    )


async def compares(reviewer: Member, path: str, data: dict[str, str]) -> None:
    """What was read on the picture; the answer is a page."""
    headers = {"Sec-Fetch-Site": "same-origin", "Cookie": reviewer.cookie}
    answer = await reviewer.there.http.post(path, data=data, headers=headers)
    assert answer.status_code == 200, answer.status_code


async def decide(desk: Member, one: Member) -> float:
    """Approve whatever is oldest until this member's case is decided; from the last decision to the page."""
    token = re.search(r'name="form_token" value="([^"]+)"', await desk.page("/fr/examen"))
    assert token
    while True:
        answer = await desk.post("/fr/examen", {"form_token": token.group(1)})
        where = answer.headers["location"]  # type: ignore[attr-defined]
        if "fait=" in where:
            raise AssertionError("nothing left to decide")
        began = time.perf_counter()
        read = {"form_token": token.group(1), "name": "Jean-Baptiste Poquelin"}
        await compares(desk, f"{where}/comparaison", read)
        await desk.post(f"{where}/decision", {"form_token": token.group(1), "verdict": "approve", "confirmed": "yes"})
        while time.perf_counter() - began < 20:
            if "a été supprimée le" in await one.page("/fr/accueil"):
                return (time.perf_counter() - began) * 1000
            if "Identité confirmée" not in await one.page("/fr/accueil") and time.perf_counter() - began > 1.5:
                break
            await asyncio.sleep(0.02)


async def weights(there: Ground) -> None:
    """The pages of a member on the way."""
    one = await a_member(there, verified=True)
    await upload(one)
    async with async_playwright() as playwright:
        await table(await launch(playwright), there.origin, one.cookie.partition("=")[2])


async def main() -> None:
    print(f"Machine: {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        async with ground(folder) as there:
            async with there.sessions.begin() as session:
                campaign = await builders.a_campaign(session)
            await steps(there)
            await whole(there, campaign.code)
            await weights(there)
            await crowd.pages(there, campaign, MEMBERS_PAGES)
            await review_desk.pages(there, campaign)
        with tempfile.TemporaryDirectory(dir=folder) as another:
            Path(another).chmod(0o755)
            await calendar.figures(Path(another), members=calendar.MEMBERS)
    # A vote in little; the whole of it takes half an hour, and goes by itself (docs/figures.md).
    await votes.main(argparse.Namespace(members=300, bare=500, pages=500, surge=0, senders=16))
    await asyncio.to_thread(opening.main, 1000)
    print(f"\nLoad at the end {os.getloadavg()[0]:.2f}")
    await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(main())
