"""Clips of which every word of the truth is known: one colored shape moves, or does not, on a colored background.

A small video language model that was trained on such clips captions them in the words of `Clip.caption`; swapped channels, frames out of
order and a wrong prompt change its words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from streamtags.core.model import Picture
from streamtags.evaluation.drawing import BACKGROUNDS, COLORS, Figure, PictureStill, draw

__all__ = ["BACKGROUNDS", "COLORS", "MOTIONS", "SHAPES", "Clip", "PictureStill", "Seen", "clip", "read_caption"]

Motion = Literal["left", "right", "up", "down", "still"]

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
    drawn = [
        draw([Figure(shape, color, centre_x, centre_y, radius)], background, height, width) for centre_x, centre_y in zip(x, y, strict=True)
    ]
    return Clip(color, shape, motion, background, tuple(drawn))


def read_caption(text: str) -> Seen:
    """What a caption of such a clip says, in whatever order."""
    words = ["still" if word == "nowhere" else word for word in text.replace(",", " ").replace(".", " ").replace('"', " ").split()]

    def first(known: tuple[str, ...]) -> str | None:
        return next((word for word in words if word in known), None)

    return Seen(first(tuple(COLORS)), first(SHAPES), first(MOTIONS), first(tuple(BACKGROUNDS)))
