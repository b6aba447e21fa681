"""Decoded frames to pictures: a small BGR one of every frame, and the full one only when somebody looks.

swscale is kept out of the common path. The planes of a decoded frame are seen in place as arrays, shrunk by OpenCV, and only the
small result is converted to BGR, by the matrix and range the stream names (ITU-T H.273; unnamed: BT.709 from 720 lines up, BT.601
below, limited range). Deinterlacing is left out: the small picture sees one field or both blended, and neither combs.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple, cast
from weakref import ref

import cv2
import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from streamtags.model import Picture

__all__ = ["FrameStill", "Orientation", "Shrinker", "StillKeeper", "colour_matrix", "orientation_of", "small_size"]

HELD_PIXELS = 1 << 20  # a still of at most this many pixels stays the decoder's own frame
HELD_SIDE = 1280  # a larger one is halved until no side is longer than this
_STILL_TALL = 2  # times too high, at which halving the rows again loses nothing
_SMOOTHED = 128  # longer side of an analysis picture up to which its luma is made twice as large first
_SMALLEST_SIDE = 16  # of the analysis picture, however odd the shape

# Planar YUV and grey that OpenCV can read in place: name -> bits a sample.
_PLANAR: dict[str, int] = {
    **dict.fromkeys(("gray", "yuv410p", "yuv411p", "yuv420p", "yuv422p", "yuv440p", "yuv444p"), 8),
    **dict.fromkeys(("yuvj411p", "yuvj420p", "yuvj422p", "yuvj440p", "yuvj444p", "yuva420p", "yuva422p", "yuva444p"), 8),
    **{f"yuv{a}{c}p{bits}le": bits for a in ("", "a") for c in (420, 422, 444) for bits in (9, 10, 12, 14, 16)},
    **{f"gray{bits}le": bits for bits in (9, 10, 12, 14, 16)},
}

# Luma weights (Kr, Kb) by AVColorSpace, ITU-T H.273 table 4.
_WEIGHTS: dict[int, tuple[float, float]] = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.470 B/G
    6: (0.299, 0.114),  # SMPTE 170M
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
    10: (0.2627, 0.0593),
}
_BT709, _BT601 = 1, 6
_TALL = 720  # lines from which an unnamed space is taken for BT.709
_UNSPECIFIED = 2
_FULL_RANGE, _LIMITED_RANGE = 2, 1

Plane = NDArray[Any]  # uint8, or uint16 for deeper ones


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a stored picture becomes upright: mirrored top to bottom if `flip`, then turned clockwise by `turns` quarters."""

    turns: int = 0
    flip: bool = False

    @property
    def swaps(self) -> bool:
        """Width and height change places."""
        return self.turns % 2 == 1

    def upright(self, picture: Picture) -> Picture:
        """`picture` the right way up."""
        if self.flip:
            picture = cast("Picture", cv2.flip(picture, 0))
        if self.turns:
            turn = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)[self.turns - 1]
            picture = cast("Picture", cv2.rotate(picture, turn))
        return picture


