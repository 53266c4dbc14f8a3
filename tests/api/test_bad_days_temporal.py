"""Temporal away: the page says so and offers to try again; what needs no workflow works; decisions are not lost."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from api.app import create_app
from deploy.processes import free_port
from deploy.servers import start_temporal
from portal.settings import Settings
from portal.store import Sessions
from portal.store.files import MinioFiles
from portal.temporal import connect
from tests.api.conftest import PASSWORD, Visit, visits
from tests.api.test_bad_days_worker import a_worker, outbox, task_queue
from tests.api.test_documents import a_ready_member, send_card, signed_in
from tests.api.test_documents_access import a_desk, statuses, take
from tests.api.test_journey import until
from tests.api.test_votes import approved, registered
from tests.store.cases import earlier

__all__ = ["task_queue"]

AGAIN = {"fr": ("Réessayez dans un moment", "Réessayer"), "en": ("Please try again in a moment", "Try again")}


@pytest.fixture
def dead_port() -> int:
    return free_port()


@pytest_asyncio.fixture
async def cut_off(api_settings: Settings, files: MinioFiles, task_queue: str, dead_port: int) -> AsyncIterator[Visit]:
    """The portal, started while there is no Temporal at its address."""
    # The usual four seconds: long enough to learn that nobody answers rather than that the answer is late.
    settings = api_settings.model_copy(update={"temporal_address": f"127.0.0.1:{dead_port}"})
    async with visits(create_app(settings, task_queue=task_queue)) as visit:
        yield visit


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_every_step_says_that_it_was_not_taken_and_offers_to_try_again(
    cut_off: Visit, sessions: Sessions, files: MinioFiles, language: str
) -> None:
    """T110: Temporal away."""
    title, button = AGAIN[language]
    unproven, _ = await signed_in(cut_off, sessions, language, verified=False)
    assert unproven.response.status_code == 200
    await unproven.get("/fr/profil" if language == "fr" else "/en/profile")
    assert unproven.response.status_code == 200
    began = time.monotonic()
    await unproven.submit("profil/courriel" if language == "fr" else "profile/email")
    assert time.monotonic() - began < 10
    assert unproven.response.status_code == 503
    assert unproven.page.h1 == [title]
    assert button in unproven.page.text
    assert unproven.response.headers["retry-after"]
    assert await outbox(sessions) == 0

    person, _ = await signed_in(cut_off, sessions, language)
    assert await send_card(person) == 503
    assert person.page.h1 == [title]
    assert await statuses(sessions) == ["staged"]

    _, email = await a_ready_member(sessions, language=language)
    await approved(sessions)
    voter = cut_off(language)
    await voter.sign_in(email, PASSWORD)
    await voter.get("/fr/votes/inscription" if language == "fr" else "/en/votes/registration")
    await voter.submit("inscription" if language == "fr" else "registration", password=PASSWORD)
    assert voter.response.status_code == 503
    assert button in voter.page.text
    assert await registered(sessions) == []
    # Still in, with the new token, and everything can be read.
    for address in ("/fr/accueil", "/fr/profil", "/fr/votes", "/en/home"):
        await voter.get(address)
        assert voter.response.status_code == 200, address
    ready = await voter.client.get("/readyz")
    assert ready.status_code == 200


async def test_trying_again_works_once_temporal_is_back(
    cut_off: Visit, sessions: Sessions, worker_settings: Settings, task_queue: str, dead_port: int, tmp_path: Path
) -> None:
    """T110: the same process, the same form: nobody restarts the portal."""
    person, _ = await signed_in(cut_off, sessions)
    assert await send_card(person) == 503
    again = person.page.form("/envoi")
    temporal = start_temporal(tmp_path / "temporal", dead_port)
    try:
        client = await connect(temporal.address, "default")
        async with a_worker(client, worker_settings, task_queue):
            await person.post(again.action, again.fields)
            assert person.response.status_code == 200
            assert "Document 1, reçu le" in person.page.text
        del client
    finally:
        temporal.stop()
    assert await statuses(sessions) == ["submitted"]
    await person.get("/fr/profil")
    await person.submit("/retrait")
    assert person.response.status_code == 503
    assert await statuses(sessions) == ["submitted"]


async def test_a_decision_is_kept_and_delivered_by_the_relay(cut_off: Visit, visit: Visit, sessions: Sessions) -> None:
    """T110: the reviewer's portal cannot reach Temporal; the worker that can carries the decision."""
    person, _ = await signed_in(visit, sessions)
    assert await send_card(person) == 200
    desk = await a_desk(cut_off, sessions)
    assert len(await take(desk)) == 1
    await desk.decide("approve")
    assert desk.response.status_code == 200
    assert "Votre décision est enregistrée" in desk.page.text
    async with sessions.begin() as session:
        assert await session.scalar(text("select verdict from decision")) == "approve"
    assert await statuses(sessions) == ["submitted"]
    # Ten seconds pass before the relay takes it for lost.
    await earlier(sessions, "decision", timedelta(seconds=11), "effective_at")

    async def told() -> bool:
        await person.get("/fr/profil")
        return "a été supprimée le" in person.page.text

    await until(told)
    assert await statuses(sessions) == ["approved"]
