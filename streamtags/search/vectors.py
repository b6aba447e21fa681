"""Nearest documents by meaning: exact for small indexes, a graph of the library voyager for large ones.

The graph is a file beside the index. It holds the documents up to a number; later ones are compared one by one until `extend` adds
them. A number never changes its meaning, so a graph can be stale but never wrong: callers drop numbers that no longer exist.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from streamtags.core.files import replacing
from streamtags.core.search import SearchIndex

if TYPE_CHECKING:
    from voyager import Index

__all__ = ["EXACT_DOCUMENTS", "SCALE", "NearestDocuments", "quantized"]

SCALE = 508.0
"""127 x 4: a component of a unit vector of 256 dimensions is rarely above 1/4, and the range of int8 is used well."""
EXACT_DOCUMENTS = 20_000
"""Up to so many documents are compared one by one; that takes about 10 ms and needs no graph."""
_PENDING_SHARE = 0.05
# Parameters of the graph: Y. Malkov, D. Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical
# navigable small world graphs", 2016.
_LINKS = 16
_BUILD_CANDIDATES = 100
_QUERY_CANDIDATES = 256


def quantized(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return unit vectors, float32 [n, d], as int8 [n, d]: times `SCALE`, rounded and cut to -127..127."""
    scaled: NDArray[np.float32] = np.clip(np.rint(vectors * SCALE), -127, 127)
    return scaled.astype(np.int8)


class NearestDocuments:
    """Finds the documents of an index that are nearest in meaning; safe to use from several threads.

    Args:
        index: holds the vectors.
        path: the file of the graph; made when the index has more than `exact` documents.
        exact: the number of documents up to which all are compared.
    """

    def __init__(self, index: SearchIndex, path: Path, *, exact: int = EXACT_DOCUMENTS) -> None:
        self._index = index
        self._path = path
        self._exact = exact
        self._lock = threading.Lock()
        self._graph: Index | None = None
        self._stamp: tuple[int, int] | None = None  # of the graph's file when it was opened

    def nearest(self, vector: NDArray[np.int8], limit: int, numbers: list[int] | None = None) -> list[int]:
        """Return up to `limit` document numbers, the nearest first; all zeros are near to nothing.

        Args:
            vector: int8 [d].
            limit: the most numbers to return.
            numbers: only these documents; None for all.
        """
        if not vector.any():
            return []
        with self._lock:
            graph = None if numbers is not None else self._opened()
            if graph is None:
                return _compared(*self._index.vectors(numbers), vector)[:limit]
            candidates = min(limit, len(graph))
            numbers_known, distances = graph.query(vector.astype(np.float32), candidates, query_ef=max(candidates, _QUERY_CANDIDATES))
            known = dict(zip(map(int, numbers_known), map(float, distances), strict=True))
            pending = self._index.numbers_after(_last_number(graph))
            late, vectors = self._index.vectors(pending)
            known.update(zip(map(int, late), map(float, _distances(vectors, vector)), strict=True))
        return [number for number, _ in sorted(known.items(), key=lambda pair: (pair[1], pair[0]))[:limit]]

    def extend(self) -> bool:
        """Add pending documents to the graph if there are many; return whether the graph changed. May take minutes for a large index."""
        with self._lock:
            count = self._index.count()
            graph = self._opened()
            pending = self._index.numbers_after(0 if graph is None else _last_number(graph))
            if count <= self._exact or len(pending) <= _PENDING_SHARE * count:
                return False
            stale = graph is None or len(graph) - (count - len(pending)) > count // 2
            numbers, vectors = self._index.vectors(None if stale else pending)
            grown = _empty(vectors.shape[1]) if stale or graph is None else graph
            _add(grown, numbers, vectors)
            with replacing(self._path) as partial:
                grown.save(str(partial))
            self._graph, self._stamp = None, None
            return True

    def _opened(self) -> Index | None:
        """The graph as it is on disk; None if there is none."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._graph, self._stamp = None, None
            return None
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp or self._graph is None:
            self._graph, self._stamp = _loaded(self._path), stamp
        return self._graph


def _empty(dimensions: int) -> Index:
    from voyager import Index, Space, StorageDataType

    return Index(
        Space.Cosine, num_dimensions=dimensions, M=_LINKS, ef_construction=_BUILD_CANDIDATES, storage_data_type=StorageDataType.E4M3
    )


def _loaded(path: Path) -> Index:
    from voyager import Index

    return Index.load(str(path))


def _add(graph: Index, numbers: NDArray[np.int64], vectors: NDArray[np.int8]) -> None:
    """Add documents; those whose text has no known word have no direction and are left out."""
    known = vectors.any(axis=1)
    graph.add_items(vectors[known].astype(np.float32), numbers[known], num_threads=os.cpu_count() or 1)


def _last_number(graph: Index) -> int:
    return max(graph.ids, default=0)


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
