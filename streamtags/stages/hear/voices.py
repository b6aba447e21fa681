"""How the voices of a segment sound. Pure.

Mel-frequency cepstral coefficients (Davis and Mermelstein, IEEE Trans. ASSP 28(4), 1980) of voiced frames; the first two, which follow
the loudness of bass and treble and so the room and the microphone, are left out. A frame is voiced if its autocorrelation, corrected for
the window (Boersma, Proceedings of the Institute of Phonetic Sciences 17, 1993), has a peak at the pitch of a voice.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamtags.core.sound import SAMPLE_RATE
from streamtags.core.voices import COEFFICIENTS, MAX_VOICES, Timbre
from streamtags.stages.hear.listener import FRAME, MUSIC, SINGING, SPEECH
from streamtags.stages.hear.shares import Flags

__all__ = ["timbres_of"]

_WINDOW: Final = 512  # samples, 32 ms: two periods of a deep voice
_SPAN: Final = 1024  # of the transforms
_BANDS: Final = 24
_LOWEST, _HIGHEST = 100.0, 6800.0  # Hz; the sound of segments ends at 7.3 kHz
_FIRST: Final = 3  # coefficient
_FLOOR: Final = 1e-3  # of the mean energy of a band: what is fainter counts as this
_NOISE_PERCENTILE, _NOISE_KEPT = 10, 0.1
_LEAST_OVER_NOISE: Final = 10**2.2  # 22 dB: in more noise all voices sound the same (see docs/topics/timeline.md)
_SHORTEST_LAG, _LONGEST_LAG = SAMPLE_RATE // 500, SAMPLE_RATE // 70  # samples: 500 and 70 Hz
_VOICED: Final = 0.5
_QUIET_PERCENTILE: Final = 30  # frames of less power are left out
_BLOCK: Final = 2000  # frames that are transformed at a time
# A voice takes so many voiced frames, about 2.5 s of speech; shorter speech says more about its words than its speaker.
_LEAST_FRAMES: Final = 120
_JOINED: Final = 3.0  # parts of a segment that differ by less are of one voice

Floats = NDArray[np.float32]


def _filters() -> Floats:
    """Triangular filters on a mel scale, float32 [_SPAN // 2 + 1, _BANDS]."""
    edges = 700 * np.expm1(np.linspace(np.log1p(_LOWEST / 700), np.log1p(_HIGHEST / 700), _BANDS + 2))
    hertz = np.fft.rfftfreq(_SPAN, 1 / SAMPLE_RATE)[:, None]
    rising, falling = (hertz - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - hertz) / np.diff(edges)[1:]
    filters: Floats = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    return filters


_FILTERS: Final = _filters()
_COSINES: Final = (
    np.sqrt(2 / _BANDS) * np.cos(np.pi / _BANDS * np.outer(np.arange(_BANDS) + 0.5, np.arange(_FIRST, _FIRST + COEFFICIENTS)))
).astype(np.float32)
_HANN: Final = np.hanning(_WINDOW).astype(np.float32)
_OF_WINDOW: Final = np.fft.irfft(np.abs(np.fft.rfft(_HANN, _SPAN)) ** 2)[: _LONGEST_LAG + 1].astype(np.float32)


def timbres_of(samples: Floats, flags: Flags) -> list[Timbre]:
    """Return the voices that speak without music or singing, in order of appearance, at most `MAX_VOICES`.

    Empty if they speak for less than about 2.5 s, and in noise.

    Args:
        samples: mono at 16 kHz, float32 in -1..1.
        flags: from `shares.decided`, of the same time.
    """
    at = np.flatnonzero(flags[:, SPEECH] & ~flags[:, SINGING] & ~flags[:, MUSIC])
    if len(at) < _LEAST_FRAMES:
        return []
    frames = _voiced(samples, at)
    voices: list[Timbre] = []
    for part in np.array_split(frames, len(frames) // _LEAST_FRAMES) if len(frames) >= _LEAST_FRAMES else []:
        _add(voices, Timbre.of(part))
    return voices


def _add(voices: list[Timbre], part: Timbre) -> None:
    """Join `part` to the voice that is nearest, or add it as another; a part that is one too many is left out."""
    differences = [voice.difference(part) for voice in voices]
    nearest = int(np.argmin(differences)) if differences else 0
    if differences and differences[nearest] < _JOINED:
        voices[nearest] = voices[nearest].joined(part)
    elif len(voices) < MAX_VOICES:
        voices.append(part)


def _voiced(samples: Floats, at: NDArray[np.intp]) -> Floats:
    """Return the coefficients of the voiced frames of those that begin at `at` times FRAME: float32 [frames, COEFFICIENTS].

    Empty in noise.
    """
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([samples, np.zeros(_WINDOW, np.float32)]), _WINDOW)[::FRAME]
    parts = [_measured(windows[at[first : first + _BLOCK]]) for first in range(0, len(at), _BLOCK)]
    bands, power, is_voiced = (np.concatenate(each) for each in zip(*parts, strict=True))
    noise = np.percentile(bands, _NOISE_PERCENTILE, axis=0)
    if bands.mean() < _LEAST_OVER_NOISE * noise.mean():
        return np.zeros((0, COEFFICIENTS), np.float32)
    bands = np.maximum(bands - noise, _NOISE_KEPT * bands)
    chosen = bands[is_voiced & (power > np.percentile(power, _QUIET_PERCENTILE))]
    coefficients: Floats = (np.log(chosen + _FLOOR * bands.mean() + np.finfo(np.float32).tiny) @ _COSINES).astype(np.float32)
    return coefficients


def _measured(windows: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return the energy of each band, the power, and whether there is a pitch, of each window."""
    spectra = np.abs(np.fft.rfft((windows - windows.mean(axis=1, keepdims=True)) * _HANN, _SPAN)) ** 2
    lags = np.fft.irfft(spectra, axis=1)[:, : _LONGEST_LAG + 1]
    periodic = lags[:, _SHORTEST_LAG:] / np.maximum(lags[:, :1], np.finfo(np.float32).tiny) * (_OF_WINDOW[0] / _OF_WINDOW[_SHORTEST_LAG:])
    return spectra @ _FILTERS, spectra.sum(axis=1), periodic.max(axis=1) > _VOICED
