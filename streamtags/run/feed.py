"""A blocking generator read in a thread of its own, a little ahead of the event loop that takes what it yields."""

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
    """What `items` yields, in order: `async with` runs the thread, `async for` takes.

    Between the two is a queue of at most `ahead` items; when it is full the thread waits. The loop is woken once for all that has
    gathered, so that on a busy machine an item does not wait for a turn of its own. What the generator raises is raised after its last
    item. Leaving the `async with` waits until the generator has come to its next item and is closed.

    Args:
        items: nobody else may touch it from now on.
        ahead: the most items made and not yet taken.
    """

    def __init__(self, items: Generator[Item, None, None], ahead: int) -> None:
        self._items = items
        self._room = Semaphore(ahead)
        self._made: deque[Item] = deque()
        self._error: BaseException | None = None
        self._ended = False
        self._left = False
        self._news = asyncio.Event()
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
        while not self._made:
            if self._ended:
                raise self._error or StopAsyncIteration
            self._news.clear()
            if not self._made and not self._ended:
                await self._news.wait()
        self._room.release()
        return self._made.popleft()

    def _read(self) -> None:
        try:
            with closing(self._items):
                while self._room.acquire() and not self._left:
                    self._made.append(next(self._items))
                    self._tell()
        except StopIteration:
            pass
        except BaseException as error:  # noqa: BLE001 - it is raised where the items are taken
            self._error = error
        self._ended = True
        self._tell()

    def _tell(self) -> None:
        """Wake the loop, unless it is about to look anyway: it clears the event before it looks."""
        if not self._news.is_set():
            self._loop.call_soon_threadsafe(self._news.set)
