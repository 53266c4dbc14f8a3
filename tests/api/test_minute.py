"""What is counted once a minute: whoever asks late does not wait, whoever asks at once with others counts only once."""

import asyncio

import pytest

from api.minute import Minute


class Counting:
    """Counts as often as it is let."""

    def __init__(self) -> None:
        self.times = 0
        self.let = asyncio.Event()

    async def __call__(self) -> int:
        self.times += 1
        made = self.times
        await self.let.wait()
        return made


async def test_those_who_ask_at_once_share_one_count() -> None:
    minute, count = Minute(), Counting()
    asking = [asyncio.create_task(minute.behind("people", count)) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()
    count.let.set()
    assert await asyncio.gather(*asking[1:]) == [1] * 4
    assert await minute.behind("people", count) == 1


async def test_whoever_asks_late_reads_the_last_count_while_the_next_is_made() -> None:
    minute, count = Minute(kept_for=0.1), Counting()
    count.let.set()
    assert await minute.behind("people", count) == 1
    await asyncio.sleep(0.15)
    count.let.clear()
    assert [await minute.behind("people", count) for _ in range(3)] == [1, 1, 1]
    count.let.set()
    await asyncio.sleep(0.02)
    assert (await minute.behind("people", count), count.times) == (2, 2)


async def test_a_count_that_is_far_too_old_is_waited_for() -> None:
    minute, count = Minute(kept_for=0.005), Counting()
    count.let.set()
    assert await minute.behind("people", count) == 1
    await asyncio.sleep(0.08)
    assert await minute.behind("people", count) == 2


async def test_what_was_counted_before_a_change_is_not_kept() -> None:
    minute, count = Minute(), Counting()
    early = asyncio.create_task(minute.behind("people", count))
    await asyncio.sleep(0)
    minute.forget()
    count.let.set()
    assert await minute.behind("people", count) == 2
    assert (await early, await minute.behind("people", count)) == (1, 2)


async def test_a_count_that_fails_is_tried_again() -> None:
    minute = Minute()

    async def fails() -> int:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await minute.behind("people", fails)
    count = Counting()
    count.let.set()
    assert await minute.behind("people", count) == 1


async def test_what_is_being_made_is_waited_for_at_the_end() -> None:
    """What is counted behind a page holds a connection to the records."""
    minute, count = Minute(), Counting()
    asked = asyncio.create_task(minute.behind("people", count))
    await asyncio.sleep(0.05)
    # Forgotten meanwhile, it is under way all the same.
    minute.forget()
    closing = asyncio.create_task(minute.close())
    await asyncio.sleep(0.05)
    assert not closing.done()
    count.let.set()
    await closing
    assert asked.done() or await asked == 1
