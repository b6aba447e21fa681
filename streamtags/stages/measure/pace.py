"""How fast an edit is cut, measured on the shots so far: later shots never change an earlier result."""

from __future__ import annotations

from collections import deque

from streamtags.core.model import EvidenceValue, Segment

__all__ = ["PaceMeter"]

_WINDOW_SHOTS = 8


class PaceMeter:
    """Counts shots as segments arrive in order; remembers where the last 8 began.

    The window is the last 8 shots, including the segment's own, rather than a number of seconds: it is short where cutting is fast, so
    that a montage shows at once, and long takes still count several shots.
    """

    def __init__(self) -> None:
        self._starts: deque[tuple[int, float]] = deque(maxlen=_WINDOW_SHOTS)
        self._first_shot: int | None = None

    def measure(self, segment: Segment) -> dict[str, EvidenceValue]:
        """Return the pace up to the end of `segment`.

        `shot_seconds` is the shot's length up to the segment's end: all of it, unless the segment is a slice and not the last.
        `cuts_per_minute` is how many shots began by a transition of any kind within the window, over the window's length; the source's
        own start is none.
        """
        start, end = segment.start.seconds, segment.end.seconds
        if self._first_shot is None:
            self._first_shot = segment.shot
        if not self._starts or self._starts[-1][0] != segment.shot:
            self._starts.append((segment.shot, start))
        window = end - self._starts[0][1]
        cuts = sum(number != self._first_shot for number, _ in self._starts)
        return {
            "shot_seconds": round(end - self._starts[-1][1], 3),
            "cuts_per_minute": round(60 * cuts / window, 2) if window > 0 else 0.0,
        }
