"""The object store, the mail server or PostgreSQL away: said plainly, nothing lost, made good when they are back."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from temporalio.client import Client

from api.app import create_app
from deploy.processes import free_port
from deploy.servers import start_mailbox, start_object_store
from portal.rules.identity import ERASURE_TARGET, STAGED_FOR
from portal.settings import Settings
from portal.store import Sessions
from portal.store.files import MinioFiles
from tests.api.conftest import PASSWORD, Visit, visits
from tests.api.test_bad_days_worker import a_worker, impatient, outbox, task_queue
from tests.api.test_documents import a_ready_member, send_card, signed_in
from tests.api.test_documents_access import a_desk, seen, statuses, take
from tests.api.test_journey import until
from tests.api.test_votes import approved, register, registered
from tests.conftest import Servers
from tests.store.cases import earlier
from workflows.sweep import SweepWorkflow

__all__ = ["task_queue"]


@asynccontextmanager
async def a_portal(
    client: Client, task_queue: str, api: Settings, worker: Settings, *, relay: bool = False
) -> AsyncIterator[Visit]:
    """A portal and its worker, each with settings of this test's own."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(a_worker(client, worker, task_queue, relay=relay))
        yield await stack.enter_async_context(visits(create_app(api, client=client, task_queue=task_queue)))


class Wire:
    """A wire to a server that can be cut and mended, and that can swallow one kind of request, or of answer."""

    def __init__(self, port: int, swallows: bytes | None = None) -> None:
        self.to = port
        self.port = free_port()
        self.swallows = swallows
        # An answer with these bytes never arrives: its server has done what was asked, and the connection ends.
        self.loses: bytes | None = None
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def cut(self) -> None:
        if self._server is not None:
            self._server.close()
        for end in list(self._ends):
            end.transport.abort()
        self._server = None
        await asyncio.sleep(0.05)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection("127.0.0.1", self.to)
        self._ends |= {writer, here}
        try:
            await asyncio.gather(self._pump(reader, here, self._swallowed), self._pump(there, writer, self._lost))
        finally:
            self._ends -= {writer, here}

    def _swallowed(self, piece: bytes) -> bool:
        return self.swallows is not None and piece.startswith(self.swallows)

    def _lost(self, piece: bytes) -> bool:
        return self.loses is not None and self.loses in piece

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gone: Callable[[bytes], bool]
    ) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65_536):
                if gone(piece):
                    writer.transport.abort()
                    break
                writer.write(piece)
                await writer.drain()
        with contextlib.suppress(OSError, RuntimeError):
            writer.close()

    def through(self, settings: Settings) -> Settings:
        """The same settings, reaching the records by this wire."""
        url = settings.database_url.get_secret_value()
        return settings.model_copy(update={"database_url": SecretStr(url.replace(f":{self.to}/", f":{self.port}/"))})


@asynccontextmanager
async def a_wire(port: int, swallows: bytes | None = None) -> AsyncIterator[Wire]:
    wire = Wire(port, swallows)
    await wire.mend()
    try:
        yield wire
    finally:
        await wire.cut()


def port_of(settings: Settings) -> int:
    return int(settings.database_url.get_secret_value().rpartition("/")[0].rpartition(":")[2])


# --- the object store --------------------------------------------------------------------------------------------


