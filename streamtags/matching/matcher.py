"""A trained matcher, as the ranking uses it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from streamtags.core.errors import UsageError
from streamtags.core.search import TextEmbedder
from streamtags.matching.checkpoint import Checkpoint
from streamtags.matching.features import Floats, Query, batch_of, query_of, text_of_guide, track_features
from streamtags.matching.network import Network
from streamtags.music.guide import Guide
from streamtags.music.index import TrackIndex
from streamtags.music.wanted import Wanted

__all__ = ["TrainedMatcher"]

_TRACKS_AT_ONCE = 4096


class TrainedMatcher:
    """A `Matcher` of `streamtags.music.wanted`. The tracks of the last library are kept as vectors.

    Args:
        checkpoint: its parameters.
        embedder: the one that it was trained with.
        where: its file, for errors.

    Raises:
        UsageError: it was trained with another embedder.
    """

    def __init__(self, checkpoint: Checkpoint, embedder: TextEmbedder, where: str) -> None:
        if checkpoint.sizes.embedder != embedder.name:
            raise UsageError(
                f"was trained with the text embeddings {checkpoint.sizes.embedder[:60]!r}, not {embedder.name}",
                where=where,
                hint="train it again with `streamtags cues train`",
            )
        self._embedder, self._where, self._dimensions = embedder, where, checkpoint.sizes.dimensions
        self._network = Network({name: torch.from_numpy(array) for name, array in checkpoint.arrays.items()}, checkpoint.sizes)
        self._index: TrackIndex | None = None
        self._tracks: Floats = np.zeros((0, self._dimensions), np.float32)

    def fits(self, index: TrackIndex, wanted: Wanted, guide: Guide) -> NDArray[np.float32]:
        """Return the cosine of the scene with the guide's words, and each track: float32 [tracks].

        Raises:
            UsageError: the library has other vectors than those that the matcher was trained with.
        """
        if self._index is not index:
            self._tracks, self._index = self.tracks(index), index
        query = query_of(wanted, text_of_guide(guide), self._embedder)
        cosines: Floats = self._tracks @ self.queries([query])[0]
        return cosines

    def queries(self, queries: list[Query]) -> Floats:
        """Return the vectors of queries, float32 [queries, dimensions]."""
        with torch.no_grad():
            return self._array(self._network.queries(batch_of(queries)))

    def tracks(self, index: TrackIndex) -> Floats:
        """Return the vectors of the tracks of a library, float32 [tracks, dimensions]."""
        if len(index) and index.vectors.shape[1] != self._dimensions:
            hint = "train it again with `streamtags cues train`"
            raise UsageError(f"is for vectors of {self._dimensions} numbers, not {index.vectors.shape[1]}", where=self._where, hint=hint)
        features = torch.from_numpy(track_features(index))
        with torch.no_grad():
            parts = [self._array(self._network.tracks(part)) for part in features.split(_TRACKS_AT_ONCE)]
        return np.concatenate(parts)

    @staticmethod
    def _array(values: Tensor) -> Floats:
        array: Floats = values.numpy()
        return array
