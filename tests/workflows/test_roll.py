"""An import, from its confirmation to its report."""

from temporalio.client import Client

from tests.workflows.roll_story import RollStory, imported


async def test_every_batch_is_applied_in_order_whatever_dies_and_whoever_does_not_answer(client: Client) -> None:
    """Files that do not answer are asked three times and hold up nothing."""
    story = RollStory(client)
    async with story.worker():
        await imported(story)

    assert story.records.done == [
        "apply-0", "apply-1", "tell-1", "tell-1", "tell-1", "apply-2", "tell-2", "finish",
    ]  # fmt: skip
