"""No worker: every step says so within its deadline, loses nothing, and is done once a worker is back."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text
from temporalio.client import Client

from api.app import create_app
from portal.settings import Settings
from portal.store import Sessions
from portal.store.files import MinioFiles
from tests.api.conftest import PASSWORD, Visit, visits
from tests.api.test_documents import CARD, a_file, a_ready_member, send_card, signed_in
from tests.api.test_documents_access import a_desk, statuses, take
from tests.api.test_journey import until
from tests.api.test_votes import WRONG, approved, registered
from worker.app import build_means, build_worker
from workflows.relay import RelayWorkflow


def impatient(settings: Settings, **more: object) -> Settings:
    """The same portal, whose pages wait for a second only."""
    return settings.model_copy(update={"answer_seconds": 1.0, **more})


@asynccontextmanager
async def a_worker(client: Client, settings: Settings, task_queue: str, *, relay: bool = False) -> AsyncIterator[None]:
    """A worker for as long as it is needed; with a relay if mails or decisions are to leave."""
    means = build_means(settings, client, task_queue)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(means.close)
        await stack.enter_async_context(build_worker(client, means.activities, task_queue=task_queue))
        if relay:
            handle = await client.start_workflow(RelayWorkflow.run, id=f"relay-{uuid4()}", task_queue=task_queue)
            stack.push_async_callback(handle.terminate)
        yield


@pytest.fixture
def task_queue() -> str:
    return f"q-{uuid4().hex[:8]}"


@pytest_asyncio.fixture
async def lonely(client: Client, api_settings: Settings, files: MinioFiles, task_queue: str) -> AsyncIterator[Visit]:
    """The portal with everything but a worker."""
    async with visits(create_app(impatient(api_settings), client=client, task_queue=task_queue)) as visit:
        yield visit


async def outbox(sessions: Sessions) -> int:
    async with sessions.begin() as session:
        return await session.scalar(text("select count(*) from outbox")) or 0


async def test_signing_in_and_reading_need_no_worker(lonely: Visit, sessions: Sessions) -> None:
    """The first sign-in would open the file; the member's next step opens it as well."""
    _, email = await a_ready_member(sessions)
    person = lonely()
    began = time.monotonic()
    await person.sign_in(email, PASSWORD)
    assert time.monotonic() - began < 10
    assert person.page.h1 == ["Portail des membres – page d'accueil"]
    for address in ("/fr/profil", "/fr/votes", "/en/home", "/fr/profil/identite", "/en/profile/status"):
        await person.get(address)
        assert person.response.status_code == 200, address


@pytest.mark.parametrize(
    ("language", "title", "button"),
    [("fr", "Un instant", "Demander la réponse"), ("en", "One moment", "Ask for the answer")],
)
async def test_a_verification_mail_is_promised_once_and_asked_for_again_by_the_page_itself(
    lonely: Visit, sessions: Sessions, client: Client, worker_settings: Settings, task_queue: str,
    language: str, title: str, button: str,
) -> None:  # fmt: skip
    person, _ = await signed_in(lonely, sessions, language, verified=False)
    profile, step = ("/fr/profil", "profil/courriel") if language == "fr" else ("/en/profile", "profile/email")
    await person.get(profile)
    await person.submit(step)
    assert person.response.status_code == 202
    assert person.page.h1 == [title]
    assert button in person.page.text
    assert person.page.lang == f"{language}-CA"
    assert await outbox(sessions) == 0
    # Asked again while nobody is there: the same page, and still one request.
    await person.submit(step)
    assert person.response.status_code == 202
    async with a_worker(client, worker_settings, task_queue):
        await person.submit(step)
        assert person.response.status_code == 200
        assert await outbox(sessions) == 1


async def test_what_was_asked_without_a_worker_is_done_by_itself_when_one_comes(
    lonely: Visit, sessions: Sessions, client: Client, worker_settings: Settings, task_queue: str
) -> None:
    """Nobody presses anything again."""
    person, _ = await signed_in(lonely, sessions, verified=False)
    await person.get("/fr/profil")
    await person.submit("/profil/courriel")
    assert person.response.status_code == 202
    async with a_worker(client, worker_settings, task_queue):

        async def sent() -> bool:
            return await outbox(sessions) == 1

        await until(sent)


