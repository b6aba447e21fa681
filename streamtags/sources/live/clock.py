"""Time of a live source: how late a frame is, and what time it is after the source has been away. Pure: numbers in, numbers out."""

from __future__ import annotations

from fractions import Fraction
from math import inf

__all__ = ["LiveEdge", "continued"]

# How fast the earliest frame is forgotten, in seconds a second: well above the drift of two quartz clocks.
_FORGOTTEN = 0.001
# A source's own clock is believed after a gap if it agrees with ours to so many seconds: probing a stream anew takes some of them.
_OWN_CLOCK_SECONDS = 10.0
_WRAP = 1 << 33  # of MPEG-TS (ISO/IEC 13818-1, 2.4.3.7)


class LiveEdge:
    """Where a live source is now, by the frame that came with the least delay.

    Frames come in bursts: after probing, and of HLS always. The one that is furthest ahead of the clock has been delayed least, and the
    others are late by comparison.
    """

    def __init__(self, ahead: float = -inf) -> None:
        self._ahead = ahead  # of the source's time over ours, at its most
        self._told = -inf

    def see(self, seconds: float, now: float) -> float:
        """A frame of `seconds` on the source's clock is here `now`; how many seconds late it is."""
        if self._told > -inf:
            self._ahead -= _FORGOTTEN * max(0.0, now - self._told)
        self._told = now
        self._ahead = max(self._ahead, seconds - now)
        return self.late(seconds, now)

    def late(self, seconds: float, now: float) -> float:
        """How late a frame of `seconds` would be if it were looked at `now`."""
        return self._ahead - (seconds - now)

    def at(self, now: float) -> float:
        """What the source's clock says `now`."""
        return now + self._ahead


def continued(end: int, expected: int, own: int, time_base: Fraction, *, wraps: bool = False, keeps: bool = False) -> int:
    """The pts at which a source goes on that was away.

    Args:
        end: where what was received before it ended.
        expected: where it would be by the wall clock; not before `end`.
        own: what it says itself, on the clock it had before.
        time_base: seconds of a tick.
        wraps: its counter starts over at 33 bits.
        keeps: the server keeps what it sent for a while, so that the source may go on from where it was, however long it was away.

    Returns:
        `own`, wraps undone, where it goes on from `end` and agrees with the wall clock to ten seconds, or is behind it where the server
        keeps what it sent: the sender has kept its clock, so this is exact. Otherwise `expected`: the sender began anew.
    """
    expected = max(end, expected)
    if wraps:
        own += round(Fraction(expected - own, _WRAP)) * _WRAP
    ahead = (own - expected) * time_base
    near = ahead <= _OWN_CLOCK_SECONDS and (keeps or ahead >= -_OWN_CLOCK_SECONDS)
    return own if own >= end and near else expected
