"""What two small pictures have in common: blocks that match, blocks that are equal, and one scene, moved or in another light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Likeness", "SmallPicture", "compare", "kept_detail", "shifted_correlation"]

_BLOCK, _REACH = 12, 8  # side of a block on the 64x36 picture, and how far it may have moved
_FIRST_BLOCK = 2  # column of the first block, so that the blocks are centered
_FLAT_DEVIATION = 3.0  # standard deviation below which a block has no texture to match
_LIKE, _SAME = 0.8, 0.9  # correlations from which a block is like another, and the same
_MAX_COLOR_CHANGE = 36.0  # levels, all three channels together, by which the mean color of a matching block may differ
_EQUAL_DEVIATION = 1.5  # mean difference in levels below which blocks are equal except for compression
_MIN_TEXTURED = 0.2  # share of blocks that must have texture
_MAX_SHIFT = 0.65  # share of the width and height by which a picture may have moved
_MIN_STRUCTURED = 0.6  # share of blocks with texture from which correlation alone identifies a scene
_MAX_VEIL = 24.0  # levels that another light may add to a picture with less texture: light multiplies, and black stays black

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class SmallPicture:
    """A picture in color, uint8 [36, 64, 3], and in grey, uint8 [36, 64]."""

    bgr: Pixels
    grey: Pixels


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


def compare(old: SmallPicture, new: SmallPicture) -> Likeness:
    """Search for the blocks of `new` in `old`: where there is texture by the texture and the mean color, elsewhere by the color."""
    blocks = alike = textured = matched = equal = 0
    height, width = new.grey.shape
    for y in range(0, height, _BLOCK):
        for x in range(_FIRST_BLOCK, width - _BLOCK, _BLOCK):
            blocks += 1
            color = cv2.mean(_block(new.bgr, x, y))
            block, same = _block(new.grey, x, y), _block(old.grey, x, y)
            if cv2.meanStdDev(block)[1][0, 0] < _FLAT_DEVIATION:
                alike += _color_change(color, cv2.mean(_block(old.bgr, x, y))) < _MAX_COLOR_CHANGE
                continue
            textured += 1
            at_rest = cv2.norm(block, same, cv2.NORM_L1) < _EQUAL_DEVIATION * _BLOCK * _BLOCK
            best, left, top = (1.0, x, y) if at_rest else _best_match(old.grey, block, x, y)
            if best >= _LIKE and _color_change(color, cv2.mean(_block(old.bgr, left, top))) < _MAX_COLOR_CHANGE:
                alike += 1
                matched += best >= _SAME
            equal += at_rest
    share = matched / textured if textured >= _MIN_TEXTURED * blocks else alike / blocks
    return Likeness(alike / blocks, share, equal / max(1, textured))


def shifted_correlation(old: SmallPicture, new: SmallPicture, *, lit: bool = True) -> tuple[float, float]:
    """How far two pictures show one scene, 0 to 1, and by how many pixels it has moved.

    The move is the peak of the phase correlation. Correlation alone does not see brightness and contrast: any two drawings of one shape
    on one color correlate. So in pictures with little texture, the light may only multiply what has moved.

    Args:
        old: one picture.
        new: the other.
        lit: time has passed, so that the light may have changed much, or a scene that has moved may be in another light too.
            Otherwise it keeps its mean color if it has moved, and of little texture may only be multiplied at rest too.
    """
    height, width = new.grey.shape
    (right, down), _ = cv2.phaseCorrelate(old.grey.astype(np.float32), new.grey.astype(np.float32), _WINDOW)
    dx, dy = round(right), round(down)
    at_rest = _correlation(old.grey, new.grey) if lit or _may_be_lit(old, new, old.grey, new.grey) else 0.0
    if (dx == dy == 0) or abs(dx) > _MAX_SHIFT * width or abs(dy) > _MAX_SHIFT * height:
        return at_rest, 0.0
    covered = slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx))
    covering = slice(max(0, dy), height - max(0, -dy)), slice(max(0, dx), width - max(0, -dx))
    if lit:
        same = _may_be_lit(old, new, old.grey[covered], new.grey[covering])
    else:
        same = _color_change(cv2.mean(old.bgr[covered]), cv2.mean(new.bgr[covering])) < _MAX_COLOR_CHANGE
    moved = _correlation(old.grey[covered], new.grey[covering]) if same else 0.0
    return (moved, sqrt(dx * dx + dy * dy)) if moved > at_rest else (at_rest, 0.0)


def kept_detail(old: SmallPicture, new: SmallPicture) -> float:
    """Share of the detail of both pictures that stays where it is, 0 to 1: detail is the squared difference between neighboring pixels.

    1 for equal pictures, about 0 for two that have nothing to do with each other, and 0 if one of them is uniform.
    """
    one, other = (_steps(picture.grey.astype(np.float32)) for picture in (old, new))
    return max(0.0, float(2.0 * (one @ other) / (one @ one + other @ other + 1.0)))


def _block(picture: Pixels, x: int, y: int) -> Pixels:
    return picture[y : y + _BLOCK, x : x + _BLOCK]


def _color_change(one: Sequence[float], other: Sequence[float]) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1]) + abs(one[2] - other[2])


def _best_match(old: Pixels, block: Pixels, x: int, y: int) -> tuple[float, int, int]:
    """Correlation and corner of the part of `old` near (x, y) that is most like a block."""
    top, left = max(0, y - _REACH), max(0, x - _REACH)
    near = old[top : y + _BLOCK + _REACH, left : x + _BLOCK + _REACH]
    _, best, _, (dx, dy) = cv2.minMaxLoc(cv2.matchTemplate(near, block, cv2.TM_CCOEFF_NORMED))
    return best, left + dx, top + dy


def _steps(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Differences between pixels side by side, and between pixels one above the other."""
    return np.concatenate([np.diff(grey, axis=0).ravel(), np.diff(grey, axis=1).ravel()])


