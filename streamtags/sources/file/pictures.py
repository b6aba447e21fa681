"""Decoded frames as pictures: a small BGR one of every frame, and the full one on request.

`streamtags.sources.file.planes` explains why swscale is not used in the common path. Frames are not deinterlaced: the small picture shows
one field, or both blended, and neither has combs.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast
from weakref import ref

import cv2
import numpy as np
from av import VideoFrame

from streamtags.core.model import Picture
from streamtags.sources.file.planes import Planes, converted, planes_of, shrunk

__all__ = ["FrameStill", "Orientation", "Shrinker", "StillKeeper", "orientation_of", "small_size"]

KEPT_PIXELS = 1 << 20
"""A still of at most this many pixels keeps the decoder's frame."""

KEPT_SIDE = 1280
"""A larger still is halved until no side is longer than this."""

_SMOOTHED_SIDE = 128  # longer side of an analysis picture up to which its luma is reduced in two steps
_MIN_SIDE = 16  # of the analysis picture, in pixels


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a stored picture becomes upright: mirrored top to bottom if `flip`, then turned clockwise by `turns` quarters."""

    turns: int = 0
    flip: bool = False

    @property
    def swaps(self) -> bool:
        """Whether width and height change places."""
        return self.turns % 2 == 1

    def upright(self, picture: Picture) -> Picture:
        """Return `picture` the right way up."""
        if self.flip:
            picture = cast("Picture", cv2.flip(picture, 0))
        if self.turns:
            turn = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)[self.turns - 1]
            picture = cast("Picture", cv2.rotate(picture, turn))
        return picture


def orientation_of(frame: VideoFrame) -> Orientation:
    """Return the orientation in the frame's display matrix, to the nearest quarter turn.

    The matrix maps (x, y), y down, to (a x + c y, b x + d y) (ISO/IEC 14496-12, 6.2.2); it comes as nine integers, a b u c d v first
    (FFmpeg's `libavutil/display.h`).
    """
    try:
        data = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # side data of a kind that this PyAV does not know, which makes all of it unreadable
        return Orientation(turns=round(-frame.rotation / 90) % 4)
    if data is None:
        return Orientation()
    a, b, _, c, d = (int(x) for x in np.frombuffer(cast("bytes", data), np.int32, count=5))
    if a == b == 0:
        return Orientation()
    return Orientation(turns=round(math.atan2(b, a) / (math.pi / 2)) % 4, flip=a * d - b * c < 0)


def small_size(width: int, height: int, longer: int) -> tuple[int, int]:
    """Return (width, height) of the analysis picture: the longer side is `longer`, both are even; `width` and `height` are as displayed."""

    def even(value: float) -> int:
        return max(_MIN_SIDE, 2 * round(value / 2))

    if width >= height:
        return even(longer), even(longer * height / width)
    return even(longer * width / height), even(longer)


class Shrinker:
    """Makes the analysis picture; all of a source have the size of the first.

    A picture of at most 128 pixels is smoothed: its source is far larger, and the two taps of one linear step would skip most of it.

    Args:
        longer: the longer side in pixels.
        aspect: sample aspect ratio of the stream.
        orientation: how its pictures become upright.
    """

    def __init__(self, longer: int, aspect: Fraction, orientation: Orientation) -> None:
        self._longer = longer
        self._aspect = aspect
        self._orientation = orientation
        self._size: tuple[int, int] | None = None  # as stored, not upright

    def coarse(self, frame: VideoFrame) -> Planes | None:
        """Return the reduced planes that `small` needs; None if OpenCV cannot read the frame."""
        planes = planes_of(frame)
        return None if planes is None else planes.coarse(self._stored(frame), smooth=self._longer <= _SMOOTHED_SIDE)

    def small(self, frame: VideoFrame, coarse: Planes | None = None) -> Picture:
        """Return the analysis picture of `frame`, upright BGR uint8 [height, width, 3]; pass the result of `coarse` if there is one."""
        coarse, size = coarse or self.coarse(frame), self._stored(frame)
        made = converted(frame, size) if coarse is None else coarse.mixed(size, smooth=self._longer <= _SMOOTHED_SIDE)
        return self._orientation.upright(made)

    def _stored(self, frame: VideoFrame) -> tuple[int, int]:
        """(width, height) of the small picture before it is turned upright."""
        if self._size is None:
            width, height = small_size(*_display_size(frame, self._aspect, self._orientation), self._longer)
            self._size = (height, width) if self._orientation.swaps else (width, height)
        return self._size


def _display_size(frame: VideoFrame, aspect: Fraction, orientation: Orientation) -> tuple[int, int]:
    width, height = max(1, round(frame.width * aspect)), frame.height
    return (height, width) if orientation.swaps else (width, height)


class FrameStill:
    """A decoded picture: the decoder's frame, or a smaller copy of its planes once `compact` has been called.

    Args:
        pts: repaired pts.
        frame: the decoded frame.
        aspect: sample aspect ratio of the stream.
        orientation: how it becomes upright.
        coarse: the result of `Shrinker.coarse`, to keep instead of the frame.
    """

    __slots__ = ("__weakref__", "_aspect", "_frame", "_kept", "_orientation", "_reduced", "_size", "pts")

    def __init__(self, pts: int, frame: VideoFrame, aspect: Fraction, orientation: Orientation, coarse: Planes | None = None) -> None:
        self.pts = pts
        self._frame: VideoFrame | None = frame if coarse is None else None
        self._reduced: Planes | Picture | None = coarse
        self._kept = 1.0 if coarse is None else coarse.planes[0].shape[1] / frame.width  # share of the side lengths that was kept
        self._aspect = aspect
        self._orientation = orientation
        self._size = (frame.width, frame.height)

    def rgb(self, max_side: int | None = None) -> Picture:
        """RGB uint8 [height, width, 3], upright, pixels square, no side longer than `max_side`.

        Never larger than the copy it is made of: no side of a compacted picture exceeds 1280.
        """
        width, height = self._size
        shown = max(1.0, float(width * self._aspect)), float(height)
        limit = float(max_side or math.inf)
        if self._frame is None:
            limit = min(limit, KEPT_SIDE, max(shown) * self._kept)
        factor = min(1.0, limit / max(shown))
        size = max(1, round(shown[0] * factor)), max(1, round(shown[1] * factor))
        return cast("Picture", cv2.cvtColor(self._orientation.upright(self._bgr(size)), cv2.COLOR_BGR2RGB))

    def compact(self) -> None:
        """Replace the decoder's frame with a smaller copy."""
        self._reduced, self._kept = self._copy()
        self._frame = None

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """Pickle what `compact` would keep: the decoder's frame cannot leave its process."""
        reduced, kept = self._copy()
        state = {name: getattr(self, name) for name in ("pts", "_aspect", "_orientation", "_size")}
        return None, {**state, "_frame": None, "_reduced": reduced, "_kept": kept}

    def _copy(self) -> tuple[Planes | Picture | None, float]:
        """A copy of the decoder's frame with no side longer than `KEPT_SIDE`, and the share of the side lengths that it keeps."""
        if self._frame is None:
            return self._reduced, self._kept
        planes = planes_of(self._frame)
        if planes is None:
            width, height = self._size
            factor = min(1.0, KEPT_SIDE / max(self._size))
            return converted(self._frame, (max(1, round(width * factor)), max(1, round(height * factor)))), factor
        reduced = planes.reduced(KEPT_SIDE)
        return reduced, max(reduced.planes[0].shape) / max(self._size)

    def _bgr(self, size: tuple[int, int]) -> Picture:
        source = self._reduced if self._frame is None else planes_of(self._frame)
        if isinstance(source, Planes):
            return source.bgr(size)
        if source is not None:
            return cast("Picture", shrunk(source, size))
        return converted(cast("VideoFrame", self._frame), size)


class StillKeeper:
    """Makes stills, and compacts those that are kept for long.

    Most stills are dropped soon without being used, so none is copied when it is made: one that still exists after `budget` bytes of
    younger frames is compacted then. Large frames occupy at most `budget` bytes in addition to the decoder's own, or one frame.

    Args:
        aspect: sample aspect ratio of the stream.
        orientation: how its pictures become upright.
        budget: bytes; the default is 50 frames of 1920x1080, more than a shot detector's lookahead.
    """

    def __init__(self, aspect: Fraction, orientation: Orientation, budget: int = 160 << 20) -> None:
        self._aspect = aspect
        self._orientation = orientation
        self._budget = budget
        self._young: deque[tuple[ref[FrameStill], int]] = deque()
        self._pinned = 0

    def still(self, pts: int, frame: VideoFrame, coarse: Planes | None = None) -> FrameStill:
        """Return a still of `frame`, or of its `coarse` planes if they are a copy; a view would keep the frame anyway."""
        if coarse is not None and coarse.owned:
            return FrameStill(pts, frame, self._aspect, self._orientation, coarse)
        still = FrameStill(pts, frame, self._aspect, self._orientation)
        if frame.width * frame.height > KEPT_PIXELS:
            size = sum(plane.buffer_size for plane in frame.planes)
            self._young.append((ref(still), size))
            self._pinned += size
            self._settle(max(self._budget, size))
        return still

    def finish(self) -> None:
        """Compact the stills of the last frames; no frame follows."""
        self._settle(0)

    def _settle(self, budget: int) -> None:
        while self._pinned > budget:
            alive, size = self._young.popleft()
            self._pinned -= size
            still = alive()
            if still is not None:
                still.compact()
