"""Dissolves and fades: pictures that lie on a straight line between the first and the last one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamtags.shots.candidates import Candidate, middle_of_fade
from streamtags.shots.options import DetectorOptions, Timing
from streamtags.shots.window import FrameWindow
from streamtags.shots.wipe import follows_a_front

__all__ = ["GradualFinder"]

_MIN_CHANGE = 30.0  # mean squared distance of layouts below which no two different pictures were mixed
_MIDDLE_SHARES = (0.2, 0.8)  # share of the last picture that the middle one must contain
_MAX_MIDDLE_BEND = 0.4  # distance of the middle picture from the line, as a share of its length
_MAX_STEP = 0.5  # share of the last picture that may be added between two frames: more is a cut
_HALF_MIXED = (0.25, 0.75)  # shares between which both pictures are visible and detail is lost
_DETAIL_FLOOR = 4.0  # detail that a uniform picture is assumed to have
_MAX_DETAIL = 1.5  # times the expected detail
_BOUNDS = (0.1, 0.9)  # shares at which a transition begins and ends
_MIDDLE = 0.5
_MIN_WIPE_CHANGE, _MIN_WIPE_DETAIL = 1000.0, 0.6  # change of layout, and share of the detail that is left in the middle
_WIPE_MIDDLE_SHARES = (0.3, 0.7)  # as above: one of the windows around a wipe has it in the middle
_MIN_WIPE_PALETTE = 0.85  # change of palette that a wipe needs


class GradualFinder:
    """Looks for a gradual transition around one frame.

    Args:
        window: the frames.
        timing: lengths of time in frames.
        options: thresholds.
    """

    def __init__(self, window: FrameWindow, timing: Timing, options: DetectorOptions) -> None:
        self._window = window
        self._timing = timing
        self._threshold = options.change
        self._bend_weight = options.bend
        self._detail_weight = options.detail

    def examine_latest(self) -> list[Candidate]:
        """Gradual transitions in windows that end with the latest frame."""
        window, now = self._window, self._window.count - 1
        if now % self._timing.stride:
            return []
        candidates: list[Candidate | None] = []
        end = now % window.size
        distance = window.distance.item
        for half in self._timing.halves:
            if now < 2 * half:
                break
            start, middle = (now - 2 * half) % window.size, (now - half) % window.size
            whole = distance(end, start)
            if whole < _MIN_CHANGE:
                continue
            first = distance(middle, start)
            share = (first - distance(end, middle) + whole) / 2 / whole
            if _MIDDLE_SHARES[0] < share < _MIDDLE_SHARES[1] and first - share * share * whole <= _MAX_MIDDLE_BEND * whole:
                candidates.append(self._examine(now - half, half, whole, share))
        return [candidate for candidate in candidates if candidate is not None]

    def _examine(self, middle: int, half: int, whole: float, share: float) -> Candidate | None:
        """The transition in the window of `half` frames on both sides of `middle`, if there is one.

        Args:
            middle: the frame in the middle.
            half: frames on each side.
            whole: squared distance of the first and the last layout.
            share: of the last picture in the middle one.
        """
        window, stride, size = self._window, self._timing.stride, self._window.size
        start, end = middle - half, middle + half
        palette = window.palette_distance(start, end)
        if palette < self._threshold:
            return None
        frames = np.arange(start, end + 1, stride) % size
        from_start, to_end = window.distance[frames, start % size].copy(), window.distance[end % size, frames]
        from_start[0] = 0.0
        shares = (from_start - to_end + whole) / (2 * whole)
        bend = float(np.add.reduce(np.maximum(from_start - shares * shares * whole, 0.0))) / (len(frames) * whole)
        score = palette - self._bend_weight * bend
        centered = _WIPE_MIDDLE_SHARES[0] < share < _WIPE_MIDDLE_SHARES[1]
        may_be_wipe = centered and whole > _MIN_WIPE_CHANGE and palette >= _MIN_WIPE_PALETTE
        if score < self._threshold and not may_be_wipe:  # most windows end here
            return None
        if np.abs(shares[1:] - shares[:-1]).max() > _MAX_STEP:
            return None
        detail = self._detail_in_the_middle(frames, shares)
        score -= self._detail_weight * detail
        if score < self._threshold and may_be_wipe and detail > _MIN_WIPE_DETAIL:
            score = self._wipe_score(start, end, palette)
        if score < self._threshold:
            return None
        low, high = (start + stride * int(np.argmax(shares >= edge)) for edge in _BOUNDS)
        at = middle_of_fade(window, self._timing.hold, low, high)
        if at is None:
            at = start + stride * int(np.argmax(shares >= _MIDDLE))
        at = max(at, end - self._timing.lookahead)
        return Candidate(at, "gradual", score / self._threshold, low, high, (start, end))

    def _detail_in_the_middle(self, frames: NDArray[np.int_], shares: NDArray[np.float32]) -> float:
        """Detail where both pictures are visible, as a share of what the two have."""
        details = self._window.detail[frames]
        mixed = (shares > _HALF_MIXED[0]) & (shares < _HALF_MIXED[1])
        expected = details[0] + (details[-1] - details[0]) * shares[mixed] + _DETAIL_FLOOR
        return min(_MAX_DETAIL, float((details[mixed] / expected).mean()))

    def _wipe_score(self, start: int, end: int, palette: float) -> float:
        """Score of a wipe from `start` to `end`; 0 if it is none."""
        window = self._window
        layouts = window.layouts[np.arange(start, end + 1, self._timing.stride) % window.size]
        wipe = follows_a_front(layouts.reshape(len(layouts), -1, 3), window.columns)
        return self._threshold * palette / _MIN_WIPE_PALETTE if wipe else 0.0
