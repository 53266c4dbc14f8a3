"""An import, from its confirmation to its report."""

from sqlalchemy import text
from temporalio.client import Client

from portal.store import Sessions
from tests.roll_files import a_roll_draft, confirmed, line, written
from tests.workflows.journeys import World
from tests.workflows.roll_story import RollStory, imported
from worker.standing import ensure_imports


async def test_every_batch_is_applied_in_order_whatever_dies_and_whoever_does_not_answer(client: Client) -> None:
    """Files that do not answer are asked three times and hold up nothing."""
    story = RollStory(client)
    async with story.worker():
        await imported(story)

    assert story.records.done == [
        "apply-0", "apply-1", "tell-1", "tell-1", "tell-1", "apply-2", "tell-2", "finish",
    ]  # fmt: skip


async def test_an_import_confirmed_while_temporal_was_away_is_started_by_the_worker(
    world: World, sessions: Sessions, client: Client
) -> None:
    """The records say that it must run; the next look finds that it does not."""
    import_id = await a_roll_draft(sessions, written([line()]))
    await confirmed(sessions, import_id)

    await ensure_imports(client, sessions, world.running.task_queue)
    await client.get_workflow_handle(f"roll-import-{import_id}").result()

    async with sessions.begin() as session:
        assert await session.scalar(text("select status from roll_import")) == "done"
        assert await session.scalar(text("select count(*) from member where number = '990001'")) == 1
