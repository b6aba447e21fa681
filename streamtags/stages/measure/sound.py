"""The sound of a segment as named numbers: loudness, silence, speech, rhythm, brightness.

Sound arrives in pieces of any size and is laid on the absolute grid of `blocks`. Each full block becomes six numbers a tick of 10 ms, its
samples are forgotten, and a segment is summed up from its ticks.
"""

from __future__ import annotations

from collections import deque
from math import floor, inf, log10
from typing import Final

import numpy as np

from streamtags.core.batch import Batch
from streamtags.core.model import EvidenceValue, Sound
from streamtags.core.sound import SAMPLE_RATE, Samples
from streamtags.stages.measure.blocks import BLOCK, PAST, RATE, TICK, TICKS, TICKS_PER_SECOND, Block, Floats, Grid, spectrum
from streamtags.stages.measure.loudness import integrated, k_power, max_momentary, silence_share
from streamtags.stages.measure.rhythm import Flux, onset_count, tempo
from streamtags.stages.measure.speech import SpeechDetector, speech_band

__all__ = ["SoundMeter"]

_KEPT: Final = 36_000  # blocks, one hour: about 15 MB
_BATCH: Final = 20  # blocks measured at a time; a call into NumPy costs as much for one
_BLOCK_SAMPLES: Final = BLOCK * SAMPLE_RATE // RATE
_SPEECH: Final = 0.5  # probability; the threshold of Silero VAD's own get_speech_timestamps
_FLOOR_DBFS: Final = -60.0  # of a waveform: what is quieter is drawn as silence
_QUIETEST: Final = 1e-6  # -120 dBFS; below is digital silence


