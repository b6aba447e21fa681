"""A reader: a position in a log, and what it is given next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from streamtags.core.errors import NotInStore
from streamtags.core.records import Head
from streamtags_server.ws.ring import Entry, Ring

__all__ = ["FoldedState", "LagNotice", "ReadLog", "Reader", "ReaderSource", "Removal", "Update"]


@dataclass(frozen=True, slots=True)
class FoldedState:
    """The timeline at `head`, as JSON; the events after it follow."""

    head: Head
    json: str


@dataclass(frozen=True, slots=True)
class LagNotice:
    """The reader fell behind after `seq` and is read forward from the store."""

    seq: int


@dataclass(frozen=True, slots=True)
class Removal:
    """The timeline was removed."""


Update = Entry | FoldedState | LagNotice | Removal
"""What a reader is given."""


class ReadLog:
    """A timeline that has readers."""

    def __init__(self, head: Head, size: int) -> None:
        self.ring = Ring(head, size)
        self.removed = False
        self.readers: set[Reader] = set()


class ReaderSource(Protocol):
    """What a reader needs of the hub."""

    async def refresh(self) -> None:
        """Bring every ring up to what is durable now."""
        ...

    async def recent_state(self, timeline: str) -> FoldedState:
        """Return the timeline as of the last read of new events or later."""
        ...

    async def stored_entries(self, timeline: str, head: Head, limit: int) -> Sequence[Entry]:
        """Return some stored events that follow `head`, at most `limit`; of another epoch if the log was replaced."""
        ...

    def leave(self, reader: Reader, log: ReadLog) -> None:
        """Forget a reader."""
        ...


class Reader:
    """A position in a log. Made by `Hub.reader`; `close` it."""

    def __init__(self, hub: ReaderSource, timeline: str, log: ReadLog, notify: Callable[[], None]) -> None:
        self.timeline = timeline
        self.notify = notify
        self.head: Head | None = None
        self._hub = hub
        self._log = log
        self._live = False
        self._ended = False
        log.readers.add(self)

    def close(self) -> None:
        """Stop reading."""
        self._ended = True
        self._hub.leave(self, self._log)

    async def resume(self, after: int, epoch: str) -> bool:
        """Start after `after` if the log still has that epoch; if it has not, return False, and `take` gives a state first."""
        if epoch != self._log.ring.head.epoch or after > self._log.ring.head.seq:
            await self._hub.refresh()  # the caller may come from a process that is ahead of this one
        now = self._log.ring.head
        if self._log.removed or epoch != now.epoch or after > now.seq:
            return False
        self.head = Head(epoch, after)
        return True

    @property
    def behind(self) -> bool:
        """Whether there is something to take."""
        if self._ended:
            return False
        return self._log.removed or self.head is None or self._is_other_log or self.head.seq < self._log.ring.head.seq

    @property
    def _is_other_log(self) -> bool:
        return self.head is not None and self.head.epoch != self._log.ring.head.epoch

    def available(self, limit: int) -> Sequence[Entry] | None:
        """Return at most `limit` events that follow and are in memory, without taking them.

        None if what comes next is not an event, or must be read from the store.
        """
        head, ring = self.head, self._log.ring
        if self._ended:
            return ()
        if head is None or self._log.removed or head.epoch != ring.head.epoch:
            return None
        entries = ring.after(head.seq, limit)
        if entries is not None:
            self._live = True
        return entries

    def advance(self, entry: Entry) -> None:
        """Move past an event."""
        self.head = entry.head

    async def take(self, limit: int) -> Sequence[Update]:
        """Return what comes next, at most `limit` events; nothing if there is nothing new.

        Raises:
            StoreError: the store cannot be read.
        """
        entries = self.available(limit)
        if entries is not None:
            if entries:
                self.advance(entries[-1])
            return entries
        try:
            if not self._log.removed:
                return await (self._start() if self.head is None or self._is_other_log else self._catch_up(self.head, limit))
        except NotInStore:
            pass  # removed, though the hub has not read that yet
        self._ended = True
        return [Removal()]

    async def _start(self) -> list[Update]:
        state = await self._hub.recent_state(self.timeline)
        if state.head.epoch != self._log.ring.head.epoch:
            await self._hub.refresh()
        if self.head is not None and self.head.epoch == state.head.epoch:
            return []  # this reader had already seen the new log, the hub had not
        self.head, self._live = state.head, True
        return [state]

    async def _catch_up(self, head: Head, limit: int) -> list[Update]:
        updates: list[Update] = []
        if self._live:
            self._live = False
            updates.append(LagNotice(head.seq))
        entries = await self._hub.stored_entries(self.timeline, head, limit)
        if entries and entries[0].head == (head.epoch, head.seq + 1):
            self.advance(entries[-1])
            return [*updates, *entries]
        await self._hub.refresh()  # replaced since
        return updates
