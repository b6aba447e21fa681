"""Time of a live source: how late a frame is, and what time it is after a gap. Pure: numbers in, numbers out."""

from __future__ import annotations

from fractions import Fraction
from math import inf

__all__ = ["LiveEdge", "continued"]

# How fast the reference frame loses weight, in seconds a second: well above the drift of two quartz clocks.
_REFERENCE_DECAY = 0.001
# Seconds by which a source's own clock may differ from ours after a gap and still be believed: analyzing a stream anew takes some.
_OWN_CLOCK_SECONDS = 10.0
_WRAP = 1 << 33  # of MPEG-TS (ISO/IEC 13818-1, 2.4.3.7)


class LiveEdge:
    """Where a live source is now, measured by the frame that arrived with the least delay.

    Frames arrive in bursts: after the stream has been analyzed, and always with HLS. The frame that is furthest ahead of the clock has
    been delayed least, and the others are late by comparison.
    """

    def __init__(self, ahead: float = -inf) -> None:
        self._ahead = ahead  # largest lead of the source's time over ours, in seconds
        self._latest = -inf

    def see(self, seconds: float, now: float) -> float:
        """Take note that a frame of `seconds` on the source's clock arrives `now`; return how many seconds late it is."""
        if self._latest > -inf:
            self._ahead -= _REFERENCE_DECAY * max(0.0, now - self._latest)
        self._latest = now
        self._ahead = max(self._ahead, seconds - now)
        return self.late(seconds, now)

    def late(self, seconds: float, now: float) -> float:
        """Return how late a frame of `seconds` would be at the time `now`."""
        return self._ahead - (seconds - now)

    def at(self, now: float) -> float:
        """Return the source's time at our time `now`."""
        return now + self._ahead


def continued(end: int, expected: int, own: int, time_base: Fraction, *, wraps: bool = False, keeps: bool = False) -> int:
    """Return the pts at which a source continues after a gap.

    Args:
        end: pts at which the frames received before the gap end.
        expected: pts by the wall clock; not before `end`.
        own: pts by the source's own clock.
        time_base: seconds of a tick.
        wraps: its counter starts over at 33 bits.
        keeps: the server keeps what it sent for a while, so the source may continue where it was, however long the gap.

    Returns:
        `own`, wraps undone, if it continues after `end` and agrees with the wall clock to ten seconds, or is behind it where the server
        keeps what it sent: the sender has kept its clock, so this is exact. Otherwise `expected`: the sender began anew.
    """
    expected = max(end, expected)
    if wraps:
        own += round(Fraction(expected - own, _WRAP)) * _WRAP
    ahead = (own - expected) * time_base
    near = ahead <= _OWN_CLOCK_SECONDS and (keeps or ahead >= -_OWN_CLOCK_SECONDS)
    return own if own >= end and near else expected
