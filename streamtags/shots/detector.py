"""A detector of hard cuts, dissolves and fades that any PySceneDetect `SceneManager` can run.

A frame becomes two short vectors: its *layout* (mean colors of 16x9 cells) and its *palette* (HSV histograms of the four quarters,
square-rooted, so that Euclidean distance is the Hellinger distance). Every decision is made from distances inside a short window.

A **cut** is a step that stays. It stands out from the steps around it; no frame shortly before it resembles one shortly after it (a
flash comes back); and few blocks of the new picture match the old one (most do where something moves or a title appears). The last idea
is the comparison of inter and intra cost by which encoders place keyframes.

A **gradual** transition is a straight line: a mixed frame `M = (1 - a) S + a E` lies on the line from the frame before, `S`, to the
frame after, `E`. The three distances between S, M and E give `a` (law of cosines) and the distance of M from the line, its *bend*:
motion bends the path, mixing does not. Two overlaid pictures also have less *detail* than either (A. Hampapur et al., Production
model based digital video segmentation, 1995; R. Lienhart, Comparison of automatic shot boundary detection algorithms, 1999).
A fade is the same line with one uniform end; a fade out and in again through a short black or white is one transition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode
from scenedetect.detector import SceneDetector

from streamtags.shots.candidates import BoundaryKind, Candidate, Candidates
from streamtags.shots.cuts import CutFinder
from streamtags.shots.gradual import GradualFinder
from streamtags.shots.options import MAX_RATE, DetectorOptions, Timing
from streamtags.shots.window import FrameWindow

__all__ = ["ShotEvent", "StreamtagsDetector"]


@dataclass(frozen=True, slots=True)
class ShotEvent:
    """A boundary: `timecode` is the first frame of the new shot or the middle of a gradual transition; `strength` is 1 at threshold."""

    timecode: FrameTimecode
    kind: BoundaryKind
    strength: float


class StreamtagsDetector(SceneDetector):
    """Finds hard cuts, dissolves and fades in one pass; the module describes the method.

    It keeps `2 * lookahead_seconds` of measurements, a few MB at most, and reports a boundary at most `lookahead_seconds` late.
    `events` contains every boundary so far with its kind. Frames may have any size, and change it.

    Args:
        options: the fields of `DetectorOptions`, by name.

    Raises:
        TypeError: an option that does not exist.
        ValueError: a length of time is negative, or the lookahead is too short for the other lengths.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = DetectorOptions(**options)
        self.events: list[ShotEvent] = []
        self._run: _Run | None = None

    @property
    def event_buffer_length(self) -> int:
        """Frames by which a boundary may be reported late, at any frame rate up to 240."""
        return self.lookahead(MAX_RATE)

    def lookahead(self, rate: float) -> int:
        """Frames by which a boundary may be reported late at `rate` frames a second; 36 at 25."""
        return self.options.lookahead(rate)

    def get_metrics(self) -> list[str]:
        """Names of the values in a stats file: the step from the frame before, of layout and of palette."""
        return ["layout_step", "palette_step"]

    def process_frame(self, timecode: FrameTimecode, frame_img: NDArray[np.uint8]) -> list[FrameTimecode]:
        """Take the next frame, BGR uint8 [height, width, 3]; return the boundaries that have become certain, in order."""
        run = self._run = self._run or _Run(timecode.frame_rate, self.options)
        boundaries = run.push(timecode, frame_img)
        if self.stats_manager is not None:
            self.stats_manager.set_metrics(timecode, dict(zip(self.get_metrics(), run.latest_step, strict=True)))
        return self._publish(boundaries)

    def post_process(self, timecode: FrameTimecode) -> list[FrameTimecode]:
        """The boundaries that are still open after the last frame."""
        return [] if self._run is None else self._publish(self._run.finish())

    def _publish(self, events: Sequence[ShotEvent]) -> list[FrameTimecode]:
        self.events += events
        return [event.timecode for event in events]


class _Run:
    """One pass over a source whose frame rate is known."""

    def __init__(self, rate: Fraction | None, options: DetectorOptions) -> None:
        self._timing = timing = Timing.at(None if rate is None else float(rate), options)
        self._window = window = FrameWindow(2 * timing.lookahead + 2)
        self._candidates = Candidates(window, timing)
        self._cuts = CutFinder(window, timing, options)
        self._gradual = GradualFinder(window, timing, options) if options.gradual else None

    @property
    def latest_step(self) -> tuple[float, float]:
        return self._window.step[(self._window.count - 1) % self._window.size]

    def push(self, timecode: FrameTimecode, bgr: NDArray[np.uint8]) -> list[ShotEvent]:
        self._window.push(timecode, bgr)
        now = self._window.count - 1
        self._examine_cut(now - self._timing.settle + 1)
        if self._gradual is not None:
            for candidate in self._gradual.examine_latest():
                self._candidates.add(candidate)
        return self._events(self._candidates.settle(now - self._timing.lookahead))

    def finish(self) -> list[ShotEvent]:
        for at in range(self._window.count - self._timing.settle + 1, self._window.count - 1):
            self._examine_cut(at)
        return self._events(self._candidates.settle(self._window.count))

    def _examine_cut(self, at: int) -> None:
        cut = self._cuts.examine(at, self._candidates.starts_before(at))
        if cut is not None:
            self._candidates.add(cut)

    def _events(self, boundaries: Sequence[Candidate]) -> list[ShotEvent]:
        timecodes = ((self._window.timecodes[boundary.at % self._window.size], boundary) for boundary in boundaries)
        return [ShotEvent(timecode, boundary.kind, boundary.strength) for timecode, boundary in timecodes if timecode is not None]
