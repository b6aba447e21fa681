"""Hard cuts: a step from one frame to the next that stands out, stays, and shows something new."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from streamtags.shots.blocks import SmallPicture, compare, shifted_correlation
from streamtags.shots.candidates import Candidate
from streamtags.shots.options import DetectorOptions, Timing
from streamtags.shots.window import UNIFORM_VARIANCE, FrameWindow

__all__ = ["CutFinder"]

_MIN_FRAMES = 2  # frames that must come before a cut
_MIN_LAYOUT_STEP, _MIN_PALETTE_STEP = 4.0, 0.1  # smaller steps are compression noise, at any contrast
_PLAIN_LAYOUT, _PLAIN_PALETTE = 50.0, 0.5  # step that counts as a whole change of palette where nothing is found again, and how far
_STILL_STEP = 1.0  # added to the steps around a cut, so that a still picture does not make the contrast infinite
_ALIKE_SHARE = 0.35  # share of a step, layout times palette, below which two pictures of a shot are alike
_NOTHING_FOUND = 0.15  # share of found blocks up to which the old picture has gone, so that movement on one side is no argument
_STILL_ACTIVITY = 0.5  # steps below which a side is still, like a page on a screen
_EQUAL_ON_SCREEN, _SCREEN_FACTOR = 0.15, 0.4  # share of equal blocks beside a still side, and what that leaves of a cut
_SAME_SCENE = 0.9  # correlation after a shift from which both pictures show one scene, moved or in another light
_JUMP_CONTRAST = 3.0  # contrast on the busier side from which a picture has jumped
_JUMP_STRENGTH = 0.35  # strength of a cut that a jump needs at least
_JUMP_EQUAL, _JUMP_FOUND = 0.1, 0.5  # shares of blocks that may be equal and that may be found again after a jump
_STALLED = 0.2  # steps below which a side is one repeated frame: where a stream stalls, the next picture jumps too
_SUDDEN_SHARE = 0.5  # share of a step that a step before it must have, for what it takes away to have come as suddenly
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
        if layout < _MIN_LAYOUT_STEP:
            return None
        calmer, busier = self._activity(at)
        contrast = layout / ((calmer + busier) / 2 + _STILL_STEP)
        plain = min(_PLAIN_PALETTE, layout / _PLAIN_LAYOUT) if contrast >= self._max_contrast else 0.0
        alone = layout / (busier + _STILL_STEP)
        may_jump = alone >= _JUMP_CONTRAST and calmer >= _STALLED
        least = _JUMP_STRENGTH if may_jump else 1.0
        if contrast < 1.0 or max(palette, plain) < _MIN_PALETTE_STEP or self._strength(at, contrast, plain) < least:
            return None
        before, after = self._window.picture(at - 1), self._window.picture(at)
        if shifted_correlation(before, after, lit=False)[0] >= _SAME_SCENE:
            return None
        found, equal = self._found(before, after)
        if found > _NOTHING_FOUND:
            contrast, plain = alone, 0.0
        strength = self._strength(at, contrast, plain) * (1.0 - self._match_weight * found)
        if calmer < _STILL_ACTIVITY and equal > _EQUAL_ON_SCREEN:
            strength *= _SCREEN_FACTOR
        if may_jump and equal <= _JUMP_EQUAL and found <= _JUMP_FOUND:
            strength = max(strength, alone / _JUMP_CONTRAST)
        if strength < 1.0 or self._returns(at, starts):
            return None
        return Candidate(at, "cut", strength, at, at, (at, at))

    def _found(self, before: SmallPicture, after: SmallPicture) -> tuple[float, float]:
        """Shares of textured blocks that match, and that are equal: the smaller of both directions."""
        there = compare(before, after)
        if there.matched <= 0.0 and there.equal <= _EQUAL_ON_SCREEN:
            return there.matched, there.equal
        back = compare(after, before)
        return min(there.matched, back.matched), min(there.equal, back.equal)

    def _activity(self, at: int) -> tuple[float, float]:
        """How large the steps around `at` are, on the calmer and on the busier side."""
        window, last = self._window, self._window.count - 1
        sides = range(max(1, at - self._settle), at), range(at + 1, min(last, at + self._settle - 1) + 1)
        calmer, busier = sorted(_mean_of_larger_half([window.step[i % window.size][0] for i in side]) for side in sides)
        return calmer, busier

    def _strength(self, at: int, contrast: float, plain: float) -> float:
        """Strength of a cut before blocks are compared.

        Args:
            at: the frame.
            contrast: of the step.
            plain: least change of palette. Two pale greys are in the same bins, and yet a card that is another grey is another card.
        """
        layout, palette = self._lasting_change(at)
        palette = max(palette, plain)
        if layout < _MIN_LAYOUT_STEP or palette < _MIN_PALETTE_STEP:
            return 0.0
        window = self._window
        content = sqrt(window.variance[(at - 1) % window.size]) + sqrt(window.variance[at % window.size]) + sqrt(UNIFORM_VARIANCE)
        return sqrt(min(1.0, layout / content) * palette) * min(self._max_contrast, contrast) / self._threshold

    def _lasting_change(self, at: int) -> tuple[float, float]:
        """Smallest distances, of layout and of palette, from pictures before `at` to those after it; small if one resembles another."""
        window, last = self._window, self._window.count - 1
        offsets = sorted({0, 1, self._settle // 2, self._settle - 1})
        pairs = [(at - 1 - i, at + j) for i in offsets for j in offsets if at - 1 - i >= 0 and at + j <= last]
        layout = sqrt(min(window.layout_distance(*pair) for pair in pairs))
        return layout, min(window.palette_distance(*pair) for pair in pairs)

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
        if changes[alike] >= _ALIKE_SHARE * layout * palette:
            return False
        came = int(earlier[alike]) + 1
        if max(window.step[i % size][0] for i in range(came, at)) < _SUDDEN_SHARE * layout:
            return False
        return compare(window.picture(came - 1), window.picture(after)).alike > _RETURN_MATCH


def _mean_of_larger_half(steps: list[float]) -> float:
    """Robust size of steps: a repeated frame does not lower it much, and one flash does not decide it."""
    steps.sort(reverse=True)
    half = steps[: max(1, (len(steps) + 1) // 2)]
    return sum(half) / len(half) if half else 0.0