async def test_documents_sent_without_a_worker_wait_sealed_and_are_submitted_by_the_same_form(
    lonely: Visit, sessions: Sessions, client: Client, worker_settings: Settings, files: MinioFiles, task_queue: str
) -> None:
    """Nothing half-saved: written down as staged, which the sweep knows, and not yet before any reviewer."""
    person, _ = await signed_in(lonely, sessions)
    assert await send_card(person) == 202
    assert person.page.h1 == ["Un instant"]
    assert await statuses(sessions) == ["staged"]
    assert len(await files.stored()) == 1
    again = person.page.form("/envoi")
    desk = await a_desk(lonely, sessions)
    assert await take(desk) == []
    async with a_worker(client, worker_settings, task_queue):
        await person.post(again.action, again.fields)
        assert person.response.status_code == 200
        assert "Document 1, reçu le" in person.page.text
        assert await statuses(sessions) == ["submitted"]
        # And once more, by a second click: the same answer.
        await person.post(again.action, again.fields)
        assert person.response.status_code == 200
    assert await statuses(sessions) == ["submitted"]
    assert len(await files.stored()) == 1


async def test_registering_without_a_worker_still_checks_the_password_and_renews_the_session(
    lonely: Visit, sessions: Sessions, client: Client, worker_settings: Settings, task_queue: str
) -> None:
    _, email = await a_ready_member(sessions)
    await approved(sessions)
    person = lonely()
    await person.sign_in(email, PASSWORD)
    await person.get("/fr/votes/inscription")
    await person.submit("/votes/inscription", password=WRONG)
    assert person.response.status_code == 403
    before = person.client.cookies["__Host-session"]
    await person.submit("/votes/inscription", password=PASSWORD)
    assert person.response.status_code == 202
    assert PASSWORD not in person.page.html
    assert person.client.cookies["__Host-session"] != before
    assert await registered(sessions) == []
    again = person.page.form("/votes/inscription")
    assert set(again.fields) == {"form_token", "key"}
    copied = lonely()
    copied.client.cookies.set("__Host-session", before)
    await copied.get("/fr/votes")
    assert copied.page.h1 == ["Entrez"]
    async with a_worker(client, worker_settings, task_queue):
        await person.post(again.action, again.fields)
        assert person.response.status_code == 200
        assert "C'est fait" in person.page.text
    assert len(await registered(sessions)) == 7
    assert await outbox(sessions) == 1


async def test_one_vote_is_asked_for_again_under_its_own_address(
    lonely: Visit, sessions: Sessions, client: Client, worker_settings: Settings, task_queue: str
) -> None:
    _, email = await a_ready_member(sessions, language="en")
    await approved(sessions)
    person = lonely("en")
    await person.sign_in(email, PASSWORD)
    await person.get("/en/votes/pension/registration")
    await person.submit("pension/registration", password=PASSWORD)
    assert person.response.status_code == 202
    async with a_worker(client, worker_settings, task_queue):
        await person.submit("/en/votes/pension/registration")
        assert person.response.status_code == 200
    assert await registered(sessions) == ["pension"]


async def test_a_withdrawal_and_a_decision_made_meanwhile_are_kept_and_applied(
    lonely: Visit, sessions: Sessions, client: Client, worker_settings: Settings, files: MinioFiles, task_queue: str
) -> None:
    """The decision is in the records at once; the withdrawal happens once, by the same form."""
    first, _ = await signed_in(lonely, sessions)
    second, _ = await signed_in(lonely, sessions)
    desk = await a_desk(lonely, sessions)
    async with a_worker(client, worker_settings, task_queue):
        assert [await send_card(person) for person in (first, second)] == [200, 200]
        await take(desk)
    await desk.decide("approve")
    assert "Votre décision est enregistrée" in desk.page.text
    await second.get("/fr/profil")
    await second.submit("/retrait")
    assert second.response.status_code == 202
    assert await statuses(sessions) == ["submitted", "submitted"]
    again = second.page.form("/retrait")
    async with a_worker(client, worker_settings, task_queue):

        async def applied() -> bool:
            await first.get("/fr/profil")
            return "a été supprimée le" in first.page.text

        await until(applied)
        assert "Identité confirmée" in first.page.text
        await second.post(again.action, again.fields)
        assert second.response.status_code == 200

        async def gone() -> bool:
            return await files.stored() == []

        await until(gone)
    assert await statuses(sessions) == ["approved", "withdrawn"]


async def test_pages_answer_others_while_some_wait_for_a_worker(lonely: Visit, sessions: Sessions) -> None:
    waiting, _ = await signed_in(lonely, sessions)
    await waiting.get("/fr/profil/identite")
    others, _ = await signed_in(lonely, sessions)
    upload = asyncio.create_task(waiting.send_documents({"file1": a_file(CARD)}, kind1="driving-licence"))
    for _ in range(3):
        await others.get("/fr/accueil")
        assert others.response.status_code == 200
    assert (await upload).status_code == 202
