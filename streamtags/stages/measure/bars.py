"""Finds the black bars of a letterboxed or pillarboxed picture, so that they are not measured as part of the picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from streamtags.core.model import Picture

__all__ = ["BarFinder"]

# Luma, 0..255, up to which a row or column counts as black: limited-range black plus coding noise.
_BLACK = 24
# The widest bars, as shares of height and width: 2.76:1 in 4:3 has 0.26 above, 9:16 in 16:9 has 0.34 at each side.
_WIDEST = (0.27, 0.36)
# Shares of its first row and of its whole that must be lit for a picture that is not a title or a lamp on black.
_EDGE_LIT, _LIT = 0.5, 0.6


class BarFinder:
    """Remembers the latest bars, because a dark scene does not show where they end."""

    def __init__(self) -> None:
        self._known = (0, 0)

    def inside(self, luma: Picture) -> tuple[slice, slice]:
        """Return the rows and columns inside the bars. `luma` is uint8 [height, width], always of the same size.

        Bars are equally wide on both sides, within a pixel. If the picture is too dark to show their width, they are as wide as before,
        or less if there is light where they would be.
        """
        brightest = (np.asarray(cv2.reduce(luma, dim, cv2.REDUCE_MAX)).ravel() for dim in (1, 0))
        top, left = (_margin(line > _BLACK) for line in brightest)
        sides, clear = (top, left), self._clear(luma > _BLACK, top, left)
        self._known = sides if clear else (min(sides[0], self._known[0]), min(sides[1], self._known[1]))
        height, width = luma.shape
        # The pixel next to a bar is half bar.
        top, left = (margin + (margin > 0) for margin in self._known)
        return slice(top, height - top), slice(left, width - left)

    @staticmethod
    def _clear(lit: NDArray[np.bool_], top: int, left: int) -> bool:
        height, width = lit.shape
        if top > _WIDEST[0] * height or left > _WIDEST[1] * width:
            return False
        picture = lit[top : height - top, left : width - left]
        edges = [picture[0], picture[-1]] if top else []
        edges += [picture[:, 0], picture[:, -1]] if left else []
        return _share(picture) >= _LIT and all(_share(edge) >= _EDGE_LIT for edge in edges)


def _share(lit: NDArray[np.bool_]) -> float:
    return np.count_nonzero(lit) / lit.size


def _margin(lit: NDArray[np.bool_]) -> int:
    """Unlit places at both ends alike; 0 where they differ by more than one."""
    first, last = int(lit.argmax()), int(lit[::-1].argmax())
    if not lit[first]:
        return len(lit)
    return min(first, last) if abs(first - last) <= 1 else 0
