"""Drawn pictures of which everything is known: colored shapes on a plain background."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamtags.core.model import Picture

__all__ = ["BACKGROUNDS", "COLORS", "Figure", "PictureStill", "draw"]

Grid = NDArray[np.float64]

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (220, 30, 30),
    "green": (30, 180, 40),
    "blue": (30, 50, 220),
    "yellow": (235, 220, 30),
    "cyan": (30, 215, 225),
    "magenta": (220, 40, 210),
}
BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "black": (10, 10, 10),
    "gray": (128, 128, 128),
    "white": (245, 245, 245),
    "brown": (110, 70, 30),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A circle, square or triangle. `x` is in frame widths from the left, `y` and `radius` in frame heights, `y` from the top."""

    shape: str
    color: str
    x: float
    y: float
    radius: float


def draw(figures: Sequence[Figure], background: str, height: int, width: int) -> Picture:
    """Return `figures` on a background as RGB uint8 [height, width, 3], edges smoothed."""
    rows, columns = (np.mgrid[0:height, 0:width] + 0.5) / height
    picture = np.broadcast_to(np.array(BACKGROUNDS[background], float), (height, width, 3))
    for figure in figures:
        inside = _inside(figure.shape, columns - figure.x * width / height, rows - figure.y, figure.radius)
        cover = np.clip(inside * height + 0.5, 0, 1)[..., None]
        picture = np.array(COLORS[figure.color], float) * cover + picture * (1 - cover)
    return np.asarray(np.rint(picture), np.uint8)


@dataclass(slots=True)
class PictureStill:
    """A `Still` that was never encoded."""

    pts: int
    picture: Picture

    def rgb(self, max_side: int | None = None) -> Picture:
        """The picture; scaled down so that no side exceeds `max_side`."""
        height, width = self.picture.shape[:2]
        if max_side is None or max(height, width) <= max_side:
            return self.picture
        import cv2

        scale = max_side / max(height, width)
        smaller = cv2.resize(self.picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
        return np.asarray(smaller, np.uint8)


def _inside(shape: str, dx: Grid, dy: Grid, radius: float) -> Grid:
    """Distance to the edge, positive inside, in frame heights."""
    reach = 1.1 * radius
    if shape == "circle":
        inside = radius - np.hypot(dx, dy)
    elif shape == "square":
        inside = 0.9 * radius - np.maximum(np.abs(dx), np.abs(dy))
    else:
        inside = np.minimum(0.75 * reach - dy, 0.45 * (dy + reach) - 0.9 * np.abs(dx))
    return np.asarray(inside, np.float64)