async def test_the_object_store_goes_away_and_comes_back(
    client: Client, sessions: Sessions, api_settings: Settings, worker_settings: Settings, task_queue: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    """T110: no upload is kept, nothing else is disturbed, and what an approval must delete is deleted afterwards."""
    bucket, port = api_settings.s3_bucket, free_port()

    def objects() -> object:
        return start_object_store(
            tmp_path / "s3", port, access_key=api_settings.s3_access_key,
            secret_key=api_settings.s3_secret_key.get_secret_value(), buckets=[bucket],
        )  # fmt: skip

    at = {"s3_endpoint": f"127.0.0.1:{port}"}
    api, worker = api_settings.model_copy(update=at), worker_settings.model_copy(update=at)
    store = objects()
    try:
        async with a_portal(client, task_queue, api, worker) as visit:
            person, _ = await signed_in(visit, sessions)
            assert await send_card(person) == 200
            picture = person.page.images[0]["src"]
            desk = await a_desk(visit, sessions)
            await take(desk)

            store.stop()  # type: ignore[attr-defined]
            other, _ = await signed_in(visit, sessions)
            assert await send_card(other) == 503
            assert other.page.h1 == ["Réessayez dans un moment"]
            assert "photo" in other.page.text
            assert "Réessayer" in other.page.text
            assert await statuses(sessions) == ["submitted"]
            assert (await seen(person, picture)).status_code == 503
            for address in ("/fr/accueil", "/fr/profil", "/fr/votes"):
                await person.get(address)
                assert person.response.status_code == 200, address
            assert await register(person) == 200

            await desk.decide("approve")
            assert "Votre décision est enregistrée" in desk.page.text

            async def approved_and_deleting() -> bool:
                await person.get("/fr/profil")
                return "Nous supprimons votre pièce d'identité en ce moment" in person.page.text

            await until(approved_and_deleting)
            assert "Identité confirmée" in person.page.text
            assert "a été supprimée le" not in person.page.text
            assert (await seen(person, picture)).status_code == 404

            store = objects()

            async def deleted() -> bool:
                await person.get("/fr/profil")
                return "a été supprimée le" in person.page.text

            await until(deleted)
            assert not [f for f in (tmp_path / "s3" / "objects" / bucket).rglob("*") if f.is_file()]
            assert await send_card(other) == 200
    finally:
        store.stop()  # type: ignore[attr-defined]


async def test_the_portal_starts_while_the_object_store_is_away(
    client: Client, sessions: Sessions, api_settings: Settings, worker_settings: Settings, task_queue: str
) -> None:
    api = api_settings.model_copy(update={"s3_endpoint": f"127.0.0.1:{free_port()}"})
    async with a_portal(client, task_queue, api, worker_settings) as visit:
        person, _ = await signed_in(visit, sessions, "en")
        assert await send_card(person) == 503
        assert person.page.lang == "en-CA"
        assert person.page.h1 == ["Please try again in a moment"]
        assert await statuses(sessions) == []
        assert (await person.client.get("/readyz")).status_code == 200


async def test_an_upload_the_store_failed_to_take_is_swept_away_later(
    client: Client, sessions: Sessions, api_settings: Settings, worker_settings: Settings, files: MinioFiles,
    servers: Servers, task_queue: str,
) -> None:  # fmt: skip
    """T57: written down before it was stored, so that whatever did arrive is found and erased."""
    async with a_wire(servers.objects.port, swallows=b"PUT ") as wire:
        api = api_settings.model_copy(update={"s3_endpoint": f"127.0.0.1:{wire.port}"})
        async with a_portal(client, task_queue, api, worker_settings) as visit:
            person, _ = await signed_in(visit, sessions)
            assert await send_card(person) == 503
            assert person.page.h1 == ["Réessayez dans un moment"]
            assert await statuses(sessions) == ["staged"]
            assert await files.stored() == []
            desk = await a_desk(visit, sessions)
            assert await take(desk) == []

            async def sweep() -> None:
                await client.execute_workflow(SweepWorkflow.run, id=f"sweep-{uuid4()}", task_queue=task_queue)

            await earlier(sessions, "submission", STAGED_FOR, "staged_at")
            await sweep()
            assert await statuses(sessions) == ["abandoned"]
            await earlier(sessions, "submission", ERASURE_TARGET, "over_at")
            await sweep()
            async with sessions.begin() as session:
                gone = await session.scalar(text("select count(*) from erasure"))
                keys = await session.scalar(text("select count(wrapped_key) from document"))
            assert (gone, keys) == (1, 0)
            wire.swallows = None
            assert await send_card(person) == 200
            assert await statuses(sessions) == ["abandoned", "submitted"]


# --- the mail server ---------------------------------------------------------------------------------------------


async def test_a_verification_mail_is_promised_while_the_mail_server_is_away_and_arrives_later(
    client: Client, sessions: Sessions, api_settings: Settings, worker_settings: Settings, files: MinioFiles,
    task_queue: str, tmp_path: Path,
) -> None:  # fmt: skip
    """T110: the mail server away."""
    smtp, http = free_port(), free_port()
    worker = worker_settings.model_copy(update={"smtp_port": smtp})
    async with a_portal(client, task_queue, api_settings, worker, relay=True) as visit:
        _, email = await a_ready_member(sessions, verified=False)
        person = visit()
        await person.sign_in(email, PASSWORD)
        await person.get("/fr/profil")
        await person.submit("/profil/courriel")
        assert person.response.status_code == 200
        assert "Nous vous avons envoyé un courriel" in person.page.text
        await asyncio.sleep(1)
        assert await outbox(sessions) == 1
        mailbox = start_mailbox(tmp_path / "mailbox", smtp, http)
        try:

            async def arrived() -> bool:
                return len(mailbox.messages(to=email)) == 1

            await until(arrived, within=20)
            async with sessions.begin() as session:
                assert await session.scalar(text("select count(*) from outbox where failed_at is not null")) == 0
        finally:
            mailbox.stop()


# --- PostgreSQL --------------------------------------------------------------------------------------------------


async def test_without_the_records_every_page_says_so_and_comes_back_with_them(
    client: Client, sessions: Sessions, api_settings: Settings, worker_settings: Settings, files: MinioFiles,
    task_queue: str, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """T110: 503 in the reader's language, not a word of the machinery, and everybody is still signed in afterwards."""
    async with (
        a_wire(port_of(api_settings)) as wire,
        a_portal(client, task_queue, wire.through(api_settings), worker_settings) as visit,
    ):
        person, _ = await signed_in(visit, sessions)
        await person.get("/fr/profil/identite")
        nobody = visit("en")
        await nobody.get("/en/sign-in")

        await wire.cut()
        for address in ("/fr/accueil", "/fr/profil", "/fr/votes", "/fr/examen", "/fr/operations", "/en/home"):
            await person.get(address)
            title = "Please try again in a moment" if address.startswith("/en") else "Réessayez dans un moment"
            assert person.response.status_code == 503, address
            assert person.page.h1 == [title], address
            assert person.response.headers["retry-after"]
            for word in ("Traceback", "psycopg", "sqlalchemy", "OperationalError", "127.0.0.1", "select "):
                assert word not in person.response.text, address
        await nobody.submit("sign-in", email="somebody@exemple.test", password=PASSWORD)
        assert nobody.response.status_code == 503
        assert PASSWORD not in nobody.response.text
        probe = visit()
        assert (await probe.client.get("/healthz")).status_code == 200
        assert (await probe.client.get("/readyz")).status_code == 503
        logged = capfd.readouterr()
        assert PASSWORD not in logged.out + logged.err

        await wire.mend()
        assert (await probe.client.get("/readyz")).status_code == 200
        assert await send_card(person) == 200
        assert await statuses(sessions) == ["submitted"]


async def test_a_step_whose_worker_cannot_reach_the_records_is_done_when_it_can(
    client: Client, sessions: Sessions, api_settings: Settings, worker_settings: Settings, files: MinioFiles,
    task_queue: str,
) -> None:  # fmt: skip
    """T110: accepted, then the records go: the page says «not yet», and the step is taken by itself later."""
    _, email = await a_ready_member(sessions)
    await approved(sessions)
    async with (
        a_wire(port_of(worker_settings)) as wire,
        a_portal(client, task_queue, impatient(api_settings), wire.through(worker_settings)) as visit,
    ):
        person = visit()
        await person.sign_in(email, PASSWORD)
        await wire.cut()
        assert await register(person) == 202
        assert person.page.h1 == ["Un instant"]
        assert await registered(sessions) == []
        again = person.page.form("/votes/inscription")
        await wire.mend()

        async def done() -> bool:
            return len(await registered(sessions)) == 7

        await until(done)
        await person.post(again.action, again.fields)
        assert "C'est fait" in person.page.text
        assert await outbox(sessions) == 1
