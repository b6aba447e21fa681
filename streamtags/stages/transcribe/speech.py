"""Where there is speech in a stretch of sound, and the sound without the rest. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamtags.core.sound import SAMPLE_RATE
from streamtags.stages.hear.listener import FRAME, SINGING, SPEECH
from streamtags.stages.hear.shares import Flags
from streamtags.stages.transcribe.transcriber import Spoken, SpokenWord

__all__ = ["only_speech", "spans", "voiced"]

_PADDING_FRAMES = 15  # soft beginnings and ends of words; models place the first word where the sound begins, so not more
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


def voiced(lines: Sequence[Spoken], speech: list[tuple[int, int]], offset: float) -> list[Spoken]:
    """Return `lines` with the words that begin or end in silence moved to the speech: models stretch a word over the pause before it.

    Args:
        lines: in seconds from `offset`.
        speech: spans of frames.
        offset: seconds at which the lines begin, on the clock of `speech`.
    """
    seconds = [(first * FRAME / SAMPLE_RATE - offset, last * FRAME / SAMPLE_RATE - offset) for first, last in speech]
    return [replace(line, words=tuple(_moved(word, seconds) for word in line.words)) for line in lines]


def _moved(word: SpokenWord, speech: list[tuple[float, float]]) -> SpokenWord:
    """Return `word` within the span that it shares most time with; unchanged if there is none."""
    shared = [(min(word.end, last) - max(word.start, first), first, last) for first, last in speech]
    most, first, last = max(shared, default=(0.0, 0.0, 0.0))
    return word if most <= 0 else replace(word, start=max(word.start, first), end=min(word.end, last))