def _may_be_lit(old: SmallPicture, new: SmallPicture, covered: Pixels, covering: Pixels) -> bool:
    """Whether parts of two pictures can differ by their light: one a multiple of the other, or both from pictures with much texture."""
    return _is_multiplied(covered, covering) or (_is_structured(old.grey) and _is_structured(new.grey))


def _is_structured(grey: Pixels) -> bool:
    """Whether most blocks have texture, as in a photograph and not in a drawing."""
    corners = [(x, y) for y in range(0, grey.shape[0], _BLOCK) for x in range(_FIRST_BLOCK, grey.shape[1] - _BLOCK, _BLOCK)]
    textured = sum(cv2.meanStdDev(_block(grey, x, y))[1][0, 0] >= _FLAT_DEVIATION for x, y in corners)
    return bool(textured >= _MIN_STRUCTURED * len(corners))


def _is_multiplied(one: Pixels, other: Pixels) -> bool:
    """Whether the darker of two pictures can be the brighter one times a factor."""
    (mean, deviation), (brighter, most) = sorted(_mean_and_deviation(picture) for picture in (one, other))
    return abs(mean - brighter * deviation / max(most, 1.0)) < _MAX_VEIL


def _mean_and_deviation(picture: Pixels) -> tuple[float, float]:
    mean, deviation = cv2.meanStdDev(picture)
    return float(mean[0, 0]), float(deviation[0, 0])


def _correlation(a: Pixels, b: Pixels) -> float:
    """Pearson's correlation, by the mean square of the differences: `matchTemplate` transforms both pictures for this one number."""
    (mean, deviation), (other_mean, other_deviation) = _mean_and_deviation(a), _mean_and_deviation(b)
    if min(deviation, other_deviation) <= 1.0:
        return 0.0
    apart = cv2.norm(a, b, cv2.NORM_L2SQR) / a.size - (mean - other_mean) ** 2
    return (deviation * deviation + other_deviation * other_deviation - apart) / (2.0 * deviation * other_deviation)


_WINDOW = cv2.createHanningWindow((64, 36), cv2.CV_32F)
