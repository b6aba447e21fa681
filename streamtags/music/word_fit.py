"""How the words of tracks fit a scene, how faces look in it, and a guide: by meaning and by words, each in standard deviations.

What each of them adds is a sum of parts, so all tracks are compared with their sum, and the parts are computed for few tracks only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamtags.music.index import TrackIndex

__all__ = ["MIN_MEANING", "Field", "WordFit", "deviations"]

MIN_MEANING, _MIN_MATCH = 0.05, 0.5  # deviations of cosine and BM25 below which differences mean little

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Field:
    """Words that tracks are compared with.

    Attributes:
        name: of the part of the score.
        text: compared by meaning.
        terms: compared by words, with their weights.
        weight: of the field in meaning.
    """

    name: str
    text: str
    terms: Mapping[str, float]
    weight: float


def deviations(values: Floats, least: float) -> tuple[Floats, float]:
    """Return values less their mean, in standard deviations, and the deviation; one below `least` is not blown up, it means nothing."""
    deviation = max(float(values.std()), least)
    return ((values - values.mean()) / np.float32(deviation)).astype(np.float32), deviation


class WordFit:
    """The fit of the words of all tracks.

    Args:
        index: the library.
        fields: what the tracks are compared with.
        vectors: the embeddings of the fields, float32 [fields, dimensions], rows of length 1 or 0.
    """

    def __init__(self, index: TrackIndex, fields: Sequence[Field], vectors: Floats) -> None:
        weighted = vectors * np.array([field.weight for field in fields], np.float32)[:, None]
        if norm := float(np.linalg.norm(weighted.sum(axis=0))):
            weighted /= np.float32(norm)
        self._index, self._fields, self._vectors = index, fields, weighted
        self._matches = [index.matches(field.terms) if field.terms else None for field in fields]
        self._means = [float(each.mean()) if each is not None and len(each) else 0.0 for each in self._matches]
        self._scales = (1.0, 1.0, 1.0)  # deviations of meaning and words, and of their sum

    @property
    def query(self) -> Floats:
        """The vector that tracks are compared with, of length 1 or 0."""
        total: Floats = self._vectors.sum(axis=0)
        return total

    def total(self, cosines: Floats) -> Floats:
        """Return the fit of all fields together, float32 [tracks].

        Args:
            cosines: of `query` and each track.
        """
        matches = sum((each for each in self._matches if each is not None), np.zeros(len(self._index), np.float32))
        meaning, meaning_deviation = deviations(cosines, MIN_MEANING)
        words, words_deviation = deviations(matches, _MIN_MATCH)
        meaning += words
        spread = max(float(meaning.std()), 1.0)
        self._scales = meaning_deviation, words_deviation, spread
        meaning /= np.float32(spread)
        return meaning

    def parts(self, place: int) -> dict[str, float]:
        """Return what each field adds to the total of a track, once `total` was called; those that say nothing are left out."""
        meaning_deviation, words_deviation, spread = self._scales
        offset = np.asarray(self._index.vectors[place], np.float32) - self._index.center
        parts = {}
        for field, vector, matches, mean in zip(self._fields, self._vectors, self._matches, self._means, strict=True):
            by_words = (float(matches[place]) - mean) / words_deviation if matches is not None else 0.0
            if vector.any() or matches is not None:
                parts[field.name] = (float(offset @ vector) / meaning_deviation + by_words) / spread
        return parts
