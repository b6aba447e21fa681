"""Readers are cursors on the store: one tail a process reads each new event once, and every reader takes it from there.

What keeps a promise here: `Ring` holds a bounded number of recent events per timeline that somebody reads; a `Reader` holds a position
and nothing else. A reader that is slow falls off the ring, is told so, and is read on from the store. Nobody waits for it.

Telling readers is one loop over them that waits for none: whoever keeps up takes what is at hand within the call that tells it so.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from streamtags.core.errors import NotInStore, StoreError
from streamtags.core.records import Head
from streamtags.core.stores import Store
from streamtags_server.ws.ring import Entry, Ring

__all__ = ["Gone", "Hub", "Item", "Lag", "Reader", "State"]

# How often changes of other processes are looked for: a hundred times a second, which takes less than a hundredth of a core.
_POLL_SECONDS = 0.01
# After the store could not be read it is left alone for so long.
_PATIENCE_SECONDS = 0.5
_STATES_KEPT = 8
# New events read in one go; more are read in the next.
_BATCH = 1000
# Readers told of news before the loop turns to whatever else is due: what may be written to them meanwhile takes milliseconds.
_READERS_A_TURN = 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """The timeline at `head`, as JSON; events after it follow."""

    head: Head
    json: str


@dataclass(frozen=True, slots=True)
class Lag:
    """The reader fell behind after `seq` and is read on from the store."""

    seq: int


@dataclass(frozen=True, slots=True)
class Gone:
    """The timeline was removed."""


Item = Entry | State | Lag | Gone


class _News(NamedTuple):
    version: int
    heads: dict[str, Head]
    lines: dict[str, list[str]]


class _Log:
    """A timeline that somebody reads."""

    def __init__(self, head: Head, size: int) -> None:
        self.ring = Ring(head, size)
        self.gone = False
        self.readers: set[Reader] = set()


class Hub:
    """Follows the store for all readers of this process. Its methods run in one event loop; `wake` may be called from any thread.

    Args:
        queue_events: events a timeline keeps at hand.
        poll_seconds: how often changes of other processes are looked for, by a thread that lives while `run` does.
    """

    def __init__(self, store: Store, *, queue_events: int, poll_seconds: float = _POLL_SECONDS) -> None:
        self.store = store
        self.stopped = asyncio.Event()
        self._size = queue_events
        self._poll = poll_seconds
        self._logs: dict[str, _Log] = {}
        self._watchers: set[Callable[[str], None]] = set()
        self._heads: dict[str, Head] = {}
        self._fresh: set[_Log] = set()
        self._version = -1
        self._looking = asyncio.Lock()
        self._woken = asyncio.Event()
        self._states: OrderedDict[str, State] = OrderedDict()
        self._loop = asyncio.get_running_loop()

    def wake(self, _timeline: str = "") -> None:
        """Look for news at once."""
        self._loop.call_soon_threadsafe(self._woken.set)

    async def run(self) -> None:
        """Follow the store until cancelled."""
        stop = threading.Event()
        watching = threading.Thread(target=self._watch, args=(stop,), name="streamtags-watch", daemon=True)
        watching.start()
        forget = self.store.subscribe(self.wake)
        try:
            while True:
                await self._woken.wait()
                self._woken.clear()
                try:
                    await self._refresh()
                except StoreError as error:
                    _log.warning("the store cannot be followed just now: %s", error)
                    await asyncio.sleep(_PATIENCE_SECONDS)
                    self._woken.set()
                await self.publish()
        finally:
            forget()
            stop.set()
            watching.join()

    def _watch(self, stop: threading.Event) -> None:
        """Wake the tail when another process has written. A thread of its own: to ask in a borrowed one costs six times as much."""
        while not stop.wait(self._poll):
            try:
                if self.store.data_version() != self._version:
                    self.wake()
            except StoreError:
                self.wake()  # the tail meets it too, and tells
                stop.wait(_PATIENCE_SECONDS)

    async def refresh(self) -> None:
        """Bring every ring up to what is durable now, and have its readers told.

        Raises:
            StoreError: the store cannot be read.
        """
        await self._refresh()
        if self._fresh:
            self._woken.set()

    async def _refresh(self) -> None:
        async with self._looking:
            logs = dict(self._logs)
            news = await asyncio.to_thread(self._look, {timeline: log.ring.head for timeline, log in logs.items()})
            if news is None:
                return
            self._version = news.version if self._logs == logs else -1  # a log that has joined meanwhile was not looked for
            for timeline, log in logs.items():
                self._bring_up(timeline, log, news)
            if self._version == -1:
                self._woken.set()
            appeared = news.heads.keys() - self._heads.keys()
            self._heads = news.heads
            for timeline in sorted(appeared):
                for watcher in list(self._watchers):
                    watcher(timeline)

    def _look(self, known: dict[str, Head]) -> _News | None:
        version = self.store.data_version()
        if version == self._version:
            return None
        heads = self.store.heads()
        lines: dict[str, list[str]] = {}
        for timeline, held in known.items():
            head = heads.get(timeline)
            if head is not None and head.epoch == held.epoch and head.seq > held.seq:
                try:
                    lines[timeline] = self.store.read_json(timeline, held.seq, _BATCH)
                except NotInStore:
                    version = -1  # removed since: look again
                if head.seq > held.seq + _BATCH:
                    version = -1
        return _News(version, heads, lines)

    def _bring_up(self, timeline: str, log: _Log, news: _News) -> None:
        head = news.heads.get(timeline)
        if head is None:
            log.gone = True
            self._logs.pop(timeline, None)
        elif head.epoch != log.ring.head.epoch:
            log.ring.restart(head)
        elif lines := news.lines.get(timeline):
            try:
                log.ring.extend(lines)
            except ValueError:  # replaced between the two reads: what was read is of the new log
                self._version = -1
                return
        else:
            return
        self._fresh.add(log)

    async def publish(self) -> None:
        """Notify the readers of every log that has changed since they were."""
        while self._fresh:
            readers = list(self._fresh.pop().readers)
            for first in range(0, len(readers), _READERS_A_TURN):
                for reader in readers[first : first + _READERS_A_TURN]:
                    reader.notify()
                await asyncio.sleep(0)

    # Readers

    def watch(self, appeared: Callable[[str], None]) -> Callable[[], None]:
        """Have `appeared` called for each timeline that is made from now on; returns what ends that."""
        self._watchers.add(appeared)
        return lambda: self._watchers.discard(appeared)

    async def timelines(self) -> list[str]:
        """Every timeline there is."""
        await self.refresh()
        return sorted(self._heads)

    def knows(self, timeline: str) -> bool:
        """Whether the timeline was there at the last look."""
        return timeline in self._heads

    async def resolve(self, name: str) -> str:
        """The timeline that `name` stands for: its id, a unique beginning of it, or `last`.

        Raises:
            NotInStore: there is none, or several.
        """
        return name if self.knows(name) else await asyncio.to_thread(self.store.find, name)

    def reader_of_known(self, timeline: str, notify: Callable[[], None]) -> Reader:
        """A reader of a timeline that `knows` knows."""
        log = self._logs.get(timeline)
        if log is None:
            log = self._logs[timeline] = _Log(self._heads[timeline], self._size)
        return Reader(self, timeline, log, notify)

    async def reader(self, timeline: str, notify: Callable[[], None]) -> Reader:
        """A reader of `timeline`; `notify` is called when there may be something to take.

        Raises:
            NotInStore: there is no such timeline.
        """
        log = self._logs.get(timeline)
        if log is None:
            head = await asyncio.to_thread(self.store.head, timeline)
            log = self._logs.setdefault(timeline, _Log(head, self._size))
            self._version = -1  # what was written since must be seen, whether or not it has been told of
            self._woken.set()
        return Reader(self, timeline, log, notify)

    def leave(self, reader: Reader, log: _Log) -> None:
        """A reader has gone; with the last one the ring goes too."""
        log.readers.discard(reader)
        if not log.readers and self._logs.get(reader.timeline) is log:
            del self._logs[reader.timeline]

    async def state(self, timeline: str) -> State:
        """The timeline as it is now, encoded once however many ask.

        Raises:
            NotInStore: there is no such timeline.
        """
        return await asyncio.to_thread(self._state, timeline)

    def _state(self, timeline: str) -> State:
        state = self.store.state(timeline)
        head = Head(state.epoch, state.seq)
        held = self._states.get(timeline)
        if held is None or held.head != head:
            held = State(head, json.dumps(state.to_dict(), ensure_ascii=False, separators=(",", ":")))
            self._states[timeline] = held
            while len(self._states) > _STATES_KEPT:
                self._states.popitem(last=False)
        return held


class Reader:
    """A position in a log. Made by `Hub.reader`; `close` it."""

    def __init__(self, hub: Hub, timeline: str, log: _Log, notify: Callable[[], None]) -> None:
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
        """Begin after `after` of the log of that epoch, if it is the log still; if not, `take` gives a state first."""
        if epoch != self._log.ring.head.epoch or after > self._log.ring.head.seq:
            await self._hub.refresh()  # the caller may have come from a process that is ahead of this one
        now = self._log.ring.head
        if self._log.gone or epoch != now.epoch or after > now.seq:
            return False
        self.head = Head(epoch, after)
        return True

    @property
    def behind(self) -> bool:
        """Whether there is something to take."""
        if self._ended:
            return False
        return self._log.gone or self.head is None or self._strayed or self.head.seq < self._log.ring.head.seq

    @property
    def _strayed(self) -> bool:
        return self.head is not None and self.head.epoch != self._log.ring.head.epoch

    def at_hand(self, limit: int) -> Sequence[Entry] | None:
        """At most `limit` events that follow, without taking them; None if what comes next is not an event, or must be read."""
        head, ring = self.head, self._log.ring
        if self._ended:
            return ()
        if head is None or self._log.gone or head.epoch != ring.head.epoch:
            return None
        entries = ring.after(head.seq, limit)
        if entries is not None:
            self._live = True
        return entries

    def passed(self, entry: Entry) -> None:
        """The event that was at hand has been taken."""
        self.head = entry.head

    async def take(self, limit: int) -> Sequence[Item]:
        """What comes next, at most `limit` events; nothing if all was taken.

        Raises:
            StoreError: the store cannot be read.
        """
        entries = self.at_hand(limit)
        if entries is not None:
            if entries:
                self.passed(entries[-1])
            return entries
        try:
            if not self._log.gone:
                return await (self._begin() if self.head is None or self._strayed else self._catch_up(self.head, limit))
        except NotInStore:
            pass  # removed, though the tail has not seen it yet
        self._ended = True
        return [Gone()]

    async def _begin(self) -> list[Item]:
        state = await self._hub.state(self.timeline)
        if state.head.epoch != self._log.ring.head.epoch:
            await self._hub.refresh()
        if self.head is not None and self.head.epoch == state.head.epoch:
            return []  # the tail had not seen the new log yet; this reader had
        self.head, self._live = state.head, True
        return [state]

    async def _catch_up(self, head: Head, limit: int) -> list[Item]:
        found: list[Item] = []
        if self._live:
            self._live = False
            found.append(Lag(head.seq))
        lines = await asyncio.to_thread(self._hub.store.read_json, self.timeline, head.seq, limit)
        entries = [Entry(line) for line in lines]
        if entries and entries[0].head == (head.epoch, head.seq + 1):
            self.passed(entries[-1])
            return [*found, *entries]
        await self._hub.refresh()  # replaced meanwhile
        return found
