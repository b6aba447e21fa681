"""A generator read ahead in a thread: everything in order, never far ahead, and closed however it ends."""

import asyncio
import threading
from collections.abc import Generator

import pytest

from streamtags.run.feed import Feed


class Numbers:
    """A generator that says how far it was read, where, and that it was closed."""

    def __init__(self, count: int, fail: bool = False) -> None:
        self.count = count
        self.fail = fail
        self.made = 0
        self.closed = False
        self.thread = ""

    def read(self) -> Generator[int, None, None]:
        self.thread = threading.current_thread().name
        try:
            while self.made < self.count:
                self.made += 1
                yield self.made
            if self.fail:
                raise OSError("broke off")
        finally:
            self.closed = True


async def test_all_items_come_in_order_from_another_thread() -> None:
    numbers = Numbers(1000)
    async with Feed(numbers.read(), 4) as feed:
        assert [number async for number in feed] == list(range(1, 1001))
    assert numbers.closed
    assert numbers.thread.startswith("decode")


async def test_it_reads_ahead_no_further_than_its_bound() -> None:
    numbers = Numbers(1000)
    async with Feed(numbers.read(), 3) as feed:
        for taken in range(1, 50):
            assert await anext(feed) == taken
            await asyncio.sleep(0.001)
            assert numbers.made <= taken + 3


async def test_what_was_made_before_a_failure_comes_before_it() -> None:
    numbers = Numbers(5, fail=True)
    async with Feed(numbers.read(), 8) as feed:
        assert [await anext(feed) for _ in range(5)] == [1, 2, 3, 4, 5]
        with pytest.raises(OSError, match="broke off"):
            await anext(feed)


@pytest.mark.parametrize("taken", [0, 1, 7])
async def test_leaving_early_closes_the_generator(taken: int) -> None:
    numbers = Numbers(10**9)
    async with Feed(numbers.read(), 2) as feed:
        for _ in range(taken):
            await anext(feed)
    assert numbers.closed or numbers.made == 0
    assert numbers.made <= taken + 2


async def test_a_cancelled_taker_closes_the_generator() -> None:
    def silent() -> Generator[int, None, None]:
        try:
            yield 1
            gate.wait(10)
            yield 2
        finally:
            closed.append(True)

    gate, closed = threading.Event(), list[bool]()

    async def take() -> None:
        async with Feed(silent(), 2) as feed:
            async for _ in feed:
                waiting.set()

    waiting = asyncio.Event()
    task = asyncio.create_task(take())
    await waiting.wait()
    task.cancel()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed
