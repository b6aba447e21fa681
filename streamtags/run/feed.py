"""Reads a blocking generator in a thread of its own, a little ahead of the event loop that takes its items."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from threading import Semaphore
from types import TracebackType
from typing import Generic, TypeVar

__all__ = ["Feed"]

Item = TypeVar("Item")


class Feed(Generic[Item]):
    """The items of a generator, in order: `async with` runs the thread, `async for` takes.

    Between the two is a queue of at most `ahead` items; when it is full, the thread waits. The loop is woken once for all items that have
    arrived, so that an item does not wait for a turn of its own on a busy machine. An error of the generator is raised after its last
    item. Leaving the `async with` block waits until the generator has reached its next item and is closed.

    Args:
        items: no other code may use it from now on.
        ahead: the most items that were produced and not yet taken.
    """

    def __init__(self, items: Generator[Item, None, None], ahead: int) -> None:
        self._items = items
        self._room = Semaphore(ahead)
        self._ready: deque[Item] = deque()
        self._error: BaseException | None = None
        self._ended = False
        self._left = False
        self._changed = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decode")

    async def __aenter__(self) -> Feed[Item]:
        self._loop = asyncio.get_running_loop()
        self._reading = self._loop.run_in_executor(self._thread, self._read)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._left = True
        self._room.release()
        await self._reading
        self._thread.shutdown()

    def __aiter__(self) -> Feed[Item]:
        return self

    async def __anext__(self) -> Item:
        while not self._ready:
            if self._ended:
                raise self._error or StopAsyncIteration
            self._changed.clear()
            if not self._ready and not self._ended:
                await self._changed.wait()
        self._room.release()
        return self._ready.popleft()

    def _read(self) -> None:
        try:
            with closing(self._items):
                while self._room.acquire() and not self._left:
                    self._ready.append(next(self._items))
                    self._wake()
        except StopIteration:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised in the event loop
            self._error = error
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        """Wake the loop, unless it is awake: it clears the event before it looks at the queue."""
        if not self._changed.is_set():
            self._loop.call_soon_threadsafe(self._changed.set)
