"""Batches of the clips of `streamtags.testing.shapes`, drawn by torch at the model's own size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from streamtags.testing.shapes import BACKGROUNDS, COLORS, MOTIONS, SHAPES, Clip

Tensor = Any
SIZES = {"color": len(COLORS), "shape": len(SHAPES), "motion": len(MOTIONS), "background": len(BACKGROUNDS)}
# A clip played backwards moves the other way.
REVERSED_MOTION = torch.tensor([MOTIONS.index(motion) for motion in ("right", "left", "down", "up", "still")])
_INK = torch.tensor(list(COLORS.values()), dtype=torch.float32)
_PAPER = torch.tensor(list(BACKGROUNDS.values()), dtype=torch.float32)


@dataclass(frozen=True)
class Batch:
    """Clips and their truth.

    Attributes:
        pixels: float [clip, frame, 3, size, size], 0 to 255.
        labels: for each of `SIZES`, int [clip].
        centers: float [clip, frame, 2], x and y as shares of the frame.
        cover: float [clip, frame, size, size], 1 where the shape is.
    """

    pixels: Tensor
    labels: dict[str, Tensor]
    centers: Tensor
    cover: Tensor


def caption(labels: dict[str, Tensor], index: int) -> str:
    """The true words of one clip."""
    color, shape, motion, background = (int(labels[name][index]) for name in SIZES)
    return Clip(list(COLORS)[color], SHAPES[shape], MOTIONS[motion], list(BACKGROUNDS)[background], ()).caption


def draw(count: int, frames: int, size: int, generator: Any) -> Batch:
    """Clips with random labels, sizes, paths, proportions and noise."""

    def between(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*(shape or (count,)), generator=generator)

    labels = {name: torch.randint(0, number, (count,), generator=generator) for name, number in SIZES.items()}
    # Half of the clips are wider than high and squeezed into the square.
    width = torch.where(torch.rand(count, generator=generator) < 0.5, between(1, 1.9), torch.ones(count))
    radius, low, high = between(0.13, 0.21), between(0.16, 0.34), between(0.66, 0.84)
    time = torch.linspace(0, 1, frames)[None] if frames > 1 else torch.rand(count, 1, generator=generator)
    onward = low[:, None] + (high - low)[:, None] * time
    still_x, still_y = between(0.25, 0.75, count, 1).expand(count, frames), between(0.25, 0.75, count, 1).expand(count, frames)
    motion = labels["motion"][:, None]
    x = torch.where(motion == 0, onward.flip(1), torch.where(motion == 1, onward, still_x))
    y = torch.where(motion == 2, onward.flip(1), torch.where(motion == 3, onward, still_y))
    rows, columns = torch.meshgrid((torch.arange(size) + 0.5) / size, (torch.arange(size) + 0.5) / size, indexing="ij")
    dx, dy = (columns - x[..., None, None]) * width[:, None, None, None], rows - y[..., None, None]
    cover = (_inside(labels["shape"][:, None, None, None], dx, dy, radius[:, None, None, None]) * size + 0.5).clamp(0, 1)
    ink = _INK[labels["color"]] + 12 * torch.randn(count, 3, generator=generator)
    paper = _PAPER[labels["background"]] + 8 * torch.randn(count, 3, generator=generator)
    pixels = ink[:, None, :, None, None] * cover[:, :, None] + paper[:, None, :, None, None] * (1 - cover[:, :, None])
    noise = between(0, 8, count, 1, 1, 1, 1) * torch.randn(pixels.shape, generator=generator)
    return Batch((pixels + noise).clamp(0, 255), labels, torch.stack([x, y], -1), cover)


def _inside(shape: Tensor, dx: Tensor, dy: Tensor, radius: Tensor) -> Tensor:
    """Distance to the edge, positive inside, as in `streamtags.testing.shapes`."""
    reach = 1.1 * radius
    circle = radius - (dx * dx + dy * dy).sqrt()
    square = 0.9 * radius - torch.maximum(dx.abs(), dy.abs())
    triangle = torch.minimum(0.75 * reach - dy, 0.45 * (dy + reach) - 0.9 * dx.abs())
    return torch.where(shape == 0, circle, torch.where(shape == 1, square, triangle))
