"""Repair of timestamps: strictly rising pts, and sound that stays with the picture.

Containers are wrong in known ways: MPEG-TS counts 33 bits of 90 kHz and starts over every 26.5 hours (ISO/IEC 13818-1, 2.4.3.7), spliced
streams jump, broken muxers repeat or omit timestamps. `TimeRepair` takes the timestamps of decoded pictures and sound in order of
presentation and maps them to one continuous clock. It is pure: numbers in, numbers out.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import Generic, TypeVar

__all__ = ["TimeRepair"]

_Ticks = TypeVar("_Ticks", int, Fraction)

_LARGEST_PTS = 1 << 62  # a larger timestamp is noise, and would not fit into 64 bits after repair
_LONGEST_GAP = 86_400  # seconds; a longer hole is no variable frame rate in any container
_SYNC = 10  # seconds by which the streams of one program may lie apart around a splice
_MAX_SPLICES = 8  # latest splices that a stream which lags behind is matched with


class TimeRepair:
    """Maps raw timestamps to one clock, in ticks of the picture's time base.

    Rules, in order: a counter of `wrap_bits` is unwrapped towards the timestamp before; a jump back, or a jump forward that cannot be
    a real gap, is a splice, after which time continues one step after the frame before; a single repeated or swapped timestamp is
    placed half a step after its predecessor; a missing one a whole step. Sound follows the splices of the picture and the picture those
    of the sound, in the order of decoding, so the two stay together.

    Args:
        time_base: seconds of one tick of the picture's pts.
        step: nominal ticks from frame to frame, at least 1.
        wrap_bits: bits of the container's counter if it wraps, else None.
        longest_gap: seconds; a longer forward jump is a splice. None believes gaps up to a day (variable frame rate).
    """

    def __init__(self, time_base: Fraction, step: int, *, wrap_bits: int | None = None, longest_gap: Fraction | int | None = None) -> None:
        self._time_base = time_base
        self._step = max(1, step)
        self._wrap = 1 << wrap_bits if wrap_bits else None
        self._gap = floor(Fraction(_LONGEST_GAP if longest_gap is None else longest_gap) / time_base)
        self._sync = floor(_SYNC / time_base)
        self._offsets: list[int] = [0]
        self._picture = _Track(0)
        self._sound = _Track(Fraction(0))

    @property
    def splices(self) -> int:
        """How often the source's clock has jumped."""
        return len(self._offsets) - 1

    def picture(self, pts: int | None, duration: int = 0) -> int:
        """The repaired pts of the next picture; strictly greater than the one before.

        Args:
            pts: as decoded, in ticks; None if missing.
            duration: ticks the picture is shown, 0 if unknown.
        """
        track = self._picture
        step = track.duration or self._step
        track.duration = duration if 0 < duration <= self._gap else self._step
        raw = self._unwrapped(track, pts)
        if track.last is None:
            track.last = 0 if raw is None else raw + self._offsets[track.epoch]
            return track.last
        if raw is None:
            track.last += step
            return track.last
        time = raw + self._offsets[track.epoch]
        ahead = time - track.last
        if ahead > self._gap or ahead < -2 * step or (ahead <= 0 and track.nudged):
            time = self._splice(track, raw, track.last + step, lead=True)
        elif ahead <= 0:
            time = track.last + max(1, step // 2)
            track.nudged = True
        else:
            track.nudged = False
        track.last = time
        return time

    def sound(self, seconds: Fraction | None, length: Fraction) -> Fraction:
        """Where a run of sound begins on the picture's clock, in seconds; never before the run before it began.

        Args:
            seconds: as decoded; None if missing.
            length: seconds the run lasts.
        """
        track = self._sound
        raw = None if seconds is None else self._unwrapped(track, seconds / self._time_base)
        if raw is None:
            time = track.last + track.duration if track.last is not None else Fraction(self._picture.last or 0)
        else:
            time = raw + self._offsets[track.epoch]
            if track.last is not None:
                expected = track.last + track.duration
                if time - expected > self._gap or time < track.last:
                    time = self._splice(track, raw, expected, lead=False)
                time = max(time, track.last)
        track.last, track.duration = time, length / self._time_base
        return time * self._time_base

    def at(self, seconds: Fraction) -> Fraction:
        """The picture's time of `seconds` on the container's clock now; for text in the same container."""
        return seconds + self._offsets[self._picture.epoch] * self._time_base

    def _unwrapped(self, track: _Track[_Ticks], pts: _Ticks | None) -> _Ticks | None:
        if pts is None or abs(pts) > _LARGEST_PTS:
            return None
        if self._wrap is not None:
            near = track.raw if track.raw is not None else self._picture.raw if self._picture.raw is not None else self._sound.raw
            if near is not None:
                turns = floor(Fraction(pts - near) / self._wrap + Fraction(1, 2))
                pts -= turns * self._wrap
        track.raw = pts
        return pts

    def _splice(self, track: _Track[_Ticks], raw: _Ticks, expected: _Ticks, *, lead: bool) -> _Ticks:
        """Time of `raw` under a new offset: one that the other stream already uses if it fits, else one that makes it `expected`."""
        newest = len(self._offsets) - 1
        for epoch in range(max(track.epoch + 1, newest - _MAX_SPLICES), newest + 1):
            time = raw + self._offsets[epoch]
            if abs(time - expected) <= self._sync:
                track.epoch = epoch
                if lead and time < expected:  # the picture never runs back: both streams move up
                    self._offsets[epoch] += floor(expected - time)
                    time = expected
                return time
        self._offsets.append(floor(expected - raw))
        track.epoch = newest + 1
        return raw + self._offsets[-1]


class _Track(Generic[_Ticks]):
    """State of one stream: raw and repaired time of its latest item, and the splice it is in."""

    __slots__ = ("duration", "epoch", "last", "nudged", "raw")

    def __init__(self, zero: _Ticks) -> None:
        self.raw: _Ticks | None = None
        self.last: _Ticks | None = None
        self.duration: _Ticks = zero
        self.epoch = 0
        self.nudged = False
