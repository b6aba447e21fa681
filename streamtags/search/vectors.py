"""Nearest documents by meaning: all are compared where there are few; where there are many, their signs are compared first.

The signs of a vector are one bit for each dimension. They are in a file beside the index, 40 bytes a document: a query counts the bits
in which each document differs from it and compares the nearest by their vectors. The file holds the documents up to a number; later ones
are compared one by one until `extend` adds them. A number never changes its meaning, so the file can be stale but never wrong.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamtags.core.files import replacing
from streamtags.core.search import SearchIndex

__all__ = ["SCALE", "NearestDocuments", "quantized"]

SCALE = 508.0
"""127 x 4: a component of a unit vector of 256 dimensions is rarely above 1/4, and the range of int8 is used well."""
# Up to so many documents are compared by their vectors alone, and so many may be missing in the file.
_EXACT = 2_000
# Documents near by their signs whose vectors are compared, for each query.
_CANDIDATES = 600
_BLOCK = 1 << 16
_WORD = 64


def quantized(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return unit vectors, float32 [n, d], as int8 [n, d]: times `SCALE`, rounded and cut to -127..127."""
    scaled: NDArray[np.float32] = np.clip(np.rint(vectors * SCALE), -127, 127)
    return scaled.astype(np.int8)


class _Signs(NamedTuple):
    """Documents in order of their numbers, int64 [n], and their signs, uint64 [d / 64, n]; those without a direction are left out."""

    numbers: NDArray[np.int64]
    words: NDArray[np.uint64]

    @property
    def last(self) -> int:
        return int(self.numbers[-1]) if len(self.numbers) else 0

    def nearest(self, vector: NDArray[np.int8], limit: int, among: Sequence[int] | None = None) -> list[int]:
        """Return numbers of documents with the fewest signs unlike those of `vector`, about `limit` if there are so many.

        Args:
            vector: int8 [d].
            limit: documents that are as near as the last one are returned too, up to a quarter more.
            among: only these documents; None for all.
        """
        numbers, words = self
        if among is not None:
            some = np.sort(np.asarray(among, np.int64))
            places = np.minimum(np.searchsorted(numbers, some), max(0, len(numbers) - 1))
            places = places[numbers[places] == some] if len(numbers) else places[:0]
            numbers, words = numbers[places], words[:, places]
        own = _packed(vector[None])
        unlike = np.empty(len(numbers), np.uint16)
        for first in range(0, len(numbers), _BLOCK):
            block = slice(first, first + _BLOCK)
            unlike[block] = sum(np.bitwise_count(row[block] ^ word) for row, (word,) in zip(words, own, strict=True))
        enough = int(np.searchsorted(np.cumsum(np.bincount(unlike)), limit))
        near = np.flatnonzero(unlike <= enough)
        order = np.argsort(unlike[near], kind="stable")[: limit + limit // 4]
        return [int(number) for number in numbers[near[order]]]


class NearestDocuments:
    """Finds the documents of an index that are nearest in meaning; safe to use from several threads.

    Args:
        index: holds the vectors.
        path: the file of the signs, ending in `.npy`; made when the index has more than `exact` documents.
        exact: the number of documents up to which all are compared.
    """

    def __init__(self, index: SearchIndex, path: Path, *, exact: int = _EXACT) -> None:
        self._index = index
        self._path = path
        self._exact = exact
        self._lock = threading.Lock()
        self._signs: _Signs | None = None
        self._stamp: tuple[int, int] | None = None  # of the file when it was read

    def nearest(self, vector: NDArray[np.int8], limit: int, numbers: Sequence[int] | None = None) -> list[int]:
        """Return up to `limit` document numbers, the nearest first; all zeros are near to nothing.

        Args:
            vector: int8 [d].
            limit: the most numbers to return.
            numbers: only these documents; None for all.
        """
        if not vector.any():
            return []
        if numbers is None or len(numbers) > _CANDIDATES:
            numbers = self._near(vector, max(limit, _CANDIDATES), numbers)
        return _compared(*self._index.vectors(numbers), vector)[:limit]

    def nearest_of(
        self, vector: NDArray[np.int8], limit: int, candidates: int, passing: Callable[[Sequence[int]], Sequence[int]]
    ) -> list[int]:
        """Return up to `limit` of the nearest `candidates` documents that pass a filter, the nearest first.

        Args:
            vector: int8 [d].
            limit: the most numbers to return.
            candidates: how many documents the filter gets, about.
            passing: returns those of some document numbers that pass.
        """
        if not vector.any():
            return []
        near = self._near(vector, candidates)
        return self.nearest(vector, limit, passing(self._index.numbers_after(0) if near is None else near))

    def extend(self) -> bool:
        """Add the signs of the documents that the file lacks, if they are many; return whether it changed."""
        with self._lock:
            signs = self._opened() or _Signs(np.empty(0, np.int64), np.empty((0, 0), np.uint64))
            pending = self._index.count(after=signs.last)
            if pending <= self._exact:
                return False
            count = self._index.count()
            is_stale = len(signs.numbers) - (count - pending) > count // 2
            parts = [] if is_stale or not len(signs.numbers) else [_table(signs.numbers, signs.words)]
            missing = self._index.numbers_after(0 if is_stale else signs.last)
            for first in range(0, len(missing), _BLOCK):
                numbers, vectors = self._index.vectors(missing[first : first + _BLOCK])
                known = vectors.any(axis=1)
                parts.append(_table(numbers[known], _packed(vectors[known])))
            with replacing(self._path) as partial:
                np.save(partial, np.concatenate(parts, axis=1))
            return True

    def _near(self, vector: NDArray[np.int8], limit: int, among: Sequence[int] | None = None) -> Sequence[int] | None:
        """About `limit` documents near by their signs, and all that the file lacks; `among` itself if there is no file."""
        with self._lock:
            signs = self._opened()
        if signs is None:
            return among
        last = signs.last
        late = self._index.numbers_after(last) if among is None else [number for number in among if number > last]
        return [*signs.nearest(vector, limit, among), *late]

    def _opened(self) -> _Signs | None:
        """The file as it is on disk; None if there is none, or none of this version."""
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                table = np.load(self._path)
                self._signs = _Signs(table[0].view(np.int64), table[1:]) if table.ndim == 2 and table.dtype == np.uint64 else None
                self._stamp = stamp
        except (FileNotFoundError, ValueError, EOFError):  # missing or damaged: `extend` writes it again
            self._signs, self._stamp = None, None
        return self._signs


def _table(numbers: NDArray[np.int64], words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return np.concatenate([numbers.view(np.uint64)[None], words])


def _packed(vectors: NDArray[np.int8]) -> NDArray[np.uint64]:
    """Signs of int8 [n, d] as uint64 [d / 64, n]; d is filled up with zeros."""
    signs = np.pad(vectors > 0, ((0, 0), (0, -vectors.shape[1] % _WORD)))
    return np.ascontiguousarray(np.packbits(signs, axis=1).view(np.uint64).T)


def _distances(vectors: NDArray[np.int8], vector: NDArray[np.int8]) -> NDArray[np.float32]:
    """Cosine distances float32 [n]; 2 for a vector of zeros."""
    if not len(vectors):
        return np.empty(0, np.float32)
    rows = vectors.astype(np.float32)
    one = vector.astype(np.float32)
    lengths = np.sqrt(np.vecdot(rows, rows)) * np.sqrt(np.vecdot(one, one))
    cosines: NDArray[np.float32] = np.divide(rows @ one, lengths, out=np.full(len(rows), -1.0, np.float32), where=lengths > 0)
    distances: NDArray[np.float32] = np.float32(1) - cosines
    return distances


def _compared(numbers: NDArray[np.int64], vectors: NDArray[np.int8], vector: NDArray[np.int8]) -> list[int]:
    distances = _distances(vectors, vector)
    order = np.lexsort((numbers, distances))
    return [int(numbers[place]) for place in order if distances[place] < 2]
