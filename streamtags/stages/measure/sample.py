"""Which frames stand for a segment: a few, spread evenly, chosen while the segment is still growing.

Nobody knows how long a segment will be, and a boundary is announced some frames late. So the latest frames wait in a tail until no
boundary can fall among them any more; only then are they thinned on a stride that doubles as the segment grows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

__all__ = ["Sampler", "Timed"]

# Kept candidates per picture wanted, at most. Halving leaves half of it, so a picture is never further from its ideal place than
# half the distance between two ideal places.
_SLACK = 4


class Timed(Protocol):
    """Anything that happens at a pts: a `Frame`, a `Still`."""

    @property
    def pts(self) -> int:
        """When, in ticks of the source."""
        ...


T = TypeVar("T", bound=Timed)


class Sampler(Generic[T]):
    """Keeps enough of a growing segment to stand for it, whatever its length.

    Memory: references to at most `4 * count + lookahead + 1` items, however long the segment.

    For a segment that began at the last `split` and ends at most `lookahead` frames before the latest one pushed, `pick` returns
    `min(count, frames of the segment)` items, and the same ones whenever it is called. Where the segment ends earlier than that
    (a slice, decided afterwards), it returns as many of them as are still held.

    Args:
        count: pictures wanted of each segment, at least 1.
        lookahead: the most frames a boundary may be announced late.
    """

    def __init__(self, count: int, *, lookahead: int = 0) -> None:
        if count < 1 or lookahead < 0:
            raise ValueError(f"count {count} must be at least 1 and lookahead {lookahead} at least 0")
        self._count = count
        self._lookahead = lookahead
        self._tail: deque[T] = deque()
        self._thinned: _Thinned[T] = _Thinned(_SLACK * count)

    def __len__(self) -> int:
        return len(self._tail) + len(self._thinned.items)

    def push(self, item: T) -> None:
        """Take the next frame; pts must rise."""
        self._tail.append(item)
        if len(self._tail) > self._lookahead + 1:
            self._thinned.add(self._tail.popleft())

    def pick(self, start_pts: int, end_pts: int) -> tuple[T, ...]:
        """The items that stand for `start_pts` up to `end_pts` (exclusive), in order, none twice.

        Each is the one nearest the middle of its share, of `count` equal shares in time, among those kept every `stride` frames.
        """
        grown = self._thinned.copy()
        for item in self._tail:
            if item.pts >= end_pts:
                break
            if item.pts >= start_pts:
                grown.add(item)
        held = [item for item in grown.items if start_pts <= item.pts < end_pts]
        return _spread(held, self._count, start_pts, end_pts, grown.stride)

    def split(self, at_pts: int) -> None:
        """A segment begins at `at_pts`: let go of what came before, and begin to thin afresh."""
        kept = [item for item in (*self._thinned.items, *self._tail) if item.pts >= at_pts]
        self._tail.clear()
        self._thinned = _Thinned(_SLACK * self._count)
        for item in kept:
            self.push(item)


class _Thinned(Generic[T]):
    """Every `stride`-th of the items added; the stride doubles whenever more than `limit` would be held."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.stride = 1
        self._skip = 0  # items to let pass before the next one is kept
        self.items: list[T] = []

    def add(self, item: T) -> None:
        if self._skip:
            self._skip -= 1
            return
        if len(self.items) == self._limit:  # an even number, so the new item is on the doubled stride
            del self.items[1::2]
            self.stride *= 2
        self.items.append(item)
        self._skip = self.stride - 1

    def copy(self) -> _Thinned[T]:
        twin: _Thinned[T] = _Thinned(self._limit)
        twin.stride, twin._skip, twin.items = self.stride, self._skip, self.items.copy()
        return twin


def _spread(items: Sequence[T], count: int, start: int, end: int, stride: int) -> tuple[T, ...]:
    """Of `items`, the nearest to the middles of `count` equal parts of `start`..`end`, in order and distinct.

    At a constant rate an ideal place can lie exactly between two frames. The earlier one is then taken, and up to `1 / (4 * count)` of a
    frame beyond: no ideal place ends up closer to that limit, so that timestamps rounded by another container do not change the choice.
    """
    times = [item.pts for item in items]
    count = min(count, len(items))
    chosen: list[int] = []
    for part in range(count):
        # In units of 1 / (2 * count) ticks everything is a whole number.
        ideal = 2 * count * start + (2 * part + 1) * (end - start)
        at = bisect_left(times, ideal, key=lambda pts: 2 * count * pts)
        if at == len(items) or (at > 0 and _earlier(ideal, 2 * count * times[at - 1], 2 * count * times[at], 2 * count * stride)):
            at -= 1
        first = chosen[-1] + 1 if chosen else 0
        chosen.append(min(max(at, first), len(items) - (count - part)))
    return tuple(items[at] for at in chosen)


def _earlier(ideal: int, before: int, after: int, steps: int) -> bool:
    """Whether `ideal` is in the first half of `before`..`after`, or at most half of one of `steps` further."""
    return 2 * steps * (ideal - before) <= (steps + 1) * (after - before)
