"""Where sound changes: the boundaries of a sound file without picture. Pure.

After the idea of J. Foote, "Automatic audio segmentation using a measure of audio novelty", ICME 2000: a boundary is where the seconds that
follow are unlike the seconds before, and both are like themselves. The mean levels of bands are compared, not a matrix of all moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["BANDS", "MOMENT_SECONDS", "band_levels", "changes"]

MOMENT_SECONDS = 0.5
"""Length of what is compared."""
BANDS = 12

_LOWEST_HERTZ, _HIGHEST_HERTZ = 60.0, 8000.0
_FLOOR_DB = -70.0
_KERNEL = 12  # moments before and after: six seconds
_SHORTEST = 6  # moments between two boundaries, and from the edges
_PEAK = 3  # moments around a boundary in which none is more novel
_CLEAR_DB = 6.0  # root mean square over bands by which the sides of a boundary differ
_STEPS = 2  # a side is unlike the other by at least so many of its own deviations

Levels = NDArray[np.float64]


def band_levels(samples: NDArray[np.float32], rate: int) -> Levels:
    """Return the level in each band, in dB below full scale, float64 [BANDS].

    Args:
        samples: one moment, mono, in -1..1.
        rate: samples a second.
    """
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2 / max(1, len(samples)) ** 2
    edges = np.geomspace(_LOWEST_HERTZ, _HIGHEST_HERTZ, BANDS + 1) * len(samples) / rate
    places = np.clip(np.rint(edges).astype(int), 0, len(power))
    sums = np.array([power[low : max(low + 1, high)].sum() for low, high in pairwise(places)])
    levels: Levels = np.maximum(10 * np.log10(np.maximum(sums, 1e-12)), _FLOOR_DB)
    return levels


def changes(levels: Sequence[Levels]) -> list[int]:
    """Return the moments at which the sound becomes another, in order; the first moment is none.

    Args:
        levels: of each moment, from `band_levels`.
    """
    if len(levels) < 2 * _SHORTEST:
        return []
    sound = np.stack(levels)
    novelty = np.array([_novelty(sound, at) for at in range(len(sound))])
    places: list[int] = []
    for at in np.argsort(-novelty, kind="stable"):
        if novelty[at] <= 0:
            break
        if novelty[at] < novelty[max(0, at - _PEAK) : at + _PEAK + 1].max():
            continue
        if all(abs(at - other) >= _SHORTEST for other in places) and _SHORTEST <= at <= len(sound) - _SHORTEST:
            places.append(int(at))
    return sorted(places)


def _novelty(sound: Levels, at: int) -> float:
    """Return how much what follows `at` is unlike what came before, in dB; 0 where it is not clearly so."""
    before, after = sound[max(0, at - _KERNEL) : at], sound[at : at + _KERNEL]
    if min(len(before), len(after)) < _SHORTEST:
        return 0.0
    apart = _distance(before.mean(axis=0), after.mean(axis=0))
    within = max(_spread(before), _spread(after))
    return apart if apart >= max(_CLEAR_DB, _STEPS * within / np.sqrt(_SHORTEST)) else 0.0


def _distance(one: Levels, other: Levels) -> float:
    return float(np.sqrt(np.mean((one - other) ** 2)))


def _spread(part: Levels) -> float:
    return float(np.sqrt(np.mean((part - part.mean(axis=0)) ** 2)))
