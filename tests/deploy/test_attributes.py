"""The namespace's search attributes: registered by our own command, and asked for before anything starts."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from deploy.servers import REGION, Temporal, start_temporal
from portal.rules.attributes import KINDS, Attribute
from portal.temporal import (
    WrongAttributes,
    connect,
    missing_attributes,
    register_attributes,
    require_attributes,
)
from tests.conftest import ORIGIN, SECRET, Servers
from workflows.attributes import at_start

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Temporal]:
    """A server that nobody has prepared, with a namespace where a name is taken by another kind."""
    server = start_temporal(tmp_path_factory.mktemp("bare"), search_attributes={})
    yield server
    server.stop()


def command(server: Temporal, servers: Servers, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env: Mapping[str, str] = {
        "PATH": "/usr/bin:/bin", "PORTAL_ORIGIN": ORIGIN, "PORTAL_SECRET": SECRET,
        "PORTAL_DATABASE_URL": servers.postgres.url("scrutin_worker", "template_scrutin"),
        "PORTAL_KEY_FOLDER": str(folder / "keys"), "TEMPORAL_ADDRESS": server.address,
        "PORTAL_S3_ENDPOINT": servers.objects.address, "PORTAL_S3_ACCESS_KEY": servers.objects.access_key,
        "PORTAL_S3_SECRET_KEY": servers.objects.secret_key, "PORTAL_S3_REGION": REGION, "PORTAL_S3_SECURE": "false",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", *arguments], env=dict(env), cwd=PROJECT, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


async def test_the_worker_does_not_start_where_workflows_would_stand_still(
    bare: Temporal, servers: Servers, tmp_path: Path
) -> None:
    """And says which command helps; that command may be given any number of times."""
    client = await connect(bare.address, "default")
    assert await missing_attributes(client) == list(Attribute)
    with pytest.raises(WrongAttributes, match="PortalStep"):
        await require_attributes(client)
    refused = command(bare, servers, tmp_path, "worker")
    assert refused.returncode == 1
    assert "python -m portal temporal register" in refused.stderr
    assert "Traceback" not in refused.stderr

    first = command(bare, servers, tmp_path, "portal", "temporal", "register")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"registered: {', '.join(KINDS)}\n"
    second = command(bare, servers, tmp_path, "portal", "temporal", "register")
    assert (second.returncode, second.stdout) == (0, "registered before: nothing to do\n")
    await require_attributes(client)
    await client.start_workflow(
        "OnboardingWorkflow", id="one", task_queue="nobody", search_attributes=at_start(campaign_code="c2017"),
        execution_timeout=timedelta(minutes=1),
    )  # fmt: skip


async def test_an_attribute_of_another_kind_is_named_with_the_remedy(servers: Servers, tmp_path: Path) -> None:
    server = start_temporal(tmp_path / "temporal", search_attributes={"PortalAttempt": "Keyword"})
    try:
        client = await Client.connect(server.address)
        for ask in (missing_attributes, require_attributes, register_attributes):
            with pytest.raises(WrongAttributes, match=r"PortalAttempt as Keyword, and Int is needed"):
                await ask(client)
        said = command(server, servers, tmp_path, "portal", "temporal", "register")
        assert said.returncode == 1
        assert "search-attribute remove --name PortalAttempt" in said.stderr
    finally:
        server.stop()


def test_a_server_that_is_away_is_said_to_be(servers: Servers, tmp_path: Path) -> None:
    away = Temporal(1, None, servers.temporal.process)
    said = command(away, servers, tmp_path, "portal", "temporal", "register")
    assert said.returncode == 1
    assert said.stderr.startswith("temporal: 127.0.0.1:1 cannot be asked")
    assert "Traceback" not in said.stderr
