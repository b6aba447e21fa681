"""Which files of a watched folder are taken, and when."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamtags.run.arrivals import Arrivals, FileStamp, Record

NOW_NS = 1_800_000_000_000_000_000
OLD_NS = NOW_NS - 3600 * 10**9


def stamp(size: int = 10, mtime_ns: int = NOW_NS, inode: int = 1) -> FileStamp:
    return FileStamp(size, mtime_ns, inode)


def arrivals(**records: Record) -> Arrivals:
    return Arrivals(5, records)


def test_a_file_is_ready_when_it_has_not_changed_for_the_settle_time() -> None:
    box = arrivals()
    assert [box.observe({"a": stamp()}, now, NOW_NS) for now in (0, 2, 4.9, 5)] == [[], [], [], ["a"]]


def test_a_file_that_grows_is_not_ready_until_it_rests() -> None:
    box = arrivals()
    assert not any(box.observe({"a": stamp(size=now)}, now, NOW_NS) for now in range(1, 60))
    assert box.waiting() == ["a"]
    assert box.observe({"a": stamp(size=59)}, 65, NOW_NS) == ["a"]


def test_a_file_that_was_moved_in_is_ready_when_it_is_seen_again_and_an_empty_one_never() -> None:
    box = arrivals()
    files = {"a": stamp(mtime_ns=OLD_NS), "empty": stamp(size=0, mtime_ns=OLD_NS, inode=2)}
    assert [box.observe(files, now, NOW_NS) for now in (0, 0.1)] == [[], ["a"]]
    assert box.observe(files, 100, NOW_NS) == ["a"]


def test_a_file_that_was_done_is_not_ready_again_until_it_changes_not_even_under_another_name() -> None:
    box = arrivals(a=Record(stamp(mtime_ns=OLD_NS), "done"))
    for now in (0, 1):
        assert box.observe({"a": stamp(mtime_ns=OLD_NS), "renamed": stamp(mtime_ns=OLD_NS)}, now, NOW_NS) == []
    assert box.waiting() == []
    changed = {"a": stamp(size=11, mtime_ns=OLD_NS)}
    assert [box.observe(changed, now, NOW_NS) for now in (2, 3)] == [[], ["a"]]


def test_a_file_that_fails_is_tried_three_times_with_longer_waits_and_again_when_it_changes() -> None:
    box, tried, bad = arrivals(), list[float](), stamp(mtime_ns=OLD_NS)
    for now in range(0, 4000, 10):
        if box.observe({"bad": bad}, now, NOW_NS):
            tried.append(now)
            box.record("bad", bad, "failed", now)
    assert tried == [10, 70, 190]
    assert box.is_given_up("bad")
    fixed = {"bad": stamp(size=99, mtime_ns=OLD_NS)}
    assert [box.observe(fixed, now, NOW_NS) for now in (4000, 4060)] == [[], ["bad"]]


def test_a_file_that_was_given_up_before_a_restart_stays_given_up() -> None:
    box = arrivals(bad=Record(stamp(mtime_ns=OLD_NS), "failed", tries=3))
    assert [box.observe({"bad": stamp(mtime_ns=OLD_NS)}, now, NOW_NS) for now in (0, 10, 10_000)] == [[], [], []]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.booleans()), max_size=40))
def test_no_state_of_a_file_is_done_twice_whatever_happens(steps: list[tuple[str, int, bool]]) -> None:
    box, files, done = arrivals(), dict[str, FileStamp](), list[Any]()
    for now, (name, size, vanishes) in enumerate(steps):
        if vanishes:
            files.pop(name, None)
        else:
            files[name] = stamp(size=size, inode=ord(name))
        for path in box.observe(files, now * 3, NOW_NS):
            assert files[path].size, "an empty file was taken"
            done.append(files[path])
            box.record(path, files[path], "done", now * 3)
    assert len(done) == len(set(done))
