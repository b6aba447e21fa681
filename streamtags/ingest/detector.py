"""A detector of hard cuts, dissolves and fades that any PySceneDetect `SceneManager` can run.

A frame becomes two short vectors: its *layout* (mean colours of 16x9 cells) and its *palette* (HSV histograms of the four quarters,
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

from dataclasses import dataclass
from math import sqrt
from typing import Literal

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
_PIXELS = _SMALL[0] * _SMALL[1]
_BINS = (6, 4, 8, 4)  # hue, saturation, value, quarter of the picture
_RANGES = (0, 180, 0, 256, 0, 256, 0, 4)
_BLOCK, _REACH = 12, 8  # block matching on the 64x36 picture: side of a block, how far it may have moved
_NOISE = 36.0  # variance of layout below which a picture counts as uniform: 6 of 255 levels
_MAX_RATE = 240.0  # the highest frame rate `event_buffer_length` must hold for, as PySceneDetect's own filter assumes


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
    leg: Literal["out", "in", ""] = ""


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
        # two steps cost less than one, with nearly the same result
        double = cv2.resize(bgr, (2 * _SMALL[0], 2 * _SMALL[1]), interpolation=cv2.INTER_AREA)
        small = cv2.resize(double, _SMALL, interpolation=cv2.INTER_AREA)
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
        np.dot(self.layouts, layout, out=row)
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
                if deviation[0, 0] < 3.0:  # nothing to match: a flat block is found where it was as bright
                    hits += abs(mean[0, 0] - cv2.mean(same)[0]) < 12.0
                    continue
                near = old[max(0, y - _REACH) : y + _BLOCK + _REACH, max(0, x - _REACH) : x + _BLOCK + _REACH]
                hits += cv2.minMaxLoc(cv2.matchTemplate(near, block, cv2.TM_CCOEFF_NORMED))[1] > 0.8
        return hits / blocks


class StreamtagsDetector(SceneDetector):
    """Finds hard cuts, dissolves and fades in one pass; see the module for how.

    It keeps `2 * lookahead_seconds` of measurements, a few MB at most, and reports a boundary at most `lookahead_seconds` late.
    `events` holds every boundary so far with its kind. Frames may have any size, and change it.

    Args:
        layout: change of layout, in levels of 255 (RMS), that a cut needs if its palette changes just enough.
        palette: change of palette, 0 to 1.41, that a cut needs if its layout changes just enough; what counts is the product of both.
        contrast: how many times larger than the steps around it a cut's step must be.
        found: share of blocks found again above which a step is taken for motion, a title or a flash.
        settle_seconds: how long before and after a step must differ; the longest flash that is recognised as one.
        min_shot_seconds: of cuts closer than this, the strongest counts.
        gradual: find dissolves and fades.
        change: change of palette that a dissolve or fade needs, after what `bend` and `detail` take off it.
        bend: how much a path off the straight line takes off.
        detail: how much detail that stays takes off.
        hold_seconds: fading out and in again through a uniform picture that lasts no longer is one transition.
        edge_seconds: a fade this close to the first or last frame starts or ends the source and is no boundary.
        lookahead_seconds: how late a boundary may be reported.

    Raises:
        ValueError: a length of time is negative, or the lookahead is too short for the rest.
    """

    def __init__(
        self,
        *,
        layout: float = 12.0,
        palette: float = 0.3,
        contrast: float = 1.6,
        found: float = 0.5,
        settle_seconds: float = 0.24,
        min_shot_seconds: float = 0.12,
        gradual: bool = True,
        change: float = 0.42,
        bend: float = 1.4,
        detail: float = 0.37,
        hold_seconds: float = 0.25,
        edge_seconds: float = 0.5,
        lookahead_seconds: float = 1.44,
    ) -> None:
        super().__init__()
        if min(settle_seconds, min_shot_seconds, hold_seconds, edge_seconds) < 0:
            raise ValueError("a length of time is negative")
        if lookahead_seconds < max(edge_seconds, settle_seconds + min_shot_seconds):
            raise ValueError("lookahead_seconds must cover edge_seconds, and settle_seconds and min_shot_seconds together")
        self.layout = layout
        self.palette = palette
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
        """Frames a boundary may be reported late at `rate` frames a second."""
        return max(8, round(self.lookahead_seconds * rate))

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
        if layout < 0.5 * self.layout or palette < 0.5 * self.palette:
            return
        around = range(max(1, at - self._settle), at), range(at + 1, min(last, at + self._settle - 1) + 1)
        busy_layout, busy_palette = (max(self._busy([window.step[i % size][k] for i in side]) for side in around) for k in (0, 1))
        contrast = sqrt(layout / (busy_layout + 1.0) * palette / (busy_palette + 0.02))
        if contrast < self.contrast:
            return
        offsets = sorted({0, 1, self._settle // 2, self._settle - 1})
        pairs = [(at - 1 - i, at + j) for i in offsets for j in offsets if at - 1 - i >= 0 and at + j <= last]
        stays = sqrt(min(window.between(*pair) for pair in pairs)) * min(window.palette_between(*pair) for pair in pairs)
        strength = sqrt(stays / (self.layout * self.palette))
        if strength >= 1.0 and window.found(at - 1, at) <= self.found:
            self._pending.append(_Candidate(at, "cut", strength * contrast / self.contrast, at, at))

    @staticmethod
    def _busy(steps: list[float]) -> float:
        """The mean of the larger half: a repeated frame does not calm it, one flash does not rule it."""
        steps.sort(reverse=True)
        half = steps[: max(1, (len(steps) + 1) // 2)]
        return sum(half) / len(half) if half else 0.0

    def _look_for_gradual(self, window: _Window, middle: int, reach: int) -> None:
        start, end = middle - reach, middle + reach
        if start < 0:
            return
        whole = window.between(start, end)
        if whole < 100.0:
            return
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
        leg: Literal["out", "in", ""] = ""
        middle_share = 0.5
        before, after = float(window.variance[start % size]), float(window.variance[end % size])
        if after < max(_NOISE, 0.05 * before) and after < before:
            leg, middle_share = "out", 0.8
        elif before < max(_NOISE, 0.05 * after) and before < after:
            leg, middle_share = "in", 0.2
        at = start + self._stride * int(np.argmax(shares >= middle_share))
        self._pending.append(_Candidate(at, "gradual", score / self.change, low, high, leg))

    def _release(self, window: _Window, until: int) -> list[FrameTimecode]:
        """Settle candidates up to frame `until`: the strongest of those that overlap stands."""
        if not any(candidate.at <= until for candidate in self._pending):
            return []
        standing: list[_Candidate] = []
        for candidate in sorted(self._pending, key=lambda c: (c.kind == "gradual", -c.strength)):
            if not any(self._collide(candidate, other) for other in standing):
                standing.append(candidate)
        standing.sort(key=lambda c: c.at)
        self._pending = [candidate for candidate in self._pending if candidate.at > until]
        found = []
        for candidate, following in zip(standing, [*standing[1:], None], strict=True):
            if candidate.at > until:
                break
            found += self._accept(window, candidate, following)
        self.events += found
        return [event.timecode for event in found]

    def _collide(self, a: _Candidate, b: _Candidate) -> bool:
        if a.kind == b.kind == "cut":
            return abs(a.at - b.at) < self._apart
        return a.low <= b.high + 1 and b.low <= a.high + 1

    def _accept(self, window: _Window, candidate: _Candidate, following: _Candidate | None) -> list[ShotEvent]:
        last, at = self._last, candidate.at
        if last is not None and (self._collide(candidate, last) or at - last.at < 2):
            return []
        if (candidate.leg == "in" and candidate.low < self._edge) or (
            candidate.leg == "out" and window.count - candidate.high < self._edge
        ):
            return []
        self._last = candidate
        if last is not None and candidate.leg == "in" and last.leg == "out" and candidate.low - last.high <= self._hold:
            return []  # the second half of a fade through black or white
        if candidate.leg == "out" and following is not None and following.leg == "in" and following.low - candidate.high <= self._hold:
            at = max(at, (candidate.high + following.low) // 2)
        timecode = window.timecodes[at % window.size]
        return [] if timecode is None else [ShotEvent(timecode, candidate.kind, candidate.strength)]
