"""What the portal writes about itself: which page, how long; never a secret, never a person."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import structlog

from deploy.processes import free_port
from portal.rules.accounts import ADDRESS_LIMIT
from portal.settings import Settings
from portal.store import Sessions
from tests import builders
from tests.api.conftest import PASSWORD, Visit
from tests.api.looking import activating, code_in, known, link_in, mails_to, token_of
from tests.conftest import Running, Servers

FRESH = "un tout autre bateau à voiles mauves"


def environment(settings: Settings, **more: object) -> dict[str, str]:
    """These settings as the environment of a process of its own."""
    found = {}
    for name, field in Settings.model_fields.items():
        value = more.get(name, getattr(settings, name))
        shown = value.get_secret_value() if hasattr(value, "get_secret_value") else value
        found[str(field.validation_alias or f"PORTAL_{name.upper()}")] = str(shown)
    return {**os.environ, **found}


@contextmanager
def served(settings: Settings, folder: Path) -> Iterator[tuple[str, Path]]:
    """`python -m api`, as in production, with everything it writes in one file."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    log = folder / "api.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "api"], stdout=written, stderr=subprocess.STDOUT,
            env=environment(settings, origin=origin, api_port=port, log_level="DEBUG"),
        )  # fmt: skip
        try:
            end = time.monotonic() + 30
            while True:
                try:
                    if httpx.get(f"{origin}/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    assert process.poll() is None, log.read_text()
                    assert time.monotonic() < end, log.read_text()
                time.sleep(0.1)
            yield origin, log
        finally:
            process.terminate()
            process.wait(15)


def form(headers: dict[str, str] | None = None, **fields: str) -> dict[str, Any]:
    return {"data": fields, "headers": {"Sec-Fetch-Site": "same-origin", **(headers or {})}}


async def test_the_real_web_process_writes_no_token_no_password_and_no_person(
    running: Running, servers: Servers, sessions: Sessions, api_settings: Settings, tmp_path: Path
) -> None:
    """T106, T107, T08: uvicorn's own lines, ours at DEBUG, and those about what went wrong."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    who = await known(sessions, family_name="Bourgeoys")
    secrets = [who.email, PASSWORD, FRESH, who.member.family_name, "fautif"]
    with served(api_settings, tmp_path) as (origin, log):
        async with httpx.AsyncClient(base_url=origin, timeout=30) as client:
            await client.post("/fr/mot-de-passe/renouveler", **form(email=who.email))
            link = link_in((await mails_to(servers, who.email, "Renouvelez"))[0])
            token = link.partition("=")[2]
            secrets.append(token)
            for address in (link, f"/nulle-part?jeton={token}", f"/fr/connexion?jeton={token}", f"/{token}"):
                await client.get(address)
            await client.head(link)
            wrong = [
                form(token=token, password="fautif", again="fautif"),
                form(token=token, password=FRESH, again=FRESH, role="operator"),
                form(token=token * 3, password=FRESH * 100, again=FRESH),
            ]
            for sent in wrong:
                answer = await client.post("/fr/mot-de-passe/nouveau", **sent)
                assert answer.status_code == 422
                for typed in (FRESH, ">fautif", '"fautif'):
                    assert typed not in answer.text
            answer = await client.post("/fr/mot-de-passe/nouveau", **form(token=token, password=FRESH, again=FRESH))
            assert answer.status_code == 303
            await client.post("/fr/connexion", **form(email=who.email, password=PASSWORD))
            answer = await client.post("/fr/connexion", **form(email=who.email, password=FRESH))
            cookie = re.search(r"__Host-session=([^;]+)", answer.headers["set-cookie"])
            assert cookie is not None
            secrets.append(cookie.group(1))
            headers = {"Cookie": f"__Host-session={cookie.group(1)}"}
            page = await client.get("/fr/profil/etat?a=b", headers=headers)
            assert page.status_code in (200, 303, 422)
            assert "server" not in page.headers
            injected = 'a@exemple.test\n{"event": "signed-in"}\x1b[31m'
            await client.post("/fr/connexion", **form(email=injected, password="x"))
            forged = [
                form(email="p@exemple.test", headers={"X-Forwarded-For": f"198.51.100.{i}"})
                for i in range(ADDRESS_LIMIT.most)
            ]
            again = "/fr/mot-de-passe/renouveler"
            statuses = [a.status_code for a in await asyncio.gather(*(client.post(again, **sent) for sent in forged))]
            assert set(statuses) == {200, 429}, "a header makes nobody somebody else"
        written = log.read_text()
    assert "route=sign-in.fr" in written or '"route": "sign-in.fr"' in written, "our own line is there"
    for secret in secrets:
        assert secret not in written
        assert secret.split("@")[0] not in written
    for line in ("GET /fr", "jeton=", "?a=b", "Traceback", "signed-in", "\x1b[31m"):
        assert line not in written, line


HOSTILE = 'a\n{"event":"login_ok"}\r\n\x1b[31mrouge\u202eegdirc\u2028'


async def test_what_is_typed_neither_begins_a_line_nor_dresses_one_up(
    running: Running, sessions: Sessions, api_settings: Settings, tmp_path: Path
) -> None:
    """T105: line breaks, colours, directions and false entries, in a form, an address and a header."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    with served(api_settings, tmp_path) as (origin, log):
        async with httpx.AsyncClient(base_url=origin, timeout=30) as client:
            await client.post("/fr/connexion", **form(email=HOSTILE, password=HOSTILE))
            await client.post("/fr/mot-de-passe/renouveler", **form(email=HOSTILE))
            await client.get("/fr/" + quote(HOSTILE))
            await client.get("/fr/connexion", headers={"User-Agent": '{"event":"login_ok"}'})
        lines = log.read_text().splitlines()
    said = [json.loads(line) for line in lines]
    assert len(said) > 3
    assert "login_ok" not in {line["event"] for line in said}
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202a-\u202e\u2028]", log.read_text())


