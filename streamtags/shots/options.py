"""Options of the shot detector, and the same lengths of time in frames."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MAX_RATE", "DetectorOptions", "Timing"]

MAX_RATE = 240.0
"""Frames a second above which windows grow no further: some containers claim 90000. PySceneDetect's own filter has the same limit."""

_DEFAULT_RATE = 25.0  # of a timecode without a rate
_ANALYZED_RATE = 30.0  # gradual transitions are searched for in no more frames a second than this
_WINDOW_HALF_SECONDS = (0.2, 0.36, 0.56, 0.88)  # half lengths of the windows in which gradual transitions are searched for
_MIN_LOOKAHEAD_FRAMES, _MIN_SETTLE_FRAMES, _MIN_WINDOW_HALF_FRAMES = 8, 3, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorOptions:
    """What `StreamtagsDetector` accepts; `docs/topics/shots.md` shows how the defaults were chosen.

    Attributes:
        cut: threshold of a cut: its change (0 to 1.2) times its contrast, less what matches the picture before.
        contrast: upper limit of the contrast, which is how many times larger a step is than the steps around it.
        found: share taken off a cut if every block of the new picture matches the old one, as in motion or below a title.
        settle_seconds: how long the pictures before and after a cut must differ; the longest flash that is recognized as one.
        min_shot_seconds: of cuts closer than this, the strongest counts.
        gradual: find dissolves and fades.
        change: change of palette that a dissolve or fade needs, after `bend` and `detail` have been taken off.
        bend: weight of the distance from a straight line.
        detail: weight of the detail that remains in the middle of the transition.
        hold_seconds: a fade out and in again through a uniform picture that lasts no longer is one transition.
        edge_seconds: a dissolve or fade this close to the first or last frame opens or closes the source and is no boundary.
        lookahead_seconds: the longest delay with which a boundary is reported.

    Raises:
        ValueError: a length of time is negative, or the lookahead is too short for the other lengths.
    """

    cut: float = 1.4
    contrast: float = 6.0
    found: float = 0.75
    settle_seconds: float = 0.24
    min_shot_seconds: float = 0.12
    gradual: bool = True
    change: float = 0.65
    bend: float = 1.4
    detail: float = 0.37
    hold_seconds: float = 0.4
    edge_seconds: float = 0.5
    lookahead_seconds: float = 1.44

    def __post_init__(self) -> None:
        if min(self.settle_seconds, self.min_shot_seconds, self.hold_seconds, self.edge_seconds) < 0:
            raise ValueError("a length of time is negative")
        if self.lookahead_seconds < max(self.edge_seconds, self.settle_seconds + self.min_shot_seconds):
            raise ValueError("lookahead_seconds must cover edge_seconds, and settle_seconds and min_shot_seconds together")

    def lookahead(self, rate: float) -> int:
        """Frames by which a boundary may be reported late at `rate` frames a second."""
        return max(_MIN_LOOKAHEAD_FRAMES, round(self.lookahead_seconds * min(rate, MAX_RATE)))


@dataclass(frozen=True, slots=True)
class Timing:
    """The options' lengths of time in frames.

    Attributes:
        lookahead: frames by which a boundary may be reported late.
        settle: frames before and after a cut that must differ.
        min_shot: frames between two cuts that both count.
        hold: longest uniform picture in the middle of one fade.
        edge: frames at both ends of the source in which gradual transitions do not count.
        stride: frames from one picture examined for gradual transitions to the next.
        halves: half lengths of the windows for gradual transitions, ascending.
    """

    lookahead: int
    settle: int
    min_shot: int
    hold: int
    edge: int
    stride: int
    halves: tuple[int, ...]

    @classmethod
    def at(cls, rate: float | None, options: DetectorOptions) -> Timing:
        """The lengths at `rate` frames a second; None counts as 25."""
        rate = min(rate or _DEFAULT_RATE, MAX_RATE)
        lookahead = options.lookahead(rate)
        stride = max(1, round(rate / _ANALYZED_RATE))
        halves = {max(_MIN_WINDOW_HALF_FRAMES, round(seconds * rate / stride)) * stride for seconds in _WINDOW_HALF_SECONDS}
        return cls(
            lookahead=lookahead,
            settle=max(_MIN_SETTLE_FRAMES, round(options.settle_seconds * rate)),
            min_shot=max(1, round(options.min_shot_seconds * rate)),
            hold=round(options.hold_seconds * rate),
            edge=round(options.edge_seconds * rate),
            stride=stride,
            halves=tuple(sorted(half for half in halves if half < lookahead)),
        )
