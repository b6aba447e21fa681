"""Sounds with known properties: silence, a tone, noise, clicks at a tempo, chords, and noise that is modulated like speech."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["SOUNDS", "SoundMaker", "SoundName", "at_level", "clicks", "noise_band"]

Samples: TypeAlias = NDArray[np.float32]
SoundName = Literal["silence", "tone", "noise", "clicks", "chords", "speech"]
# From the moments of the samples, in seconds since the shot began (float64 [n]), and a generator of random numbers: float32 [n].
SoundMaker: TypeAlias = Callable[[NDArray[np.float64], np.random.Generator], Samples]


def at_level(samples: Samples, dbfs: float) -> Samples:
    """`samples` scaled so that their root mean square is `dbfs` decibels below full scale, then clipped to it."""
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
    if rms == 0.0:
        return samples
    return np.asarray(np.clip(samples * (10 ** (dbfs / 20) / rms), -1.0, 1.0), np.float32)


def noise_band(count: int, rng: np.random.Generator, *, rate: float, low: float, high: float) -> Samples:
    """Gaussian noise between `low` and `high` hertz: a running mean of `rate / high` samples less one of `rate / low`; float32 [count]."""
    white = rng.standard_normal((1, count), np.float32)
    fine = cv2.blur(white, (max(1, round(rate / (2 * high))), 1))
    coarse = cv2.blur(fine, (max(1, round(rate / (2 * low))), 1))
    return np.asarray((fine - coarse)[0], np.float32)


def clicks(bpm: float, *, pitch: float = 60.0, snap: float = 0.35) -> SoundMaker:
    """A drum on every beat.

    Args:
        bpm: beats a minute.
        pitch: of the drum's body, hertz.
        snap: share of noise at the start of each beat.
    """

    def make(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
        since = np.mod(t, 60.0 / bpm)
        body = np.sin(2 * np.pi * pitch * since * (1 + 0.8 * np.exp(-since * 40))) * np.exp(-since * 11)
        return np.asarray(body + snap * rng.standard_normal(len(t)) * np.exp(-since * 70), np.float32)

    return make


def _rate(t: NDArray[np.float64]) -> float:
    return 1.0 / float(t[1] - t[0]) if len(t) > 1 else 48000.0


def _silence(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
    return np.zeros(len(t), np.float32)


def _tone(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
    return np.sin(2 * np.pi * 440 * t).astype(np.float32)


def _noise(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
    return rng.standard_normal(len(t), np.float32)


def _chords(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
    minor = np.array([220.0, 261.63, 329.63, 440.0])  # A minor: A3 C4 E4 A4
    voices = np.sin(2 * np.pi * minor[:, None] * t) * (1 + 0.2 * np.sin(2 * np.pi * 0.3 * t + minor[:, None]))
    return np.asarray(voices.sum(axis=0), np.float32)


def _speech(t: NDArray[np.float64], rng: np.random.Generator) -> Samples:
    # Syllables come about four a second, with a breath every two seconds or so (Greenberg et al. 2003, J. Phonetics 31, on syllable rates).
    syllables = np.clip(np.sin(2 * np.pi * 4 * t), 0, 1) ** 0.7
    phrases = np.clip(np.sin(2 * np.pi * 0.45 * t) * 4 + 2.5, 0, 1)
    return noise_band(len(t), rng, rate=_rate(t), low=200, high=3000) * (syllables * phrases).astype(np.float32)


SOUNDS: dict[SoundName, SoundMaker] = {
    "silence": _silence,
    "tone": _tone,
    "noise": _noise,
    "clicks": clicks(120),
    "chords": _chords,
    "speech": _speech,
}
