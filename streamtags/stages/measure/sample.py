"""Which frames represent a segment: a few, spread evenly, chosen while the segment is still growing.

The length of a segment is unknown while it grows, and a boundary is reported some frames late. So the latest frames wait in a tail until
no boundary can fall among them any more; only then are they thinned on a stride that doubles as the segment grows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

__all__ = ["Sampler", "Timed"]

# The most candidates kept per picture wanted. Halving leaves half of them, so a picture is never further from its ideal place than half
# the distance between two ideal places.
_CANDIDATES_PER_PICTURE = 4


class Timed(Protocol):
    """Anything that happens at a pts: a `Frame`, a `Still`."""

    @property
    def pts(self) -> int:
        """Time in ticks of the source."""
        ...


T = TypeVar("T", bound=Timed)


class Sampler(Generic[T]):
    """Keeps enough frames of a growing segment to represent it, at any length.

    Memory: references to at most `4 * count + lookahead + 2` items.

    For a segment that began at the last `split` and ends at most `lookahead` frames before the latest one pushed, `pick` returns
    `min(count, frames of the segment)` items, and the same ones whenever it is called. If the segment ends earlier (a slice, decided
    afterwards), it returns as many of them as were kept, and if none was kept, the last item before the segment.

    Args:
        count: pictures wanted for each segment, at least 1.
        lookahead: frames by which a boundary may be reported late.
    """

    def __init__(self, count: int, *, lookahead: int = 0) -> None:
        if count < 1 or lookahead < 0:
            raise ValueError(f"count {count} must be at least 1 and lookahead {lookahead} at least 0")
        self._count = count
        self._lookahead = lookahead
        self._before: T | None = None  # the last item before the segment
        self._tail: deque[T] = deque()
        self._thinned: _Thinned[T] = _Thinned(_CANDIDATES_PER_PICTURE * count)

    def __len__(self) -> int:
        return len(self._tail) + len(self._thinned.items)

    def push(self, item: T) -> None:
        """Take the next frame; pts must rise."""
        self._tail.append(item)
        if len(self._tail) > self._lookahead + 1:
            self._thinned.add(self._tail.popleft())

    def pick(self, start_pts: int, end_pts: int) -> tuple[T, ...]:
        """Return the items that represent `start_pts` up to `end_pts` (exclusive), in order, none twice.

        Each is the one nearest the middle of its share, of `count` equal shares in time, among those kept every `stride` frames.
        """
        grown = self._thinned.copy()
        for item in self._tail:
            if item.pts >= end_pts:
                break
            if item.pts >= start_pts:
                grown.add(item)
        kept = [item for item in grown.items if start_pts <= item.pts < end_pts]
        if not kept and start_pts < end_pts:  # frames that last long, all of them thinned out
            earlier = [item for item in (self._before, *grown.items) if item is not None and item.pts < start_pts]
            return tuple(earlier[-1:])
        return _spread(kept, self._count, start_pts, end_pts, grown.stride)

    def split(self, at_pts: int) -> None:
        """Begin a segment at `at_pts`: drop all items before it but the last, and thin from the beginning."""
        items = [*self._thinned.items, *self._tail]
        kept = [item for item in items if item.pts >= at_pts]
        self._before = next((item for item in reversed(items) if item.pts < at_pts), self._before)
        self._tail.clear()
        self._thinned = _Thinned(_CANDIDATES_PER_PICTURE * self._count)
        for item in kept:
            self.push(item)


class _Thinned(Generic[T]):
    """Every `stride`-th of the items added; the stride doubles whenever there would be more than `limit`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.stride = 1
        self._skip = 0  # items to skip before the next one is kept
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
