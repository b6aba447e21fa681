"""Clips of which every word of the truth is known: one colored shape moves, or does not, on a colored background.

A small video language model that was trained on such clips captions them in the words of `Clip.caption`; swapped channels, frames out of
order and a wrong prompt change its words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamtags.core.model import Picture

__all__ = ["BACKGROUNDS", "COLORS", "MOTIONS", "SHAPES", "Clip", "PictureStill", "Seen", "clip", "read_caption"]

Grid = NDArray[np.float64]
Motion = Literal["left", "right", "up", "down", "still"]

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
SHAPES = ("circle", "square", "triangle")
MOTIONS: tuple[Motion, ...] = ("left", "right", "up", "down", "still")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a caption says; None where it does not."""

    color: str | None
    shape: str | None
    motion: str | None
    background: str | None


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip and its truth. `frames` are RGB uint8 [height, width, 3], in order."""

    color: str
    shape: str
    motion: Motion
    background: str
    frames: tuple[Picture, ...]

    @property
    def caption(self) -> str:
        """The truth in words."""
        verb = "moves nowhere" if self.motion == "still" else f"moves {self.motion}"
        return f"a {self.color} {self.shape} {verb} on a {self.background} background."

    def stills(self, start: int = 0, step: int = 1) -> tuple[PictureStill, ...]:
        """The frames as stills with pts `start`, `start + step`, ..."""
        return tuple(PictureStill(start + step * i, frame) for i, frame in enumerate(self.frames))


@dataclass(frozen=True, slots=True)
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


def clip(seed: int, frames: int = 8, height: int = 128, width: int = 128) -> Clip:
    """The clip of `seed`: always the same.

    Args:
        seed: picks color, shape, motion, background, size and path.
        frames: how many.
        height: of a frame, in pixels.
        width: of a frame, in pixels; in a wide frame the shape keeps its proportions and moves across the whole width.
    """
    rng = np.random.default_rng(seed)
    color, background = str(rng.choice(list(COLORS))), str(rng.choice(list(BACKGROUNDS)))
    shape, motion = str(rng.choice(SHAPES)), MOTIONS[rng.integers(len(MOTIONS))]
    radius, low, high = rng.uniform(0.14, 0.2), rng.uniform(0.18, 0.32), rng.uniform(0.68, 0.82)
    along = np.linspace(low, high, frames)
    x, y = np.full(frames, rng.uniform(0.25, 0.75)), np.full(frames, rng.uniform(0.25, 0.75))
    if motion in ("left", "right"):
        x = along if motion == "right" else along[::-1]
    elif motion in ("up", "down"):
        y = along if motion == "down" else along[::-1]
    rows, columns = (np.mgrid[0:height, 0:width] + 0.5) / height
    ink, paper = np.array(COLORS[color], float), np.array(BACKGROUNDS[background], float)
    drawn = []
    for centre_x, centre_y in zip(x * width / height, y, strict=True):
        cover = np.clip(_inside(shape, columns - centre_x, rows - centre_y, radius) * height + 0.5, 0, 1)[..., None]
        drawn.append(np.rint(ink * cover + paper * (1 - cover)).astype(np.uint8))
    return Clip(color, shape, motion, background, tuple(drawn))


def read_caption(text: str) -> Seen:
    """What a caption of such a clip says, in whatever order."""
    words = ["still" if word == "nowhere" else word for word in text.replace(",", " ").replace(".", " ").replace('"', " ").split()]

    def first(known: tuple[str, ...]) -> str | None:
        return next((word for word in words if word in known), None)

    return Seen(first(tuple(COLORS)), first(SHAPES), first(MOTIONS), first(tuple(BACKGROUNDS)))


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
