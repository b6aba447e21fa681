"""The music tagger musicnn in numpy.

J. Pons, X. Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging", 2019 (https://github.com/jordipons/musicnn,
ISC). The weights are the checkpoints of the PyPI package `musicnn` 0.1.0. Neither the package nor TensorFlow is imported.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamtags.core.errors import ConfigError
from streamtags.stages.music.checkpoint import read_checkpoint
from streamtags.stages.music.labels import MSD_LABELS, MTT_LABELS
from streamtags.stages.music.spectrogram import FRAMES_PER_SECOND, log_mel
from streamtags.stages.music.tagger import RankedTag, energy, merged

__all__ = ["NETWORKS", "WEIGHT_FILES", "Musicnn", "MusicnnTagger", "load_musicnn", "load_tagger", "patches"]

NETWORKS: Final[Mapping[str, tuple[str, ...]]] = {"MTT_musicnn": MTT_LABELS, "MSD_musicnn": MSD_LABELS}
"""The folders of the two networks, with what their outputs mean: trained on MagnaTagATune and on the Million Song Dataset."""
WEIGHT_FILES: Final[Mapping[str, tuple[int, str]]] = {
    "MTT_musicnn/.index": (4_948, "da2d7bb670b2b31e9bc441bb1bd75eca31b5b061f963cc1f9630c1aff3238f57"),
    "MTT_musicnn/.data-00000-of-00001": (9_465_596, "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab"),
    "MSD_musicnn/.index": (4_948, "87f3e0f3550c8d3bafc840374003e5c8af5eeb5ecf6add61af09a7822d3282c8"),
    "MSD_musicnn/.data-00000-of-00001": (9_465_596, "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6"),
}
"""Size and SHA-256 of the files."""
PATCH_FRAMES = 187  # 3 s, as in training
MAX_PATCHES = 4  # of one sound: a longer one is heard in as many places

Floats = NDArray[np.float32]


class MusicnnTagger:
    """A `MusicTagger` of both networks: 50 tags of MagnaTagATune (instruments, voice) and 50 of listeners of last.fm (genres, moods).

    Args:
        networks: each with the names of its outputs.
    """

    model = "musicnn/mtt+msd"

    def __init__(self, networks: Sequence[tuple[Musicnn, tuple[str, ...]]]) -> None:
        self._networks = networks

    async def rank(self, samples: Floats) -> tuple[RankedTag, ...]:
        """Return all tags with the mean of their scores over patches of 3 s, the best first; none for less than half a second."""
        return await asyncio.to_thread(self._rank, samples)

    def _rank(self, samples: Floats) -> tuple[RankedTag, ...]:
        spectrogram = log_mel(samples)
        if len(spectrogram) < FRAMES_PER_SECOND / 2:
            return ()
        chosen = _spread(patches(spectrogram), MAX_PATCHES)
        scores = [
            dict(zip(labels, np.mean([network.patch_scores(patch) for patch in chosen], axis=0).tolist(), strict=True))
            for network, labels in self._networks
        ]
        ranked = merged(pair for each in scores for pair in each.items())
        level = next(
            (tag for each, (_, labels) in zip(scores, self._networks, strict=True) if labels is MTT_LABELS and (tag := energy(each))), None
        )
        return ranked if level is None else tuple(sorted((*ranked, level), key=lambda tag: -tag.score))

    async def close(self) -> None:
        """Nothing to release."""


class Musicnn:
    """One network: patches of a spectrogram in, scores of 50 tags out.

    Args:
        weights: the arrays of the checkpoint by name.
    """

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._weights = weights

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


def load_tagger(folder: Path) -> MusicnnTagger:
    """Return the tagger with the weights in `folder`, which has the folders `MTT_musicnn` and `MSD_musicnn`.

    Raises:
        ConfigError: a file is missing or is not the expected one.
    """
    return MusicnnTagger([(load_musicnn(folder, network), labels) for network, labels in NETWORKS.items()])


def load_musicnn(folder: Path, network: str) -> Musicnn:
    """Return one network with its weights.

    Args:
        folder: the folder `musicnn` of the wheel `musicnn` 0.1.0.
        network: a name of `NETWORKS`.

    Raises:
        ConfigError: a file is missing or is not the expected one.
    """
    for name, (_, expected) in WEIGHT_FILES.items():
        if not name.startswith(network):
            continue
        path = folder / name
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            hint = "fetch it with `streamtags model pull music-tagger`"
            raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), hint=hint) from error
        if digest != expected:
            raise ConfigError("is not the file of musicnn 0.1.0: its SHA-256 differs", where=str(path), hint="fetch it again")
    return Musicnn(read_checkpoint(folder / network))


def patches(spectrogram: Floats) -> Sequence[Floats]:
    """Return patches of 187 frames, float32 [187, bands]; a shorter spectrogram is repeated, a rest of less than a patch left out."""
    if len(spectrogram) < PATCH_FRAMES:
        return [np.resize(spectrogram, (PATCH_FRAMES, spectrogram.shape[1]))]
    return [spectrogram[start : start + PATCH_FRAMES] for start in range(0, len(spectrogram) - PATCH_FRAMES + 1, PATCH_FRAMES)]


def _spread(items: Sequence[Floats], most: int) -> Sequence[Floats]:
    """Return at most `most` of the items, evenly spread."""
    return items if len(items) <= most else [items[place * len(items) // most] for place in range(most)]
