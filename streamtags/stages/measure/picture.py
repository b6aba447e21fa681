"""Light and color of a segment: brightness, contrast, saturation, warmth, colourfulness and a palette with names.

Four pictures a second are measured, and also every picture that differs from the last measured one, so that a segment of a single
frame is measured too. Black bars are left out. All figures are of gamma-encoded code values, which are roughly even to the eye:
luma is Y' of ITU-R BT.601, full range.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, inf

import cv2
import numpy as np
from numpy.typing import NDArray

from streamtags.core.batch import Batch
from streamtags.core.model import EvidenceValue, Frame, Picture
from streamtags.stages.measure.bars import BarFinder
from streamtags.stages.measure.colors import COLORS, name_indices

__all__ = ["PictureMeter"]

_EVERY_SECONDS = 0.25
# Pictures measured at a time.
_BATCH = 16
# A picture is measured at once if the mean of one of its quarters has changed by more than this, in code values.
_CHANGED = 8.0
_WIDTH, _HEIGHT = 64, 36
_NAMES = tuple(COLORS)
# Luma of a fifth and four fifths of full scale: about 3 % and 60 % of white's light.
_DARK, _BRIGHT = 51, 204
# Red against green and yellow against blue, from B, G, R.
_OPPONENTS = np.array([[0.0, -1.0, 1.0], [-1.0, 0.5, 0.5]])
_PALETTE_COLORS, _PALETTE_SHARE = 5, 0.03
_MEASURES = ("brightness_percent", "contrast_percent", "saturation_percent", "warmth", "colourfulness", "dark_share", "bright_share")
_DIGITS = (1, 1, 1, 3, 1, 3, 3)


@dataclass(frozen=True, slots=True)
class _Look:
    """One measured picture: the `_MEASURES`, then per color name its share and that share times B, G and R; 32-bit floats."""

    seconds: float
    values: NDArray[np.float32]


class PictureMeter:
    """Measures light and color over segments. Keeps under 1 KB per measured picture since the last measured segment."""

    def __init__(self) -> None:
        self._due = -inf
        self._waiting: Batch[tuple[float, Picture]] = Batch(_BATCH)  # when the picture is shown, and the reduced picture
        self._looks: deque[_Look] = deque()
        self._quarters = np.zeros((2, 2, 3), np.uint8)
        self._bars = BarFinder()

    def push(self, frame: Frame, seconds: float) -> None:
        """Take the next frame, shown at `seconds`."""
        quarters = _quarters(frame.bgr)
        if seconds >= self._due or cv2.norm(quarters, self._quarters, cv2.NORM_INF) > _CHANGED:
            self._quarters, self._due = quarters, seconds + _EVERY_SECONDS
            self._measure_all(self._waiting.add((seconds, _small(frame.bgr))))

    def measure(self, start: float, end: float) -> dict[str, EvidenceValue]:
        """Return the measures of the segment [start, end), in seconds, and forget everything before `start`.

        Means over time; each picture counts until the next measured one. A segment without a measured picture has the values of the
        last one before it. Empty before the first frame.
        """
        self._measure_all(self._waiting.take())
        looks = self._looks
        while len(looks) > 1 and looks[1].seconds <= start:
            looks.popleft()
        inside = [look for look in looks if start <= look.seconds < end] or list(looks)[:1]
        if not inside:
            return {}
        ends = [look.seconds for look in inside[1:]] + [end]
        starts = [start] + [look.seconds for look in inside[1:]]
        lengths = np.maximum(np.subtract(ends, starts), 1e-6)
        values = np.average([look.values for look in inside], axis=0, weights=lengths)
        evidence: dict[str, EvidenceValue] = {
            name: round(float(value), digits) + 0.0 for name, value, digits in zip(_MEASURES, values, _DIGITS, strict=False)
        }
        evidence["palette"] = _palette(values[len(_MEASURES) :].reshape(4, -1))
        return evidence

    def _measure_all(self, pictures: Sequence[tuple[float, Picture]]) -> None:
        self._looks += [_Look(seconds, _look(small, self._bars)) for seconds, small in pictures]


def _quarters(bgr: Picture) -> Picture:
    """Mean B, G, R of the four quarters [2, 2, 3], from every eighth row."""
    return np.asarray(cv2.resize(bgr[bgr.shape[0] // 2 % 8 :: 8], (2, 2), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _small(bgr: Picture) -> Picture:
    # Halved first: that is the fast case of averaging, and what is left is little.
    half = cv2.resize(bgr, (2 * _WIDTH, 2 * _HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(half, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _look(small: Picture, bars: BarFinder) -> NDArray[np.float32]:
    luma = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    rows, columns = bars.inside(luma)
    small, luma = small[rows, columns], luma[rows, columns]
    planes = cv2.split(small)
    blue, _, red, _ = cv2.mean(small)
    highest, lowest = (cv2.mean(extreme(extreme(planes[0], planes[1]), planes[2]))[0] for extreme in (cv2.max, cv2.min))
    mean, contrast = cv2.meanStdDev(luma)
    # Every second pixel each way is enough to measure which colors fill the picture.
    few = small[::2, ::2].reshape(-1, 3)
    names, weights = name_indices(few).astype(np.intp), few.T.astype(np.float64)
    counts = [np.bincount(names, weight, len(_NAMES)) for weight in (None, *weights)]
    measures = (
        100 / 255 * float(mean[0, 0]),
        100 / 255 * float(contrast[0, 0]),
        # Saturation of HSV weighted by value: plain means are ruled by the noise of dark pixels (Hanbury, 2003).
        100 * (1 - lowest / highest) if highest > 0 else 0.0,
        (red - blue) / (red + blue) if red + blue > 0 else 0.0,
        _colourfulness(small),
        float(np.count_nonzero(luma < _DARK)) / luma.size,
        float(np.count_nonzero(luma >= _BRIGHT)) / luma.size,
    )
    return np.concatenate([measures, np.concatenate(counts) / len(few)]).astype(np.float32)


def _colourfulness(bgr: Picture) -> float:
    """M3 of Hasler & Süsstrunk, "Measuring colourfulness in natural images" (SPIE 2003): 0 none, 15 slightly, 45 averagely, 82 highly."""
    offsets, deviations = cv2.meanStdDev(cv2.transform(bgr.astype(np.float32), _OPPONENTS))
    return hypot(*deviations.ravel().tolist()) + 0.3 * hypot(*offsets.ravel().tolist())


def _palette(shares: NDArray[np.float64]) -> list[dict[str, float | str]]:
    """The colors that fill most of the picture, largest share first, from share and share times B, G, R [4, names]."""
    order = np.argsort(-shares[0], kind="stable")[:_PALETTE_COLORS]
    chosen = [index for index in order if shares[0, index] >= _PALETTE_SHARE] or [order[0]]
    colors: list[dict[str, float | str]] = []
    for index in chosen:
        blue, green, red = (min(255, round(float(total / shares[0, index]))) for total in shares[1:, index])
        colors.append({"name": _NAMES[index], "hex": f"#{red:02x}{green:02x}{blue:02x}", "share": round(float(shares[0, index]), 3)})
    return colors
