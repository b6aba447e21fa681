"""Hard cuts: a step from one frame to the next that stands out, stays, and shows something new."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from streamtags.shots.candidates import Candidate
from streamtags.shots.options import DetectorOptions, Timing
from streamtags.shots.window import UNIFORM_VARIANCE, FrameWindow

__all__ = ["CutFinder"]

_MIN_FRAMES = 2  # frames that must come before a cut
_MIN_LAYOUT_STEP, _MIN_PALETTE_STEP = 4.0, 0.1  # smaller steps are compression noise, at any contrast
_STILL_STEP = 1.0  # added to the steps around a cut, so that a still picture does not make the contrast infinite
_ALIKE_SHARE = 0.35  # share of a step, layout times palette, below which two pictures of a shot are alike
_RETURN_MATCH = 0.4  # share of matching blocks above which a picture is one that was shown before


class CutFinder:
    """Looks for a cut at one frame, given the frames around it.

    Args:
        window: the frames.
        timing: lengths of time in frames.
        options: thresholds.
    """

    def __init__(self, window: FrameWindow, timing: Timing, options: DetectorOptions) -> None:
        self._window = window
        self._settle = timing.settle
        self._threshold = options.cut
        self._max_contrast = options.contrast
        self._match_weight = options.found

    def examine(self, at: int, starts: Sequence[int]) -> Candidate | None:
        """The cut at frame `at`, if there is one; `starts` are the frames at which earlier shots begin."""
        if at < _MIN_FRAMES:
            return None
        layout, palette = self._window.step[at % self._window.size]
        if layout < _MIN_LAYOUT_STEP or palette < _MIN_PALETTE_STEP:
            return None
        contrast = layout / (self._activity(at) + _STILL_STEP)
        if contrast < 1.0:
            return None
        change = self._lasting_change(at)
        if change is None:
            return None
        strength = change * min(self._max_contrast, contrast) / self._threshold
        if strength >= 1.0:
            strength *= 1.0 - self._match_weight * self._window.matching_share(at - 1, at)
        if strength >= 1.0 and not self._returns(at, starts):
            return Candidate(at, "cut", strength, at, at, (at, at))
        return None

    def _activity(self, at: int) -> float:
        """How large the steps around `at` are, on the busier side."""
        window, last = self._window, self._window.count - 1
        sides = range(max(1, at - self._settle), at), range(at + 1, min(last, at + self._settle - 1) + 1)
        return max(_mean_of_larger_half([window.step[i % window.size][0] for i in side]) for side in sides)

    def _lasting_change(self, at: int) -> float | None:
        """Change from the pictures before `at` to those after it, 0 to 1.2; None if one after resembles one before."""
        window, last = self._window, self._window.count - 1
        offsets = sorted({0, 1, self._settle // 2, self._settle - 1})
        pairs = [(at - 1 - i, at + j) for i in offsets for j in offsets if at - 1 - i >= 0 and at + j <= last]
        layout = sqrt(min(window.layout_distance(*pair) for pair in pairs))
        palette = min(window.palette_distance(*pair) for pair in pairs)
        if layout < _MIN_LAYOUT_STEP or palette < _MIN_PALETTE_STEP:
            return None
        content = sqrt(window.variance[(at - 1) % window.size]) + sqrt(window.variance[at % window.size]) + sqrt(UNIFORM_VARIANCE)
        return sqrt(min(1.0, layout / content) * palette)

    def _returns(self, at: int, starts: Sequence[int]) -> bool:
        """Whether the shot shows again what it showed before, as after something passed close by or a damaged picture."""
        window, size = self._window, self._window.size
        earlier = np.arange(max(0, window.count - size, *starts), at - self._settle)
        if not earlier.size:
            return False
        after = min(at + 1, window.count - 1)
        layouts = np.sqrt(window.distance[after % size, earlier % size])
        changes = layouts * np.linalg.norm(window.palettes[earlier % size] - window.palettes[after % size], axis=1)
        alike = int(np.argmin(changes))
        layout, palette = window.step[at % size]
        return float(changes[alike]) < _ALIKE_SHARE * layout * palette and (
            window.matching_share(int(earlier[alike]), after) > _RETURN_MATCH
        )


def _mean_of_larger_half(steps: list[float]) -> float:
    """Robust size of steps: a repeated frame does not lower it much, and one flash does not decide it."""
    steps.sort(reverse=True)
    half = steps[: max(1, (len(steps) + 1) // 2)]
    return sum(half) / len(half) if half else 0.0