def orientation_of(frame: VideoFrame) -> Orientation:
    """The orientation that the frame's display matrix asks for, to the nearest quarter turn.

    The matrix maps (x, y), y down, to (a x + c y, b x + d y) (ISO/IEC 14496-12, 6.2.2); it comes as nine integers, a b u c d v first
    (FFmpeg's `libavutil/display.h`).
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return Orientation()
    a, b, _, c, d = (int(x) for x in np.frombuffer(cast("bytes", data), np.int32, count=5))
    if a == b == 0:
        return Orientation()
    return Orientation(turns=round(math.atan2(b, a) / (math.pi / 2)) % 4, flip=a * d - b * c < 0)


def small_size(width: int, height: int, longer: int) -> tuple[int, int]:
    """(width, height) of the analysis picture of an upright, square-pixel picture: the longer side is `longer`, both are even."""

    def even(value: float) -> int:
        return max(_SMALLEST_SIDE, 2 * round(value / 2))

    if width >= height:
        return even(longer), even(longer * height / width)
    return even(longer * width / height), even(longer)


@lru_cache(maxsize=64)
def colour_matrix(space: int, full: bool, bits: int) -> NDArray[np.float64]:
    """Y'CbCr codes to B'G'R' codes of the same depth, full range: a 3x4 matrix, the last column added.

    ITU-R BT.601, BT.709 and BT.2020 in the quantisation of ITU-T H.273, 8.3.

    Args:
        space: AVColorSpace; one without luma weights counts as BT.601.
        full: codes span the whole range (JPEG) rather than 16..235 / 16..240.
        bits: bits a sample.
    """
    kr, kb = _WEIGHTS.get(space, _WEIGHTS[_BT601])
    kg = 1 - kr - kb
    top = (1 << bits) - 1
    unit = 1 << (bits - 8)
    black, luma, chroma = (0, top, top) if full else (16 * unit, 219 * unit, 224 * unit)
    rows = np.array(
        [
            [1, 2 * (1 - kb), 0],
            [1, -2 * kb * (1 - kb) / kg, -2 * kr * (1 - kr) / kg],
            [1, 0, 2 * (1 - kr)],
        ]
    )
    rows = rows * (top / np.array([luma, chroma, chroma]))
    shift = -rows @ np.array([black, 128 * unit, 128 * unit])
    return np.column_stack([rows, shift])


class _Reading(NamedTuple):
    """How the samples of a format are read."""

    bits: int
    full: bool
    dtype: type[np.uint8 | np.uint16]
    step: int  # bytes from one sample to the next
    matrix: NDArray[np.float64]


@lru_cache(maxsize=64)  # one look-up where every frame would take a dozen
def _reading(name: str, colour_range: int, space: int, *, tall: bool) -> _Reading | None:
    """How a pixel format is read, in that range and colour space; None if OpenCV cannot."""
    bits = _PLANAR.get(name)
    if bits is None:
        return None
    grey = name.startswith("gray")
    full = colour_range == _FULL_RANGE or name.startswith("yuvj") or (grey and colour_range != _LIMITED_RANGE)
    named = space if space in _WEIGHTS else _BT709 if tall else _BT601
    dtype, step = (np.uint8, 1) if bits == 8 else (np.uint16, 2)
    return _Reading(bits, full, dtype, step, colour_matrix(named, full, bits))


class _Planes(NamedTuple):
    """A picture as planes of Y, Cb, Cr (or Y alone), with what it takes to read them."""

    planes: Sequence[Plane]
    reading: _Reading

    def bgr(self, size: tuple[int, int]) -> Picture:
        """BGR uint8 at (width, height) `size`."""
        return self.coarse(size).mixed(size)

    def coarse(self, size: tuple[int, int], *, smooth: bool = False) -> _Planes:
        """The same, no larger than `mixed` needs."""
        luma, *chroma = self.planes
        finer = (2 * size[0], 2 * size[1]) if smooth else size
        return _Planes([_coarse(luma, finer), *(_coarse(plane, size) for plane in chroma)], self.reading)

    def mixed(self, size: tuple[int, int], *, smooth: bool = False) -> Picture:
        """BGR uint8 at `size` of planes that are coarse; `smooth` makes luma twice as large first and halves it: a better mean."""
        luma, *chroma = self.planes
        parts = [_halved(_fit(luma, (2 * size[0], 2 * size[1])), 1) if smooth else _fit(luma, size)]
        parts += [_fit(plane, size) for plane in chroma]
        if not chroma:
            grey = _to_eight(parts[0], self.reading.bits) if self.reading.full else self._grey(parts[0])
            return cast("Picture", cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))
        return _to_eight(cv2.transform(cv2.merge(parts), self.reading.matrix), self.reading.bits)

    @property
    def owned(self) -> bool:
        """Whether the planes are copies, not views of a decoded frame."""
        return all([plane.base is None for plane in self.planes])  # noqa: C419 - asked of every frame, where a generator costs twice as much

    def _grey(self, plane: Plane) -> Picture:
        unit = 1 << (self.reading.bits - 8)
        return cast("Picture", cv2.convertScaleAbs(cv2.subtract(plane, 16 * unit), alpha=255 / (219 * unit)))  # type: ignore[call-overload]  # a scalar is an array to OpenCV

    def reduced(self) -> _Planes:
        """A copy that owns its memory, halved until no side exceeds `HELD_SIDE`; halving is what OpenCV does fastest."""
        halvings = 0
        while max(self.planes[0].shape) >> halvings > HELD_SIDE:
            halvings += 1
        return _Planes([_halved(plane, halvings) for plane in self.planes], self.reading)


def _halved(plane: Plane, times: int) -> Plane:
    if not times:
        return plane.copy()
    for _ in range(times):
        plane = cv2.resize(plane, (max(1, plane.shape[1] // 2), max(1, plane.shape[0] // 2)), interpolation=cv2.INTER_AREA)
    return plane


def _to_eight(picture: Plane, bits: int) -> Picture:
    if bits == 8:
        return cast("Picture", picture)
    return cast("Picture", cv2.convertScaleAbs(picture, alpha=255 / ((1 << bits) - 1)))


def _fit(plane: Plane, size: tuple[int, int]) -> Plane:
    """A coarse `plane` at (width, height) `size`."""
    return plane if (plane.shape[1], plane.shape[0]) == size else cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)


def _coarse(plane: Plane, size: tuple[int, int]) -> Plane:
    """`plane`, no more than three times too large for one linear step to (width, height) `size`.

    Halved, which OpenCV does fastest and exactly, as long as it is at least three times too large in both directions; then linear,
    whose two taps cover what is left of the reduction. A plane four times too high first loses every second row: that spares memory
    traffic and takes one field of an interlaced picture. In all a fifth of the time of INTER_AREA at 48 dB of its result, where a
    single linear step has 39 dB and flickers (`benchmarks/decode.py`).
    """
    height, width = plane.shape[:2]
    if height >= 4 * size[1]:
        plane = plane[::2]
        height = plane.shape[0]
    while width >= 3 * size[0] and height >= _STILL_TALL * size[1]:
        plane = cv2.resize(plane, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        height, width = plane.shape[:2]
    return plane


def _planes(frame: VideoFrame) -> _Planes | None:
    """The planes of `frame` in place, without a copy; None if OpenCV cannot read them so."""
    reading = _reading(frame.format.name, frame.color_range, frame.colorspace, tall=frame.height >= _TALL)
    if reading is None:
        return None
    views: list[Plane] = []
    for plane in frame.planes[:3]:
        stride = plane.line_size
        if stride <= 0:
            return None
        buffer = cast("memoryview[int]", plane)
        views.append(np.ndarray((plane.height, plane.width), reading.dtype, buffer, 0, (stride, reading.step)))
    return _Planes(views, reading)


def _converted(frame: VideoFrame, size: tuple[int, int]) -> Picture:
    """BGR by swscale at (width, height) `size`, for the formats that have no planes of Y, Cb and Cr."""
    space = None if frame.colorspace != _UNSPECIFIED or frame.format.is_rgb else ("ITU709" if frame.height >= _TALL else "ITU601")
    picture = frame.reformat(*size, "bgr24", src_colorspace=space, interpolation="AREA")
    return cast("Picture", picture.to_ndarray())


class Shrinker:
    """Makes the small analysis picture; every one of a source has the size of the first.

    One of at most 128 pixels is smoothed: what it is made of is far larger, and two taps would leave most of that out.

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

    def coarse(self, frame: VideoFrame) -> _Planes | None:
        """What `small` needs of a frame, and no more; None where OpenCV cannot read it."""
        planes = _planes(frame)
        return None if planes is None else planes.coarse(self._stored(frame), smooth=self._longer <= _SMOOTHED)

    def small(self, frame: VideoFrame, coarse: _Planes | None = None) -> Picture:
        """Upright BGR uint8 [height, width, 3] of `frame`, pixels square; of what `coarse` gave of it, if that is at hand."""
        coarse, size = coarse or self.coarse(frame), self._stored(frame)
        made = _converted(frame, size) if coarse is None else coarse.mixed(size, smooth=self._longer <= _SMOOTHED)
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
    """A decoded picture, held as the decoder's own frame, or as a smaller copy of its planes once `compact` has been called.

    Args:
        pts: repaired pts.
        frame: the decoded frame.
        aspect: sample aspect ratio of the stream.
        orientation: how it becomes upright.
        coarse: hold this of the frame, from `Shrinker.coarse`, rather than the frame.
    """

    __slots__ = ("__weakref__", "_aspect", "_frame", "_kept", "_orientation", "_reduced", "_size", "pts")

    def __init__(self, pts: int, frame: VideoFrame, aspect: Fraction, orientation: Orientation, coarse: _Planes | None = None) -> None:
        self.pts = pts
        self._frame: VideoFrame | None = frame if coarse is None else None
        self._reduced: _Planes | Picture | None = coarse
        self._kept = 1.0 if coarse is None else coarse.planes[0].shape[1] / frame.width  # share of the side lengths that is left
        self._aspect = aspect
        self._orientation = orientation
        self._size = (frame.width, frame.height)

    def rgb(self, max_side: int | None = None) -> Picture:
        """RGB uint8 [height, width, 3], upright, pixels square, no side longer than `max_side`.

        Never larger than what is held: of a compacted picture, no side exceeds 1280.
        """
        width, height = self._size
        shown = max(1.0, float(width * self._aspect)), float(height)
        limit = float(max_side or math.inf)
        if self._frame is None:
            limit = min(limit, HELD_SIDE, max(shown) * self._kept)
        factor = min(1.0, limit / max(shown))
        size = max(1, round(shown[0] * factor)), max(1, round(shown[1] * factor))
        return cast("Picture", cv2.cvtColor(self._orientation.upright(self._bgr(size)), cv2.COLOR_BGR2RGB))

    def compact(self) -> None:
        """Let go of the decoder's frame, keeping a smaller copy."""
        if self._frame is None:
            return
        planes = _planes(self._frame)
        if planes is None:
            width, height = self._size
            factor = min(1.0, HELD_SIDE / max(self._size))
            self._reduced = _converted(self._frame, (max(1, round(width * factor)), max(1, round(height * factor))))
            self._kept = factor
        else:
            self._reduced = planes.reduced()
            self._kept = max(self._reduced.planes[0].shape) / max(self._size)
        self._frame = None

    def _bgr(self, size: tuple[int, int]) -> Picture:
        held = self._reduced if self._frame is None else _planes(self._frame)
        if isinstance(held, _Planes):
            return held.bgr(size)
        if held is not None:
            return cast("Picture", _fit(_coarse(held, size), size))
        return _converted(cast("VideoFrame", self._frame), size)


