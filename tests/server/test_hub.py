"""Readers over a log that grows, is replaced and removed, in every order: each ends with exactly the log."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule
from streamtags_server.ws.hub import Hub
from streamtags_server.ws.reader import FoldedState, LagNotice, Reader, Removal
from streamtags_server.ws.ring import Entry, Ring, place_of

from streamtags.core.errors import NotInStore
from streamtags.core.events import TimelineProgress
from streamtags.core.records import Head, TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore

RING = 4


def progress(seconds: int) -> TimelineProgress:
    return TimelineProgress(decoded_seconds=seconds, duration_seconds=None, segments=0, captioned=0, tagged=0, failed=0)


class Slow:
    """A reader that takes updates on demand, and records them."""

    def __init__(self, reader: Reader, after: int, epoch: str | None) -> None:
        self.reader = reader
        self.epoch = epoch
        self.seq = after
        self.lines: list[str] = []
        self.first = after
        self.gone = False

    def take(self, items: list[Any]) -> None:
        for item in items:
            assert not self.gone, "something came after the end"
            match item:
                case FoldedState(head=head, json=text):
                    assert head.epoch != self.epoch, "a state where events could have followed"
                    state = json.loads(text)
                    assert (state["epoch"], state["seq"]) == head
                    self.epoch, self.seq = head
                    self.first, self.lines = head.seq, []
                case LagNotice(seq=seq):
                    assert seq == self.seq
                case Removal():
                    self.gone = True
                case Entry():
                    assert (item.epoch, item.seq) == (self.epoch, self.seq + 1)
                    self.seq = item.seq
                    self.lines.append(item.line)


class HubMachine(RuleBasedStateMachine):
    readers = Bundle("readers")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.loop = asyncio.Runner()
        self.store = SqliteStore(Path(self.folder.name) / "s.db")
        self.other = SqliteStore(self.store.path)
        self.hub = self.loop.run(self._hub())
        self.all: list[Slow] = []
        self.written = 0
        self.during: Callable[[], Awaitable[None]] | None = None

    async def _hub(self) -> Hub:
        return Hub(self.store, queue_events=RING, tail=self._tail)

    async def _tail(self, read: Callable[[], Any]) -> Any:
        """Read in another thread; then, before the hub takes the result, do what the rule has chosen."""
        result = await asyncio.to_thread(read)
        during, self.during = self.during, None
        if during is not None:
            await during()
        return result

    def teardown(self) -> None:
        for slow in self.all:
            self._drain(slow)
            head = self._head()
            if head is None:
                assert slow.gone
            elif not slow.gone:
                assert (slow.epoch, slow.seq) == head
                assert slow.lines == self.store.read_json("tl_x", slow.first)
        for slow in self.all:
            slow.reader.close()
        self.loop.close()
        self.store.close()
        self.other.close()
        self.folder.cleanup()

    def _head(self) -> Head | None:
        return self.store.heads().get("tl_x")

    def _drain(self, slow: Slow) -> None:
        self.loop.run(self.hub.refresh())
        for _ in range(200):
            self.loop.run(self.hub.refresh())
            items = self.loop.run(slow.reader.take(3))
            slow.take(items)
            if not items and not slow.reader.behind:
                return
        raise AssertionError("a reader that never comes to an end")

    @rule(count=st.integers(1, 9), elsewhere=st.booleans())
    def append(self, count: int, elsewhere: bool) -> None:
        store = self.other if elsewhere else self.store
        store.open_timeline("tl_x", TimelineIdentity("key"))
        store.append("tl_x", [progress(self.written + n) for n in range(count)])
        self.written += count

    @rule(elsewhere=st.booleans())
    def replace(self, elsewhere: bool) -> None:
        if self._head() is not None:
            (self.other if elsewhere else self.store).replace("tl_x", [progress(0)])

    @rule()
    def remove(self) -> None:
        if self._head() is not None:
            self.store.remove("tl_x")

    @rule()
    def look(self) -> None:
        self.loop.run(self.hub.refresh())

    @rule(target=readers, appended=st.booleans())
    def join_during_a_read(self, appended: bool) -> Any:
        joined: list[Slow] = []

        async def join() -> None:
            with suppress(NotInStore):
                joined.append(Slow(await self.hub.reader("tl_x", lambda: None), 0, None))

        if appended:
            self.append(1, True)
        self.during = join
        self.loop.run(self.hub.refresh())
        self.during = None
        self.all += joined
        return multiple(*joined)

    @rule()
    def replace_during_a_read(self) -> None:
        async def replace() -> None:
            self.other.replace("tl_x", [progress(0)])

        if self._head() is not None:
            self.append(1, True)
            self.during = replace
            self.loop.run(self.hub.refresh())
            self.during = None

    @rule(target=readers, back=st.none() | st.integers(0, 6), known=st.booleans())
    def join(self, back: int | None, known: bool) -> Any:
        head = self._head()
        try:
            reader = self.loop.run(self.hub.reader("tl_x", lambda: None))
        except NotInStore:
            assert head is None
            return multiple()
        slow = Slow(reader, 0, None)
        if head is not None and back is not None:
            after, epoch = max(0, head.seq - back), head.epoch if known else "another"
            recovered = self.loop.run(reader.resume(after, epoch))
            assert recovered == known
            slow = Slow(reader, after, epoch) if recovered else slow
        self.all.append(slow)
        return slow

    @rule(slow=readers, limit=st.integers(1, 5))
    def take(self, slow: Slow, limit: int) -> None:
        items = self.loop.run(slow.reader.take(limit))
        assert sum(isinstance(item, Entry) for item in items) <= limit
        slow.take(items)

    @invariant()
    def no_more_is_kept_than_allowed(self) -> None:
        for log in self.hub._logs.values():
            assert len(log.ring._entries) <= RING


HubMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
test_hub = HubMachine.TestCase


def test_a_ring_gives_what_it_holds_and_says_what_it_does_not() -> None:
    ring = Ring(Head("e", 0), 3)
    lines = [f'{{"v":1,"timeline":"tl","epoch":"e","seq":{n},"type":"x","at":"","data":{{}}}}' for n in range(1, 6)]
    ring.extend(lines)
    assert [[entry.seq for entry in ring.after(seq, 9) or []] for seq in (2, 3, 4, 5)] == [[3, 4, 5], [4, 5], [5], []]
    assert [entry.seq for entry in ring.after(2, 2) or []] == [3, 4]
    assert ring.after(1, 9) is None


def test_the_place_of_a_line_is_parsed_for_every_timeline_id() -> None:
    line = json.dumps(
        {"v": 1, "timeline": 'a"b\\","epoch":"no"', "epoch": "e", "seq": 7, "type": "t.u", "at": "", "data": {}}, separators=(",", ":")
    )
    assert place_of(line) == (Head("e", 7), "t.u")
    assert place_of(line.replace('"v":1,', "")) == (Head("e", 7), "t.u")
