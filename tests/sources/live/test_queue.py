"""The queue in front of the detector: bounded, in order, and every frame either seen or counted."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamtags.core.model import Dropped, Frame, Lost, Sound
from streamtags.sources.live.queue import MAX_FRAMES, FrameQueue
from streamtags.testing import PictureStill

PICTURE = np.zeros((2, 2, 3), np.uint8)


def frame(index: int) -> Frame:
    return Frame(index, index * 40, 40, PICTURE, PictureStill(index * 40, PICTURE))


def late(_: float) -> float:
    return 1.0


def drained(queue: FrameQueue) -> list[object]:
    queue.end()
    return list(iter(queue.take, None))


@given(st.lists(st.integers(0, 3), max_size=200))
def test_every_frame_is_delivered_or_counted_and_the_oldest_are_dropped(taken: list[int]) -> None:
    now = 0.0
    queue = FrameQueue(0.5, clock=lambda: now)
    fed = 0
    items: list[object] = []
    for takes in taken:
        queue.put_frame(frame(fed), late)
        fed += 1
        now += 0.04
        waiting = fed - sum(isinstance(one, Frame) for one in items)
        items += [queue.take() for _ in range(min(takes, waiting)) if queue._items]
        assert sum(isinstance(one, Frame) for one in queue._items) <= MAX_FRAMES
    items += drained(queue)
    seen = [one for one in items if isinstance(one, Frame)]
    dropped = [one for one in items if isinstance(one, Dropped)]
    assert len(seen) + sum(one.frames for one in dropped) == fed
    assert all(a.index < b.index for a, b in pairwise(seen))
    assert {one.index for one in seen[-MAX_FRAMES:]} == set(range(max(0, fed - MAX_FRAMES), fed)) or not taken
    for one in dropped:
        assert one.end[0] - one.first[0] >= one.frames
        assert one.end[1] == one.end[0] * 40


def test_a_burst_that_is_not_late_waits_and_loses_nothing() -> None:
    queue = FrameQueue(60.0)
    feeding = threading.Thread(target=lambda: [queue.put_frame(frame(index), lambda _: 0.0) for index in range(100)])
    feeding.start()
    seen = [queue.take() for _ in range(100)]
    feeding.join(5)
    assert [one.index for one in seen if isinstance(one, Frame)] == list(range(100))
    assert drained(queue) == []


def test_drops_are_reported_at_most_once_a_second_and_before_a_loss() -> None:
    now = 100.0
    queue = FrameQueue(0.5, frames=1, clock=lambda: now)
    taken_items = []
    for index in range(100):
        queue.put_frame(frame(index), late)
        now += 0.04
        if index % 2:
            taken_items.append(queue.take())
    queue.put(Lost("source.silent", "gone", 0, 1.0))
    rest = drained(queue)
    reports = [one for one in [*taken_items, *rest] if isinstance(one, Dropped)]
    assert 3 <= len(reports) <= 6  # in four seconds
    assert [type(one) for one in rest][-2:] == [Dropped, Lost] or isinstance(rest[-1], Lost)
    assert sum(one.frames for one in reports) + sum(isinstance(one, Frame) for one in [*taken_items, *rest]) == 100


def test_sound_is_bounded_when_no_reader_takes_it() -> None:
    queue = FrameQueue(0.5)
    for second in range(1000):
        queue.put(Sound(float(second), np.zeros((1, 10), np.float32), 48_000))
    kept = [one.start for one in drained(queue) if isinstance(one, Sound)]
    assert kept == [float(second) for second in range(1000 - len(kept), 1000)]
    assert len(kept) <= 64


def test_items_are_delivered_after_close_and_the_sender_does_not_wait() -> None:
    queue = FrameQueue(60.0, frames=2)
    feeding = threading.Thread(target=lambda: [queue.put_frame(frame(index), lambda _: 0.0) for index in range(5)])
    feeding.start()
    assert queue.take() is not None
    queue.close()
    feeding.join(5)
    assert not feeding.is_alive()
    assert all(isinstance(one, Frame) for one in drained(queue))


def test_an_error_is_raised_after_the_items_before_it() -> None:
    queue = FrameQueue(0.5)
    queue.put_frame(frame(0), late)
    queue.end(ValueError("too large"))
    assert isinstance(queue.take(), Frame)
    with pytest.raises(ValueError, match="too large"):
        queue.take()
    assert queue.take() is None
