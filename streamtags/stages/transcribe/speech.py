"""Where there is speech in a stretch of sound, and the sound without the rest. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamtags.stages.hear.listener import FRAME, SINGING, SPEECH
from streamtags.stages.hear.shares import Flags

__all__ = ["only_speech", "spans"]

_PADDING_FRAMES = 30  # soft beginnings and ends of words
_SHORTEST_FRAMES = 25  # a quarter of a second

Floats = NDArray[np.float32]


def spans(flags: Flags) -> list[tuple[int, int]]:
    """Return the spans of frames with speech or singing, padded and joined where they touch; spans too short for a word are left out."""
    voiced = flags[:, SPEECH] | flags[:, SINGING]
    edges = np.flatnonzero(np.diff(np.concatenate(([0], voiced.astype(np.int8), [0]))))
    joined: list[tuple[int, int]] = []
    for first, last in edges.reshape(-1, 2).tolist():
        if last - first < _SHORTEST_FRAMES:
            continue
        first, last = max(0, first - _PADDING_FRAMES), min(len(voiced), last + _PADDING_FRAMES)
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def only_speech(samples: Floats, speech: list[tuple[int, int]]) -> tuple[Floats, float]:
    """Return the sound from the first to the last span with silence between them, and the seconds at which it begins in `samples`.

    Models write text over music and noise where nothing was spoken; silence between the spans keeps every time as it was.
    """
    first, last = speech[0][0] * FRAME, min(speech[-1][1] * FRAME, len(samples))
    kept = np.zeros(last - first, np.float32)
    for begin, end in speech:
        kept[begin * FRAME - first : end * FRAME - first] = samples[begin * FRAME : end * FRAME]
    return kept, first / (FRAME * 100)
