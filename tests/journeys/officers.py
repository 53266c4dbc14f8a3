"""Three officers of a vote: their files and commands in a folder of their own, and what they do on the portal."""

import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser

from deploy.state import PROJECT
from portal.ceremony.keys import open_officer, unlock
from portal.rules.accounts import Role
from portal.rules.vote_files import read_election, read_shares
from tests.journeys.people import Town, cookie_of
from tests.journeys.tab import Tab, visiting
from tests.node import executable

PHRASES = ("la clef des champs de ble 1670", "une clef sous le paillasson 1668", "la clef de voute du scrutin")
CODES = ("officer-1", "officer-2", "officer-3")


@dataclass
class Officers:
    """The third holds a key and is not there when the votes are counted."""

    town: Town
    chromium: Browser
    folder: Path
    campaign: str
    cookies: list[str] = field(default_factory=list)

    async def enter(self) -> None:
        """The first two, at the portal."""
        self.cookies = [cookie_of(await self.town.staff(Role.OFFICER)) for _ in range(2)]

    @asynccontextmanager
    async def at_the_portal(self, number: int, page: str = "") -> AsyncIterator[Tab]:
        """One of them, on a page of the campaign."""
        async with visiting(self.chromium, self.town.stack.origin, "fr") as visitor:
            await visitor.become(self.cookies[number])
            tab = await visitor.tab()
            await tab.go(f"/fr/campagne/{self.campaign}{page}")
            yield tab

    # --- in a shell, on a machine of theirs

    def hold_ceremony(self) -> str:
        """Three pairs of keys, the key of the election, and a trial of it; what the command said of the key."""
        self.folder.mkdir(mode=0o700)
        for code, phrase in zip(CODES, PHRASES, strict=True):
            (self.folder / f"{code}.txt").write_text(f"{phrase}\n")
            self.ceremony("officer", code, "--out", ".", "--passphrase-file", f"{code}.txt")
        public = [f"{code}.pub.json" for code in CODES]
        said = self.ceremony("key", "--campaign", self.campaign, "--officers", *public, "--out", ".")
        for two in ((0, 1), (1, 2)):
            self.ceremony("try", *self._keys(two))
        return said

    def sign_and_count(self, urn: str) -> tuple[Path, Path]:
        """By the first two, the third being away: the result of the one program and that of the other."""
        signed = [f"{urn.removesuffix('.json')}.sig-{code}.json" for code in CODES[:2]]
        self.ceremony("sign", urn, *self._keys((0, 1)))
        self.ceremony("check", urn, "--election", "election.json", "--signatures", *signed, rehearsal=False)
        count = ["--urn", urn, "--signatures", *signed, *self._keys((0, 1))]
        self.ceremony("open", *count, "--out", "result.json")
        self._run([executable(), str(PROJECT / "deploy" / "count.mjs"), *count, "--out", "again.json", "--rehearsal"])
        return self.folder / "result.json", self.folder / "again.json"

    def key(self) -> bytes:
        """What two of them open and the portal never sees: the private half of the key, to be looked for there."""
        election = read_election("election.json", (self.folder / "election.json").read_bytes())
        shares = read_shares("shares.json", (self.folder / "shares.json").read_bytes())
        two = [
            open_officer(code, (self.folder / f"{code}.key.pem").read_bytes(), phrase.encode(), election)
            for code, phrase in zip(CODES[:2], PHRASES[:2], strict=True)
        ]
        return unlock(election, shares, two).private_numbers().private_value.to_bytes(32)

    def ceremony(self, *words: str, rehearsal: bool = True) -> str:
        connected = ["--rehearsal"] if rehearsal else []
        return self._run([sys.executable, "-m", "portal", "ceremony", *words, *connected])

    def _keys(self, two: Sequence[int]) -> list[str]:
        named = ((f"{CODES[at]}.key.pem", f"{CODES[at]}.txt") for at in two)
        return [word for key, phrase in named for word in ("--officer", key, "--passphrase-file", phrase)]

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"}, check=False,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    # --- on the portal

    async def set_key(self) -> str:
        """One sends election.json, the other compares and confirms; what both read of the key."""
        async with self.at_the_portal(0, "/cle") as tab:
            await tab.page.set_input_files("#file", self.folder / "election.json")
            await tab.press("Proposer cette clé")
        await self.confirm()
        async with self.at_the_portal(1, "/cle") as tab:
            return await tab.words()

    async def seal(self) -> None:
        async with self.at_the_portal(0, "/urne") as tab:
            await tab.press("Proposer de sceller l'urne")
        await self.confirm()

    async def confirm(self) -> None:
        """The other of the two: what the first has proposed."""
        async with self.at_the_portal(1) as tab:
            await tab.follow("Voir la proposition et son effet")
            await tab.press("Confirmer et appliquer")

    async def fetch_urn(self) -> str:
        """Into their folder; its name."""
        async with self.at_the_portal(0, "/urne") as tab:
            async with tab.page.expect_download() as coming:
                await tab.page.get_by_role("link", name="Télécharger l'urne").click()
            download = await coming.value
            await download.save_as(self.folder / download.suggested_filename)
            return download.suggested_filename

    async def publish(self, first: Path, second: Path) -> str:
        """Each sends what they counted; what the second reads before, and after."""
        for number, result in enumerate((first, second)):
            async with self.at_the_portal(number, "/resultats") as tab:
                before = await tab.words()
                await tab.page.set_input_files("#file", result)
                if number:
                    # In one question everybody chose the same: the second reads it as well, and sends the file again.
                    async with tab.page.expect_navigation():
                        await tab.page.get_by_role("button", name="Envoyer ce résultat").click()
                    assert "dit ce que chaque personne a voté" in await tab.words()
                    # The console repeats that a form was refused.
                    tab.visitor.complaints.clear()
                    await tab.page.get_by_label("Je l'ai lu").check()
                    await tab.page.set_input_files("#file", result)
                await tab.press("Envoyer ce résultat")
                after = await tab.words()
        assert "Nous ne vous montrons pas le sien" in before
        return after
