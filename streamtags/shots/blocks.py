"""What two small grey pictures have in common: blocks that match, blocks that are equal, and a shift of the whole picture."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Likeness", "compare", "shifted_correlation"]

_BLOCK, _REACH = 12, 8  # side of a block on the 64x36 picture, and how far it may have moved
_FIRST_BLOCK = 2  # column of the first block, so that the blocks are centered
_FLAT_DEVIATION = 3.0  # standard deviation below which a block has no texture to match
_LIKE, _SAME = 0.8, 0.9  # correlations from which a block is like another, and the same
_MAX_BRIGHTNESS_CHANGE = 12.0  # levels by which a matching block may be brighter or darker
_EQUAL_DEVIATION = 1.5  # mean difference in levels below which blocks are equal except for compression
_MIN_TEXTURED = 0.2  # share of blocks that must have texture
_MAX_SHIFT = 0.65  # share of the width and height by which a picture may have moved

Grey = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much of one picture appears near the same place in another.

    Attributes:
        alike: share of all blocks that look alike, flat ones by their brightness.
        matched: share of the textured blocks that are that match; of a picture with hardly any texture, `alike`.
        equal: share of the textured blocks that are equal at the same place.
    """

    alike: float
    matched: float
    equal: float


def compare(old: Grey, new: Grey) -> Likeness:
    """Search for the blocks of `new` in `old`; both uint8 [36, 64]."""
    blocks = alike = textured = matched = equal = 0
    for y in range(0, new.shape[0], _BLOCK):
        for x in range(_FIRST_BLOCK, new.shape[1] - _BLOCK, _BLOCK):
            blocks += 1
            block, same = new[y : y + _BLOCK, x : x + _BLOCK], old[y : y + _BLOCK, x : x + _BLOCK]
            mean, deviation = cv2.meanStdDev(block)
            if deviation[0, 0] < _FLAT_DEVIATION:
                alike += abs(mean[0, 0] - cv2.mean(same)[0]) < _MAX_BRIGHTNESS_CHANGE
                continue
            textured += 1
            best, match = _best_match(old, block, x, y)
            if best >= _LIKE and abs(mean[0, 0] - cv2.mean(match)[0]) < _MAX_BRIGHTNESS_CHANGE:
                alike += 1
                matched += best >= _SAME
            equal += cv2.norm(block, same, cv2.NORM_L1) < _EQUAL_DEVIATION * _BLOCK * _BLOCK
    share = matched / textured if textured >= _MIN_TEXTURED * blocks else alike / blocks
    return Likeness(alike / blocks, share, equal / max(1, textured))


def shifted_correlation(old: Grey, new: Grey) -> tuple[float, float]:
    """Correlation of two pictures where one covers the other after the shift that fits best, and the length of the shift in pixels.

    The shift is the peak of the phase correlation. The correlation does not depend on brightness and contrast, so another light
    on the same scene gives nearly 1 at no shift.
    """
    height, width = new.shape
    (right, down), _ = cv2.phaseCorrelate(old.astype(np.float32), new.astype(np.float32), _WINDOW)
    dx, dy = round(right), round(down)
    at_rest = _correlation(old, new)
    if (dx == dy == 0) or abs(dx) > _MAX_SHIFT * width or abs(dy) > _MAX_SHIFT * height:
        return at_rest, 0.0
    covered = old[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
    covering = new[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)]
    moved = _correlation(covered, covering)
    return (moved, sqrt(dx * dx + dy * dy)) if moved > at_rest else (at_rest, 0.0)


def _best_match(old: Grey, block: Grey, x: int, y: int) -> tuple[float, Grey]:
    top, left = max(0, y - _REACH), max(0, x - _REACH)
    near = old[top : y + _BLOCK + _REACH, left : x + _BLOCK + _REACH]
    _, best, _, (dx, dy) = cv2.minMaxLoc(cv2.matchTemplate(near, block, cv2.TM_CCOEFF_NORMED))
    return best, near[dy : dy + _BLOCK, dx : dx + _BLOCK]


def _correlation(a: Grey, b: Grey) -> float:
    return float(cv2.matchTemplate(a, b, cv2.TM_CCOEFF_NORMED)[0, 0]) if min(a.std(), b.std()) > 1.0 else 0.0


_WINDOW = cv2.createHanningWindow((64, 36), cv2.CV_32F)
