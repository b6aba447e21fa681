"""Keeping the sound of segments for the stages that listen: segments join into stretches in order, without a gap."""

from __future__ import annotations

from streamtags.core.sound import SAMPLE_RATE, Samples, SegmentSound, Stretch
from streamtags.core.timebase import Clock

__all__ = ["LEAD_SECONDS", "Stretches"]

LEAD_SECONDS = 1.0
"""Sound before and after a stretch, so that a word at its edge is whole."""
LONGEST_SECONDS = 28.0
"""With lead and tail, half a minute: the window of Whisper models."""
MOST_SEGMENTS = 100
"""A stretch of very short segments ends too, because a file waits while too many segments wait for their stretch."""


class Stretches:
    """Joins segments into stretches. Each is closed by the next segment, which begins another; the last by `close`.

    Args:
        is_live: every segment is a stretch of its own: a live source does not wait for the next.
    """

    def __init__(self, *, is_live: bool = False) -> None:
        self._is_live = is_live
        self._open: Stretch | None = None

    def add(self, start: float, end: float, samples: Samples, clock: Clock) -> SegmentSound:
        """Return the sound of the next segment, from `start` to `end` seconds.

        Args:
            start: of the segment, in seconds.
            end: of the segment, in seconds.
            samples: up to `end`, from `LEAD_SECONDS` before `start`.
            clock: of the source.
        """
        lead = round(LEAD_SECONDS * SAMPLE_RATE)
        if self._open is not None and (end - self._open.start > LONGEST_SECONDS or len(self._open.parts) >= MOST_SEGMENTS):
            self._open.tail = samples[lead : 2 * lead]
            self.close()
        if self._open is None:
            self._open = Stretch(start, start, samples[:lead])
        stretch = self._open
        stretch.parts.append(samples[lead:])
        stretch.end = end
        sound = SegmentSound(start - LEAD_SECONDS, samples, LEAD_SECONDS, stretch, clock)
        if self._is_live:
            self.close()
        return sound

    def close(self) -> None:
        """Close the open stretch: nothing follows it. Safe to call twice."""
        if self._open is not None:
            self._open.closed.set_result(None)
            self._open = None
