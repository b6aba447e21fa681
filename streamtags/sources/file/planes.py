"""The planes of a decoded frame: arrays over its memory, which OpenCV reduces before they are converted to BGR.

The matrix and range are those that the stream names (ITU-T H.273; unnamed: BT.709 from 720 lines up, BT.601 below, limited range). swscale
converts formats without planes of Y, Cb and Cr.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

import cv2
import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from streamtags.core.model import Picture

__all__ = ["Planes", "color_matrix", "converted", "planes_of", "shrunk"]

_MIN_HEIGHT_FACTOR = 2  # times the wanted height from which halving the rows loses nothing

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
_HD_LINES = 720  # from which an unnamed color space counts as BT.709
_UNSPECIFIED = 2
_FULL_RANGE, _LIMITED_RANGE = 2, 1

Plane = NDArray[Any]  # uint8, or uint16 for deeper ones


def color_matrix(space: int, full: bool, bits: int) -> NDArray[np.float64]:
    """Return the 3x4 matrix from Y'CbCr codes to full-range B'G'R' codes of the same depth; its last column is added.

    ITU-R BT.601, BT.709 and BT.2020 in the quantization of ITU-T H.273, 8.3.

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


@lru_cache(maxsize=64)  # one look-up a frame instead of a dozen
def _reading(name: str, color_range: int, space: int, *, tall: bool) -> _Reading | None:
    """How a pixel format is read in that range and color space; None if OpenCV cannot read it."""
    bits = _PLANAR.get(name)
    if bits is None:
        return None
    grey = name.startswith("gray")
    full = color_range == _FULL_RANGE or name.startswith("yuvj") or (grey and color_range != _LIMITED_RANGE)
    named = space if space in _WEIGHTS else _BT709 if tall else _BT601
    dtype, step = (np.uint8, 1) if bits == 8 else (np.uint16, 2)
    return _Reading(bits, full, dtype, step, color_matrix(named, full, bits))


class Planes(NamedTuple):
    """A picture as planes of Y, Cb, Cr (or Y alone), with a description of their samples."""

    planes: Sequence[Plane]
    reading: _Reading

    def bgr(self, size: tuple[int, int]) -> Picture:
        """BGR uint8 at (width, height) `size`."""
        return self.coarse(size).mixed(size)

    def coarse(self, size: tuple[int, int], *, smooth: bool = False) -> Planes:
        """Return planes reduced to the size that `mixed` needs."""
        luma, *chroma = self.planes
        finer = (2 * size[0], 2 * size[1]) if smooth else size
        return Planes([_coarse(luma, finer), *(_coarse(plane, size) for plane in chroma)], self.reading)

    def mixed(self, size: tuple[int, int], *, smooth: bool = False) -> Picture:
        """Convert coarse planes to BGR uint8 at `size`; `smooth` reduces luma in two steps, which averages better."""
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
        return all([plane.base is None for plane in self.planes])  # noqa: C419 - for every frame, where a generator costs twice as much

    def _grey(self, plane: Plane) -> Picture:
        unit = 1 << (self.reading.bits - 8)
        return cast("Picture", cv2.convertScaleAbs(cv2.subtract(plane, 16 * unit), alpha=255 / (219 * unit)))  # type: ignore[call-overload]  # a scalar is an array to OpenCV

    def reduced(self, longest: int) -> Planes:
        """Return a copy that owns its memory, halved until no side exceeds `longest`."""
        halvings = 0
        while max(self.planes[0].shape) >> halvings > longest:
            halvings += 1
        return Planes([_halved(plane, halvings) for plane in self.planes], self.reading)


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


def shrunk(plane: Plane, size: tuple[int, int]) -> Plane:
    """Return `plane`, of one or several samples a pixel, at (width, height) `size`."""
    return _fit(_coarse(plane, size), size)


def _fit(plane: Plane, size: tuple[int, int]) -> Plane:
    """A coarse `plane` at (width, height) `size`."""
    return plane if (plane.shape[1], plane.shape[0]) == size else cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)


def _coarse(plane: Plane, size: tuple[int, int]) -> Plane:
    """`plane`, at most three times larger than (width, height) `size`, so that one linear step can do the rest.

    It is halved, which OpenCV does fastest and exactly, while it is at least three times too large. A plane four times too high first
    loses every second row: that saves memory traffic and takes one field of an interlaced picture.
    """
    height, width = plane.shape[:2]
    if height >= 4 * size[1]:
        plane = plane[::2]
        height = plane.shape[0]
    while width >= 3 * size[0] and height >= _MIN_HEIGHT_FACTOR * size[1]:
        plane = cv2.resize(plane, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        height, width = plane.shape[:2]
    return plane


def planes_of(frame: VideoFrame) -> Planes | None:
    """Return the planes of `frame` as views, without a copy; None if OpenCV cannot read its format."""
    reading = _reading(frame.format.name, frame.color_range, frame.colorspace, tall=frame.height >= _HD_LINES)
    if reading is None:
        return None
    views: list[Plane] = []
    for plane in frame.planes[:3]:
        stride = plane.line_size
        if stride <= 0:
            return None
        buffer = cast("memoryview[int]", plane)
        views.append(np.ndarray((plane.height, plane.width), reading.dtype, buffer, 0, (stride, reading.step)))
    return Planes(views, reading)


def converted(frame: VideoFrame, size: tuple[int, int]) -> Picture:
    """Convert a frame of any format to BGR at (width, height) `size` by swscale."""
    space = None if frame.colorspace != _UNSPECIFIED or frame.format.is_rgb else ("ITU709" if frame.height >= _HD_LINES else "ITU601")
    picture = frame.reformat(*size, "bgr24", src_colorspace=space, interpolation="AREA")
    return cast("Picture", picture.to_ndarray())
