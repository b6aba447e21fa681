"""Names people give to colors, and which of them a pixel's color is nearest to.

The names and where they lie are from the xkcd color survey (Munroe, 2010: what 222,500 people called 5 million colors; CC0). Nearness
is the CIE94 color difference (CIE 116:1995, graphic arts) in CIE L*a*b* under D65; sRGB is that of IEC 61966-2-1.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from streamtags.core.model import Picture

__all__ = ["COLORS", "lab", "name_indices"]

COLORS: dict[str, str] = {
    "black": "#000000",
    "dark grey": "#363737",
    "medium grey": "#7d7f7c",
    "grey": "#929591",
    "light grey": "#d8dcd6",
    "white": "#ffffff",
    "maroon": "#650021",
    "dark red": "#840000",
    "red": "#e50000",
    "salmon": "#ff796c",
    "mauve": "#ae7181",
    "pink": "#ff81c0",
    "light pink": "#ffd1df",
    "magenta": "#c20078",
    "purple": "#7e1e9c",
    "dark purple": "#35063e",
    "violet": "#9a0eea",
    "lavender": "#c79fef",
    "navy": "#01153e",
    "dark blue": "#00035b",
    "blue": "#0343df",
    "sky blue": "#75bbfd",
    "light blue": "#95d0fc",
    "blue grey": "#607c8e",
    "cyan": "#00ffff",
    "turquoise": "#06c2ac",
    "teal": "#029386",
    "dark teal": "#014d4e",
    "dark green": "#033500",
    "green": "#15b01a",
    "light green": "#96f97b",
    "grey green": "#789b73",
    "lime": "#aaff32",
    "olive": "#6e750e",
    "dark olive": "#373e02",
    "khaki": "#aaa662",
    "yellow": "#ffff14",
    "mustard": "#ceb301",
    "gold": "#dbb40c",
    "orange": "#f97306",
    "dark orange": "#c65102",
    "rust": "#a83c09",
    "peach": "#ffb07c",
    "cream": "#ffffc2",
    "beige": "#e6daa6",
    "tan": "#d1b26f",
    "taupe": "#b9a281",
    "light brown": "#ad8150",
    "brown": "#653700",
    "dark brown": "#341c02",
}
"""Color names and their place in sRGB."""

_BITS = 5


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIE L*a*b* under D65 (L* in 0..100) of sRGB in 0..1 [..., 3]."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]]) / (0.9505, 1.0, 1.089)
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def name_indices(bgr: Picture) -> NDArray[np.uint8]:
    """For each pixel of a BGR picture [..., 3], the position in `COLORS` of the nearest name."""
    cells = bgr.astype(np.uint16) >> (8 - _BITS)
    names: NDArray[np.uint8] = _table()[(cells[..., 2] << 2 * _BITS) | (cells[..., 1] << _BITS) | cells[..., 0]]
    return names


@cache
def _table() -> NDArray[np.uint8]:
    """The nearest name of every cell of the RGB cube cut 32 times each way, red slowest."""
    steps = (np.arange(1 << _BITS) + 0.5) / (1 << _BITS)
    cells = lab(np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)).astype(np.float32)
    names = lab(np.array([[int(value[i : i + 2], 16) / 255 for i in (1, 3, 5)] for value in COLORS.values()])).astype(np.float32)
    chroma = np.hypot(cells[:, 1], cells[:, 2])
    best = np.full(len(cells), np.inf, dtype=np.float32)
    nearest = np.zeros(len(cells), dtype=np.uint8)
    for index, (lightness, a, b) in enumerate(names):
        name_chroma = np.hypot(a, b)
        # Neither color is the reference, so the weights come from the geometric mean of both chromas.
        weight = np.sqrt(chroma * name_chroma)
        lightness_apart, chroma_apart = cells[:, 0] - lightness, chroma - name_chroma
        hue_apart = (cells[:, 1] - a) ** 2 + (cells[:, 2] - b) ** 2 - chroma_apart**2
        apart = lightness_apart**2 + (chroma_apart / (1 + 0.045 * weight)) ** 2 + hue_apart / (1 + 0.015 * weight) ** 2
        closer = apart < best
        best[closer], nearest[closer] = apart[closer], index
    return nearest
