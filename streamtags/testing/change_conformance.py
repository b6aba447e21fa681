"""Checks of what a store reports about changes of its logs. `store_conformance` lists them with the others."""

from __future__ import annotations

import threading
from collections.abc import Callable

from streamtags.core.records import TimelineIdentity
from streamtags.core.stores import Store
from streamtags.testing.log import make_payloads

__all__ = ["CHANGE_CHECKS"]

_A, _B = TimelineIdentity("source a"), TimelineIdentity("source b")


def subscribers_are_called_after_each_change(open_handle: Callable[[], Store]) -> None:
    """Check `subscribe` and `data_version`."""
    seen: list[tuple[str, int]] = []
    with open_handle() as store, open_handle() as other:
        store.open_timeline("tl_a", _A)
        stop = store.subscribe(lambda timeline: seen.append((timeline, store.heads().get(timeline, (None, -1))[1])))
        version = other.data_version()
        assert other.data_version() == version
        store.append("tl_a", make_payloads(2)[:2])
        assert other.data_version() != version
        store.replace("tl_a", make_payloads(2)[:1])
        store.empty("tl_a")
        store.remove("tl_a")
        assert seen == [("tl_a", 2), ("tl_a", 1), ("tl_a", 0), ("tl_a", -1)]
        stop()
        store.open_timeline("tl_a", _A)
        store.append("tl_a", make_payloads(2))
        assert len(seen) == 4


def changed_ends_of_logs_are_read_on_from_a_cursor(open_handle: Callable[[], Store]) -> None:
    """Check `heads_since`: each change is in the next read, and an unchanged log is in none but the first."""
    with open_handle() as store, open_handle() as other:
        first = other.heads_since(None)
        assert (first.heads, first.removed, first.is_complete) == ({}, frozenset(), True)
        for timeline, identity in (("tl_a", _A), ("tl_b", _B)):
            store.open_timeline(timeline, identity)
        both = other.heads_since(first.cursor)
        assert both[1:] == (store.heads(), frozenset(), False)
        changes: tuple[Callable[[], object], ...] = (
            lambda: store.append("tl_a", make_payloads(2)),
            lambda: store.replace("tl_a", make_payloads(1)),
            lambda: store.empty("tl_a"),
            lambda: store.restore("tl_a", store.read_json("tl_b")),
            lambda: store.remove("tl_a"),
            lambda: store.open_timeline("tl_a", _A),
        )
        store.append("tl_b", make_payloads(1))
        cursor = other.heads_since(both.cursor).cursor
        for change in changes:
            change()
            result = other.heads_since(cursor)
            heads = store.heads()
            assert result.heads == {name: head for name, head in heads.items() if name == "tl_a"}
            assert result.removed == {"tl_a"} - heads.keys()
            cursor = result.cursor
        assert other.heads_since(cursor)[1:] == ({}, frozenset(), False)
        assert store.heads_since(None)[1:] == (store.heads(), frozenset(), True)


def a_follower_misses_no_change_of_several_writers(open_handle: Callable[[], Store]) -> None:
    """Check that reading on from cursors, while threads append to logs of their own, ends at the ends of all logs."""
    names = [f"tl_{number}" for number in range(4)]
    with open_handle() as store, open_handle() as follower:
        for name in names:
            store.open_timeline(name, TimelineIdentity(name))

        def write(name: str) -> None:
            for payload in make_payloads(4):
                store.append(name, [payload])

        threads = [threading.Thread(target=write, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        result = follower.heads_since(None)
        known = dict(result.heads)
        while any(thread.is_alive() for thread in threads):
            result = follower.heads_since(result.cursor)
            known |= result.heads
        known |= follower.heads_since(result.cursor).heads
        assert known == store.heads()


CHANGE_CHECKS: tuple[Callable[[Callable[[], Store]], None], ...] = (
    subscribers_are_called_after_each_change,
    changed_ends_of_logs_are_read_on_from_a_cursor,
    a_follower_misses_no_change_of_several_writers,
)
