"""Every path a member may have gone is replayed, offline, by the code of today.

A history that no longer fits is a running member whose workflow would stand still after the next deployment.
Record again with `python -m tests.workflows.record`, or keep the old way behind `workflow.patched`.
"""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from tests.workflows.lease_stories import LEASE_STORIES
from tests.workflows.payloads import leaves, payloads
from tests.workflows.record import DOOR_STORIES, HISTORIES, STORIES
from worker.app import RUNNER, WORKFLOWS
from workflows.messages import MemberToOnboard
from workflows.onboarding import OnboardingWorkflow

FILES = sorted(HISTORIES.glob("*.json"))
MEMBERS = [file for file in FILES if file.stem not in {"campaign", *DOOR_STORIES, *LEASE_STORIES}]

# What a payload may consist of: ids, instants, codes, figures. Names have blanks or capitals, addresses an @.
ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)"
CODE = r"[a-z0-9]+(-[a-z0-9]+)*(@\d+)?"
PLAIN = re.compile(f"({ID}|{INSTANT}|{CODE})")
# Sentences of ours that operators read, with codes and figures in them.
SUMMARY = re.compile(
    r"take up the file|close the file|verification mail|address verified|documents submitted"
    r"|documents withdrawn|documents: [a-z]+|decision: (approve|reject)|register for \d ballots"
    r"|remind of the missing step: [a-z]+|apologise for the late answer to an appeal"
    r"|write the certificate of deletion|delete the pictures and prove that they are gone"
    r"|take up the calendar"
    r"|return the case|the lease ends"
    r"|next deadline: [a-z-]+|next notice(: [a-z-]+)?|notice to everybody: [a-z-]+|read the calendar"
    r"|take up the (request|link)|apply the decision|close the renewal|the link ends|next moment: [a-z-]+"
    r"|received|proof-reminder|lapse|staff-reminder|late|still-waiting|let the member's file look again"
    r"|tell every open file of calendar \d+|let the files take it up|let files being opened be written"
)


def loaded(file: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(f"replayed-{file.stem}", file.read_text(encoding="utf-8"))


def test_there_is_a_history_for_every_path() -> None:
    assert FILES, "record them: python -m tests.workflows.record"
    assert {file.stem for file in FILES} >= {*STORIES, *DOOR_STORIES, *LEASE_STORIES}
    assert {"approved", "rejected-then-approved", "expired", "moved-calendar", "cancelled"} <= set(STORIES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_a_recorded_history_replays(file: Path) -> None:
    replayer = Replayer(workflows=WORKFLOWS, workflow_runner=RUNNER)

    await replayer.replay_workflow(loaded(file))


@workflow.defn(name="OnboardingWorkflow")
class HastyWorkflow(OnboardingWorkflow):
    """As somebody might change it without thinking of those under way."""

    @workflow.init
    def __init__(self, order: MemberToOnboard) -> None:
        super().__init__(order)

    @workflow.run
    async def run(self, order: MemberToOnboard) -> None:
        await workflow.sleep(timedelta(minutes=1))
        await super().run(order)


@pytest.mark.parametrize(
    "file", [f for f in FILES if f.stem not in {"campaign", *DOOR_STORIES, *LEASE_STORIES}], ids=lambda file: file.stem
)
async def test_a_changed_workflow_is_caught(file: Path) -> None:
    runner = SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(
            "portal", "activities", "workflows", "worker", "tests", "deploy"
        )
    )
    replayer = Replayer(workflows=[HastyWorkflow], workflow_runner=runner)

    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(loaded(file))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_history_holds_ids_codes_and_instants_only(file: Path) -> None:
    """T72: what an operator, or whoever steals Temporal's database, can read."""
    found = list(payloads(json.loads(file.read_text(encoding="utf-8"))))
    # The story of a lease is the shortest.
    assert len(found) > 3
    for inside, payload in found:
        if inside in ("summary", "details"):
            assert SUMMARY.fullmatch(payload), payload
            continue
        for leaf in leaves(payload):
            if isinstance(leaf, str):
                assert PLAIN.fullmatch(leaf.replace("_", "-")), (inside, leaf)
            else:
                assert leaf is None or isinstance(leaf, bool | int | float), (inside, leaf)
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w", file.read_text(encoding="utf-8")), "no address, no machine"
