"""A window of sound as a person would note it down: how loud, who speaks or sings what, which instruments, which color."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log10
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CRITERION",
    "SILENT_DB",
    "Guess",
    "Loudness",
    "RunningLevel",
    "Window",
    "dominant_hertz",
    "level_db",
    "relative",
    "three_instruments",
]

Loudness = Literal["loud", "medium", "quiet"]

CRITERION: Final = 0.7
"""A guess of this confidence counts as identified (AIMV)."""

SILENT_DB: Final = -60.0
"""A window that is quieter is silence, in dB below full scale."""

_INSTRUMENTS = 3
_SILENT_SHARE = 0.95
_STEP_DB = 3.0  # a window that differs by less from the running average is medium: half or double the power
_AVERAGED_WINDOWS = 30
_SPECTRUM = 4096
_LOWEST_HERTZ, _HIGHEST_HERTZ = 40.0, 5000.0


@dataclass(frozen=True, slots=True)
class Guess:
    """An instrument with its confidence, 0..1; `alternatives` are what it may be instead, the likeliest first."""

    label: str
    confidence: float
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """A window of sound.

    Attributes:
        start: in seconds.
        end: in seconds.
        loudness: against the running average.
        content: shares of speech, singing, music and other sound; empty if no stage has listened.
        words: spoken or sung in it.
        instruments: at most three, the surest first; see `three_instruments`.
        hertz: the dominant frequency; None for silence.
    """

    start: float
    end: float
    loudness: Loudness
    content: dict[str, float]
    words: str = ""
    instruments: tuple[Guess, ...] = ()
    hertz: float | None = None

    @property
    def is_silent(self) -> bool:
        """Whether nothing is to be heard."""
        return self.hertz is None


def three_instruments(guesses: Sequence[Guess], criterion: float = CRITERION) -> tuple[Guess, ...]:
    """Return the three surest instruments; none if no guess reaches the criterion.

    Guesses that reach the criterion come first. If they are fewer than three, their own alternatives follow, then the next guesses.
    """
    ranked = sorted(guesses, key=lambda guess: -guess.confidence)
    identified = [guess for guess in ranked if guess.confidence >= criterion]
    if not identified:
        return ()
    by_label = {guess.label: guess for guess in reversed(ranked)}
    instead = [by_label.get(label, Guess(label, 0.0)) for guess in identified for label in guess.alternatives]
    chosen: dict[str, Guess] = {}
    for guess in (*identified, *instead, *ranked):
        chosen.setdefault(guess.label, guess)
    return tuple(chosen.values())[:_INSTRUMENTS]


class RunningLevel:
    """Compares the level of each window with the running average of the windows so far, silence left out."""

    def __init__(self) -> None:
        self._powers: list[float] = []

    def push(self, db: float) -> Loudness:
        """Take the level of the next window, in dB below full scale; return how loud it is."""
        if db <= SILENT_DB:
            return "quiet"
        self._powers = [*self._powers, 10 ** (db / 10)][-_AVERAGED_WINDOWS:]
        above = db - 10 * log10(sum(self._powers) / len(self._powers))
        return "loud" if above > _STEP_DB else "quiet" if above < -_STEP_DB else "medium"


def level_db(samples: NDArray[np.float32]) -> float:
    """Return the level of mono samples in -1..1, in dB below full scale; -120 for digital silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return 10 * log10(max(power, 1e-12))


def is_silent(samples: NDArray[np.float32], rate: int) -> bool:
    """Return whether nearly all of a sound is silence: the end of what came before, cut off by a window, does not count."""
    size = max(1, rate // 50)
    whole = len(samples) // size * size
    if not whole:
        return level_db(samples) <= SILENT_DB
    power = np.mean(np.square(samples[:whole], dtype=np.float64).reshape(-1, size), axis=1)
    return bool((power <= 10 ** (SILENT_DB / 10)).mean() >= _SILENT_SHARE)


def dominant_hertz(samples: NDArray[np.float32], rate: int) -> float | None:
    """Return the frequency with the most power from 40 Hz to 5 kHz; None for silence.

    The spectrum is the mean over Hann windows of a quarter of a second (Welch 1967).
    """
    if is_silent(samples, rate):
        return None
    padded = np.pad(samples, (0, max(0, _SPECTRUM - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SPECTRUM)[:: _SPECTRUM // 2]
    power = np.mean(np.abs(np.fft.rfft(frames * np.hanning(_SPECTRUM), axis=1)) ** 2, axis=0)
    frequencies = np.fft.rfftfreq(_SPECTRUM, 1 / rate)
    power[(frequencies < _LOWEST_HERTZ) | (frequencies > _HIGHEST_HERTZ)] = 0
    return float(frequencies[int(power.argmax())])


def relative(scores: Iterable[tuple[str, float]]) -> list[Guess]:
    """Return the scores of a tagger that only ranks as guesses: a confidence is the share of the best score."""
    listed = list(scores)
    best = max((score for _, score in listed), default=0.0)
    return [Guess(label, score / best) for label, score in listed] if best > 0 else []
