"""Numbers and times of the frames of a live source, across all connections."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from streamtags.core.model import Frame, Recorded, Resumed
from streamtags.sources.live.clock import LiveEdge, continued

__all__ = ["FrameNumbering", "Placed"]

_PAUSE_SECONDS = 1.0  # by which a clock that jumped must also lag behind ours, so that the jump is a gap
_REPEATED_SECONDS = 60  # of HLS that may be sent again after a loss
_TS_TIME_BASE = Fraction(1, 90_000)


class Placed:
    """A frame with its number and time in the whole recording.

    Attributes:
        frame: the frame.
        resumed: the gap before it has ended; None if there is none.
        late: seconds by which it is late now.
        late_at: seconds by which it would be late at a given time.
    """

    __slots__ = ("frame", "late", "late_at", "resumed")

    def __init__(self, frame: Frame, resumed: Resumed | None, late: float, late_at: Callable[[float], float]) -> None:
        self.frame = frame
        self.resumed = resumed
        self.late = late
        self.late_at = late_at


class FrameNumbering:
    """Numbers frames as they are decoded, and continues their pts across gaps.

    Args:
        time_base: seconds of one tick of the recording.
        is_hls: the server keeps what it sent for a while and may send it again.
        recorded: where an earlier analysis ended; the first frame then follows a gap.
        now: the time on our clock, in seconds.
    """

    def __init__(self, time_base: Fraction, *, is_hls: bool, recorded: Recorded | None, now: float) -> None:
        self._time_base = time_base
        self._is_hls = is_hls
        self._count = 0 if recorded is None else recorded.frames
        self._end = None if recorded is None else recorded.end_pts
        self._begin = None if recorded is None else recorded.start_pts
        self._offset = 0
        self._edge = LiveEdge() if recorded is None else LiveEdge(float(recorded.end_pts * time_base) + recorded.ago - now)
        self.is_away = recorded is not None
        """Whether the next frame follows a gap."""

    @property
    def offset_seconds(self) -> float:
        """Seconds from the source's own clock to the recording's."""
        return float(self._offset * self._time_base)

    def repeats(self, own: int) -> bool:
        """Whether a frame with the source's own pts `own` was received before the gap, as HLS sends it again."""
        if not self.is_away or self._end is None or not self._is_hls:
            return False
        return 0 < (self._end - own - self._offset) * self._time_base <= _REPEATED_SECONDS

    def place(self, frame: Frame, own: int, duration: int, now: float, *, restarted: bool) -> Placed:
        """Give a frame its number and time.

        Args:
            frame: as its connection delivers it.
            own: its pts there, in ticks of the recording.
            duration: its duration in those ticks.
            now: when it arrived.
            restarted: the source's clock has jumped since the frame before. If time has passed as well, another sender has taken over
                before the source counted as lost, and there is a gap.
        """
        resumed = self._resume(own, now, restarted=restarted)
        self.is_away = False
        pts = own + self._offset if self._end is None else max(own + self._offset, self._end)
        self._begin = pts if self._begin is None else self._begin
        if pts != frame.pts:
            frame.still.pts = pts
        seconds = float(pts * self._time_base)
        edge = self._edge
        late = edge.see(seconds, now)
        placed = Frame(self._count, pts, duration, frame.bgr, frame.still, frame.between)
        self._count += 1
        self._end = pts + duration
        return Placed(placed, resumed, late, lambda at: edge.late(seconds, at))

    def seconds_before(self, placed: Placed) -> Fraction:
        """Seconds of the recording before a frame."""
        return (placed.frame.pts - (self._begin or 0)) * self._time_base

    def _resume(self, own: int, now: float, *, restarted: bool) -> Resumed | None:
        """End a gap, if there is one before a frame whose own pts is `own`."""
        if self._end is None:
            return None
        expected = int(Fraction(self._edge.at(now)) / self._time_base)
        if self.is_away:
            wraps = self._time_base == _TS_TIME_BASE
            pts = continued(self._end, expected, own + self._offset, self._time_base, wraps=wraps, keeps=self._is_hls)
            self._edge = LiveEdge()
        elif restarted and (expected - own - self._offset) * self._time_base > _PAUSE_SECONDS:
            pts = expected
        else:
            return None
        self._offset = pts - own
        return Resumed(pts)