class SoundMeter:
    """Measures sound segment by segment, in one pass and bounded memory.

    Keeps the features of the last hour of sound that was not measured yet; older ones are dropped, so a longer range is measured on its
    last hour.

    Args:
        keeps_samples: also keep the sound itself, for `samples`.
    """

    def __init__(self, *, keeps_samples: bool = False) -> None:
        self._keeps_samples = keeps_samples
        self._kept: deque[tuple[int, Samples]] = deque(maxlen=_KEPT)  # blocks at 16 kHz
        self._grid = Grid()
        self._waiting: Batch[Block] = Batch(_BATCH)
        self._features: deque[tuple[int, Floats]] = deque(maxlen=_KEPT)
        self._flux = Flux()
        self._speech: SpeechDetector | None = None  # created with the first sound, because it loads a model
        self._heard_until = -inf

    @property
    def heard_until(self) -> float:
        """Time up to which sound can be measured, in seconds; rises in steps of 100 ms; -inf before any."""
        return self._heard_until

    def push(self, sound: Sound) -> None:
        """Take a piece of sound, float32 [1 or 2, n] at 48 kHz; see `blocks.Grid` for gaps and overlaps.

        Raises:
            ValueError: another rate or shape.
        """
        for block in self._grid.push(sound):
            self._heard_until = (block.index + 1) * BLOCK / RATE
            self._measure_blocks(self._waiting.add(block))

    def measure(self, start: float, end: float) -> dict[str, EvidenceValue]:
        """Return the evidence of [start, end) seconds, on ticks of 10 ms; empty if there is no sound.

        `start` must not lie before that of an earlier call: features before it are dropped.
        """
        ticks = self._ticks(start, end)
        if not len(ticks):
            return {}
        power, peak, flux, weighted, amplitude, speech = ticks.T
        bpm, confidence = tempo(flux)
        center, total = float(weighted.sum(dtype=np.float64)), float(amplitude.sum(dtype=np.float64))
        return {
            "loudness_lufs": _rounded(integrated(power), 2),
            "loudness_max_momentary_lufs": _rounded(max_momentary(power), 2),
            "peak_dbfs": _rounded(20.0 * log10(peak.max()), 2) if peak.max() > _QUIETEST else None,
            "silence_share": round(silence_share(power), 4),
            "speech_share": round(float((speech > _SPEECH).mean()), 4),
            "onsets_per_second": round(onset_count(flux) * TICKS_PER_SECOND / len(flux), 3),
            "tempo_bpm": bpm,
            "tempo_confidence": round(confidence, 3),
            "spectral_centroid_hz": round(center / total, 1) if total > _QUIETEST * len(flux) else None,
        }

    def power_and_flux(self, start: float, end: float) -> tuple[Floats, Floats]:
        """Return K-weighted mean square and spectral flux of [start, end) seconds, float32 [ticks] each, one for each 10 ms.

        `start` must not lie before that of an earlier call: features before it are dropped.
        """
        ticks = self._ticks(start, end)
        return ticks[:, 0], ticks[:, 2]

    def _ticks(self, start: float, end: float) -> Floats:
        """Return the features of [start, end) seconds, float32 [ticks, 6]; drop those before."""
        self._measure_blocks(self._waiting.take())
        first, last = (floor(seconds * TICKS_PER_SECOND + 1e-6) for seconds in (start, end))
        while self._features and (self._features[0][0] + 1) * TICKS <= first:
            self._features.popleft()
        parts = [part[max(0, first - i * TICKS) : max(0, last - i * TICKS)] for i, part in self._features if i * TICKS < last]
        return np.concatenate(parts) if parts else np.empty((0, 6), np.float32)

    def peaks(self, start: float, end: float) -> bytes:
        """Return the loudest samples of [start, end) seconds as `Waveform.peaks`, one byte for each 0.1 s; b"" if there is no sound.

        Call it after `measure` of the same range: features before an earlier `measure` are dropped.
        """
        first, last = (floor(seconds * TICKS_PER_SECOND + 1e-6) for seconds in (start, end))
        levels = np.zeros(-(-max(0, last - first) // TICKS) * TICKS, dtype=np.float32)
        has_sound = False
        for index, part in self._features:
            at = index * TICKS - first
            low, high = max(0, at), min(last - first, at + TICKS)
            if low < high:
                levels[low:high] = part[low - at : high - at, 1]
                has_sound = True
        if not has_sound:
            return b""
        decibels = 20.0 * np.log10(np.maximum(levels.reshape(-1, TICKS).max(axis=1), _QUIETEST))
        return bytes(np.clip(np.rint(255.0 * (1.0 - decibels / _FLOOR_DBFS)), 0, 255).astype(np.uint8))

    def _measure_blocks(self, blocks: list[Block]) -> None:
        """Turn each block into float32 [TICKS, 6]: K-weighted power, peak, flux, amplitude x Hz, amplitude, speech probability."""
        if not blocks:
            return
        speech = self._speech = self._speech or SpeechDetector()
        spans = np.stack([block.span for block in blocks])
        spectra, rows = spectrum(spans), np.empty((len(blocks), TICKS, 6), dtype=np.float32)
        rows[..., 0] = k_power(spectra)
        rows[..., 1] = np.abs(spans[..., PAST:]).reshape(len(blocks), -1, TICKS, TICK).max(axis=(1, 3))
        rows[..., 2], rows[..., 3], rows[..., 4] = self._flux.push(blocks)
        for block, row, band in zip(blocks, rows, speech_band(spectra), strict=True):
            row[:, 5] = speech.push(band, follows=block.follows)
            self._features.append((block.index, row))
            if self._keeps_samples:
                self._kept.append((block.index, (np.clip(band, -1.0, 1.0) * 32767).astype(np.int16)))

    def samples(self, start: float, end: float) -> Samples:
        """Return the sound of [start, end) seconds, mono at 16 kHz, below 7.3 kHz; silence where there is none.

        Needs `keeps_samples`. The sound is 2 ms late: the delay of the low-pass filter.

        `start` must not lie before that of an earlier call: sound before it is dropped.
        """
        first, last = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        samples = np.zeros(last - first, np.int16)
        while self._kept and (self._kept[0][0] + 1) * _BLOCK_SAMPLES <= first:
            self._kept.popleft()
        for index, part in self._kept:
            at = index * _BLOCK_SAMPLES - first
            if at >= len(samples):
                break
            samples[max(at, 0) : at + len(part)] = part[max(-at, 0) : max(len(samples) - at, 0)]
        return samples


def _rounded(value: float | None, places: int) -> float | None:
    return None if value is None else round(value, places)
