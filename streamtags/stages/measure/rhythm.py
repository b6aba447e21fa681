"""Onsets and tempo from the spectral flux of sound, and its brightness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamtags.stages.measure.blocks import PAST, RATE, TICK, TICKS, TICKS_PER_SECOND, Block, Floats, spectrum

__all__ = ["Flux", "onset_count", "onsets", "tempo"]

_FRAME: Final = 1024  # samples, 21 ms: two ticks overlap, so an attack shows within one
_LAG: Final = 2  # frames compared are this many ticks apart (Boeck & Widmer 2013, "SuperFlux", section 2.2: beyond the window's overlap)
_BANDS_PER_OCTAVE: Final = 3
_LOWEST: Final = 60.0  # Hz
_OCTAVES: Final = 8
_COMPRESSION: Final = 1000.0  # log10(1 + 1000 a): linear below -60 dBFS, logarithmic above

_ONSET_RADIUS: Final = 3  # ticks: an onset is the highest flux within 30 ms
_ONSET_CONTEXT: Final = 10  # ticks: ... and stands out of the mean of 100 ms to either side (Boeck, Krebs & Schedl 2012, section 2.3)
_ONSET_RISE: Final = 0.1  # ... by this much, in log10 amplitude averaged over bands: all bands rising by 2 dB; steady noise stays below

_TEMPO_SECONDS: Final = 4.0  # a shorter range holds too few beats
_TREND: Final = TICKS_PER_SECOND // 2  # ticks to either side: changes over more than a second are no pulse
_TEMPI: Final = np.arange(50.0, 220.25, 0.25)  # BPM
_PREFERRED: Final = 120.0  # BPM; Ellis 2007, "Beat tracking by dynamic programming", section 3.2: a log-normal window
_PREFERRED_WIDTH: Final = 0.9  # octaves, ibid.
_HARMONICS: Final = 4  # a pulse repeats after 1, 2, 3, 4 periods; the farther ones give the resolution
_FAINT: Final = 0.01  # root mean square of the flux, 0.2 dB: a weaker pulse is a sine wave beating with the frames, not a rhythm
_CLEAR: Final = 0.2  # mean autocorrelation below which no tempo is claimed


def _filterbank() -> Floats:
    """Triangles in third octaves from 60 Hz to 15 kHz, float32 [bins, bands]; each sums to 1."""
    centers = _LOWEST * 2.0 ** (np.arange(-1, _OCTAVES * _BANDS_PER_OCTAVE + 1) / _BANDS_PER_OCTAVE)
    bins = np.array(sorted(set(np.rint(centers * _FRAME / RATE).tolist())))  # low bands narrower than a bin fall together
    line = np.arange(1, _FRAME // 2)
    rows = [np.interp(line, bins[i : i + 3], (0.0, 1.0, 0.0)) for i in range(len(bins) - 2)]
    return np.stack([row / row.sum() for row in rows], axis=1).astype(np.float32)


class Flux:
    """Spectral flux and brightness, block by block; carries the last frames over the edge of a block."""

    _window = np.hanning(_FRAME + 1)[:-1].astype(np.float32)
    _window *= 2.0 / _window.sum()  # a full-scale sine reads 1
    _bank = _filterbank()
    _hertz = (np.arange(1, _FRAME // 2) * (RATE / _FRAME)).astype(np.float32)
    _first = PAST + TICK - _FRAME  # the first frame ends with the first tick

    def __init__(self) -> None:
        self._last = np.zeros((_LAG, self._bank.shape[1]), dtype=np.float32)

    def push(self, blocks: Sequence[Block]) -> tuple[Floats, Floats, Floats]:
        """Take the next blocks.

        Returns:
            float32 [blocks, TICKS] each: flux (rise of log10 amplitude, mean over bands), amplitude times frequency in Hz, amplitude.
        """
        mono = np.stack([(block.span[0] + block.span[-1]) * np.float32(0.5) for block in blocks])
        frames = np.lib.stride_tricks.as_strided(
            mono[:, self._first :], (len(blocks), TICKS, _FRAME), (mono.strides[0], TICK * mono.itemsize, mono.itemsize)
        )
        # Without the constant part and the highest frequency, which share the ends of a packed row.
        amplitude = np.abs(spectrum(frames * self._window)[..., 1:-1].view(np.complex64))
        bands = np.log10(1.0 + _COMPRESSION * (amplitude @ self._bank))
        before = np.empty_like(bands)
        before[:, _LAG:] = bands[:, :-_LAG]
        before[1:, :_LAG] = bands[:-1, -_LAG:]
        before[0, :_LAG] = self._last
        before[[not block.follows for block in blocks], :_LAG] = 0.0
        self._last = bands[-1, -_LAG:]
        return np.maximum(bands - before, 0.0).mean(axis=2), amplitude @ self._hertz, amplitude.sum(axis=2)


def _local_mean(values: Floats, radius: int) -> NDArray[np.float64]:
    """Mean of up to `radius` neighbors on either side."""
    total = np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))
    at = np.arange(len(values))
    low, high = np.maximum(at - radius, 0), np.minimum(at + radius + 1, len(values))
    return np.asarray((total[high] - total[low]) / (high - low))


def onset_count(flux: Floats) -> int:
    """Onsets in `flux` [ticks]: peaks within 30 ms that stand out of the 200 ms around."""
    return len(onsets(flux))


def onsets(flux: Floats) -> NDArray[np.intp]:
    """Ticks of the onsets in `flux` [ticks], in order."""
    if not len(flux):
        return np.empty(0, np.intp)
    padded = np.pad(flux, _ONSET_RADIUS, constant_values=-1.0)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * _ONSET_RADIUS + 1)
    # Of equal neighbors the first is the peak.
    peak = (flux > around[:, :_ONSET_RADIUS].max(axis=1)) & (flux >= around[:, _ONSET_RADIUS:].max(axis=1))
    return np.flatnonzero(peak & (flux > _local_mean(flux, _ONSET_CONTEXT) + _ONSET_RISE))


def tempo(flux: Floats) -> tuple[float | None, float]:
    """Tempo of `flux` [ticks] in BPM, 50 to 220, and how clear the pulse is, 0..1.

    The autocorrelation of the flux (by FFT) is averaged over one to four periods of each tempo; a window around 120 BPM decides between
    a tempo and its half or double. Tempo is None when that mean is below 0.2 or the range is shorter than 4 s.
    """
    n = len(flux)
    if n < _TEMPO_SECONDS * TICKS_PER_SECOND:
        return None, 0.0
    size = 1 << (2 * n - 1).bit_length()
    centered = flux - _local_mean(flux, _TREND)  # else a slow swell correlates with itself at every lag
    correlation = np.fft.irfft(np.abs(np.fft.rfft(centered, size)) ** 2)[:n]
    if correlation[0] < n * _FAINT**2:
        return None, 0.0
    correlation /= correlation[0] * (1.0 - np.arange(n) / n)  # unbiased: fewer products at longer lags
    lags = np.outer(60.0 * TICKS_PER_SECOND / _TEMPI, np.arange(1, _HARMONICS + 1))
    usable = lags <= n / 2
    values = np.where(usable, np.interp(lags, np.arange(n), correlation), 0.0)
    clarity = values.sum(axis=1) / usable.sum(axis=1)
    preference = np.exp(-0.5 * (np.log2(_TEMPI / _PREFERRED) / _PREFERRED_WIDTH) ** 2)
    best = int(np.argmax(clarity * preference))
    confidence = min(1.0, max(0.0, float(clarity[best])))
    return (float(_TEMPI[best]) if confidence >= _CLEAR else None), confidence
