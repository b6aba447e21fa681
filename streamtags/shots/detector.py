"""A detector of hard cuts, dissolves and fades that any PySceneDetect `SceneManager` can run.

A frame becomes two short vectors: its *layout* (mean colors of 16x9 cells) and its *palette* (HSV histograms of the four quarters,
square-rooted, so that Euclidean distance is the Hellinger distance). Everything is decided from distances inside a short window.

A **cut** is a step that stays. The step from one frame to the next stands out from the steps around it; no frame shortly before it
resembles one shortly after it (a flash comes back); and few blocks of the new picture are found in the old one (most are, where
something moves or a title appears). The last is the idea of inter against intra cost that encoders place keyframes by.

A **gradual** transition is a straight line: a mixed frame `M = (1 - a) S + a E` lies on the line from the frame before, `S`, to the
frame after, `E`. The three distances between S, M and E give `a` (law of cosines) and how far off the line M lies, its *bend*:
motion bends the path, mixing does not. Two overlaid pictures also have less *detail* than either (A. Hampapur et al., Production
model based digital video segmentation, 1995; R. Lienhart, Comparison of automatic shot boundary detection algorithms, 1999).
A fade is the same line with one end uniform; out and in again through a short black or white is one transition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode
from scenedetect.detector import SceneDetector

__all__ = ["ShotEvent", "StreamtagsDetector"]

Kind = Literal["cut", "gradual"]
_Floats = NDArray[np.float32]

_CELLS = (16, 9)
_SMALL = (64, 36)
_DOUBLE = (2 * _SMALL[1], 2 * _SMALL[0], 3)
_PIXELS = _SMALL[0] * _SMALL[1]
_BINS = (6, 4, 8, 4)  # hue, saturation, value, quarter of the picture
_RANGES = (0, 180, 0, 256, 0, 256, 0, 4)
_BLOCK, _REACH = 12, 8  # block matching on the 64x36 picture: side of a block, how far it may have moved
_NOISE = 36.0  # variance of layout below which a picture counts as uniform: 6 of 255 levels
_LEAST_LAYOUT, _LEAST_PALETTE = 4.0, 0.1  # steps below these are compression noise, whatever the contrast
_ALIKE = 0.35  # share of a step, layout times palette, below which two pictures of a shot are alike
_LEAST_CHANGE = 100.0  # mean squared distance of layouts below which nothing was mixed with anything else
_MAX_RATE = 240.0  # windows in seconds are worked out for no more frames a second; PySceneDetect's own filter assumes the same


@dataclass(frozen=True, slots=True)
class ShotEvent:
    """A boundary: `timecode` is the first frame of the new shot or the middle of a gradual transition; `strength` is 1 at threshold."""

    timecode: FrameTimecode
    kind: Kind
    strength: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    at: int
    kind: Kind
    strength: float
    low: int
    high: int
    window: tuple[int, int]


class _Window:
    """The last `size` frames as vectors, and the squared layout distances between them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.layouts = np.zeros((size, _CELLS[0] * _CELLS[1] * 3), np.float32)
        self.palettes = np.zeros((size, int(np.prod(_BINS))), np.float32)
        self.grey = np.zeros((size, _SMALL[1], _SMALL[0]), np.uint8)
        self.energy = np.zeros(size, np.float32)
        self.variance = np.zeros(size, np.float32)
        self.detail = np.zeros(size, np.float32)
        self.distance = np.zeros((size, size), np.float32)  # [later, earlier], mean square over the layout
        self.step: list[tuple[float, float]] = [(0.0, 0.0)] * size  # layout and palette distance from the frame before
        self.timecodes: list[FrameTimecode | None] = [None] * size
        self.count = 0
        quarter = np.zeros((_SMALL[1], _SMALL[0]), np.uint8)
        quarter[:, _SMALL[0] // 2 :] += 1
        quarter[_SMALL[1] // 2 :] += 2
        self._quarter = quarter

    def push(self, timecode: FrameTimecode, bgr: NDArray[np.uint8]) -> None:
        """Measure a frame and let the oldest go."""
        at, before = self.count % self.size, (self.count - 1) % self.size
        if bgr.shape != _DOUBLE:  # two steps cost less than one, with nearly the same result
            bgr = cast("NDArray[np.uint8]", cv2.resize(bgr, _DOUBLE[1::-1], interpolation=cv2.INTER_AREA))
        small = cv2.resize(bgr, _SMALL, interpolation=cv2.INTER_AREA)
        layout = self.layouts[at]
        layout[:] = cv2.resize(small, _CELLS, interpolation=cv2.INTER_AREA).reshape(-1)
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY, dst=self.grey[at])
        hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
        histogram = cv2.calcHist([hsv, self._quarter], [0, 1, 2, 3], None, _BINS, _RANGES)
        np.sqrt(histogram.reshape(-1) / _PIXELS, out=self.palettes[at])
        energy = float(layout @ layout) / layout.size
        self.energy[at] = energy
        self.variance[at] = energy - (cv2.sumElems(layout)[0] / layout.size) ** 2
        self.detail[at] = (cv2.norm(grey[:, 1:], grey[:, :-1], cv2.NORM_L2SQR) + cv2.norm(grey[1:], grey[:-1], cv2.NORM_L2SQR)) / _PIXELS
        row = self.distance[at]
        np.vecdot(self.layouts, layout, out=row)  # a product by BLAS wakes its threads, which cost more than they help
        row *= -2.0 / layout.size
        row += self.energy
        row += energy
        np.maximum(row, 0.0, out=row)
        if self.count:
            self.step[at] = (sqrt(row[before]), cv2.norm(self.palettes[at], self.palettes[before]))
        self.timecodes[at] = timecode
        self.count += 1

    def between(self, earlier: int, later: int) -> float:
        """Mean squared layout distance."""
        return float(self.distance[later % self.size, earlier % self.size])

    def palette_between(self, earlier: int, later: int) -> float:
        """Distance of palettes, 0 to sqrt(2)."""
        return float(cv2.norm(self.palettes[later % self.size], self.palettes[earlier % self.size]))

    def found(self, earlier: int, later: int) -> float:
        """Share of the later frame's blocks that are found near their place in the earlier frame, whatever their brightness."""
        old, new = self.grey[earlier % self.size], self.grey[later % self.size]
        hits = blocks = 0
        for y in range(0, _SMALL[1], _BLOCK):
            for x in range(2, _SMALL[0] - _BLOCK, _BLOCK):
                block, same = new[y : y + _BLOCK, x : x + _BLOCK], old[y : y + _BLOCK, x : x + _BLOCK]
                blocks += 1
                mean, deviation = cv2.meanStdDev(block)
                brightness = mean[0, 0]
                if deviation[0, 0] >= 3.0:  # a flat block has nothing to match but its brightness
                    top, left = max(0, y - _REACH), max(0, x - _REACH)
                    near = old[top : y + _BLOCK + _REACH, left : x + _BLOCK + _REACH]
                    _, best, _, (dx, dy) = cv2.minMaxLoc(cv2.matchTemplate(near, block, cv2.TM_CCOEFF_NORMED))
                    if best < 0.8:
                        continue
                    same = near[dy : dy + _BLOCK, dx : dx + _BLOCK]
                hits += abs(brightness - cv2.mean(same)[0]) < 12.0
        return hits / blocks


class StreamtagsDetector(SceneDetector):
    """Finds hard cuts, dissolves and fades in one pass; see the module for how.

    It keeps `2 * lookahead_seconds` of measurements, a few MB at most, and reports a boundary at most `lookahead_seconds` late.
    `events` holds every boundary so far with its kind. Frames may have any size, and change it.

    Args:
        cut: what a cut needs: its change (0 to 1.2) times its contrast, less what is found again.
        contrast: how many times larger than the steps around it a step may count.
        found: how much it takes off a cut that all blocks are found again, as in motion, or most, as when a title appears.
        settle_seconds: how long before and after a step must differ; the longest flash that is recognized as one.
        min_shot_seconds: of cuts closer than this, the strongest counts.
        gradual: find dissolves and fades.
        change: change of palette that a dissolve or fade needs, after what `bend` and `detail` take off it.
        bend: how much a path off the straight line takes off.
        detail: how much detail that stays takes off.
        hold_seconds: fading out and in again through a uniform picture that lasts no longer is one transition.
        edge_seconds: a dissolve or fade this close to the first or last frame starts or ends the source and is no boundary.
        lookahead_seconds: how late a boundary may be reported.

    Raises:
        ValueError: a length of time is negative, or the lookahead is too short for the rest.
    """

    def __init__(
        self,
        *,
        cut: float = 1.4,
        contrast: float = 6.0,
        found: float = 0.75,
        settle_seconds: float = 0.24,
        min_shot_seconds: float = 0.12,
        gradual: bool = True,
        change: float = 0.65,
        bend: float = 1.4,
        detail: float = 0.37,
        hold_seconds: float = 0.4,
        edge_seconds: float = 0.5,
        lookahead_seconds: float = 1.44,
    ) -> None:
        super().__init__()
        if min(settle_seconds, min_shot_seconds, hold_seconds, edge_seconds) < 0:
            raise ValueError("a length of time is negative")
        if lookahead_seconds < max(edge_seconds, settle_seconds + min_shot_seconds):
            raise ValueError("lookahead_seconds must cover edge_seconds, and settle_seconds and min_shot_seconds together")
        self.cut = cut
        self.contrast = contrast
        self.found = found
        self.settle_seconds = settle_seconds
        self.min_shot_seconds = min_shot_seconds
        self.gradual = gradual
        self.change = change
        self.bend = bend
        self.detail = detail
        self.hold_seconds = hold_seconds
        self.edge_seconds = edge_seconds
        self.lookahead_seconds = lookahead_seconds
        self.events: list[ShotEvent] = []
        self._window: _Window | None = None
        self._pending: list[_Candidate] = []
        self._last: _Candidate | None = None

    @property
    def event_buffer_length(self) -> int:
        """Frames a boundary may be reported late, at any frame rate up to 240."""
        return self.lookahead(_MAX_RATE)

    def lookahead(self, rate: float) -> int:
        """Frames a boundary may be reported late at `rate` frames a second; 36 at 25."""
        return max(8, round(self.lookahead_seconds * min(rate, _MAX_RATE)))

    def get_metrics(self) -> list[str]:
        """Names of what is written to a stats file: the step from the frame before, of layout and of palette."""
        return ["layout_step", "palette_step"]

    def process_frame(self, timecode: FrameTimecode, frame_img: NDArray[np.uint8]) -> list[FrameTimecode]:
        """Take the next frame, BGR uint8 [height, width, 3]; return the boundaries that have become certain, in order."""
        window = self._window or self._begin(float(timecode.frame_rate or 25))
        window.push(timecode, frame_img)
        now = window.count - 1
        if self.stats_manager is not None:
            self.stats_manager.set_metrics(timecode, dict(zip(self.get_metrics(), window.step[now % window.size], strict=True)))
        self._look_for_cut(window, now - self._settle + 1)
        if self.gradual and now % self._stride == 0:
            for reach in self._reaches:
                if now >= 2 * reach and window.between(now - 2 * reach, now) >= _LEAST_CHANGE:
                    self._look_for_gradual(window, now - reach, reach)
        return self._release(window, now - self._lookahead)

    def post_process(self, timecode: FrameTimecode) -> list[FrameTimecode]:
        """The boundaries still open after the last frame."""
        if self._window is None:
            return []
        for at in range(self._window.count - self._settle + 1, self._window.count - 1):
            self._look_for_cut(self._window, at)
        return self._release(self._window, self._window.count)

    def _begin(self, rate: float) -> _Window:
        rate = min(rate, _MAX_RATE)  # some containers claim 90000
        self._lookahead = self.lookahead(rate)
        self._settle = max(3, round(self.settle_seconds * rate))
        self._apart = max(1, round(self.min_shot_seconds * rate))
        self._hold = round(self.hold_seconds * rate)
        self._edge = round(self.edge_seconds * rate)
        self._stride = max(1, round(rate / 30))
        # half lengths of the windows in which straight lines are looked for, in seconds: 0.2 to 0.88
        halves = {max(2, round(seconds * rate / self._stride)) * self._stride for seconds in (0.2, 0.36, 0.56, 0.88)}
        self._reaches = sorted(half for half in halves if half < self._lookahead)
        self._window = _Window(2 * self._lookahead + 2)
        return self._window

    def _look_for_cut(self, window: _Window, at: int) -> None:
        if at < 2:
            return
        size, last = window.size, window.count - 1
        layout, palette = window.step[at % size]
        if layout < _LEAST_LAYOUT or palette < _LEAST_PALETTE:
            return
        around = range(max(1, at - self._settle), at), range(at + 1, min(last, at + self._settle - 1) + 1)
        busy = max(self._busy([window.step[i % size][0] for i in side]) for side in around)
        contrast = layout / (busy + 1.0)
        if contrast < 1.0:
            return
        offsets = sorted({0, 1, self._settle // 2, self._settle - 1})
        pairs = [(at - 1 - i, at + j) for i in offsets for j in offsets if at - 1 - i >= 0 and at + j <= last]
        layout = sqrt(min(window.between(*pair) for pair in pairs))
        palette = min(window.palette_between(*pair) for pair in pairs)
        if layout < _LEAST_LAYOUT or palette < _LEAST_PALETTE:
            return
        content = sqrt(window.variance[(at - 1) % size]) + sqrt(window.variance[at % size]) + sqrt(_NOISE)
        change = sqrt(min(1.0, layout / content) * palette)
        strength = change * min(self.contrast, contrast) / self.cut
        if strength >= 1.0:
            strength *= 1.0 - self.found * window.found(at - 1, at)
        if strength >= 1.0 and not self._comes_back(window, at):
            self._pending.append(_Candidate(at, "cut", strength, at, at, (at, at)))

    def _comes_back(self, window: _Window, at: int) -> bool:
        """Whether the shot shows again what it showed a while ago, as after something passed close by or a smeared picture."""
        size = window.size
        cuts = [c.at for c in self._pending if c.kind == "cut" and c.at < at - 2] + ([self._last.at] if self._last else [])
        earlier = np.arange(max(0, window.count - size, *cuts), at - self._settle)
        if not earlier.size:
            return False
        after = min(at + 1, window.count - 1)
        layouts = np.sqrt(window.distance[after % size, earlier % size])
        changes = layouts * np.linalg.norm(window.palettes[earlier % size] - window.palettes[after % size], axis=1)
        alike = int(np.argmin(changes))
        layout, palette = window.step[at % size]
        return float(changes[alike]) < _ALIKE * layout * palette and window.found(int(earlier[alike]), after) > 0.4

    @staticmethod
    def _busy(steps: list[float]) -> float:
        """The mean of the larger half: a repeated frame does not calm it, one flash does not rule it."""
        steps.sort(reverse=True)
        half = steps[: max(1, (len(steps) + 1) // 2)]
        return sum(half) / len(half) if half else 0.0

    def _look_for_gradual(self, window: _Window, middle: int, reach: int) -> None:
        start, end = middle - reach, middle + reach
        whole = window.between(start, end)
        first, second = window.between(start, middle), window.between(middle, end)
        share = (first - second + whole) / 2 / whole
        if not 0.2 < share < 0.8 or first - share * share * whole > 0.4 * whole:
            return
        palette = window.palette_between(start, end)
        if palette < self.change:
            return
        size = window.size
        frames = np.arange(start, end + 1, self._stride) % size
        from_start, to_end = window.distance[frames, start % size].copy(), window.distance[end % size, frames]
        from_start[0] = 0.0
        shares = (from_start - to_end + whole) / (2 * whole)
        if np.abs(np.diff(shares)).max() > 0.5:  # a step, not a slope
            return
        bend = float(np.maximum(from_start - shares * shares * whole, 0.0).mean()) / whole
        half = (shares > 0.25) & (shares < 0.75)
        details = window.detail[frames]
        expected = details[0] + (details[-1] - details[0]) * shares[half] + 4.0
        detail = min(1.5, float((details[half] / expected).mean()))
        score = palette - self.bend * bend - self.detail * detail
        if score < self.change:
            return
        low, high = (start + self._stride * int(np.argmax(shares >= edge)) for edge in (0.1, 0.9))
        at = self._middle(window, low, high, start + self._stride * int(np.argmax(shares >= 0.5)))
        at = max(at, end - self._lookahead)
        self._pending.append(_Candidate(at, "gradual", score / self.change, low, high, (start, end)))

    def _release(self, window: _Window, until: int) -> list[FrameTimecode]:
        """Settle candidates up to frame `until`: the strongest of those that overlap stands, a cut before any gradual one."""
        if not self._pending or min(candidate.at for candidate in self._pending) > until:
            return []
        standing = [] if self._last is None else [self._last]
        for candidate in sorted(self._pending, key=lambda c: (c.kind == "gradual", -c.strength)):
            for i, other in enumerate(standing):
                if self._collide(window, candidate, other):
                    standing[i] = self._joined(other, candidate)
                    break
            else:
                standing.append(candidate)
        if self._last is not None:
            self._last = standing.pop(0)
        self._pending = [candidate for candidate in self._pending if candidate.at > until]
        found = []
        for candidate in sorted(standing, key=lambda c: c.at):
            if candidate.at <= until:
                found += self._accept(window, candidate, ended=until >= window.count)
        self.events += found
        return [event.timecode for event in found]

    def _collide(self, window: _Window, candidate: _Candidate, standing: _Candidate) -> bool:
        """Whether the evidence for `candidate` is in truth that of a stronger one."""
        if candidate.kind == standing.kind == "cut":
            return abs(candidate.at - standing.at) < self._apart
        if candidate.kind != standing.kind:
            return candidate.window[0] < standing.window[1] and standing.window[0] < candidate.window[1]
        if candidate.window[0] < standing.high and standing.low < candidate.window[1]:
            return True
        first, second = sorted((candidate, standing), key=lambda c: c.at)
        gap = second.low - first.high
        uniform = len(self._uniform(window, max(first.high, window.count - window.size), second.low)) if gap > self._hold else 0
        return uniform <= self._hold and gap - uniform <= self._hold

    @staticmethod
    def _joined(stronger: _Candidate, weaker: _Candidate) -> _Candidate:
        """Looks at one gradual transition, and the halves of a fade, show more of its length together; a longer look may see two."""
        longer = weaker.window[1] - weaker.window[0] > stronger.window[1] - stronger.window[0]
        if longer or weaker.strength < 0.6 * stronger.strength or not stronger.kind == weaker.kind == "gradual":
            return stronger
        return replace(stronger, low=min(stronger.low, weaker.low), high=max(stronger.high, weaker.high))

    def _accept(self, window: _Window, candidate: _Candidate, *, ended: bool) -> list[ShotEvent]:
        at = candidate.at
        if self._last is not None and at - self._last.at < 2:
            return []
        self._last = candidate
        if candidate.kind == "gradual":
            if candidate.low < self._edge or (ended and window.count - candidate.high < self._edge):
                return []
            at = max(at, self._middle(window, candidate.low, candidate.high, at))  # the black may have come since
        timecode = window.timecodes[at % window.size]
        return [] if timecode is None else [ShotEvent(timecode, candidate.kind, candidate.strength)]

    def _middle(self, window: _Window, low: int, high: int, otherwise: int) -> int:
        """The middle of the black or white that a fade goes through."""
        first, last = max(0, low - self._hold), min(window.count - 1, high + self._hold)
        uniform = self._uniform(window, first, last)
        if uniform.size and uniform[0] > first and uniform[-1] < last:
            return int(uniform[0] + uniform[-1]) // 2
        return otherwise

    @staticmethod
    def _uniform(window: _Window, first: int, last: int) -> NDArray[np.int_]:
        """Frames from `first` to `last` that are black, white or next to it, as against the others."""
        variance = window.variance[np.arange(first, last + 1) % window.size]
        return first + np.flatnonzero(variance < max(_NOISE, 0.02 * float(variance.max())))