def test_a_hostile_word_that_is_logged_all_the_same_stays_in_its_string() -> None:
    """T105: ours, and what a library logs."""
    program = (
        "import logging, structlog; from portal import logs; logs.configure('INFO');"
        f"structlog.get_logger().info('ours', typed={HOSTILE!r});"
        f"logging.getLogger('theirs').warning('%s', {HOSTILE!r}); structlog.get_logger().debug('not shown')"
    )
    written = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    ours, theirs = (json.loads(line) for line in written.splitlines())
    assert (ours["event"], ours["typed"]) == ("ours", HOSTILE)
    assert (theirs["event"], theirs["logger"]) == (HOSTILE, "theirs")
    assert written.isascii()
    assert b"\x1b" not in written


async def test_a_whole_activation_leaves_no_secret_in_any_log(
    visit: Visit,
    sessions: Sessions,
    servers: Servers,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """T106, T107: pages, workflow, activities and relay together; the code and the number are secrets too."""
    async with sessions.begin() as session:
        await builders.a_campaign(session)
    caplog.set_level("DEBUG")
    caplog.set_level("WARNING", "asyncio")
    person, who = await activating(sessions, visit, family_name="Bourgeoys")
    cookies = [token_of(person)]
    await person.submit("/profil/courriel")
    mail = (await mails_to(servers, who.email, "Confirmez"))[0]
    await person.get(link_in(mail))
    await person.get("/fr/mot-de-passe/premier")
    await person.submit("/profil/code", code=code_in(mail))
    for password, again in (("fautif fautif", "fautif fautif"), (FRESH, "autre"), (FRESH, FRESH)):
        await person.submit("mot-de-passe/premier", password=password, again=again)
        assert password not in person.response.text
    assert person.page.h1 == ["Portail des membres – page d'accueil"]
    cookies.append(token_of(person))
    structlog.get_logger().info("the-end")
    written = "".join(capfd.readouterr()) + caplog.text
    assert "the-end" in written, "the log is read here"
    code = code_in(mail)
    number = re.compile(rf"\b{who.member.number}\b")
    for secret in (link_in(mail).partition("=")[2], *cookies, FRESH, "fautif", who.email, "Bourgeoys", code):
        assert secret not in written, secret
    assert re.sub(r"\s", "", code) not in re.findall(r"\b\d{6}\b", written)
    assert not number.search(written)
