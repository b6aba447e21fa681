"""Shots that the source gives itself, such as the clips of an edit."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from streamtags.core.model import Boundary, Frame

__all__ = ["GivenShots"]


class GivenShots:
    """A `ShotDetector` that does not use the pictures: it reports given boundaries when their frames come.

    A boundary at a frame that never comes, because it could not be decoded, is reported at the next frame. A boundary at the first frame
    is left out, because a shot begins there anyway.

    Args:
        boundaries: in rising order of `index`.
    """

    lookahead = 0

    def __init__(self, boundaries: Sequence[Boundary]) -> None:
        self._coming = deque(boundaries)
        self._started = False

    def push(self, frame: Frame) -> Sequence[Boundary]:
        """Take the next frame; return the boundary at it, if there is one."""
        boundary: Boundary | None = None
        while self._coming and self._coming[0].index <= frame.index:
            boundary = self._coming.popleft()
        started, self._started = self._started, True
        return (Boundary(frame.index, boundary.transition),) if boundary is not None and started else ()

    def finish(self) -> Sequence[Boundary]:
        """Return nothing: boundaries after the last frame do not exist."""
        return ()
