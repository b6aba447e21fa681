"""What the scenes of the demo film are painted with: skies, glows, ridges, bloom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from streamtags.core.model import Picture

__all__ = ["Color", "Glow", "as_picture", "bloomed", "faded", "profile", "ridge", "sky"]

Color: TypeAlias = tuple[float, float, float]  # RGB, 0..255


def as_picture(array: NDArray[np.generic] | cv2.typing.MatLike) -> Picture:
    """`array` as uint8, typed as a picture."""
    return np.asarray(array, np.uint8)


def sky(width: int, height: int, *stops: tuple[float, Color]) -> Picture:
    """A vertical gradient, BGR; `stops` are (height from the top in 0..1, color)."""
    rows = np.linspace(0, 1, height)
    at = [stop for stop, _ in stops]
    # An eighth of a code value of dither keeps the coder from making bands.
    dither = np.random.default_rng(0).uniform(-1.2, 1.2, (height, width, 1))
    column = np.stack([np.interp(rows, at, [color[c] for _, color in stops]) for c in (2, 1, 0)], axis=1)
    return np.clip(column[:, None, :] + dither, 0, 255).astype(np.uint8)


class Glow:
    """A soft round light, added to a picture wherever it is.

    Args:
        radius: where it has all but gone out, in pixels.
        color: at its center.
        core: share of the radius that shines fully.
    """

    def __init__(self, radius: int, color: Color, core: float = 0.0) -> None:
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float32)
        away = np.clip((np.hypot(x, y) / radius - core) / (1 - core), 0, 1)
        strength = (1 - away) ** 2.6
        self._radius = radius
        self._sprite = (strength[..., None] * np.array(color[::-1], np.float32)).clip(0, 255).astype(np.uint8)

    def shine(self, picture: Picture, x: float, y: float, strength: float = 1.0) -> None:
        """Add the light to `picture`, centered at `x`, `y`."""
        left, top, size = round(x) - self._radius, round(y) - self._radius, 2 * self._radius + 1
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(picture.shape[1], left + size), min(picture.shape[0], top + size)
        if x0 < x1 and y0 < y1:
            patch = picture[y0:y1, x0:x1]
            picture[y0:y1, x0:x1] = cv2.addWeighted(patch, 1.0, self._sprite[y0 - top : y1 - top, x0 - left : x1 - left], strength, 0)


def bloomed(picture: Picture, strength: float = 0.6, threshold: int = 130) -> Picture:
    """`picture` with light spilling out of what is brighter than `threshold`."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    bright = cv2.subtract(small, np.full_like(small, threshold))
    spill = cv2.resize(cv2.GaussianBlur(bright, (0, 0), width / 160), (width, height), interpolation=cv2.INTER_LINEAR)
    return as_picture(cv2.addWeighted(picture, 1.0, spill, strength * 2, 0))


def faded(picture: Picture, level: float) -> Picture:
    """`picture` at `level` (0 black, 1 itself)."""
    return picture if level >= 1 else as_picture(cv2.convertScaleAbs(picture, alpha=max(0.0, level)))


def profile(rng: np.random.Generator, length: int, *, peaks: int, roughness: float = 0.5) -> NDArray[np.float32]:
    """The skyline of hills: float32 [length] in 0..1, `peaks` of them in the coarsest of six octaves."""
    line = np.zeros(length, np.float32)
    weight = 1.0
    for octave in range(6):
        points = rng.random((1, max(2, peaks << octave)), np.float32)
        line += weight * cv2.resize(points, (length, 1), interpolation=cv2.INTER_CUBIC)[0]
        weight *= roughness
    return np.asarray((line - line.min()) / max(float(line.max() - line.min()), 1e-6), np.float32)


def ridge(picture: Picture, line: Sequence[float] | NDArray[np.float32], offset: float, top: float, tall: float, color: Color) -> None:
    """Fill `picture` below a skyline.

    Args:
        picture: painted on.
        line: the skyline, 0..1, a value a pixel; as long as the picture is wide, plus however far it slides.
        offset: how far it has slid, in pixels.
        top: y where the highest peak is.
        tall: pixels from the lowest point to the highest.
        color: of the hill.
    """
    height, width = picture.shape[:2]
    x = np.arange(0, width + 3, 2)
    y = top + tall * (1 - np.interp(x + offset, np.arange(len(line)), line))
    points = np.concatenate([np.stack([x, y], axis=1), [[width + 4, height + 4], [-4, height + 4]]])
    cv2.fillPoly(picture, [np.round(points * 16).astype(np.int32)], color[::-1], cv2.LINE_AA, 4)
