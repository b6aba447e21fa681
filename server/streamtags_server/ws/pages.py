"""Stored events for readers that catch up: each page of a log is read once for all of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, NamedTuple, TypeVar

from streamtags.core.records import Head
from streamtags_server.ws.ring import Entry

__all__ = ["PAGE_EVENTS", "Pages", "SingleFlight"]

PAGE_EVENTS = 256
"""Events of a page."""

# All pages in memory, in characters of JSON; the page used least recently is dropped when they are more.
_MAX_CHARACTERS = 32 * 2**20

Key = TypeVar("Key", bound=Hashable)
T = TypeVar("T")


class SingleFlight(Generic[Key, T]):
    """Runs a call once for all who ask for the same key at the same time. For one event loop."""

    def __init__(self, call: Callable[[Key], Awaitable[T]]) -> None:
        self._call = call
        self._running: dict[Key, asyncio.Task[T]] = {}

    async def __call__(self, key: Key) -> T:
        """Return what the call for `key` returns. A caller that is cancelled does not cancel it for the others."""
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._run(key))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, even if no caller is left
        return await asyncio.shield(task)

    async def _run(self, key: Key) -> T:
        try:
            return await self._call(key)
        finally:
            del self._running[key]


class _Key(NamedTuple):
    timeline: str
    epoch: str
    page: int


class Pages:
    """The pages of logs that were read last.

    Args:
        read: reads the lines of a timeline after a seq, at most so many.
        max_characters: the most that is kept.
    """

    def __init__(self, read: Callable[[str, int, int], Awaitable[list[str]]], max_characters: int = _MAX_CHARACTERS) -> None:
        self._read, self._most = read, max_characters
        self._pages: OrderedDict[_Key, list[Entry]] = OrderedDict()
        self._size = 0
        self._load = SingleFlight(self._load_page)

    async def after(self, timeline: str, head: Head, limit: int) -> Sequence[Entry]:
        """Return at most `limit` events of the log that follow `head`, to the end of their page.

        They are of another epoch if the log was replaced, and empty if there are none.

        Raises:
            NotInStore: there is no such timeline.
        """
        key = _Key(timeline, head.epoch, head.seq // PAGE_EVENTS)
        page = self._pages.get(key)
        if page is None or page[-1].seq <= head.seq:
            page = await self._load(key)
        else:
            self._pages.move_to_end(key)
        first = head.seq % PAGE_EVENTS
        return page[first : first + limit]

    async def _load_page(self, key: _Key) -> list[Entry]:
        page = [Entry(line) for line in await self._read(key.timeline, key.page * PAGE_EVENTS, PAGE_EVENTS)]
        self._size -= _size(self._pages.pop(key, []))
        if page and page[0].epoch == page[-1].epoch == key.epoch:
            self._pages[key] = page
            self._size += _size(page)
        while self._size > self._most:
            self._size -= _size(self._pages.popitem(last=False)[1])
        return page


def _size(page: Sequence[Entry]) -> int:
    return sum(len(entry.line) for entry in page)