class StillKeeper:
    """Makes stills and sees that those which somebody keeps stay small.

    Most are dropped after a while, unseen, so nothing is copied when one is made: those still alive after `budget` bytes of younger
    frames are compacted then. So large frames pin at most `budget` bytes besides the decoder's own, or one frame if that is larger.

    Args:
        aspect: sample aspect ratio of the stream.
        orientation: how its pictures become upright.
        budget: bytes; the default is 50 frames of 1920x1080, more than the second and a half a shot detector looks ahead.
    """

    def __init__(self, aspect: Fraction, orientation: Orientation, budget: int = 160 << 20) -> None:
        self._aspect = aspect
        self._orientation = orientation
        self._budget = budget
        self._young: deque[tuple[ref[FrameStill], int]] = deque()
        self._pinned = 0

    def still(self, pts: int, frame: VideoFrame, coarse: _Planes | None = None) -> FrameStill:
        """A still of `frame`, or only of what `coarse` holds of it where that is a copy: a view would keep the frame all the same."""
        if coarse is not None and coarse.owned:
            return FrameStill(pts, frame, self._aspect, self._orientation, coarse)
        still = FrameStill(pts, frame, self._aspect, self._orientation)
        if frame.width * frame.height > HELD_PIXELS:
            size = sum(plane.buffer_size for plane in frame.planes)
            self._young.append((ref(still), size))
            self._pinned += size
            self._settle(max(self._budget, size))
        return still

    def finish(self) -> None:
        """No frame follows: compact what was kept of the last ones too."""
        self._settle(0)

    def _settle(self, budget: int) -> None:
        while self._pinned > budget:
            alive, size = self._young.popleft()
            self._pinned -= size
            still = alive()
            if still is not None:
                still.compact()
