"""The last frames of a source as short vectors, and the distances between them."""

from __future__ import annotations

from math import sqrt
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray
from scenedetect.common import FrameTimecode

from streamtags.shots.blocks import SmallPicture, shifted_correlation

__all__ = ["UNIFORM_VARIANCE", "FrameWindow"]

UNIFORM_VARIANCE = 36.0
"""Variance of the layout below which a picture counts as uniform: 6 of 255 levels."""

_CELLS = (16, 9)
_SMALL = (64, 36)
_DOUBLE = (2 * _SMALL[1], 2 * _SMALL[0], 3)
_PIXELS = _SMALL[0] * _SMALL[1]
_BINS = (6, 4, 8, 4)  # hue, saturation, value, quarter of the picture
_RANGES = (0, 180, 0, 256, 0, 256, 0, 4)
_UNIFORM_SHARE = 0.02  # of the largest variance nearby, below which a picture counts as uniform too


class FrameWindow:
    """The last `size` frames as vectors, and the squared distances of their layouts.

    Frames are numbered from 0; `frame % size` is the row of a frame in every array. Memory: 14 KB a frame plus `size`² floats.
    """

    columns = _CELLS[0]
    """Cells in a row of the layout."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.count = 0
        self.layouts = np.zeros((size, _CELLS[0] * _CELLS[1] * 3), np.float32)
        self.palettes = np.zeros((size, int(np.prod(_BINS))), np.float32)
        self.small = np.zeros((size, _SMALL[1], _SMALL[0], 3), np.uint8)
        self.grey = np.zeros((size, _SMALL[1], _SMALL[0]), np.uint8)
        self.energy = np.zeros(size, np.float32)
        self.variance = np.zeros(size, np.float32)
        self.detail = np.zeros(size, np.float32)
        self.distance = np.zeros((size, size), np.float32)  # [later, earlier], mean square over the layout
        self.step: list[tuple[float, float]] = [(0.0, 0.0)] * size  # layout and palette distance from the frame before
        self._dark: list[float | None] = [None] * size
        self._moves: list[tuple[int, tuple[float, float]] | None] = [None] * size
        self.timecodes: list[FrameTimecode | None] = [None] * size
        self._quarters = _quarter_numbers()

    def push(self, timecode: FrameTimecode, bgr: NDArray[np.uint8]) -> None:
        """Measure a frame, BGR uint8 [height, width, 3], in place of the oldest one."""
        at, before = self.count % self.size, (self.count - 1) % self.size
        if bgr.shape != _DOUBLE:  # reducing in two steps is cheaper than in one, with nearly the same result
            bgr = cast("NDArray[np.uint8]", cv2.resize(bgr, _DOUBLE[1::-1], interpolation=cv2.INTER_AREA))
        small = cv2.resize(bgr, _SMALL, dst=self.small[at], interpolation=cv2.INTER_AREA)
        layout = self.layouts[at]
        layout[:] = cv2.resize(small, _CELLS, interpolation=cv2.INTER_AREA).reshape(-1)
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY, dst=self.grey[at])
        hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
        histogram = cv2.calcHist([hsv, self._quarters], [0, 1, 2, 3], None, _BINS, _RANGES)
        np.multiply(histogram.reshape(-1), 1.0 / _PIXELS, out=self.palettes[at])
        cv2.sqrt(self.palettes[at], dst=self.palettes[at])
        energy = float(layout @ layout) / layout.size
        self.energy[at] = energy
        self.variance[at] = energy - (cv2.sumElems(layout)[0] / layout.size) ** 2
        self.detail[at] = (cv2.norm(grey[:, 1:], grey[:, :-1], cv2.NORM_L2SQR) + cv2.norm(grey[1:], grey[:-1], cv2.NORM_L2SQR)) / _PIXELS
        row = self.distance[at]
        np.vecdot(self.layouts, layout, out=row)  # a product by BLAS would wake its threads, which cost more than they help
        row *= -2.0 / layout.size
        row += self.energy
        row += energy
        np.maximum(row, 0.0, out=row)
        if self.count:
            self.step[at] = (sqrt(row[before]), cv2.norm(self.palettes[at], self.palettes[before]))
        self._dark[at] = self._moves[at] = None
        self.timecodes[at] = timecode
        self.count += 1

    def layout_distance(self, earlier: int, later: int) -> float:
        """Mean squared distance of two layouts."""
        return self.distance.item(later % self.size, earlier % self.size)

    def palette_distance(self, earlier: int, later: int) -> float:
        """Distance of two palettes, 0 to sqrt(2)."""
        return float(cv2.norm(self.palettes[later % self.size], self.palettes[earlier % self.size]))

    @property
    def oldest(self) -> int:
        """The oldest frame that is still in memory."""
        return max(0, self.count - self.size)

    def dark_level(self, frame: int) -> float:
        """Level below which the darkest twentieth of a frame's pixels lies."""
        at = frame % self.size
        level = self._dark[at]
        if level is None:
            level = self._dark[at] = float(np.partition(self.grey[at], _PIXELS // 20, axis=None)[_PIXELS // 20])
        return level

    def move(self, frame: int, stride: int) -> tuple[float, float]:
        """Correlation of the pictures `stride` frames apart that end with `frame`, and the shift between them.

        It is kept, since each of the many windows around one camera turn wants it.
        """
        at = frame % self.size
        known = self._moves[at]
        if known is None or known[0] != stride:
            known = self._moves[at] = stride, shifted_correlation(self.picture(frame - stride), self.picture(frame))
        return known[1]

    def picture(self, frame: int) -> SmallPicture:
        """The frame as a small picture."""
        return SmallPicture(self.small[frame % self.size], self.grey[frame % self.size])

    def uniform_frames(self, first: int, last: int) -> NDArray[np.int_]:
        """Frames from `first` to `last` that are uniform, or nearly so compared with the others."""
        variance = self.variance[np.arange(first, last + 1) % self.size]
        return first + np.flatnonzero(variance < max(UNIFORM_VARIANCE, _UNIFORM_SHARE * float(variance.max())))


def _quarter_numbers() -> NDArray[np.uint8]:
    quarters = np.zeros((_SMALL[1], _SMALL[0]), np.uint8)
    quarters[:, _SMALL[0] // 2 :] += 1
    quarters[_SMALL[1] // 2 :] += 2
    return quarters
