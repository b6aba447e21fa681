"""Mel spectrograms as librosa computes them with its defaults, which is what the music tagger was trained on."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["BANDS", "FRAMES_PER_SECOND", "log_mel"]

RATE, HOP, WINDOW, BANDS = 16_000, 256, 512, 96
FRAMES_PER_SECOND = RATE / HOP

Floats = NDArray[np.float32]


def log_mel(samples: Floats) -> Floats:
    """log10(1 + 10000 x mel power), float32 [frames, 96].

    Args:
        samples: float32 mono at 16 kHz, -1..1; at least half a window.
    """
    padded = np.pad(samples.astype(np.float32), WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=1)).astype(np.float32) ** 2
    # The training data was stored in half precision.
    mel = np.minimum(power @ _filters().T, 65_504).astype(np.float16).astype(np.float32)
    return np.asarray(np.log10(10_000 * mel + 1), np.float32)


@cache
def _filters() -> Floats:
    """Triangles of equal area on the mel scale of M. Slaney, "Auditory Toolbox", 1998: float32 [96, 257], 0 to 8 kHz."""
    edges = _hertz(np.linspace(0, _mel(RATE / 2), BANDS + 2))
    frequencies = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * area[:, None], np.float32)


def _mel(hertz: float) -> float:
    return 15 + np.log(hertz / 1000) / (np.log(6.4) / 27) if hertz >= 1000 else 3 * hertz / 200


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel >= 15, 1000 * np.exp((mel - 15) * np.log(6.4) / 27), 200 * mel / 3)
