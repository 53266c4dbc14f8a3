"""The staff's pages while a server is away: an explicit page, nothing half-saved, and work goes on afterwards."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from temporalio.client import Client

from api.app import create_app
from deploy.processes import free_port
from deploy.servers import start_object_store
from portal.rules.accounts import Role
from portal.settings import Settings
from portal.store import Sessions
from portal.store.files import MinioFiles
from tests import builders
from tests.api.conftest import visits
from tests.api.test_bad_days_stores import a_portal, a_wire, port_of
from tests.api.test_bad_days_worker import task_queue
from tests.api.test_documents import send_card, signed_in
from tests.api.test_documents_access import a_desk, seen, statuses, take
from tests.api.test_door_desk import a_case

__all__ = ["task_queue"]

DESKS = {
    Role.REVIEWER: ("/fr/examen", "/en/review"),
    Role.OPERATOR: ("/fr/demandes", "/fr/operations", "/en/operations", "/fr/operations/temporal"),
}
MACHINERY = ("Traceback", "psycopg", "sqlalchemy", "OperationalError", "127.0.0.1:", "select ")


async def test_without_the_records_every_desk_says_so_and_nothing_is_half_decided(
    client: Client, sessions: Sessions, api_settings: Settings, worker_settings: Settings, files: MinioFiles,
    task_queue: str,
) -> None:  # fmt: skip
    """T110: PostgreSQL away."""
    async with (
        a_wire(port_of(api_settings)) as wire,
        a_portal(client, task_queue, wire.through(api_settings), worker_settings) as visit,
    ):
        member, _ = await signed_in(visit, sessions)
        assert await send_card(member) == 200
        desks = {role: await a_desk(visit, sessions, role) for role in DESKS}
        request = await a_case(sessions)
        await take(desks[Role.REVIEWER])
        await desks[Role.REVIEWER].compare()
        decision = next(f for f in desks[Role.REVIEWER].page.forms if f.fields.get("verdict") == "approve")
        sent = {**decision.fields, "confirmed": "yes"}
        await wire.cut()
        for role, addresses in DESKS.items():
            for address in (*addresses, *([f"/fr/demandes/{request}"] if role is Role.OPERATOR else [])):
                await desks[role].get(address)
                assert desks[role].response.status_code == 503, address
                assert desks[role].response.headers["retry-after"]
                assert not [word for word in MACHINERY if word in desks[role].response.text], address
        reviewer = desks[Role.REVIEWER]
        await reviewer.post(decision.action, sent)
        assert reviewer.response.status_code == 503
        async with sessions.begin() as session:
            assert await session.scalar(text("select count(*) from decision")) == 0
        await wire.mend()
        # The same form again: nobody was signed out, and it is one decision.
        await reviewer.post(decision.action, sent)
        assert "Votre décision est enregistrée" in reviewer.page.text
        async with sessions.begin() as session:
            assert await session.scalar(text("select count(*) from decision")) == 1


async def test_without_the_object_store_a_reviewer_sees_no_picture_and_decides_nothing_by_mistake(
    client: Client, sessions: Sessions, api_settings: Settings, worker_settings: Settings, task_queue: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    """T110: S3 away. The other desks need none."""
    port = free_port()
    store = start_object_store(
        tmp_path / "s3", port, access_key=api_settings.s3_access_key,
        secret_key=api_settings.s3_secret_key.get_secret_value(), buckets=[api_settings.s3_bucket],
    )  # fmt: skip
    at = {"s3_endpoint": f"127.0.0.1:{port}"}
    stopped = False
    try:
        async with a_portal(
            client, task_queue, api_settings.model_copy(update=at), worker_settings.model_copy(update=at)
        ) as visit:
            member, _ = await signed_in(visit, sessions)
            assert await send_card(member) == 200
            reviewer, operator = [await a_desk(visit, sessions, role) for role in DESKS]
            pictures = await take(reviewer)
            await asyncio.to_thread(store.stop)
            stopped = True
            answer = await seen(reviewer, pictures[0])
            assert answer.status_code == 503
            assert not [word for word in MACHINERY if word in answer.text]
            for address in DESKS[Role.OPERATOR]:
                await operator.get(address)
                assert operator.response.status_code == 200, address
            assert await statuses(sessions) == ["submitted"]
    finally:
        if not stopped:
            store.stop()


@pytest.mark.parametrize("role", list(DESKS))
async def test_without_a_worker_every_desk_stands(
    client: Client, sessions: Sessions, api_settings: Settings, worker_settings: Settings, files: MinioFiles,
    task_queue: str, role: Role,
) -> None:  # fmt: skip
    """T110: no worker. Desks read the records; what they decide waits in them."""
    async with visits(create_app(api_settings, client=client, task_queue="nobody")) as visit:
        async with sessions.begin() as session:
            await builders.a_campaign(session)
        desk = await a_desk(visit, sessions, role)
        for address in DESKS[role]:
            await desk.get(address)
            assert desk.response.status_code == 200, address
