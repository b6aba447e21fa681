"""The store against a list a timeline, under any order of calls, from two stores on one file."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from streamtags.core.errors import NotInStore, StoreError
from streamtags.core.events import Event, Payload, SegmentCaptioned
from streamtags.core.fold import fold
from streamtags.core.records import TimelineIdentity
from streamtags.store.sqlite.store import SqliteStore

NAMES = st.sampled_from(["tl_a", "tl_ab", "tl_b"])
BATCHES = st.lists(st.text(max_size=5), max_size=4).map(
    lambda texts: [SegmentCaptioned(segment="s0000", rev=1, caption=text, model="m") for text in texts]
)
WHICH = st.integers(0, 1)


class StoreMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.stores = [SqliteStore(self.folder / "events.db") for _ in range(2)]
        self.logs: dict[str, list[Event]] = {}
        self.order: list[str] = []  # as opened, last first
        self.epochs: set[str] = set()

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        shutil.rmtree(self.folder)

    @rule(which=WHICH, name=NAMES)
    def open(self, which: int, name: str) -> None:
        head = self.stores[which].open_timeline(name, TimelineIdentity(f"key {name}"))
        self.logs.setdefault(name, [])
        self.order = [name, *(other for other in self.order if other != name)]
        self.epochs.add(head.epoch)
        assert head.seq == len(self.logs[name])

    @rule(which=WHICH, name=NAMES, batch=BATCHES)
    def append(self, which: int, name: str, batch: list[Payload]) -> None:
        if name not in self.logs:
            with pytest.raises(NotInStore):
                self.stores[which].append(name, batch)
            return
        events = self.stores[which].append(name, batch)
        assert [event.data for event in events] == batch
        self.logs[name] += events

    @rule(which=WHICH, name=NAMES, batch=BATCHES.filter(bool))
    def append_to_a_log_that_is_gone(self, which: int, name: str, batch: list[Payload]) -> None:
        with pytest.raises((StoreError, NotInStore)):
            self.stores[which].append(name, batch, expect_epoch="an epoch that never was")

    @rule(which=WHICH, name=NAMES, batch=BATCHES.filter(bool))
    def replace(self, which: int, name: str, batch: list[Payload]) -> None:
        if name not in self.logs:
            with pytest.raises(NotInStore):
                self.stores[which].replace(name, batch)
            return
        events = self.stores[which].replace(name, batch)
        assert events[0].epoch not in self.epochs
        self.epochs.add(events[0].epoch)
        self.logs[name] = events

    @rule(which=WHICH, name=NAMES)
    def remove(self, which: int, name: str) -> None:
        if name in self.logs:
            self.stores[which].remove(name)
            del self.logs[name]
            self.order.remove(name)

    @rule(which=WHICH, name=NAMES, after=st.integers(0, 6), limit=st.none() | st.integers(0, 4))
    def read(self, which: int, name: str, after: int, limit: int | None) -> None:
        if name in self.logs:
            expected = self.logs[name][after:][:limit]
            assert self.stores[which].read(name, after, limit) == expected
            assert self.stores[which].read_json(name, after, limit) == [event.to_json() for event in expected]

    @rule(which=WHICH, name=NAMES)
    def state(self, which: int, name: str) -> None:
        if self.logs.get(name):
            assert self.stores[which].state(name) == fold(self.logs[name])

    @rule(which=WHICH)
    def reopen(self, which: int) -> None:
        self.stores[which].close()
        self.stores[which] = SqliteStore(self.folder / "events.db")

    @invariant()
    def logs_are_gapless_and_in_order(self) -> None:
        for store in self.stores:
            assert {name: head.seq for name, head in store.heads().items()} == {name: len(log) for name, log in self.logs.items()}
            assert [summary.id for summary in store.timelines()] == self.order
        for log in self.logs.values():
            assert [event.seq for event in log] == list(range(1, len(log) + 1))
            assert len({event.epoch for event in log}) <= 1


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
