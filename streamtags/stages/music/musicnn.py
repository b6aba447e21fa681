"""The music tagger musicnn in numpy.

J. Pons, X. Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging", 2019 (https://github.com/jordipons/musicnn,
ISC). The weights are the checkpoints of the PyPI package `musicnn` 0.1.0. Neither the package nor TensorFlow is imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from streamtags.core.errors import ConfigError
from streamtags.stages.music.checkpoint import read_checkpoint
from streamtags.stages.music.spectrogram import FRAMES_PER_SECOND, log_mel

__all__ = ["MTT_LABELS", "WHEEL_SHA256", "MusicTagger", "Musicnn", "RankedTag", "load_musicnn"]

WHEEL_SHA256 = "f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa"
"""Of musicnn-0.1.0-py3-none-any.whl, which holds the folder `musicnn/MTT_musicnn`."""
_SHA256 = {
    ".index": "da2d7bb670b2b31e9bc441bb1bd75eca31b5b061f963cc1f9630c1aff3238f57",
    ".data-00000-of-00001": "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab",
}
PATCH_FRAMES = 187  # 3 s, as in training

# Tags of MagnaTagATune, in the order of the outputs.
MTT_LABELS = (
    "guitar",
    "classical",
    "slow",
    "techno",
    "strings",
    "drums",
    "electronic",
    "rock",
    "fast",
    "piano",
    "ambient",
    "beat",
    "violin",
    "vocal",
    "synth",
    "female",
    "indian",
    "opera",
    "male",
    "singing",
    "vocals",
    "no vocals",
    "harpsichord",
    "loud",
    "quiet",
    "flute",
    "woman",
    "male vocal",
    "no vocal",
    "pop",
    "soft",
    "sitar",
    "solo",
    "man",
    "classic",
    "choir",
    "voice",
    "new age",
    "dance",
    "male voice",
    "female vocal",
    "beats",
    "harp",
    "cello",
    "no voice",
    "weird",
    "country",
    "metal",
    "female voice",
    "choral",
)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RankedTag:
    """A tag and its score, 0..1. Scores rank the tags of one sound; they are no probabilities."""

    name: str
    score: float


class MusicTagger(Protocol):
    """Ranks what is heard in a piece of music."""

    name: str

    def rank(self, samples: Floats) -> tuple[RankedTag, ...]:
        """All tags, the best first; none for less than half a second.

        Args:
            samples: float32 mono at 16 kHz, -1..1.
        """
        ...


class Musicnn:
    """A `MusicTagger` with the 50 tags of MagnaTagATune: instruments, genres, voice, tempo. About 4 % of real time on one core.

    Args:
        weights: the arrays of the checkpoint by name.
    """

    name = "musicnn-mtt-1"

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._weights = weights

    def rank(self, samples: Floats) -> tuple[RankedTag, ...]:
        """All tags with the mean of their scores over patches of 3 s, the best first."""
        spectrogram = log_mel(samples)
        if len(spectrogram) < FRAMES_PER_SECOND / 2:
            return ()
        scores = np.mean([self.patch_scores(patch) for patch in patches(spectrogram)], axis=0)
        return tuple(RankedTag(MTT_LABELS[place], float(scores[place])) for place in np.argsort(-scores, kind="stable"))

    def patch_scores(self, patch: Floats) -> Floats:
        """Scores of the tags, float32 [50], for one patch of a spectrogram, float32 [187, 96]."""
        weights = self._weights
        x = self._normalized(patch[..., None], "")[..., 0]
        front = [self._timbre(x, "", "_1"), self._timbre(x, "_1", "_2")]
        front += [self._tempo(x, f"_{place}", f"_{place + 1}") for place in (2, 3, 4)]
        features = [np.concatenate(front, axis=1)]
        for place in (5, 6, 7):
            layer = self._normalized(self._over_time(features[-1], f"_{place}"), f"_{place + 1}")
            features.append(layer + features[-1] if place > 5 else layer)
        joined = np.concatenate(features, axis=1)
        pooled = self._normalized(np.stack([joined.max(axis=0), joined.mean(axis=0)], axis=1).ravel(), "_9")
        dense = np.maximum(pooled @ weights["dense/kernel"] + weights["dense/bias"], 0)
        logits = self._normalized(dense, "_10") @ weights["dense_1/kernel"] + weights["dense_1/bias"]
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)

    def _timbre(self, x: Floats, convolution: str, normalization: str) -> Floats:
        """Filters over 7 frames and part of the bands, the best band of each: [frames, filters]."""
        kernel, bias = self._kernel(convolution)
        height, width = kernel.shape[:2]
        padded = np.pad(x, ((height // 2, height // 2), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width))
        flat = windows.reshape(-1, height * width) @ kernel.reshape(height * width, -1)
        out = self._normalized(np.maximum(flat + bias, 0), normalization)
        return np.asarray(out.reshape(windows.shape[0], windows.shape[1], -1).max(axis=1), np.float32)

    def _tempo(self, x: Floats, convolution: str, normalization: str) -> Floats:
        """Filters over many frames of one band, the best band of each: [frames, filters]."""
        kernel, bias = self._kernel(convolution)
        length = kernel.shape[0]
        padded = np.pad(x, (((length - 1) // 2, length // 2), (0, 0)))  # as TensorFlow's "same"
        windows = np.lib.stride_tricks.sliding_window_view(padded, length, axis=0)
        out = self._normalized(np.maximum(windows @ kernel.reshape(length, -1) + bias, 0), normalization)
        return np.asarray(out.max(axis=1), np.float32)

    def _over_time(self, x: Floats, convolution: str) -> Floats:
        """Filters over 7 frames of all features: [frames, filters]."""
        kernel, bias = self._kernel(convolution)
        height = kernel.shape[0]
        padded = np.pad(x, ((height // 2, height // 2), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, height, axis=0).transpose(0, 2, 1)
        return np.asarray(np.maximum(windows.reshape(len(x), -1) @ kernel.reshape(-1, kernel.shape[-1]) + bias, 0), np.float32)

    def _kernel(self, number: str) -> tuple[Floats, Floats]:
        return self._weights[f"conv2d{number}/kernel"], self._weights[f"conv2d{number}/bias"]

    def _normalized(self, x: Floats, number: str) -> Floats:
        """Batch normalization of the last axis, with TensorFlow's default epsilon."""
        gamma, beta, mean, variance = (
            self._weights[f"batch_normalization{number}/{name}"] for name in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        scale = gamma / np.sqrt(variance + np.float32(1e-3))
        return np.asarray(x * scale + (beta - mean * scale), np.float32)


def load_musicnn(folder: Path) -> Musicnn:
    """The tagger with its weights.

    Args:
        folder: `MTT_musicnn` of the package `musicnn` 0.1.0.

    Raises:
        ConfigError: a file is missing or is not the one that is expected.
    """
    for ending, expected in _SHA256.items():
        path = folder / ending
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            hint = "the folder is musicnn/MTT_musicnn inside the wheel of the PyPI package musicnn 0.1.0"
            raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), hint=hint) from error
        if digest != expected:
            raise ConfigError("is not the file of musicnn 0.1.0: its SHA-256 differs", where=str(path), hint="fetch it again")
    return Musicnn(read_checkpoint(folder))


def patches(spectrogram: Floats) -> Sequence[Floats]:
    """Patches of 187 frames, float32 [187, bands]; a shorter spectrogram is repeated, a rest of less than a patch left out."""
    if len(spectrogram) < PATCH_FRAMES:
        return [np.resize(spectrogram, (PATCH_FRAMES, spectrogram.shape[1]))]
    return [spectrogram[start : start + PATCH_FRAMES] for start in range(0, len(spectrogram) - PATCH_FRAMES + 1, PATCH_FRAMES)]
