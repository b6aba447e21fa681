"""Shots to segments, frame by frame, without a clock or a file.

A shot of at most `max_seconds` is one segment. A longer shot is cut into slices of at most that length. If the rest after a slice is only
a little too long, it is halved, so that no slice is very short. The time in which a live source sent nothing is a segment too, a gap.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction

from streamtags.core.model import Boundary, Recorded, Segment, Transition
from streamtags.core.timebase import Clock

__all__ = ["Segmenter"]

# A slice is cut only when the shot is known to go on this much longer, in seconds.
_SHORTEST_REST = Fraction(1)


class Segmenter:
    """Turns frames and boundaries into segments that cover the source without holes or overlaps.

    The result depends only on the frames and boundaries, not on how late a boundary was reported. A single frame that lasts longer than
    `max_seconds` is a segment of its own. Memory: the pts of `max_seconds`, of `rest`, and of `lookahead` frames.

    Args:
        clock: the source's clock.
        max_seconds: the longest slice.
        lookahead: the most frames that a boundary may be reported late.
        rest: a slice is cut only when the shot is known to continue this much longer, in seconds; longer means later slices.
        recorded: what an earlier run recorded; begin with `resume`.
    """

    def __init__(
        self, clock: Clock, max_seconds: float, lookahead: int, *, rest: Fraction = _SHORTEST_REST, recorded: Recorded | None = None
    ) -> None:
        self.clock = clock
        self._longest = max(1, clock.ticks(max_seconds))
        self._rest = min(clock.ticks(rest), self._longest // 4)
        self._lookahead = lookahead
        self._pts: list[int] = [] if recorded is None else [recorded.end_pts]  # of the frames since the open segment began
        self._frames: list[int] = [] if recorded is None else [recorded.frames]  # their indices
        self._index = 0 if recorded is None else recorded.segments
        self._shot = 0 if recorded is None else recorded.shots - 1
        self._transition: Transition = "start"
        self._sliced = False

    def push(self, index: int, pts: int, boundaries: Sequence[Boundary] = ()) -> list[Segment]:
        """Take frame `index` at `pts`, with the boundaries that became certain with it; return the segments that are closed.

        Indices may leave out frames that were not analyzed.

        Raises:
            ValueError: indices or pts that do not rise, or a boundary in a segment that is closed already.
        """
        if self._pts and (index <= self._frames[-1] or pts <= self._pts[-1]):
            raise ValueError(f"frame {index} at pts {pts} does not follow frame {self._frames[-1]} at {self._pts[-1]}")
        self._frames.append(index)
        self._pts.append(pts)
        closed: list[Segment] = []
        for boundary in boundaries:
            closed += self._end_shot(boundary)
        settled = len(self._pts) - 1 - self._lookahead
        while settled > 0 and self._pts[settled] - self._pts[0] >= self._longest + self._rest:
            before = len(self._pts)
            closed.append(self._slice())
            settled -= before - len(self._pts)
        return closed

    def finish(self, end_pts: int, boundaries: Sequence[Boundary] = ()) -> list[Segment]:
        """Return the segments that are open when the source ends at `end_pts` (exclusive), with the last boundaries."""
        if not self._pts:
            return []
        closed = [segment for boundary in boundaries for segment in self._end_shot(boundary)]
        self._pts.append(max(end_pts, self._pts[-1] + 1))
        self._frames.append(self._frames[-1] + 1)
        return closed + self._close_rest()

    def resume(self, pts: int) -> list[Segment]:
        """Return the gap between the last `finish` and the next frame, which comes at `pts` and begins a shot; empty if there is none."""
        end = self._pts[0]
        gap: list[Segment] = []
        if pts > end:
            at, frame = self.clock.at(end, self._frames[0]), self._frames[0]
            gap = [Segment(f"s{self._index:04d}", self._index, self._shot, at, self.clock.at(pts, frame), "gap", "cut")]
        self._pts, self._frames = [], []
        self._index += len(gap)
        self._shot, self._transition, self._sliced = self._shot + 1, "start", False
        return gap

    def gap(self, index: int, pts: int, end_index: int, end_pts: int) -> Segment:
        """Before the first frame or after `finish`: a gap of an edit, from frame `index` at `pts` to frame `end_index` at `end_pts`."""
        start, end = self.clock.at(pts, index), self.clock.at(end_pts, end_index)
        segment = Segment(f"s{self._index:04d}", self._index, self._shot, start, end, "gap", "edit" if self._index else "start")
        self._pts, self._frames = [], []
        self._index += 1
        self._shot, self._transition, self._sliced = self._shot + 1, "edit", False
        return segment

    def _end_shot(self, boundary: Boundary) -> list[Segment]:
        at = bisect_left(self._frames, boundary.index)
        if not 0 < at < len(self._frames) or self._frames[at] != boundary.index:
            raise ValueError(f"boundary at frame {boundary.index} is not inside the open segment, which began at frame {self._frames[:1]}")
        after = self._pts[at:], self._frames[at:]
        self._pts, self._frames = self._pts[: at + 1], self._frames[: at + 1]
        closed = self._close_rest()
        self._pts, self._frames = after
        self._shot, self._transition, self._sliced = self._shot + 1, boundary.transition, False
        return closed

    def _close_rest(self) -> list[Segment]:
        """Close everything in `_pts`; its last entry is the end."""
        closed: list[Segment] = []
        while self._length > self._longest + self._rest and len(self._pts) > 2:
            closed.append(self._slice())
        if self._length > self._longest and len(self._pts) > 2:
            middle = self._pts[0] + self._length // 2
            at = bisect_right(self._pts, middle) - 1
            closed.append(self._close(min(max(at, 1), len(self._pts) - 2), sliced=True))
        closed.append(self._close(len(self._pts) - 1, sliced=self._sliced))
        return closed

    @property
    def _length(self) -> int:
        return self._pts[-1] - self._pts[0]

    def _slice(self) -> Segment:
        at = bisect_right(self._pts, self._pts[0] + self._longest) - 1
        return self._close(max(1, at), sliced=True)

    def _close(self, at: int, *, sliced: bool) -> Segment:
        """Close the open segment before the frame at position `at` of `_pts`."""
        segment = Segment(
            id=f"s{self._index:04d}",
            index=self._index,
            shot=self._shot,
            start=self.clock.at(self._pts[0], self._frames[0]),
            end=self.clock.at(self._pts[at], self._frames[at]),
            kind="slice" if sliced else "shot",
            transition=self._transition,
        )
        del self._pts[:at]
        del self._frames[:at]
        self._index += 1
        self._sliced = sliced
        return segment
