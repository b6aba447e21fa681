"""How voices sound, in numbers that say whether two of them may be the same. Pure.

A timbre is the mean and the covariance of cepstral coefficients over voiced frames. Two are compared by Hotelling's T-squared without
the counts (Hotelling 1931, Annals of Mathematical Statistics 2(3)), as in speaker segmentation by Zhou and Hansen, "Efficient audio
stream segmentation via the combined T2 statistic and Bayesian information criterion", IEEE Trans. Speech and Audio Processing 13(4), 2005.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["COEFFICIENTS", "MAX_VOICES", "PACKED_CHARACTERS", "Timbre", "is_same_voice"]

COEFFICIENTS: Final = 10
MAX_VOICES: Final = 4
"""Most voices of a segment."""
_UPPER: Final = np.triu_indices(COEFFICIENTS)
_NUMBERS: Final = COEFFICIENTS + len(_UPPER[0])
_SCALE: Final = 1000.0  # of the packed numbers
PACKED_CHARACTERS: Final = -(-2 * _NUMBERS // 3) * 4
"""Length of a packed timbre."""
_LEAST_VARIANCE: Final = 0.01
# Voices under the first limit are the same and above the second different; between them nothing is said (see docs/topics/timeline.md).
_SAME, _OTHER = 2.2, 4.2

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Timbre:
    """How a voice sounds.

    Attributes:
        frames: how many frames of 10 ms it was measured on.
        mean: float64 [COEFFICIENTS].
        covariance: float64 [COEFFICIENTS, COEFFICIENTS].
    """

    frames: int
    mean: Floats
    covariance: Floats

    @classmethod
    def of(cls, frames: NDArray[np.floating]) -> Timbre:
        """Return the timbre of cepstral coefficients [frames, COEFFICIENTS], at least 2 frames."""
        exact = frames.astype(np.float64)
        return cls(len(exact), exact.mean(axis=0), np.cov(exact.T, bias=True))

    def joined(self, other: Timbre) -> Timbre:
        """Return the timbre of the frames of both."""
        frames = self.frames + other.frames
        weight = other.frames / frames
        apart = other.mean - self.mean
        within = (1 - weight) * self.covariance + weight * other.covariance
        return Timbre(frames, self.mean + weight * apart, within + weight * (1 - weight) * np.outer(apart, apart))

    def difference(self, other: Timbre) -> float:
        """Return how far apart two timbres are, at least 0; the same voice is mostly under 3 (see docs/topics/timeline.md)."""
        weight = other.frames / (self.frames + other.frames)
        within = (1 - weight) * self.covariance + weight * other.covariance
        variances, axes = np.linalg.eigh(within)
        return float((((self.mean - other.mean) @ axes) ** 2 / np.maximum(variances, _LEAST_VARIANCE)).sum())

    def packed(self) -> str:
        """Return mean and covariance as base64 text of little-endian 16-bit thousandths; numbers beyond 32 are cut off."""
        numbers = np.concatenate([self.mean, self.covariance[_UPPER]])
        return base64.b64encode(np.clip(np.rint(numbers * _SCALE), -32767, 32767).astype("<i2").tobytes()).decode()

    @classmethod
    def unpacked(cls, text: str, frames: int) -> Timbre | None:
        """Return the timbre of a packed text; None if it is none."""
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return None
        if len(raw) != 2 * _NUMBERS or frames < 1:
            return None
        numbers = np.frombuffer(raw, "<i2").astype(np.float64) / _SCALE
        covariance = np.zeros((COEFFICIENTS, COEFFICIENTS))
        covariance[_UPPER] = numbers[COEFFICIENTS:]
        return cls(frames, numbers[:COEFFICIENTS], covariance + np.triu(covariance, 1).T)


def is_same_voice(some: Sequence[Timbre], others: Sequence[Timbre]) -> bool | None:
    """Return whether a voice of `some` is one of `others`: False if all are clearly different, None if it is not clear or there is none."""
    least = min((one.difference(other) for one in some for other in others), default=None)
    if least is None or _SAME <= least <= _OTHER:
        return None
    return least < _SAME
