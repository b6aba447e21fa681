"""Sound as servers take it: a WAV file."""

from __future__ import annotations

import io
import wave

import numpy as np
from numpy.typing import NDArray

from streamtags.core.sound import SAMPLE_RATE

__all__ = ["wav_of"]


def wav_of(samples: NDArray[np.float32]) -> bytes:
    """Return mono sound at 16 kHz as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()
