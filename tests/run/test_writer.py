"""What is put is written in its place without anybody waiting, and its failure is not lost."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from streamtags.core.errors import StoreError
from streamtags.core.events import Event, TimelineProgress
from streamtags.core.fold import Fold
from streamtags.core.records import TimelineIdentity
from streamtags.run.writer import Writer
from streamtags.store.sqlite.store import SqliteStore


def progress(segments: int) -> TimelineProgress:
    return TimelineProgress(decoded_seconds=1.0, duration_seconds=None, segments=segments, captioned=0, tagged=0, failed=0)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with SqliteStore(tmp_path / "s.db") as opened:
        opened.open_timeline("tl_a", TimelineIdentity("a"))
        yield opened


def writer(store: SqliteStore, publish: Any = lambda _: None) -> Writer:
    return Writer(store, "tl_a", Fold.from_snapshot(store.state("tl_a")), publish)


async def test_what_is_put_comes_before_what_is_written_after(store: SqliteStore) -> None:
    published: list[Event] = []
    writes = writer(store, published.extend)
    for number in range(0, 20, 2):
        writes.put(progress(number))
        await writes.write(progress(number + 1))
    assert [event.data.segments for event in published] == list(range(20))
    assert [event.seq for event in store.read("tl_a")] == list(range(1, 21))


async def test_nothing_is_written_after_something_put_was_not(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> list[Event]:
        raise StoreError("no space left")

    writes = writer(store)
    await writes.write(progress(1))
    monkeypatch.setattr(store, "append", full)
    writes.put(progress(2))
    with pytest.raises(StoreError):
        await writes.write(progress(3))
    monkeypatch.undo()
    with pytest.raises(StoreError, match="no space left"):
        await writes.write(progress(4))
    assert [event.data.segments for event in store.read("tl_a")] == [1]


async def test_a_reader_that_fails_on_what_was_put_is_heard_of(store: SqliteStore) -> None:
    def publish(events: Sequence[Event]) -> None:
        if any(event.data.segments == 1 for event in events):
            raise BrokenPipeError("the reader has exited")

    writes = writer(store, publish)
    writes.put(progress(1))
    with pytest.raises(BrokenPipeError):
        await writes.write(progress(2))
    await writes.write(progress(3))
    assert store.read("tl_a")[-1].data.segments == 3


async def test_what_is_written_within_the_gathering_shares_a_commit(store: SqliteStore) -> None:
    published: list[Sequence[Event]] = []
    writes = Writer(store, "tl_a", Fold.from_snapshot(store.state("tl_a")), published.append, wait_seconds=lambda: 0.05)
    writes.put(progress(1))
    await asyncio.sleep(0)  # the gathering has begun
    await asyncio.gather(writes.write(progress(2)), writes.write(progress(3)))
    assert [[event.data.segments for event in events] for events in published] == [[1, 2, 3]]
