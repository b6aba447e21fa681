"""Readers are cursors on the store: one task per process reads each new event once, and every reader takes it from there.

`Ring` keeps a bounded number of recent events of each timeline that is being read; a `Reader` keeps a position and nothing else. A slow
reader that falls behind the ring is notified of that, and then reads forward from the store. No other reader waits for it.

Notifying readers is one loop that never waits: a reader that keeps up takes the new events within the call that notifies it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence, Set
from typing import NamedTuple

from streamtags.core.errors import NotInStore, StreamtagsError
from streamtags.core.records import Head, HeadChanges
from streamtags.core.stores import Store
from streamtags.operations.services import Blocking
from streamtags_server.threads import run_in_thread
from streamtags_server.ws.pages import Pages
from streamtags_server.ws.reader import FoldedState, Reader, ReadLog
from streamtags_server.ws.ring import Entry
from streamtags_server.ws.states import States

__all__ = ["Hub"]

# Pause after the store could not be read.
_RETRY_SECONDS = 0.5
# New events read in one go; more are read in the next.
_BATCH = 1000
# Readers notified before the event loop may run other tasks; writing to them takes milliseconds.
_READERS_PER_TURN = 64

_log = logging.getLogger(__name__)


class _Changes(NamedTuple):
    """What a read of the store returns.

    Attributes:
        version: the data version before the read; -1 if there is more to read.
        logs: those that have readers and may be behind their ends.
        lines: new events of these logs.
    """

    version: int
    heads: HeadChanges
    logs: dict[str, ReadLog]
    lines: dict[str, list[str]]


class _Ends:
    """The ends of all logs, as of the last read of them."""

    def __init__(self) -> None:
        self.heads: dict[str, Head] = {}
        self.cursor: str | None = None

    def take(self, changes: HeadChanges) -> set[str]:
        """Keep what a read has returned; return the timelines that are new."""
        appeared = changes.heads.keys() - self.heads.keys()
        if changes.is_complete:
            self.heads = dict(changes.heads)
        else:
            self.heads.update(changes.heads)
            for timeline in changes.removed:
                self.heads.pop(timeline, None)
        self.cursor = changes.cursor
        return appeared


class _WakeUps:
    """Wakes the hub from any thread, and measures for how long a wake-up has not been served. Made in the event loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._unserved_since: float | None = None

    def send_from_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._event.set)

    def send(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()
        self._event.clear()
        self._unserved_since = self._unserved_since or time.monotonic()

    def served(self) -> None:
        self._unserved_since = None

    def delay_seconds(self) -> float:
        return 0.0 if self._unserved_since is None else time.monotonic() - self._unserved_since


class Hub:
    """Follows the store for all readers of this process. Its methods run in one event loop; `wake` may be called from any thread.

    Args:
        store: the store to follow.
        queue_events: events of a timeline that are kept in memory.
        tail: runs the reads of new events.
        reading: runs the other reads of the store.
    """

    def __init__(
        self,
        store: Store,
        *,
        queue_events: int,
        tail: Blocking = run_in_thread,
        reading: Blocking = run_in_thread,
    ) -> None:
        self.stopped = asyncio.Event()
        self._store, self._tail, self._reading = store, tail, reading
        self._size = queue_events
        self._logs: dict[str, ReadLog] = {}
        self._watchers: set[Callable[[str], None]] = set()
        self._ends = _Ends()
        self._behind: set[str] = set()  # logs whose readers may be behind `_ends`, so that no further change reports them
        self._changed: set[ReadLog] = set()
        self._version = -1
        self._refreshing = asyncio.Lock()
        self._wake_ups = _WakeUps()
        self._states = States(store, reading)
        self._pages = Pages(self.read_json)

    def wake(self, _timeline: str = "") -> None:
        """Read the store soon."""
        self._wake_ups.send_from_thread()

    def delay_seconds(self) -> float:
        """Return for how long a read of new events has been under way or failing; 0 if none is."""
        return self._wake_ups.delay_seconds()

    async def run(self) -> None:
        """Follow the store until cancelled."""
        unwatch = self._store.watch(self._wake_if_new)
        unsubscribe = self._store.subscribe(self.wake)
        try:
            while True:
                await self._wake_ups.wait()
                try:
                    await self._refresh()
                    self._wake_ups.served()
                except StreamtagsError as error:
                    _log.warning("cannot read new events, retrying in %g s: %s", _RETRY_SECONDS, error)
                    await asyncio.sleep(_RETRY_SECONDS)
                    self._wake_ups.send()
                await self.publish()
        finally:
            unsubscribe()
            unwatch()

    def _wake_if_new(self, version: int) -> None:
        if version == -1 or version != self._version:
            self.wake()

    async def refresh(self) -> None:
        """Bring every ring up to what is durable now, and have its readers notified.

        Raises:
            StoreError: the store cannot be read.
        """
        await self._refresh()
        if self._changed:
            self._wake_ups.send()

    async def _refresh(self) -> None:
        async with self._refreshing:
            logs, behind = dict(self._logs), self._behind
            self._behind = set()  # for logs that are added during the read
            changes: _Changes | None = None
            try:
                changes = await self._tail(lambda: self._read_changes(logs, behind))
            finally:
                if changes is None:
                    self._behind |= behind
            if changes is None:
                return
            self._version = changes.version
            appeared = self._ends.take(changes.heads)
            for timeline, log in changes.logs.items():
                self._bring_up(timeline, log, changes.lines.get(timeline, ()))
            if self._version == -1 or self._behind:
                self._version = -1
                self._wake_ups.send()
            for timeline in sorted(appeared):
                for watcher in list(self._watchers):
                    watcher(timeline)

    def _read_changes(self, logs: Mapping[str, ReadLog], behind: Set[str]) -> _Changes | None:
        """Read what is new, in another thread; `logs` are those with readers. None if nothing has been written since the last time."""
        version = self._store.data_version()
        if version == self._version:
            return None
        changes = self._store.heads_since(self._ends.cursor)
        names = logs.keys() if changes.is_complete else logs.keys() & {*changes.heads, *changes.removed, *behind}
        ends = changes.heads if changes.is_complete else ChainMap(changes.heads, self._ends.heads)
        some = {timeline: logs[timeline] for timeline in names}
        lines: dict[str, list[str]] = {}
        for timeline, log in some.items():
            head, last = ends.get(timeline), log.ring.head
            if head is not None and timeline not in changes.removed and head.epoch == last.epoch and head.seq > last.seq:
                try:
                    lines[timeline] = self._store.read_json(timeline, last.seq, _BATCH)
                except NotInStore:
                    version = -1  # removed since: the next read says so
        return _Changes(version, changes, some, lines)

    def _bring_up(self, timeline: str, log: ReadLog, lines: Sequence[str]) -> None:
        head = self._ends.heads.get(timeline)
        if head is None:
            log.removed = True
            self._changed.add(log)
            if self._logs.get(timeline) is log:
                del self._logs[timeline]
            return
        if head.epoch != log.ring.head.epoch:
            log.ring.restart(head)
            self._changed.add(log)
        elif lines:
            try:
                log.ring.extend(lines)
            except ValueError:  # replaced between the two reads: the lines are of the new log
                self._version = -1
            else:
                self._changed.add(log)
        if log.ring.head.seq < head.seq:
            self._behind.add(timeline)

    async def publish(self) -> None:
        """Notify the readers of every log that has changed since the last call."""
        while self._changed:
            readers = list(self._changed.pop().readers)
            for first in range(0, len(readers), _READERS_PER_TURN):
                for reader in readers[first : first + _READERS_PER_TURN]:
                    reader.notify()
                await asyncio.sleep(0)

    # Readers

    def watch(self, appeared: Callable[[str], None]) -> Callable[[], None]:
        """Call `appeared` for each timeline that is created from now on; return what ends that."""
        self._watchers.add(appeared)
        return lambda: self._watchers.discard(appeared)

    async def timelines(self) -> list[str]:
        """Return every timeline, sorted."""
        await self.refresh()
        return sorted(self._ends.heads)

    def knows(self, timeline: str) -> bool:
        """Return whether the timeline existed at the last read."""
        return timeline in self._ends.heads

    async def resolve(self, name: str) -> str:
        """Return the timeline that `name` stands for: its id, a unique prefix of it, or `last`.

        Raises:
            NotInStore: no timeline matches, or several do.
        """
        return name if self.knows(name) else await self._reading(lambda: self._store.find(name))

    async def head(self, timeline: str) -> Head:
        """Return epoch and last seq of a log, as stored now.

        Raises:
            NotInStore: there is no such timeline.
        """
        return await self._reading(lambda: self._store.head(timeline))

    async def read_json(self, timeline: str, after: int, limit: int) -> list[str]:
        """Return stored events after `after`, at most `limit`.

        Raises:
            NotInStore: there is no such timeline.
        """
        return await self._reading(lambda: self._store.read_json(timeline, after, limit))

    def reader_of_known(self, timeline: str, notify: Callable[[], None]) -> Reader:
        """Return a reader of a timeline that `knows` knows."""
        log = self._logs.get(timeline)
        if log is None:
            log = self._logs[timeline] = ReadLog(self._ends.heads[timeline], self._size)
            self._behind.add(timeline)  # a read that is under way does not see it
        return Reader(self, timeline, log, notify)

    async def reader(self, timeline: str, notify: Callable[[], None]) -> Reader:
        """Return a reader of `timeline`; `notify` is called when there may be something to take.

        Raises:
            NotInStore: there is no such timeline.
        """
        log = self._logs.get(timeline)
        if log is None and timeline in self._ends.heads:
            return self.reader_of_known(timeline, notify)
        if log is None:
            head = await self.head(timeline)
            log = self._logs.setdefault(timeline, ReadLog(head, self._size))
            self._behind.add(timeline)
            self._version = -1  # what was written since must be read, even if its change was seen already
            self._wake_ups.send()
        return Reader(self, timeline, log, notify)

    def leave(self, reader: Reader, log: ReadLog) -> None:
        """Forget a reader; with the last one the ring goes too."""
        log.readers.discard(reader)
        if not log.readers and self._logs.get(reader.timeline) is log:
            del self._logs[reader.timeline]

    async def state(self, timeline: str) -> FoldedState:
        """Return the timeline as it is now, encoded once for all callers.

        Raises:
            NotInStore: there is no such timeline.
        """
        return await self._states.now(timeline)

    async def recent_state(self, timeline: str) -> FoldedState:
        """Return the timeline as of the last read of new events or later; read once for all who ask at the same time.

        Raises:
            NotInStore: there is no such timeline.
        """
        log = self._logs.get(timeline)
        return await self._states.since(timeline, log.ring.head if log is not None else None)

    async def stored_entries(self, timeline: str, head: Head, limit: int) -> Sequence[Entry]:
        """Return some stored events that follow `head`, at most `limit`; of another epoch if the log was replaced.

        Raises:
            NotInStore: there is no such timeline.
        """
        return await self._pages.after(timeline, head, limit)
