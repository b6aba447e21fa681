"""What every export format is, and what it may be told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from streamtags.core.events import Event
from streamtags.core.state import TimelineState
from streamtags.core.timebase import Clock, Time, nominal, parse_timecode

__all__ = ["Export", "Options", "Timecodes"]


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may choose about an export.

    Attributes:
        rate: frames a second of the timeline exported to; None keeps the source's.
        start_timecode: SMPTE label of its first frame; None keeps the source's.
    """

    rate: Fraction | None = None
    start_timecode: str | None = None


Render = Callable[[TimelineState, Iterable[Event], Options], str]


@dataclass(frozen=True, slots=True)
class Export:
    """A format.

    Attributes:
        name: as given to `--format`.
        suffix: of a file of this format, with its dot.
        media_type: for HTTP.
        text: renders state and log; a format uses the one or the other.
    """

    name: str
    suffix: str
    media_type: str
    text: Render

    def render(self, state: TimelineState, events: Iterable[Event], options: Options | None = None) -> str:
        """The timeline in this format.

        Raises:
            UsageError: the options do not fit the timeline.
        """
        return self.text(state, events, options or Options())


class Timecodes:
    """Labels the moments of a timeline, at the rate and from the start timecode that the options ask for.

    At another rate than the source's the count is non-drop, from the source's start label with its frames scaled, unless a start
    timecode says otherwise: editors keep 01:00:00:00 when they conform.

    Raises:
        UsageError: the start timecode is none at that rate.
    """

    def __init__(self, state: TimelineState, options: Options) -> None:
        self._clock: Clock | None = None
        if not state.segments or state.source is None or options == Options():
            return
        video, first = state.source.video, state.segments[0].start
        rate, start = options.rate or video.rate, options.start_timecode or video.start_timecode
        if options.start_timecode is None and rate != video.rate:
            start = f"{start[:8]}:{int(start[9:]) * nominal(rate) // nominal(video.rate):02d}"
        frame, drop = parse_timecode(start, rate)
        self._clock = Clock(time_base=first.time_base, rate=rate, start_pts=first.pts, start_frame=frame, drop=drop)

    def label(self, time: Time) -> str:
        """The SMPTE label of a moment."""
        return time.timecode if self._clock is None else self._clock.at(time.pts, time.frame).timecode
